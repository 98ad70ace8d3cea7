//! A program as a graph: what a body computes from its inputs, each value once.

mod index;
mod lower;
mod partials;
mod transform;

use std::collections::HashSet;

use ad_api::{Binary, Relation, Unary};

use index::Index;
pub(crate) use lower::{Refusal, trace};
pub(crate) use partials::{Partial, Partials, partials};
pub(crate) use transform::{
    Seeds, Term, accumulate, differentiated, jacobian, number, of_inputs, pullback, pushforward,
    sweep, times,
};

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

    /// The same operation on other operands.
    fn on(self, at: impl Fn(Id) -> Id) -> Node {
        match self {
            Node::Input(_) | Node::Constant(_) => self,
            Node::Add(a, b) => Node::Add(at(a), at(b)),
            Node::Sub(a, b) => Node::Sub(at(a), at(b)),
            Node::Mul(a, b) => Node::Mul(at(a), at(b)),
            Node::Div(a, b) => Node::Div(at(a), at(b)),
            Node::Neg(a) => Node::Neg(at(a)),
            Node::MulAdd(all) => Node::MulAdd(all.map(at)),
            Node::Unary(function, a) => Node::Unary(function, at(a)),
            Node::Binary(function, a, b) => Node::Binary(function, at(a), at(b)),
            Node::Detached(a) => Node::Detached(at(a)),
            Node::Picks(function, a, b) => Node::Picks(function, at(a), at(b)),
            Node::Sign(a) => Node::Sign(at(a)),
        }
    }

    /// What it computes from the values of its operands; an input is NaN.
    #[inline]
    pub(crate) fn value(self, at: impl Fn(Id) -> f64) -> f64 {
        match self {
            Node::Input(_) => f64::NAN,
            Node::Constant(bits) => f64::from_bits(bits),
            Node::Add(a, b) => at(a) + at(b),
            Node::Sub(a, b) => at(a) - at(b),
            Node::Mul(a, b) => at(a) * at(b),
            Node::Div(a, b) => at(a) / at(b),
            Node::Neg(a) => -at(a),
            Node::MulAdd([a, b, c]) => at(a).mul_add(at(b), at(c)),
            Node::Unary(function, a) => function.eval(at(a)),
            Node::Binary(function, a, b) => function.eval(at(a), at(b)),
            Node::Detached(a) => at(a),
            Node::Picks(function, a, b) => picks(function, at(a), at(b)),
            Node::Sign(a) => sign(at(a)),
        }
    }

    /// Whether it takes a few cycles at most.
    pub(crate) fn is_cheap(self) -> bool {
        match self {
            Node::Div(..) | Node::Binary(..) => false,
            Node::Unary(function, _) => function == Unary::Abs,
            _ => true,
        }
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

/// 1 where the maximum or minimum of `a` and `b` is `a`, else 0: `a` on a tie, and NaN loses.
pub(crate) fn picks(function: Binary, a: f64, b: f64) -> f64 {
    let second = if function == Binary::Max { b > a } else { b < a };
    if second || a.is_nan() { 0.0 } else { 1.0 }
}

/// The sign of `x`, 0 at 0.
pub(crate) fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// A comparison that steered the recording: the program is valid where it comes out the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Guard {
    pub(crate) a: Id,
    pub(crate) b: Id,
    pub(crate) relation: Relation,
    /// Whether the relation held.
    pub(crate) holds: bool,
}

impl Guard {
    /// Whether the comparison of these values comes out as recorded.
    #[inline]
    pub(crate) fn passes(self, a: f64, b: f64) -> bool {
        self.relation.holds(&a, &b) == self.holds
    }
}

/// The values of a program at the point where it was recorded, and how they came about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    values: Vec<f64>,
    known: Index,
    guards: Vec<Guard>,
    guarded: HashSet<Guard>,
    /// How many inputs there are; not all of them need be nodes.
    pub(crate) inputs: usize,
    /// How many operations were recorded, before each value was kept once.
    pub(crate) recorded: usize,
    /// What the body returned.
    pub(crate) outputs: Vec<Id>,
}

impl Graph {
    /// An empty graph.
    pub(crate) fn new(inputs: usize, recorded: usize) -> Self {
        Graph { inputs, recorded, ..Graph::default() }
    }

    /// Gives the memory back that only more nodes need, until there are some.
    pub(crate) fn rest(&mut self) {
        self.known = Index::default();
        self.guarded = HashSet::new();
        self.nodes.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..])
            + size_of_val(&self.values[..])
            + size_of_val(&self.guards[..])
            + self.known.bytes()
    }

    /// The place of `node`, which has this value at the recorded point, or of something that has the
    /// same value everywhere, bit for bit.
    pub(crate) fn place(&mut self, node: Node, value: f64) -> Id {
        let node = match self.simplified(node) {
            Ok(node) => node,
            Err(same) => return same,
        };
        let computed = !matches!(node, Node::Input(_) | Node::Constant(_));
        if computed && node.operands().all(|operand| self.is_constant(operand)) {
            return self.constant(value);
        }
        let next = Id::try_from(self.nodes.len()).unwrap_or(Id::MAX);
        if self.known.is_empty() {
            self.known = Index::of(&self.nodes);
        }
        let id = self.known.find_or_insert(node, next, &self.nodes);
        if id == next {
            self.nodes.push(node);
            self.values.push(value);
        }
        id
    }

    /// A simpler node with the same value, or the place of one. Only what holds for all numbers, also
    /// in rounding: `x + 0` is not `x` if that is `-0`.
    fn simplified(&self, node: Node) -> Result<Node, Id> {
        let constant = |id: Id| match self.node(id) {
            Node::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        };
        let is = |id: Id, c: f64| constant(id).is_some_and(|x| x.to_bits() == c.to_bits());
        Ok(match node {
            Node::Add(x, zero) | Node::Add(zero, x) if is(zero, -0.0) => return Err(x),
            Node::Sub(x, zero) if is(zero, 0.0) => return Err(x),
            Node::Mul(x, one) | Node::Mul(one, x) if is(one, 1.0) => return Err(x),
            Node::Div(x, one) if is(one, 1.0) => return Err(x),
            Node::Mul(x, c) | Node::Mul(c, x) if is(c, -1.0) => {
                return self.simplified(Node::Neg(x));
            }
            Node::Div(x, c) if is(c, -1.0) => return self.simplified(Node::Neg(x)),
            Node::Neg(x) | Node::Detached(x) => match (node, self.node(x)) {
                (Node::Neg(_), Node::Neg(same)) => return Err(same),
                (Node::Detached(_), Node::Detached(_) | Node::Constant(_)) => return Err(x),
                _ => node,
            },
            Node::Add(a, b) => match (self.node(a), self.node(b)) {
                (_, Node::Neg(b)) => Node::Sub(a, b),
                (Node::Neg(a), _) => Node::Sub(b, a),
                // Sums and products commute, also in rounding.
                _ => Node::Add(a.min(b), a.max(b)),
            },
            Node::Sub(a, b) => match self.node(b) {
                Node::Neg(b) => Node::Add(a.min(b), a.max(b)),
                _ => node,
            },
            Node::Mul(a, b) => match (self.node(a), self.node(b)) {
                (Node::Neg(a), Node::Neg(b)) => Node::Mul(a.min(b), a.max(b)),
                _ => Node::Mul(a.min(b), a.max(b)),
            },
            other => other,
        })
    }

    /// What computes `outputs` from `inputs`, nodes of this graph, which suffice for them, and checks
    /// these guards.
    pub(crate) fn part(&self, inputs: &[Id], outputs: &[Id], guards: &[Guard]) -> Graph {
        let mut part = Graph::new(inputs.len(), 0);
        let mut places: Vec<Option<Id>> = vec![None; self.len()];
        for (&id, input) in inputs.iter().zip(0..) {
            places[id as usize] = Some(part.input(input, self.value(id)));
        }
        // Beyond an input nothing is needed.
        let mut needed = vec![false; self.len()];
        let guarded = guards.iter().flat_map(|guard| [guard.a, guard.b]);
        outputs.iter().copied().chain(guarded).for_each(|id| needed[id as usize] = true);
        for id in (0..self.len()).rev() {
            if needed[id] && places[id].is_none() {
                self.nodes[id].operands().for_each(|operand| needed[operand as usize] = true);
            }
        }
        let at = |places: &[Option<Id>], id: Id| places[id as usize].unwrap_or(Id::MAX);
        for (id, &node) in self.nodes.iter().enumerate() {
            if needed[id] && places[id].is_none() {
                let node = node.on(|id| at(&places, id));
                places[id] = Some(part.place(node, self.values[id]));
            }
        }
        part.outputs = outputs.iter().map(|&id| at(&places, id)).collect();
        for &Guard { a, b, relation, holds } in guards {
            part.guard(Guard { a: at(&places, a), b: at(&places, b), relation, holds });
        }
        part
    }

    pub(crate) fn is_constant(&self, id: Id) -> bool {
        matches!(self.node(id), Node::Constant(_))
    }

    /// The place of `node`, which is computed from others.
    pub(crate) fn compute(&mut self, node: Node) -> Id {
        let value = node.value(|id| self.value(id));
        self.place(node, value)
    }

    /// The place of an input, which is `value` at the recorded point.
    pub(crate) fn input(&mut self, input: u32, value: f64) -> Id {
        self.place(Node::Input(input), value)
    }

    /// The place of a number.
    pub(crate) fn constant(&mut self, value: f64) -> Id {
        self.place(Node::Constant(value.to_bits()), value)
    }

    /// Notes a comparison.
    pub(crate) fn guard(&mut self, guard: Guard) {
        if self.guarded.is_empty() {
            self.guarded.extend(&self.guards);
        }
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

    /// The values of all nodes at the inputs `x`, guards or not.
    pub(crate) fn values_at(&self, x: &[f64]) -> Vec<f64> {
        let mut values: Vec<f64> = Vec::with_capacity(self.nodes.len());
        for &node in &self.nodes {
            values.push(match node {
                Node::Input(input) => x[input as usize],
                node => node.value(|id| values[id as usize]),
            });
        }
        values
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

#[cfg(test)]
impl Graph {
    /// The outputs at `x`, or `None` where a comparison comes out differently.
    fn eval(&self, x: &[f64]) -> Option<Vec<f64>> {
        let values = self.values_at(x);
        let at = |id: Id| values[id as usize];
        let valid = self.guards.iter().all(|guard| guard.passes(at(guard.a), at(guard.b)));
        valid.then(|| self.outputs.iter().map(|&output| at(output)).collect())
    }
}
