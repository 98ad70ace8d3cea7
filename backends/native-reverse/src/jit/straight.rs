//! A graph as machine code for one point.

use std::collections::HashMap;

use ad_api::AdError;
use cranelift_codegen::ir::{InstBuilder, types};

use super::emit::is_call;
use super::{Area, Code, Emitter, Order};
use crate::graph::{Graph, Id, Node, number};

/// How many nodes a function computes.
///
/// PERF: the compiler takes more than twice as long for functions of twice the length, and shorter ones
/// keep more in memory; see the notes of the crate.
const LENGTH: usize = 1000;

/// Graphs with more nodes than this are not compiled: it takes about 3 µs a node.
const MOST: usize = 1 << 18;

/// Graphs in which one of so many nodes is a call are not compiled.
///
/// PERF: what is live at a call is kept in memory, and the call takes most of the time: a recurrent
/// network takes 1.45 primals in machine code and 1.39 without.
const CALLS: usize = 16;

const INPUT: usize = 0;
const CONSTANTS: usize = 1;
const OUTPUT: usize = 2;
const ASIDE: usize = 3;

/// The machine code of a graph, one function after another.
#[derive(Debug)]
pub(crate) struct Straight {
    code: Code,
    inputs: usize,
    outputs: usize,
    nodes: usize,
    constants: Vec<f64>,
    /// Values that wait to be used.
    aside: Vec<f64>,
}

impl Straight {
    /// Machine code for the outputs and guards of `graph`, or `None` if that would not pay.
    ///
    /// # Errors
    ///
    /// As [`Code::new`].
    pub(crate) fn new(graph: &Graph) -> Result<Option<Self>, AdError> {
        let guarded = graph.guards().iter().flat_map(|guard| [guard.a, guard.b]);
        let needed = graph.needed(graph.outputs.iter().copied().chain(guarded));
        let ids = || (0..graph.len()).map(number).filter(|&id| needed[id as usize]);
        let leaf = |id: Id| matches!(graph.node(id), Node::Input(_) | Node::Constant(_));
        let constants: Vec<Id> = ids().filter(|&id| graph.is_constant(id)).collect();
        let numbers = constants.iter().map(|&id| graph.value(id)).collect();
        let computed: Vec<Id> = ids().filter(|&id| !leaf(id)).collect();
        let calls = computed.iter().filter(|&&id| is_call(graph.node(id))).count();
        if computed.len() > MOST || calls * CALLS > computed.len() {
            return Ok(None);
        }
        let functions: Vec<&[Id]> = computed.chunks(LENGTH).collect();

        // What one function computes and another uses is kept in memory.
        let mut function = vec![0; graph.len()];
        for (k, ids) in functions.iter().enumerate() {
            ids.iter().for_each(|&id| function[id as usize] = k);
        }
        let mut guards = vec![Vec::new(); functions.len().max(1)];
        for &guard in graph.guards() {
            let last = function[guard.a as usize].max(function[guard.b as usize]);
            guards[last].push(guard);
        }
        let mut kept: HashMap<Id, usize> = HashMap::new();
        let reads = |k: usize| {
            let nodes = functions.get(k).copied().unwrap_or_default();
            let operands = nodes.iter().flat_map(|&id| graph.node(id).operands());
            let guarded = guards[k].iter().flat_map(|guard| [guard.a, guard.b]);
            let leaves = graph.outputs.iter().copied().filter(move |&id| k == 0 && leaf(id));
            operands.chain(guarded).chain(leaves)
        };
        for k in 0..functions.len() {
            for id in reads(k).filter(|&id| !leaf(id) && function[id as usize] != k) {
                let next = kept.len();
                kept.entry(id).or_insert(next);
            }
        }
        let constants: HashMap<Id, usize> =
            constants.into_iter().enumerate().map(|(k, id)| (id, k)).collect();
        let mut outputs: HashMap<Id, Vec<usize>> = HashMap::new();
        for (i, &id) in graph.outputs.iter().enumerate() {
            outputs.entry(id).or_default().push(i);
        }

        let mut aside = kept.len();
        // Without anything to compute there may be outputs all the same.
        let count = functions.len().max(1);
        let code = Code::new(Order::AsWritten, count, |k, function_out, context, config| {
            let mine = functions.get(k).copied().unwrap_or_default();
            let mut e = Emitter::new(function_out, context, config, graph, 4);
            let areas = [INPUT, CONSTANTS, OUTPUT, ASIDE].map(|area| e.at(area, 0));
            for id in reads(k) {
                match graph.node(id) {
                    Node::Input(input) => e.lies(id, areas[INPUT], input as usize),
                    Node::Constant(_) => e.lies(id, areas[CONSTANTS], constants[&id]),
                    _ if function[id as usize] == k => {}
                    _ => e.lies(id, areas[ASIDE], kept[&id]),
                }
            }
            for id in mine {
                kept.get(id).into_iter().for_each(|&index| e.keeps(*id, areas[ASIDE], index));
            }
            aside = aside.max(kept.len() + e.plan(mine, ASIDE, kept.len()));
            let write = |e: &mut Emitter<'_>, id: Id| {
                for &i in outputs.get(&id).into_iter().flatten() {
                    let value = e.value(id);
                    e.store(value, areas[OUTPUT], i);
                }
            };
            for &id in mine {
                e.compute(id);
                write(&mut e, id);
            }
            if k == 0 {
                graph.outputs.iter().filter(|&&id| leaf(id)).for_each(|&id| write(&mut e, id));
            }
            let differs = e.differs(&guards[k]);
            let zero = e.builder.ins().iconst(types::I64, 0);
            let differs =
                differs.map_or(zero, |differs| e.builder.ins().uextend(types::I64, differs));
            e.builder.ins().return_(&[differs]);
            e.finish()
        })?;
        Ok(Some(Straight {
            code,
            inputs: graph.inputs,
            outputs: graph.outputs.len(),
            nodes: computed.len(),
            constants: numbers,
            aside: vec![0.0; aside],
        }))
    }

    /// Writes the outputs at the inputs `x` into `y`, in the order of the graph. Returns whether all
    /// comparisons came out as recorded; `y` is of no use otherwise.
    ///
    /// # Panics
    ///
    /// If `x` or `y` have another length than the graph has inputs and outputs.
    pub(crate) fn run(&mut self, x: &[f64], y: &mut [f64]) -> bool {
        assert_eq!((x.len(), y.len()), (self.inputs, self.outputs), "inputs and outputs of code");
        (0..self.code.functions()).all(|k| {
            let areas = [
                Area::Read(x),
                Area::Read(&self.constants),
                Area::Write(y),
                Area::Write(&mut self.aside),
            ];
            self.code.call(k, areas, 0) == 0
        })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many nodes are computed.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    /// The bytes of code and of what it works in.
    pub(crate) fn bytes(&self) -> usize {
        self.code.bytes() + size_of_val(&self.aside[..]) + size_of_val(&self.constants[..])
    }
}

#[cfg(test)]
mod tests {
    use ad_api::{Binary, Relation, Unary};

    use super::*;
    use crate::code;
    use crate::graph::Guard;

    const UNARY: [Unary; 35] = [
        Unary::Sin,
        Unary::Cos,
        Unary::Tan,
        Unary::Asin,
        Unary::Acos,
        Unary::Atan,
        Unary::Sinh,
        Unary::Cosh,
        Unary::Tanh,
        Unary::Asinh,
        Unary::Acosh,
        Unary::Atanh,
        Unary::Exp,
        Unary::Exp2,
        Unary::ExpM1,
        Unary::Ln,
        Unary::Ln1p,
        Unary::Log2,
        Unary::Log10,
        Unary::Sqrt,
        Unary::Cbrt,
        Unary::Recip,
        Unary::Sinc,
        Unary::Sinhc,
        Unary::Fract,
        Unary::Erf,
        Unary::Abs,
        Unary::Floor,
        Unary::Ceil,
        Unary::Round,
        Unary::Trunc,
        Unary::Signum,
        Unary::Powi(0),
        Unary::Powi(7),
        Unary::Powi(-3),
    ];
    const BINARY: [Binary; 7] = [
        Binary::Powf,
        Binary::Hypot,
        Binary::Atan2,
        Binary::Rem,
        Binary::Max,
        Binary::Min,
        Binary::Copysign,
    ];
    const NUMBERS: [f64; 14] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.3,
        -0.7,
        2.5,
        -3.5,
        1e9,
        1e-300,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];

    /// What code for `graph` computes at `x`, interpreted and as machine code.
    fn both(graph: &Graph, x: &[f64]) -> [Option<Vec<f64>>; 2] {
        let code = code::Code::new(graph);
        let mut machine = Straight::new(graph).unwrap().unwrap();
        let (mut y, mut z) = (vec![0.5; code.outputs()], vec![0.25; machine.outputs()]);
        let valid = code.run(x, &mut code.memory(), &mut y);
        [valid.then_some(y), machine.run(x, &mut z).then_some(z)]
    }

    #[track_caller]
    fn same(graph: &Graph, x: &[f64]) {
        let [expected, found] = both(graph, x);
        assert_eq!(expected.is_some(), found.is_some(), "at {x:?}");
        for (i, (e, f)) in expected.iter().flatten().zip(found.iter().flatten()).enumerate() {
            let equal = e.to_bits() == f.to_bits() || (e.is_nan() && f.is_nan());
            assert!(equal, "output {i} at {x:?}: {f}, expected {e}: {:?}", graph.outputs[i]);
        }
    }

    /// Enough sums that calls are few.
    fn sums(graph: &mut Graph, x: Id, count: usize) -> Id {
        let mut sum = x;
        for i in 0..count {
            let c = graph.constant(1.0 + i as f64);
            let product = graph.compute(Node::Mul(sum, c));
            sum = graph.compute(Node::Sub(product, x));
        }
        sum
    }

    #[test]
    fn every_node_is_that_of_the_interpreter() {
        let mut graph = Graph::new(2, 0);
        let (a, b) = (graph.input(0, 0.3), graph.input(1, 0.4));
        let mut nodes: Vec<Node> = UNARY.map(|function| Node::Unary(function, a)).to_vec();
        nodes.extend(BINARY.map(|function| Node::Binary(function, a, b)));
        nodes.extend([Binary::Max, Binary::Min].map(|function| Node::Picks(function, a, b)));
        nodes.extend([Node::Add(a, b), Node::Sub(a, b), Node::Mul(a, b), Node::Div(a, b)]);
        nodes.extend([Node::Neg(a), Node::MulAdd([a, b, a]), Node::Detached(b), Node::Sign(a)]);
        graph.outputs = nodes.into_iter().map(|node| graph.compute(node)).collect();
        let sum = sums(&mut graph, a, 500);
        let constant = graph.constant(7.5);
        // Inputs, constants and values twice.
        graph.outputs.extend([sum, a, constant, sum, b]);
        for a in NUMBERS {
            for b in NUMBERS {
                same(&graph, &[a, b]);
            }
        }
    }

    #[test]
    fn every_comparison_is_that_of_the_interpreter() {
        use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        for relation in [Less, LessOrEqual, Greater, GreaterOrEqual, Equal, NotEqual] {
            for holds in [true, false] {
                let mut graph = Graph::new(2, 0);
                let (a, b) = (graph.input(0, 0.3), graph.input(1, 0.4));
                let sum = graph.compute(Node::Add(a, b));
                let c = graph.constant(0.3);
                graph.outputs = vec![sum];
                graph.guard(Guard { a, b, relation, holds });
                graph.guard(Guard { a: sum, b: c, relation, holds });
                for a in NUMBERS {
                    for b in NUMBERS {
                        same(&graph, &[a, b]);
                    }
                }
            }
        }
    }

    #[test]
    fn long_code_is_several_functions() {
        let mut graph = Graph::new(2, 0);
        let (a, b) = (graph.input(0, 0.3), graph.input(1, 0.4));
        let first = graph.compute(Node::Mul(a, b));
        let early = sums(&mut graph, a, 40);
        let late = sums(&mut graph, b, 3 * LENGTH);
        let all = [(first, late), (early, late), (early, early)]
            .map(|(a, b)| graph.compute(Node::Add(a, b)));
        graph.outputs = all.to_vec();
        graph.guard(Guard { a: early, b: late, relation: Relation::Less, holds: true });
        let machine = Straight::new(&graph).unwrap().unwrap();
        assert!(machine.code.functions() > 5);
        let mut valid = 0;
        for x in [[0.3, 0.4], [-0.5, 0.01], [1.0, -1.0], [0.0, 0.0]] {
            same(&graph, &x);
            valid += usize::from(both(&graph, &x)[1].is_some());
        }
        assert!((1..4).contains(&valid));
    }

    #[test]
    fn calls_alone_are_not_compiled() {
        let mut graph = Graph::new(1, 0);
        let mut x = graph.input(0, 0.3);
        for _ in 0..100 {
            x = graph.compute(Node::Unary(Unary::Sin, x));
        }
        graph.outputs = vec![x];
        assert!(Straight::new(&graph).unwrap().is_none());
    }
}
