//! The test suite of every differentiation backend.
//!
//! An adapter runs it in three lines, in `tests/conformance.rs`:
//!
//! ```
//! //! Runs the suite of every backend.
//! ad_conformance::suite!(ad_dual::Dual::default());
//! # fn main() {}
//! ```
//!
//! which makes one test of each [`Law`]: closed forms for every operation in every form, the acceptance
//! tests of AbstractDifferentiation.jl, the scenarios and the test-bench rules of
//! DifferentiationInterfaceTest.jl, linearity, adjointness, symmetry, agreement of all operations,
//! lazy operators, wrong sizes, failures and panics in mid-sweep, branches, threads, nesting, rules,
//! kinks, empty and large functions, and the evaluations that the backend's `capability` predicts.
//!
//! | macro | tests |
//! |---|---|
//! | [`suite!`] | one backend, every law |
//! | [`pair_suite!`] | two backends composed, the laws of second order |
//! | [`allocation_suite!`] | that prepared calls allocate nothing |
//! | [`tensor_suite!`] | the arrays of a library, every [`TensorLaw`] |
//! | [`array_suite!`] | derivatives of array programs, every [`ArrayLaw`] of a mode |
//!
//! Scenarios are data: a [`Program`] is a list of elementary operations that evaluates over any scalar,
//! so that a backend is compiled for one function type and not for a hundred. [`random`] generates
//! programs for property tests, and [`agree`] compares two backends on one.
//!
//! The suite can be asked without panics: [`Subject::check`] returns the violations of a law, and
//! [`Subject::broken_laws`] names the laws that a backend breaks.

mod agreement;
mod allocation;
mod arrays;
mod call;
mod case;
mod checks;
mod counted;
mod curve;
mod erased;
mod law;
mod laws;
mod nested;
mod op;
mod program;
pub mod random;
mod random_numbers;
pub mod scenario;
mod stated;
mod subject;
mod suite;
mod tensor;
mod violation;

pub use agreement::agree;
pub use allocation::CountingAllocator;
pub use arrays::{ArrayLaw, ArraySubject, ArraySweeps, Steps};
pub use counted::Counted;
pub use law::Law;
pub use op::{Binary, Op, Place, Refused, Unary};
pub use program::{Node, Program};
pub use stated::Stated;
pub use subject::Subject;
pub use tensor::{TensorLaw, TensorSubject, Transfers, Watched, Watching};
pub use violation::Violation;

/// What the macros expand to; not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use ad_api::HigherOrder;
}
