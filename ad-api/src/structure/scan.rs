//! A loop that carries a state.

use std::ops::Range;
use std::sync::Arc;

use crate::structure::StructureVisitor;
use crate::{AdError, Failure, Function, Result, Scalar, scratch};

/// A loop: `(s, r) = step(p, s, data[t])` for `t < steps`, from the state that is given.
///
/// The inputs are the parameters `p`, which all steps share, and then the first state. The step maps
/// parameters, state and its row of constants to the next state and its readout. The outputs are the
/// sums of the readouts and then the last state; [`sum`](Self::sum) leaves the state out.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Scalar, Scan};
/// use ad_native_reverse::NativeReverse;
///
/// /// Growth by a rate; inputs `rate, size`.
/// #[derive(Clone)]
/// struct Grow;
///
/// impl Function for Grow {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0] * x[1];
///         Ok(())
///     }
/// }
/// // rate⁵ size
/// let grown = Scan::new(Grow, 1, 5, vec![])?;
/// let gradient = NativeReverse::default().gradient(&grown, &[2.0, 3.0])?;
/// assert_eq!(gradient.as_slice(), [5.0 * 16.0 * 3.0, 32.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scan<F> {
    step: F,
    state: usize,
    steps: usize,
    constants: usize,
    data: Arc<[f64]>,
    last: bool,
}

impl<F: Function> Scan<F> {
    /// A loop over a state of `state` entries, with `data`, `steps × c`, row by row.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `data` has the same number of entries for each step, and the step has
    /// inputs and outputs enough for the state.
    pub fn new(step: F, state: usize, steps: usize, data: impl Into<Arc<[f64]>>) -> Result<Self> {
        let data = data.into();
        let constants = data.len().checked_div(steps).unwrap_or(0);
        AdError::check_len("data", data.len(), steps * constants, "steps times constants")?;
        let (inputs, outputs) = (step.inputs(), step.outputs());
        if inputs < state + constants {
            AdError::check_len(
                "step",
                inputs,
                state + constants,
                "inputs for state and constants",
            )?;
        }
        if outputs < state {
            AdError::check_len("step", outputs, state, "outputs for the next state")?;
        }
        Ok(Scan { step, state, steps, constants, data, last: true })
    }

    /// As [`new`](Self::new), with the sums of the readouts as the only outputs.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn sum(step: F, state: usize, steps: usize, data: impl Into<Arc<[f64]>>) -> Result<Self> {
        Ok(Scan { last: false, ..Self::new(step, state, steps, data)? })
    }

    /// What is done in each step.
    pub fn step(&self) -> &F {
        &self.step
    }

    /// The number of entries of the state.
    pub fn state(&self) -> usize {
        self.state
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The constants of a step: the last inputs of what is done in it.
    #[inline]
    pub fn constants(&self, step: usize) -> &[f64] {
        self.rows(step..step + 1)
    }

    /// The constants of several steps, row by row.
    #[inline]
    pub fn rows(&self, steps: Range<usize>) -> &[f64] {
        &self.data[steps.start * self.constants..steps.end * self.constants]
    }
}

impl<F: Function> Function for Scan<F> {
    fn inputs(&self) -> usize {
        self.step.inputs() - self.constants
    }

    fn outputs(&self) -> usize {
        self.step.outputs() - if self.last { 0 } else { self.state }
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (all, n) = (self.step.inputs(), self.inputs());
        let (sums, last) = y.split_at_mut(self.step.outputs() - self.state);
        sums.fill(S::from(0.0));
        scratch::with(all + self.step.outputs(), |buffer: &mut [S]| {
            let (input, output) = buffer.split_at_mut(all);
            input[..n].copy_from_slice(x);
            for step in 0..self.steps {
                let constants = self.constants(step);
                input[n..].iter_mut().zip(constants).for_each(|(input, &c)| *input = S::from(c));
                self.step.eval(input, output)?;
                let (state, readout) = output.split_at(self.state);
                input[n - self.state..n].copy_from_slice(state);
                sums.iter_mut().zip(readout).for_each(|(sum, &readout)| *sum += readout);
            }
            last.copy_from_slice(&input[n - self.state..n][..last.len()]);
            Ok(())
        })
    }

    fn precision(&self) -> f64 {
        self.step.precision()
    }

    fn structure<V: StructureVisitor>(&self, visitor: V) -> V::Output {
        visitor.scan(self)
    }
}
