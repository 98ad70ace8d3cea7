//! The checks behind the laws: each looks at a subject and returns what it found.

pub(crate) mod acceptance;
pub(crate) mod consistency;
pub(crate) mod cost;
pub(crate) mod failures;
pub(crate) mod forms;
pub(crate) mod kinks;
pub(crate) mod linear;
pub(crate) mod operators;
pub(crate) mod shapes;
pub(crate) mod special;

use crate::case::Case;
use crate::scenario;

/// The cases that most checks run through.
fn cases() -> Vec<Case> {
    Case::all(&scenario::scenarios())
}
