//! The record of one evaluation: what each operation depends on, and by how much.

mod active;

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

use ad_api::{Failure, Rule, Scalar};

pub(crate) use active::{CONSTANT, current, push, push_rule, push_slowly, record};

/// Stands for an operand that does not exist.
pub(crate) const NONE: u32 = u32::MAX;

/// One operation: its variable is a function of at most two earlier ones, with these partials.
///
/// 24 bytes for `f64`. Both sweeps read only this, so one record serves pushforward and pullback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<S> {
    pub(crate) operands: [u32; 2],
    pub(crate) partials: [S; 2],
}

/// A Wengert list: variables `0..inputs` are the inputs, variable `inputs + k` is that of node `k`.
///
/// Operands come before results, so a pushforward walks it once from the front and a pullback once
/// from the back.
///
/// # References
///
/// R. E. Wengert, *A simple automatic derivative evaluation program*, Comm. ACM 7 (1964).
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 4.1.
#[derive(Debug)]
pub(crate) struct Tape<S: Scalar> {
    inputs: u32,
    nodes: Vec<Node<S>>,
    rules: Vec<RuleNode<S>>,
    /// The arguments of all rules, one rule after another: their variables and their values.
    rule_operands: Vec<u32>,
    rule_x: Vec<S>,
}

impl<S: Scalar> Default for Tape<S> {
    fn default() -> Self {
        Tape {
            inputs: 0,
            nodes: Vec::new(),
            rules: Vec::new(),
            rule_operands: Vec::new(),
            rule_x: Vec::new(),
        }
    }
}

impl<S: Scalar> Tape<S> {
    /// Forgets the operations, keeps the memory, and makes room for `inputs` input variables.
    ///
    /// # Panics
    ///
    /// If there are more inputs than a 32-bit index can tell apart.
    pub(crate) fn start(&mut self, inputs: usize) {
        assert!(inputs < NONE as usize, "a tape holds at most 2^32 - 2 variables");
        self.inputs = u32::try_from(inputs).unwrap_or(NONE);
        self.nodes.clear();
        self.rules.clear();
        self.rule_operands.clear();
        self.rule_x.clear();
    }

    /// Gives unused memory back, for a record that is kept.
    pub(crate) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
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
        self.inputs() + self.nodes.len()
    }

    /// The operations in the order of evaluation.
    pub(crate) fn nodes(&self) -> &[Node<S>] {
        &self.nodes
    }

    /// The rules in the order of evaluation.
    pub(crate) fn rules(&self) -> &[RuleNode<S>] {
        &self.rules
    }

    /// Records a node and returns its variable.
    ///
    /// # Panics
    ///
    /// If a 32-bit index cannot tell more variables apart.
    fn push(&mut self, node: Node<S>) -> u32 {
        let (len, room) = (self.nodes.len(), (NONE - self.inputs) as usize);
        assert!(len < room, "the tape is full: it holds at most 2^32 - 2 variables");
        if len == self.nodes.capacity() {
            self.nodes.reserve_exact(len.max(64).min(room - len));
        }
        self.nodes.push(node);
        self.inputs + u32::try_from(len).unwrap_or(NONE - self.inputs)
    }

    /// Records a rule at the arguments `x`, the variables `operands` ([`NONE`] for constants), and
    /// returns the variable of the first of its `outputs`, each of them a `leaf`.
    fn push_rule(
        &mut self,
        call: Arc<dyn Derivatives<S>>,
        (operands, x): (&[u32], &[S]),
        leaf: Node<S>,
        outputs: usize,
    ) -> u32 {
        let start = self.rule_x.len();
        self.rule_operands.extend_from_slice(operands);
        self.rule_x.extend_from_slice(x);
        let (first, arguments) = (self.nodes.len(), start..self.rule_x.len());
        // The outputs are variables like others, but the sweeps fill them by the rule.
        let variable = self.push(leaf);
        for _ in 1..outputs {
            self.push(leaf);
        }
        self.rules.push(RuleNode { call, arguments, first, outputs });
        variable
    }

    /// The arguments of `rule`: their variables ([`NONE`] for constants) and their values.
    pub(crate) fn arguments(&self, rule: &RuleNode<S>) -> (&[u32], &[S]) {
        (&self.rule_operands[rule.arguments.clone()], &self.rule_x[rule.arguments.clone()])
    }
}

/// One rule, with several inputs and outputs; its outputs are the nodes from `first` on.
#[derive(Clone)]
pub(crate) struct RuleNode<S> {
    pub(crate) call: Arc<dyn Derivatives<S>>,
    arguments: Range<usize>,
    pub(crate) first: usize,
    pub(crate) outputs: usize,
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
