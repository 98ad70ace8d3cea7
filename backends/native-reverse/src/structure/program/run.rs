//! Running a program on a block of rows.
//!
//! Each instruction is a loop over the rows of the block, which the compiler vectorizes for the
//! processor that [`pulp`] finds at run time. Products and sums are rounded one by one, as in the
//! plain evaluation.

use std::cmp::Ordering;

use ad_api::Unary;
use pulp::{Arch, Simd, WithSimd};

use super::functions;
use super::graph::{Guard, Node};
use super::schedule::{Back, Instruction, Op, Place, Program, SharedBack, Step};
use super::trace::picks;

/// How many rows run at a time.
pub(crate) const ROWS: usize = 32;

/// A number for each row.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Block(pub(crate) [f64; ROWS]);

impl Block {
    pub(crate) const ZERO: Block = Block([0.0; ROWS]);
    pub(crate) const ONE: Block = Block([1.0; ROWS]);

    #[inline(always)]
    fn map(&self, f: impl Fn(f64) -> f64) -> Block {
        let mut out = Block::ZERO;
        for row in 0..ROWS {
            out.0[row] = f(self.0[row]);
        }
        out
    }

    #[inline(always)]
    fn zip(&self, b: &Block, f: impl Fn(f64, f64) -> f64) -> Block {
        let mut out = Block::ZERO;
        for row in 0..ROWS {
            out.0[row] = f(self.0[row], b.0[row]);
        }
        out
    }

    #[inline(always)]
    fn zip3(&self, b: &Block, c: &Block, f: impl Fn(f64, f64, f64) -> f64) -> Block {
        let mut out = Block::ZERO;
        for row in 0..ROWS {
            out.0[row] = f(self.0[row], b.0[row], c.0[row]);
        }
        out
    }

    /// The sum of the rows, in eight parts that are then added up.
    #[inline(always)]
    pub(crate) fn sum(&self) -> f64 {
        let mut parts = [0.0; 8];
        for eight in self.0.chunks_exact(8) {
            for (part, x) in parts.iter_mut().zip(eight) {
                *part += x;
            }
        }
        let [a, b, c, d, e, f, g, h] = parts;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    /// Which rows are NaN.
    #[inline(always)]
    pub(crate) fn any_nan(&self) -> bool {
        self.0.iter().fold(false, |nan, x| nan | x.is_nan())
    }
}

/// The memory that a program runs in.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) shared: Vec<f64>,
    pub(crate) sums: Vec<f64>,
    pub(crate) values: Vec<Block>,
    pub(crate) adjoints: Vec<Block>,
}

impl Program {
    /// Computes what all rows share, with all derivatives zero. Returns whether the program is valid
    /// at these inputs.
    pub(crate) fn start(&self, x: &[f64], memory: &mut Memory) -> bool {
        memory.shared.resize(self.shared, 0.0);
        memory.sums.clear();
        memory.sums.resize(self.shared, 0.0);
        memory.values.resize(self.values, Block::ZERO);
        memory.adjoints.resize(self.adjoints, Block::ZERO);
        let shared = &mut memory.shared;
        self.constants.iter().for_each(|&(place, value)| shared[place as usize] = value);
        for &(input, place) in &self.shared_inputs {
            shared[place as usize] = x[input as usize];
        }
        for &(place, node) in &self.once {
            shared[place as usize] = evaluate(node, shared);
        }
        self.shared_guards.iter().all(|&Guard { a, b, outcome }| {
            shared[a as usize].partial_cmp(&shared[b as usize]) == outcome
        })
    }

    /// Computes the outputs of the rows whose inputs are in place. Returns the rows where a
    /// comparison comes out differently, for which the outputs are not valid.
    pub(crate) fn forward(&self, memory: &mut Memory) -> [bool; ROWS] {
        Arch::new().dispatch(Forward { program: self, memory })
    }

    /// From the seeds, which are in place, to the derivatives of the rows; adds to the sums.
    pub(crate) fn reverse(&self, memory: &mut Memory) {
        Arch::new().dispatch(Reverse { program: self, memory });
    }

    #[inline(always)]
    fn forward_here(&self, memory: &mut Memory) -> [bool; ROWS] {
        let Memory { shared, values: v, .. } = memory;
        let mut differ = [false; ROWS];
        for &Instruction { op, result, operands } in &self.forward {
            let [a, b, c] = operands.map(|operand| operand as usize);
            let out = match op {
                Op::AddRR => v[a].zip(&v[b], |a, b| a + b),
                Op::SubRR => v[a].zip(&v[b], |a, b| a - b),
                Op::MulRR => v[a].zip(&v[b], |a, b| a * b),
                Op::DivRR => v[a].zip(&v[b], |a, b| a / b),
                Op::AddRS => {
                    let b = shared[b];
                    v[a].map(|a| a + b)
                }
                Op::SubRS => {
                    let b = shared[b];
                    v[a].map(|a| a - b)
                }
                Op::MulRS => {
                    let b = shared[b];
                    v[a].map(|a| a * b)
                }
                Op::DivRS => {
                    let b = shared[b];
                    v[a].map(|a| a / b)
                }
                Op::SubSR => {
                    let a = shared[a];
                    v[b].map(|b| a - b)
                }
                Op::DivSR => {
                    let a = shared[a];
                    v[b].map(|b| a / b)
                }
                Op::Neg => v[a].map(|a| -a),
                Op::AddMulRR => v[a].zip3(&v[b], &v[c], |a, b, c| a + b * c),
                Op::SubMulRR => v[a].zip3(&v[b], &v[c], |a, b, c| a - b * c),
                Op::AddMulRS => {
                    let c = shared[c];
                    v[a].zip(&v[b], |a, b| a + b * c)
                }
                Op::SubMulRS => {
                    let c = shared[c];
                    v[a].zip(&v[b], |a, b| a - b * c)
                }
                Op::MulAdd => v[a].zip3(&v[b], &v[c], f64::mul_add),
                Op::Unary(function) => elementary(&v[a], function),
                Op::Binary(function) => v[a].zip(&v[b], |a, b| functions::binary(function, a, b)),
                Op::Picks(function) => v[a].zip(&v[b], |a, b| picks(function, a, b)),
                Op::Sign => v[a].map(sign),
                Op::Spread => Block([shared[a]; ROWS]),
                Op::Guard(outcome) => {
                    compare(&v[a], &v[b], outcome, &mut differ);
                    continue;
                }
            };
            v[result as usize] = out;
        }
        differ
    }

    #[inline(always)]
    fn reverse_here(&self, memory: &mut Memory) {
        let Memory { shared, sums, values: v, adjoints: d } = memory;
        for &Back { step, to, from, by, factor } in &self.reverse {
            let [to, from, by] = [to, from, by].map(|place| place as usize);
            let out = match step {
                Step::Set => d[from].map(|d| factor * d),
                Step::Add => d[to].zip(&d[from], |to, d| to + factor * d),
                Step::SetR => d[from].zip(&v[by], |d, by| factor * d * by),
                Step::AddR => d[to].zip3(&d[from], &v[by], |to, d, by| to + factor * d * by),
                Step::SetS => {
                    let factor = factor * shared[by];
                    d[from].map(|d| factor * d)
                }
                Step::AddS => {
                    let factor = factor * shared[by];
                    d[to].zip(&d[from], |to, d| to + factor * d)
                }
                Step::Sum => {
                    sums[to] += factor * d[from].sum();
                    continue;
                }
                Step::SumR => {
                    sums[to] += factor * d[from].zip(&v[by], |d, by| d * by).sum();
                    continue;
                }
                Step::SumS => {
                    sums[to] += factor * shared[by] * d[from].sum();
                    continue;
                }
            };
            d[to] = out;
        }
    }

    /// The reverse sweep through what is computed once, after that of all rows.
    pub(crate) fn finish(&self, memory: &mut Memory) {
        let Memory { shared, sums, .. } = memory;
        for &SharedBack { to, from, by, factor } in &self.once_reverse {
            let (d, by) = (factor * sums[from as usize], by.map_or(1.0, |by| shared[by as usize]));
            // Zero times infinity is zero.
            if d != 0.0 && by != 0.0 {
                sums[to as usize] += d * by;
            }
        }
    }
}

/// [`Program::forward`] as compiled for each kind of processor. A closure would not do: it must be
/// inlined to be compiled anew.
struct Forward<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
}

impl WithSimd for Forward<'_> {
    type Output = [bool; ROWS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [bool; ROWS] {
        self.program.forward_here(self.memory)
    }
}

/// [`Program::reverse`], likewise.
struct Reverse<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
}

impl WithSimd for Reverse<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.program.reverse_here(self.memory);
    }
}

impl Memory {
    /// An output of the rows.
    #[inline(always)]
    pub(crate) fn output(&self, place: Place) -> Block {
        match place {
            Place::Row(at) => self.values[at as usize],
            Place::Shared(at) => Block([self.shared[at as usize]; ROWS]),
        }
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// A function of each row.
#[inline(always)]
fn elementary(x: &Block, function: Unary) -> Block {
    match function {
        Unary::Sqrt => x.map(f64::sqrt),
        Unary::Recip => x.map(f64::recip),
        _ => x.map(|x| functions::unary(function, x)),
    }
}

/// Marks the rows where the outcome of the comparison is another one.
#[inline(always)]
fn compare(a: &Block, b: &Block, outcome: Option<Ordering>, differ: &mut [bool; ROWS]) {
    let mut mark = |same: fn(f64, f64) -> bool| {
        for row in 0..ROWS {
            differ[row] |= !same(a.0[row], b.0[row]);
        }
    };
    match outcome {
        Some(Ordering::Less) => mark(|a, b| a < b),
        Some(Ordering::Equal) => mark(|a, b| a == b),
        Some(Ordering::Greater) => mark(|a, b| a > b),
        None => mark(|a, b| a.is_nan() || b.is_nan()),
    }
}

/// A value that all rows share.
fn evaluate(node: Node, at: &[f64]) -> f64 {
    let at = |id: u32| at[id as usize];
    match node {
        // Placed by themselves.
        Node::Input(_) => f64::NAN,
        Node::Constant(bits) => f64::from_bits(bits),
        Node::Add(a, b) => at(a) + at(b),
        Node::Sub(a, b) => at(a) - at(b),
        Node::Mul(a, b) => at(a) * at(b),
        Node::Div(a, b) => at(a) / at(b),
        Node::Neg(a) => -at(a),
        Node::MulAdd([a, b, c]) => at(a).mul_add(at(b), at(c)),
        Node::Unary(function, a) => functions::unary(function, at(a)),
        Node::Binary(function, a, b) => functions::binary(function, at(a), at(b)),
        Node::Detached(a) => at(a),
        Node::Picks(function, a, b) => picks(function, at(a), at(b)),
        Node::Sign(a) => sign(at(a)),
    }
}
