//! One function after another.

use crate::structure::StructureVisitor;
use crate::{AdError, Failure, Function, Result, Scalar, scratch};

/// The composition `x ↦ last(first(x))`.
///
/// What many rows of a [`Map`](crate::Map) or [`Sum`](crate::Sum) would compute alike is computed once
/// in front of them: the outputs of `first` are the inputs of the rows.
#[derive(Debug, Clone)]
pub struct Chain<F, G> {
    first: F,
    last: G,
}

impl<F: Function, G: Function> Chain<F, G> {
    /// `last` after `first`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `last` has as many inputs as `first` outputs.
    pub fn new(first: F, last: G) -> Result<Self> {
        let (found, expected) = (last.inputs(), first.outputs());
        AdError::check_len("last", found, expected, "inputs, one for each output of the first")?;
        Ok(Chain { first, last })
    }

    /// What is applied to `x`.
    pub fn first(&self) -> &F {
        &self.first
    }

    /// What is applied to the result.
    pub fn last(&self) -> &G {
        &self.last
    }
}

impl<F: Function, G: Function> Function for Chain<F, G> {
    fn inputs(&self) -> usize {
        self.first.inputs()
    }

    fn outputs(&self) -> usize {
        self.last.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        scratch::with(self.first.outputs(), |between: &mut [S]| {
            self.first.eval(x, between)?;
            self.last.eval(between, y)
        })
    }

    fn precision(&self) -> f64 {
        self.first.precision().max(self.last.precision())
    }

    fn structure<V: StructureVisitor>(&self, visitor: V) -> V::Output {
        visitor.chain(self)
    }
}
