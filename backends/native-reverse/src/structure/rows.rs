//! The rows of a map, [`LANES`] at a time.

use ad_api::{Function, Gather, Map, Result, scratch};

use super::lanes::{LANES, Lanes};
use super::method::{Forward, Method, Reverse};
use crate::backend::Workspace;
use crate::pool;

/// Up to this many inputs, a row's derivatives are static tangents; beyond, they are on a tape.
const FEW: usize = 4;

/// What the rows add up to.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Outputs {
    /// Each row has its own outputs.
    Each,
    /// The rows are summed.
    Sum,
}

/// Writes the value of the rows into `y` and their pullback of `y_bar` into `x_bar`.
pub(crate) fn pullback<F: Function>(
    careful: &mut Workspace<f64>,
    (map, outputs): (&Map<F>, Outputs),
    x: &[f64],
    y_bar: &[f64],
    y: &mut [f64],
    x_bar: &mut [f64],
) -> Result<()> {
    let size = (map.body().inputs(), map.body().outputs());
    let mut task = Task { careful, map, outputs, x };
    match map.row_inputs() {
        0..=2 => Forward::<2>::with(size, |method| task.pullback(method, y_bar, y, x_bar)),
        3..=FEW => Forward::<FEW>::with(size, |method| task.pullback(method, y_bar, y, x_bar)),
        _ => pool::with(|method: &mut Reverse| task.pullback(method, y_bar, y, x_bar)),
    }
}

/// Writes the value of the rows into `y`, and calls `out(row, i, j, d)` with the derivative of
/// output `i` of the row with respect to entry `j` of what it gathers.
pub(crate) fn blocks<F: Function>(
    careful: &mut Workspace<f64>,
    (map, outputs): (&Map<F>, Outputs),
    x: &[f64],
    y: &mut [f64],
    out: impl FnMut(usize, usize, usize, f64),
) -> Result<()> {
    let size = (map.body().inputs(), map.body().outputs());
    let mut task = Task { careful, map, outputs, x };
    match map.row_inputs() {
        0..=2 => Forward::<2>::with(size, |method| task.blocks(method, y, out)),
        3..=FEW => Forward::<FEW>::with(size, |method| task.blocks(method, y, out)),
        _ => pool::with(|method: &mut Reverse| task.blocks(method, y, out)),
    }
}

/// A sweep over the rows at `x`.
struct Task<'a, F> {
    /// Where rows are computed one by one.
    careful: &'a mut Workspace<f64>,
    map: &'a Map<F>,
    outputs: Outputs,
    x: &'a [f64],
}

/// Consecutive rows, one in each lane; lanes beyond `count` repeat the last one.
#[derive(Clone, Copy)]
struct Block {
    first: usize,
    count: usize,
}

impl<F: Function> Task<'_, F> {
    fn pullback(
        &mut self,
        method: &mut impl Method,
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        let (p, q) = (self.map.row_inputs(), self.map.body().outputs());
        let shared = matches!(self.map.gather(), Gather::Shared);
        y.fill(0.0);
        x_bar.fill(0.0);
        self.lanes(2 * q + p, |this, input, output, rest| {
            let (w, rest) = rest.split_at_mut(q);
            let (sums, d) = rest.split_at_mut(q);
            for block in this.all() {
                this.gather(block, input);
                if block.first == 0 || block.count < LANES || this.outputs == Outputs::Each {
                    for (i, w) in w.iter_mut().enumerate() {
                        *w = block.lanes(|row| y_bar[this.output(row, i)]);
                    }
                }
                let mut fine = method.evaluate(this.map.body(), p, input, output);
                if fine {
                    if !shared {
                        d.fill(Lanes::ZERO);
                    }
                    method.pull(w, d);
                    fine = shared || !has_nan(d);
                }
                if fine {
                    this.add_values(block, output, sums, y);
                    if !shared {
                        this.scatter(block, d, x_bar);
                    }
                } else {
                    for row in block.rows() {
                        this.pull_one(row, y_bar, y, x_bar)?;
                    }
                }
            }
            if shared && has_nan(d) {
                y.fill(0.0);
                x_bar.fill(0.0);
                return (0..this.map.rows())
                    .try_for_each(|row| this.pull_one(row, y_bar, y, x_bar));
            }
            if shared {
                x_bar.iter_mut().zip(d).for_each(|(x_bar, d)| *x_bar += d.0.iter().sum::<f64>());
            }
            y.iter_mut().zip(sums).for_each(|(y, sum)| *y += sum.0.iter().sum::<f64>());
            Ok(())
        })
    }

    fn blocks(
        &mut self,
        method: &mut impl Method,
        y: &mut [f64],
        mut out: impl FnMut(usize, usize, usize, f64),
    ) -> Result<()> {
        let (p, q) = (self.map.row_inputs(), self.map.body().outputs());
        y.fill(0.0);
        self.lanes(2 * q + p * q, |this, input, output, rest| {
            let (w, rest) = rest.split_at_mut(q);
            let (sums, d) = rest.split_at_mut(q);
            for block in this.all() {
                this.gather(block, input);
                let mut fine = method.evaluate(this.map.body(), p, input, output);
                if fine && p > 0 {
                    d.fill(Lanes::ZERO);
                    for (i, d) in d.chunks_exact_mut(p).enumerate() {
                        w[i] = Lanes::splat(1.0);
                        method.pull(w, d);
                        w[i] = Lanes::ZERO;
                    }
                    fine = !has_nan(d);
                }
                if !fine {
                    for row in block.rows() {
                        this.block_one(row, y, &mut out)?;
                    }
                    continue;
                }
                this.add_values(block, output, sums, y);
                for (lane, row) in block.rows().enumerate() {
                    for (entry, d) in d.iter().enumerate() {
                        out(row, entry / p, entry % p, d.0[lane]);
                    }
                }
            }
            y.iter_mut().zip(sums).for_each(|(y, sum)| *y += sum.0.iter().sum::<f64>());
            Ok(())
        })
    }

    /// Calls `body` with memory for the inputs and outputs of a block, and `more`. The inputs that
    /// all rows share are filled in.
    fn lanes(
        &mut self,
        more: usize,
        body: impl FnOnce(&mut Self, &mut [Lanes], &mut [Lanes], &mut [Lanes]) -> Result<()>,
    ) -> Result<()> {
        let (inputs, outputs) = (self.map.body().inputs(), self.map.body().outputs());
        scratch::with(inputs + outputs + more, |buffer: &mut [Lanes]| {
            let (input, rest) = buffer.split_at_mut(inputs);
            let (output, rest) = rest.split_at_mut(outputs);
            if let Gather::Shared = self.map.gather() {
                input.iter_mut().zip(self.x).for_each(|(input, &x)| *input = Lanes::splat(x));
            }
            body(self, input, output, rest)
        })
    }

    fn all(&self) -> impl Iterator<Item = Block> + use<F> {
        let rows = self.map.rows();
        (0..rows).step_by(LANES).map(move |first| Block { first, count: LANES.min(rows - first) })
    }

    /// The place of output `i` of a row.
    #[inline]
    fn output(&self, row: usize, i: usize) -> usize {
        match self.outputs {
            Outputs::Each => row * self.map.body().outputs() + i,
            Outputs::Sum => i,
        }
    }

    /// Fills in the inputs of a block, except those that all rows share.
    #[inline(always)]
    fn gather(&self, block: Block, input: &mut [Lanes]) {
        let (map, p) = (self.map, self.map.row_inputs());
        match map.gather() {
            Gather::Shared => {}
            Gather::Window { stride: 1 } if block.count == LANES => {
                for (input, x) in input.iter_mut().zip(self.x[block.first..].windows(LANES)) {
                    input.0.copy_from_slice(x);
                }
            }
            _ => {
                for lane in 0..LANES {
                    let row = block.row(lane);
                    for (j, input) in input[..p].iter_mut().enumerate() {
                        input.0[lane] = self.x[map.index(row, j)];
                    }
                }
            }
        }
        if input.len() > p {
            for lane in 0..LANES {
                for (input, &c) in input[p..].iter_mut().zip(map.constants(block.row(lane))) {
                    input.0[lane] = c;
                }
            }
        }
    }

    /// Adds the derivatives of a block to the entries that its rows gather.
    #[inline(always)]
    fn scatter(&self, block: Block, d: &[Lanes], x_bar: &mut [f64]) {
        match self.map.gather() {
            Gather::Window { stride: 1 } if block.count == LANES => {
                for (j, d) in d.iter().enumerate() {
                    let x_bar = &mut x_bar[block.first + j..][..LANES];
                    for (x_bar, d) in x_bar.iter_mut().zip(&d.0) {
                        *x_bar += d;
                    }
                }
            }
            _ => {
                for (lane, row) in block.rows().enumerate() {
                    for (j, d) in d.iter().enumerate() {
                        x_bar[self.map.index(row, j)] += d.0[lane];
                    }
                }
            }
        }
    }

    /// Writes the outputs of each row into `y`, or adds those of all lanes to `sums`.
    #[inline(always)]
    fn add_values(&self, block: Block, output: &[Lanes], sums: &mut [Lanes], y: &mut [f64]) {
        match self.outputs {
            Outputs::Sum => {
                for (sum, output) in sums.iter_mut().zip(output) {
                    for lane in 0..block.count {
                        sum.0[lane] += output.0[lane];
                    }
                }
            }
            Outputs::Each => {
                for (lane, row) in block.rows().enumerate() {
                    for (i, output) in output.iter().enumerate() {
                        y[self.output(row, i)] = output.0[lane];
                    }
                }
            }
        }
    }

    /// The pullback of one row, on the tape over `f64`.
    #[cold]
    #[inline(never)]
    fn pull_one(
        &mut self,
        row: usize,
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        let (p, q) = (self.map.row_inputs(), self.map.body().outputs());
        scratch::with(q + p, |buffer: &mut [f64]| {
            let (w, d) = buffer.split_at_mut(q);
            w.iter_mut().enumerate().for_each(|(i, w)| *w = y_bar[self.output(row, i)]);
            self.evaluate_one(row, y)?;
            self.careful.pull(w, d)?;
            d.iter().enumerate().for_each(|(j, d)| x_bar[self.map.index(row, j)] += d);
            Ok(())
        })
    }

    /// The Jacobian block of one row, on the tape over `f64`.
    #[cold]
    #[inline(never)]
    fn block_one(
        &mut self,
        row: usize,
        y: &mut [f64],
        out: &mut impl FnMut(usize, usize, usize, f64),
    ) -> Result<()> {
        let (p, q) = (self.map.row_inputs(), self.map.body().outputs());
        scratch::with(q + p, |buffer: &mut [f64]| {
            let (w, d) = buffer.split_at_mut(q);
            self.evaluate_one(row, y)?;
            for i in 0..q {
                w[i] = 1.0;
                self.careful.pull(w, d)?;
                w[i] = 0.0;
                d.iter().enumerate().for_each(|(j, &d)| out(row, i, j, d));
            }
            Ok(())
        })
    }

    /// Records one row on the tape over `f64`, and adds its outputs to `y`.
    fn evaluate_one(&mut self, row: usize, y: &mut [f64]) -> Result<()> {
        let (body, p) = (self.map.body(), self.map.row_inputs());
        scratch::with(body.inputs() + body.outputs(), |buffer: &mut [f64]| {
            let (input, output) = buffer.split_at_mut(body.inputs());
            for (j, input) in input[..p].iter_mut().enumerate() {
                *input = self.x[self.map.index(row, j)];
            }
            input[p..].copy_from_slice(self.map.constants(row));
            self.careful.evaluate_partly(body, p, input, output)?;
            output.iter().enumerate().for_each(|(i, value)| y[self.output(row, i)] += value);
            Ok(())
        })
    }
}

impl Block {
    /// The row in a lane.
    #[inline]
    fn row(self, lane: usize) -> usize {
        self.first + lane.min(self.count - 1)
    }

    fn rows(self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }

    /// `f` of the rows, zero in the lanes without one.
    #[inline]
    fn lanes(self, f: impl Fn(usize) -> f64) -> Lanes {
        let mut lanes = Lanes::ZERO;
        lanes.0.iter_mut().zip(self.rows()).for_each(|(lane, row)| *lane = f(row));
        lanes
    }
}

#[inline(always)]
fn has_nan(d: &[Lanes]) -> bool {
    let mut nan = false;
    for d in d {
        nan |= d.has_nan();
    }
    nan
}
