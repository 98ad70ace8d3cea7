//! Array programs: functions of tensors, on any array library and device.
//!
//! | who | writes | sees |
//! |---|---|---|
//! | function author | an [`ArrayFunction`] over [`Array`]s of any [`Tensor`] | [`Array`], [`Constant`] |
//! | adapter author | a [`Tensor`]: one function that computes every [`ArrayOp`] | [`Tensor`], [`ArrayOp`], [`Dims`] |
//!
//! Implementations: [`HostTensor`] over any [`Scalar`](crate::Scalar); those of tensor libraries in
//! their adapters; and two over any other, [`DualTensor`] (forward mode) and [`TapedTensor`] (reverse
//! mode), so that every library has both modes and every order. Both apply the derivative of an
//! operation, [`linearize_op`], which is stated once, as a [`Linear`] map with its transpose.
//!
//! | result | function | operator for many products |
//! |---|---|---|
//! | `J v` | [`value_and_pushforward`] | [`linearize`], [`Linearization::apply`] |
//! | `Jᵀ w`, `∇f` | [`value_and_pullback`], [`value_and_gradient`] | [`linearize`], [`Linearization::apply_transpose`] |
//! | `∇²f v` | [`hvp`], [`value_gradient_and_hvp`] | [`linearize_gradient`] |
//! | `J` | [`jacobian`] | |

#[allow(clippy::module_inception, reason = "the file of the type that the module is named after")]
mod array;
mod backend;
mod batch;
pub mod closed;
mod constant;
mod derivative;
mod dims;
mod dual;
mod engine;
mod flat;
mod function;
mod host;
mod linear;
mod linearization;
mod lower;
mod op;
mod program;
mod rule;
mod taped;
mod tensor;

pub use array::Array;
pub use backend::{ArrayBackend, Arrays};
pub use batch::Batch;
pub use constant::Constant;
pub use derivative::linearize_op;
pub use dims::{Dims, MAX_RANK};
pub use dual::DualTensor;
pub use engine::{
    hvp, jacobian, linearize, linearize_gradient, value_and_gradient, value_and_pullback,
    value_and_pushforward, value_gradient_and_hvp,
};
pub use flat::{Flat, flatten, unflatten};
pub use function::{ArrayFunction, check_arrays, evaluate};
pub use host::{Host, HostTensor};
pub use linear::Linear;
pub use linearization::Linearization;
pub use lower::{lower, lower_batch};
pub use op::ArrayOp;
pub use program::{ArrayProgram, Recording, TracedTensor};
pub use rule::apply_rule_on_host;
pub use taped::{Tape, TapedTensor};
pub use tensor::Tensor;
