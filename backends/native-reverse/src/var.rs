//! The number that records what is done with it.

use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar, scratch};

use crate::tape::{self, CONSTANT, NONE, Node};

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
    /// The variable on the tape; [`NONE`] for constants.
    index: u32,
    /// The number of the recording; [`CONSTANT`] for constants.
    tape: u32,
}

impl<S: Scalar> Var<S> {
    /// The variable `index` of the recording `tape`.
    pub(crate) fn active(value: S, index: u32, tape: u32) -> Self {
        Var { value, index, tape }
    }

    /// Its place among the variables of the recording `tape`, [`NONE`] for a constant.
    pub(crate) fn index_in(self, tape: u32) -> u32 {
        if self.tape != tape && self.tape != CONSTANT {
            foreign::<S>(self.tape);
        }
        self.index
    }

    /// `self` and `rhs` differ in their tapes: one is a constant, or one is foreign.
    #[inline]
    fn lift_mixed(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        if rhs.tape == CONSTANT {
            self.lift_unary(value, d_self)
        } else if self.tape == CONSTANT {
            rhs.lift_unary(value, d_rhs)
        } else {
            // At most one of them is on the tape that records.
            foreign::<S>(if tape::current::<S>() == Some(rhs.tape) { self.tape } else { rhs.tape })
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
        Var { value, index: NONE, tape: CONSTANT }
    }

    #[inline]
    fn inner(self) -> S {
        self.value
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.tape == CONSTANT
    }

    #[inline]
    fn lift_unary(self, value: S, d: S) -> Self {
        if self.tape == CONSTANT {
            return Self::constant(value);
        }
        match tape::push(self.tape, Node { operands: [self.index, NONE], partials: [d, d] }) {
            Some(index) => Var { value, index, tape: self.tape },
            None => foreign::<S>(self.tape),
        }
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        if self.tape != rhs.tape || self.tape == CONSTANT {
            return self.lift_mixed(rhs, value, d_self, d_rhs);
        }
        if self.index == rhs.index {
            return self.lift_unary(value, d_self + d_rhs);
        }
        let node = Node { operands: [self.index, rhs.index], partials: [d_self, d_rhs] };
        match tape::push(self.tape, node) {
            Some(index) => Var { value, index, tape: self.tape },
            None => foreign::<S>(self.tape),
        }
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(x.len() + y.len(), |buffer: &mut [S]| {
            let (primal, value) = buffer.split_at_mut(x.len());
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.value);
            S::apply_rule(rule, primal, value)?;
            y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = Self::constant(value));
            let active = x.iter().find(|x| !x.is_constant());
            let (Some(&Var { tape, .. }), false) = (active, y.is_empty()) else { return Ok(()) };
            let mut operands = scratch::take::<u32>();
            operands.extend(x.iter().map(|x| x.index_in(tape)));
            let first = tape::push_rule(tape, rule.clone(), &operands, primal, y.len());
            scratch::give(operands);
            let Some(first) = first else { foreign::<S>(tape) };
            for (y, index) in y.iter_mut().zip(first..) {
                (y.index, y.tape) = (index, tape);
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
