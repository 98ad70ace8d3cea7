//! What matrix-free solvers differentiate.

use ad_api::{AdError, Backend, Function, Prepared, Result, Shape};
use nalgebra::DVector;

use super::{HostMap, LinearMap, Vector};

/// A map `F: ℝⁿ → ℝᵐ` with its Jacobian as a linear map.
///
/// The methods take `&mut self` so that an implementation may keep memory between calls. Both must
/// be pure functions of `x`.
pub trait Differentiable<V: Vector> {
    /// The Jacobian at a point.
    type Linear: LinearMap<V>;

    /// `F(x)`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for a point of wrong length; the failure of `F`, of the engine or of the
    /// device.
    fn value(&mut self, x: &V) -> Result<V>;

    /// `F(x)` and the Jacobian there.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    fn linearize(&mut self, x: &V) -> Result<(V, Self::Linear)>;
}

/// A function `f: ℝⁿ → ℝ` with its gradient.
///
/// The methods take `&mut self`, so that a loss over random batches may draw the next one.
pub trait Objective<V: Vector> {
    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for a point of wrong length; the failure of `f`, of the engine or of the
    /// device.
    fn value(&mut self, x: &V) -> Result<f64>;

    /// `f(x)` and the gradient there.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    fn value_and_gradient(&mut self, x: &V) -> Result<(f64, V)>;
}

/// A [`Function`] on the host, differentiated by any [`Backend`].
///
/// It is [`Differentiable`] by [`Backend::linearize`], and an [`Objective`] by
/// [`Prepared::value_and_gradient`] if it has one output.
///
/// ```
/// use ad_algorithms::matrix_free::{Differentiable, LinearMap, Objective, OnHost};
/// use ad_algorithms::problems::Rosenbrock;
/// use ad_api::array::Flat;
/// use ad_dual::Dual;
/// use nalgebra::dvector;
///
/// let mut problem = OnHost::new(Dual::default(), Flat::new(Rosenbrock::new(2)?));
/// let (value, jacobian) = problem.linearize(&dvector![2.0, 3.0])?;
/// assert_eq!(value, dvector![-10.0, -1.0]);
/// assert_eq!(jacobian.apply(&dvector![1.0, 0.0])?, dvector![-40.0, -1.0]);
/// // Two outputs have no gradient.
/// assert!(problem.value_and_gradient(&dvector![2.0, 3.0]).is_err());
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OnHost<B: Backend, F: Function> {
    backend: B,
    f: F,
    prepared: Option<B::Prepared<F>>,
}

impl<B: Backend, F: Function> OnHost<B, F> {
    /// `f`, differentiated by `backend`.
    pub fn new(backend: B, f: F) -> Self {
        OnHost { backend, f, prepared: None }
    }

    fn prepared(&mut self, x: &DVector<f64>) -> Result<&mut B::Prepared<F>> {
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => self.backend.prepare(&self.f, x.as_slice())?,
        };
        Ok(self.prepared.insert(prepared))
    }
}

impl<B: Backend, F: Function> Differentiable<DVector<f64>> for OnHost<B, F> {
    type Linear = HostMap<B::Linearization<F>>;

    fn value(&mut self, x: &DVector<f64>) -> Result<DVector<f64>> {
        let mut y = DVector::zeros(self.f.outputs());
        ad_api::value(&self.f, x.as_slice(), y.as_mut_slice())?;
        Ok(y)
    }

    fn linearize(&mut self, x: &DVector<f64>) -> Result<(DVector<f64>, Self::Linear)> {
        let (value, jacobian) = self.backend.linearize(&self.f, x.as_slice())?;
        Ok((value, HostMap(jacobian)))
    }
}

impl<B: Backend, F: Function> Objective<DVector<f64>> for OnHost<B, F> {
    fn value(&mut self, x: &DVector<f64>) -> Result<f64> {
        let Shape { inputs, outputs } = Shape::of(&self.f);
        if outputs != 1 {
            let (needs, instead) = ("one output", "minimize its squares by `GaussNewton`");
            let operation = "objective";
            return Err(AdError::Arity { operation, needs, inputs, outputs, instead });
        }
        let mut y = [0.0];
        ad_api::value(&self.f, x.as_slice(), &mut y)?;
        Ok(y[0])
    }

    fn value_and_gradient(&mut self, x: &DVector<f64>) -> Result<(f64, DVector<f64>)> {
        self.prepared(x)?.value_and_gradient(x.as_slice())
    }
}
