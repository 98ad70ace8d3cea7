//! A function that differentiates inside: what perturbation confusion gets wrong.

use ad_api::{Backend, Failure, Function, Scalar};

/// `(x, y) ↦ x · ∂/∂t (x + t)|ₜ₌ᵧ + x · ∂/∂t (x t)|ₜ₌ᵧ + y · ∂/∂x (x² y)`, the first two inner
/// derivatives by the pushforward of `B`, the third by its pullback: `x + x² + 2 x y²`.
///
/// The inner derivatives are taken in the numbers of the outer one. An engine that mixes up the two
/// levels counts the outer perturbation of `x` in the first inner derivative, and gets 2 there.
#[derive(Debug, Clone)]
pub(crate) struct Nested<B> {
    backend: B,
}

impl<B: Backend> Nested<B> {
    pub(crate) fn new(backend: &B) -> Self {
        Nested { backend: backend.clone() }
    }
}

impl<B: Backend> Function for Nested<B> {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (zero, one) = (S::from(0.0), S::from(1.0));
        let (mut values, mut along_t, mut gradient) = ([zero; 3], [zero; 3], [zero; 2]);
        let b = &self.backend;
        b.pushforward_sweep(&Inner, x, &[zero, one], &mut values, &mut along_t)?;
        b.pullback_sweep(&Inner, x, &[zero, zero, one], &mut values, &mut gradient)?;
        y[0] = x[0] * along_t[0] + x[0] * along_t[1] + x[1] * gradient[0];
        Ok(())
    }

    fn precision(&self) -> f64 {
        self.backend.accuracy().relative()
    }
}

/// Value, gradient and Hessian (by columns) of [`Nested`].
pub(crate) fn expected(x: f64, y: f64) -> (f64, [f64; 2], [f64; 4]) {
    (
        x + x * x + 2.0 * x * y * y,
        [1.0 + 2.0 * x + 2.0 * y * y, 4.0 * x * y],
        [2.0, 4.0 * y, 4.0 * y, 4.0 * x],
    )
}

/// `(x, t) ↦ (x + t, x t, x² t)`.
#[derive(Debug, Clone)]
struct Inner;

impl Function for Inner {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        3
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.copy_from_slice(&[x[0] + x[1], x[0] * x[1], x[0] * x[0] * x[1]]);
        Ok(())
    }
}
