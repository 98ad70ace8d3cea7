//! The `ad` command as a library: formulas, data files, fits, comparisons and plots.
//!
//! | step | module |
//! |---|---|
//! | what the user typed | [`args`] |
//! | a data file | [`nist`], [`table`] → [`problem`] |
//! | the formula | [`formula`] → [`model`]: functions for any backend |

pub mod error;
pub mod formula;
pub mod model;
pub mod nist;
pub mod plot;
pub mod problem;
pub mod table;

pub use error::InputError;
