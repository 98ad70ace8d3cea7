//! candle tensors behind the `ad` interface.

mod device;
mod engine;
mod error;
mod graph;
mod map;
mod partials;
mod tensor;
mod value;

pub use device::{CandleDevice, Precision};
pub use engine::Candle;
pub use tensor::CandleTensor;

/// The name in configurations and messages.
const NAME: &str = "candle";
