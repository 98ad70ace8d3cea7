//! Array programs as data.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Array, ArrayFunction, ArrayOp, Constant, Dims, Tensor, evaluate};
use crate::{AdError, Failure, Result};

/// An array program as data: the operations that an [`ArrayFunction`] consists of.
///
/// It is an `ArrayFunction` again, of one type whatever it was recorded from. Engines whose reverse
/// mode is closed work on it, since the derivative of a recorded program is recorded the same way.
///
/// ```
/// use ad_api::array::{Array, ArrayFunction, ArrayProgram, Dims, HostTensor, Tensor, evaluate};
/// use ad_api::Failure;
///
/// #[derive(Clone)]
/// struct Square;
/// impl ArrayFunction for Square {
///     fn inputs(&self) -> Vec<Dims> { vec![[2].into()] }
///     fn outputs(&self) -> Vec<Dims> { vec![[2].into()] }
///     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
///         Ok(vec![&x[0] * &x[0]])
///     }
/// }
/// let program = ArrayProgram::record(&Square)?;
/// let x = Array::<HostTensor<f64>>::host([2], &[3.0, 4.0])?;
/// assert_eq!(evaluate(&program, &[x])?[0].to_vec()?, [9.0, 16.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct ArrayProgram(Arc<Recorded>);

struct Recorded {
    inputs: Vec<Dims>,
    /// In order of execution.
    steps: Vec<Step>,
    /// For each step, the steps whose results nobody reads after it.
    released: Vec<Vec<usize>>,
    /// The steps whose results are the outputs, and their shapes.
    outputs: Vec<(usize, Dims)>,
}

/// Where a result comes from; operands are positions of earlier steps.
#[derive(Clone)]
enum Step {
    Input(usize),
    Constant(Constant),
    Full(Dims, f64),
    Op(ArrayOp, Vec<usize>),
}

impl Step {
    fn operands(&self) -> &[usize] {
        match self {
            Step::Op(_, operands) => operands,
            _ => &[],
        }
    }
}

impl ArrayProgram {
    /// Records the operations of `f`: it is evaluated once, on arrays without entries.
    ///
    /// # Errors
    ///
    /// As [`evaluate`]; [`AdError::Unsupported`] if `f` looks at entries.
    pub fn record<F: ArrayFunction>(f: &F) -> Result<Self> {
        let recording = Recording::default();
        let inputs = f.inputs();
        let x: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(i, &dims)| Array::new(recording.push(Step::Input(i), dims)))
            .collect();
        let y = evaluate(f, &x)?;
        let outputs = y
            .iter()
            .map(|y| Ok((recording.place(y.tensor()?, "output")?, y.dims())))
            .collect::<Result<Vec<_>>>()?;
        let mut steps = recording.lock().clone();
        let (steps, outputs) = without_dead_steps(&mut steps, &outputs);
        let released = released(&steps, &outputs);
        Ok(ArrayProgram(Arc::new(Recorded { inputs, steps, released, outputs })))
    }

    /// The number of operations.
    pub fn operations(&self) -> usize {
        self.0.steps.iter().filter(|step| matches!(step, Step::Op(..))).count()
    }
}

/// The steps that the outputs depend on, renumbered. Inputs stay, since they are arguments.
fn without_dead_steps(
    steps: &mut [Step],
    outputs: &[(usize, Dims)],
) -> (Vec<Step>, Vec<(usize, Dims)>) {
    let mut live = vec![false; steps.len()];
    outputs.iter().for_each(|&(place, _)| live[place] = true);
    for place in (0..steps.len()).rev() {
        if live[place] {
            steps[place].operands().iter().for_each(|&operand| live[operand] = true);
        }
    }
    let mut renumbered = vec![usize::MAX; steps.len()];
    let mut kept = Vec::new();
    for (place, step) in steps.iter_mut().enumerate().filter(|&(place, _)| live[place]) {
        renumbered[place] = kept.len();
        if let Step::Op(_, operands) = step {
            operands.iter_mut().for_each(|operand| *operand = renumbered[*operand]);
        }
        kept.push(step.clone());
    }
    let outputs = outputs.iter().map(|&(place, dims)| (renumbered[place], dims)).collect();
    (kept, outputs)
}

fn released(steps: &[Step], outputs: &[(usize, Dims)]) -> Vec<Vec<usize>> {
    let mut needed = vec![false; steps.len()];
    outputs.iter().for_each(|&(place, _)| needed[place] = true);
    let mut released = vec![Vec::new(); steps.len()];
    for (place, step) in steps.iter().enumerate().rev() {
        for &operand in step.operands() {
            if !needed[operand] {
                needed[operand] = true;
                released[place].push(operand);
            }
        }
    }
    released
}

impl ArrayFunction for ArrayProgram {
    fn inputs(&self) -> Vec<Dims> {
        self.0.inputs.clone()
    }

    fn outputs(&self) -> Vec<Dims> {
        self.0.outputs.iter().map(|&(_, dims)| dims).collect()
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let Some(device) = x.first().map(Array::device) else {
            return Err(AdError::Array {
                operation: "array program",
                found: "none".into(),
                expected: "an input, which tells the device".into(),
            }
            .into());
        };
        let mut results: Vec<Option<Array<T>>> = vec![None; self.0.steps.len()];
        let computed = "steps are in order of execution, and kept until their last reader";
        for (place, step) in self.0.steps.iter().enumerate() {
            let result = match step {
                Step::Input(i) => x[*i].clone(),
                Step::Constant(constant) => constant.on(&device),
                Step::Full(dims, value) => Array::full(&device, *dims, *value),
                Step::Op(op, operands) => {
                    let operand = |&i: &usize| results[i].as_ref().expect(computed);
                    match &operands[..] {
                        [a] => Array::apply(op, &[operand(a)]),
                        [a, b] => Array::apply(op, &[operand(a), operand(b)]),
                        _ => Array::apply(op, &operands.iter().map(operand).collect::<Vec<_>>()),
                    }
                }
            };
            results[place] = Some(result);
            self.0.released[place].iter().for_each(|&operand| results[operand] = None);
        }
        let output = |&(place, _): &(usize, Dims)| results[place].clone().expect(computed);
        Ok(self.0.outputs.iter().map(output).collect())
    }
}

impl fmt::Debug for ArrayProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayProgram")
            .field("inputs", &self.inputs())
            .field("operations", &self.operations())
            .field("outputs", &self.outputs())
            .finish()
    }
}

/// What an array program is recorded into: the "device" of [`TracedTensor`]s.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<Step>>>);

impl Recording {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, step: Step, dims: Dims) -> TracedTensor {
        let mut steps = self.lock();
        steps.push(step);
        TracedTensor { recording: self.clone(), place: steps.len() - 1, dims }
    }

    /// The place of a result in this recording.
    fn place(&self, tensor: &TracedTensor, operation: &'static str) -> Result<usize> {
        if *self == tensor.recording {
            return Ok(tensor.place);
        }
        Err(AdError::Array {
            operation,
            found: "an array of another recording".into(),
            expected:
                "one of the evaluation that is being recorded; the other outlived its own, or \
                       belongs to an evaluation around this one"
                    .into(),
        })
    }
}

impl PartialEq for Recording {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({} steps)", self.lock().len())
    }
}

/// An array without entries that records what is done with it.
#[derive(Clone, Debug)]
pub struct TracedTensor {
    recording: Recording,
    place: usize,
    dims: Dims,
}

impl Tensor for TracedTensor {
    type Device = Recording;

    fn device(&self) -> Recording {
        self.recording.clone()
    }

    fn dims(&self) -> Dims {
        self.dims
    }

    fn precision(_: &Recording) -> f64 {
        f64::EPSILON
    }

    fn from_host(recording: &Recording, dims: Dims, entries: &[f64]) -> Result<Self> {
        Self::from_constant(recording, &Constant::new(dims, entries.to_vec())?)
    }

    fn from_constant(recording: &Recording, constant: &Constant) -> Result<Self> {
        Ok(recording.push(Step::Constant(constant.clone()), constant.dims()))
    }

    fn full(recording: &Recording, dims: Dims, value: f64) -> Result<Self> {
        Ok(recording.push(Step::Full(dims, value), dims))
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        Err(AdError::Unsupported {
            backend: "array program".into(),
            operation: "to_vec",
            reason:
                "the operations of an array program may not depend on entries; use `select` for \
                     branches"
                    .into(),
        })
    }

    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self> {
        let recording = &operands[0].recording;
        let places = operands
            .iter()
            .map(|operand| recording.place(operand, op.name()))
            .collect::<Result<Vec<_>>>()?;
        Ok(recording.push(Step::Op(op.clone(), places), dims))
    }
}
