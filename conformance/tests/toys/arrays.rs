//! An engine whose reverse mode is closed, as that of a tensor library: it differentiates arrays of
//! `f64` and nothing else.

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, Host, HostTensor, linearize};
use ad_api::{Engine, Result};

#[derive(Debug, Clone, Default)]
pub struct ToyArrays;

impl Engine for ToyArrays {
    fn name(&self) -> String {
        "toy-arrays".into()
    }
}

impl ArrayBackend for ToyArrays {
    type Tensor = HostTensor<f64>;

    fn device(&self) -> Result<Host> {
        Ok(Host)
    }

    fn value_and_pullbacks<F: ArrayFunction>(
        &self,
        f: &F,
        x: &[Array<HostTensor<f64>>],
        y_bars: &[Arrays<Self>],
    ) -> Result<(Arrays<Self>, Vec<Arrays<Self>>)> {
        let (y, linearization) = linearize(f, x)?;
        let pullbacks = y_bars.iter().map(|y_bar| linearization.apply_transpose(y_bar));
        Ok((y, pullbacks.collect::<Result<_>>()?))
    }
}

ad_api::array_backend!(ToyArrays);
