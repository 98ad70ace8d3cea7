//! A function at a point.

use std::fmt::{self, Debug};
use std::sync::Arc;

use nalgebra::DMatrix;

use super::slot::{flatten, read};
use super::{Inputs, PreparedAt, Program, Slot, TypedFunction};
use crate::{AdError, Backend, Params, Result};

/// A function of structured arguments at a point: what `at` of a `#[differentiable]` function gives.
///
/// `D` has a field for each argument: the type of a point, a gradient and a tangent, with `()` for
/// what is [`Constant`](super::Constant). Derivatives are with respect to the active arguments
/// together: a pushforward is the total derivative along all their tangents.
///
/// Every operation is a preparation and one call; a loop should [`prepare`](Self::prepare) once.
///
/// Matrices are flat: column `j` of a Jacobian belongs to scalar `j` of the active arguments, in the
/// order of the arguments and their fields, row `i` to scalar `i` of the result.
///
/// # Errors
///
/// The operations return the failure of the function, [`AdError::Shape`] for a tangent or cotangent
/// whose lengths are not those of the point or the result, and what the backend adds.
///
/// # Example
///
/// ```
/// use ad_api::Scalar;
/// use ad_derive::differentiable;
/// use ad_dual::Dual;
///
/// #[differentiable]
/// fn polar<S: Scalar>(radius: S, angle: S) -> [S; 2] {
///     [radius * angle.cos(), radius * angle.sin()]
/// }
/// let at = polar::at(2.0, 0.0);
/// let tangent = polar { radius: 1.0, angle: 0.5 };
/// assert_eq!(at.pushforward(&Dual::default(), &tangent)?, [1.0, 1.0]);
/// assert_eq!(at.pullback(&Dual::default(), &[0.0, 3.0])?, polar { radius: 0.0, angle: 6.0 });
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[must_use]
pub struct At<P, D> {
    program: Arc<P>,
    active: Arc<[bool]>,
    point: D,
}

impl<P, D: Clone> Clone for At<P, D> {
    fn clone(&self) -> Self {
        At { program: self.program.clone(), active: self.active.clone(), point: self.point.clone() }
    }
}

impl<P, D: Debug> Debug for At<P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("At").field("point", &self.point).finish_non_exhaustive()
    }
}

#[allow(clippy::missing_errors_doc, reason = "the errors of all methods are those of the type")]
impl<P: Program, D: Slot> At<P, D> {
    /// `program` holds all arguments, `point` the slots of the `active` ones.
    #[doc(hidden)]
    pub fn new(program: P, active: &[bool], point: D) -> Self {
        At { program: Arc::new(program), active: active.into(), point }
    }

    /// The active arguments by name.
    pub fn point(&self) -> &D {
        &self.point
    }

    /// A tangent of zeros, to start from: `price { time: 1.0, ..at.zeros() }`.
    pub fn zeros(&self) -> D {
        let mut zeros = self.point.clone();
        zeros.for_each_scalar_mut(&mut |scalar| *scalar = 0.0);
        zeros
    }

    /// The scalars of the active arguments: the point of [`function`](Self::function).
    pub fn flat(&self) -> Vec<f64> {
        flatten(&self.point)
    }

    /// The active arguments with other scalars, as a solver returns them.
    pub fn unflatten(&self, flat: &[f64]) -> Result<D> {
        AdError::check_len("flat", flat.len(), self.flat().len(), "the active scalars")?;
        let mut point = self.point.clone();
        read(flat, &mut point);
        Ok(point)
    }

    /// The function of the active scalars alone, for algorithms that take any [`Function`](crate::Function).
    ///
    /// Where the type of the result leaves its lengths open, they are found by one evaluation, and an
    /// evaluation that finds others later is an error.
    pub fn function(&self) -> Result<TypedFunction<P>> {
        Ok(self.function_and_result()?.0)
    }

    /// The function, and a value of the shape of its results.
    fn function_and_result(&self) -> Result<(TypedFunction<P>, P::Output<f64>)> {
        let result = match P::Output::<f64>::template() {
            Some(template) => template,
            None => self.value()?,
        };
        let inputs = self.flat().len();
        Ok((TypedFunction::new(&self.program, &self.active, inputs, &result), result))
    }

    /// Binds the function and the shape of the arguments to `backend`, for loops.
    pub fn prepare<B: Backend>(&self, backend: &B) -> Result<PreparedAt<B, P, D>> {
        let (function, result) = self.function_and_result()?;
        PreparedAt::new(backend, &function, &self.point, result)
    }

    /// The function's value.
    pub fn value(&self) -> Result<P::Output<f64>> {
        Ok(self.program.run(Inputs::new(&self.flat(), &self.active))?)
    }

    /// The derivative along a tangent, in the type of the result.
    pub fn pushforward<B: Backend>(&self, backend: &B, tangent: &D) -> Result<P::Output<f64>> {
        Ok(self.value_and_pushforward(backend, tangent)?.1)
    }

    /// The value, and the derivative along a tangent.
    pub fn value_and_pushforward<B: Backend>(
        &self,
        backend: &B,
        tangent: &D,
    ) -> Result<(P::Output<f64>, P::Output<f64>)> {
        self.prepare(backend)?.value_and_pushforward(&self.point, tangent)
    }

    /// The transposed derivative of a cotangent, which has the type of the result.
    pub fn pullback<B: Backend>(&self, backend: &B, cotangent: &P::Output<f64>) -> Result<D> {
        Ok(self.value_and_pullback(backend, cotangent)?.1)
    }

    /// The value, and the transposed derivative of a cotangent.
    pub fn value_and_pullback<B: Backend>(
        &self,
        backend: &B,
        cotangent: &P::Output<f64>,
    ) -> Result<(P::Output<f64>, D)> {
        self.prepare(backend)?.value_and_pullback(&self.point, cotangent)
    }

    /// The Jacobian: a row for each scalar of the result, a column for each active one.
    pub fn jacobian<B: Backend>(&self, backend: &B) -> Result<DMatrix<f64>> {
        Ok(self.value_and_jacobian(backend)?.1)
    }

    /// The value and the Jacobian.
    pub fn value_and_jacobian<B: Backend>(
        &self,
        backend: &B,
    ) -> Result<(P::Output<f64>, DMatrix<f64>)> {
        self.prepare(backend)?.value_and_jacobian(&self.point)
    }

    /// The Jacobian with respect to each argument, by name; `()` for a constant one.
    pub fn jacobian_blocks<B: Backend>(&self, backend: &B) -> Result<D::Block> {
        let jacobian = self.jacobian(backend)?;
        let mut first = 0;
        Ok(self.point.block(&mut |columns| {
            let block = jacobian.columns(first, columns).into_owned();
            first += columns;
            block
        }))
    }

    /// The derivative with respect to the one active scalar, in the type of the result.
    ///
    /// [`AdError::Arity`] if there are more.
    pub fn derivative<B: Backend>(&self, backend: &B) -> Result<P::Output<f64>> {
        self.prepare(backend)?.derivative(&self.point)
    }

    /// The second derivative with respect to the one active scalar, in the type of the result.
    ///
    /// [`AdError::Arity`] if there are more.
    pub fn second_derivative<B: Backend>(&self, backend: &B) -> Result<P::Output<f64>> {
        self.prepare(backend)?.second_derivative(&self.point)
    }
}

#[allow(clippy::missing_errors_doc, reason = "the errors of all methods are those of the type")]
impl<P: Program<Output<f64> = f64>, D: Slot> At<P, D> {
    /// The gradient, in the types of the arguments.
    pub fn gradient<B: Backend>(&self, backend: &B) -> Result<D> {
        Ok(self.value_and_gradient(backend)?.1)
    }

    /// The value and the gradient.
    pub fn value_and_gradient<B: Backend>(&self, backend: &B) -> Result<(f64, D)> {
        self.prepare(backend)?.value_and_gradient(&self.point)
    }

    /// The Hessian: a row and a column for each active scalar.
    pub fn hessian<B: Backend>(&self, backend: &B) -> Result<DMatrix<f64>> {
        Ok(self.value_gradient_and_hessian(backend)?.2)
    }

    /// Value, gradient and Hessian from one computation.
    pub fn value_gradient_and_hessian<B: Backend>(
        &self,
        backend: &B,
    ) -> Result<(f64, D, DMatrix<f64>)> {
        self.prepare(backend)?.value_gradient_and_hessian(&self.point)
    }

    /// The Hessian times a vector, both in the types of the arguments.
    pub fn hvp<B: Backend>(&self, backend: &B, vector: &D) -> Result<D> {
        self.prepare(backend)?.hvp(&self.point, vector)
    }
}
