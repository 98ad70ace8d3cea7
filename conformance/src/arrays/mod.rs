//! The suite of what differentiates array programs: engines of tensor libraries, and tensors that
//! carry derivatives.
//!
//! The reference is the host array over a number with one tangent (`reference`), entry by entry by the
//! rules of `Scalar`; kinks and their like are compared to derivatives found by hand.

mod case;
mod checks;
mod kinks;
mod law;
mod reference;
mod steps;
mod subject;

pub use law::ArrayLaw;
pub use steps::Steps;
pub use subject::{ArraySubject, ArraySweeps};
