//! The record of one evaluation: what each operation depends on, and by how much.

mod active;
mod edges;

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

use ad_api::{Failure, Rule, Scalar};

pub(crate) use active::{CONSTANT, Pair, current, grow, push, push_rule, record};
pub(crate) use edges::Edges;

/// Stands for an operand that does not exist.
pub(crate) const NONE: u32 = u32::MAX;

/// Set in the first operand of each statement.
const FIRST: u32 = 1 << 31;

/// The most variables that a tape can hold.
const MOST: u32 = FIRST;

/// A Wengert list: variables `0..inputs` are the inputs, each further one is the result of a statement
/// or an output of a rule.
///
/// A statement is a sum of one to four terms, each an earlier variable times a partial derivative: 12
/// bytes a term for `f64`. Both sweeps read only this, so one record serves pushforward and pullback.
/// Operands come before results, so a pushforward walks it once from the front and a pullback once
/// from the back.
///
/// # References
///
/// R. E. Wengert, *A simple automatic derivative evaluation program*, Comm. ACM 7 (1964).
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, sections 4.1 and 10.2.
#[derive(Debug)]
pub(crate) struct Tape<S: Scalar> {
    inputs: u32,
    variables: u32,
    /// The operands of all statements, one statement after another, the first one marked by
    /// [`FIRST`], and their partials.
    operands: Vec<u32>,
    partials: Vec<S>,
    rules: Vec<RuleNode<S>>,
    /// The arguments of all rules, one rule after another: their variables and their values.
    rule_operands: Vec<u32>,
    rule_x: Vec<S>,
}

impl<S: Scalar> Default for Tape<S> {
    fn default() -> Self {
        Tape {
            inputs: 0,
            variables: 0,
            operands: Vec::new(),
            partials: Vec::new(),
            rules: Vec::new(),
            rule_operands: Vec::new(),
            rule_x: Vec::new(),
        }
    }
}

/// Some statements of a [`Tape`] that follow each other: their terms, and the variables that they are.
pub(crate) struct Terms<'a, S> {
    pub(crate) operands: &'a [u32],
    pub(crate) partials: &'a [S],
    pub(crate) results: Range<usize>,
}

/// Takes an entry of [`Terms::operands`] apart: the variable, and whether it is the first operand of its
/// statement.
#[inline]
pub(crate) fn operand(entry: u32) -> (usize, bool) {
    ((entry & !FIRST) as usize, entry & FIRST != 0)
}

impl<S: Scalar> Tape<S> {
    /// Forgets the operations, keeps the memory, and makes room for `inputs` input variables.
    ///
    /// # Panics
    ///
    /// If there are more inputs than there can be variables.
    pub(crate) fn start(&mut self, inputs: usize) {
        assert!(inputs < MOST as usize, "a tape holds less than 2^31 variables");
        self.inputs = u32::try_from(inputs).unwrap_or(MOST);
        self.variables = self.inputs;
        self.operands.clear();
        self.partials.clear();
        self.rules.clear();
        self.rule_operands.clear();
        self.rule_x.clear();
    }

    /// Gives unused memory back, for a record that is kept.
    pub(crate) fn shrink(&mut self) {
        self.operands.shrink_to_fit();
        self.partials.shrink_to_fit();
        self.rules.shrink_to_fit();
        self.rule_operands.shrink_to_fit();
        self.rule_x.shrink_to_fit();
    }

    /// The number of input variables.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs as usize
    }

    /// The number of variables, inputs included.
    pub(crate) fn variables(&self) -> usize {
        self.variables as usize
    }

    /// The number of terms in all statements.
    pub(crate) fn terms(&self) -> usize {
        self.operands.len()
    }

    /// The statements between two rules, or beside them: from the end of `after` to the beginning of
    /// `before`, in the order of evaluation.
    pub(crate) fn between(
        &self,
        after: Option<&RuleNode<S>>,
        before: Option<&RuleNode<S>>,
    ) -> Terms<'_, S> {
        let terms = after.map_or(0, |rule| rule.terms)..before.map_or(self.terms(), |r| r.terms);
        Terms {
            operands: &self.operands[terms.clone()],
            partials: &self.partials[terms],
            results: after.map_or(self.inputs(), |rule| rule.results().end)
                ..before.map_or(self.variables(), |rule| rule.first),
        }
    }

    /// The rules in the order of evaluation.
    pub(crate) fn rules(&self) -> &[RuleNode<S>] {
        &self.rules
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.operands[..]) + size_of_val(&self.partials[..])
    }

    /// Makes room for one statement at least.
    ///
    /// # Panics
    ///
    /// If a further variable could not be told apart from the others.
    fn grow(&mut self) {
        assert!(self.variables < MOST - 1, "the tape is full: it holds less than 2^31 variables");
        let room = self.operands.len().max(64);
        self.operands.reserve_exact(room);
        self.partials.reserve_exact(room);
    }

    /// Records a rule at the arguments `x`, the variables `operands` ([`NONE`] for constants), and
    /// returns the variable of the first of its `outputs`.
    ///
    /// # Panics
    ///
    /// If the outputs could not be told apart from other variables.
    fn push_rule(
        &mut self,
        call: Arc<dyn Derivatives<S>>,
        (operands, x): (&[u32], &[S]),
        outputs: usize,
    ) -> u32 {
        let start = self.rule_x.len();
        self.rule_operands.extend_from_slice(operands);
        self.rule_x.extend_from_slice(x);
        let (first, arguments) = (self.variables, start..self.rule_x.len());
        assert!(
            outputs < (MOST - first) as usize,
            "the tape is full: it holds less than 2^31 variables"
        );
        self.variables += u32::try_from(outputs).unwrap_or(0);
        let terms = self.terms();
        self.rules.push(RuleNode { call, arguments, first: first as usize, outputs, terms });
        first
    }

    /// The arguments of `rule`: their variables ([`NONE`] for constants) and their values.
    pub(crate) fn arguments(&self, rule: &RuleNode<S>) -> (&[u32], &[S]) {
        (&self.rule_operands[rule.arguments.clone()], &self.rule_x[rule.arguments.clone()])
    }
}

/// One rule, with several inputs and outputs.
#[derive(Clone)]
pub(crate) struct RuleNode<S> {
    pub(crate) call: Arc<dyn Derivatives<S>>,
    arguments: Range<usize>,
    /// The variable of its first output.
    first: usize,
    outputs: usize,
    /// How many terms have been recorded before it.
    terms: usize,
}

impl<S> RuleNode<S> {
    /// The variables of its outputs.
    pub(crate) fn results(&self) -> Range<usize> {
        self.first..self.first + self.outputs
    }
}

impl<S> Debug for RuleNode<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleNode").field("outputs", &self.outputs).finish_non_exhaustive()
    }
}

/// The derivatives of any [`Rule`] in one scalar type. Every rule is one: an `Arc` of it is recorded
/// without allocating.
pub(crate) trait Derivatives<S>: Send + Sync {
    /// See [`Rule::tangent`].
    fn tangent(self: Arc<Self>, x: &[S], x_dot: &[S], y_dot: &mut [S]) -> Result<(), Failure>;

    /// See [`Rule::cotangent`].
    fn cotangent(self: Arc<Self>, x: &[S], y_bar: &[S], x_bar: &mut [S]) -> Result<(), Failure>;
}

impl<S: Scalar, R: Rule> Derivatives<S> for R {
    fn tangent(self: Arc<Self>, x: &[S], x_dot: &[S], y_dot: &mut [S]) -> Result<(), Failure> {
        Rule::tangent(&self, x, x_dot, y_dot)
    }

    fn cotangent(self: Arc<Self>, x: &[S], y_bar: &[S], x_bar: &mut [S]) -> Result<(), Failure> {
        Rule::cotangent(&self, x, y_bar, x_bar)
    }
}
