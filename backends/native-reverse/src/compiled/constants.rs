//! Inputs that have no derivatives.

use ad_api::{AdError, Failure, Function, Result, Scalar, scratch};

/// A function some of whose inputs are constant: derivatives with respect to them are zero.
///
/// Compiled code computes nothing for these derivatives, and the inputs may still have other values in
/// each call, data for instance, without recording again.
///
/// ```
/// use ad_api::{Backend, Failure, Function, Prepared, Scalar};
/// use ad_native_reverse::{Constants, NativeReverse};
///
/// /// `(a t - z)²` for parameter `a` and data `t`, `z`.
/// #[derive(Clone)]
/// struct Misfit;
/// impl Function for Misfit {
///     fn inputs(&self) -> usize { 3 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = (x[0] * x[1] - x[2]).powi(2);
///         Ok(())
///     }
/// }
/// let f = Constants::new(Misfit, &[1, 2])?;
/// let mut prepared = NativeReverse::compiled().prepare(&f, &[2.0, 1.0, 1.0])?;
/// assert_eq!(prepared.gradient(&[2.0, 1.0, 1.0])?.as_slice(), [2.0, 0.0, 0.0]);
/// assert_eq!(prepared.gradient(&[2.0, 3.0, 5.0])?.as_slice(), [6.0, 0.0, 0.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Constants<F> {
    f: F,
    constant: Vec<bool>,
}

impl<F: Function> Constants<F> {
    /// `f` with these inputs constant.
    ///
    /// # Errors
    ///
    /// [`AdError::Index`] for an input that `f` does not have.
    pub fn new(f: F, inputs: &[usize]) -> Result<Self> {
        let mut constant = vec![false; f.inputs()];
        for &input in inputs {
            let limit = constant.len();
            let constant = constant.get_mut(input);
            *constant.ok_or(AdError::Index { what: "inputs", found: input, limit })? = true;
        }
        Ok(Constants { f, constant })
    }
}

impl<F: Function> Function for Constants<F> {
    fn inputs(&self) -> usize {
        self.f.inputs()
    }

    fn outputs(&self) -> usize {
        self.f.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        scratch::with(x.len(), |inputs: &mut [S]| {
            for ((input, &x), &constant) in inputs.iter_mut().zip(x).zip(&self.constant) {
                *input = if constant { x.detached() } else { x };
            }
            self.f.eval(inputs, y)
        })
    }

    fn precision(&self) -> f64 {
        self.f.precision()
    }
}
