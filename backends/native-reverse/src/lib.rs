//! Reverse mode behind the `ad-api` traits: a Wengert tape of our own, and programs.
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
//! A number over `f64` carries its value and what it depends on: up to two variables of the tape, each
//! times a partial derivative, 40 bytes in all. A function of one number multiplies its partials, and
//! two numbers that depend on one variable each, or on the same ones, put theirs together; nothing is
//! recorded for either. Only what depends on more becomes a statement, and a variable of its own: three
//! or four terms of 12 bytes, an index and a partial. So `sum += a * b` is one statement, a function of
//! one input takes no tape at all (it is differentiated forwards, in effect), and constants cost nothing.
//! Over nested scalars, where multiplying partials would take operations of their own, each operation is
//! a statement.
//!
//! A sweep needs 8 bytes a variable for one seed, 32 for up to four, 64 for up to eight. All memory is
//! kept for the next call: in a preparation by itself, for the one-shot primitives by the thread.
//!
//! A [`Rule`](ad_api::Rule) is one entry with several inputs and outputs, which calls the rule's
//! cotangent in a reverse sweep and its tangent in a forward one; an error there reaches the caller.
//!
//! A [preparation](TapePrepared) records at each call, so branches follow the point, and allocates
//! nothing once its buffers have their size.
//!
//! # Structure
//!
//! A preparation uses what a function says about its [structure](ad_api::structure):
//!
//! | function | value, pullback, pushforward, Jacobian |
//! |---|---|
//! | [`Map`](ad_api::Map), [`Sum`](ad_api::Sum) | the body as a program, 64 rows at a time, also for second order, and on several threads if [asked to](NativeReverse::threads); [`value_and_blocks_into`](TapePrepared::value_and_blocks_into) gives the Jacobian of a map row by row |
//! | [`Scan`](ad_api::Scan) | pullback, and Jacobian of few outputs: the step as a program, see [Loops](#loops); no pushforward of its own |
//! | [`Chain`](ad_api::Chain) | a tape for the first function, the structure of the last |
//!
//! ## Programs
//!
//! A body is recorded once, at the first row of the first call, and never evaluated again as long as
//! its comparisons come out the same: a program is what it computes from its inputs, each value once,
//! with the partial derivatives that a reverse sweep needs. What all rows share is computed once a
//! call, and so are the derivatives with respect to it, summed over the rows. The rest runs in
//! vectors as wide as the processor has, found at run time. Values are rounded as in the plain
//! evaluation, operation by operation, with one exception: `exp`, `exp_m1`, `ln`, `ln_1p`, `sin`, `cos` and
//! `tanh` of rows are vectorized, and lie within one unit in the last place of the correctly rounded
//! value, `tanh` within two. They are those of `f64` for arguments that are infinite, NaN, subnormal or large,
//! and on processors that do not multiply and add in one instruction; so the last digit may depend on
//! the processor, as that of the functions of `f64` does on the system.
//! [`exact_functions`](NativeReverse::exact_functions) takes those of `f64` everywhere.
//!
//! Comparisons are checked for each row. Rows for which one comes out differently get a program of
//! their own, up to eight in a part of the rows. Rows beyond, rows whose body fails, reads
//! [`primal`](ad_api::Scalar::primal) or applies a rule, and rows with a derivative that is infinite
//! or NaN are computed one by one on the plain tape, for programs do not tell zero times infinity
//! apart. A body that subtracts a maximum as a plain number takes
//! [`detached`](ad_api::Scalar::detached) instead of `primal`, or no program is made.
//!
//! A body must compute the same from the same inputs, as every function here.
//! Sums over rows are added in another order than by the plain loop: rows are divided into up to 16 parts by
//! their number and that of their inputs, each part has sums of its own, and these are added up in order.
//! So results are the same, bit for bit, in every call with the same inputs, with and without
//! derivatives, and on every [number of threads](NativeReverse::threads).
//!
//! Products with the Hessian come from a program as well, that of the derivative of the body along a
//! tangent; a Hessian from its products with the units, in the inputs of each row where rows read
//! few entries of many. The second order of a chain takes a tape of its first function over numbers with
//! tangents, and so do up to two products of a plain function. Second order of loops, and the one-shot
//! primitives, run the plain loop.
//! [`TapePrepared::explain`] says what has been built, and why rows have no program.
//!
//! # Loops
//!
//! The step of a [`Scan`](ad_api::Scan) is recorded once for each way through its branches, up to eight. It
//! runs forwards, keeping what the way back needs, and then back; the comparisons are checked at each
//! step. With the feature `jit` both loops are machine code, made by [Cranelift](https://cranelift.dev) at
//! the first call (milliseconds for a step of a thousand operations); without, the step is interpreted, and
//! a loop with up to 8 inputs carries static tangents instead. Values are those of the plain evaluation,
//! bit for bit.
//!
//! What a loop keeps is limited by a [budget](NativeReverse::budget) of 64 MiB: beyond, some states are
//! kept and the rest is computed again, by the binomial schedule. [`Checkpoints`] asks for other limits.
//! Loops that end [by themselves](ad_api::Scan::until) and whose record might not fit keep states online, as
//! their end comes as a surprise.
//!
//! A step that reads a primal or applies a rule, or that has more ways through its branches, is recorded
//! on the tape: the whole loop, or if that would take more than the budget, one step at a time. So is a
//! loop with a derivative that is infinite or NaN.
//!
//! # Compiled mode
//!
//! A preparation by [`NativeReverse::compiled`] records a function that states no structure once for each
//! way through its branches ([`ad_api::trace`]), and replays value, pullback, pushforward, Jacobian,
//! products with the Hessian and Hessian as straight-line code: 16 bytes for an instruction, which takes
//! about a nanosecond. Values are those of the plain evaluation bit for bit.
//!
//! | step | what it does |
//! |---|---|
//! | graph | each value once, constants folded, and what `f64` arithmetic allows: `1 x`, `-(-x)`, `a + (-b)` |
//! | derivatives | adjoints and tangents as values of the same graph, to any order; what vanishes by construction is not computed, and constant factors are multiplied once |
//! | code | dead values left out, products fused into sums (rounded twice), equal instructions in runs, long sums in a register, few slots |
//! | guards | each comparison that the function made is checked in each call; where one comes out differently, that branch is recorded and kept beside the others, up to 16 |
//!
//! What the code cannot do with certainty is done on the tape, as for [programs of rows](#programs):
//! derivatives that are NaN or infinite, functions that read a primal or apply a rule, those of more
//! than 2²¹ operations, and those that take turns between more branches than are kept.
//! [`explain`](TapePrepared::explain) says so.
//!
//! Recording and compiling takes about as long as 200 to 500 gradients. With the feature `jit` the code is
//! machine code, unless much of it is calls of elementary functions: two to four times as fast, and ten
//! times as long to compile. Inputs that are [`Constants`]
//! cost no derivatives and may change from call to call. A [`CompiledProgram`] lives without its
//! function: saved and loaded by serde, drawn by Graphviz, asked where a NaN comes from.
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
//!   own of the same type is a panic that says so, as soon as it would be recorded or returned there:
//!   each carries the number of its recording, which is compared. (The 32-bit numbers repeat after 2³²
//!   recordings. A variable kept so long might not be recognized; even then the result is a wrong
//!   derivative or a panic, and never undefined behaviour.)
//! - A function that fails or panics leaves tape, preparation and thread usable.
//! - Neither a chain of 10⁶ operations nor a rule in a rule recurses: sweeps are loops.
//! - `unsafe` code of ours is in `tape/active.rs`, and with the feature `jit` in `jit/code.rs`, which
//!   makes and calls machine code (vectors come from the crates pulp and
//!   wide), and the tests pass under a memory checker:
//!   `RUSTFLAGS=-Zsanitizer=address cargo +nightly test -p ad-native-reverse --tests --target
//!   x86_64-unknown-linux-gnu`.
//!
//! # Speed
//!
//! `cargo run --release -p ad-benches --bin peers`, one core of an EPYC (Zen 5, AVX-512) shared with other
//! work: gradient over the primal at `f64`, on the tape, in compiled mode with machine code (and without),
//! and prepared from a function that states its structure, machine code for loops (and without); the value
//! alone in the last way. The primal is the plain loop, which is not vectorized over rows: hence figures
//! below one.
//!
//! | problem | tape | compiled | prepared | its value |
//! |---|---|---|---|---|
//! | Rosenbrock, 1000 inputs, as a `Sum` | 10.8 | 3.1 (6.0) | 1.31 | 0.77 |
//! | 10⁵ inputs | 10.8 | 6.9 (6.8) | 1.29 | 0.68 |
//! | with a product with the Hessian, 1000 and 10⁵ | 50, 64 | | 3.3, 3.1 | |
//! | Lotka-Volterra, 1000 Runge-Kutta steps, as a `Scan` | 8.5 | 2.5 (5.9) | 1.76 (2.8) | 1.24 |
//! | Gaussian mixture d2 k5, as a `Chain` to a `Sum` | 3.3 | reads a primal | 0.19 | 0.13 |
//! | d10 k25 | 9.4 | | 0.29 | 0.13 |
//! | d32 k25 | 22 to 24 | | 0.66 | 0.24 |
//! | recurrent network (LSTM), as a `Scan` | 3.2 | 1.45 (1.5) | 1.13 (1.75) | 1.0 |
//! | bundle adjustment, all Jacobian blocks, as a `Map` | 23 | 7.5 | 1.8 to 2.0 | 0.82 |
//!
//! The tape takes 7 bytes (Rosenbrock) to 17 bytes (mixture d32) for an operation of the primal, at most
//! 48, where each has two factors that depend on two variables each. An operation takes 1.3 to 2.8 ns, of
//! which 0.6 to 0.9 in the reverse sweep. Two threads: 1.4 to 1.7 times as fast for the mixtures d10 and
//! d32, 1.85 for bundle adjustment.
//!
//! What was tried, for the tape, programs, loops and machine code, is in `NOTES.md`.

#![allow(clippy::inline_always, reason = "measured: calls and copies cost more than arithmetic")]

mod arrays;
mod backend;
mod checkpoints;
mod code;
mod compiled;
mod explanation;
mod graph;
#[cfg(feature = "jit")]
mod jit;
mod linearization;
mod pool;
mod prepared;
mod record;
mod structure;
mod sweep;
mod tape;
mod var;

pub use backend::{Mode, NativeReverse};
pub use checkpoints::Checkpoints;
pub use compiled::{CompiledProgram, Constants, Expected, InvalidProgram, NonFinite, SavedProgram};
pub use explanation::{
    BranchExplanation, CodeExplanation, Explanation, LoopExplanation, ProgramExplanation,
    StepExplanation,
};
pub use linearization::TapeLinearization;
pub use prepared::TapePrepared;
pub use var::Var;
