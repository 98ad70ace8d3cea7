//! The partial derivatives of the nodes of a graph, as nodes of the same graph.

use std::sync::Arc;

use ad_api::{Binary, Failure, Lift, Rule, Scalar, Unary};

use nalgebra::{ComplexField, RealField};

use super::trace::{Traced, record};
use super::{Graph, Id, Node};

/// How a node depends on one of its operands: by `factor`, times the value of `node` if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partial {
    pub(crate) operand: Id,
    pub(crate) factor: f64,
    pub(crate) node: Option<Id>,
}

/// Adds what the partials need to `graph`, and returns those of each node that `active` and `needed`
/// name, with respect to its active operands.
pub(crate) fn partials(
    graph: Graph,
    active: &[bool],
    needed: &[bool],
) -> (Graph, Vec<Vec<Partial>>) {
    let nodes = graph.nodes().to_vec();
    record(graph, |number| {
        nodes
            .iter()
            .zip(0..)
            .map(|(&node, id)| {
                let mut partials = Vec::new();
                if active[id as usize] && needed[id as usize] {
                    each(node, id, number, &mut |operand, factor, d| {
                        if !active[operand as usize] {
                            return;
                        }
                        let (factor, node) = match d.map(Traced::node) {
                            None => (factor, None),
                            Some(Ok(node)) => (factor, Some(node)),
                            Some(Err(constant)) => (factor * constant, None),
                        };
                        partials.push(Partial { operand, factor, node });
                    });
                }
                partials
            })
            .collect()
    })
}

/// The derivatives of the outputs of `graph` along a tangent, whose `p` entries are further inputs
/// from `first` on: a graph with these outputs.
pub(crate) fn tangent(graph: Graph, partials: &[Vec<Partial>], (first, p): (u32, usize)) -> Graph {
    let (outputs, nodes) = (graph.outputs.clone(), graph.nodes().to_vec());
    let (mut graph, outputs) = record(graph, |number| {
        let mut tangents: Vec<Traced> = Vec::with_capacity(partials.len());
        for (node, partials) in nodes.iter().zip(partials) {
            let terms = partials.iter().map(|partial| {
                let term = tangents[partial.operand as usize] * partial.factor;
                match partial.node {
                    Some(node) => term * Traced::at(node, number),
                    None => term,
                }
            });
            tangents.push(match *node {
                Node::Input(input) if (input as usize) < p => Traced::input(first + input, number),
                _ => terms.reduce(|a, b| a + b).unwrap_or(Traced::from(0.0)),
            });
        }
        let places = outputs.iter().map(|&output| tangents[output as usize].place(number));
        places.collect::<Option<Vec<Id>>>()
    });
    graph.opaque |= outputs.is_none();
    graph.outputs = outputs.unwrap_or_default();
    graph
}

/// Calls `out(operand, factor, d)` for each operand of `node`, which is numbered `id`.
fn each(node: Node, id: Id, recording: u32, out: &mut impl FnMut(Id, f64, Option<Traced>)) {
    let at = |id| Traced::at(id, recording);
    match node {
        Node::Input(_)
        | Node::Constant(_)
        | Node::Detached(_)
        | Node::Picks(..)
        | Node::Sign(_) => {}
        Node::Add(a, b) => {
            out(a, 1.0, None);
            out(b, 1.0, None);
        }
        Node::Sub(a, b) => {
            out(a, 1.0, None);
            out(b, -1.0, None);
        }
        Node::Mul(a, b) if a == b => out(a, 2.0, Some(at(a))),
        Node::Mul(a, b) => {
            out(a, 1.0, Some(at(b)));
            out(b, 1.0, Some(at(a)));
        }
        Node::Div(a, b) => {
            let d = at(b).recip();
            out(a, 1.0, Some(d));
            out(b, -1.0, Some(at(id) * d));
        }
        Node::Neg(a) => out(a, -1.0, None),
        Node::MulAdd([a, b, c]) => {
            out(a, 1.0, Some(at(b)));
            out(b, 1.0, Some(at(a)));
            out(c, 1.0, None);
        }
        Node::Unary(Unary::Abs, a) => out(a, 1.0, Some(at(a).sign())),
        // Shared with the functions that are nodes already; in general they would not be.
        Node::Unary(Unary::Cos, a) => out(a, -1.0, Some(at(a).sin())),
        Node::Unary(function, a) => {
            let [d, _] = function.eval(Probe::of(at(a))).partials;
            out(a, 1.0, Some(d));
        }
        Node::Binary(function @ (Binary::Max | Binary::Min), a, b) => {
            let first = at(a).picks(function, at(b));
            out(a, 1.0, Some(first));
            out(b, 1.0, Some(-first + 1.0));
        }
        Node::Binary(Binary::Copysign, a, b) => {
            let one = Traced::from(1.0);
            out(a, 1.0, Some(one.copysign(at(a)) * one.copysign(at(b))));
        }
        Node::Binary(function, a, b) => {
            let [d_a, d_b] = function.eval(Probe::of(at(a)), Probe::of(at(b))).partials;
            out(a, 1.0, Some(d_a));
            out(b, 1.0, Some(d_b));
        }
    }
}

/// Learns the partials of one elementary function.
#[derive(Debug, Clone, Copy)]
struct Probe {
    value: Traced,
    partials: [Traced; 2],
}

impl Probe {
    fn of(value: Traced) -> Self {
        Probe { value, partials: [Traced::from(0.0); 2] }
    }
}

impl Lift for Probe {
    type Inner = Traced;

    fn constant(value: Traced) -> Self {
        Probe::of(value)
    }

    fn inner(self) -> Traced {
        self.value
    }

    fn is_constant(self) -> bool {
        self.value.is_constant()
    }

    fn lift_unary(self, value: Traced, d: Traced) -> Self {
        Probe { value, partials: [d, Traced::from(0.0)] }
    }

    fn lift_binary(self, _: Self, value: Traced, d_self: Traced, d_rhs: Traced) -> Self {
        Probe { value, partials: [d_self, d_rhs] }
    }

    /// No elementary function is a rule.
    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        let inner: Vec<Traced> = x.iter().map(|x| x.value).collect();
        let mut values = vec![Traced::from(0.0); y.len()];
        Traced::apply_rule(rule, &inner, &mut values)?;
        y.iter_mut().zip(values).for_each(|(y, value)| *y = Probe::of(value));
        Ok(())
    }
}

ad_api::scalar!([] Probe);
