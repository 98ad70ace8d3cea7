//! Running a program on a block of rows.
//!
//! Each instruction is a loop over the rows of the block, which the compiler vectorizes for the
//! processor that [`pulp`] finds at run time. Products and sums are rounded one by one, as in the
//! plain evaluation.

use ad_api::{Relation, Unary};
use pulp::{Arch, Simd, WithSimd};

use super::elementary;
use super::schedule::{Back, Derivative, Instruction, Op, Place, Program, SharedBack, Step};
use crate::graph::{picks, sign};

/// How many rows run at a time.
pub(crate) const ROWS: usize = 64;

/// Rows that are loaded together.
pub(crate) const EIGHT: usize = 8;

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

    /// Eight of the rows.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn part(&self, part: usize) -> &[f64; EIGHT] {
        &self.0[part]
    }

    #[inline(always)]
    pub(crate) fn rows_mut(&mut self) -> &mut [f64] {
        self.0.as_flattened_mut()
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [f64; ROWS] {
        let mut rows = [0.0; ROWS];
        rows.copy_from_slice(self.rows());
        rows
    }

    #[inline(always)]
    pub(crate) fn from_array(rows: &[f64; ROWS]) -> Self {
        let mut block = Block::ZERO;
        block.rows_mut().copy_from_slice(rows);
        block
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

    /// Adds `factor` times the rows to entries, row `r` to entry `r + K`.
    #[inline(always)]
    fn add_moved<const K: usize>(&self, factor: f64, sums: &mut [[f64; EIGHT]; ROWS / EIGHT + 1]) {
        let mut before = [0.0; EIGHT];
        for (sums, &rows) in sums.iter_mut().zip(self.0.iter().chain([&[0.0; EIGHT]])) {
            let mut moved = [0.0; EIGHT];
            for lane in 0..EIGHT {
                moved[lane] = if lane < K { before[EIGHT + lane - K] } else { rows[lane - K] };
            }
            *sums = add_multiple(*sums, factor, moved);
            before = rows;
        }
    }

    /// Whether each row is a finite number.
    #[inline(always)]
    pub(crate) fn is_finite(&self) -> bool {
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

/// The sum of the products of rows, in eight parts that are then added up.
#[inline(always)]
fn dot<S: Simd>(simd: S, a: &Block, b: &Block) -> f64 {
    let mut sums = [0.0; EIGHT];
    for (a, b) in a.0.iter().zip(&b.0) {
        add_products(simd, &mut sums, a, b);
    }
    add_up(sums)
}

/// PERF: by the types of `pulp`, since the compiler makes pairs of what is added up in the end.
#[inline(always)]
fn add_products<S: Simd>(simd: S, sums: &mut [f64; EIGHT], a: &[f64; EIGHT], b: &[f64; EIGHT]) {
    let ((a, _), (b, _)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    for ((sum, &a), &b) in S::as_mut_simd_f64s(sums).0.iter_mut().zip(a).zip(b) {
        *sum = simd.add_f64s(*sum, simd.mul_f64s(a, b));
    }
}

#[inline(always)]
fn add_multiple(mut sums: [f64; EIGHT], factor: f64, x: [f64; EIGHT]) -> [f64; EIGHT] {
    for lane in 0..EIGHT {
        sums[lane] += factor * x[lane];
    }
    sums
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

/// As [`write`], and adds `factor` times the sum of the products of two blocks to a number: the first
/// one that is named, and the last.
macro_rules! sum_and_write {
    (
        $simd:ident, $blocks:ident[$to:expr] = $value:expr, $t:ident: $first:expr
        $(, $name:ident: $block:expr)*;
        $sums:ident[$sum:expr] += $factor:expr, $by:expr
    ) => {
        let mut products = [0.0; EIGHT];
        for part in 0..ROWS / EIGHT {
            let $t = $first.0[part];
            $(let $name = $block.0[part];)*
            add_products($simd, &mut products, &$t, &$by.0[part]);
            let mut out = [0.0; EIGHT];
            for lane in 0..EIGHT {
                let $t = $t[lane];
                $(let $name = $name[lane];)*
                out[lane] = $value;
            }
            $blocks[$to].0[part] = out;
        }
        $sums[$sum] += $factor * add_up(products);
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

    /// Values and derivatives of at least [`ROWS`] rows that read windows next to each other and are summed:
    /// their outputs, with the cotangents `y_bar`, are added to `totals`, and their derivatives become
    /// the entries of `x_bar`, [`EIGHT`] more than rows, which the last ones are part of. Returns false
    /// if a derivative is not finite: then neither is of any use.
    ///
    /// For programs without comparisons and with at most [`EIGHT`] inputs.
    pub(crate) fn stretch(
        &self,
        memory: &mut Memory,
        window: [&[f64]; 2],
        y_bar: &[f64],
        (x_bar, totals): (&mut [f64], &mut [Block]),
        rows: usize,
    ) -> bool {
        Arch::new().dispatch(Stretch { program: self, memory, window, y_bar, x_bar, totals, rows })
    }

    #[inline(always)]
    fn forward_here<S: Simd>(&self, memory: &mut Memory, window: Option<[&[f64]; 2]>) {
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
                Op::MulMulRS => {
                    let c = shared[k];
                    write!(v[to] = a * b * c, a: v[i], b: v[j]);
                }
                Op::MulAdd => write!(v[to] = a.mul_add(b, c), a: v[i], b: v[j], c: v[k]),
                Op::Unary(Unary::Sqrt) => write!(v[to] = a.sqrt(), a: v[i]),
                Op::Unary(Unary::Recip) => write!(v[to] = 1.0 / a, a: v[i]),
                Op::Vectorized(f) if has_fused::<S>() => v[to] = elementary::eval(f, &v[i]),
                Op::Unary(f) | Op::Vectorized(f) => write!(v[to] = f.eval(a), a: v[i]),
                Op::Binary(f) => write!(v[to] = f.eval(a, b), a: v[i], b: v[j]),
                Op::Picks(f) => write!(v[to] = picks(f, a, b), a: v[i], b: v[j]),
                Op::Sign => write!(v[to] = sign(a), a: v[i]),
                Op::Spread => v[to] = Block::filled(shared[i]),
                Op::Guard(relation, holds) => compare(&v[i], &v[j], (relation, holds), differ),
            }
        }
    }

    #[inline(always)]
    fn reverse_here<S: Simd>(
        &self,
        simd: S,
        memory: &mut Memory,
        window: Option<&mut [f64]>,
        totals: &mut [Block],
    ) -> bool {
        self.sweep_here(simd, memory);
        let (shared, v, d) = (&memory.shared[..], &memory.values[..], &memory.adjoints[..]);
        let mut fine = true;
        for &Derivative { at, .. } in &self.derivatives {
            // Zeros, but for what is not finite: sums vectorize where flags do not.
            fine &= !dot(simd, &d[at as usize], &Block::ZERO).is_nan();
        }
        if !fine {
            return false;
        }
        add_outputs(&self.outputs, (shared, v), totals);
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

    #[inline(always)]
    fn sweep_here<S: Simd>(&self, simd: S, memory: &mut Memory) {
        let (shared, v) = (&memory.shared[..], &memory.values[..]);
        let (sums, d) = (&mut memory.sums[..], &mut memory.adjoints[..]);
        for &Back { step, to, from, by, base, also, factor, scale } in &self.reverse {
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
                Step::Sum => sums[to] += factor * dot(simd, &d[from], &Block::ONE),
                Step::SumR => sums[to] += factor * dot(simd, &d[from], &v[by]),
                Step::SetSAndSum => {
                    let multiple = factor * shared[by];
                    sum_and_write!(
                        simd, d[to] = multiple * t, t: d[from];
                        sums[also.0 as usize] += factor, v[also.1 as usize]
                    );
                }
                Step::AddSAndSum => {
                    let multiple = factor * shared[by];
                    sum_and_write!(
                        simd, d[to] = scale * b + multiple * t, t: d[from], b: d[base];
                        sums[also.0 as usize] += factor, v[also.1 as usize]
                    );
                }
                Step::SumS => sums[to] += factor * shared[by] * dot(simd, &d[from], &Block::ONE),
            }
        }
    }

    /// Writes the sums of the derivatives of a block of rows to the entries `x_bar`, [`ROWS`] and
    /// [`EIGHT`] of them. If there is a block before, they are added to what that has left in the first
    /// eight. Adds to `check` what is not finite.
    ///
    /// PERF: derivatives are moved to their entries in registers. Reading from memory what has just been
    /// written at another alignment waits until it has reached the cache.
    #[inline(always)]
    fn collect_here(
        &self,
        adjoints: &[Block],
        continues: bool,
        x_bar: &mut [[f64; EIGHT]; ROWS / EIGHT + 1],
        check: &mut [f64; EIGHT],
    ) {
        if !continues {
            x_bar[0] = [0.0; EIGHT];
        }
        let mut derivatives = &self.derivatives[..];
        if let [Derivative { input: 0, at, factor, .. }, rest @ ..] = derivatives {
            let d = &adjoints[*at as usize].0;
            x_bar[0] = add_multiple(x_bar[0], *factor, d[0]);
            for (x_bar, &d) in x_bar[1..].iter_mut().zip(&d[1..]) {
                *x_bar = add_multiple([-0.0; EIGHT], *factor, d);
            }
            x_bar[ROWS / EIGHT] = [0.0; EIGHT];
            derivatives = rest;
        } else {
            x_bar[1..].fill([0.0; EIGHT]);
        }
        for &Derivative { input, at, factor, .. } in derivatives {
            let d = &adjoints[at as usize];
            match input {
                0 => d.add_moved::<0>(factor, x_bar),
                1 => d.add_moved::<1>(factor, x_bar),
                2 => d.add_moved::<2>(factor, x_bar),
                3 => d.add_moved::<3>(factor, x_bar),
                4 => d.add_moved::<4>(factor, x_bar),
                5 => d.add_moved::<5>(factor, x_bar),
                6 => d.add_moved::<6>(factor, x_bar),
                _ => d.add_moved::<7>(factor, x_bar),
            }
        }
        let mut sums = *check;
        for x_bar in x_bar {
            sums = add_multiple(sums, 0.0, *x_bar);
        }
        *check = sums;
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
        self.program.forward_here::<S>(self.memory, self.window);
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
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        self.program.reverse_here(simd, self.memory, self.window, self.totals)
    }
}

/// The reverse sweep alone, likewise.
struct Sweep<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
}

impl WithSimd for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.program.sweep_here(simd, self.memory);
    }
}

/// [`Program::collect_here`], likewise.
struct Collect<'a> {
    program: &'a Program,
    adjoints: &'a [Block],
    continues: bool,
    x_bar: &'a mut [[f64; EIGHT]; ROWS / EIGHT + 1],
    check: &'a mut [f64; EIGHT],
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.program.collect_here(self.adjoints, self.continues, self.x_bar, self.check);
    }
}

/// [`Program::stretch`], likewise. The sweeps of a block are functions for the same processor.
struct Stretch<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
    window: [&'a [f64]; 2],
    y_bar: &'a [f64],
    x_bar: &'a mut [f64],
    totals: &'a mut [Block],
    rows: usize,
}

impl WithSimd for Stretch<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        let Stretch { program, memory, window, y_bar, x_bar, totals, rows } = self;
        let wanted = !program.derivatives.is_empty();
        let seeds = memory.adjoints.iter_mut().zip(y_bar);
        seeds.for_each(|(seed, &y_bar)| *seed = Block::filled(y_bar));
        let mut check = [0.0; EIGHT];
        // A macro: a closure would not be inlined, and compiled for the oldest processor.
        macro_rules! collect {
            ($first:expr) => {
                if wanted {
                    let (adjoints, check) = (&memory.adjoints[..], &mut check);
                    let continues = $first != 0;
                    if let Some(x_bar) = x_bar[$first..].as_chunks_mut().0.first_chunk_mut() {
                        simd.vectorize(Collect { program, adjoints, continues, x_bar, check });
                    }
                }
            };
        }
        let read = |first: usize| window.map(|x| x.get(first..).unwrap_or_default());
        let full = rows / ROWS * ROWS;
        for first in (0..full).step_by(ROWS) {
            simd.vectorize(Forward { program, memory, window: Some(read(first)) });
            if first > 0 {
                collect!(first - ROWS);
            }
            add_outputs(&program.outputs, (&memory.shared, &memory.values), totals);
            simd.vectorize(Sweep { program, memory });
        }
        let (first, done) = (rows - ROWS, full + ROWS - rows);
        if done == ROWS {
            collect!(first);
        } else {
            // A full block again, some of whose rows have been computed already: these do not count.
            simd.vectorize(Forward { program, memory, window: Some(read(first)) });
            collect!(full - ROWS);
            for (total, &place) in totals.iter_mut().zip(&program.outputs) {
                let output = memory.output(place);
                let lanes = total.rows_mut()[done..].iter_mut().zip(&output.rows()[done..]);
                lanes.for_each(|(total, output)| *total += output);
            }
            for seed in memory.adjoints.iter_mut().take(y_bar.len()) {
                seed.rows_mut()[..done].fill(0.0);
            }
            memory.seeded = false;
            simd.vectorize(Sweep { program, memory });
            if wanted {
                let mut last = [[0.0; EIGHT]; ROWS / EIGHT + 1];
                let (adjoints, check) = (&memory.adjoints[..], &mut check);
                let (continues, sums) = (false, &mut last);
                simd.vectorize(Collect { program, adjoints, continues, x_bar: sums, check });
                x_bar[full + EIGHT..rows + EIGHT].fill(0.0);
                let sums = x_bar[first..].iter_mut().zip(last.as_flattened());
                sums.for_each(|(x_bar, last)| *x_bar += last);
            }
        }
        !add_up(check).is_nan()
    }
}

/// Adds outputs of all rows to `totals`, if there are any.
#[inline(always)]
fn add_outputs(outputs: &[Place], (shared, v): (&[f64], &[Block]), totals: &mut [Block]) {
    for (to, &place) in outputs.iter().enumerate().take(totals.len()) {
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
}

/// Whether a fused multiplication and addition is an instruction: where vectors are wide, and on
/// processors that always had it.
const fn has_fused<S: Simd>() -> bool {
    size_of::<S::f64s>() >= 32 || cfg!(target_arch = "aarch64")
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
