//! The Jacobian of a recorded program, as products with it and with its transpose.

use std::fmt;

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
    /// The inputs are usually those of a [`Tape`]. An array computed from them may be one too: what it
    /// was computed from is then not looked at.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] for an input that is a constant or was given twice, and for arrays of
    /// different tapes; the error that an array carries.
    pub fn new(
        inputs: &[Array<TapedTensor<T>>],
        outputs: &[Array<TapedTensor<T>>],
    ) -> Result<Self> {
        let mut device = None;
        let mut tape: Option<&Tape<T>> = None;
        let mut index = |array: &'a Array<TapedTensor<T>>| -> Result<Option<usize>> { todo!() };
    }
}
