//! burn tensors behind the `ad` interface.

mod device;
mod elementary;
mod engine;
mod flex;
mod linear;
mod node;
mod step;
mod tensor;

pub use device::{BurnDevice, Place, Precision};
pub use engine::Burn;
pub use tensor::BurnTensor;

/// The name in configurations and messages.
const NAME: &str = "burn";
