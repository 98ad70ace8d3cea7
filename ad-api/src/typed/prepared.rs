//! Derivatives of a typed function in a loop.

use std::fmt::{self, Debug};

use nalgebra::DMatrix;

use super::slot::{Lengths, flatten, read, write};
use super::{Program, Slot, TypedFunction};
use crate::{Backend, Params, Prepared, Result};

/// Derivatives of a function of structured arguments, ready to be computed again and again.
///
/// Made by [`At::prepare`](super::At::prepare). The lengths of the arguments and the values of the
/// constant ones are those of the preparation; constant fields of structs too. The `_into` forms
/// allocate nothing that the function does not allocate itself.
///
/// # Errors
///
/// Every method returns [`AdError::Shape`](crate::AdError::Shape) where a length differs from the
/// preparation's, naming the field, and what [`Prepared`] reports.
///
/// # Example
///
/// ```
/// use ad_api::Scalar;
/// use ad_derive::differentiable;
/// use ad_dual::Dual;
///
/// #[differentiable]
/// fn distance<S: Scalar>(x: &[S], target: &[f64]) -> S {
///     x.iter().zip(target).map(|(&x, &t)| (x - t) * (x - t)).sum()
/// }
/// let at = distance::at(&[0.0, 0.0], &[1.0, 2.0]);
/// let mut prepared = at.prepare(&Dual::default())?;
/// let (mut point, mut gradient) = (at.point().clone(), at.point().clone());
/// for _ in 0..50 {
///     prepared.value_and_gradient_into(&point, &mut gradient)?;
///     point.x.iter_mut().zip(&gradient.x).for_each(|(x, g)| *x -= 0.25 * g);
/// }
/// assert!((point.x[1] - 2.0).abs() < 1e-12);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct PreparedAt<B: Backend, P: Program, D: Slot> {
    prepared: B::Prepared<TypedFunction<P>>,
    point: D,
    arguments: Lengths,
    results: Lengths,
    result: P::Output<f64>,
    x: Vec<f64>,
    x_dot: Vec<f64>,
    y: Vec<f64>,
    y_dot: Vec<f64>,
}

impl<B: Backend, P: Program, D: Slot + Debug> Debug for PreparedAt<B, P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedAt").field("point", &self.point).finish_non_exhaustive()
    }
}

#[allow(clippy::missing_errors_doc, reason = "the errors of all methods are those of the type")]
impl<B: Backend, P: Program, D: Slot> PreparedAt<B, P, D> {
    pub(super) fn new(
        backend: &B,
        function: &TypedFunction<P>,
        point: &D,
        result: P::Output<f64>,
    ) -> Result<Self> {
        let (x, y) = (flatten(point), result.flatten());
        Ok(PreparedAt {
            prepared: backend.prepare(function, &x)?,
            point: point.clone(),
            arguments: Lengths::of(point, "its length at the point of preparation"),
            results: Lengths::of(&result, "as in the result of the function"),
            x_dot: x.clone(),
            x,
            y_dot: y.clone(),
            y,
            result,
        })
    }

    /// The point of preparation.
    pub fn point(&self) -> &D {
        &self.point
    }

    /// The preparation of the flat function.
    pub fn flat(&mut self) -> &mut B::Prepared<TypedFunction<P>> {
        &mut self.prepared
    }

    fn set_point(&mut self, point: &D) -> Result<()> {
        self.arguments.check_slot(point, "point")?;
        write(point, &mut self.x);
        Ok(())
    }

    fn set_tangent(&mut self, tangent: &D) -> Result<()> {
        self.arguments.check_slot(tangent, "tangent")?;
        write(tangent, &mut self.x_dot);
        Ok(())
    }

    /// The function's value.
    pub fn value(&mut self, point: &D) -> Result<P::Output<f64>> {
        let mut value = self.result.clone();
        self.value_into(point, &mut value)?;
        Ok(value)
    }

    /// Writes the function's value.
    pub fn value_into(&mut self, point: &D, value: &mut P::Output<f64>) -> Result<()> {
        self.set_point(point)?;
        self.results.check_slot(value, "value")?;
        self.prepared.value_into(&self.x, &mut self.y)?;
        read(&self.y, value);
        Ok(())
    }

    /// The derivative along a tangent, in the type of the result.
    pub fn pushforward(&mut self, point: &D, tangent: &D) -> Result<P::Output<f64>> {
        Ok(self.value_and_pushforward(point, tangent)?.1)
    }

    /// The value, and the derivative along a tangent.
    pub fn value_and_pushforward(
        &mut self,
        point: &D,
        tangent: &D,
    ) -> Result<(P::Output<f64>, P::Output<f64>)> {
        let (mut value, mut derivative) = (self.result.clone(), self.result.clone());
        self.value_and_pushforward_into(point, tangent, &mut value, &mut derivative)?;
        Ok((value, derivative))
    }

    /// Writes the value, and the derivative along a tangent.
    pub fn value_and_pushforward_into(
        &mut self,
        point: &D,
        tangent: &D,
        value: &mut P::Output<f64>,
        derivative: &mut P::Output<f64>,
    ) -> Result<()> {
        self.set_point(point)?;
        self.set_tangent(tangent)?;
        self.results.check_slot(value, "value")?;
        self.results.check_slot(derivative, "derivative")?;
        self.prepared.value_and_pushforward_into(
            &self.x,
            &self.x_dot,
            &mut self.y,
            &mut self.y_dot,
        )?;
        read(&self.y, value);
        read(&self.y_dot, derivative);
        Ok(())
    }

    /// The transposed derivative of a cotangent, which has the type of the result.
    pub fn pullback(&mut self, point: &D, cotangent: &P::Output<f64>) -> Result<D> {
        Ok(self.value_and_pullback(point, cotangent)?.1)
    }

    /// The value, and the transposed derivative of a cotangent.
    pub fn value_and_pullback(
        &mut self,
        point: &D,
        cotangent: &P::Output<f64>,
    ) -> Result<(P::Output<f64>, D)> {
        let (mut value, mut derivative) = (self.result.clone(), point.clone());
        self.value_and_pullback_into(point, cotangent, &mut value, &mut derivative)?;
        Ok((value, derivative))
    }

    /// Writes the value, and the transposed derivative of a cotangent.
    pub fn value_and_pullback_into(
        &mut self,
        point: &D,
        cotangent: &P::Output<f64>,
        value: &mut P::Output<f64>,
        derivative: &mut D,
    ) -> Result<()> {
        self.set_point(point)?;
        self.arguments.check_slot(derivative, "derivative")?;
        self.results.check_slot(cotangent, "cotangent")?;
        self.results.check_slot(value, "value")?;
        write(cotangent, &mut self.y_dot);
        self.prepared.value_and_pullback_into(
            &self.x,
            &self.y_dot,
            &mut self.y,
            &mut self.x_dot,
        )?;
        read(&self.y, value);
        read(&self.x_dot, derivative);
        Ok(())
    }

    /// The Jacobian: a row for each scalar of the result, a column for each active one.
    pub fn jacobian(&mut self, point: &D) -> Result<DMatrix<f64>> {
        Ok(self.value_and_jacobian(point)?.1)
    }

    /// The value and the Jacobian.
    pub fn value_and_jacobian(&mut self, point: &D) -> Result<(P::Output<f64>, DMatrix<f64>)> {
        let mut value = self.result.clone();
        let mut jacobian = DMatrix::zeros(self.y.len(), self.x.len());
        self.value_and_jacobian_into(point, &mut value, &mut jacobian)?;
        Ok((value, jacobian))
    }

    /// Writes the value and the Jacobian.
    pub fn value_and_jacobian_into(
        &mut self,
        point: &D,
        value: &mut P::Output<f64>,
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()> {
        self.set_point(point)?;
        self.results.check_slot(value, "value")?;
        self.prepared.value_and_jacobian_into(&self.x, &mut self.y, jacobian)?;
        read(&self.y, value);
        Ok(())
    }

    /// The derivative with respect to the one active scalar, in the type of the result.
    ///
    /// [`AdError::Arity`](crate::AdError::Arity) if there are more.
    pub fn derivative(&mut self, point: &D) -> Result<P::Output<f64>> {
        self.prepared.shape().one_input("derivative", "use `gradient` or `jacobian`")?;
        self.set_point(point)?;
        self.prepared.value_and_derivative_into(self.x[0], &mut self.y, &mut self.y_dot)?;
        self.result.unflatten(&self.y_dot)
    }

    /// The second derivative with respect to the one active scalar, in the type of the result.
    ///
    /// [`AdError::Arity`](crate::AdError::Arity) if there are more.
    pub fn second_derivative(&mut self, point: &D) -> Result<P::Output<f64>> {
        self.prepared.shape().one_input("second_derivative", "use `hessian`")?;
        self.set_point(point)?;
        self.prepared.value_and_second_derivative_into(self.x[0], &mut self.y, &mut self.y_dot)?;
        self.result.unflatten(&self.y_dot)
    }
}

#[allow(clippy::missing_errors_doc, reason = "the errors of all methods are those of the type")]
impl<B: Backend, P: Program<Output<f64> = f64>, D: Slot> PreparedAt<B, P, D> {
    /// The gradient, in the types of the arguments.
    pub fn gradient(&mut self, point: &D) -> Result<D> {
        Ok(self.value_and_gradient(point)?.1)
    }

    /// The value and the gradient.
    pub fn value_and_gradient(&mut self, point: &D) -> Result<(f64, D)> {
        let mut gradient = point.clone();
        let value = self.value_and_gradient_into(point, &mut gradient)?;
        Ok((value, gradient))
    }

    /// Writes the gradient and returns the value.
    pub fn value_and_gradient_into(&mut self, point: &D, gradient: &mut D) -> Result<f64> {
        self.set_point(point)?;
        self.arguments.check_slot(gradient, "gradient")?;
        let value = self.prepared.value_and_gradient_into(&self.x, &mut self.x_dot)?;
        read(&self.x_dot, gradient);
        Ok(value)
    }

    /// The Hessian: a row and a column for each active scalar.
    pub fn hessian(&mut self, point: &D) -> Result<DMatrix<f64>> {
        Ok(self.value_gradient_and_hessian(point)?.2)
    }

    /// Value, gradient and Hessian from one computation.
    pub fn value_gradient_and_hessian(&mut self, point: &D) -> Result<(f64, D, DMatrix<f64>)> {
        let (mut gradient, n) = (point.clone(), self.x.len());
        let mut hessian = DMatrix::zeros(n, n);
        let value = self.value_gradient_and_hessian_into(point, &mut gradient, &mut hessian)?;
        Ok((value, gradient, hessian))
    }

    /// Writes gradient and Hessian and returns the value.
    pub fn value_gradient_and_hessian_into(
        &mut self,
        point: &D,
        gradient: &mut D,
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        self.set_point(point)?;
        self.arguments.check_slot(gradient, "gradient")?;
        let value =
            self.prepared.value_gradient_and_hessian_into(&self.x, &mut self.x_dot, hessian)?;
        read(&self.x_dot, gradient);
        Ok(value)
    }

    /// The Hessian times a vector, both in the types of the arguments.
    pub fn hvp(&mut self, point: &D, vector: &D) -> Result<D> {
        let mut hv = point.clone();
        self.value_and_hvp_into(point, vector, &mut hv)?;
        Ok(hv)
    }

    /// Writes the Hessian times a vector and returns the value.
    pub fn value_and_hvp_into(&mut self, point: &D, vector: &D, hv: &mut D) -> Result<f64> {
        self.set_point(point)?;
        self.set_tangent(vector)?;
        self.arguments.check_slot(hv, "hv")?;
        crate::scratch::with(self.x.len(), |flat: &mut [f64]| {
            let value = self.prepared.value_and_hvp_into(&self.x, &self.x_dot, flat)?;
            read(flat, hv);
            Ok(value)
        })
    }
}
