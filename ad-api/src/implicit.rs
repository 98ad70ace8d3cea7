//! Derivatives of what is defined by an equation: linear systems and roots.

use std::sync::Arc;

use nalgebra::{DMatrixView, DVectorView};

use crate::{
    Backend, Failure, Function, Rule, RuleCotangent, RuleTangent, RuleValue, Scalar, scratch,
};

/// The solution of a linear system as a [`Rule`]: `(A, b) ↦ A⁻¹ b`.
///
/// The inputs are `A: n × n` column by column, then `b: n`; the output is `x: n`. The factorization
/// is always one of plain `f64` numbers, and the derivatives are solves with the same matrix:
/// `ẋ = A⁻¹ (ḃ - Ȧ x)`, and `b̄ = A⁻ᵀ x̄`, `Ā = -b̄ xᵀ`. That is faster than differentiating through the
/// elimination, and right where a pivot's zero would lose a derivative.
///
/// # References
///
/// M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
/// differentiation", *Advances in Automatic Differentiation*, Springer, 2008, section 2.3.1.
///
/// ```
/// use std::sync::Arc;
/// use ad_api::{LinearSolve, Rule};
///
/// let solve = Arc::new(LinearSolve::new(2));
/// let mut x = [0.0; 2];
/// // A = [2 1; 0 4], b = (4, 8)
/// solve.apply(&[2.0, 0.0, 1.0, 4.0, 4.0, 8.0], &mut x).unwrap();
/// assert_eq!(x, [1.0, 2.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LinearSolve {
    n: usize,
}

impl LinearSolve {
    /// Systems of `n` equations.
    pub fn new(n: usize) -> Self {
        LinearSolve { n }
    }

    /// `A⁻¹ b`, or `A⁻ᵀ b` if `transposed`, in any scalar.
    fn solve<S: Scalar>(
        self: &Arc<Self>,
        a: &[S],
        b: &[S],
        transposed: bool,
        x: &mut [S],
    ) -> Result<(), Failure> {
        let n = self.n;
        scratch::with(n * (n + 1), |system: &mut [S]| {
            let (matrix, right) = system.split_at_mut(n * n);
            for (index, entry) in matrix.iter_mut().enumerate() {
                let (i, j) = (index % n, index / n);
                *entry = if transposed { a[j + i * n] } else { a[i + j * n] };
            }
            right.copy_from_slice(b);
            self.apply(system, x)
        })
    }
}

impl RuleValue for LinearSolve {
    fn inputs(&self) -> usize {
        self.n * (self.n + 1)
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn value(&self, system: &[f64], x: &mut [f64]) -> Result<(), Failure> {
        let n = self.n;
        let (a, b) = system.split_at(n * n);
        let lu = DMatrixView::from_slice(a, n, n).into_owned().lu();
        match lu.solve(&DVectorView::from_slice(b, n)) {
            Some(solution) => x.copy_from_slice(solution.as_slice()),
            None => return Err(Failure::new(format!("the {n} x {n} system is singular"))),
        }
        Ok(())
    }
}

impl RuleTangent for LinearSolve {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        system: &[S],
        system_dot: &[S],
        x_dot: &mut [S],
    ) -> Result<(), Failure> {
        let n = self.n;
        let (a, a_dot) = (&system[..n * n], &system_dot[..n * n]);
        scratch::with(2 * n, |buffer: &mut [S]| {
            let (x, right) = buffer.split_at_mut(n);
            self.apply(system, x)?;
            right.copy_from_slice(&system_dot[n * n..]);
            for (column, &x) in a_dot.chunks_exact(n.max(1)).zip(&*x) {
                right.iter_mut().zip(column).for_each(|(right, &d)| *right -= d * x);
            }
            self.solve(a, right, false, x_dot)
        })
    }
}

impl RuleCotangent for LinearSolve {
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        system: &[S],
        x_bar: &[S],
        system_bar: &mut [S],
    ) -> Result<(), Failure> {
        let n = self.n;
        scratch::with(n, |x: &mut [S]| {
            self.apply(system, x)?;
            let (a_bar, b_bar) = system_bar.split_at_mut(n * n);
            self.solve(&system[..n * n], x_bar, true, b_bar)?;
            for (column, &x) in a_bar.chunks_exact_mut(n.max(1)).zip(&*x) {
                column.iter_mut().zip(&*b_bar).for_each(|(a_bar, &b)| *a_bar = -b * x);
            }
            Ok(())
        })
    }
}

crate::rule!(LinearSolve: tangent, cotangent);

/// The root `z(p)` of `F(z, p) = 0` as a function of the parameters, whatever solver finds it.
///
/// The solver runs in `f64` and is opaque; the derivatives come from the implicit function theorem at
/// the root, `F_z ż = -F_p ṗ`, with the derivatives of `F` by `backend` and a [`LinearSolve`]. They
/// are as accurate as the root, cost the same however many iterations the solver took, and nest to
/// any order.
///
/// # References
///
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 15.5.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, ImplicitRoot, Scalar};
/// use ad_dual::Dual;
///
/// /// F(z, p) = z² - p
/// #[derive(Clone)]
/// struct Square;
/// impl Function for Square {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0] * x[0] - x[1];
///         Ok(())
///     }
/// }
/// let root = ImplicitRoot::new(Dual::default(), Square, |p, z| {
///     z[0] = p[0].sqrt(); // in earnest: a Newton iteration
///     Ok(())
/// });
/// assert_eq!(Dual::default().value_and_derivative(&root, 4.0)?, (2.0, 0.25));
/// assert_eq!(Dual::default().second_derivative(&root, 4.0)?, -1.0 / 32.0);
/// # Ok::<(), ad_api::AdError>(())
/// ```
pub struct ImplicitRoot<B, F>(Arc<Root<B, F>>);

type Solver = dyn Fn(&[f64], &mut [f64]) -> Result<(), Failure> + Send + Sync;

struct Root<B, F> {
    backend: B,
    f: F,
    solver: Box<Solver>,
    linear: Arc<LinearSolve>,
}

impl<B, F> Clone for ImplicitRoot<B, F> {
    fn clone(&self) -> Self {
        ImplicitRoot(Arc::clone(&self.0))
    }
}

impl<B: Backend, F: Function> ImplicitRoot<B, F> {
    /// The root that `solver(p, z)` writes into `z`. The inputs of `f` are the unknowns `z`, as many
    /// as `f` has outputs, then the parameters `p`.
    ///
    /// # Panics
    ///
    /// If `f` has fewer inputs than outputs.
    pub fn new(
        backend: B,
        f: F,
        solver: impl Fn(&[f64], &mut [f64]) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        let (inputs, unknowns) = (f.inputs(), f.outputs());
        assert!(
            inputs >= unknowns,
            "a root needs as many inputs as equations: {inputs} inputs, {unknowns} equations"
        );
        let linear = Arc::new(LinearSolve::new(unknowns));
        ImplicitRoot(Arc::new(Root { backend, f, solver: Box::new(solver), linear }))
    }
}

impl<B: Backend, F: Function> Function for ImplicitRoot<B, F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn eval<S: Scalar>(&self, p: &[S], z: &mut [S]) -> Result<(), Failure> {
        S::apply_rule(&self.0, p, z)
    }

    fn precision(&self) -> f64 {
        self.0.f.precision()
    }
}

impl<B: Backend, F: Function> RuleValue for Root<B, F> {
    fn inputs(&self) -> usize {
        self.f.inputs() - self.f.outputs()
    }

    fn outputs(&self) -> usize {
        self.f.outputs()
    }

    fn value(&self, p: &[f64], z: &mut [f64]) -> Result<(), Failure> {
        (self.solver)(p, z)
    }
}

impl<B: Backend, F: Function> Root<B, F> {
    /// Calls `body` with the root and parameters `(z, p)` and with `F_z` column by column.
    fn at_root<S: Scalar>(
        self: &Arc<Self>,
        p: &[S],
        body: impl FnOnce(&[S], &[S]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let n = self.f.outputs();
        let total = n + p.len();
        scratch::with(total + n * (total + n + 1), |buffer: &mut [S]| {
            let (point, rest) = buffer.split_at_mut(total);
            let (seeds, rest) = rest.split_at_mut(n * total);
            let (columns, residual) = rest.split_at_mut(n * n);
            self.apply(p, &mut point[..n])?;
            point[n..].copy_from_slice(p);
            (0..n).for_each(|j| seeds[j * total + j] = S::one());
            self.backend.pushforward_sweep(&self.f, point, seeds, residual, columns)?;
            body(point, columns)
        })
    }
}

impl<B: Backend, F: Function> Rule for Root<B, F> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        p: &[S],
        p_dot: &[S],
        z_dot: &mut [S],
    ) -> Result<(), Failure> {
        let n = z_dot.len();
        self.at_root(p, |point, columns| {
            scratch::with(point.len() + 2 * n, |buffer: &mut [S]| {
                let (seed, rest) = buffer.split_at_mut(point.len());
                let (residual, right) = rest.split_at_mut(n);
                seed[n..].copy_from_slice(p_dot);
                self.backend.pushforward_sweep(&self.f, point, seed, residual, right)?;
                right.iter_mut().for_each(|right| *right = -*right);
                self.linear.solve(columns, right, false, z_dot)
            })
        })
    }

    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        p: &[S],
        z_bar: &[S],
        p_bar: &mut [S],
    ) -> Result<(), Failure> {
        let n = z_bar.len();
        self.at_root(p, |point, columns| {
            scratch::with(point.len() + 2 * n, |buffer: &mut [S]| {
                let (point_bar, rest) = buffer.split_at_mut(point.len());
                let (residual, multipliers) = rest.split_at_mut(n);
                self.linear.solve(columns, z_bar, true, multipliers)?;
                multipliers.iter_mut().for_each(|lambda| *lambda = -*lambda);
                self.backend.pullback_sweep(&self.f, point, multipliers, residual, point_bar)?;
                p_bar.copy_from_slice(&point_bar[n..]);
                Ok(())
            })
        })
    }
}
