//! What runs the code of a graph: machine code if there is any, else an interpreter.

use crate::code::{Code, Memory};
use crate::graph::Graph;
#[cfg(feature = "jit")]
use crate::jit::Straight;

/// Code for a graph, and what it works in. The results are the same for all kinds, bit for bit.
#[derive(Debug)]
pub(super) enum Runner {
    /// One instruction after another, in runs of equal ones.
    Interpreter(Code, Memory),
    #[cfg(feature = "jit")]
    Machine(Box<Straight>),
}

impl Runner {
    pub(super) fn new(graph: &Graph) -> Self {
        // Where the compiler does not know the processor, there is the interpreter.
        #[cfg(feature = "jit")]
        if let Ok(Some(straight)) = Straight::new(graph) {
            return Runner::Machine(Box::new(straight));
        }
        let code = Code::new(graph);
        let memory = code.memory();
        Runner::Interpreter(code, memory)
    }

    /// See [`Code::run`].
    pub(super) fn run(&mut self, x: &[f64], y: &mut [f64]) -> bool {
        match self {
            Runner::Interpreter(code, memory) => code.run(x, memory, y),
            #[cfg(feature = "jit")]
            Runner::Machine(straight) => straight.run(x, y),
        }
    }

    pub(super) fn outputs(&self) -> usize {
        match self {
            Runner::Interpreter(code, _) => code.outputs(),
            #[cfg(feature = "jit")]
            Runner::Machine(straight) => straight.outputs(),
        }
    }

    pub(super) fn instructions(&self) -> usize {
        match self {
            Runner::Interpreter(code, _) => code.instructions(),
            #[cfg(feature = "jit")]
            Runner::Machine(straight) => straight.nodes(),
        }
    }

    /// The runs of equal instructions, none in machine code.
    pub(super) fn runs(&self) -> usize {
        match self {
            Runner::Interpreter(code, _) => code.runs(),
            #[cfg(feature = "jit")]
            Runner::Machine(_) => 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Runner::Interpreter(code, memory) => code.bytes() + memory.bytes(),
            #[cfg(feature = "jit")]
            Runner::Machine(straight) => straight.bytes(),
        }
    }
}
