//! A function of structured arguments as a [`Function`] of a flat slice.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

use super::pool;
use super::slot::Lengths;
use crate::{AdError, Failure, Function, Params, Result, Scalar};

/// A generic function with values for all its arguments: what `#[differentiable]` implements.
pub trait Program: Clone + Send + Sync + 'static {
    /// What the function returns, over any scalar.
    type Output<S: Scalar>: Params<Scalar = S>;

    /// The function's value, with the active arguments from `inputs` and the others from `self`.
    ///
    /// # Errors
    ///
    /// The function's own.
    fn run<S: Scalar>(&self, inputs: Inputs<'_, S>) -> Result<Self::Output<S>, Failure>;
}

/// The flat inputs of a [`Program`], handed out argument by argument.
#[derive(Debug)]
pub struct Inputs<'a, S> {
    rest: &'a [S],
    active: &'a [bool],
}

impl<'a, S: Scalar> Inputs<'a, S> {
    /// The scalars `x` of the arguments that are `active`, in order.
    pub(super) fn new(x: &'a [S], active: &'a [bool]) -> Self {
        Inputs { rest: x, active }
    }

    fn next_is_active(&mut self) -> bool {
        match self.active.split_first() {
            Some((&active, rest)) => {
                self.active = rest;
                active
            }
            None => false,
        }
    }

    /// The next argument, after the pattern of `template`, which also is its value if it is
    /// constant. To be given back to [`recycle`].
    pub fn value<A: Params<Scalar = f64>>(&mut self, template: &A) -> A::Rebind<S> {
        let active = self.next_is_active();
        let mut entry = |scalar| match self.rest.split_first() {
            Some((&entry, rest)) if active => {
                self.rest = rest;
                entry
            }
            _ => S::from(scalar),
        };
        match pool::take::<A::Rebind<S>>() {
            Some(mut value) => {
                template.map_scalars_into(&mut entry, &mut value);
                value
            }
            None => template.map_scalars(&mut entry),
        }
    }

    /// The next argument, a slice of scalars; without a copy if it is active.
    pub fn slice(&mut self, template: &Vec<f64>) -> Slice<'a, S> {
        if self.active.first() != Some(&true) {
            return Slice::Constant(self.value(template));
        }
        self.next_is_active();
        let (slice, rest) = self.rest.split_at(template.len());
        self.rest = rest;
        Slice::Active(slice)
    }
}

/// A slice argument: part of the inputs, or constants.
#[derive(Debug)]
pub enum Slice<'a, S> {
    /// Part of the inputs.
    Active(&'a [S]),
    /// Lifted constants.
    Constant(Vec<S>),
}

impl<S: Scalar> Slice<'_, S> {
    /// Keeps the memory for the next evaluation.
    pub fn recycle(self) {
        if let Slice::Constant(values) = self {
            recycle(values);
        }
    }
}

impl<S> Deref for Slice<'_, S> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        match self {
            Slice::Active(slice) => slice,
            Slice::Constant(values) => values,
        }
    }
}

/// Keeps an argument's memory for the next evaluation on this thread.
pub fn recycle<A: Params>(argument: A) {
    pool::give(argument);
}

/// A [`Program`] as a plain [`Function`]: its inputs are the scalars of the active arguments, its
/// outputs those of the result. Any solver takes it.
pub struct TypedFunction<P> {
    program: Arc<P>,
    active: Arc<[bool]>,
    inputs: usize,
    outputs: usize,
    result: Arc<Lengths>,
}

impl<P: Program> TypedFunction<P> {
    /// `result` has the shape of the values.
    pub(super) fn new(
        program: &Arc<P>,
        active: &Arc<[bool]>,
        inputs: usize,
        result: &P::Output<f64>,
    ) -> Self {
        TypedFunction {
            program: program.clone(),
            active: active.clone(),
            inputs,
            outputs: result.scalars(),
            result: Arc::new(Lengths::of(result, "as in its first value")),
        }
    }
}

impl<P> Clone for TypedFunction<P> {
    fn clone(&self) -> Self {
        TypedFunction {
            program: self.program.clone(),
            active: self.active.clone(),
            result: self.result.clone(),
            ..*self
        }
    }
}

impl<P> Debug for TypedFunction<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedFunction")
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

impl<P: Program> Function for TypedFunction<P> {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        AdError::check_len("x", x.len(), self.inputs, "the scalars of the active arguments")?;
        AdError::check_len("y", y.len(), self.outputs, "the scalars of the result")?;
        let result = self.program.run(Inputs::new(x, &self.active))?;
        self.result.check(|visit| {
            result.for_each_length("result", &mut |name, length| visit(name, length));
        })?;
        let mut entries = y.iter_mut();
        result.for_each_scalar(&mut |scalar| {
            if let Some(entry) = entries.next() {
                *entry = scalar;
            }
        });
        Ok(())
    }
}
