//! Active and constant arguments.

use super::Slot;
use crate::Params;

/// Marks an argument that is not differentiated in this call: `price::at(&bond, Constant(&curve))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Constant<A>(pub A);

/// What may be given for an argument that is stored as an `A`: a value or a reference, itself for an
/// active argument, in [`Constant`] for one that is not differentiated.
///
/// For a slice `&[S]`, stored as a `Vec`, a slice, an array or a vector of `f64` will do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given for an argument of type `{A}`",
    label = "expected `{A}`, a reference to one, or `Constant` of either"
)]
pub trait Argument<A> {
    /// The argument's place in derivatives.
    type Slot: Slot;

    /// Whether the argument is differentiated.
    const ACTIVE: bool;

    /// The argument, and its slot with the argument's values.
    fn split(self) -> (A, Self::Slot);
}

impl<A: Params<Scalar = f64>> Argument<A> for A {
    type Slot = A;
    const ACTIVE: bool = true;

    fn split(self) -> (A, A) {
        (self.clone(), self)
    }
}

impl<A: Params<Scalar = f64>> Argument<A> for &A {
    type Slot = A;
    const ACTIVE: bool = true;

    fn split(self) -> (A, A) {
        (self.clone(), self.clone())
    }
}

impl<A: Params<Scalar = f64>> Argument<Vec<A>> for &[A] {
    type Slot = Vec<A>;
    const ACTIVE: bool = true;

    fn split(self) -> (Vec<A>, Vec<A>) {
        (self.to_vec(), self.to_vec())
    }
}

impl<A: Params<Scalar = f64>, const N: usize> Argument<Vec<A>> for &[A; N] {
    type Slot = Vec<A>;
    const ACTIVE: bool = true;

    fn split(self) -> (Vec<A>, Vec<A>) {
        Argument::split(self.as_slice())
    }
}

impl<A, X: Argument<A>> Argument<A> for Constant<X> {
    type Slot = ();
    const ACTIVE: bool = false;

    fn split(self) -> (A, ()) {
        (self.0.split().0, ())
    }
}
