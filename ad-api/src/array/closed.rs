//! Engines whose reverse mode is closed, as backends of every order.
//!
//! A tensor library differentiates its own arrays, once. Everything else follows from its
//! [`ArrayBackend`]:
//!
//! | derivative of `f` | how |
//! |---|---|
//! | scalar function | recorded, and lowered to a program of array operations ([`lower`]) |
//! | `J v` | the program evaluated on dual arrays of the library |
//! | `Jᵀ w` | the library's own reverse mode |
//! | `J` | as many of the two as the smaller side needs, in one batch |
//! | in an outer engine's numbers | a [`Rule`] whose derivatives are rules of the same kind |
//!
//! The last row is what composes engines. The pullback is the map `(x, w) ↦ (f(x), J(x)ᵀ w)`. Since
//! mixed second derivatives commute, its derivative along `(ẋ, ẇ)` is the pullback of the tangent
//! program `(x, ẋ) ↦ (f(x), J(x) ẋ)` with the cotangents `(ẇ, w)`: again the library's own reverse mode,
//! of a program that is data like the first.

use std::any::TypeId;
use std::ops::Range;
use std::sync::Arc;

use nalgebra::DVector;

use super::{
    Array, ArrayBackend, ArrayFunction, ArrayProgram, Arrays, Dims, Flat, Linearization, Tensor,
    evaluate, flatten, linearize, lower, unflatten, value_and_pushforward,
};
use crate::trace::{self, DynRule};
use crate::{
    AdError, Capability, Evaluations, Failure, Function, LinearOperator, Result, Rule, RuleValue,
    Scalar, StructureVisitor, check_jacobian, check_pullback, check_pushforward, scratch,
};

/// The most seeds that go through one evaluation.
const SEEDS: usize = 256;

/// A function of flat arguments as a program of array operations.
#[derive(Clone, Debug)]
struct Program {
    arrays: ArrayProgram,
    /// What the operations were lowered from. For a tangent program, what its first outputs are the
    /// values of. It gives values that are exactly those of `f64` code, and says where the operations
    /// are no longer those of the function.
    scalars: Option<trace::Program>,
}

impl Program {
    /// Of `f` near `x`, and `f(x)` where it came along.
    fn new<F: Function>(f: &F, x: &[f64]) -> Result<(Self, Option<Vec<f64>>)> {
        struct Visitor<'a>(&'a [f64]);
        impl StructureVisitor for Visitor<'_> {
            type Output = Result<(Program, Option<Vec<f64>>)>;

            fn plain<F: Function>(self, f: &F) -> Self::Output {
                let mut y = vec![0.0; f.outputs()];
                let scalars = trace::Program::record(f, self.0, &mut y)?;
                let arrays = lower(&scalars)?;
                Ok((Program { arrays, scalars: Some(scalars) }, Some(y)))
            }

            fn array<F: ArrayFunction>(self, f: &Flat<F>) -> Self::Output {
                let arrays = ArrayProgram::record(f.function())?;
                Ok((Program { arrays, scalars: None }, None))
            }
        }
        f.structure(Visitor(x))
    }

    fn inputs(&self) -> usize {
        count(&self.arrays.inputs())
    }

    fn outputs(&self) -> usize {
        count(&self.arrays.outputs())
    }

    /// `(x, ẋ) ↦ (f(x), J(x) ẋ)`.
    fn tangent(&self) -> Result<Program> {
        let arrays = ArrayProgram::record(&TangentProgram(self.arrays.clone()))?;
        Ok(Program { arrays, scalars: self.scalars.clone() })
    }

    /// Overwrites the values that are known exactly.
    fn correct(&self, x: &[f64], y: &mut [f64]) -> Result<()> {
        if let Some(scalars) = &self.scalars {
            scalars.eval(&x[..scalars.inputs()], &mut y[..Function::outputs(scalars)])?;
        }
        Ok(())
    }

    /// `f(x)` by the engine, or in `f64` where the program came from scalars.
    fn value<E: ArrayBackend>(&self, engine: &E, x: &[f64], y: &mut [f64]) -> Result<()> {
        if self.scalars.as_ref().is_none_or(|scalars| Function::outputs(scalars) < y.len()) {
            let x = to_device(engine, &self.arrays.inputs(), x)?;
            from_device(&evaluate(&self.arrays, &x)?, y)?;
        }
        self.correct(x, y)
    }

    fn pushforward<E: ArrayBackend>(
        &self,
        engine: &E,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        let (inputs, n, m) = (self.arrays.inputs(), x.len(), y.len());
        let x = to_device(engine, &inputs, x)?;
        for (v, out) in x_dot.chunks(SEEDS * n).zip(y_dot.chunks_mut(SEEDS * m)) {
            let seeds = seeds_to_device(engine, &inputs, v)?;
            let (values, tangents) = value_and_pushforward(&self.arrays, &x, &seeds)?;
            from_device(&values, y)?;
            seeds_from_device(&tangents, m, out)?;
        }
        Ok(())
    }

    fn pullback<E: ArrayBackend>(
        &self,
        engine: &E,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        let (n, m) = (x.len(), y.len());
        let x = to_device(engine, &self.arrays.inputs(), x)?;
        let shapes = self.arrays.outputs();
        let y_bars = y_bar.chunks_exact(m).map(|w| to_device(engine, &shapes, w));
        let y_bars = y_bars.collect::<Result<Vec<_>>>()?;
        let (values, pullbacks) = engine.value_and_pullbacks(&self.arrays, &x, &y_bars)?;
        from_device(&values, y)?;
        for (arrays, out) in pullbacks.iter().zip(x_bar.chunks_exact_mut(n)) {
            from_device(arrays, out)?;
        }
        Ok(())
    }
}

fn count(shapes: &[Dims]) -> usize {
    shapes.iter().map(Dims::count).sum()
}

/// The arrays that lie in `flat` one after another, each row by row.
fn to_device<E: ArrayBackend>(engine: &E, shapes: &[Dims], flat: &[f64]) -> Result<Arrays<E>> {
    unflatten(&engine.device()?, shapes, flat)
}

fn from_device<T: Tensor>(arrays: &[Array<T>], flat: &mut [f64]) -> Result<()> {
    flat.copy_from_slice(&flatten(arrays)?);
    Ok(())
}

/// As [`to_device`], for several seeds one after another: arrays with one more axis in front.
fn seeds_to_device<E: ArrayBackend>(
    engine: &E,
    shapes: &[Dims],
    flat: &[f64],
) -> Result<Arrays<E>> {
    let device = engine.device()?;
    let (n, mut first) = (count(shapes), 0);
    shapes
        .iter()
        .map(|dims| {
            let part = first..first + dims.count();
            first = part.end;
            let entries: Vec<f64> =
                flat.chunks_exact(n).flat_map(|seed| &seed[part.clone()]).copied().collect();
            Ok(Array::from_host(&device, dims.prepend(flat.len() / n)?, &entries))
        })
        .collect()
}

fn seeds_from_device<T: Tensor>(arrays: &[Array<T>], m: usize, flat: &mut [f64]) -> Result<()> {
    let mut first = 0;
    for array in arrays {
        let entries = array.to_vec()?;
        let width = array.count() * m / flat.len();
        for (seed, part) in flat.chunks_exact_mut(m).zip(entries.chunks_exact(width)) {
            seed[first..first + width].copy_from_slice(part);
        }
        first += width;
    }
    Ok(())
}

/// `(x, ẋ) ↦ (f(x), J(x) ẋ)` of a program.
#[derive(Clone)]
pub(super) struct TangentProgram(pub(super) ArrayProgram);

impl ArrayFunction for TangentProgram {
    fn inputs(&self) -> Vec<Dims> {
        [self.0.inputs(), self.0.inputs()].concat()
    }

    fn outputs(&self) -> Vec<Dims> {
        [self.0.outputs(), self.0.outputs()].concat()
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let (x, x_dot) = x.split_at(x.len() / 2);
        let (y, y_dot) = value_and_pushforward(&self.0, x, x_dot)?;
        Ok([y, y_dot].concat())
    }
}

/// `x ↦ f(x)` by an engine, as a rule.
struct Value<E> {
    engine: E,
    program: Program,
}

impl<E: ArrayBackend> RuleValue for Value<E> {
    fn inputs(&self) -> usize {
        self.program.inputs()
    }

    fn outputs(&self) -> usize {
        self.program.outputs()
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        Ok(self.program.value(&self.engine, x, y)?)
    }
}

impl<E: ArrayBackend> Rule for Value<E> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        let tangent =
            Arc::new(Value { engine: self.engine.clone(), program: self.program.tangent()? });
        let m = y_dot.len();
        scratch::with(2 * (x.len() + m), |buffer: &mut [S]| {
            let (point, value) = buffer.split_at_mut(2 * x.len());
            point[..x.len()].copy_from_slice(x);
            point[x.len()..].copy_from_slice(x_dot);
            tangent.apply(point, value)?;
            y_dot.copy_from_slice(&value[m..]);
            Ok(())
        })
    }

    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        let (engine, program) = (self.engine.clone(), self.program.clone());
        scratch::with(y_bar.len(), |y: &mut [S]| {
            Arc::new(ValueAndPullback { engine, program }).apply_to(x, y_bar, y, x_bar)
        })
    }

    fn erased(self: &Arc<Self>) -> Arc<dyn DynRule> {
        Arc::clone(self) as Arc<dyn DynRule>
    }
}

impl<E: ArrayBackend> DynRule for Value<E> {
    fn tangent(&self) -> Result<Arc<dyn DynRule>> {
        let (n, m) = (self.inputs(), self.outputs());
        let tangent = Value { engine: self.engine.clone(), program: self.program.tangent()? };
        Ok(Arranged::of(tangent, &[0..2 * n], &[m..2 * m]))
    }

    fn cotangent(&self) -> Result<Arc<dyn DynRule>> {
        let (n, m) = (self.inputs(), self.outputs());
        let (engine, program) = (self.engine.clone(), self.program.clone());
        Ok(Arranged::of(ValueAndPullback { engine, program }, &[0..n + m], &[m..m + n]))
    }
}

/// `(x, w) ↦ (f(x), J(x)ᵀ w)` by an engine, as a rule.
struct ValueAndPullback<E> {
    engine: E,
    program: Program,
}

impl<E: ArrayBackend> ValueAndPullback<E> {
    /// The rule with its arguments and results apart.
    fn apply_to<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        let (n, m) = (x.len(), y.len());
        scratch::with(2 * (n + m), |buffer: &mut [S]| {
            let (arguments, results) = buffer.split_at_mut(n + m);
            arguments[..n].copy_from_slice(x);
            arguments[n..].copy_from_slice(y_bar);
            self.apply(arguments, results)?;
            y.copy_from_slice(&results[..m]);
            x_bar.copy_from_slice(&results[m..]);
            Ok(())
        })
    }

    /// `(J(x) v, J(x)ᵀ u + ∇⟨w, J(x) v⟩)`: both derivatives of the rule are of this form.
    fn second<S: Scalar>(
        self: &Arc<Self>,
        (x, w): (&[S], &[S]),
        (v, u): (&[S], &[S]),
        (y_dot, x_bar): (&mut [S], &mut [S]),
    ) -> Result<(), Failure> {
        let (n, m) = (x.len(), w.len());
        let tangent = Arc::new(ValueAndPullback {
            engine: self.engine.clone(),
            program: self.program.tangent()?,
        });
        scratch::with(4 * (n + m), |buffer: &mut [S]| {
            let (arguments, results) = buffer.split_at_mut(2 * (n + m));
            let parts = [x, v, u, w];
            let mut rest = &mut *arguments;
            for part in parts {
                let (here, others) = rest.split_at_mut(part.len());
                here.copy_from_slice(part);
                rest = others;
            }
            tangent.apply(arguments, results)?;
            y_dot.copy_from_slice(&results[m..2 * m]);
            x_bar.copy_from_slice(&results[2 * m..2 * m + n]);
            Ok(())
        })
    }
}

impl<E: ArrayBackend> RuleValue for ValueAndPullback<E> {
    fn inputs(&self) -> usize {
        self.program.inputs() + self.program.outputs()
    }

    fn outputs(&self) -> usize {
        self.inputs()
    }

    fn value(&self, arguments: &[f64], results: &mut [f64]) -> Result<(), Failure> {
        let (x, y_bar) = arguments.split_at(self.program.inputs());
        let (y, x_bar) = results.split_at_mut(self.program.outputs());
        self.program.pullback(&self.engine, x, y_bar, y, x_bar)?;
        Ok(self.program.correct(x, y)?)
    }
}

impl<E: ArrayBackend> Rule for ValueAndPullback<E> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        arguments: &[S],
        arguments_dot: &[S],
        results_dot: &mut [S],
    ) -> Result<(), Failure> {
        let (x, w) = arguments.split_at(self.program.inputs());
        let (x_dot, w_dot) = arguments_dot.split_at(x.len());
        self.second((x, w), (x_dot, w_dot), results_dot.split_at_mut(w.len()))
    }

    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        arguments: &[S],
        results_bar: &[S],
        arguments_bar: &mut [S],
    ) -> Result<(), Failure> {
        let (x, w) = arguments.split_at(self.program.inputs());
        let (y_bar, x_bar_bar) = results_bar.split_at(w.len());
        let (x_bar, w_bar) = arguments_bar.split_at_mut(x.len());
        self.second((x, w), (x_bar_bar, y_bar), (w_bar, x_bar))
    }

    fn erased(self: &Arc<Self>) -> Arc<dyn DynRule> {
        Arc::clone(self) as Arc<dyn DynRule>
    }
}

impl<E: ArrayBackend> ValueAndPullback<E> {
    /// The rule of the tangent program, and the numbers of inputs and outputs of this one.
    fn derived(&self) -> Result<(Self, usize, usize)> {
        let rule =
            ValueAndPullback { engine: self.engine.clone(), program: self.program.tangent()? };
        Ok((rule, self.program.inputs(), self.program.outputs()))
    }
}

/// As the methods of the same names of [`Rule`].
impl<E: ArrayBackend> DynRule for ValueAndPullback<E> {
    fn tangent(&self) -> Result<Arc<dyn DynRule>> {
        // From x, w, ẋ, ẇ to x, ẋ, ẇ, w.
        let (rule, n, m) = self.derived()?;
        let arguments = [0..n, n + m..2 * n + m, 2 * n + m..2 * (n + m), n..n + m];
        Ok(Arranged::of(rule, &arguments, &[m..2 * m, 2 * m..2 * m + n]))
    }

    fn cotangent(&self) -> Result<Arc<dyn DynRule>> {
        // From x, w, ȳ, z to x, z, ȳ, w.
        let (rule, n, m) = self.derived()?;
        let arguments = [0..n, n + 2 * m..2 * n + 2 * m, n + m..n + 2 * m, n..n + m];
        Ok(Arranged::of(rule, &arguments, &[2 * m..2 * m + n, m..2 * m]))
    }
}

/// A rule with its arguments in another order, some of them zero, and some of its results.
///
/// Its derivatives are those of the rule, arranged.
struct Arranged {
    rule: Arc<dyn DynRule>,
    inputs: usize,
    /// Which argument each argument of the rule is; each at most once.
    arguments: Vec<Option<usize>>,
    /// Which of the rule's results each result is.
    results: Vec<usize>,
}

impl Arranged {
    /// All arguments, part by part, and some of the results.
    fn of<R: DynRule>(
        rule: R,
        arguments: &[Range<usize>],
        results: &[Range<usize>],
    ) -> Arc<dyn DynRule> {
        let arguments: Vec<_> = arguments.iter().cloned().flatten().map(Some).collect();
        let results = results.iter().cloned().flatten().collect();
        Arc::new(Arranged { rule: Arc::new(rule), inputs: arguments.len(), arguments, results })
    }
}

impl RuleValue for Arranged {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.results.len()
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        let size = self.arguments.len() + self.rule.outputs();
        scratch::with(size, |buffer: &mut [f64]| {
            let (arguments, results) = buffer.split_at_mut(self.arguments.len());
            for (argument, from) in arguments.iter_mut().zip(&self.arguments) {
                *argument = from.map_or(0.0, |from| x[from]);
            }
            self.rule.value(arguments, results)?;
            y.iter_mut().zip(&self.results).for_each(|(y, &from)| *y = results[from]);
            Ok(())
        })
    }
}

impl DynRule for Arranged {
    fn tangent(&self) -> Result<Arc<dyn DynRule>> {
        let dots = self.arguments.iter().map(|from| from.map(|from| from + self.inputs));
        Ok(Arc::new(Arranged {
            rule: self.rule.tangent()?,
            inputs: 2 * self.inputs,
            arguments: self.arguments.iter().copied().chain(dots).collect(),
            results: self.results.clone(),
        }))
    }

    fn cotangent(&self) -> Result<Arc<dyn DynRule>> {
        let mut cotangents = vec![None; self.rule.outputs()];
        for (i, &result) in self.results.iter().enumerate() {
            cotangents[result] = Some(self.inputs + i);
        }
        let mut results = vec![usize::MAX; self.inputs];
        for (i, from) in self.arguments.iter().enumerate() {
            if let Some(from) = *from {
                results[from] = i;
            }
        }
        Ok(Arc::new(Arranged {
            rule: self.rule.cotangent()?,
            inputs: self.inputs + self.results.len(),
            arguments: [&self.arguments[..], &cotangents].concat(),
            results,
        }))
    }
}

/// Calls `body` with the primals of `x`. What it records says itself where it is valid.
fn primals<S: Scalar, R>(x: &[S], body: impl FnOnce(&[f64]) -> R) -> R {
    scratch::with(x.len(), |primal: &mut [f64]| {
        trace::unobserved(|| {
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.primal());
        });
        body(primal)
    })
}

fn is_f64<S: Scalar>() -> bool {
    TypeId::of::<S>() == TypeId::of::<f64>()
}

/// Writes `f64` results where `S` is `f64`.
fn write<S: Scalar>(out: &mut [S], values: &[f64]) {
    out.iter_mut().zip(values).for_each(|(out, &value)| *out = S::from(value));
}

/// [`Pushforward::pushforward_sweep`](crate::Pushforward::pushforward_sweep) of a closed engine.
///
/// # Errors
///
/// Those of the primitive.
pub fn pushforward_sweep<E: ArrayBackend, S: Scalar, F: Function>(
    engine: &E,
    f: &F,
    x: &[S],
    x_dot: &[S],
    y: &mut [S],
    y_dot: &mut [S],
) -> Result<()> {
    let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
    let (n, m) = (x.len(), y.len());
    let (program, value) = primals(x, |x| Program::new(f, x))?;
    if is_f64::<S>() {
        return primals(x, |x| {
            primals(x_dot, |x_dot| {
                scratch::with(m + y_dot.len(), |results: &mut [f64]| {
                    let (values, tangents) = results.split_at_mut(m);
                    program.pushforward(engine, x, x_dot, values, tangents)?;
                    write(y, value.as_deref().unwrap_or(values));
                    write(y_dot, tangents);
                    Ok(())
                })
            })
        });
    }
    let tangent = Arc::new(Value { engine: engine.clone(), program: program.tangent()? });
    Arc::new(Value { engine: engine.clone(), program }).apply(x, y)?;
    scratch::with(2 * (n + m), |buffer: &mut [S]| {
        let (point, value) = buffer.split_at_mut(2 * n);
        point[..n].copy_from_slice(x);
        for (v, out) in x_dot.chunks_exact(n).zip(y_dot.chunks_exact_mut(m)) {
            point[n..].copy_from_slice(v);
            tangent.apply(point, value)?;
            out.copy_from_slice(&value[m..]);
        }
        Ok(())
    })
}

/// [`Pullback::pullback_sweep`](crate::Pullback::pullback_sweep) of a closed engine.
///
/// # Errors
///
/// Those of the primitive.
pub fn pullback_sweep<E: ArrayBackend, S: Scalar, F: Function>(
    engine: &E,
    f: &F,
    x: &[S],
    y_bar: &[S],
    y: &mut [S],
    x_bar: &mut [S],
) -> Result<()> {
    let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
    let (n, m) = (x.len(), y.len());
    let (program, value) = primals(x, |x| Program::new(f, x))?;
    if is_f64::<S>() {
        return primals(x, |x| {
            primals(y_bar, |y_bar| {
                scratch::with(m + x_bar.len(), |results: &mut [f64]| {
                    let (values, pullbacks) = results.split_at_mut(m);
                    program.pullback(engine, x, y_bar, values, pullbacks)?;
                    write(y, value.as_deref().unwrap_or(values));
                    write(x_bar, pullbacks);
                    Ok(())
                })
            })
        });
    }
    let rule = Arc::new(ValueAndPullback { engine: engine.clone(), program });
    for (w, out) in y_bar.chunks_exact(m).zip(x_bar.chunks_exact_mut(n)) {
        rule.apply_to(x, w, y, out)?;
    }
    Ok(())
}

/// [`Jacobian::jacobian_sweep`](crate::Jacobian::jacobian_sweep) of a closed engine: the function is
/// evaluated once, and seeded from the smaller side.
///
/// # Errors
///
/// Those of the primitive.
pub fn jacobian_sweep<E: ArrayBackend, S: Scalar, F: Function>(
    engine: &E,
    f: &F,
    x: &[S],
    y: &mut [S],
    jacobian: &mut [S],
) -> Result<()> {
    let Some(_) = check_jacobian(f, x, y, jacobian)? else { return Ok(()) };
    let (n, m) = (x.len(), y.len());
    let identity = |size: usize| {
        let mut seeds = vec![S::zero(); size * size];
        (0..size).for_each(|i| seeds[i * (size + 1)] = S::one());
        seeds
    };
    if n <= m {
        // Columns one after another: the layout of the result.
        return pushforward_sweep(engine, f, x, &identity(n), y, jacobian);
    }
    scratch::with(m * n, |rows: &mut [S]| {
        pullback_sweep(engine, f, x, &identity(m), y, rows)?;
        for (i, row) in rows.chunks_exact(n).enumerate() {
            row.iter().enumerate().for_each(|(j, &d)| jacobian[i + j * m] = d);
        }
        Ok(())
    })
}

/// What every primitive of a closed engine costs: the function is recorded once.
pub fn capability() -> Capability {
    Capability::Native { evaluations: Evaluations::Exactly(1) }
}

/// The linearization of a closed engine: a tape of arrays on its device, read in both directions as
/// often as one likes.
#[derive(Clone, Debug)]
pub struct DeviceLinearization<E: ArrayBackend> {
    engine: E,
    inputs: Vec<Dims>,
    outputs: Vec<Dims>,
    /// `None` for a function without inputs or outputs.
    record: Option<Linearization<E::Tensor>>,
}

impl<E: ArrayBackend> DeviceLinearization<E> {
    /// The value of `f` at `x` and the Jacobian there.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`], the failure of `f`, what the library reports.
    pub fn new<F: Function>(engine: &E, f: &F, x: &[f64]) -> Result<(DVector<f64>, Self)> {
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        let (n, m) = (f.inputs(), f.outputs());
        let mut y = DVector::zeros(m);
        let engine = engine.clone();
        if n == 0 || m == 0 {
            f.eval(x, y.as_mut_slice())?;
            let (inputs, outputs) = (vec![Dims::vector(n)], vec![Dims::vector(m)]);
            return Ok((y, DeviceLinearization { engine, inputs, outputs, record: None }));
        }
        let (program, value) = Program::new(f, x)?;
        let (inputs, outputs) = (program.arrays.inputs(), program.arrays.outputs());
        let (values, record) = linearize(&program.arrays, &to_device(&engine, &inputs, x)?)?;
        match value {
            Some(value) => y.copy_from_slice(&value),
            None => from_device(&values, y.as_mut_slice())?,
        }
        Ok((y, DeviceLinearization { engine, inputs, outputs, record: Some(record) }))
    }
}

impl<E: ArrayBackend> LinearOperator for DeviceLinearization<E> {
    fn rows(&self) -> usize {
        count(&self.outputs)
    }

    fn columns(&self) -> usize {
        count(&self.inputs)
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        AdError::check_len("v", v.len(), self.columns(), "the columns of the operator")?;
        AdError::check_len("out", out.len(), self.rows(), "the rows of the operator")?;
        let Some(record) = &self.record else {
            out.fill(0.0);
            return Ok(());
        };
        let seeds = seeds_to_device(&self.engine, &self.inputs, v)?;
        seeds_from_device(&record.apply(&seeds)?, out.len(), out)
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        AdError::check_len("w", w.len(), self.rows(), "the rows of the operator")?;
        AdError::check_len("out", out.len(), self.columns(), "the columns of the operator")?;
        let Some(record) = &self.record else {
            out.fill(0.0);
            return Ok(());
        };
        let seeds = seeds_to_device(&self.engine, &self.outputs, w)?;
        seeds_from_device(&record.apply_transpose(&seeds)?, out.len(), out)
    }
}

/// Makes an [`ArrayBackend`](crate::array::ArrayBackend) a whole [`Backend`](crate::Backend): of scalar
/// functions and array programs, of every order, composed with any other.
#[macro_export]
macro_rules! array_backend {
    ($B:ty) => {
        impl $crate::Pushforward for $B {
            fn pushforward_sweep<ScalarType: $crate::Scalar, FunctionType: $crate::Function>(
                &self,
                f: &FunctionType,
                x: &[ScalarType],
                x_dot: &[ScalarType],
                y: &mut [ScalarType],
                y_dot: &mut [ScalarType],
            ) -> $crate::Result<()> {
                $crate::array::closed::pushforward_sweep(self, f, x, x_dot, y, y_dot)
            }
            fn pushforward_capability(&self, _: $crate::Shape, _: usize) -> $crate::Capability {
                $crate::array::closed::capability()
            }
        }
        impl $crate::Pullback for $B {
            fn pullback_sweep<ScalarType: $crate::Scalar, FunctionType: $crate::Function>(
                &self,
                f: &FunctionType,
                x: &[ScalarType],
                y_bar: &[ScalarType],
                y: &mut [ScalarType],
                x_bar: &mut [ScalarType],
            ) -> $crate::Result<()> {
                $crate::array::closed::pullback_sweep(self, f, x, y_bar, y, x_bar)
            }
            fn pullback_capability(&self, _: $crate::Shape, _: usize) -> $crate::Capability {
                $crate::array::closed::capability()
            }
        }
        impl $crate::Jacobian for $B {
            fn jacobian_sweep<ScalarType: $crate::Scalar, FunctionType: $crate::Function>(
                &self,
                f: &FunctionType,
                x: &[ScalarType],
                y: &mut [ScalarType],
                jacobian: &mut [ScalarType],
            ) -> $crate::Result<()> {
                $crate::array::closed::jacobian_sweep(self, f, x, y, jacobian)
            }
            fn jacobian_capability(&self, _: $crate::Shape) -> $crate::Capability {
                $crate::array::closed::capability()
            }
        }
        impl $crate::Backend for $B {
            type Outer = Self;
            type Inner = Self;
            type Prepared<FunctionType: $crate::Function> = $crate::Sweeps<Self, FunctionType>;
            type Linearization<FunctionType: $crate::Function> =
                $crate::array::closed::DeviceLinearization<Self>;
            fn outer(&self) -> &Self {
                self
            }
            fn inner(&self) -> &Self {
                self
            }
            fn prepare<FunctionType: $crate::Function>(
                &self,
                f: &FunctionType,
                x: &[f64],
            ) -> $crate::Result<Self::Prepared<FunctionType>> {
                $crate::Sweeps::new(self, f, x)
            }
            fn linearize<FunctionType: $crate::Function>(
                &self,
                f: &FunctionType,
                x: &[f64],
            ) -> $crate::Result<(
                $crate::__private::nalgebra::DVector<f64>,
                Self::Linearization<FunctionType>,
            )> {
                $crate::array::closed::DeviceLinearization::new(self, f, x)
            }
        }
    };
}
