//! The suite of array libraries, and that of what differentiates array programs.
//!
//! | file | |
//! |---|---|
//! | `law` | what a library promises |
//! | `case`, `plain` | operations on operands of many shapes, and their results by plain loops |
//! | `special`, `methods`, `messages` | results found by hand |

pub(crate) mod case;
mod checks;
mod law;
mod library;
mod messages;
mod methods;
mod plain;
mod special;
mod subject;
mod watched;

pub use law::TensorLaw;
pub use subject::TensorSubject;
pub use watched::{Transfers, Watched, Watching};
