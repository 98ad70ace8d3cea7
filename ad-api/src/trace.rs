//! Scalar functions as data, for engines that cannot see through a foreign number type.
//!
//! A closed engine, a tensor library say, differentiates what is written in its own operations. A
//! [`Function`](crate::Function) is evaluated once in [`Traced`] numbers, which compute what `f64`
//! would and record each operation by name; the result is a [`Program`], to be run in the engine's
//! operations.
//!
//! | part of a function | in the program |
//! |---|---|
//! | arithmetic, elementary functions, `max`, `min`, `copysign` | an [`Instruction`] by name |
//! | what is computed from constants | a constant |
//! | loops, calls, data structures | gone: the operations that were executed |
//! | a branch | a [`Comparison`], and the operations of the branch taken |
//! | [`detached`](crate::Scalar::detached) | an instruction, without derivative |
//! | [`primal`](crate::Scalar::primal) | [`Program::point`]: valid at the recorded point alone |
//! | a [`Rule`](crate::Rule) | its data, an [`ErasedRule`] |
//!
//! A program is a [`Function`](crate::Function) again. Where a comparison comes out otherwise than
//! recorded, it has no value but a [`Diverged`] failure, and the function must be recorded there.

mod erased;
mod instruction;
mod jet;
mod numbers;
mod program;
mod recording;
mod traced;

pub(crate) use erased::erase;
pub use erased::{DynRule, ErasedRule};
pub use instruction::{Comparison, Instruction, Operand};
pub use program::{Diverged, Program};
pub(crate) use recording::unobserved;
pub use traced::Traced;
