//! A graph as straight-line code for one point.
//!
//! The instructions work on a few numbered slots, which are used again as soon as their values are not
//! needed any more. A product in a sum is one instruction, rounded twice, so that values are those of
//! the plain evaluation bit for bit. Instructions that do the same are brought together in runs, as far
//! as their operands allow: what to do is then decided once a run, and the loads of one instruction
//! need not wait for the one before.

mod schedule;

use ad_api::{Binary, Relation, Unary};

use crate::graph::{Graph, picks, sign};

/// What all instructions of a run do, with slots `a`, `b` and `c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Op {
    /// `a`.
    Copy,
    Add,
    /// As [`Op::Add`], where `a` is the result of the instruction before.
    AddChain,
    Sub,
    Mul,
    Div,
    Neg,
    /// `a + b c`, rounded twice.
    AddMul,
    /// As [`Op::AddMul`], where `a` is the result of the instruction before.
    AddMulChain,
    /// `a - b c`, rounded twice.
    SubMul,
    /// `b c - a`, rounded twice.
    MulSub,
    /// `a b + c`, rounded once.
    MulAdd,
    Unary(Unary),
    Binary(Binary),
    Picks(Binary),
    Sign,
    /// Ends the run of the code unless `a` and `b` are so related.
    Guard(Relation, bool),
}

/// `slots[to] = op(slots[a], slots[b], slots[c])`.
#[derive(Debug, Clone, Copy)]
struct Operands {
    to: u32,
    a: u32,
    b: u32,
    c: u32,
}

/// The code of a graph.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    inputs: usize,
    outputs: usize,
    /// How many slots are used; the first ones are the inputs, then the outputs.
    slots: usize,
    /// Slots that are never written, and what is in them.
    constants: Vec<(u32, f64)>,
    /// What is done, and how often in a row.
    runs: Vec<(Op, u32)>,
    operands: Vec<Operands>,
}

/// What code works in, with its constants in place. It is of use for one [`Code`] only.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Vec<f64>);

impl Memory {
    /// How large it is.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.0[..])
    }
}

impl Code {
    /// Code for the outputs and guards of `graph`.
    pub(crate) fn new(graph: &Graph) -> Self {
        schedule::compile(graph)
    }

    pub(crate) fn memory(&self) -> Memory {
        let mut slots = vec![0.0; self.slots];
        self.constants.iter().for_each(|&(slot, value)| slots[slot as usize] = value);
        Memory(slots)
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many instructions do the same as the one before, counted once.
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// How many instructions there are.
    pub(crate) fn instructions(&self) -> usize {
        self.operands.len()
    }

    /// How large the code is.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.operands[..])
            + size_of_val(&self.runs[..])
            + size_of_val(&self.constants[..])
    }

    /// Writes the outputs at the inputs `x` into `y`, in the order of the graph. Returns whether all
    /// comparisons came out as recorded; `y` is of no use otherwise.
    ///
    /// # Panics
    ///
    /// If `x` or `y` have another length than the graph has inputs and outputs.
    pub(crate) fn run(&self, x: &[f64], memory: &mut Memory, y: &mut [f64]) -> bool {
        assert_eq!((x.len(), y.len()), (self.inputs, self.outputs), "inputs and outputs of code");
        self.inputs(memory).copy_from_slice(x);
        let valid = self.replay(memory);
        if valid {
            y.copy_from_slice(self.results(memory));
        }
        valid
    }

    /// Where the inputs are. They stay there.
    pub(crate) fn inputs<'a>(&self, memory: &'a mut Memory) -> &'a mut [f64] {
        &mut memory.0[..self.inputs]
    }

    /// Where the outputs are, after [`replay`](Self::replay) has returned true.
    pub(crate) fn results<'a>(&self, memory: &'a Memory) -> &'a [f64] {
        &memory.0[self.inputs..][..self.outputs]
    }

    /// As [`run`](Self::run), from inputs and to outputs in the memory.
    pub(crate) fn replay(&self, memory: &mut Memory) -> bool {
        let s = &mut memory.0[..];
        let mut rest = &self.operands[..];
        macro_rules! run {
            ($run:ident: $value:expr) => {
                run!($run, |$run| $value)
            };
            ($run:ident, |$i:ident| $value:expr) => {
                for $i in $run {
                    let value = $value;
                    s[$i.to as usize] = value;
                }
            };
        }
        macro_rules! at {
            ($slot:expr) => {
                s[$slot as usize]
            };
        }
        for &(op, count) in &self.runs {
            let (run, later) = rest.split_at(count as usize);
            rest = later;
            match op {
                Op::Copy => run!(run, |i| at!(i.a)),
                Op::Add => run!(run, |i| at!(i.a) + at!(i.b)),
                // PERF: from a register the next sum starts four cycles later, from a slot nine.
                Op::AddChain => {
                    let mut sum = at!(run[0].a);
                    run!(run, |i| {
                        sum += at!(i.b);
                        sum
                    });
                }
                Op::AddMulChain => {
                    let mut sum = at!(run[0].a);
                    run!(run, |i| {
                        sum += at!(i.b) * at!(i.c);
                        sum
                    });
                }
                Op::Sub => run!(run, |i| at!(i.a) - at!(i.b)),
                Op::Mul => run!(run, |i| at!(i.a) * at!(i.b)),
                Op::Div => run!(run, |i| at!(i.a) / at!(i.b)),
                Op::Neg => run!(run, |i| -at!(i.a)),
                Op::AddMul => run!(run, |i| at!(i.a) + at!(i.b) * at!(i.c)),
                Op::SubMul => run!(run, |i| at!(i.a) - at!(i.b) * at!(i.c)),
                Op::MulSub => run!(run, |i| at!(i.b) * at!(i.c) - at!(i.a)),
                Op::MulAdd => run!(run, |i| at!(i.a).mul_add(at!(i.b), at!(i.c))),
                Op::Unary(Unary::Sqrt) => run!(run, |i| at!(i.a).sqrt()),
                Op::Unary(Unary::Recip) => run!(run, |i| 1.0 / at!(i.a)),
                Op::Unary(f) => run!(run, |i| f.eval(at!(i.a))),
                Op::Binary(f) => run!(run, |i| f.eval(at!(i.a), at!(i.b))),
                Op::Picks(f) => run!(run, |i| picks(f, at!(i.a), at!(i.b))),
                Op::Sign => run!(run, |i| sign(at!(i.a))),
                Op::Guard(relation, holds) => {
                    if !run.iter().all(|i| relation.holds(&at!(i.a), &at!(i.b)) == holds) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Guard, Node};

    fn run(graph: &Graph, x: &[f64]) -> (bool, Vec<f64>, Code) {
        let code = Code::new(graph);
        let mut y = vec![f64::NAN; code.outputs()];
        let mut memory = code.memory();
        let valid = code.run(x, &mut memory, &mut y);
        // The memory is as good as new.
        let mut again = vec![f64::NAN; y.len()];
        assert_eq!(code.run(x, &mut memory, &mut again), valid);
        assert!(!valid || again == y);
        (valid, y, code)
    }

    fn inputs<const N: usize>(graph: &mut Graph) -> [u32; N] {
        graph.inputs = N;
        std::array::from_fn(|j| graph.input(u32::try_from(j).unwrap(), 1.0))
    }

    #[test]
    fn a_product_in_a_sum_is_one_instruction_and_rounded_twice() {
        let mut graph = Graph::default();
        let [a, b, c] = inputs(&mut graph);
        let product = graph.compute(Node::Mul(b, c));
        let nodes = [Node::Add(a, product), Node::Sub(a, product), Node::Sub(product, a)];
        for node in nodes {
            let mut graph = graph.clone();
            graph.outputs = vec![graph.compute(node)];
            // Numbers for which one rounding would give another result.
            let [x, y, z] = [-1.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON];
            let expected = match node {
                Node::Add(..) => x + y * z,
                Node::Sub(first, _) if first == a => x - y * z,
                _ => y * z - x,
            };
            let (_, found, code) = run(&graph, &[x, y, z]);
            assert_eq!((found, code.instructions()), (vec![expected], 1));
        }
        // A product that is wanted by itself.
        let sum = graph.compute(Node::Add(a, product));
        graph.outputs = vec![sum, product];
        let (_, found, code) = run(&graph, &[1.0, 2.0, 3.0]);
        assert_eq!((found, code.instructions()), (vec![7.0, 6.0], 2));
    }

    #[test]
    fn slots_are_used_again() {
        let mut graph = Graph::default();
        let [x] = inputs(&mut graph);
        let last = (0..1000).fold(x, |x, _| graph.compute(Node::Unary(Unary::Sin, x)));
        graph.outputs = vec![last];
        let (_, found, code) = run(&graph, &[0.5]);
        assert_eq!(found, [(0..1000).fold(0.5, |x: f64, _| x.sin())]);
        // The input, the output, and one for all between.
        assert_eq!((code.instructions(), code.slots, code.runs()), (1000, 3, 1));
    }

    #[test]
    fn outputs_may_be_anything() {
        let mut graph = Graph::default();
        let [x, y] = inputs(&mut graph);
        let sum = graph.compute(Node::Add(x, y));
        let detached = graph.compute(Node::Detached(sum));
        let two = graph.constant(2.0);
        graph.outputs = vec![y, sum, two, sum, x, detached, two];
        let (_, found, _) = run(&graph, &[3.0, 4.0]);
        assert_eq!(found, [4.0, 7.0, 2.0, 7.0, 3.0, 7.0, 2.0]);
    }

    #[test]
    fn long_sums_are_added_in_their_order() {
        let mut graph = Graph::default();
        let x: [u32; 40] = inputs(&mut graph);
        let sum = x[1..].iter().fold(x[0], |sum, &x| graph.compute(Node::Add(sum, x)));
        let weighted = x[1..].iter().fold(x[0], |sum, &x| {
            let square = graph.compute(Node::Mul(x, x));
            graph.compute(Node::Add(sum, square))
        });
        graph.outputs = vec![sum, weighted];
        let at: Vec<f64> = (0..40).map(|j| (f64::from(j) * 0.7).exp2() * 1e-3).collect();
        let (_, found, code) = run(&graph, &at);
        let expected = [
            at[1..].iter().fold(at[0], |sum, x| sum + x),
            at[1..].iter().fold(at[0], |sum, x| sum + x * x),
        ];
        assert_eq!(found, expected);
        assert_eq!(code.runs, [(Op::AddChain, 39), (Op::AddMulChain, 39)]);
    }

    #[test]
    fn equal_instructions_follow_each_other() {
        let mut graph = Graph::default();
        let x: [u32; 20] = inputs(&mut graph);
        graph.outputs = x
            .iter()
            .map(|&x| {
                let root = graph.compute(Node::Unary(Unary::Sqrt, x));
                graph.compute(Node::Unary(Unary::Exp, root))
            })
            .collect();
        let (_, found, code) = run(&graph, &[4.0; 20]);
        assert_eq!(found, [2_f64.exp(); 20]);
        assert_eq!(code.runs(), 2);
    }

    #[test]
    fn guards_end_the_run() {
        let mut graph = Graph::default();
        let [x] = inputs(&mut graph);
        let square = graph.compute(Node::Mul(x, x));
        let four = graph.constant(4.0);
        graph.guard(Guard { a: square, b: four, relation: Relation::Less, holds: true });
        graph.outputs = vec![graph.compute(Node::Neg(x))];
        assert!(run(&graph, &[1.5]).0);
        assert!(!run(&graph, &[2.0]).0);
        assert!(!run(&graph, &[f64::NAN]).0);
    }
}
