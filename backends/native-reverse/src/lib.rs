//! Reverse mode behind the `ad-api` traits: a Wengert tape of our own.
//!
//! A function is evaluated once on variables ([`Var`]) that write each operation down, with its
//! operands and partial derivatives. Everything else is read from that record: walked backwards it
//! gives `Jᵀ w`, walked forwards `J v`. A gradient costs a small multiple of the function, whatever
//! the number of inputs.
//!
//! | operation | how | evaluations |
//! |---|---|---|
//! | `pushforward`, `k` tangents | native: forward sweeps over the record, up to 8 tangents in each | 1 |
//! | `pullback`, `k` cotangents | native: reverse sweeps over the record, up to 8 cotangents in each | 1 |
//! | `jacobian`, `m × n` | native: the `n` unit tangents if `n ≤ m`, else the `m` unit cotangents | 1 |
//! | `linearize` | the record itself: `apply` and `apply_transpose` sweep it, from any thread | 1 |
//! | `hessian`, `hvp`, third order | this engine over this engine: a tape of the inner sweeps | 1 |
//!
//! Derivatives are exact up to rounding.
//!
//! ```
//! use ad_api::{Differentiate, Failure, Function, Scalar};
//! use ad_native_reverse::NativeReverse;
//!
//! /// `Σ 100 (x_{i+1} - x_i²)² + (1 - x_i)²`.
//! #[derive(Clone)]
//! struct Rosenbrock(usize);
//!
//! impl Function for Rosenbrock {
//!     fn inputs(&self) -> usize { self.0 }
//!     fn outputs(&self) -> usize { 1 }
//!     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
//!         y[0] = x
//!             .windows(2)
//!             .map(|x| (x[1] - x[0] * x[0]).powi(2) * 100.0 + (x[0] - 1.0).powi(2))
//!             .sum();
//!         Ok(())
//!     }
//! }
//! let backend = NativeReverse::default();
//! let gradient = backend.gradient(&Rosenbrock(3), &[1.0, 2.0, 4.0])?;
//! assert_eq!(gradient.as_slice(), [-400.0, 202.0, 0.0]);
//! // H is tridiagonal: 1200 x₀² - 400 x₁ + 2 and -400 x₀ in the first column.
//! let hv = backend.hvp(&Rosenbrock(3), &[1.0, 2.0, 4.0], &[1.0, 0.0, 0.0])?;
//! assert_eq!(hv.as_slice(), [402.0, -400.0, 0.0]);
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! # The tape
//!
//! A variable over `f64` is 16 bytes: the value, its index, and the number of its recording. An
//! operation is one node of 24 bytes: two indices and two partials. Nothing is recorded for
//! constants, for arithmetic among constants, and for `x + c` and `x - c`, which depend on `x` as `x`
//! on itself; an operation with a constant is a node with one operand, and so is `x * x`. Inputs take
//! no node. A sweep needs 8 bytes a variable for one seed, 32 for up to four, 64 for up to eight. All memory is kept
//! for the next call: in a preparation by itself, for the one-shot primitives by the thread.
//!
//! A [`Rule`](ad_api::Rule) is one node with several inputs and outputs, which calls the rule's
//! cotangent in a reverse sweep and its tangent in a forward one; an error there reaches the caller.
//!
//! A [preparation](TapePrepared) records at each call, so branches follow the point, and allocates
//! nothing once its buffers have their size.
//!
//! # Structure
//!
//! A preparation uses what a function says about its [structure](ad_api::structure):
//!
//! | function | pullback, pushforward, Jacobian |
//! |---|---|
//! | [`Map`](ad_api::Map), [`Sum`](ad_api::Sum) | eight rows at once: static tangents where a row reads up to 4 entries, a tape of lanes where it reads more; [`value_and_blocks_into`](TapePrepared::value_and_blocks_into) gives the Jacobian of a map row by row |
//! | [`Scan`](ad_api::Scan), up to 8 inputs | static tangents that the loop carries; no pushforward of its own |
//! | [`Chain`](ad_api::Chain) | pullback only: a tape for the first function, the structure of the last |
//!
//! Rows whose comparisons come out differently, rows with rules, and rows with a derivative that is
//! NaN are computed one by one on the plain tape, since lanes share their control flow and do not tell
//! zero times infinity apart. A body that subtracts a maximum as a plain number takes
//! [`detached`](ad_api::Scalar::detached) instead of `primal`, or its rows never agree. Sums over rows
//! are added in another order than by the plain loop, the same one in every call.
//!
//! Second order, and the one-shot primitives, run the plain loop.
//!
//! # Arrays
//!
//! It is an [`ArrayBackend`](ad_api::array::ArrayBackend) on arrays of `f64` in memory as well, where one
//! record is an operation on whole arrays ([`Tape`](ad_api::array::Tape)): the engine that solvers on a
//! device run with where the device is the host.
//!
//! # Nesting
//!
//! A variable wraps any scalar: `Var<Var<f64>>`, `Var<DualNumber<f64, 8>>`, and a dual number over
//! `Var<f64>` are different types, so derivatives of different evaluations cannot be confused.
//! Sweeps over nested scalars leave out whatever [vanishes](ad_api::Scalar::vanishes): the tape around
//! them stays short, and zeros that depend on an input keep their derivatives.
//!
//! # Guarantees
//!
//! - A variable that is used after its evaluation, on another thread, or in an evaluation inside its
//!   own of the same type is a panic that says so: each carries the number of its recording, and an
//!   operation compares. (The 32-bit numbers repeat after 2³² recordings. A variable kept so long
//!   might not be recognized; even then the result is a wrong derivative or a panic, and never
//!   undefined behaviour.)
//! - A function that fails or panics leaves tape, preparation and thread usable.
//! - Neither a chain of 10⁶ operations nor a rule in a rule recurses: sweeps are loops.
//! - `unsafe` code is in one file, `tape/active.rs`, and the tests pass under a memory checker:
//!   `RUSTFLAGS=-Zsanitizer=address cargo +nightly test -p ad-native-reverse --tests --target
//!   x86_64-unknown-linux-gnu`.
//!
//! # Speed
//!
//! `cargo run --release -p ad-native-reverse --example tape_cost`, one core of a Xeon (Sapphire Rapids)
//! shared with other work; whole gradient, fastest of many batches:
//!
//! | problem | per operation | over the primal |
//! |---|---|---|
//! | Rosenbrock, 1000 inputs | 4.7 ns (reverse sweep 2.0) | 42 (of 0.11 ns an operation, vectorized) |
//! | Rosenbrock, 10⁵ inputs | 5.4 to 7.2 ns | 47 to 64 |
//! | Lotka-Volterra, 1000 Runge-Kutta steps | 4.3 ns (reverse sweep 2.1) | 7.9 |
//!
//! Preparations of functions with structure, over the primal of the plain function
//! (`cargo run --release -p ad-benches --bin peers`, SSE2, in brackets the plain tape in the same run):
//!
//! | problem | gradient over primal |
//! |---|---|
//! | Rosenbrock as a `Sum`, 1000 and 10⁵ inputs | 4.3 to 4.7 (27 and 37 to 44) |
//! | Lotka-Volterra as a `Scan` | 3.6 to 4.1 (8.3 to 11) |
//! | Gaussian mixture as a `Chain` to a `Sum`, d2 k5, d10 k25, d32 k25 | 2.0, 5.2 to 5.8, 16 (3.4, 14, 29) |
//! | bundle adjustment, blocks of a `Map` | 12 to 13 (50) |
//!
//! A tape of lanes is bound by memory: a node of eight lanes is 136 bytes, most of them partials that
//! are 1 or a copy of a value. With eight, four and two lanes: mixture d10 5.7, 6.9 and 8.2, bundle
//! adjustment 13, 13 and 17. Forcing the operations on lanes inline took Rosenbrock from 9.4 to 4.4.
//!
//! What was tried:
//!
//! | variant | Rosenbrock 1000 | Lotka-Volterra |
//! |---|---|---|
//! | as it is | 4.7 ns | 4.3 ns |
//! | `thread_local!` with `RefCell` and `Any` instead of a checked pointer | 13.4 ns | 13.1 ns |
//! | a `Vec` behind the pointer instead of a cursor | 7.4 ns | 7.2 ns |
//! | index and recording as two fields, so that a variable is returned through memory | 5.1 ns | 5.0 ns |
//! | a test of each partial for 0, infinity and NaN instead of one of the product for NaN | +1.0 ns | +1.1 ns |
//! | `#[inline(always)]` on the operations (longer builds) | 4.3 ns | 4.4 ns |

mod arrays;
mod backend;
mod linearization;
mod pool;
mod prepared;
mod record;
mod structure;
mod sweep;
mod tape;
mod var;

pub use backend::NativeReverse;
pub use linearization::TapeLinearization;
pub use prepared::TapePrepared;
pub use var::Var;
