//! The hot path: a tape of its own.

use ad_api::{
    AdError, Function, Prepared, Result, SecondOrder, Shape, check_matrix, forward_second_order,
    value,
};
use nalgebra::DMatrix;

use crate::NativeReverse;
use crate::backend::Workspace;

/// Derivatives of one function, with a tape and adjoints that are kept from call to call.
///
/// Each call records anew, so that branches follow the point.
pub struct TapePrepared<F: Function> {
    f: F,
    work: Workspace<f64>,
    second: SecondOrder<NativeReverse, NativeReverse, F>,
}

impl<F: Function> TapePrepared<F> {
    /// Binds to `f`; see [`Backend::prepare`](ad_api::Backend::prepare).
    pub(crate) fn new(backend: NativeReverse, f: &F, x: &[f64]) -> Result<Self> {
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        Ok(Self::empty(f.clone(), SecondOrder::new(&backend, &backend, f)))
    }

    fn empty(f: F, second: SecondOrder<NativeReverse, NativeReverse, F>) -> Self {
        TapePrepared { f, work: Workspace::default(), second }
    }
}

/// The clone has a tape of its own, which its first call sizes.
impl<F: Function> Clone for TapePrepared<F> {
    fn clone(&self) -> Self {
        Self::empty(self.f.clone(), self.second.clone())
    }
}

impl<F: Function> Prepared for TapePrepared<F> {
    fn shape(&self) -> Shape {
        Shape::of(&self.f)
    }

    fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
        value(&self.f, x, y)
    }

    fn value_and_pushforward_into(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        self.work.pushforward(&self.f, x, x_dot, y, y_dot)
    }

    fn value_and_pullback_into(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        self.work.pullback(&self.f, x, y_bar, y, x_bar)
    }

    fn value_and_jacobian_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()> {
        let Shape { inputs, outputs } = self.shape();
        check_matrix("jacobian", jacobian, (outputs, inputs))?;
        self.work.jacobian(&self.f, x, y, jacobian.as_mut_slice())
    }

    forward_second_order!(second);
}
