//! The `finitediff` crate's schemes.

use std::any::TypeId;
use std::cell::{Cell, RefCell};

use ad_api::{
    Accuracy, AdError, Capability, Engine, Evaluations, Failure, Function, Jacobian, Pullback,
    Pushforward, Result, Scalar, Shape, check_jacobian, check_pullback, check_pushforward, derive,
    scratch,
};

/// The largest relative error that rounding may cause: beyond it there is an error instead.
const LIMIT: f64 = 1e-3;

/// The two schemes of the crate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `(f(x + h) - f(x)) / h` with `h = √ε`.
    Forward,
    /// `(f(x + h) - f(x - h)) / 2h` with `h = ∛ε`.
    #[default]
    Central,
}

/// The `finitediff` crate's forward and central differences, with its absolute steps.
///
/// For `f64` the crate computes. It knows no other numbers, so where an outer engine differentiates
/// the differences, this adapter writes the same formula in the outer engine's numbers; the values
/// are the same.
///
/// The step does not depend on `x`: 1.5e-8 (forward) or 6e-6 (central). The stated accuracy is that
/// for inputs and functions of scale 1, and it is an *absolute* one for smaller inputs: the
/// derivative of `x³` at 1e-6, which is 3e-12, comes out as 4e-11. [`Fd`](crate::Fd) has neither
/// restriction.
///
/// So is the accuracy of central differences of central differences: rounding leaves about
/// `ε |f| / h² ≈ 6e-6 |f|` in every second derivative, whatever its size, and nothing tells the
/// adapter how large that entry ought to be. For the sum of squares of NIST's Misra1a at its first
/// start one entry of the Hessian is off by half of itself. Put an exact engine inside (`finitediff/dual`), or
/// use [`Fd`](crate::Fd).
///
/// | what the crate does | what the adapter does |
/// |---|---|
/// | NaN or infinity where a step leaves the domain (`ln` at 1e-6) | [`AdError::Inaccurate`] |
/// | few or no digits at large `x`, where rounding eats the step | [`AdError::Inaccurate`] once it may cost more than 1e-3 |
/// | differences of values that are themselves rough: forward over forward | [`AdError::Unsupported`] once it may cost more than 1e-3 |
/// | a product with a long or short tangent takes a long or short step | scales the tangent |
/// | panics without inputs | never asks |
/// | second derivatives without a gradient are wrong in silence | differentiates its own gradient |
///
/// ```
/// use ad_api::Differentiate;
/// use ad_fd::FiniteDiff;
/// # use ad_api::{Failure, Function, Scalar};
/// # #[derive(Clone)] struct Square;
/// # impl Function for Square {
/// #     fn inputs(&self) -> usize { 1 }
/// #     fn outputs(&self) -> usize { 1 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[0]; Ok(())
/// #     }
/// # }
/// let derivative = FiniteDiff::central().derivative(&Square, 3.0)?;
/// assert!((derivative - 6.0).abs() < 1e-9);
/// let error = FiniteDiff::forward().derivative(&Square, 3e9).unwrap_err();
/// assert!(error.to_string().contains("input 0"));
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FiniteDiff {
    scheme: Scheme,
}

impl FiniteDiff {
    /// Forward differences.
    pub fn forward() -> Self {
        FiniteDiff { scheme: Scheme::Forward }
    }

    /// Central differences, the default.
    pub fn central() -> Self {
        FiniteDiff { scheme: Scheme::Central }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The crate's step, for all `x`.
    fn step(self) -> f64 {
        match self.scheme {
            Scheme::Forward => f64::EPSILON.sqrt(),
            Scheme::Central => f64::EPSILON.cbrt(),
        }
    }

    fn inaccurate(self, input: usize, reason: String) -> AdError {
        AdError::Inaccurate { backend: self.name(), input, reason }
    }

    /// Refuses values too rough for the step.
    fn check_precision<F: Function>(self, f: &F) -> Result<()> {
        if f.precision() / self.step() <= LIMIT {
            return Ok(());
        }
        Err(AdError::Unsupported {
            backend: self.name(),
            operation: "derivative",
            reason: format!(
                "the values of the function are accurate to {:.1e} only, and the step is fixed at \
                 {:.1e}; use `fd`, whose steps follow the accuracy",
                f.precision(),
                self.step()
            ),
        })
    }

    /// Refuses an entry of `x` whose rounding eats the step.
    fn check_size(self, input: usize, x: f64) -> Result<()> {
        if f64::EPSILON * x.abs() / self.step() <= LIMIT {
            return Ok(());
        }
        let step = self.step();
        Err(self.inaccurate(
            input,
            format!("the fixed step {step:.1e} is lost in the rounding of {x:e}; use `fd`"),
        ))
    }

    /// Refuses a derivative that is not finite though the value is.
    fn check_result<S: Scalar>(self, input: usize, y: &[S], y_dot: &[S]) -> Result<()> {
        let lost = |(y, d): (&S, &S)| y.primal().is_finite() && !d.primal().is_finite();
        if !y.iter().zip(y_dot).any(lost) {
            return Ok(());
        }
        let step = self.step();
        Err(self.inaccurate(
            input,
            format!("the function is not finite at the fixed step {step:.1e}; use `fd`"),
        ))
    }

    /// What a failure at a step means.
    fn failed(self, input: usize, failure: &Failure) -> AdError {
        let step = self.step();
        self.inaccurate(
            input,
            format!("the function fails at the fixed step {step:.1e}: {failure}; use `fd`"),
        )
    }

    /// The derivative along the displacement that `shift(point, step)` makes, in any scalar.
    fn difference<S: Scalar, F: Function>(
        self,
        f: &F,
        x: &[S],
        y: &[S],
        input: usize,
        shift: impl Fn(&mut [S], f64),
        out: &mut [S],
    ) -> Result<()> {
        let h = self.step();
        scratch::with(x.len() + y.len(), |buffer: &mut [S]| {
            let (point, other) = buffer.split_at_mut(x.len());
            let mut eval = |step: f64, values: &mut [S]| {
                point.copy_from_slice(x);
                shift(point, step);
                f.eval(point, values).map_err(|failure| self.failed(input, &failure))
            };
            eval(h, out)?;
            let (origin, width) = match self.scheme {
                Scheme::Forward => (y, h),
                Scheme::Central => {
                    eval(-h, other)?;
                    (&*other, 2.0 * h)
                }
            };
            out.iter_mut().zip(origin).for_each(|(out, &origin)| *out = (*out - origin) / width);
            self.check_result(input, y, out)
        })
    }
}

/// `f` as the crate wants it: vectors of `f64`, and errors of its own.
struct Opened<'a, F> {
    f: &'a F,
    calls: Cell<usize>,
    /// The first values: those at `x` where the scheme begins there.
    first: RefCell<Vec<f64>>,
    failure: RefCell<Option<Failure>>,
}

impl<'a, F: Function> Opened<'a, F> {
    fn new(f: &'a F) -> Self {
        Opened { f, calls: Cell::new(0), first: RefCell::default(), failure: RefCell::default() }
    }

    #[allow(clippy::ptr_arg, reason = "the crate's signature")]
    fn call(&self, x: &Vec<f64>) -> Result<Vec<f64>, anyhow::Error> {
        let mut y = vec![0.0; self.f.outputs()];
        if let Err(failure) = self.f.eval(x, &mut y) {
            let message = failure.to_string();
            self.failure.replace(Some(failure));
            return Err(anyhow::Error::msg(message));
        }
        if self.calls.replace(self.calls.get() + 1) == 0 {
            self.first.borrow_mut().clone_from(&y);
        }
        Ok(y)
    }
}

impl FiniteDiff {
    /// Runs a function of the crate; on success also returns the value at `x`.
    ///
    /// `input` says at which input the crate was, from the number of calls for stencil points.
    fn open<F: Function, T>(
        self,
        f: &F,
        x: &[f64],
        y: &mut [f64],
        input: impl Fn(usize) -> usize,
        forward: impl Fn(
            &dyn Fn(&Vec<f64>) -> Result<Vec<f64>, anyhow::Error>,
        ) -> Result<T, anyhow::Error>,
        central: impl Fn(
            &dyn Fn(&Vec<f64>) -> Result<Vec<f64>, anyhow::Error>,
        ) -> Result<T, anyhow::Error>,
    ) -> Result<T> {
        let opened = Opened::new(f);
        let op = |x: &Vec<f64>| opened.call(x);
        let (result, centre) = match self.scheme {
            Scheme::Forward => (forward(&op), 1),
            Scheme::Central => {
                f.eval(x, y)?;
                (central(&op), 0)
            }
        };
        let done = opened.calls.get();
        let error = match result {
            Ok(result) => {
                if centre == 1 {
                    y.copy_from_slice(&opened.first.borrow());
                }
                return Ok(result);
            }
            Err(error) => error,
        };
        Err(match opened.failure.take() {
            Some(failure) if done < centre => failure.into(),
            Some(failure) => self.failed(input(done - centre), &failure),
            None => AdError::Engine {
                backend: self.name(),
                operation: "jacobian",
                cause: Failure::new(error.to_string()),
            },
        })
    }

    /// The crate's Jacobian.
    fn crate_jacobian<F: Function>(
        self,
        f: &F,
        x: &[f64],
        y: &mut [f64],
        mut entry: impl FnMut(usize, usize, f64),
    ) -> Result<()> {
        let (point, per_input) = (x.to_vec(), self.per_line());
        let rows = self.open(
            f,
            x,
            y,
            |calls| calls / per_input,
            |op| ::finitediff::vec::forward_jacobian(op)(&point),
            |op| ::finitediff::vec::central_jacobian(op)(&point),
        )?;
        for (i, row) in rows.iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                self.check_result(j, &y[i..=i], &[value])?;
                entry(i, j, value);
            }
        }
        Ok(())
    }

    /// The crate's product with a tangent.
    #[allow(clippy::ptr_arg, reason = "the crate's signature")]
    fn crate_product<F: Function>(
        self,
        f: &F,
        x: &[f64],
        v: &Vec<f64>,
        input: usize,
        y: &mut [f64],
    ) -> Result<Vec<f64>> {
        let point = x.to_vec();
        self.open(
            f,
            x,
            y,
            |_| input,
            |op| ::finitediff::vec::forward_jacobian_vec_prod(op)(&point, v),
            |op| ::finitediff::vec::central_jacobian_vec_prod(op)(&point, v),
        )
    }

    /// The stencil points along one line.
    fn per_line(self) -> usize {
        match self.scheme {
            Scheme::Forward => 1,
            Scheme::Central => 2,
        }
    }
}

fn is_f64<S: Scalar>() -> bool {
    TypeId::of::<S>() == TypeId::of::<f64>()
}

/// Calls `code` with `x` and `y` as `f64`, and copies `y` back.
fn in_f64<S: Scalar, T>(
    x: &[S],
    y: &mut [S],
    code: impl FnOnce(&[f64], &mut [f64]) -> Result<T>,
) -> Result<T> {
    scratch::with(x.len() + y.len(), |buffer: &mut [f64]| {
        let (x_f64, y_f64) = buffer.split_at_mut(x.len());
        x_f64.iter_mut().zip(x).for_each(|(to, from)| *to = from.primal());
        let result = code(x_f64, y_f64)?;
        y.iter_mut().zip(&*y_f64).for_each(|(to, &from)| *to = S::from(from));
        Ok(result)
    })
}

impl Engine for FiniteDiff {
    fn name(&self) -> String {
        "finitediff".into()
    }

    fn accuracy(&self) -> Accuracy {
        let relative = match self.scheme {
            Scheme::Forward => 2.0 * self.step(),
            Scheme::Central => 4.0 * self.step() * self.step(),
        };
        Accuracy::Approximate { relative }
    }

    fn sweeps(&self, _shape: Shape, seeds: usize) -> Evaluations {
        Evaluations::Exactly(1 + self.per_line() * seeds)
    }

    fn lifts(&self) -> bool {
        false
    }
}

impl Pushforward for FiniteDiff {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        self.check_precision(f)?;
        // One tangent is the crate's; more of them share the value, which the crate cannot.
        let one = is_f64::<S>() && x_dot.len() == x.len();
        if !one {
            f.eval(x, y)?;
        }
        for (v, out) in x_dot.chunks_exact(x.len()).zip(y_dot.chunks_exact_mut(y.len())) {
            let mut input = None;
            let mut norm: f64 = 0.0;
            for (i, (x, v)) in x.iter().zip(v).enumerate() {
                if v.primal() != 0.0 {
                    self.check_size(i, x.primal())?;
                    input = input.or(Some(i));
                    norm = norm.max(v.primal().abs());
                }
            }
            let input = input.unwrap_or(0);
            // The step is meant for a tangent of length about 1. A power of two changes no digit.
            let usual = norm > 0.0 && norm.is_finite();
            let scale = if usual { norm.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
            if one {
                let v: Vec<f64> = v.iter().map(|v| v.primal() / scale).collect();
                let product = in_f64(x, y, |x, y| self.crate_product(f, x, &v, input, y))?;
                out.iter_mut().zip(product).for_each(|(out, d)| *out = S::from(d));
                self.check_result(input, y, out)?;
            } else {
                let shift = |point: &mut [S], step: f64| {
                    point.iter_mut().zip(v).for_each(|(x, &v)| *x += v / scale * step);
                };
                self.difference(f, x, y, input, shift, out)?;
            }
            for out in out {
                *out *= scale;
            }
        }
        Ok(())
    }
}

impl Pullback for FiniteDiff {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        derive::pullback_from_jacobian(self, f, x, y_bar, y, x_bar)
    }

    fn pullback_capability(&self, shape: Shape, _cotangents: usize) -> Capability {
        derive::derived(self.jacobian_capability(shape))
    }
}

impl Jacobian for FiniteDiff {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_jacobian(f, x, y, jacobian)? else { return Ok(()) };
        self.check_precision(f)?;
        for (i, x) in x.iter().enumerate() {
            self.check_size(i, x.primal())?;
        }
        let m = y.len();
        if is_f64::<S>() {
            return in_f64(x, y, |x, y| {
                self.crate_jacobian(f, x, y, |i, j, d| jacobian[i + j * m] = S::from(d))
            });
        }
        f.eval(x, y)?;
        for (j, column) in jacobian.chunks_exact_mut(m).enumerate() {
            let shift = |point: &mut [S], step: f64| point[j] += step;
            self.difference(f, x, y, j, shift, column)?;
        }
        Ok(())
    }
}

ad_api::backend!(FiniteDiff: pushforward, pullback, jacobian);
