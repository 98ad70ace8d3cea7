//! Array programs where their arrays live.

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Arrays, Dims, Linearization, Tensor, evaluate, linearize,
    unflatten,
};
use ad_api::{AdError, Result};

use super::{Differentiable, LinearMap, Objective};

/// An [`ArrayFunction`] on the device of an [`ArrayBackend`]: nothing but single numbers leaves it.
///
/// It is [`Differentiable`] by [`linearize`], over taped arrays of the engine's library: products
/// with the Jacobian and its transpose, any number of them. It is an [`Objective`] by the engine's
/// own reverse mode, if it has one output of one entry.
///
/// ```
/// use ad_algorithms::matrix_free::{NewtonKrylov, OnDevice, Vector};
/// use ad_algorithms::problems::{Bratu2d, Poisson, Problem};
/// use ad_native_reverse::NativeReverse;
///
/// let bratu = Bratu2d::new(9, 6.0)?;
/// let start = bratu.start();
/// // With another engine, such as one on a GPU, the rest stays as it is.
/// let mut problem = OnDevice::new(NativeReverse::default(), bratu);
/// let start = problem.vector(&start)?;
/// let mut poisson = Poisson::scaled(9)?;
/// let root = NewtonKrylov::default().solve_preconditioned(&mut problem, &start, &mut poisson)?;
/// assert!(root.status.is_converged(), "{}", root.status);
/// assert!((root.x.to_host()?[40] - 0.795_611).abs() < 1e-6); // in the middle
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OnDevice<E, F> {
    engine: E,
    f: F,
}

impl<E: ArrayBackend, F: ArrayFunction> OnDevice<E, F> {
    /// `f`, on the device of `engine`.
    pub fn new(engine: E, f: F) -> Self {
        OnDevice { engine, f }
    }

    /// The inputs of `f` on the device, from their entries one after another.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless there are as many as the inputs have; what the library reports.
    pub fn vector(&self, entries: &[f64]) -> Result<Arrays<E>> {
        unflatten(&self.engine.device()?, &self.f.inputs(), entries)
    }

    /// The shape of the one output, which has one entry.
    fn output(&self) -> Result<Dims> {
        let outputs = self.f.outputs();
        if let [dims] = outputs[..]
            && dims.count() == 1
        {
            return Ok(dims);
        }
        let count = |dims: &[Dims]| dims.iter().map(Dims::count).sum();
        Err(AdError::Arity {
            operation: "objective",
            needs: "one output of one entry",
            inputs: count(&self.f.inputs()),
            outputs: count(&outputs),
            instead: "minimize its squares by `GaussNewton`",
        })
    }
}

impl<E: ArrayBackend, F: ArrayFunction> Differentiable<Arrays<E>> for OnDevice<E, F> {
    type Linear = Linearization<E::Tensor>;

    fn value(&mut self, x: &Arrays<E>) -> Result<Arrays<E>> {
        evaluate(&self.f, x)
    }

    fn linearize(&mut self, x: &Arrays<E>) -> Result<(Arrays<E>, Self::Linear)> {
        linearize(&self.f, x)
    }
}

impl<E: ArrayBackend, F: ArrayFunction> Objective<Arrays<E>> for OnDevice<E, F> {
    fn value(&mut self, x: &Arrays<E>) -> Result<f64> {
        self.output()?;
        evaluate(&self.f, x)?[0].item()
    }

    fn value_and_gradient(&mut self, x: &Arrays<E>) -> Result<(f64, Arrays<E>)> {
        let y_bar = Array::full(&self.engine.device()?, self.output()?, 1.0);
        let (y, mut x_bars) = self.engine.value_and_pullbacks(&self.f, x, &[vec![y_bar]])?;
        Ok((y[0].item()?, x_bars.remove(0)))
    }
}

impl<T: Tensor> LinearMap<Vec<Array<T>>> for Linearization<T> {
    fn apply(&self, v: &Vec<Array<T>>) -> Result<Vec<Array<T>>> {
        Linearization::apply(self, v)
    }

    fn apply_transpose(&self, w: &Vec<Array<T>>) -> Result<Vec<Array<T>>> {
        Linearization::apply_transpose(self, w)
    }
}
