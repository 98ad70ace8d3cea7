//! [candle](candle_core) behind the `ad` interface: its tensors as [`Array`]s, its devices, and its
//! reverse mode as an [engine](Candle).
//!
//! | operation | how |
//! |---|---|
//! | pullback of an array program, `k` cotangents | native: one evaluation, candle's backward pass for each cotangent |
//! | pushforward of an array program | dual arrays over candle's, with all tangents at once |
//! | second order | one of these over the other: candle has none |
//! | scalar functions, and compositions with other backends | by [`array_backend!`](ad_api::array_backend!): recorded, and run as array programs |
//!
//! Derivatives are exact up to the rounding of the [`Precision`] in use, 64 or 32 bits.
//!
//! ```
//! use ad_api::Failure;
//! use ad_api::array::{Array, ArrayBackend, ArrayFunction, Dims, Tensor};
//! use ad_candle::Candle;
//!
//! /// `Σ tanh(x W)` of a row `x` and a matrix `W`.
//! #[derive(Clone)]
//! struct Layer;
//!
//! impl ArrayFunction for Layer {
//!     fn inputs(&self) -> Vec<Dims> { vec![[1, 2].into(), [2, 3].into()] }
//!     fn outputs(&self) -> Vec<Dims> { vec![Dims::SCALAR] }
//!     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
//!         Ok(vec![x[0].matmul(&x[1]).tanh().sum_all()])
//!     }
//! }
//!
//! let engine = Candle::cpu();
//! let device = engine.device()?;
//! let x = Array::from_host(&device, [1, 2], &[1.0, 2.0]);
//! let w = x.constant([2, 3], &[0.0; 6]);
//! let one = vec![Array::full(&device, Dims::SCALAR, 1.0)];
//! let (y, gradients) = engine.value_and_pullbacks(&Layer, &[x, w], &[one])?;
//! assert_eq!(y[0].item()?, 0.0);
//! assert_eq!(gradients[0][1].to_vec()?, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! # What stops here
//!
//! Of candle 0.11, pinned by `tests/traps.rs`:
//!
//! | candle | here |
//! |---|---|
//! | a gradient of a gradient is wrong in silence (2/3 of that of `Σ x³`) | never taken; second order is forward over reverse mode of our own |
//! | no gradient of floor, ceil, round, sign, comparisons | zero, as documented |
//! | derivative 1 of `\|0\|` and `relu(0)`, half for equal operands of a maximum, all of it for each of several largest entries | 0; that of the first operand; shared evenly |
//! | NaN where an infinite partial meets a cotangent of zero | 0 |
//! | `relu(NaN) = 0`; a NaN wins in `maximum` if it is on the left; that over an axis passes over it unless it comes first | as documented |
//! | `pow` of a negative base is NaN | the power |
//! | derivatives of `gelu` to six digits | not used: `x.erf()` is exact |
//! | products of matrices with more than two axes in front, or with strides in them, are errors | computed |
//! | a chain of 10⁵ operations overflows the stack and ends the process | any length |
//! | elementwise operations on more than 8 axes panic | computed; in reverse mode an error |
//!
//! Where candle differentiates as documented (sums, matrix products, `exp`, `tanh`, entries that move)
//! its own backward pass is at work. For everything else the value is computed without derivatives, and
//! attached to candle's graph as an operation whose backward pass is that of
//! [`linearize_op`](ad_api::array::linearize_op). So are operations on inputs, which candle would copy
//! into variables, and on constants, whose derivatives it would compute for nobody.
//!
//! # Speed
//!
//! `cargo run --release -p ad-candle --example overhead`, one thread, gradients in 64 bits:
//!
//! | program | candle alone | adapter |
//! |---|---|---|
//! | network 2-50-2, batch 64 | 46 µs | 51 µs |
//! | network 784-256-10, batch 64 | 1.5 ms | 1.0 ms |
//! | 3000 operations on 1 entry, each | 0.63 µs | 0.78 µs |
//! | 3000 operations on 16 entries, each | 0.70 µs | 0.84 µs |
//!
//! The larger network gains what candle spends on the derivative with respect to the batch.
//!
//! # Devices
//!
//! [`Candle::cpu`], and with the feature `cuda`, whose build needs `nvcc`, [`Candle::cuda`], which
//! nobody has run yet. There, functions that candle has no kernel for (`asin`, `sinh`, `log2`, `pow`
//! with an array as exponent and the like) are errors that say so.
//!
//! [`Array`]: ad_api::array::Array

mod device;
mod engine;
mod error;
mod graph;
mod known;
mod map;
mod tensor;
mod value;

pub use device::{CandleDevice, Precision};
pub use engine::Candle;
pub use tensor::CandleTensor;

/// The name in configurations and messages.
const NAME: &str = "candle";
