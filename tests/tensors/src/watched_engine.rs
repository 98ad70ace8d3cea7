//! An engine whose copies are counted.

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, Tensor};
use ad_api::{Accuracy, Engine, Result};
use ad_conformance::{Watched, Watching};

/// An engine on a [`Watching`] device: every copy between host and device is counted.
#[derive(Debug, Clone)]
pub struct WatchedEngine<E: ArrayBackend> {
    engine: E,
    device: Watching<<E::Tensor as Tensor>::Device>,
}

impl<E: ArrayBackend> WatchedEngine<E> {
    /// `engine`, with counts of zero.
    ///
    /// # Errors
    ///
    /// Those of [`ArrayBackend::device`].
    pub fn new(engine: E) -> Result<Self> {
        let device = Watching::new(engine.device()?);
        Ok(WatchedEngine { engine, device })
    }

    /// The device, with the counts.
    pub fn watching(&self) -> &Watching<<E::Tensor as Tensor>::Device> {
        &self.device
    }

    fn unwrapped(arrays: &[Array<Watched<E::Tensor>>]) -> Result<Arrays<E>> {
        arrays.iter().map(|array| Ok(Array::new(array.tensor()?.tensor().clone()))).collect()
    }

    fn wrapped(&self, arrays: &[Array<E::Tensor>]) -> Result<Arrays<Self>> {
        let wrap = |array: &Array<E::Tensor>| {
            Ok(Array::new(Watched::new(array.tensor()?.clone(), &self.device)))
        };
        arrays.iter().map(wrap).collect()
    }
}

impl<E: ArrayBackend> Engine for WatchedEngine<E> {
    fn name(&self) -> String {
        format!("watched {}", self.engine.name())
    }

    fn accuracy(&self) -> Accuracy {
        self.engine.accuracy()
    }
}

impl<E: ArrayBackend> ArrayBackend for WatchedEngine<E> {
    type Tensor = Watched<E::Tensor>;

    fn device(&self) -> Result<Watching<<E::Tensor as Tensor>::Device>> {
        Ok(self.device.clone())
    }

    /// What happens inside of the engine is its own affair, and not counted.
    fn value_and_pullbacks<F: ArrayFunction>(
        &self,
        f: &F,
        x: &[Array<Watched<E::Tensor>>],
        y_bars: &[Arrays<Self>],
    ) -> Result<(Arrays<Self>, Vec<Arrays<Self>>)> {
        let x = Self::unwrapped(x)?;
        let y_bars =
            y_bars.iter().map(|y_bar| Self::unwrapped(y_bar)).collect::<Result<Vec<_>>>()?;
        let (y, x_bars) = self.engine.value_and_pullbacks(f, &x, &y_bars)?;
        let x_bars = x_bars.iter().map(|x_bar| self.wrapped(x_bar)).collect::<Result<_>>()?;
        Ok((self.wrapped(&y)?, x_bars))
    }
}
