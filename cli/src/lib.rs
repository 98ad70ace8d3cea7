//! The `ad` command as a library: formulas, data files, fits, comparisons, solves
//! and plots.
//!
//! | step | modules |
//! |---|---|
//! | what the user typed | [`args`], [`backend`] |
//! | a data file to a problem | [`nist`], [`table`] → [`problem`] |
//! | a formula to functions for any backend | [`formula`] → [`model`] |
//! | the commands | [`command`]: [`fit`], [`compare`], [`solve`], [`capabilities`] |
//! | what they show | [`report`], [`text`], [`plot`], [`progress`] |
//! | what can be wrong with the input | [`error`] |

pub mod args;
pub mod backend;
pub mod capabilities;
pub mod command;
pub mod compare;
pub mod error;
pub mod fit;
pub mod formula;
pub mod model;
pub mod nist;
pub mod plot;
pub mod problem;
pub mod progress;
pub mod report;
pub mod solve;
pub mod table;
pub mod text;

pub use error::InputError;
