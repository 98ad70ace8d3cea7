//! The parts that rows are computed in, by one thread or several.
//!
//! Results do not depend on the number of threads, bit for bit: how rows are divided into parts depends
//! on the map alone, each part has sums of its own, and these are added up in order.

use std::ops::Range;

use ad_api::{Function, Gather, Map, Result};

use super::program::{Mode, ROWS};
use super::rows::Outputs;

/// A part has at least so many inputs of rows, about.
///
/// PERF: some 5 µs, so that what a part costs by itself is little.
const LEAST: usize = 1 << 13;

/// The most parts: so many threads are of use.
pub(crate) const MOST_PARTS: usize = 16;

/// What the parts write.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// The outputs of a row if each has its own, or of all.
    outputs: (Outputs, usize),
    derivatives: Derivatives,
}

/// The derivatives that the parts write.
#[derive(Clone, Copy)]
enum Derivatives {
    None,
    /// So many for each row.
    Blocks(usize),
    /// With respect to the `n` entries of `x`: each part has some of its own, which begin `stride`
    /// apart from row to row, and so many in common with the next.
    Windows {
        n: usize,
        stride: usize,
        common: usize,
    },
    /// So many, of which each part has all.
    All {
        n: usize,
    },
}

/// Where a part writes, or several.
pub(crate) struct Slices<'a> {
    pub(crate) y: &'a mut [f64],
    pub(crate) d: &'a mut [f64],
    /// The derivatives with respect to entries that belong to the next part.
    pub(crate) common: &'a mut [f64],
}

/// Rows in parts of equal size, but the last.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    rows: usize,
    each: usize,
    pub(crate) count: usize,
    shape: Shape,
}

impl Shape {
    pub(crate) fn new<F: Function>(map: &Map<F>, outputs: Outputs, mode: Mode) -> Self {
        let (n, p, q) = (map.inputs(), map.row_inputs(), map.body().outputs());
        let derivatives = match (mode, map.gather()) {
            (Mode::Value, _) => Derivatives::None,
            (Mode::Blocks, _) => Derivatives::Blocks(p * q),
            (Mode::Push, _) if outputs == Outputs::Each => Derivatives::Blocks(q),
            (Mode::Push, _) => Derivatives::All { n: q },
            (_, &Gather::Window { stride }) => {
                Derivatives::Windows { n, stride, common: p.saturating_sub(stride) }
            }
            _ => Derivatives::All { n },
        };
        Shape { outputs: (outputs, q), derivatives }
    }
}

impl Parts {
    pub(crate) fn new<F: Function>(map: &Map<F>, shape: Shape) -> Self {
        let (rows, inputs) = (map.rows(), map.body().inputs());
        // Where each part has all derivatives, adding them up must cost less than computing them.
        let most = match map.gather() {
            Gather::Window { .. } => MOST_PARTS,
            _ if shape.outputs.0 == Outputs::Each && shape.is_by_row() => MOST_PARTS,
            _ => MOST_PARTS.min(rows * inputs / (4 * map.inputs()).max(1)),
        };
        // What all rows share is computed by each part, for two blocks of rows or more.
        let count = (rows * inputs / LEAST).min(most).min(rows / (2 * ROWS)).max(1);
        let each = rows.div_ceil(count).next_multiple_of(ROWS).max(ROWS);
        Parts { rows, each, count: rows.div_ceil(each).max(1), shape }
    }

    /// The rows of a part.
    pub(crate) fn rows(&self, part: usize) -> Range<usize> {
        self.first(part)..self.first(part + 1)
    }

    /// The first row of a part.
    fn first(&self, part: usize) -> usize {
        (part * self.each).min(self.rows)
    }

    /// Calls `run` for each part with what it writes to, shared among the workers; each has a thread.
    /// Then adds up what the parts have in common, in `sums` until then. Returns whether all of them
    /// returned true, or the first error.
    pub(crate) fn run<W: Send>(
        &self,
        workers: &mut [W],
        (y, d): (&mut [f64], &mut [f64]),
        sums: &mut [Vec<f64>; 3],
        run: &(impl Fn(usize, &mut W, Slices) -> Result<bool> + Sync),
    ) -> Result<bool> {
        let [y_sums, d_sums, common_sums] = sums;
        let sizes = self.sizes(0..self.count);
        let several = self.count > 1;
        let apart = |shared: bool, all: &mut Vec<f64>, size: usize| {
            all.resize(if shared && several { size } else { 0 }, 0.0);
            shared && several
        };
        let y_apart =
            apart(self.shape.outputs.0 == Outputs::Sum && !y.is_empty(), y_sums, sizes[0]);
        let d_apart =
            apart(matches!(self.shape.derivatives, Derivatives::All { .. }), d_sums, sizes[1]);
        common_sums.resize(sizes[2], 0.0);
        let slices = Slices {
            y: if y_apart { y_sums } else { &mut *y },
            d: if d_apart { d_sums } else { &mut *d },
            common: common_sums,
        };
        let fine = self.share(0..self.count, workers, slices, run)?;
        if y_apart {
            add_up(y_sums, y);
        }
        if d_apart {
            add_up(d_sums, d);
        }
        if let Derivatives::Windows { stride, common, .. } = self.shape.derivatives
            && common > 0
        {
            for (part, sums) in common_sums.chunks_exact(common).enumerate().take(self.count - 1) {
                let d = &mut d[self.first(part + 1) * stride..];
                d.iter_mut().zip(sums).for_each(|(d, sum)| *d += sum);
            }
        }
        Ok(fine)
    }

    fn share<W: Send>(
        &self,
        parts: Range<usize>,
        workers: &mut [W],
        slices: Slices,
        run: &(impl Fn(usize, &mut W, Slices) -> Result<bool> + Sync),
    ) -> Result<bool> {
        if workers.len() > 1 && parts.len() > 1 {
            let half = workers.len() / 2;
            let middle = parts.start + (parts.len() * half).div_ceil(workers.len());
            let (here, there) = workers.split_at_mut(half);
            let (left, right) = slices.split(self.sizes(parts.start..middle));
            let (left, right) = rayon::join(
                || self.share(parts.start..middle, here, left, run),
                || self.share(middle..parts.end, there, right, run),
            );
            return Ok(left? & right?);
        }
        let Some(worker) = workers.first_mut() else { return Ok(true) };
        let (mut fine, mut rest) = (true, slices);
        for part in parts {
            let (slices, after) = rest.split(self.sizes(part..part + 1));
            rest = after;
            fine &= run(part, worker, slices)?;
        }
        Ok(fine)
    }

    /// How much some parts write: outputs, derivatives, and those in common with the next.
    fn sizes(&self, parts: Range<usize>) -> [usize; 3] {
        let rows = self.first(parts.start)..self.first(parts.end);
        let outputs = match self.shape.outputs {
            (Outputs::Each, q) => rows.len() * q,
            (Outputs::Sum, q) => parts.len() * q,
        };
        let (derivatives, common) = match self.shape.derivatives {
            Derivatives::None => (0, 0),
            Derivatives::Blocks(entries) => (rows.len() * entries, 0),
            Derivatives::All { n } => (parts.len() * n, 0),
            Derivatives::Windows { n, stride, common } => {
                let end = if parts.end == self.count { n } else { rows.end * stride };
                (end - rows.start * stride, parts.len() * common)
            }
        };
        [outputs, derivatives, common]
    }
}

impl Shape {
    /// Whether derivatives, if there are any, belong to a row.
    fn is_by_row(self) -> bool {
        matches!(self.derivatives, Derivatives::None | Derivatives::Blocks(_))
    }
}

impl<'a> Slices<'a> {
    /// The first ones, of these sizes, and the rest.
    fn split(self, sizes: [usize; 3]) -> (Slices<'a>, Slices<'a>) {
        let Slices { y, d, common } = self;
        let (y, y_rest) = y.split_at_mut(sizes[0].min(y.len()));
        let (d, d_rest) = d.split_at_mut(sizes[1]);
        let (common, common_rest) = common.split_at_mut(sizes[2]);
        (Slices { y, d, common }, Slices { y: y_rest, d: d_rest, common: common_rest })
    }
}

/// Adds the parts up, in order.
fn add_up(parts: &[f64], sums: &mut [f64]) {
    sums.fill(0.0);
    for part in parts.chunks_exact(sums.len().max(1)) {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
}
