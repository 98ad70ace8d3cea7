//! The partial derivatives of the nodes of a graph, as nodes of the same graph.

use std::collections::HashMap;
use std::ops::Index;
use std::sync::Arc;

use ad_api::trace::Program;
use ad_api::{Binary, Failure, Function, Lift, Rule, Scalar, Unary, scratch};

use super::{Graph, Id, Node};

/// How a node depends on one of its operands: by `factor`, times the value of `node` if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partial {
    pub(crate) operand: Id,
    pub(crate) factor: f64,
    pub(crate) node: Option<Id>,
}

/// The partials of each node of a graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Partials {
    all: Vec<Partial>,
    /// Where those of a node end, and those of the next begin.
    ends: Vec<usize>,
}

impl Partials {
    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Index<usize> for Partials {
    type Output = [Partial];

    fn index(&self, id: usize) -> &[Partial] {
        let first = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.all[first..self.ends[id]]
    }
}

/// Adds what the partials need to `graph`, and returns those of each node that `active` and `needed`
/// name, with respect to its active operands.
pub(crate) fn partials(graph: Graph, active: &[bool], needed: &[bool]) -> (Graph, Partials) {
    let count = graph.len();
    let mut writer = Writer {
        graph,
        active,
        partials: Partials { all: Vec::new(), ends: Vec::with_capacity(count) },
        formulas: HashMap::new(),
    };
    for (id, (&active, &needed)) in (0..).zip(active.iter().zip(needed)) {
        if active && needed {
            writer.each(id);
        }
        writer.partials.ends.push(writer.partials.all.len());
    }
    (writer.graph, writer.partials)
}

struct Writer<'a> {
    graph: Graph,
    active: &'a [bool],
    partials: Partials,
    /// The partials that are the same formula everywhere.
    formulas: HashMap<Formula, Program>,
}

impl Writer<'_> {
    /// Notes a partial that is a plain number.
    fn number(&mut self, operand: Id, factor: f64) {
        if self.active[operand as usize] {
            self.partials.all.push(Partial { operand, factor, node: None });
        }
    }

    /// Notes a partial that is `factor` times a node.
    fn node(&mut self, operand: Id, mut factor: f64, mut node: Id) {
        if !self.active[operand as usize] {
            return;
        }
        while let Node::Neg(a) = self.graph.node(node) {
            (factor, node) = (-factor, a);
        }
        let constant = self.graph.is_constant(node);
        let partial = if constant {
            Partial { operand, factor: factor * self.graph.value(node), node: None }
        } else {
            Partial { operand, factor, node: Some(node) }
        };
        self.partials.all.push(partial);
    }

    /// Notes the partials of the node `id`.
    fn each(&mut self, id: Id) {
        match self.graph.node(id) {
            Node::Input(_)
            | Node::Constant(_)
            | Node::Detached(_)
            | Node::Picks(..)
            | Node::Sign(_) => {}
            Node::Add(a, b) => {
                self.number(a, 1.0);
                self.number(b, 1.0);
            }
            Node::Sub(a, b) => {
                self.number(a, 1.0);
                self.number(b, -1.0);
            }
            Node::Mul(a, b) if a == b => self.node(a, 2.0, a),
            Node::Mul(a, b) => {
                self.node(a, 1.0, b);
                self.node(b, 1.0, a);
            }
            Node::Div(a, b) => {
                let d = self.graph.compute(Node::Unary(Unary::Recip, b));
                self.node(a, 1.0, d);
                if self.active[b as usize] {
                    let quotient = self.graph.compute(Node::Mul(id, d));
                    self.node(b, -1.0, quotient);
                }
            }
            Node::Neg(a) => self.number(a, -1.0),
            Node::MulAdd([a, b, c]) => {
                self.node(a, 1.0, b);
                self.node(b, 1.0, a);
                self.number(c, 1.0);
            }
            Node::Unary(Unary::Abs, a) => {
                let sign = self.graph.compute(Node::Sign(a));
                self.node(a, 1.0, sign);
            }
            Node::Unary(function, a) => {
                let formula =
                    Formula { function: Elementary::Unary(function), constant: [false; 2] };
                let d = self.formula(formula, &[a]);
                self.node(a, 1.0, d[0]);
            }
            Node::Binary(function @ (Binary::Max | Binary::Min), a, b) => {
                let first = self.graph.compute(Node::Picks(function, a, b));
                self.node(a, 1.0, first);
                if self.active[b as usize] {
                    let one = self.graph.constant(1.0);
                    let second = self.graph.compute(Node::Sub(one, first));
                    self.node(b, 1.0, second);
                }
            }
            // The first operand or its opposite, depending on the two signs.
            Node::Binary(Binary::Copysign, a, b) => {
                let one = self.graph.constant(1.0);
                let signs =
                    [a, b].map(|x| self.graph.compute(Node::Binary(Binary::Copysign, one, x)));
                let d = self.graph.compute(Node::Mul(signs[0], signs[1]));
                self.node(a, 1.0, d);
            }
            Node::Binary(function, a, b) => {
                let constant = [a, b].map(|operand| !self.active[operand as usize]);
                let formula = Formula { function: Elementary::Binary(function), constant };
                let d = self.formula(formula, &[a, b]);
                self.node(a, 1.0, d[0]);
                self.node(b, 1.0, d[1]);
            }
        }
    }

    /// The partials of an elementary function at `x`.
    fn formula(&mut self, formula: Formula, x: &[Id]) -> Vec<Id> {
        if let Some(program) = self.formulas.get(&formula) {
            return splice(&mut self.graph, program, x);
        }
        let mut at = [0.0; 2];
        at.iter_mut().zip(x).for_each(|(at, &x)| *at = self.graph.value(x));
        let program = Program::record(&formula, &at[..x.len()], &mut [0.0; 2][..x.len()])
            .expect("formulas of partials cannot fail, and have as many inputs as outputs");
        let ids = splice(&mut self.graph, &program, x);
        if program.comparisons().next().is_none() {
            self.formulas.insert(formula, program);
        }
        ids
    }
}

fn splice(graph: &mut Graph, program: &Program, x: &[Id]) -> Vec<Id> {
    graph.splice(program, x).expect("formulas of partials have no rules")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Elementary {
    Unary(Unary),
    Binary(Binary),
}

/// The partials of an elementary function as a function: as many outputs as inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Formula {
    function: Elementary,
    /// Which operands have no derivative: the partials for them are not asked for.
    constant: [bool; 2],
}

impl Function for Formula {
    fn inputs(&self) -> usize {
        match self.function {
            Elementary::Unary(_) => 1,
            Elementary::Binary(_) => 2,
        }
    }

    fn outputs(&self) -> usize {
        self.inputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], d: &mut [S]) -> Result<(), Failure> {
        let probe = |k: usize| Probe {
            value: x[k],
            partials: [S::from(0.0); 2],
            constant: self.constant[k],
        };
        let result = match self.function {
            Elementary::Unary(function) => function.eval(probe(0)),
            Elementary::Binary(function) => function.eval(probe(0), probe(1)),
        };
        d.iter_mut().zip(result.partials).for_each(|(d, partial)| *d = partial);
        Ok(())
    }
}

/// Learns the partials of one elementary function.
#[derive(Debug, Clone, Copy)]
struct Probe<S> {
    value: S,
    partials: [S; 2],
    constant: bool,
}

impl<S: Scalar> Lift for Probe<S> {
    type Inner = S;

    fn constant(value: S) -> Self {
        Probe { value, partials: [S::from(0.0); 2], constant: true }
    }

    fn inner(self) -> S {
        self.value
    }

    fn is_constant(self) -> bool {
        self.constant
    }

    fn lift_unary(self, value: S, d: S) -> Self {
        Probe { value, partials: [d, S::from(0.0)], constant: false }
    }

    fn lift_binary(self, _: Self, value: S, d_self: S, d_rhs: S) -> Self {
        Probe { value, partials: [d_self, d_rhs], constant: false }
    }

    /// No elementary function is a rule.
    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(x.len() + y.len(), |buffer: &mut [S]| {
            let (inner, values) = buffer.split_at_mut(x.len());
            inner.iter_mut().zip(x).for_each(|(inner, x)| *inner = x.value);
            S::apply_rule(rule, inner, values)?;
            y.iter_mut().zip(values).for_each(|(y, &mut value)| *y = Self::constant(value));
            Ok(())
        })
    }
}

ad_api::scalar!([S: Scalar] Probe<S>);
