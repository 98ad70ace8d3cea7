//! burn tensors behind the `ad` interface, on the processor and on GPUs.
//!
//! [`BurnTensor`] is an array library for array programs, [`Burn`] the engine that differentiates them
//! by burn's own backward pass:
//!
//! ```
//! use ad_api::Failure;
//! use ad_api::array::{Array, ArrayBackend, ArrayFunction, Dims, Tensor};
//! use ad_burn::Burn;
//!
//! /// `|tanh(x w)|²`.
//! #[derive(Clone)]
//! struct Energy;
//!
//! impl ArrayFunction for Energy {
//!     fn inputs(&self) -> Vec<Dims> { vec![[2, 3].into(), [3, 1].into()] }
//!     fn outputs(&self) -> Vec<Dims> { vec![Dims::SCALAR] }
//!     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
//!         Ok(vec![x[0].matmul(&x[1]).tanh().square().sum(&[0, 1])])
//!     }
//! }
//!
//! let burn = Burn::cpu();
//! let device = burn.device()?;
//! let x = [
//!     Array::from_host(&device, [2, 3], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
//!     Array::from_host(&device, [3, 1], &[1.0, 0.0, -1.0]),
//! ];
//! let cotangent = vec![x[0].number(1.0)];
//! let (value, gradients) = burn.value_and_pullbacks(&Energy, &x, &[cotangent])?;
//! let tanh = 0.2_f64.tanh();
//! assert!((value[0].item()? - 2.0 * tanh * tanh).abs() < 1e-15);
//! let slope = -2.0 * tanh * (1.0 - tanh * tanh);
//! assert!((gradients[0][1].to_vec()?[0] - 0.5 * slope).abs() < 1e-15);
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! # What burn does, and what the adapter does
//!
//! Arrays are the primitives of burn's backends, whose rank is known at run time: `Flex` on the
//! processor, `Cube` on GPUs. Each array is plain, or recorded in burn's graph, so that what does not
//! depend on an input costs no graph.
//!
//! | operations | values | derivatives |
//! |---|---|---|
//! | sums, differences, matrix products, what moves or adds up entries, `select` | burn | burn |
//! | products, quotients, elementary functions, maxima | burn where it has the documented value, else entry by entry on the processor, and by formulas on GPUs | those of `ad-api` ([`linearize_op`](ad_api::array::linearize_op)), as a step of burn's graph |
//!
//! burn's own derivatives of the second row differ from the documented ones at kinks, ties and poles,
//! make NaN of an infinite slope that is not wanted, and some are computed in 32 bits (that of a
//! quotient by a number); `tests/pins.rs` lists them. Here an entry of a cotangent that is 0 gives 0
//! for every elementwise operation, whatever its partial is; for a matrix product it does so where the
//! other factor is finite.
//!
//! # What it costs
//!
//! burn's backward pass starts from ones; a root of our own starts it from any cotangent, at no cost.
//! burn's graph is gone after its first use, so `k` cotangents are `k` evaluations;
//! [`ad_api::array::linearize`] over the same arrays keeps one evaluation for all of them.
//!
//! The gradient of a network 784-256-10 with a batch of 64 takes 0.92 times what burn alone takes, and
//! so does one of 2-50-2 (in 32 bits 0.78 and 0.88 times): burn computes `tanh` again on the way back.
//! An operation on a few numbers costs 0.2 µs, with its derivative 1.5 µs, where burn alone takes
//! 1.1 µs: burn is for large arrays. `examples/overhead.rs` measures it.
//!
//! # Precision
//!
//! 64 or 32 bits ([`Precision`]), never what burn takes by default, which is 32 bits even for `f64`.
//! GPUs through Vulkan, Metal and DirectX have 32 bits: there 64 bits give wrong numbers for `exp`,
//! `ln`, `sin` and `tanh` without an error, so that [`BurnDevice::new`] refuses them.
//!
//! # Shapes on GPUs
//!
//! At most 8 axes: more are an [`AdError::Unsupported`](ad_api::AdError::Unsupported), where burn
//! itself shifts by too many bits. burn's sums and maxima of views whose last axis is not the
//! innermost in memory are in a wrong order, without an error; the adapter lays entries row by row
//! before it reduces them, and keeps burn's pullbacks, which sum over what was stretched, from
//! doing so. `tests/wgpu.rs` pins both.
//!
//! # Errors
//!
//! burn panics where it fails. The adapter returns [`AdError::Engine`](ad_api::AdError::Engine) with
//! the text of the panic, which is also printed, and all works as before; a panic of the function that
//! is differentiated goes through. Running out of memory on the processor ends the process.
//!
//! # Features
//!
//! `wgpu`: GPUs through Vulkan, Metal or DirectX. `cuda`: NVIDIA GPUs, which nobody has verified; its
//! build downloads a prebuilt LLVM.

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
