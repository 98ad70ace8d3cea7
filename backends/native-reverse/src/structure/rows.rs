//! The rows of a map, [`ROWS`] at a time.

use std::ops::Range;

use ad_api::{Function, Gather, Map, Result, scratch};

use super::program::{Block, Memory, Mode, Program, Programs, ROWS};
use super::scan;
use crate::backend::Workspace;
use crate::explanation::ProgramExplanation;

/// Fewer rows than this are not worth a program.
const FEW: usize = 8;

/// What the rows add up to.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Outputs {
    /// Each row has its own outputs.
    Each,
    /// The rows are summed.
    Sum,
}

/// What rows are computed with.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    programs: Programs,
    /// The sums of the outputs, for each row of a block.
    totals: Vec<Block>,
    /// What loops are computed with.
    pub(crate) scan: scan::Memory,
}

impl Tools {
    /// What has been made, and why the last call had rows without a program, if it had.
    pub(crate) fn explain(&self) -> (Vec<ProgramExplanation>, Option<&'static str>) {
        (self.programs.explain(), self.programs.refused())
    }
}

/// Writes the value of the rows into `y`.
pub(crate) fn value<F: Function>(
    tools: &mut Tools,
    rows: (&Map<F>, Outputs),
    x: &[f64],
    y: &mut [f64],
) -> Result<()> {
    Task::new(rows, x).value(tools, y)
}

/// Writes the value of the rows into `y` and their pullback of `y_bar` into `x_bar`. `careful` is
/// where rows are computed one by one.
pub(crate) fn pullback<F: Function>(
    (careful, tools): (&mut Workspace<f64>, &mut Tools),
    rows: (&Map<F>, Outputs),
    x: &[f64],
    y_bar: &[f64],
    y: &mut [f64],
    x_bar: &mut [f64],
) -> Result<()> {
    Task::new(rows, x).pullback(careful, tools, y_bar, y, x_bar)
}

/// Writes `H x_dot` into `hv`, where `H` is the Hessian of `Σ w yᵢ`. Returns false if that must be
/// computed in another way.
pub(crate) fn second<F: Function>(
    tools: &mut Tools,
    rows: (&Map<F>, Outputs),
    (x, x_dot): (&[f64], &[f64]),
    w: &[f64],
    hv: &mut [f64],
) -> Result<bool> {
    Task { x_dot, ..Task::new(rows, x) }.second(tools, w, hv)
}

/// Writes the value of the rows into `y`, and their Jacobian blocks into `out: rows · q · p`: for each
/// output of the row, the derivatives with respect to the entries that it gathers.
pub(crate) fn blocks<F: Function>(
    (careful, tools): (&mut Workspace<f64>, &mut Tools),
    map: &Map<F>,
    x: &[f64],
    y: &mut [f64],
    out: &mut [f64],
) -> Result<()> {
    Task::new((map, Outputs::Each), x).blocks(careful, tools, y, out)
}

/// A sweep over the rows at `x`.
struct Task<'a, F> {
    map: &'a Map<F>,
    outputs: Outputs,
    x: &'a [f64],
    /// A tangent, for second derivatives.
    x_dot: &'a [f64],
    /// The numbers of inputs that a row gathers, and of its outputs.
    p: usize,
    q: usize,
}

/// Up to [`ROWS`] rows in ascending order, each in a lane of its own.
#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "one or two at a time, on the stack")]
enum Rows {
    /// One after another from the first on, so many in all, of which so many come along for nothing:
    /// they have been computed already.
    Range { first: usize, count: usize, done: usize },
    /// So many of these.
    List(usize, [usize; ROWS]),
}

impl<'a, F: Function> Task<'a, F> {
    fn new((map, outputs): (&'a Map<F>, Outputs), x: &'a [f64]) -> Self {
        Task { map, outputs, x, x_dot: &[], p: map.row_inputs(), q: map.body().outputs() }
    }

    fn value(&self, tools: &mut Tools, y: &mut [f64]) -> Result<()> {
        y.fill(0.0);
        self.start(tools);
        let Tools { programs, totals, .. } = tools;
        let one = |row, y: &mut [f64]| {
            scratch::with(self.map.body().inputs() + self.q, |buffer: &mut [f64]| {
                let (input, output) = buffer.split_at_mut(self.map.body().inputs());
                self.input(row, input);
                self.map.body().eval(input, output)?;
                output.iter().enumerate().for_each(|(i, value)| y[self.output(row, i)] += value);
                Ok(())
            })
        };
        let state = &mut (&mut *y, &mut *totals);
        self.each(programs, Mode::Value, state, nothing, |(y, totals), rows, run| {
            let Some((program, memory)) = run else {
                return rows.iter().try_for_each(|row| one(row, y));
            };
            self.add_values(rows, program, memory, totals, y);
            Ok(())
        })?;
        add_totals(totals, y);
        Ok(())
    }

    fn pullback(
        &self,
        careful: &mut Workspace<f64>,
        tools: &mut Tools,
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        y.fill(0.0);
        x_bar.fill(0.0);
        self.start(tools);
        let Tools { programs, totals, .. } = tools;
        let state = &mut (&mut *careful, &mut *y, &mut *x_bar, &mut *totals);
        let ahead =
            |(_, _, x_bar, totals): &mut (_, _, &mut [f64], &mut Vec<Block>),
             programs: &mut Programs,
             start| { self.ahead((programs, Mode::Pull), start, y_bar, x_bar, totals) };
        self.each(programs, Mode::Pull, state, ahead, |(careful, y, x_bar, totals), rows, run| {
            let Some((program, memory)) = run else {
                return rows
                    .iter()
                    .try_for_each(|row| self.pull_one(careful, row, y_bar, y, x_bar));
            };
            self.seed(rows, memory, y_bar);
            let window = self.window(rows).map(|first| &mut x_bar[first..]);
            let scattered = window.is_some();
            // All rows count, or those that do not are left out one by one.
            let all = self.outputs == Outputs::Sum && rows.lanes() == (0..ROWS);
            let sums = if all { &mut totals[..] } else { &mut [] };
            if !program.reverse(memory, window, sums) {
                return rows
                    .iter()
                    .try_for_each(|row| self.pull_one(careful, row, y_bar, y, x_bar));
            }
            if !scattered {
                self.scatter(rows, program, memory, x_bar);
            }
            if !all {
                self.add_values(rows, program, memory, totals, y);
            }
            Ok(())
        })?;
        let mut nan = false;
        programs.used(self.map, Mode::Pull, |program, memory| {
            program.finish(memory);
            for &(input, place) in &program.shared_derivatives {
                let d = memory.sums[place as usize];
                nan |= d.is_nan();
                x_bar[input as usize] += d;
            }
        });
        if nan {
            y.fill(0.0);
            x_bar.fill(0.0);
            return (0..self.map.rows())
                .try_for_each(|row| self.pull_one(careful, row, y_bar, y, x_bar));
        }
        add_totals(totals, y);
        Ok(())
    }

    fn second(&self, tools: &mut Tools, w: &[f64], hv: &mut [f64]) -> Result<bool> {
        hv.fill(0.0);
        self.start(tools);
        let state = &mut (true, &mut *hv);
        let ahead = |(_, hv): &mut (bool, &mut [f64]), programs: &mut Programs, start| {
            self.ahead((programs, Mode::Second), start, w, hv, &mut [])
        };
        self.each(&mut tools.programs, Mode::Second, state, ahead, |(fine, hv), rows, run| {
            let Some((program, memory)) = run.filter(|_| *fine) else {
                *fine = false;
                return Ok(());
            };
            self.seed(rows, memory, w);
            let window = self.window(rows).map(|first| &mut hv[first..]);
            let scattered = window.is_some();
            *fine = program.reverse(memory, window, &mut []);
            if !scattered {
                self.scatter(rows, program, memory, hv);
            }
            Ok(())
        })?;
        let mut fine = state.0;
        tools.programs.used(self.map, Mode::Second, |program, memory| {
            program.finish(memory);
            for &(input, place) in &program.shared_derivatives {
                fine &= memory.sums[place as usize].is_finite();
                hv[input as usize] += memory.sums[place as usize];
            }
        });
        Ok(fine)
    }

    fn blocks(
        &self,
        careful: &mut Workspace<f64>,
        tools: &mut Tools,
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        y.fill(0.0);
        self.start(tools);
        let Tools { programs, totals, .. } = tools;
        let entries = self.q * self.p;
        let state = &mut (&mut *careful, &mut *y, &mut *totals);
        self.each(programs, Mode::Blocks, state, nothing, |(careful, y, totals), rows, run| {
            let Some((program, memory)) = run else {
                return rows.iter().try_for_each(|row| self.block_one(careful, row, y, out));
            };
            memory.adjoints[0] = Block::ONE;
            if !program.reverse(memory, None, &mut []) {
                return rows.iter().try_for_each(|row| self.block_one(careful, row, y, out));
            }
            let here = rows.lanes();
            if let Rows::Range { first, .. } = *rows {
                let out = &mut out[(first + here.start) * entries..(first + here.end) * entries];
                for &zero in &program.zeros {
                    out.chunks_exact_mut(entries).for_each(|block| block[zero] = 0.0);
                }
                for d in &program.derivatives {
                    let entry = d.entry(self.p);
                    let adjoint = &memory.adjoints[d.at as usize].rows()[here.clone()];
                    for (block, a) in out.chunks_exact_mut(entries).zip(adjoint) {
                        block[entry] = d.factor * a;
                    }
                }
            } else {
                for lane in here {
                    let block = &mut out[rows.at(lane) * entries..][..entries];
                    block.fill(0.0);
                    for d in &program.derivatives {
                        let adjoint = memory.adjoints[d.at as usize].rows()[lane];
                        block[d.entry(self.p)] = d.factor * adjoint;
                    }
                }
            }
            self.add_values(rows, program, memory, totals, y);
            Ok(())
        })?;
        add_totals(totals, y);
        Ok(())
    }

    fn start(&self, tools: &mut Tools) {
        tools.programs.start();
        tools.totals.clear();
        let totals = if self.outputs == Outputs::Sum { self.q } else { 0 };
        tools.totals.resize(totals, Block::ZERO);
    }

    /// Calls `body` with all rows, some at a time: with a program that has computed their values, or
    /// without one for rows that must be computed in another way. Before, `ahead` is asked to go on
    /// from a row; it returns the first row that is left.
    fn each<T>(
        &self,
        programs: &mut Programs,
        mode: Mode,
        state: &mut T,
        mut ahead: impl FnMut(&mut T, &mut Programs, usize) -> usize,
        mut body: impl FnMut(&mut T, &Rows, Option<(&Program, &mut Memory)>) -> Result<()>,
    ) -> Result<()> {
        let count = self.map.rows();
        let mut start = 0;
        loop {
            start = ahead(state, programs, start);
            if start >= count {
                return Ok(());
            }
            // The last block is full as well if there are rows enough.
            let first = start.min(count.saturating_sub(ROWS));
            let mut left =
                Rows::Range { first, count: ROWS.min(count - first), done: start - first };
            let mut tried = 0;
            while !left.lanes().is_empty() {
                let row = left.at(left.lanes().start);
                let run = if count < FEW {
                    None
                } else {
                    let alone = Rows::Range { first: row, count: 1, done: 0 };
                    programs.next(
                        self.map,
                        ((self.x, self.x_dot), mode, tried),
                        |input| self.input(row, input),
                        |program, memory| {
                            self.run(&alone, program, memory);
                            !memory.differ[0]
                        },
                    )
                };
                let Some((program, memory)) = run else {
                    body(state, &left, None)?;
                    break;
                };
                tried += 1;
                self.run(&left, program, memory);
                if !program.has_guards || !memory.differ[left.lanes()].contains(&true) {
                    body(state, &left, Some((program, memory)))?;
                    break;
                }
                let (good, bad) = left.split(&memory.differ);
                if !good.lanes().is_empty() {
                    self.run(&good, program, memory);
                    body(state, &good, Some((program, memory)))?;
                }
                left = bad;
            }
            start += ROWS;
        }
    }

    /// Computes many rows from `start` on, if nothing about them needs a look. Returns the first row
    /// that is left.
    fn ahead(
        &self,
        (programs, mode): (&mut Programs, Mode),
        start: usize,
        y_bar: &[f64],
        x_bar: &mut [f64],
        totals: &mut [Block],
    ) -> usize {
        let blocks = self.map.rows().saturating_sub(start) / ROWS;
        let windows = matches!(self.map.gather(), Gather::Window { stride: 1 });
        if blocks == 0 || !windows || self.outputs != Outputs::Sum {
            return start;
        }
        let Some((program, memory)) = programs.first(self.map, mode) else { return start };
        if program.has_guards {
            return start;
        }
        self.seed(&Rows::Range { first: start, count: ROWS, done: 0 }, memory, y_bar);
        let window = [self.x, self.x_dot].map(|all| all.get(start..).unwrap_or_default());
        start + ROWS * program.stretch(memory, window, &mut x_bar[start..], totals, blocks)
    }

    /// The first of full rows that read windows next to each other.
    fn window(&self, rows: &Rows) -> Option<usize> {
        rows.full().filter(|_| matches!(self.map.gather(), Gather::Window { stride: 1 }))
    }

    /// Computes the outputs of some rows; see [`Program::forward`].
    fn run(&self, rows: &Rows, program: &Program, memory: &mut Memory) {
        let from = |entries: &'a [f64], first| entries.get(first..).unwrap_or_default();
        let window =
            self.window(rows).map(|first| [self.x, self.x_dot].map(|all| from(all, first)));
        if window.is_none() {
            self.gather(rows, program, memory);
        }
        program.forward(memory, window);
    }

    /// Adds the derivatives of some rows to the entries that they gather.
    fn scatter(&self, rows: &Rows, program: &Program, memory: &Memory, x_bar: &mut [f64]) {
        for d in &program.derivatives {
            let adjoint = memory.adjoints[d.at as usize].rows();
            for lane in rows.lanes() {
                let place = self.map.index(rows.at(lane), d.input as usize);
                x_bar[place] += d.factor * adjoint[lane];
            }
        }
    }

    /// Puts the cotangents of some rows in place, zeros for what lies beyond them.
    fn seed(&self, rows: &Rows, memory: &mut Memory, y_bar: &[f64]) {
        let all = rows.lanes() == (0..ROWS);
        if self.outputs == Outputs::Sum && all && memory.seeded {
            return;
        }
        memory.seeded = all;
        for (i, seed) in memory.adjoints[..self.q].iter_mut().enumerate() {
            let seed = seed.rows_mut();
            seed.fill(0.0);
            rows.lanes().for_each(|lane| seed[lane] = y_bar[self.output(rows.at(lane), i)]);
        }
    }

    /// The place of output `i` of a row.
    #[inline]
    fn output(&self, row: usize, i: usize) -> usize {
        match self.outputs {
            Outputs::Each => row * self.q + i,
            Outputs::Sum => i,
        }
    }

    /// Fills in the inputs of a row.
    fn input(&self, row: usize, input: &mut [f64]) {
        let (gathered, constants) = input.split_at_mut(self.p);
        for (j, input) in gathered.iter_mut().enumerate() {
            *input = self.x[self.map.index(row, j)];
        }
        constants.copy_from_slice(self.map.constants(row));
    }

    /// Fills in the inputs of some rows; what lies beyond them repeats the last one.
    fn gather(&self, rows: &Rows, program: &Program, memory: &mut Memory) {
        let Task { map, p, .. } = *self;
        let of: [usize; ROWS] = std::array::from_fn(|lane| rows.at(lane));
        for &(input, place) in &program.inputs {
            let (j, x) = match input as usize {
                j if j < program.first_tangent => (j, self.x),
                j => (j - program.first_tangent, self.x_dot),
            };
            let values = memory.values[place as usize].rows_mut();
            let lanes = values.iter_mut().zip(&of);
            match (map.gather(), rows.full()) {
                _ if j >= p => lanes.for_each(|(value, &row)| *value = map.constants(row)[j - p]),
                (Gather::Shared, _) => values.fill(x[j]),
                (Gather::Window { stride }, _) => {
                    lanes.for_each(|(value, row)| *value = x[row * stride + j]);
                }
                (Gather::Table(table), Some(first)) => {
                    let table = table[first * p..].chunks_exact(p);
                    values.iter_mut().zip(table).for_each(|(value, row)| *value = x[row[j]]);
                }
                (Gather::Table(table), None) => {
                    lanes.for_each(|(value, row)| *value = x[table[row * p + j]]);
                }
            }
        }
    }

    /// Writes the outputs of some rows into `y`, or adds them to `totals`.
    fn add_values(
        &self,
        rows: &Rows,
        program: &Program,
        memory: &Memory,
        totals: &mut [Block],
        y: &mut [f64],
    ) {
        for (i, &place) in program.outputs.iter().enumerate() {
            let output = memory.output(place);
            match self.outputs {
                Outputs::Sum => {
                    let totals = &mut totals[i].rows_mut()[rows.lanes()];
                    let output = &output.rows()[rows.lanes()];
                    totals.iter_mut().zip(output).for_each(|(total, output)| *total += output);
                }
                Outputs::Each => {
                    let output = output.rows();
                    rows.lanes().for_each(|lane| y[rows.at(lane) * self.q + i] = output[lane]);
                }
            }
        }
    }

    /// The pullback of one row, on the tape over `f64`.
    fn pull_one(
        &self,
        careful: &mut Workspace<f64>,
        row: usize,
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        scratch::with(self.q + self.p, |buffer: &mut [f64]| {
            let (w, d) = buffer.split_at_mut(self.q);
            w.iter_mut().enumerate().for_each(|(i, w)| *w = y_bar[self.output(row, i)]);
            self.evaluate_one(careful, row, y)?;
            careful.pull(w, d)?;
            d.iter().enumerate().for_each(|(j, d)| x_bar[self.map.index(row, j)] += d);
            Ok(())
        })
    }

    /// The Jacobian block of one row, on the tape over `f64`.
    fn block_one(
        &self,
        careful: &mut Workspace<f64>,
        row: usize,
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        scratch::with(self.q, |w: &mut [f64]| {
            self.evaluate_one(careful, row, y)?;
            for i in 0..self.q {
                w[i] = 1.0;
                careful.pull(w, &mut out[(row * self.q + i) * self.p..][..self.p])?;
                w[i] = 0.0;
            }
            Ok(())
        })
    }

    /// Records one row on the tape over `f64`, and adds its outputs to `y`.
    fn evaluate_one(&self, careful: &mut Workspace<f64>, row: usize, y: &mut [f64]) -> Result<()> {
        let body = self.map.body();
        scratch::with(body.inputs() + self.q, |buffer: &mut [f64]| {
            let (input, output) = buffer.split_at_mut(body.inputs());
            self.input(row, input);
            careful.evaluate_partly(body, self.p, input, output)?;
            output.iter().enumerate().for_each(|(i, value)| y[self.output(row, i)] += value);
            Ok(())
        })
    }
}

/// Goes ahead nowhere.
fn nothing<T>(_: &mut T, _: &mut Programs, start: usize) -> usize {
    start
}

fn add_totals(totals: &[Block], y: &mut [f64]) {
    y.iter_mut().zip(totals).for_each(|(y, total)| *y += total.sum());
}

impl Rows {
    /// The lanes that count.
    fn lanes(&self) -> Range<usize> {
        match *self {
            Rows::Range { count, done, .. } => done..count,
            Rows::List(count, _) => 0..count,
        }
    }

    /// The row in a lane, the last one beyond.
    #[inline]
    fn at(&self, lane: usize) -> usize {
        match *self {
            Rows::Range { first, count, .. } => first + lane.min(count - 1),
            Rows::List(count, ref rows) => rows[lane.min(count - 1)],
        }
    }

    /// The rows that count.
    fn iter(&self) -> impl Iterator<Item = usize> {
        self.lanes().map(|lane| self.at(lane))
    }

    /// The first of as many rows as there can be, one after another.
    fn full(&self) -> Option<usize> {
        match *self {
            Rows::Range { first, count: ROWS, .. } => Some(first),
            _ => None,
        }
    }

    /// Those that are not in `differ`, and those that are.
    fn split(&self, differ: &[bool; ROWS]) -> (Rows, Rows) {
        let [mut same, mut other] = [(0, [0; ROWS]); 2];
        for lane in self.lanes() {
            let (count, rows) = if differ[lane] { &mut other } else { &mut same };
            rows[*count] = self.at(lane);
            *count += 1;
        }
        (Rows::List(same.0, same.1), Rows::List(other.0, other.1))
    }
}
