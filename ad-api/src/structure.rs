//! Structure that a program states: independent rows, their sum, a loop, a chain.
//!
//! | function | is | an engine may |
//! |---|---|---|
//! | [`Map`] | one body applied to many rows | compute rows side by side, each with its own Jacobian block |
//! | [`Sum`] | the sum of the rows of a [`Map`] | likewise, and keep one row's record at a time |
//! | [`Scan`] | a loop that carries a state | differentiate the step instead of the loop |
//! | [`Chain`] | one function after another | treat each by its own structure |
//! | [`Flat`] | an array program | run it on arrays, where they live |
//!
//! Each is a [`Function`] made from a smaller one, and any backend runs it as a plain loop. An engine
//! that can do better asks [`Function::structure`].

mod chain;
mod map;
mod scan;
mod sum;

pub use chain::Chain;
pub use map::{Gather, Map};
pub use scan::Scan;
pub use sum::Sum;

use crate::Function;
use crate::array::{ArrayFunction, Flat};

/// What an engine does with a function, by the structure that the function states.
///
/// Passed to [`Function::structure`], which calls one of the methods. What is not overridden is
/// treated as any other function.
pub trait StructureVisitor: Sized {
    /// The result of the visit.
    type Output;

    /// A function that states nothing.
    fn plain<F: Function>(self, f: &F) -> Self::Output;

    /// Independent rows.
    fn map<F: Function>(self, f: &Map<F>) -> Self::Output {
        self.plain(f)
    }

    /// The sum of independent rows.
    fn sum<F: Function>(self, f: &Sum<F>) -> Self::Output {
        self.plain(f)
    }

    /// A loop that carries a state.
    fn scan<F: Function>(self, f: &Scan<F>) -> Self::Output {
        self.plain(f)
    }

    /// One function after another.
    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Self::Output {
        self.plain(f)
    }

    /// An array program.
    fn array<F: ArrayFunction>(self, f: &Flat<F>) -> Self::Output {
        self.plain(f)
    }
}
