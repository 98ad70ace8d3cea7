//! The number that records by name what is done with it.

use std::sync::Arc;

use super::recording::{self, CONSTANT, Recording};
use super::{Comparison, ErasedRule, Instruction, Operand};
use crate::{Binary, Failure, Lift, Relation, Rule, Scalar, Unary, scratch};

/// An `f64` and its variable in the [`Program`](super::Program) that is being recorded: 16 bytes.
///
/// Its values are those of `f64` code, bit for bit. What is computed from constants alone is a
/// constant, and not recorded.
///
/// # Panics
///
/// An operation with a variable of another recording panics, and says so: one that was kept after its
/// evaluation ended, was sent to another thread, or belongs to an evaluation around this one.
/// [`Lift::lift_unary`] and [`Lift::lift_binary`] panic, since they do not say which function they are.
#[derive(Debug, Clone, Copy)]
pub struct Traced {
    value: f64,
    /// The number of the recording, [`CONSTANT`] for a constant.
    recording: u32,
    variable: u32,
}

impl Traced {
    /// The input of this number.
    pub(super) fn input(value: f64, variable: u32, recording: u32) -> Self {
        Traced { value, recording, variable }
    }

    /// What it is in the recording.
    pub(super) fn operand(self, recording: &Recording) -> Operand {
        if recording.owns(self.recording) {
            Operand::Variable(self.variable as usize)
        } else {
            Operand::Constant(self.value)
        }
    }

    /// The result of an instruction with one argument.
    fn record_unary(self, value: f64, instruction: impl FnOnce(usize) -> Instruction) -> Self {
        record([self], value, |[x]| match x {
            Operand::Variable(x) => instruction(x),
            Operand::Constant(_) => unreachable!("a constant is not recorded"),
        })
    }

    fn record_binary(
        self,
        rhs: Self,
        value: f64,
        instruction: impl FnOnce(Operand, Operand) -> Instruction,
    ) -> Self {
        record([self, rhs], value, |[a, b]| instruction(a, b))
    }
}

/// The result of an instruction, whose value is known.
fn record<const N: usize>(
    arguments: [Traced; N],
    value: f64,
    instruction: impl FnOnce([Operand; N]) -> Instruction,
) -> Traced {
    let Some(active) = arguments.iter().find(|x| !x.is_constant()) else {
        return Traced::constant(value);
    };
    let recording = active.recording;
    let variable = recording::with_current(recording, |current| {
        let operands = arguments.map(|x| x.operand(current));
        current.push(instruction(operands))
    });
    Traced { value, recording, variable }
}

/// Refuses an operation that has no name.
#[cold]
#[inline(never)]
fn nameless() -> ! {
    panic!(
        "a function whose name is unknown cannot be recorded: `lift_unary` and `lift_binary` were called \
         for a traced number, instead of `lift_elementary` and `lift_elementary_binary`"
    )
}

impl Lift for Traced {
    type Inner = f64;

    #[inline]
    fn constant(value: f64) -> Self {
        Traced { value, recording: CONSTANT, variable: 0 }
    }

    #[inline]
    fn inner(self) -> f64 {
        self.value
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.recording == CONSTANT
    }

    fn lift_unary(self, value: f64, _: f64) -> Self {
        if self.is_constant() { Self::constant(value) } else { nameless() }
    }

    fn lift_binary(self, rhs: Self, value: f64, _: f64, _: f64) -> Self {
        if self.is_constant() && rhs.is_constant() { Self::constant(value) } else { nameless() }
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(x.len() + y.len(), |buffer: &mut [f64]| {
            let (primal, value) = buffer.split_at_mut(x.len());
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.value);
            rule.value(primal, value)?;
            y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = Self::constant(value));
            let Some(active) = x.iter().find(|x| !x.is_constant()) else { return Ok(()) };
            let rule = ErasedRule::new(rule.erased());
            let first = recording::with_current(active.recording, |current| {
                let arguments = x.iter().map(|x| x.operand(current)).collect();
                current.push(Instruction::Rule(rule, arguments))
            });
            for (y, variable) in y.iter_mut().zip(first..) {
                *y = Traced { variable, recording: active.recording, ..*y };
            }
            Ok(())
        })
    }

    fn lift_elementary(self, function: Unary, value: f64, _: f64) -> Self {
        self.record_unary(value, |x| Instruction::Unary(function, x))
    }

    fn lift_step(self, function: Unary, value: f64) -> Self {
        self.record_unary(value, |x| Instruction::Unary(function, x))
    }

    fn lift_elementary_binary(
        self,
        rhs: Self,
        function: Binary,
        value: f64,
        _: f64,
        _: f64,
    ) -> Self {
        self.record_binary(rhs, value, |a, b| Instruction::Binary(function, a, b))
    }

    fn lift_choice(self, rhs: Self, function: Binary, chosen: Self) -> Self {
        self.record_binary(rhs, chosen.value, |a, b| Instruction::Binary(function, a, b))
    }

    fn lift_holds(self, relation: Relation, rhs: Self) -> bool {
        let holds = relation.holds(&self.value, &rhs.value);
        if let Some(active) = [self, rhs].iter().find(|x| !x.is_constant()) {
            recording::with_current(active.recording, |current| {
                let (left, right) = (self.operand(current), rhs.operand(current));
                let comparison = Comparison { relation, left, right, holds };
                current.push(Instruction::Compare(comparison));
            });
        }
        holds
    }

    fn lift_primal(self) -> f64 {
        if !self.is_constant() {
            recording::with_current(self.recording, |current| {
                current.reads_primal |= current.owns(self.recording);
            });
        }
        self.value
    }

    fn lift_detached(self) -> Self {
        self.record_unary(self.value, Instruction::Detach)
    }

    /// A variable has other values at other points.
    #[inline]
    fn lift_is_regular(self) -> bool {
        self.is_constant() && self.value.is_regular()
    }

    fn lift_add(self, rhs: Self) -> Self {
        self.record_binary(rhs, self.value + rhs.value, Instruction::Add)
    }

    fn lift_sub(self, rhs: Self) -> Self {
        self.record_binary(rhs, self.value - rhs.value, Instruction::Sub)
    }

    fn lift_mul(self, rhs: Self) -> Self {
        self.record_binary(rhs, self.value * rhs.value, Instruction::Mul)
    }

    fn lift_div(self, rhs: Self) -> Self {
        self.record_binary(rhs, self.value / rhs.value, Instruction::Div)
    }

    fn lift_neg(self) -> Self {
        self.record_unary(-self.value, Instruction::Neg)
    }

    fn lift_mul_add(self, a: Self, b: Self) -> Self {
        let value = self.value.mul_add(a.value, b.value);
        record([self, a, b], value, |[x, a, b]| Instruction::MulAdd(x, a, b))
    }

    fn lift_add_constant(self, c: f64) -> Self {
        self.lift_add(Self::constant(c))
    }

    fn lift_mul_constant(self, c: f64) -> Self {
        self.lift_mul(Self::constant(c))
    }

    fn lift_div_constant(self, c: f64) -> Self {
        self.lift_div(Self::constant(c))
    }
}
