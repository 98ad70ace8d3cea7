//! From the instructions of a recorded program to the values of a graph.

use ad_api::trace::{Comparison, Instruction, Operand, Program};
use ad_api::{Failure, Function, Unary, scratch};

use super::{Graph, Guard, Id, Node};

/// The most operations, comparisons among them, that are recorded.
///
/// Recording takes about 100 bytes for each, and the derivatives of a graph a few hundred.
const MOST: usize = 1 << 21;

/// Why a recorded function has no graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Primal,
    Rule,
    Length,
}

impl Refusal {
    /// In words.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::Primal => {
                "the function reads a primal, so that a record of it is valid at one point only"
            }
            Refusal::Rule => "the function applies a rule, which is no operation of a program",
            Refusal::Length => "the function has more than 2^21 operations",
        }
    }
}

/// Evaluates `f` at `x` once, and returns what it computed, or why that cannot be repeated.
///
/// # Errors
///
/// The failure of `f`.
pub(crate) fn trace<F: Function>(f: &F, x: &[f64]) -> Result<Result<Graph, Refusal>, Failure> {
    let program =
        scratch::with(f.outputs(), |y: &mut [f64]| Program::record_within(f, x, y, MOST))?;
    Ok(program.map_or(Err(Refusal::Length), |program| lower(&program, x)))
}

/// The graph of `program`, which was recorded at `x`.
fn lower(program: &Program, x: &[f64]) -> Result<Graph, Refusal> {
    if program.point().is_some() {
        return Err(Refusal::Primal);
    }
    let mut graph = Graph::new(x.len(), program.instructions().len());
    let inputs: Vec<Id> = (0..).zip(x).map(|(input, &x)| graph.input(input, x)).collect();
    graph.outputs = graph.splice(program, &inputs)?;
    Ok(graph)
}

impl Graph {
    /// Continues with what `program` computes from `inputs`, and returns its outputs.
    pub(super) fn splice(&mut self, program: &Program, inputs: &[Id]) -> Result<Vec<Id>, Refusal> {
        let mut variables = Vec::with_capacity(program.variables());
        variables.extend_from_slice(inputs);
        for instruction in program.instructions() {
            let at = |graph: &mut Graph, operand: Operand| match operand {
                Operand::Variable(variable) => variables[variable],
                Operand::Constant(c) => graph.constant(c),
            };
            let two = |graph: &mut Graph, a, b, node: fn(Id, Id) -> Node| {
                let (a, b) = (at(graph, a), at(graph, b));
                graph.compute(node(a, b))
            };
            let result = match *instruction {
                Instruction::Neg(a) => self.compute(Node::Neg(variables[a])),
                Instruction::Add(a, b) => two(self, a, b, Node::Add),
                Instruction::Sub(a, b) => two(self, a, b, Node::Sub),
                Instruction::Mul(a, b) => two(self, a, b, Node::Mul),
                Instruction::Div(a, b) => two(self, a, b, Node::Div),
                Instruction::MulAdd(a, b, c) => {
                    let all = [a, b, c].map(|operand| at(self, operand));
                    self.compute(Node::MulAdd(all))
                }
                Instruction::Unary(Unary::Powi(n), a) => self.power(variables[a], n),
                Instruction::Unary(function, a) => {
                    self.compute(Node::Unary(function, variables[a]))
                }
                Instruction::Binary(function, a, b) => {
                    let (a, b) = (at(self, a), at(self, b));
                    self.compute(Node::Binary(function, a, b))
                }
                Instruction::Detach(a) => self.compute(Node::Detached(variables[a])),
                Instruction::Rule(..) => return Err(Refusal::Rule),
                Instruction::Compare(Comparison { relation, left, right, holds }) => {
                    let (a, b) = (at(self, left), at(self, right));
                    self.guard(Guard { a, b, relation, holds });
                    continue;
                }
            };
            variables.push(result);
        }
        let outputs = program.outputs().iter().map(|&output| match output {
            Operand::Variable(variable) => variables[variable],
            Operand::Constant(c) => self.constant(c),
        });
        Ok(outputs.collect())
    }

    /// `xⁿ` by the products that the `powi` of `f64` does.
    fn power(&mut self, x: Id, n: i32) -> Id {
        let (mut square, mut left) = (x, n.unsigned_abs());
        let one = self.constant(1.0);
        let mut result = one;
        loop {
            if left % 2 == 1 {
                result = self.compute(Node::Mul(result, square));
            }
            left /= 2;
            if left == 0 {
                return if n < 0 { self.compute(Node::Div(one, result)) } else { result };
            }
            square = self.compute(Node::Mul(square, square));
        }
    }
}
