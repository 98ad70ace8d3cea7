//! The Jacobian of a recorded program, as products with it and with its transpose.

use std::fmt;

use super::linear::join;
use super::taped::Record;
use super::{Array, Dims, Linear, MAX_RANK, Tape, TapedTensor, Tensor};
use crate::{AdError, Result};

/// The Jacobian of some arrays with respect to others, at the point where they were recorded: products
/// with it, and with its transpose, without the matrix.
///
/// Both may be asked for any number of times. What does not depend on an input, or does not reach an
/// output, costs nothing.
///
/// # Several at once
///
/// As everywhere, tangents (and cotangents) have the shapes of the inputs (outputs) with any axes in
/// front, the same for all: none for one product, an axis of size `k` for `k` products in one sweep.
///
/// # Laws
///
/// `apply` and `apply_transpose` are linear, and adjoint: `⟨w, J v⟩ = ⟨Jᵀ w, v⟩`.
#[derive(Clone)]
pub struct Linearization<T: Tensor> {
    inputs: Vec<Dims>,
    outputs: Vec<Dims>,
    device: Option<T::Device>,
    /// Operations that depend on an input and reach an output, in the order in which they were done.
    /// Their results have the slots after those of the inputs.
    steps: Vec<Record<T>>,
    /// The slot of what has an index on the tape.
    slots: Vec<Option<usize>>,
    /// The slot of each output, none for constants.
    results: Vec<Option<usize>>,
    /// The last step that reads a slot; none for those that no step reads and for outputs.
    last_read: Vec<Option<usize>>,
}

impl<T: Tensor> Linearization<T> {
    /// The Jacobian of `outputs` with respect to `inputs`.
    ///
    /// The inputs are usually those of a [`Tape`]. An array that was computed from them may be one too:
    /// what it was computed from is then not looked at.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] for arrays of different tapes, and for an input that is a constant or was
    /// given twice; the error that an array carries.
    pub fn new(
        inputs: &[Array<TapedTensor<T>>],
        outputs: &[Array<TapedTensor<T>>],
    ) -> Result<Self> {
        let mut tape: Option<&Tape<T>> = None;
        let mut sources = Vec::with_capacity(inputs.len());
        for input in inputs {
            match index(input, &mut tape)? {
                None => return Err(unsupported("one of its inputs is a constant, on no tape")),
                Some(source) if sources.contains(&source) => {
                    return Err(unsupported("one of its inputs was given twice"));
                }
                Some(source) => sources.push(source),
            }
        }
        let mut targets = Vec::with_capacity(outputs.len());
        for output in outputs {
            targets.push(index(output, &mut tape)?);
        }

        let len = targets.iter().flatten().max().map_or(0, |last| last + 1);
        let records = tape.map_or_else(Vec::new, |tape| tape.records()[..len].to_vec());
        let mut slots = vec![None; len];
        for (slot, &source) in sources.iter().enumerate().filter(|(_, source)| **source < len) {
            slots[source] = Some(slot);
        }
        let mut reaches_output = vec![false; len];
        targets.iter().flatten().for_each(|&target| reaches_output[target] = true);
        for index in (0..len).rev().filter(|&index| slots[index].is_none()) {
            if reaches_output[index] {
                records[index].iter().for_each(|(operand, _)| reaches_output[*operand] = true);
            }
        }
        let mut steps = Vec::new();
        for (index, record) in records.into_iter().enumerate() {
            let depends = || record.iter().any(|(operand, _)| slots[*operand].is_some());
            if reaches_output[index] && slots[index].is_none() && depends() {
                slots[index] = Some(inputs.len() + steps.len());
                steps.push(record);
            }
        }

        let results: Vec<_> = targets.iter().map(|target| slots[(*target)?]).collect();
        let mut last_read = vec![None; inputs.len() + steps.len()];
        for (i, step) in steps.iter().enumerate() {
            for slot in step.iter().filter_map(|(operand, _)| slots[*operand]) {
                last_read[slot] = Some(i);
            }
        }
        results.iter().flatten().for_each(|&slot| last_read[slot] = None);
        Ok(Linearization {
            inputs: inputs.iter().map(Array::dims).collect(),
            outputs: outputs.iter().map(Array::dims).collect(),
            device: inputs.iter().chain(outputs).next().map(Array::device),
            steps,
            slots,
            results,
            last_read,
        })
    }

    /// The shapes of the inputs.
    pub fn inputs(&self) -> &[Dims] {
        &self.inputs
    }

    /// The shapes of the outputs.
    pub fn outputs(&self) -> &[Dims] {
        &self.outputs
    }

    /// `J v`: the tangents of the outputs, from one sweep in the order of the program.
    ///
    /// # Shapes
    ///
    /// Those of the inputs → those of the outputs, with the same axes in front.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] for other shapes; the error that a tangent carries, and what the library
    /// reports.
    pub fn apply(&self, x_dots: &[Array<T>]) -> Result<Vec<Array<T>>> {
        let lead = lead("tangents", &self.inputs, x_dots)?;
        let y_dots = self.push(x_dots.iter().cloned().map(Some).collect());
        self.filled(y_dots, &self.outputs, &lead)
    }

    /// `Jᵀ w`: the cotangents of the inputs, from one sweep against the order of the program.
    ///
    /// # Shapes
    ///
    /// Those of the outputs → those of the inputs, with the same axes in front.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] for other shapes; the error that a cotangent carries, and what the library
    /// reports.
    pub fn apply_transpose(&self, y_bars: &[Array<T>]) -> Result<Vec<Array<T>>> {
        let lead = lead("cotangents", &self.outputs, y_bars)?;
        let x_bars = self.pull(y_bars.iter().cloned().map(Some).collect());
        self.filled(x_bars, &self.inputs, &lead)
    }

    /// The sweep of [`apply`](Self::apply), where `None` is zero and costs nothing.
    pub(super) fn push(&self, x_dots: Vec<Option<Array<T>>>) -> Vec<Option<Array<T>>> {
        let mut tangents = x_dots;
        for (i, step) in self.steps.iter().enumerate() {
            let active = step.iter().filter_map(|(operand, linear)| {
                Some((linear, tangents[self.slots[*operand]?].as_ref()?))
            });
            let active: Vec<_> = active.collect();
            let tangent = (!active.is_empty()).then(|| Linear::sum(&active));
            for slot in step.iter().filter_map(|(operand, _)| self.slots[*operand]) {
                if self.last_read[slot] == Some(i) {
                    tangents[slot] = None;
                }
            }
            tangents.push(tangent);
        }
        self.results.iter().map(|slot| tangents[(*slot)?].clone()).collect()
    }

    /// The sweep of [`apply_transpose`](Self::apply_transpose), where `None` is zero and costs nothing.
    pub(super) fn pull(&self, y_bars: Vec<Option<Array<T>>>) -> Vec<Option<Array<T>>> {
        let mut cotangents = vec![None; self.inputs.len() + self.steps.len()];
        for (slot, y_bar) in self.results.iter().zip(y_bars) {
            if let (Some(slot), Some(y_bar)) = (slot, y_bar) {
                accumulate(&mut cotangents[*slot], y_bar);
            }
        }
        for (i, step) in self.steps.iter().enumerate().rev() {
            // Taken, so that it is gone after this step.
            let Some(cotangent) = cotangents[self.inputs.len() + i].take() else { continue };
            for (operand, linear) in step.iter() {
                if let Some(slot) = self.slots[*operand] {
                    accumulate(&mut cotangents[slot], linear.transpose(&cotangent));
                }
            }
        }
        cotangents.truncate(self.inputs.len());
        cotangents
    }

    /// The arrays that a sweep gave, with zeros for those that nothing reached.
    fn filled(
        &self,
        arrays: Vec<Option<Array<T>>>,
        dims: &[Dims],
        lead: &Dims,
    ) -> Result<Vec<Array<T>>> {
        let filled = arrays.into_iter().zip(dims).map(|(array, dims)| {
            let array = match (array, &self.device) {
                (Some(array), _) => array,
                (None, Some(device)) => Array::full(device, join(lead, dims), 0.0),
                (None, None) => unreachable!("there is an array, so there is a device"),
            };
            array.check().map(|()| array)
        });
        filled.collect()
    }
}

impl<T: Tensor> fmt::Debug for Linearization<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linearization")
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

fn accumulate<T: Tensor>(sum: &mut Option<Array<T>>, part: Array<T>) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + part,
        None => part,
    });
}

/// The index of an array on the tape, which must be the tape of those before it.
fn index<'a, T: Tensor>(
    array: &'a Array<TapedTensor<T>>,
    tape: &mut Option<&'a Tape<T>>,
) -> Result<Option<usize>> {
    let Some(variable) = array.tensor()?.variable() else { return Ok(None) };
    if !tape.get_or_insert(&variable.tape).is(&variable.tape) {
        return Err(Tape::<T>::foreign("linearization"));
    }
    Ok(Some(variable.index))
}

fn unsupported(reason: &str) -> AdError {
    AdError::Unsupported {
        backend: "taped arrays".into(),
        operation: "linearization",
        reason: reason.into(),
    }
}

/// The axes that all seeds have in front of the shapes `dims`; none if there are no seeds.
pub(super) fn lead<T: Tensor>(
    what: &'static str,
    dims: &[Dims],
    seeds: &[Array<T>],
) -> Result<Dims> {
    let first = dims.first().zip(seeds.first());
    let k = first.and_then(|(dims, seed)| seed.rank().checked_sub(dims.rank())).unwrap_or(0);
    let lead = first.map_or(Dims::SCALAR, |(_, seed)| seed.shape()[..k].iter().copied().collect());
    let longest = dims.iter().map(Dims::rank).max().unwrap_or(0);
    let fits = |(dims, seed): (&Dims, &Array<T>)| seed.dims() == join(&lead, dims);
    if k + longest <= MAX_RANK && dims.len() == seeds.len() && dims.iter().zip(seeds).all(fits) {
        return Ok(lead);
    }
    let list = |dims: &mut dyn Iterator<Item = String>| dims.collect::<Vec<_>>().join(", ");
    Err(AdError::Array {
        operation: what,
        found: list(&mut seeds.iter().map(|seed| seed.dims().to_string())),
        expected: format!(
            "{}, each with the same axes in front, at most {MAX_RANK} in all",
            list(&mut dims.iter().map(Dims::to_string))
        ),
    })
}
