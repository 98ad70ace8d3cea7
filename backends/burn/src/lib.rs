//! burn tensors behind the `ad` interface.

mod convert;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
mod device;
mod elementary;
mod engine;
mod flex;
#[cfg(any(test, feature = "wgpu", feature = "cuda"))]
mod formulas;
mod linear;
mod node;
mod step;
mod tensor;

pub use device::{BurnDevice, Place, Precision};
pub use engine::Burn;
pub use tensor::BurnTensor;

/// The name in configurations and messages.
const NAME: &str = "burn";
