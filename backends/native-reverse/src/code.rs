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
    Sub,
    Mul,
    Div,
    Neg,
    /// `a + b c`, rounded twice.
    AddMul,
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
    use std::time::Instant;

    use ad_api::{Failure, Function, Scalar};

    use super::*;
    use crate::graph::{Seeds, pullback, trace};

    #[derive(Clone)]
    struct Rosenbrock(usize);
    impl Function for Rosenbrock {
        fn inputs(&self) -> usize {
            self.0
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            y[0] = x
                .windows(2)
                .map(|x| (x[1] - x[0] * x[0]).powi(2) * 100.0 + (x[0] - 1.0).powi(2))
                .sum();
            Ok(())
        }
    }
    #[derive(Clone)]
    struct Lotka;
    impl Function for Lotka {
        fn inputs(&self) -> usize {
            6
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]) -> Result<(), Failure> {
            let [a, b, c, d] = [x[0], x[1], x[2], x[3]];
            let (mut u, mut v) = (x[4], x[5]);
            let f = |u: S, v: S| (u * (a - b * v), v * (d * u - c));
            let h = 0.01;
            for _ in 0..1000 {
                let (k1, l1) = f(u, v);
                let (k2, l2) = f(u + k1 * (h / 2.0), v + l1 * (h / 2.0));
                let (k3, l3) = f(u + k2 * (h / 2.0), v + l2 * (h / 2.0));
                let (k4, l4) = f(u + k3 * h, v + l3 * h);
                u += (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6.0);
                v += (l1 + l2 * 2.0 + l3 * 2.0 + l4) * (h / 6.0);
            }
            out[0] = u * u + v * v;
            Ok(())
        }
    }

    fn speed<F: Function>(name: &str, f: &F, x: &[f64]) {
        let t = Instant::now();
        let base = trace(f, x).unwrap().unwrap();
        let t1 = t.elapsed();
        let graph = pullback(base.clone(), x.len(), Seeds::Unit(0));
        let t2 = t.elapsed();
        let code = Code::new(&graph);
        let t3 = t.elapsed();
        let mut y = vec![0.0; code.outputs];
        let mut memory = code.memory();
        let time = |g: &mut dyn FnMut()| {
            let reps = 2_000_000 / code.operands.len() + 3;
            (0..7)
                .map(|_| {
                    let t = Instant::now();
                    (0..reps).for_each(|_| g());
                    t.elapsed().as_secs_f64() / reps as f64 * 1e9
                })
                .fold(f64::INFINITY, f64::min)
        };
        let mut z = [0.0];
        let primal = time(&mut || {
            f.eval(std::hint::black_box(x), &mut z).unwrap();
            std::hint::black_box(&mut z);
        });
        let gradient = time(&mut || assert!(code.run(x, &mut memory, &mut y)));
        println!(
            "{name}: {} nodes {} instructions {} runs {} slots; primal {primal:.0} gradient {gradient:.0} ratio {:.2}; {:.3} ns per instruction; trace {t1:?} pullback {:?} code {:?}",
            base.len(),
            code.operands.len(),
            code.runs.len(),
            code.slots,
            gradient / primal,
            gradient / code.operands.len() as f64,
            t2 - t1,
            t3 - t2
        );
    }

    #[test]
    #[ignore]
    fn code_speed() {
        speed("rosenbrock 1000", &Rosenbrock(1000), &vec![0.5; 1000]);
        speed("rosenbrock 1e5", &Rosenbrock(100_000), &vec![0.5; 100_000]);
        speed("lotka", &Lotka, &[1.1, 0.4, 0.4, 0.1, 10.0, 5.0]);
    }
}
