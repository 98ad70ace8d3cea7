//! What stands for an argument, or for all of them, in points, gradients and tangents.

use nalgebra::DMatrix;

use crate::{AdError, Params, Result};

/// The place of an argument in a point, a gradient or a tangent: its own type if it is active, `()`
/// if it is constant. The type that `#[differentiable]` adds to a function, with a slot for each
/// argument, is one too.
pub trait Slot: Clone + Send + Sync + 'static {
    /// Its columns of a Jacobian: a matrix, or `()`; for all arguments, their blocks by name.
    type Block;

    /// See [`Params::for_each_length`].
    fn for_each_length(&self, name: &'static str, visit: &mut impl FnMut(&'static str, usize));

    /// See [`Params::for_each_scalar`].
    fn for_each_scalar(&self, visit: &mut impl FnMut(f64));

    /// See [`Params::for_each_scalar_mut`].
    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut f64));

    /// Takes its columns of a Jacobian from `columns`, which is asked for a number of them.
    fn block(&self, columns: &mut impl FnMut(usize) -> DMatrix<f64>) -> Self::Block;
}

impl<P: Params<Scalar = f64>> Slot for P {
    type Block = DMatrix<f64>;

    fn for_each_length(&self, name: &'static str, visit: &mut impl FnMut(&'static str, usize)) {
        Params::for_each_length(self, name, visit);
    }

    fn for_each_scalar(&self, visit: &mut impl FnMut(f64)) {
        Params::for_each_scalar(self, visit);
    }

    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut f64)) {
        Params::for_each_scalar_mut(self, visit);
    }

    fn block(&self, columns: &mut impl FnMut(usize) -> DMatrix<f64>) -> DMatrix<f64> {
        columns(self.scalars())
    }
}

impl Slot for () {
    type Block = ();

    fn for_each_length(&self, _name: &'static str, _visit: &mut impl FnMut(&'static str, usize)) {}

    fn for_each_scalar(&self, _visit: &mut impl FnMut(f64)) {}

    fn for_each_scalar_mut(&mut self, _visit: &mut impl FnMut(&mut f64)) {}

    fn block(&self, _columns: &mut impl FnMut(usize) -> DMatrix<f64>) {}
}

/// The scalars, one after another.
pub(super) fn flatten(slot: &impl Slot) -> Vec<f64> {
    let mut flat = Vec::new();
    slot.for_each_scalar(&mut |scalar| flat.push(scalar));
    flat
}

/// Writes the scalars into `flat`, which has room for just these.
pub(super) fn write(slot: &impl Slot, flat: &mut [f64]) {
    let mut entries = flat.iter_mut();
    slot.for_each_scalar(&mut |scalar| {
        if let Some(entry) = entries.next() {
            *entry = scalar;
        }
    });
}

/// Overwrites the scalars with those of `flat`, which are as many.
pub(super) fn read(flat: &[f64], slot: &mut impl Slot) {
    let mut entries = flat.iter();
    slot.for_each_scalar_mut(&mut |scalar| {
        if let Some(entry) = entries.next() {
            *scalar = *entry;
        }
    });
}

/// The lengths that the types leave open: the shape of all values that a preparation accepts.
#[derive(Debug, Clone)]
pub(super) struct Lengths {
    lengths: Vec<usize>,
    reason: &'static str,
}

impl Lengths {
    /// The lengths of `slot`; `reason` will be in the message to who gives others.
    pub(super) fn of(slot: &impl Slot, reason: &'static str) -> Self {
        let mut lengths = Vec::new();
        slot.for_each_length("", &mut |_, length| lengths.push(length));
        Lengths { lengths, reason }
    }

    /// Checks the lengths that `report` visits; those without the name of a field are of `name`.
    pub(super) fn check(
        &self,
        report: impl FnOnce(&mut dyn FnMut(&'static str, usize)),
    ) -> Result<()> {
        let (mut expected, mut outcome) = (self.lengths.iter(), Ok(()));
        report(&mut |name, found| {
            // After the first difference, the rest does not correspond any more.
            if outcome.is_ok() {
                let expected = expected.next().copied().unwrap_or(0);
                outcome = AdError::check_len(name, found, expected, self.reason);
            }
        });
        outcome
    }

    /// Checks the lengths of `slot`, called `name` in the message unless a field has its own.
    pub(super) fn check_slot(&self, slot: &impl Slot, name: &'static str) -> Result<()> {
        self.check(|visit| slot.for_each_length(name, &mut |name, length| visit(name, length)))
    }
}
