//! Formulas: from text to a program that runs over any scalar.
//!
//! | step | file | result |
//! |---|---|---|
//! | syntax | `grammar.pest`, `parse.rs` | [`Formula`]: operations in the order of evaluation |
//! | names, order of work | `program.rs` | [`Program`]: what runs once, once per row, once per call |
//! | arithmetic | `operation.rs` | an operation applied to numbers |

mod operation;
mod parse;
mod program;

pub use operation::{Binary, FUNCTIONS, Unary};
pub use parse::{Formula, Node, SyntaxError};
pub use program::{Program, Rows, UnknownName};
