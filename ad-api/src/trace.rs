//! Scalar functions as data.

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
pub use traced::Traced;
