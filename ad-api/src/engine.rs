//! The primitives: what an adapter implements.
//!
//! For `f: ℝⁿ → ℝᵐ` with Jacobian `J` (`m × n`) at a primal `x`, there are three:
//!
//! | primitive | result | cost where it is derived |
//! |---|---|---|
//! | [`Pushforward`] | `J v` for `k` tangents | `m` cotangents, or one Jacobian |
//! | [`Pullback`] | `Jᵀ w` for `k` cotangents | `n` tangents, or one Jacobian |
//! | [`Jacobian`] | `J` | `n` tangents or `m` cotangents |
//!
//! An engine implements one of them; [`primitive!`](crate::primitive!) derives the others.

use std::fmt::Debug;

use crate::{Accuracy, AdError, Capability, Evaluations, Function, Result, Scalar, Shape, scratch};

/// An automatic differentiation engine: who it is, and how good.
pub trait Engine: Clone + Debug + Send + Sync + 'static {
    /// The name in configurations and messages, as `"dual"`.
    fn name(&self) -> String;

    /// The accuracy of first derivatives. Default: exact.
    fn accuracy(&self) -> Accuracy {
        Accuracy::Exact
    }

    /// How many tangents (or cotangents) one evaluation carries for a function of this shape.
    ///
    /// Sets the cost of the derived primitives, which pass that many at a time. Default 1.
    fn lanes(&self, shape: Shape) -> usize {
        let _ = shape;
        1
    }

    /// The cost of `seeds` tangents or cotangents at [`lanes`](Self::lanes) per evaluation.
    fn sweeps(&self, shape: Shape, seeds: usize) -> Evaluations {
        Evaluations::Exactly(seeds.div_ceil(self.lanes(shape)).max(1))
    }

    /// The engine as it runs on the numbers of another engine rather than on `f64`.
    ///
    /// It differs from `self` at most in [`lanes`](Self::lanes): every width is one more compilation
    /// of the function for each type it meets, so an engine may have fewer of them there. This is
    /// how the cost of a second derivative is predicted exactly. Default: `self`.
    #[must_use]
    fn nested(&self) -> Self {
        self.clone()
    }

    /// Whether functions are evaluated in numbers of the engine's own, so that an engine inside runs
    /// [nested](Self::nested); `false` for finite differences, which evaluate them in the numbers
    /// that they are called with. Default: `true`.
    fn lifts(&self) -> bool {
        true
    }
}

/// Forward mode: Jacobian-vector products.
pub trait Pushforward: Engine {
    /// Writes `f(x)` into `y` and `J(x) v` for each tangent `v` into `y_dot`.
    ///
    /// # Shapes
    ///
    /// `x: n`, `y: m`; `x_dot: k·n` and `y_dot: k·m` hold `k ≥ 1` tangents one after another. `n`
    /// and `m` are at least 1: [`check_pushforward`] settles the other cases.
    ///
    /// # Laws
    ///
    /// Linear in the tangent, `P(a·u + v) = a·P(u) + P(v)`, and adjoint to the pullback,
    /// `⟨w, J v⟩ = ⟨Jᵀ w, v⟩`. The conformance suite checks both.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`], the function's own failure, and what the engine adds.
    ///
    /// # References
    ///
    /// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 3.1.
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()>;

    /// The cost of `tangents` tangents at once.
    fn pushforward_capability(&self, shape: Shape, tangents: usize) -> Capability {
        Capability::Native { evaluations: self.sweeps(shape, tangents) }
    }
}

/// Reverse mode: vector-Jacobian products.
pub trait Pullback: Engine {
    /// Writes `f(x)` into `y` and `J(x)ᵀ w` for each cotangent `w` into `x_bar`.
    ///
    /// # Shapes
    ///
    /// `x: n`, `y: m`; `y_bar: k·m` and `x_bar: k·n` hold `k ≥ 1` cotangents one after another. `n`
    /// and `m` are at least 1: [`check_pullback`] settles the other cases.
    ///
    /// # Laws
    ///
    /// As [`Pushforward::pushforward_sweep`].
    ///
    /// # Errors
    ///
    /// As [`Pushforward::pushforward_sweep`].
    ///
    /// # References
    ///
    /// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 3.2.
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()>;

    /// The cost of `cotangents` cotangents at once.
    fn pullback_capability(&self, shape: Shape, cotangents: usize) -> Capability {
        Capability::Native { evaluations: self.sweeps(shape, cotangents) }
    }
}

/// The whole Jacobian.
pub trait Jacobian: Engine {
    /// Writes `f(x)` into `y` and `J(x)` into `jacobian`.
    ///
    /// # Shapes
    ///
    /// `x: n`, `y: m`, `jacobian: m·n`, column by column as in nalgebra: `∂yᵢ/∂xⱼ` is entry
    /// `i + j·m`. `n` and `m` are at least 1: [`check_jacobian`] settles the other cases.
    ///
    /// # Errors
    ///
    /// As [`Pushforward::pushforward_sweep`].
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()>;

    /// The cost of one Jacobian.
    fn jacobian_capability(&self, shape: Shape) -> Capability {
        Capability::Native { evaluations: self.sweeps(shape, shape.inputs) }
    }
}

const INPUTS: &str = "the number of inputs";
const OUTPUTS: &str = "the number of outputs";
const SEEDS: &str = "one for each seed";

/// The number of seeds `k` that two buffers of `k·a` and `k·b` entries hold.
fn seeds(
    (seed_name, seed_len, a): (&'static str, usize, usize),
    (result_name, result_len, b): (&'static str, usize, usize),
) -> Result<usize> {
    let k = match (a, b) {
        (0, 0) => 1,
        (0, b) => result_len / b,
        (a, _) => seed_len / a,
    };
    AdError::check_len(seed_name, seed_len, k.max(1) * a, SEEDS)?;
    AdError::check_len(result_name, result_len, k.max(1) * b, SEEDS)?;
    Ok(k.max(1))
}

/// Checks the arguments of a pushforward and returns the number of tangents.
///
/// Functions without inputs or outputs are settled here: the value is evaluated, the derivative is
/// empty, and the result is `None`. So an adapter begins with
///
/// ```text
/// let Some(tangents) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
/// ```
///
/// # Errors
///
/// [`AdError::Shape`] for wrong lengths, and the failure of `f` where it is evaluated.
pub fn check_pushforward<S: Scalar, F: Function>(
    f: &F,
    x: &[S],
    x_dot: &[S],
    y: &mut [S],
    y_dot: &mut [S],
) -> Result<Option<usize>> {
    let Shape { inputs, outputs } = check_value(f, x, y)?;
    let k = seeds(("x_dot", x_dot.len(), inputs), ("y_dot", y_dot.len(), outputs))?;
    settle(f, x, y, y_dot, k)
}

/// Checks the arguments of a pullback and returns the number of cotangents, or `None` if nothing is
/// left to do, as [`check_pushforward`].
///
/// # Errors
///
/// As [`check_pushforward`].
pub fn check_pullback<S: Scalar, F: Function>(
    f: &F,
    x: &[S],
    y_bar: &[S],
    y: &mut [S],
    x_bar: &mut [S],
) -> Result<Option<usize>> {
    let Shape { inputs, outputs } = check_value(f, x, y)?;
    let k = seeds(("y_bar", y_bar.len(), outputs), ("x_bar", x_bar.len(), inputs))?;
    settle(f, x, y, x_bar, k)
}

/// Checks the arguments of a Jacobian and returns its shape, or `None` if nothing is left to do, as
/// [`check_pushforward`].
///
/// # Errors
///
/// As [`check_pushforward`].
pub fn check_jacobian<S: Scalar, F: Function>(
    f: &F,
    x: &[S],
    y: &mut [S],
    jacobian: &mut [S],
) -> Result<Option<Shape>> {
    let shape = check_value(f, x, y)?;
    let entries = shape.inputs * shape.outputs;
    AdError::check_len("jacobian", jacobian.len(), entries, "inputs times outputs")?;
    settle(f, x, y, jacobian, shape)
}

fn check_value<S: Scalar, F: Function>(f: &F, x: &[S], y: &[S]) -> Result<Shape> {
    AdError::check_len("x", x.len(), f.inputs(), INPUTS)?;
    AdError::check_len("y", y.len(), f.outputs(), OUTPUTS)?;
    Ok(Shape::of(f))
}

fn settle<S: Scalar, F: Function, T>(
    f: &F,
    x: &[S],
    y: &mut [S],
    derivative: &mut [S],
    todo: T,
) -> Result<Option<T>> {
    if !x.is_empty() && !y.is_empty() {
        return Ok(Some(todo));
    }
    f.eval(x, y)?;
    derivative.fill(S::zero());
    Ok(None)
}

/// The three primitives from one another, for [`primitive!`](crate::primitive!) and for engines
/// that switch between them.
pub mod derive {
    use super::{
        Capability, Engine, Function, Jacobian, Pullback, Pushforward, Result, Scalar, Shape,
        check_jacobian, check_pullback, check_pushforward, scratch,
    };

    /// Visits the unit vectors of `ℝⁿ` in blocks of at most `lanes`: `body(first, block)`, where
    /// `block` holds the seeds `e_first, e_first+1, ...` one after another.
    fn unit_blocks<S: Scalar>(
        n: usize,
        lanes: usize,
        mut body: impl FnMut(usize, &[S]) -> Result<()>,
    ) -> Result<()> {
        let lanes = lanes.clamp(1, n);
        scratch::with(lanes * n, |block: &mut [S]| {
            for first in (0..n).step_by(lanes) {
                let count = lanes.min(n - first);
                (0..count).for_each(|j| block[j * n + first + j] = S::one());
                let result = body(first, &block[..count * n]);
                (0..count).for_each(|j| block[j * n + first + j] = S::zero());
                result?;
            }
            Ok(())
        })
    }

    /// A pullback from `n` pushforwards.
    ///
    /// # Errors
    ///
    /// Those of the primitive it is derived from.
    pub fn pullback_from_pushforward<B: Pushforward, S: Scalar, F: Function>(
        backend: &B,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(k) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        let lanes = backend.lanes(Shape::of(f));
        scratch::with(lanes.clamp(1, n) * m, |columns: &mut [S]| {
            unit_blocks(n, lanes, |first, seeds| {
                let columns = &mut columns[..seeds.len() / n * m];
                backend.pushforward_sweep(f, x, seeds, y, columns)?;
                for (j, column) in columns.chunks_exact(m).enumerate() {
                    for seed in 0..k {
                        let w = &y_bar[seed * m..(seed + 1) * m];
                        x_bar[seed * n + first + j] = dot(w, column);
                    }
                }
                Ok(())
            })
        })
    }

    /// A pushforward from `m` pullbacks.
    ///
    /// # Errors
    ///
    /// Those of the primitive it is derived from.
    pub fn pushforward_from_pullback<B: Pullback, S: Scalar, F: Function>(
        backend: &B,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(k) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        let lanes = backend.lanes(Shape::of(f));
        scratch::with(lanes.clamp(1, m) * n, |rows: &mut [S]| {
            unit_blocks(m, lanes, |first, seeds| {
                let rows = &mut rows[..seeds.len() / m * n];
                backend.pullback_sweep(f, x, seeds, y, rows)?;
                for (i, row) in rows.chunks_exact(n).enumerate() {
                    for seed in 0..k {
                        let v = &x_dot[seed * n..(seed + 1) * n];
                        y_dot[seed * m + first + i] = dot(row, v);
                    }
                }
                Ok(())
            })
        })
    }

    /// A Jacobian from `n` pushforwards, column by column.
    ///
    /// # Errors
    ///
    /// Those of the primitive it is derived from.
    pub fn jacobian_from_pushforward<B: Pushforward, S: Scalar, F: Function>(
        backend: &B,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(Shape { inputs: n, outputs: m }) = check_jacobian(f, x, y, jacobian)? else {
            return Ok(());
        };
        unit_blocks(n, backend.lanes(Shape::of(f)), |first, seeds| {
            let columns = &mut jacobian[first * m..(first + seeds.len() / n) * m];
            backend.pushforward_sweep(f, x, seeds, y, columns)
        })
    }

    /// A Jacobian from `m` pullbacks, row by row.
    ///
    /// # Errors
    ///
    /// Those of the primitive it is derived from.
    pub fn jacobian_from_pullback<B: Pullback, S: Scalar, F: Function>(
        backend: &B,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(Shape { inputs: n, outputs: m }) = check_jacobian(f, x, y, jacobian)? else {
            return Ok(());
        };
        let lanes = backend.lanes(Shape::of(f));
        scratch::with(lanes.clamp(1, m) * n, |rows: &mut [S]| {
            unit_blocks(m, lanes, |first, seeds| {
                let rows = &mut rows[..seeds.len() / m * n];
                backend.pullback_sweep(f, x, seeds, y, rows)?;
                for (i, row) in rows.chunks_exact(n).enumerate() {
                    for (j, &entry) in row.iter().enumerate() {
                        jacobian[first + i + j * m] = entry;
                    }
                }
                Ok(())
            })
        })
    }

    /// A pushforward from one Jacobian.
    ///
    /// # Errors
    ///
    /// Those of the primitive it is derived from.
    pub fn pushforward_from_jacobian<B: Jacobian, S: Scalar, F: Function>(
        backend: &B,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        scratch::with(m * n, |jacobian: &mut [S]| {
            backend.jacobian_sweep(f, x, y, jacobian)?;
            for (v, out) in x_dot.chunks_exact(n).zip(y_dot.chunks_exact_mut(m)) {
                out.fill(S::zero());
                for (&v, column) in v.iter().zip(jacobian.chunks_exact(m)) {
                    out.iter_mut().zip(column).for_each(|(out, &d)| *out += d.strong_mul(v));
                }
            }
            Ok(())
        })
    }

    /// A pullback from one Jacobian.
    ///
    /// # Errors
    ///
    /// Those of the primitive it is derived from.
    pub fn pullback_from_jacobian<B: Jacobian, S: Scalar, F: Function>(
        backend: &B,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        scratch::with(m * n, |jacobian: &mut [S]| {
            backend.jacobian_sweep(f, x, y, jacobian)?;
            for (w, out) in y_bar.chunks_exact(m).zip(x_bar.chunks_exact_mut(n)) {
                out.iter_mut()
                    .zip(jacobian.chunks_exact(m))
                    .for_each(|(out, column)| *out = dot(w, column));
            }
            Ok(())
        })
    }

    /// The capability of a primitive that needs `seeds` sweeps of another.
    pub fn from_sweeps<B: Engine>(backend: &B, shape: Shape, seeds: usize) -> Capability {
        Capability::Derived { evaluations: backend.sweeps(shape, seeds) }
    }

    /// `native` as something derived from it.
    pub fn derived(native: Capability) -> Capability {
        match native.evaluations() {
            Some(evaluations) => Capability::Derived { evaluations },
            None => native,
        }
    }

    fn dot<S: Scalar>(w: &[S], column: &[S]) -> S {
        w.iter().zip(column).fold(S::zero(), |sum, (&w, &d)| sum + w.strong_mul(d))
    }
}

/// Implements the primitives that an engine does not have natively.
///
/// `primitive!(MyEngine: pushforward)` derives the pullback and the Jacobian from its
/// [`Pushforward`]; `pullback` and `jacobian` work alike. An engine that has two natively names both,
/// and only the third is derived, from the first. Generic parameters go in brackets in front, as in
/// `primitive!([T: Clone] MyEngine<T>: pullback)`.
#[macro_export]
macro_rules! primitive {
    ([$($generics:tt)*] $B:ty: pushforward) => {
        $crate::primitive!(@jacobian [$($generics)*] $B, jacobian_from_pushforward,
            |engine, shape| $crate::derive::derived(
                $crate::Pushforward::pushforward_capability(engine, shape, shape.inputs)));
        $crate::primitive!([$($generics)*] $B: pushforward, jacobian);
    };
    ([$($generics:tt)*] $B:ty: pushforward, jacobian) => {
        $crate::primitive!(@pullback [$($generics)*] $B, pullback_from_pushforward,
            |engine, shape, _seeds| $crate::derive::derived(
                $crate::Pushforward::pushforward_capability(engine, shape, shape.inputs)));
    };
    ([$($generics:tt)*] $B:ty: pullback) => {
        $crate::primitive!(@jacobian [$($generics)*] $B, jacobian_from_pullback,
            |engine, shape| $crate::derive::derived(
                $crate::Pullback::pullback_capability(engine, shape, shape.outputs)));
        $crate::primitive!([$($generics)*] $B: pullback, jacobian);
    };
    ([$($generics:tt)*] $B:ty: pullback, jacobian) => {
        $crate::primitive!(@pushforward [$($generics)*] $B, pushforward_from_pullback,
            |engine, shape, _seeds| $crate::derive::derived(
                $crate::Pullback::pullback_capability(engine, shape, shape.outputs)));
    };
    ([$($generics:tt)*] $B:ty: pushforward, pullback) => {
        $crate::primitive!(@jacobian [$($generics)*] $B, jacobian_from_pushforward,
            |engine, shape| $crate::derive::derived(
                $crate::Pushforward::pushforward_capability(engine, shape, shape.inputs)));
    };
    ([$($generics:tt)*] $B:ty: jacobian) => {
        $crate::primitive!(@pushforward [$($generics)*] $B, pushforward_from_jacobian,
            |engine, shape, _seeds| $crate::derive::derived(
                $crate::Jacobian::jacobian_capability(engine, shape)));
        $crate::primitive!(@pullback [$($generics)*] $B, pullback_from_jacobian,
            |engine, shape, _seeds| $crate::derive::derived(
                $crate::Jacobian::jacobian_capability(engine, shape)));
    };
    (@pushforward [$($generics:tt)*] $B:ty, $from:ident, |$engine:ident, $shape:ident, $seeds:ident| $cost:expr) => {
        impl<$($generics)*> $crate::Pushforward for $B {
            fn pushforward_sweep<ScalarType: $crate::Scalar, FunctionType: $crate::Function>(
                &self, f: &FunctionType, x: &[ScalarType], x_dot: &[ScalarType],
                y: &mut [ScalarType], y_dot: &mut [ScalarType],
            ) -> $crate::Result<()> {
                $crate::derive::$from(self, f, x, x_dot, y, y_dot)
            }
            fn pushforward_capability(&self, $shape: $crate::Shape, $seeds: usize) -> $crate::Capability {
                let $engine = self;
                $cost
            }
        }
    };
    (@pullback [$($generics:tt)*] $B:ty, $from:ident, |$engine:ident, $shape:ident, $seeds:ident| $cost:expr) => {
        impl<$($generics)*> $crate::Pullback for $B {
            fn pullback_sweep<ScalarType: $crate::Scalar, FunctionType: $crate::Function>(
                &self, f: &FunctionType, x: &[ScalarType], y_bar: &[ScalarType],
                y: &mut [ScalarType], x_bar: &mut [ScalarType],
            ) -> $crate::Result<()> {
                $crate::derive::$from(self, f, x, y_bar, y, x_bar)
            }
            fn pullback_capability(&self, $shape: $crate::Shape, $seeds: usize) -> $crate::Capability {
                let $engine = self;
                $cost
            }
        }
    };
    (@jacobian [$($generics:tt)*] $B:ty, $from:ident, |$engine:ident, $shape:ident| $cost:expr) => {
        impl<$($generics)*> $crate::Jacobian for $B {
            fn jacobian_sweep<ScalarType: $crate::Scalar, FunctionType: $crate::Function>(
                &self, f: &FunctionType, x: &[ScalarType], y: &mut [ScalarType],
                jacobian: &mut [ScalarType],
            ) -> $crate::Result<()> {
                $crate::derive::$from(self, f, x, y, jacobian)
            }
            fn jacobian_capability(&self, $shape: $crate::Shape) -> $crate::Capability {
                let $engine = self;
                $cost
            }
        }
    };
    ($B:ty: $($native:ident),+) => { $crate::primitive!([] $B: $($native),+); };
}
