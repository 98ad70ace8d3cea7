//! One way through a function, and its code for what it has been asked for.

use crate::code::{Code, Memory};
use crate::explanation::{BranchExplanation, CodeExplanation};
use crate::graph::{self, Graph, Seeds};

/// What code computes, beside the value of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing else.
    Value,
    /// The gradient of the weighted outputs, of a single output without weight.
    Pullback,
    /// The derivative along a tangent.
    Pushforward,
    /// All derivatives.
    Jacobian,
    /// The gradient as for [`Purpose::Pullback`], and its derivative along a tangent.
    Hvp,
    /// For a single input the first and second derivative.
    Second,
}

/// The most nodes of which a [`Purpose::Jacobian`] sweeps over the graph may consist, one sweep for
/// each input or output; beyond, a pullback or pushforward runs as often.
const JACOBIAN: usize = 1 << 20;

/// A graph, and its code for each [`Purpose`] once that has been asked for.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) graph: Graph,
    codes: [Option<(Code, Memory)>; 6],
}

impl Branch {
    pub(super) fn new(mut graph: Graph) -> Self {
        graph.rest();
        Branch { graph, codes: [const { None }; 6] }
    }

    /// Whether there is code for Jacobians: not if it would be very long. Otherwise they are values.
    pub(super) fn has_jacobian(&self) -> bool {
        let sweeps = self.graph.inputs.min(self.graph.outputs.len());
        sweeps.saturating_mul(self.graph.len()) <= JACOBIAN
    }

    /// Computes the outputs for `purpose` from `input`. Returns whether all comparisons came out as
    /// recorded.
    pub(super) fn run(&mut self, purpose: Purpose, input: &[f64], output: &mut Vec<f64>) -> bool {
        let purpose = match purpose {
            Purpose::Jacobian if !self.has_jacobian() => Purpose::Value,
            purpose => purpose,
        };
        let Branch { graph, codes } = self;
        let (code, memory) = codes[purpose as usize].get_or_insert_with(|| {
            let code = Code::new(&derived(graph, purpose));
            let memory = code.memory();
            (code, memory)
        });
        output.resize(code.outputs(), 0.0);
        code.run(input, memory, output)
    }

    pub(super) fn explain(&self) -> BranchExplanation {
        let purposes = [
            (Purpose::Value, "values"),
            (Purpose::Pullback, "pullbacks"),
            (Purpose::Pushforward, "pushforwards"),
            (Purpose::Jacobian, "Jacobians"),
            (Purpose::Hvp, "products with the Hessian"),
            (Purpose::Second, "second derivatives"),
        ];
        let codes = purposes.into_iter().filter_map(|(purpose, name)| {
            let (code, memory) = self.codes[purpose as usize].as_ref()?;
            let bytes = code.bytes() + memory.bytes();
            let (instructions, runs) = (code.instructions(), code.runs());
            Some(CodeExplanation { purpose: name, instructions, runs, bytes })
        });
        BranchExplanation {
            recorded: self.graph.recorded,
            values: self.graph.len(),
            guards: self.graph.guards().len(),
            bytes: self.graph.bytes(),
            codes: codes.collect(),
        }
    }
}

/// The graph for `purpose`: the outputs of `graph`, then the derivatives.
fn derived(graph: &Graph, purpose: Purpose) -> Graph {
    let (n, m) = (graph.inputs, graph.outputs.len());
    let pullback = || {
        let seeds = if m == 1 { Seeds::Unit(0) } else { Seeds::Inputs };
        graph::pullback(graph.clone(), n, seeds)
    };
    match purpose {
        Purpose::Value => graph.clone(),
        Purpose::Pullback => pullback(),
        Purpose::Pushforward => graph::pushforward(graph.clone(), n),
        Purpose::Jacobian => graph::jacobian(graph.clone(), n),
        Purpose::Hvp => {
            // y, x̄, and the derivatives of both; those of y are not wanted.
            let mut graph = graph::pushforward(pullback(), n);
            graph.outputs.drain(m + n..2 * m + n);
            graph
        }
        Purpose::Second => {
            // y and ẏ, and the derivatives of both, of which ẏ is there already.
            let mut graph = graph::pushforward(graph::pushforward(graph.clone(), n), n);
            graph.outputs.drain(2 * m..3 * m);
            graph
        }
    }
}
