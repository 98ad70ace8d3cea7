//! Traits for automatic differentiation, whatever engine does it.
//!
//! Three people meet here, and each can ignore the other two:
//!
//! | who | writes | sees |
//! |---|---|---|
//! | function author | a model, once | [`Function`] or `#[differentiable]` ([`typed`]), [`Scalar`], [`Failure`] |
//! | solver author | an algorithm over `B: Backend` | [`Backend`], [`Prepared`], [`Differentiate`], [`LinearOperator`] |
//! | author of an array program | a model of tensors, once | [`mod@array`]: [`ArrayFunction`](array::ArrayFunction), [`Array`](array::Array) |
//! | adapter author | one primitive of an engine | [`Engine`], [`Pushforward`], [`Pullback`] or [`Jacobian`], and [`backend!`] |
//!
//! For `f: ℝⁿ → ℝᵐ` with Jacobian `J` (`m × n`), at a primal `x`:
//!
//! | result | operation | in terms of the primitives |
//! |---|---|---|
//! | `J v` (JVP) | [`pushforward`](Differentiate::pushforward) | primitive |
//! | `Jᵀ w` (VJP) | [`pullback`](Differentiate::pullback) | primitive |
//! | `J` | [`jacobian`](Differentiate::jacobian) | primitive |
//! | `f'` (`n = 1`) | [`derivative`](Differentiate::derivative) | pushforward of 1 |
//! | `∇f` (`m = 1`) | [`gradient`](Differentiate::gradient) | pullback of 1 |
//! | `f''` (`n = 1`) | [`second_derivative`](Differentiate::second_derivative) | pushforward of a pushforward |
//! | `∇²f` (`m = 1`), `∇²(w·f)` | [`hessian`](Differentiate::hessian), [`weighted_hessian`](Differentiate::weighted_hessian) | Jacobian of a pullback |
//! | `∇²f v` | [`hvp`](Differentiate::hvp) | pushforward of a pullback |
//! | `J`, `∇²f` as operators | [`lazy_jacobian`](Differentiate::lazy_jacobian), [`lazy_hessian`](Differentiate::lazy_hessian) | linearization |
//!
//! Primitives are generic in the base scalar, so backends nest: [`HigherOrder`] composes any two.
//! [`Rule`] is the way in for derivatives that are stated rather than found.

pub mod array;
mod backend;
mod capability;
mod differentiate;
mod engine;
mod error;
mod function;
mod higher_order;
mod implicit;
pub mod lift;
mod linearization;
mod operation;
mod params;
mod rule;
mod scalar;
pub mod scratch;
pub mod structure;
mod sweeps;
pub mod trace;
pub mod typed;

pub use backend::{Backend, Prepared};
pub use capability::{Accuracy, Capability, Evaluations, Operation, Shape};
pub use differentiate::{Differentiate, LazyHessian};
pub use engine::{
    Engine, Jacobian, Pullback, Pushforward, check_jacobian, check_pullback, check_pushforward,
    derive,
};
pub use error::{AdError, Failure, Result};
pub use function::Function;
pub use higher_order::{
    Gradient, Hessian, HigherOrder, HigherOrderPrepared, SecondDerivative, Tangent,
};
pub use implicit::{ImplicitRoot, LinearSolve};
pub use lift::Lift;
pub use linearization::{Compose, Lazy, LinearOperator, Plus, Resweep, Scaled, Transpose};
pub use operation::{Binary, Relation, Unary};
pub use params::Params;
pub use rule::{DifferentiateWith, Rule, RuleCotangent, RuleTangent, RuleValue, opaque, rules};
pub use scalar::Scalar;
pub use structure::{Chain, Gather, Map, Scan, StructureVisitor, Sum};
pub use sweeps::{SecondOrder, Sweeps, check_matrix, value};
pub use typed::Constant;

/// What the macros of this crate expand to; not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use {approx, nalgebra, num_traits, simba};
}
