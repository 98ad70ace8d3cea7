//! A program as a graph: what a body computes from its inputs, each value once.

mod partials;
mod trace;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use ad_api::{Binary, Unary};

pub(crate) use partials::{Partial, partials, tangent};
pub(crate) use trace::{picks, trace};

/// The place of a node in its graph; operands come before results.
pub(crate) type Id = u32;

/// One value of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// An input of the body.
    Input(u32),
    /// A number, by its bits.
    Constant(u64),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
    Div(Id, Id),
    Neg(Id),
    /// `a b + c`, rounded once.
    MulAdd([Id; 3]),
    Unary(Unary, Id),
    Binary(Binary, Id, Id),
    /// The same number without derivatives.
    Detached(Id),
    /// 1 where the maximum or minimum is its first operand, else 0.
    Picks(Binary, Id, Id),
    /// The sign, 0 at 0.
    Sign(Id),
}

impl Node {
    /// What it is computed from.
    pub(crate) fn operands(self) -> impl Iterator<Item = Id> {
        let (count, all) = match self {
            Node::Input(_) | Node::Constant(_) => (0, [0; 3]),
            Node::Neg(a) | Node::Unary(_, a) | Node::Detached(a) | Node::Sign(a) => (1, [a, 0, 0]),
            Node::Add(a, b)
            | Node::Sub(a, b)
            | Node::Mul(a, b)
            | Node::Div(a, b)
            | Node::Binary(_, a, b)
            | Node::Picks(_, a, b) => (2, [a, b, 0]),
            Node::MulAdd(all) => (3, all),
        };
        all.into_iter().take(count)
    }

    /// Whether a derivative passes through it, provided that its operands have one.
    fn is_differentiable(self) -> bool {
        let step = matches!(
            self,
            Node::Unary(
                Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc | Unary::Signum,
                _
            )
        );
        !step && !matches!(self, Node::Detached(_) | Node::Picks(..) | Node::Sign(_))
    }
}

/// A comparison that steered the recording: the program is valid where it comes out the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Guard {
    pub(crate) a: Id,
    pub(crate) b: Id,
    pub(crate) outcome: Option<Ordering>,
}

/// The values of a program at the point where it was recorded, and how they came about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    values: Vec<f64>,
    known: HashMap<Node, Id>,
    guards: Vec<Guard>,
    guarded: HashSet<Guard>,
    /// What the body returned.
    pub(crate) outputs: Vec<Id>,
    /// Whether the body did something that no graph can repeat.
    pub(crate) opaque: bool,
}

impl Graph {
    /// The place of `node`, which has this value at the recorded point.
    pub(crate) fn place(&mut self, node: Node, value: f64) -> Id {
        // Sums and products commute, also in rounding.
        let node = match node {
            Node::Add(a, b) => Node::Add(a.min(b), a.max(b)),
            Node::Mul(a, b) => Node::Mul(a.min(b), a.max(b)),
            other => other,
        };
        let next = Id::try_from(self.nodes.len()).unwrap_or(Id::MAX);
        let id = *self.known.entry(node).or_insert(next);
        if id == next {
            self.nodes.push(node);
            self.values.push(value);
        }
        id
    }

    /// The place of a number.
    pub(crate) fn constant(&mut self, value: f64) -> Id {
        self.place(Node::Constant(value.to_bits()), value)
    }

    /// Notes a comparison.
    pub(crate) fn guard(&mut self, guard: Guard) {
        if self.guarded.insert(guard) {
            self.guards.push(guard);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn guards(&self) -> &[Guard] {
        &self.guards
    }

    pub(crate) fn node(&self, id: Id) -> Node {
        self.nodes[id as usize]
    }

    pub(crate) fn value(&self, id: Id) -> f64 {
        self.values[id as usize]
    }

    /// For each node whether some input that `source` accepts reaches it.
    pub(crate) fn reached(&self, source: impl Fn(u32) -> bool) -> Vec<bool> {
        self.reached_through(source, |_| true)
    }

    /// For each node whether it has a derivative with respect to one of the first `active` inputs.
    pub(crate) fn active(&self, active: usize) -> Vec<bool> {
        self.reached_through(|input| (input as usize) < active, Node::is_differentiable)
    }

    fn reached_through(
        &self,
        source: impl Fn(u32) -> bool,
        passes: impl Fn(Node) -> bool,
    ) -> Vec<bool> {
        let mut reached: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for &node in &self.nodes {
            reached.push(match node {
                Node::Input(input) => source(input),
                _ => passes(node) && node.operands().any(|operand| reached[operand as usize]),
            });
        }
        reached
    }

    /// For each node whether one of `roots` is computed from it, or is it.
    pub(crate) fn needed(&self, roots: impl IntoIterator<Item = Id>) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        roots.into_iter().for_each(|root| needed[root as usize] = true);
        for id in (0..self.nodes.len()).rev() {
            if needed[id] {
                self.nodes[id].operands().for_each(|operand| needed[operand as usize] = true);
            }
        }
        needed
    }
}
