//! The number that records what is done with it.

use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar, scratch};

use crate::tape::{self, Edges, NONE, Pair};

/// A value and what it depends on: 40 bytes over `f64`.
///
/// Made by [`NativeReverse`](crate::NativeReverse) for the inputs of a function. Over `f64`, what depends
/// on more than two variables of the tape is recorded, as a variable of its own, and little else; over
/// other scalars, each operation is. What is computed from constants alone depends on none.
///
/// # Panics
///
/// An operation that has to record a variable of another recording panics, and says so, and so does an
/// evaluation that returns one: a variable that was kept after its evaluation ended, was sent to another
/// thread, or belongs to an evaluation around this one with the same number type.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Var<S> {
    value: S,
    /// Over scalars other than `f64` a variable itself, or nothing.
    edges: Edges,
}

impl<S: Scalar> Var<S> {
    /// Whether partials are multiplied before they are recorded.
    ///
    /// PERF: over nested scalars that takes operations of its own.
    const PENDING: bool = S::DEPTH == 0;

    /// The variable `index` of the recording `tape`.
    #[inline(always)]
    pub(crate) fn active(value: S, index: u32, tape: u32) -> Self {
        Var { value, edges: Edges::variable(index, tape) }
    }

    /// Its place among the variables of the recording `tape`, where it is recorded if need be, [`NONE`]
    /// for a constant.
    pub(crate) fn index_in(self, tape: u32) -> u32 {
        if self.is_constant() {
            return NONE;
        }
        if self.tape() != tape {
            foreign::<S>(self.tape());
        }
        let recorded = || self.record(pair(self.edges), None, self.value).edges.operands()[0];
        self.edges.as_variable().unwrap_or_else(recorded)
    }

    /// The number of its recording, [`tape::CONSTANT`] for a constant.
    #[inline(always)]
    fn tape(self) -> u32 {
        self.edges.tape()
    }

    /// What depends on all of these.
    #[inline(always)]
    fn joined(self, value: S, a: Edges, b: Edges) -> Self {
        match a.plus(b) {
            Some(edges) => Var { value, edges },
            None => self.record(pair(a), Some(pair(b)), value),
        }
    }

    /// A new variable of the same recording.
    #[inline(always)]
    fn record(self, a: Pair<S>, b: Option<Pair<S>>, value: S) -> Self {
        loop {
            if let Some(index) = tape::push(self.tape(), a, b) {
                return Self::active(value, index, self.tape());
            }
            // PERF: it gets a number only; what is handed on by reference would be kept in memory.
            if !tape::grow::<S>(self.tape()) {
                foreign::<S>(self.tape());
            }
        }
    }

    /// An operation on numbers of which one is a constant, or foreign.
    #[inline(always)]
    fn mixed(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        if rhs.is_constant() {
            self.lift_unary(value, d_self)
        } else if self.is_constant() {
            rhs.lift_unary(value, d_rhs)
        } else {
            // At most one of them is on the tape that records.
            let first = tape::current::<S>() != Some(self.tape());
            foreign::<S>(if first { self.tape() } else { rhs.tape() })
        }
    }
}

/// The terms that these are, over `f64`.
#[inline(always)]
fn pair<S: Scalar>(edges: Edges) -> Pair<S> {
    Pair { operands: edges.operands(), partials: edges.partials().map(S::from) }
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

    #[inline(always)]
    fn constant(value: S) -> Self {
        Var { value, edges: Edges::NONE }
    }

    #[inline(always)]
    fn inner(self) -> S {
        self.value
    }

    #[inline(always)]
    fn is_constant(self) -> bool {
        self.tape() == tape::CONSTANT
    }

    #[inline(always)]
    fn lift_detached(self) -> Self {
        Self::constant(self.value.detached())
    }

    #[inline(always)]
    fn lift_unary(self, value: S, d: S) -> Self {
        if Self::PENDING {
            return Var { value, edges: self.edges.scaled(d.primal()) };
        }
        if self.is_constant() {
            return Self::constant(value);
        }
        self.record(Pair { operands: self.edges.operands(), partials: [d, d] }, None, value)
    }

    #[inline(always)]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        if self.tape() != rhs.tape() {
            return self.mixed(rhs, value, d_self, d_rhs);
        }
        let (a, b) = (self.edges, rhs.edges);
        if Self::PENDING {
            let [a, b] = Edges::both_scaled((a, d_self.primal()), (b, d_rhs.primal()));
            return self.joined(value, a, b);
        }
        if self.is_constant() {
            return Self::constant(value);
        }
        let [[a, _], [b, _]] = [a, b].map(Edges::operands);
        if a == b {
            return self.lift_unary(value, d_self + d_rhs);
        }
        self.record(Pair { operands: [a, b], partials: [d_self, d_rhs] }, None, value)
    }

    // PERF: partials that are added as they are need no look at what they are.
    #[inline(always)]
    fn lift_add(self, rhs: Self) -> Self {
        let value = self.value + rhs.value;
        if Self::PENDING && self.tape() == rhs.tape() {
            return self.joined(value, self.edges, rhs.edges);
        }
        self.lift_binary(rhs, value, S::from(1.0), S::from(1.0))
    }

    #[inline(always)]
    fn lift_sub(self, rhs: Self) -> Self {
        let value = self.value - rhs.value;
        if Self::PENDING && self.tape() == rhs.tape() {
            return self.joined(value, self.edges, rhs.edges.negated());
        }
        self.lift_binary(rhs, value, S::from(1.0), S::from(-1.0))
    }

    #[inline(always)]
    fn lift_neg(self) -> Self {
        if Self::PENDING {
            return Var { value: -self.value, edges: self.edges.negated() };
        }
        self.lift_unary(-self.value, S::from(-1.0))
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(x.len() + y.len(), |buffer: &mut [S]| {
            let (primal, value) = buffer.split_at_mut(x.len());
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.value);
            S::apply_rule(rule, primal, value)?;
            y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = Self::constant(value));
            let active = x.iter().find(|x| !x.is_constant());
            let (Some(active), false) = (active, y.is_empty()) else { return Ok(()) };
            let tape = active.tape();
            let mut operands = scratch::take::<u32>();
            operands.extend(x.iter().map(|x| x.index_in(tape)));
            let first = tape::push_rule(tape, rule.clone(), &operands, primal, y.len());
            scratch::give(operands);
            let Some(first) = first else { foreign::<S>(tape) };
            for (y, index) in y.iter_mut().zip(first..) {
                *y = Self::active(y.value, index, tape);
            }
            Ok(())
        })
    }

    /// The sum depends on `self` as `self` on itself, so that nothing is recorded.
    #[inline(always)]
    fn lift_add_constant(self, c: f64) -> Self {
        Var { value: self.value + c, ..self }
    }

    #[inline(always)]
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
