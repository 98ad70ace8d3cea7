//! Running a program on a block of rows.
//!
//! Each instruction is a loop over the rows of the block, which the compiler vectorizes for the
//! processor that [`pulp`] finds at run time. Products and sums are rounded one by one, as in the
//! plain evaluation.

use ad_api::{Relation, Unary};
use pulp::{Arch, Simd, WithSimd};

use super::schedule::{Back, Derivative, Instruction, Op, Place, Program, SharedBack, Step};
use crate::graph::{picks, sign};

/// How many rows run at a time.
pub(crate) const ROWS: usize = 64;

/// Rows that are loaded together.
const EIGHT: usize = 8;

/// A number for each row.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Block([[f64; EIGHT]; ROWS / EIGHT]);

impl Block {
    pub(crate) const ZERO: Block = Block::filled(0.0);
    pub(crate) const ONE: Block = Block::filled(1.0);

    /// The same number for each row.
    pub(crate) const fn filled(x: f64) -> Block {
        Block([[x; EIGHT]; ROWS / EIGHT])
    }

    #[inline(always)]
    pub(crate) fn rows(&self) -> &[f64] {
        self.0.as_flattened()
    }

    #[inline(always)]
    pub(crate) fn rows_mut(&mut self) -> &mut [f64] {
        self.0.as_flattened_mut()
    }

    /// The sum of the rows, in eight parts that are then added up.
    #[inline(always)]
    pub(crate) fn sum(&self) -> f64 {
        let mut sums = [0.0; EIGHT];
        for part in &self.0 {
            for lane in 0..EIGHT {
                sums[lane] += part[lane];
            }
        }
        add_up(sums)
    }

    /// Whether each row is a finite number.
    #[inline(always)]
    fn is_finite(&self) -> bool {
        // PERF: zeros, but for what is not finite: sums vectorize where flags do not.
        let mut sums = [0.0; EIGHT];
        for part in &self.0 {
            for lane in 0..EIGHT {
                sums[lane] += part[lane] * 0.0;
            }
        }
        !add_up(sums).is_nan()
    }
}

#[inline(always)]
fn add_up([a, b, c, d, e, f, g, h]: [f64; EIGHT]) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `blocks[to] = value` for each row, with the names before it standing for the row's entries of
/// other blocks, which may be the same.
///
/// PERF: a macro, since closures are not inlined everywhere, and then not vectorized; eight rows at a
/// time, since a whole block would be put together on the stack and then copied.
macro_rules! write {
    ($blocks:ident[$to:expr] = $value:expr $(, $name:ident: $block:expr)*) => {
        for part in 0..ROWS / EIGHT {
            $(let $name = &$block.0[part];)*
            let mut out = [0.0; EIGHT];
            for lane in 0..EIGHT {
                $(let $name = $name[lane];)*
                out[lane] = $value;
            }
            $blocks[$to].0[part] = out;
        }
    };
}

/// The memory that a program runs in.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) shared: Vec<f64>,
    pub(crate) sums: Vec<f64>,
    pub(crate) values: Vec<Block>,
    pub(crate) adjoints: Vec<Block>,
    /// Whether the seeds are those of a full block of rows.
    pub(crate) seeded: bool,
    /// Whether a comparison comes out differently, for each row.
    pub(crate) differ: [bool; ROWS],
}

impl Program {
    /// Computes what all rows share, with all derivatives zero. Returns whether the program is valid
    /// at these inputs.
    pub(crate) fn start(&self, (x, x_dot): (&[f64], &[f64]), memory: &mut Memory) -> bool {
        memory.shared.resize(self.shared, 0.0);
        memory.sums.clear();
        memory.sums.resize(self.shared, 0.0);
        memory.values.resize(self.values, Block::ZERO);
        memory.adjoints.resize(self.adjoints, Block::ZERO);
        memory.seeded = false;
        let shared = &mut memory.shared;
        self.constants.iter().for_each(|&(place, value)| shared[place as usize] = value);
        for &(input, place) in &self.shared_inputs {
            let input = input as usize;
            shared[place as usize] = if input < self.first_tangent {
                x[input]
            } else {
                x_dot[input - self.first_tangent]
            };
        }
        for &(place, node) in &self.once {
            shared[place as usize] = node.value(|id| shared[id as usize]);
        }
        let mut guards = self.shared_guards.iter();
        guards.all(|guard| guard.passes(shared[guard.a as usize], shared[guard.b as usize]))
    }

    /// Computes the outputs of the rows whose inputs are in place, or in a window of point and tangent
    /// if there is one: there row `r` reads the entries from `r` on. Notes the rows where a comparison comes out
    /// differently, for which the outputs are not valid.
    pub(crate) fn forward(&self, memory: &mut Memory, window: Option<[&[f64]; 2]>) {
        Arch::new().dispatch(Forward { program: self, memory, window });
    }

    /// From the seeds, which are in place, to the derivatives of the rows; adds to the sums, the
    /// derivatives to `window` if there is one, and the outputs to `totals` if there are any. Returns
    /// false if a derivative is not finite: then nothing has been added to window and totals.
    pub(crate) fn reverse(
        &self,
        memory: &mut Memory,
        window: Option<&mut [f64]>,
        totals: &mut [Block],
    ) -> bool {
        Arch::new().dispatch(Reverse { program: self, memory, window, totals })
    }

    /// Values and derivatives of many blocks of rows, whose seeds are in place: `reverse` after
    /// `forward` for each of `blocks` windows, one after another. Returns how many of them are done:
    /// all of them, or those before the first whose derivatives are not finite.
    ///
    /// For programs without comparisons.
    pub(crate) fn stretch(
        &self,
        memory: &mut Memory,
        window: [&[f64]; 2],
        x_bar: &mut [f64],
        totals: &mut [Block],
        blocks: usize,
    ) -> usize {
        Arch::new().dispatch(Stretch { program: self, memory, window, x_bar, totals, blocks })
    }

    #[inline(always)]
    fn forward_here(&self, memory: &mut Memory, window: Option<[&[f64]; 2]>) {
        let (shared, v) = (&memory.shared[..], &mut memory.values[..]);
        let differ = &mut memory.differ;
        differ.fill(false);
        if let Some([x, x_dot]) = window {
            for &(input, place) in &self.inputs {
                let input = input as usize;
                let entries = if input < self.first_tangent {
                    &x[input..]
                } else {
                    &x_dot[input - self.first_tangent..]
                };
                let x = entries[..ROWS].as_chunks::<EIGHT>().0;
                v[place as usize].0.copy_from_slice(x);
            }
        }
        for &Instruction { op, result, operands } in &self.forward {
            let [i, j, k] = operands.map(|operand| operand as usize);
            let to = result as usize;
            match op {
                Op::AddRR => write!(v[to] = a + b, a: v[i], b: v[j]),
                Op::SubRR => write!(v[to] = a - b, a: v[i], b: v[j]),
                Op::MulRR => write!(v[to] = a * b, a: v[i], b: v[j]),
                Op::DivRR => write!(v[to] = a / b, a: v[i], b: v[j]),
                Op::AddRS => {
                    let b = shared[j];
                    write!(v[to] = a + b, a: v[i]);
                }
                Op::SubRS => {
                    let b = shared[j];
                    write!(v[to] = a - b, a: v[i]);
                }
                Op::MulRS => {
                    let b = shared[j];
                    write!(v[to] = a * b, a: v[i]);
                }
                Op::DivRS => {
                    let b = shared[j];
                    write!(v[to] = a / b, a: v[i]);
                }
                Op::SubSR => {
                    let a = shared[i];
                    write!(v[to] = a - b, b: v[j]);
                }
                Op::DivSR => {
                    let a = shared[i];
                    write!(v[to] = a / b, b: v[j]);
                }
                Op::Neg => write!(v[to] = -a, a: v[i]),
                Op::AddMulRR => write!(v[to] = a + b * c, a: v[i], b: v[j], c: v[k]),
                Op::SubMulRR => write!(v[to] = a - b * c, a: v[i], b: v[j], c: v[k]),
                Op::AddMulRS => {
                    let c = shared[k];
                    write!(v[to] = a + b * c, a: v[i], b: v[j]);
                }
                Op::SubMulRS => {
                    let c = shared[k];
                    write!(v[to] = a - b * c, a: v[i], b: v[j]);
                }
                Op::MulAdd => write!(v[to] = a.mul_add(b, c), a: v[i], b: v[j], c: v[k]),
                Op::Unary(Unary::Sqrt) => write!(v[to] = a.sqrt(), a: v[i]),
                Op::Unary(Unary::Recip) => write!(v[to] = 1.0 / a, a: v[i]),
                Op::Unary(f) => write!(v[to] = f.eval(a), a: v[i]),
                Op::Binary(f) => write!(v[to] = f.eval(a, b), a: v[i], b: v[j]),
                Op::Picks(f) => write!(v[to] = picks(f, a, b), a: v[i], b: v[j]),
                Op::Sign => write!(v[to] = sign(a), a: v[i]),
                Op::Spread => v[to] = Block::filled(shared[i]),
                Op::Guard(relation, holds) => compare(&v[i], &v[j], (relation, holds), differ),
            }
        }
    }

    #[inline(always)]
    fn reverse_here(
        &self,
        memory: &mut Memory,
        window: Option<&mut [f64]>,
        totals: &mut [Block],
    ) -> bool {
        let (shared, v) = (&memory.shared[..], &memory.values[..]);
        let (sums, d) = (&mut memory.sums[..], &mut memory.adjoints[..]);
        for &Back { step, to, from, by, base, factor, scale } in &self.reverse {
            let [to, from, by, base] = [to, from, by, base].map(|place| place as usize);
            match step {
                Step::Add => write!(d[to] = scale * b + factor * t, b: d[base], t: d[from]),
                Step::SetR => write!(d[to] = factor * t * x, t: d[from], x: v[by]),
                Step::AddR => {
                    write!(d[to] = scale * b + factor * t * x, b: d[base], t: d[from], x: v[by]);
                }
                Step::SetS => {
                    let factor = factor * shared[by];
                    write!(d[to] = factor * t, t: d[from]);
                }
                Step::AddS => {
                    let factor = factor * shared[by];
                    write!(d[to] = scale * b + factor * t, b: d[base], t: d[from]);
                }
                Step::Sum => sums[to] += factor * d[from].sum(),
                Step::SumR => {
                    let mut products = [0.0; EIGHT];
                    for (t, x) in d[from].0.iter().zip(&v[by].0) {
                        for lane in 0..EIGHT {
                            products[lane] += t[lane] * x[lane];
                        }
                    }
                    sums[to] += factor * add_up(products);
                }
                Step::SumS => sums[to] += factor * shared[by] * d[from].sum(),
            }
        }
        let mut fine = true;
        for &Derivative { at, .. } in &self.derivatives {
            fine &= d[at as usize].is_finite();
        }
        if !fine {
            return false;
        }
        for (to, &place) in self.outputs.iter().enumerate().take(totals.len()) {
            match place {
                Place::Row(at) => {
                    let y = &v[at as usize];
                    write!(totals[to] = total + y, total: totals[to], y: y);
                }
                Place::Shared(at) => {
                    let y = shared[at as usize];
                    write!(totals[to] = total + y, total: totals[to]);
                }
            }
        }
        if let Some(window) = window {
            for &Derivative { input, at, factor, .. } in &self.derivatives {
                let x_bar = window[input as usize..][..ROWS].as_chunks_mut::<EIGHT>().0;
                for (x_bar, d) in x_bar.iter_mut().zip(&d[at as usize].0) {
                    let mut sums = *x_bar;
                    for lane in 0..EIGHT {
                        sums[lane] += factor * d[lane];
                    }
                    *x_bar = sums;
                }
            }
        }
        true
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
    window: Option<[&'a [f64]; 2]>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.program.forward_here(self.memory, self.window);
    }
}

/// [`Program::reverse`], likewise.
struct Reverse<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
    window: Option<&'a mut [f64]>,
    totals: &'a mut [Block],
}

impl WithSimd for Reverse<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        self.program.reverse_here(self.memory, self.window, self.totals)
    }
}

/// [`Program::stretch`], likewise. The sweeps of a block are functions for the same processor.
struct Stretch<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
    window: [&'a [f64]; 2],
    x_bar: &'a mut [f64],
    totals: &'a mut [Block],
    blocks: usize,
}

impl WithSimd for Stretch<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let Stretch { program, memory, window, x_bar, totals, blocks } = self;
        (0..blocks)
            .find(|block| {
                let first = block * ROWS;
                let window = window.map(|entries| entries.get(first..).unwrap_or_default());
                simd.vectorize(Forward { program, memory, window: Some(window) });
                let (window, totals) = (Some(&mut x_bar[first..]), &mut *totals);
                !simd.vectorize(Reverse { program, memory, window, totals })
            })
            .unwrap_or(blocks)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            shared: Vec::new(),
            sums: Vec::new(),
            values: Vec::new(),
            adjoints: Vec::new(),
            seeded: false,
            differ: [false; ROWS],
        }
    }
}

impl Memory {
    /// How large it is.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.shared[..])
            + size_of_val(&self.sums[..])
            + size_of_val(&self.values[..])
            + size_of_val(&self.adjoints[..])
    }

    /// An output of the rows.
    #[inline(always)]
    pub(crate) fn output(&self, place: Place) -> Block {
        match place {
            Place::Row(at) => self.values[at as usize],
            Place::Shared(at) => Block::filled(self.shared[at as usize]),
        }
    }
}

/// Marks the rows where it is not so that the relation `holds`.
#[inline(always)]
fn compare(a: &Block, b: &Block, (relation, holds): (Relation, bool), differ: &mut [bool; ROWS]) {
    let mut mark = |related: fn(f64, f64) -> bool| {
        for ((differ, &a), &b) in differ.iter_mut().zip(a.rows()).zip(b.rows()) {
            *differ |= related(a, b) != holds;
        }
    };
    match relation {
        Relation::Less => mark(|a, b| a < b),
        Relation::LessOrEqual => mark(|a, b| a <= b),
        Relation::Greater => mark(|a, b| a > b),
        Relation::GreaterOrEqual => mark(|a, b| a >= b),
        Relation::Equal => mark(|a, b| a == b),
        Relation::NotEqual => mark(|a, b| a != b),
    }
}
