//! Reverse mode for array programs on the host.

use ad_api::Result;
use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Arrays, Host, HostTensor, evaluate, linearize,
};

use crate::NativeReverse;

/// Arrays in memory, recorded as whole arrays and not entry by entry.
///
/// One recording serves all cotangents.
///
/// ```
/// use ad_api::Failure;
/// use ad_api::array::{Array, ArrayBackend, ArrayFunction, Dims, Tensor};
/// use ad_native_reverse::NativeReverse;
///
/// /// `x ↦ |x|²`.
/// #[derive(Clone)]
/// struct Square;
///
/// impl ArrayFunction for Square {
///     fn inputs(&self) -> Vec<Dims> { vec![[2].into()] }
///     fn outputs(&self) -> Vec<Dims> { vec![Dims::SCALAR] }
///     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
///         Ok(vec![x[0].square().sum_all()])
///     }
/// }
/// let x = vec![Array::host([2], &[3.0, 4.0])?];
/// let y_bar = vec![Array::host([], &[1.0])?];
/// let (y, x_bars) = NativeReverse::default().value_and_pullbacks(&Square, &x, &[y_bar])?;
/// assert_eq!(y[0].item()?, 25.0);
/// assert_eq!(x_bars[0][0].to_vec()?, [6.0, 8.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
impl ArrayBackend for NativeReverse {
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
        if y_bars.is_empty() {
            return Ok((evaluate(f, x)?, Vec::new()));
        }
        let (y, linearization) = linearize(f, x)?;
        let x_bars = y_bars.iter().map(|y_bar| linearization.apply_transpose(y_bar));
        Ok((y, x_bars.collect::<Result<_>>()?))
    }
}
