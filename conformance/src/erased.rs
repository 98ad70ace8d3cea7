//! Backends behind trait objects, so that the checks are compiled once and not for every backend.
//!
//! What a backend's suite compiles is one set of instances of its generic methods, for the two function
//! types of the suite; the checks only see these traits.

use std::fmt::Debug;
use std::sync::Arc;

use ad_api::{
    Backend, Capability, Differentiate, Engine, LinearOperator, Operation, Prepared, Result, Shape,
};
use nalgebra::{DMatrix, DVector};

use crate::nested::Nested;
use crate::{Counted, Program};

/// The function type of the suite.
pub(crate) type Probe = Counted<Program>;

macro_rules! operations {
    ($($name:ident($($arg:ident: $Arg:ty),*) -> $Out:ty;)*) => {
        /// Every operation of the interface: of a preparation, or computed once.
        pub(crate) trait Operations: Send {
            fn duplicate(&self) -> Box<dyn Operations>;
            fn value_gradient_and_weighted_hvp_into(
                &mut self, x: &[f64], w: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64],
            ) -> Result<f64>;
            fn value_gradient_and_weighted_hessian_into(
                &mut self, x: &[f64], w: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>,
            ) -> Result<f64>;
            fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()>;
            $(fn $name(&mut self, $($arg: $Arg),*) -> Result<$Out>;)*
        }

        impl<P: Prepared + 'static> Operations for P {
            fn duplicate(&self) -> Box<dyn Operations> {
                Box::new(self.clone())
            }
            fn value_gradient_and_weighted_hvp_into(
                &mut self, x: &[f64], w: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64],
            ) -> Result<f64> {
                Prepared::value_gradient_and_weighted_hvp_into(self, x, w, v, gradient, hv)
            }
            fn value_gradient_and_weighted_hessian_into(
                &mut self, x: &[f64], w: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>,
            ) -> Result<f64> {
                Prepared::value_gradient_and_weighted_hessian_into(self, x, w, gradient, hessian)
            }
            fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
                Prepared::value_into(self, x, y)
            }
            $(fn $name(&mut self, $($arg: $Arg),*) -> Result<$Out> {
                Prepared::$name(self, $($arg),*)
            })*
        }

        impl<B: Backend> Operations for OneShot<B> {
            fn duplicate(&self) -> Box<dyn Operations> {
                Box::new(self.clone())
            }
            fn value_gradient_and_weighted_hvp_into(
                &mut self, x: &[f64], w: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64],
            ) -> Result<f64> {
                // Has no one-shot form: prepared at the point.
                let mut prepared = Backend::prepare(&self.backend, &self.f, x)?;
                Prepared::value_gradient_and_weighted_hvp_into(&mut prepared, x, w, v, gradient, hv)
            }
            fn value_gradient_and_weighted_hessian_into(
                &mut self, x: &[f64], w: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>,
            ) -> Result<f64> {
                let mut prepared = Backend::prepare(&self.backend, &self.f, x)?;
                Prepared::value_gradient_and_weighted_hessian_into(&mut prepared, x, w, gradient, hessian)
            }
            fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
                Prepared::value_into(&mut Backend::prepare(&self.backend, &self.f, x)?, x, y)
            }
            $(fn $name(&mut self, $($arg: $Arg),*) -> Result<$Out> {
                Differentiate::$name(&self.backend, &self.f, $($arg),*)
            })*
        }
    };
}

/// The one-shot forms of a backend, bound to a function.
#[derive(Clone)]
pub(crate) struct OneShot<B> {
    backend: B,
    f: Probe,
}

operations! {
    value(x: &[f64]) -> DVector<f64>;
    pushforward(x: &[f64], x_dot: &[f64]) -> DVector<f64>;
    pushforward_into(x: &[f64], x_dot: &[f64], y_dot: &mut [f64]) -> ();
    value_and_pushforward(x: &[f64], x_dot: &[f64]) -> (DVector<f64>, DVector<f64>);
    value_and_pushforward_into(x: &[f64], x_dot: &[f64], y: &mut [f64], y_dot: &mut [f64]) -> ();
    pullback(x: &[f64], y_bar: &[f64]) -> DVector<f64>;
    pullback_into(x: &[f64], y_bar: &[f64], x_bar: &mut [f64]) -> ();
    value_and_pullback(x: &[f64], y_bar: &[f64]) -> (DVector<f64>, DVector<f64>);
    value_and_pullback_into(x: &[f64], y_bar: &[f64], y: &mut [f64], x_bar: &mut [f64]) -> ();
    jacobian(x: &[f64]) -> DMatrix<f64>;
    jacobian_into(x: &[f64], jacobian: &mut DMatrix<f64>) -> ();
    value_and_jacobian(x: &[f64]) -> (DVector<f64>, DMatrix<f64>);
    value_and_jacobian_into(x: &[f64], y: &mut [f64], jacobian: &mut DMatrix<f64>) -> ();
    derivative(x: f64) -> f64;
    derivative_into(x: f64, derivative: &mut [f64]) -> ();
    value_and_derivative(x: f64) -> (f64, f64);
    value_and_derivative_into(x: f64, y: &mut [f64], derivative: &mut [f64]) -> ();
    gradient(x: &[f64]) -> DVector<f64>;
    gradient_into(x: &[f64], gradient: &mut [f64]) -> ();
    value_and_gradient(x: &[f64]) -> (f64, DVector<f64>);
    value_and_gradient_into(x: &[f64], gradient: &mut [f64]) -> f64;
    second_derivative(x: f64) -> f64;
    second_derivative_into(x: f64, second: &mut [f64]) -> ();
    value_and_second_derivative(x: f64) -> (f64, f64);
    value_and_second_derivative_into(x: f64, y: &mut [f64], second: &mut [f64]) -> ();
    value_derivative_and_second_derivative(x: f64) -> (f64, f64, f64);
    value_derivative_and_second_derivative_into(x: f64, y: &mut [f64], derivative: &mut [f64], second: &mut [f64]) -> ();
    hessian(x: &[f64]) -> DMatrix<f64>;
    hessian_into(x: &[f64], hessian: &mut DMatrix<f64>) -> ();
    value_and_hessian(x: &[f64]) -> (f64, DMatrix<f64>);
    value_and_hessian_into(x: &[f64], hessian: &mut DMatrix<f64>) -> f64;
    value_gradient_and_hessian(x: &[f64]) -> (f64, DVector<f64>, DMatrix<f64>);
    value_gradient_and_hessian_into(x: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>) -> f64;
    hvp(x: &[f64], v: &[f64]) -> DVector<f64>;
    hvp_into(x: &[f64], v: &[f64], hv: &mut [f64]) -> ();
    value_and_hvp(x: &[f64], v: &[f64]) -> (f64, DVector<f64>);
    value_and_hvp_into(x: &[f64], v: &[f64], hv: &mut [f64]) -> f64;
    value_gradient_and_hvp(x: &[f64], v: &[f64]) -> (f64, DVector<f64>, DVector<f64>);
    value_gradient_and_hvp_into(x: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64]) -> f64;
    weighted_hessian(x: &[f64], w: &[f64]) -> DMatrix<f64>;
    weighted_hessian_into(x: &[f64], w: &[f64], hessian: &mut DMatrix<f64>) -> ();
    value_and_weighted_hessian(x: &[f64], w: &[f64]) -> (f64, DMatrix<f64>);
    value_and_weighted_hessian_into(x: &[f64], w: &[f64], hessian: &mut DMatrix<f64>) -> f64;
}

/// A backend, as the checks see it.
pub(crate) trait ErasedBackend: Send + Sync {
    fn name(&self) -> String;
    /// The relative errors of first derivatives by the inner and by the outer engine.
    fn accuracies(&self) -> (ad_api::Accuracy, ad_api::Accuracy);
    fn prepare(&self, f: &Probe, x: &[f64]) -> Result<Box<dyn Operations>>;
    fn one_shot(&self, f: &Probe) -> Box<dyn Operations>;
    fn linearize(&self, f: &Probe, x: &[f64]) -> Result<(DVector<f64>, AnyOperator)>;
    fn lazy_derivative(&self, f: &Probe, x: f64) -> Result<AnyOperator>;
    fn lazy_gradient(&self, f: &Probe, x: &[f64]) -> Result<AnyOperator>;
    fn lazy_jacobian(&self, f: &Probe, x: &[f64]) -> Result<AnyOperator>;
    fn lazy_hessian(&self, f: &Probe, x: &[f64]) -> Result<AnyOperator>;
    fn third_derivative(&self, f: &Probe, x: f64) -> Result<f64>;
    fn capability(&self, operation: Operation, shape: Shape) -> Capability;
    fn pushforward_capability(&self, shape: Shape, seeds: usize) -> Capability;
    fn pullback_capability(&self, shape: Shape, seeds: usize) -> Capability;
    /// Value and gradient, at `x: 2`, of a function that differentiates inside.
    fn nested_gradient(&self, x: &[f64]) -> Result<(f64, DVector<f64>)>;
    /// Hessian, at `x: 2`, of the same function.
    fn nested_hessian(&self, x: &[f64]) -> Result<DMatrix<f64>>;
}

impl<B: Backend> ErasedBackend for B {
    fn name(&self) -> String {
        Engine::name(self)
    }

    fn accuracies(&self) -> (ad_api::Accuracy, ad_api::Accuracy) {
        (self.inner().accuracy(), self.outer().accuracy())
    }

    fn prepare(&self, f: &Probe, x: &[f64]) -> Result<Box<dyn Operations>> {
        Ok(Box::new(Backend::prepare(self, f, x)?))
    }

    fn one_shot(&self, f: &Probe) -> Box<dyn Operations> {
        Box::new(OneShot { backend: self.clone(), f: f.clone() })
    }

    fn linearize(&self, f: &Probe, x: &[f64]) -> Result<(DVector<f64>, AnyOperator)> {
        let (y, operator) = Backend::linearize(self, f, x)?;
        Ok((y, AnyOperator::new(operator)))
    }

    fn lazy_derivative(&self, f: &Probe, x: f64) -> Result<AnyOperator> {
        Differentiate::lazy_derivative(self, f, x).map(AnyOperator::new)
    }

    fn lazy_gradient(&self, f: &Probe, x: &[f64]) -> Result<AnyOperator> {
        Differentiate::lazy_gradient(self, f, x).map(AnyOperator::new)
    }

    fn lazy_jacobian(&self, f: &Probe, x: &[f64]) -> Result<AnyOperator> {
        Differentiate::lazy_jacobian(self, f, x).map(AnyOperator::new)
    }

    fn lazy_hessian(&self, f: &Probe, x: &[f64]) -> Result<AnyOperator> {
        Differentiate::lazy_hessian(self, f, x).map(AnyOperator::new)
    }

    fn third_derivative(&self, f: &Probe, x: f64) -> Result<f64> {
        Differentiate::third_derivative(self, f, x)
    }

    fn capability(&self, operation: Operation, shape: Shape) -> Capability {
        Differentiate::capability(self, operation, shape)
    }

    fn pushforward_capability(&self, shape: Shape, seeds: usize) -> Capability {
        ad_api::Pushforward::pushforward_capability(self, shape, seeds)
    }

    fn pullback_capability(&self, shape: Shape, seeds: usize) -> Capability {
        ad_api::Pullback::pullback_capability(self, shape, seeds)
    }

    fn nested_gradient(&self, x: &[f64]) -> Result<(f64, DVector<f64>)> {
        let mut prepared = Backend::prepare(self, &Nested::new(self), &[0.0; 2])?;
        Prepared::value_and_gradient(&mut prepared, x)
    }

    fn nested_hessian(&self, x: &[f64]) -> Result<DMatrix<f64>> {
        let mut prepared = Backend::prepare(self, &Nested::new(self), &[0.0; 2])?;
        Prepared::hessian(&mut prepared, x)
    }
}

/// A linear operator behind a trait object, so that the algebra of [`ad_api::Lazy`] is compiled once.
#[derive(Debug, Clone)]
pub(crate) struct AnyOperator(Arc<dyn ErasedOperator>);

impl AnyOperator {
    pub(crate) fn new<A: LinearOperator + 'static>(operator: A) -> Self {
        AnyOperator(Arc::new(operator))
    }
}

trait ErasedOperator: Debug + Send + Sync {
    fn shape(&self) -> (usize, usize);
    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()>;
    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()>;
    fn materialize(&self) -> Result<DMatrix<f64>>;
}

impl<A: LinearOperator> ErasedOperator for A {
    fn shape(&self) -> (usize, usize) {
        (self.rows(), self.columns())
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        LinearOperator::apply_into(self, v, out)
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        LinearOperator::apply_transpose_into(self, w, out)
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        LinearOperator::materialize(self)
    }
}

impl LinearOperator for AnyOperator {
    fn rows(&self) -> usize {
        self.0.shape().0
    }

    fn columns(&self) -> usize {
        self.0.shape().1
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_into(v, out)
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_transpose_into(w, out)
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        self.0.materialize()
    }
}
