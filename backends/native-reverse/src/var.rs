//! The number that records what is done with it.

use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar, scratch};

use crate::tape::{self, NONE};

/// A value and its place on a tape: 16 bytes over `f64`.
///
/// Made by [`NativeReverse`](crate::NativeReverse) for the inputs of a function; everything computed
/// from them is recorded, what is computed from constants alone is not.
///
/// # Panics
///
/// An operation with a variable of another recording panics, and says so: one that was kept after
/// its evaluation ended, was sent to another thread, or belongs to an evaluation around this one
/// with the same number type.
#[derive(Debug, Clone, Copy)]
pub struct Var<S> {
    value: S,
    place: Place,
}

/// A variable of a recording, in one word: with two fields a `Var` would be returned through memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u64);

impl Place {
    const CONSTANT: Place = Place::new(NONE, tape::CONSTANT);

    #[inline]
    const fn new(index: u32, tape: u32) -> Self {
        Place((tape as u64) << 32 | index as u64)
    }

    /// The variable on the tape, [`NONE`] for a constant.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    const fn index(self) -> u32 {
        self.0 as u32
    }

    /// The number of the recording, [`tape::CONSTANT`] for a constant.
    #[inline]
    const fn tape(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl<S: Scalar> Var<S> {
    /// The variable `index` of the recording `tape`.
    #[inline]
    pub(crate) fn active(value: S, index: u32, tape: u32) -> Self {
        Var { value, place: Place::new(index, tape) }
    }

    /// Its place among the variables of the recording `tape`, [`NONE`] for a constant.
    pub(crate) fn index_in(self, tape: u32) -> u32 {
        if self.place.tape() != tape && !self.is_constant() {
            foreign::<S>(self.place.tape());
        }
        self.place.index()
    }

    /// What [`Lift::lift_unary`] leaves: a constant, a full tape, or a foreign variable.
    #[cold]
    #[inline(never)]
    fn unary_slowly(self, value: S, d: S) -> Self {
        if self.is_constant() {
            return Self::constant(value);
        }
        let tape = self.place.tape();
        match tape::push_slowly(tape, [self.place.index(), NONE], [d, d]) {
            Some(index) => Self::active(value, index, tape),
            None => foreign::<S>(tape),
        }
    }

    /// What [`Lift::lift_binary`] leaves: a full tape, or a foreign variable.
    #[cold]
    #[inline(never)]
    fn binary_slowly(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        let (a, b) = (self.place, rhs.place);
        if a.tape() == b.tape() {
            match tape::push_slowly(a.tape(), [a.index(), b.index()], [d_self, d_rhs]) {
                Some(index) => Self::active(value, index, a.tape()),
                None => foreign::<S>(a.tape()),
            }
        } else {
            // At most one of them is on the tape that records.
            foreign::<S>(if tape::current::<S>() == Some(b.tape()) { a.tape() } else { b.tape() })
        }
    }
}

/// Says what is wrong with a variable of the recording `tape`.
#[cold]
#[inline(never)]
fn foreign<S: Scalar>(tape: u32) -> ! {
    let name = std::any::type_name::<Var<S>>();
    match tape::current::<S>() {
        None => panic!(
            "a variable of recording {tape} was used where nothing records {name}: it outlived the \
             evaluation that made it, or was sent to another thread"
        ),
        Some(current) => panic!(
            "a variable of recording {tape} was used in recording {current} of {name}: it outlived \
             the evaluation that made it, was sent to another thread, or belongs to an evaluation \
             around this one"
        ),
    }
}

impl<S: Scalar> Lift for Var<S> {
    type Inner = S;

    #[inline]
    fn constant(value: S) -> Self {
        Var { value, place: Place::CONSTANT }
    }

    #[inline]
    fn inner(self) -> S {
        self.value
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.place == Place::CONSTANT
    }

    #[inline]
    fn lift_detached(self) -> Self {
        Self::constant(self.value.detached())
    }

    #[inline]
    fn lift_unary(self, value: S, d: S) -> Self {
        let tape = self.place.tape();
        match tape::push(tape, [self.place.index(), NONE], [d, d]) {
            Some(index) => Self::active(value, index, tape),
            None => self.unary_slowly(value, d),
        }
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        let (a, b) = (self.place, rhs.place);
        if a == b {
            return self.lift_unary(value, d_self + d_rhs);
        }
        if a.tape() == b.tape() {
            let index = tape::push(a.tape(), [a.index(), b.index()], [d_self, d_rhs]);
            if let Some(index) = index {
                return Self::active(value, index, a.tape());
            }
        } else if rhs.is_constant() {
            return self.lift_unary(value, d_self);
        } else if self.is_constant() {
            return rhs.lift_unary(value, d_rhs);
        }
        self.binary_slowly(rhs, value, d_self, d_rhs)
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(x.len() + y.len(), |buffer: &mut [S]| {
            let (primal, value) = buffer.split_at_mut(x.len());
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.value);
            S::apply_rule(rule, primal, value)?;
            y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = Self::constant(value));
            let active = x.iter().find(|x| !x.is_constant());
            let (Some(active), false) = (active, y.is_empty()) else { return Ok(()) };
            let tape = active.place.tape();
            let mut operands = scratch::take::<u32>();
            operands.extend(x.iter().map(|x| x.index_in(tape)));
            let first = tape::push_rule(tape, rule.clone(), &operands, primal, y.len());
            scratch::give(operands);
            let Some(first) = first else { foreign::<S>(tape) };
            for (y, index) in y.iter_mut().zip(first..) {
                y.place = Place::new(index, tape);
            }
            Ok(())
        })
    }

    /// The sum depends on `self` as `self` on itself, so that nothing is recorded.
    #[inline]
    fn lift_add_constant(self, c: f64) -> Self {
        Var { value: self.value + c, ..self }
    }

    #[inline]
    fn lift_div(self, rhs: Self) -> Self {
        let (a, b) = (self.value, rhs.value);
        let (value, d) = (a / b, b.recip());
        // Over nested scalars the other partial costs operations of its own.
        if rhs.is_constant() {
            return self.lift_unary(value, d);
        }
        self.lift_binary(rhs, value, d, -value * d)
    }
}

ad_api::scalar!([S: Scalar] Var<S>);
