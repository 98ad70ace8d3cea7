//! What a recorded program consists of.

use std::fmt::{self, Display};
use std::hash::Hash;
use std::sync::Arc;

use super::ErasedRule;
use crate::{Binary, Relation, RuleValue, Scalar, Unary};

/// An argument of an [`Instruction`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operand {
    /// The variable of this number: an input, or a result of an earlier instruction.
    Variable(usize),
    /// A number that does not depend on the inputs.
    Constant(f64),
}

/// One operation of a [`Program`](super::Program). Its results are the next variables: one, but for a
/// rule, which has its number of outputs, and a comparison, which has none.
///
/// At least one argument is a variable: what is computed from constants is a constant.
#[derive(Debug, Clone)]
pub enum Instruction {
    /// `-a`.
    Neg(usize),
    /// `a + b`.
    Add(Operand, Operand),
    /// `a - b`.
    Sub(Operand, Operand),
    /// `a b`.
    Mul(Operand, Operand),
    /// `a / b`.
    Div(Operand, Operand),
    /// `a b + c`, rounded once.
    MulAdd(Operand, Operand, Operand),
    /// A function of one number.
    Unary(Unary, usize),
    /// A function of two numbers.
    Binary(Binary, Operand, Operand),
    /// The number without derivatives: [`Scalar::detached`].
    Detach(usize),
    /// A rule and its arguments.
    Rule(Arc<ErasedRule>, Box<[Operand]>),
    /// A comparison that the function made, and which therefore must come out as it did.
    Compare(Comparison),
}

/// What a function asked about two numbers, and the answer at the point where it was recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The question.
    pub relation: Relation,
    /// The number on its left.
    pub left: Operand,
    /// The number on its right.
    pub right: Operand,
    /// Whether the relation held.
    pub holds: bool,
}

impl Operand {
    /// Its value, where the variables have these values.
    #[inline]
    pub fn value<S: Scalar>(self, variables: &[S]) -> S {
        match self {
            Operand::Variable(variable) => variables[variable],
            Operand::Constant(c) => S::from(c),
        }
    }

    /// Calls `visit` with its variable, if it is one.
    pub(super) fn visit_variable(&mut self, visit: impl FnOnce(&mut usize)) {
        if let Operand::Variable(variable) = self {
            visit(variable);
        }
    }

    /// What tells it from others, constants by their bits.
    fn key(self) -> (bool, u64) {
        match self {
            Operand::Variable(variable) => (true, variable as u64),
            Operand::Constant(c) => (false, c.to_bits()),
        }
    }
}

impl Comparison {
    /// What tells the question from others.
    pub(super) fn key(&self) -> impl Eq + Hash + use<> {
        (self.relation, self.left.key(), self.right.key())
    }
}

impl Instruction {
    /// The number of its results.
    pub fn results(&self) -> usize {
        match self {
            Instruction::Rule(rule, _) => rule.outputs(),
            Instruction::Compare(_) => 0,
            _ => 1,
        }
    }

    /// Calls `visit` with each variable that it reads.
    pub(super) fn visit_variables(&mut self, mut visit: impl FnMut(&mut usize)) {
        use Instruction::{Add, Binary, Compare, Detach, Div, Mul, MulAdd, Neg, Rule, Sub, Unary};
        match self {
            Neg(a) | Unary(_, a) | Detach(a) => visit(a),
            Add(a, b)
            | Sub(a, b)
            | Mul(a, b)
            | Div(a, b)
            | Binary(_, a, b)
            | Compare(Comparison { left: a, right: b, .. }) => {
                a.visit_variable(&mut visit);
                b.visit_variable(visit);
            }
            MulAdd(a, b, c) => {
                a.visit_variable(&mut visit);
                b.visit_variable(&mut visit);
                c.visit_variable(visit);
            }
            Rule(_, x) => x.iter_mut().for_each(|x| x.visit_variable(&mut visit)),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Variable(variable) => write!(f, "v{variable}"),
            Operand::Constant(c) => write!(f, "{c}"),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.relation, self.right)
    }
}
