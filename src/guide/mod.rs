//! How to use this crate, for each of the three people who meet in it.
//!
//! | you have | you want | read |
//! |---|---|---|
//! | a model | its derivatives | [`function_author`] |
//! | an algorithm | derivatives of whatever it is given | [`solver_author`] |
//! | an engine | all models and algorithms to run on it | [`adapter_author`] |
//!
//! The words: a *primal* is a value (`x`, `y = f(x)`), a *tangent* a direction of inputs (`x_dot`), a
//! *cotangent* a weighting of outputs (`y_bar`). The *pushforward* `J v` takes tangents forward, the
//! *pullback* `Jᵀ w` takes cotangents back, and a *sweep* is one pass of an engine over the function.

pub mod adapter_author;
pub mod function_author;
pub mod solver_author;
