//! The rows of a map: [`ROWS`] at a time, and in [parts](Parts) that threads share.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use ad_api::{Function, Gather, Map, Result, scratch};

use super::parts::{Parts, Shape, Slices};
use super::program::{
    Block, EIGHT, Library, Memory, Mode, Place, Program, Programs, ROWS, write_blocks,
};
use super::scan;
use super::table::Table;
use crate::backend::{RowOptions, Workspace};
use crate::checkpoints::Limits;
use crate::explanation::ProgramExplanation;

/// Fewer rows than this are not worth a program.
const FEW: usize = 8;

/// Fewer instructions than this, times rows, are not worth a second thread.
///
/// PERF: about 100 µs. Waking a thread takes some 10.
const WORTH_THREADS: usize = 1 << 20;

/// What the rows add up to.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Outputs {
    /// Each row has its own outputs.
    Each,
    /// The rows are summed.
    Sum,
}

/// What rows and loops are computed with.
#[derive(Debug)]
pub(crate) struct Tools {
    options: RowOptions,
    library: Mutex<Library>,
    workers: Vec<Worker>,
    table: Option<Table>,
    /// What the parts have of their own, until they are added up: outputs, derivatives, and the
    /// derivatives with respect to entries that the next part has as well.
    sums: [Vec<f64>; 3],
    pub(crate) scan: scan::Memory,
}

/// What one thread computes with.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    programs: Programs,
    /// Where rows are computed one by one.
    careful: Workspace<f64>,
    /// The sums of the outputs, for each row of a block.
    totals: Vec<Block>,
    /// The derivatives with respect to the entries that a part reads.
    derivatives: Vec<f64>,
}

impl Tools {
    pub(crate) fn new(options: RowOptions, limits: Limits) -> Self {
        Tools {
            options,
            library: Mutex::new(Library::new(options.exact)),
            workers: Vec::new(),
            table: None,
            sums: Default::default(),
            scan: scan::Memory::new(limits),
        }
    }

    /// As new.
    pub(crate) fn fresh(&self) -> Self {
        Self::new(self.options, self.scan.limits)
    }

    /// What has been made, and why the last call had rows without a program, if it had.
    pub(crate) fn explain(&self) -> (Vec<ProgramExplanation>, Option<&'static str>) {
        let library = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        let programs: Vec<&Programs> = self.workers.iter().map(|worker| &worker.programs).collect();
        (library.explain(&programs), programs.iter().find_map(|programs| programs.refused()))
    }

    /// Before a call: all rows, and as many workers as are worth it, at most `most`.
    fn task<'a, F: Function>(
        &'a mut self,
        ((map, outputs), mode): ((&'a Map<F>, Outputs), Mode),
        (x, x_dot): (&'a [f64], &'a [f64]),
        most: usize,
    ) -> (Task<'a, F>, &'a mut [Worker]) {
        let Tools { options, library, workers, table, .. } = self;
        let locked = library.get_mut().unwrap_or_else(PoisonError::into_inner);
        if locked.is_full() {
            locked.clear();
            workers.iter_mut().for_each(|worker| worker.programs.clear());
        }
        let worthwhile = locked.instructions(mode) * map.rows() >= WORTH_THREADS;
        let threads = if worthwhile { options.threads().min(most) } else { 1 };
        if workers.len() < threads {
            workers.resize_with(threads, Worker::default);
        }
        workers.iter_mut().for_each(|worker| worker.programs.clear_refusal());
        if let Gather::Table(of) = map.gather() {
            Table::update(table, of, map.row_inputs());
        }
        let task = Task {
            map,
            outputs,
            x,
            x_dot,
            direction: None,
            library,
            table: table.as_ref(),
            rows: 0..map.rows(),
            p: map.row_inputs(),
            q: map.body().outputs(),
            base: 0,
        };
        (task, &mut workers[..threads])
    }
}

/// Writes the value of the rows into `y`.
pub(crate) fn value<F: Function>(
    tools: &mut Tools,
    rows: (&Map<F>, Outputs),
    x: &[f64],
    y: &mut [f64],
) -> Result<()> {
    let run = |task: &Task<F>, worker: &mut Worker, out: Slices| task.value(worker, out.y);
    over_parts(tools, (rows, Mode::Value), (x, &[]), (y, &mut []), &run).map(|_| ())
}

/// Writes the value of the rows into `y` and their pullback of `y_bar` into `x_bar`.
pub(crate) fn pullback<F: Function>(
    tools: &mut Tools,
    rows: (&Map<F>, Outputs),
    x: &[f64],
    y_bar: &[f64],
    y: &mut [f64],
    x_bar: &mut [f64],
) -> Result<()> {
    let run = |task: &Task<F>, worker: &mut Worker, out: Slices| task.pullback(worker, y_bar, out);
    over_parts(tools, (rows, Mode::Pull), (x, &[]), (y, x_bar), &run).map(|_| ())
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
    let run = |task: &Task<F>, worker: &mut Worker, out: Slices| task.second(worker, w, out);
    over_parts(tools, (rows, Mode::Second), (x, x_dot), (&mut [], hv), &run)
}

/// Writes the value of the rows into `y`, and their Jacobian blocks into `out: rows · q · p`: for each
/// output of the row, the derivatives with respect to the entries that it gathers.
pub(crate) fn blocks<F: Function>(
    tools: &mut Tools,
    map: &Map<F>,
    x: &[f64],
    y: &mut [f64],
    out: &mut [f64],
) -> Result<()> {
    let run = |task: &Task<F>, worker: &mut Worker, out: Slices| task.blocks(worker, out);
    let rows = ((map, Outputs::Each), Mode::Blocks);
    over_parts(tools, rows, (x, &[]), (y, out), &run).map(|_| ())
}

/// Writes the value of the rows into `y`, and their pushforward of `x_dot` into `y_dot`: the derivatives
/// along the tangent come with the values, and nothing is kept for a reverse sweep.
pub(crate) fn pushforward<F: Function>(
    tools: &mut Tools,
    rows: (&Map<F>, Outputs),
    (x, x_dot): (&[f64], &[f64]),
    y: &mut [f64],
    y_dot: &mut [f64],
) -> Result<()> {
    let run = |task: &Task<F>, worker: &mut Worker, out: Slices| task.pushforward(worker, out);
    over_parts(tools, (rows, Mode::Push), (x, x_dot), (y, y_dot), &run).map(|_| ())
}

/// Writes the value of the rows into `y`, and hands on the Jacobian block of each of them; see
/// [`blocks`]. Holds few of them at a time.
pub(crate) fn each_block<F: Function>(
    tools: &mut Tools,
    map: &Map<F>,
    x: &[f64],
    y: &mut [f64],
    mut out: impl FnMut(usize, &[f64]),
) -> Result<()> {
    let (whole, workers) = tools.task(((map, Outputs::Each), Mode::Blocks), (x, &[]), 1);
    let (rows, q, entries) = (map.rows(), whole.q, whole.q * whole.p);
    scratch::with(ROWS.min(rows) * entries, |d: &mut [f64]| {
        for first in (0..rows).step_by(ROWS) {
            let rows = first..rows.min(first + ROWS);
            let (y, d) = (&mut y[rows.start * q..rows.end * q], &mut d[..rows.len() * entries]);
            let task = Task { rows: rows.clone(), ..whole };
            task.blocks(&mut workers[0], Slices { y, d, common: &mut [] })?;
            rows.zip(d.chunks_exact(entries.max(1))).for_each(|(row, block)| out(row, block));
        }
        Ok(())
    })
}

/// Adds the Hessian of `Σ w yᵢ` to `hessian: n·n`, column by column, from what each row has for each pair
/// of its inputs. Returns false if that must be computed in another way.
pub(crate) fn hessian<F: Function>(
    tools: &mut Tools,
    rows: (&Map<F>, Outputs),
    x: &[f64],
    w: &[f64],
    hessian: &mut [f64],
) -> Result<bool> {
    let (whole, workers) = tools.task((rows, Mode::Second), (x, &[]), 1);
    for direction in 0..whole.p {
        let task = Task { direction: Some(direction), rows: whole.rows.clone(), ..whole };
        if !task.hessian(&mut workers[0], w, hessian)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Calls `run` for each part of the rows, and adds up what they have in common. Returns whether all
/// of them returned true.
fn over_parts<F: Function>(
    tools: &mut Tools,
    ((map, outputs), mode): ((&Map<F>, Outputs), Mode),
    (x, x_dot): (&[f64], &[f64]),
    (y, d): (&mut [f64], &mut [f64]),
    run: &(impl Fn(&Task<F>, &mut Worker, Slices) -> Result<bool> + Sync),
) -> Result<bool> {
    let shape = Shape::new(map, outputs, mode);
    let parts = Parts::new(map, shape);
    let mut sums = std::mem::take(&mut tools.sums);
    let (whole, workers) = tools.task(((map, outputs), mode), (x, x_dot), parts.count);
    let result = parts.run(workers, (y, d), &mut sums, &|part, worker, slices| {
        let rows = parts.rows(part);
        let base = match map.gather() {
            Gather::Window { stride } => rows.start * stride,
            _ => 0,
        };
        run(&Task { rows, base, ..whole }, worker, slices)
    });
    tools.sums = sums;
    result
}

/// A sweep over a part of the rows at `x`.
struct Task<'a, F> {
    map: &'a Map<F>,
    outputs: Outputs,
    x: &'a [f64],
    /// A tangent, where one is needed.
    x_dot: &'a [f64],
    /// Or the tangent is 1 for this input of each row, and 0 for the others.
    direction: Option<usize>,
    library: &'a Mutex<Library>,
    table: Option<&'a Table>,
    rows: Range<usize>,
    /// The numbers of inputs that a row gathers, and of its outputs.
    p: usize,
    q: usize,
    /// The first entry of `x` that the part has derivatives for.
    base: usize,
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
    fn value(&self, worker: &mut Worker, y: &mut [f64]) -> Result<bool> {
        self.start(worker);
        let Worker { programs, totals, .. } = worker;
        y.fill(0.0);
        if self.stretch((programs, Mode::Value), &[], &mut [], totals) == Some(true) {
            add_totals(totals, y);
            return Ok(true);
        }
        let one = |row, y: &mut [f64]| {
            scratch::with(self.map.body().inputs() + self.q, |buffer: &mut [f64]| {
                let (input, output) = buffer.split_at_mut(self.map.body().inputs());
                self.input(row, input);
                self.map.body().eval(input, output)?;
                output.iter().enumerate().for_each(|(i, value)| y[self.output(row, i)] += value);
                Ok(())
            })
        };
        self.each(programs, Mode::Value, |rows, run| {
            let Some((program, memory)) = run else {
                return rows.iter().try_for_each(|row| one(row, y));
            };
            self.add_outputs(rows, (&program.outputs, memory), totals, y);
            Ok(())
        })?;
        add_totals(totals, y);
        Ok(true)
    }

    fn pullback(&self, worker: &mut Worker, y_bar: &[f64], out: Slices) -> Result<bool> {
        self.start(worker);
        let Worker { programs, careful, totals, derivatives } = worker;
        let Slices { y, d, common } = out;
        y.fill(0.0);
        let mut pull = |x_bar: &mut [f64]| {
            if self.stretch((programs, Mode::Pull), y_bar, x_bar, totals) == Some(true) {
                add_totals(totals, y);
                return Ok(());
            }
            self.pull_slowly((programs, careful, totals), y_bar, y, x_bar)
        };
        if self.apart(derivatives) {
            pull(derivatives)?;
            hand_over(derivatives, d, common);
        } else {
            pull(d)?;
        }
        Ok(true)
    }

    /// The pullback block by block.
    fn pull_slowly(
        &self,
        (programs, careful, totals): (&mut Programs, &mut Workspace<f64>, &mut [Block]),
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        programs.start();
        totals.fill(Block::ZERO);
        x_bar.fill(0.0);
        self.each(programs, Mode::Pull, |rows, run| {
            let Some((program, memory)) = run else {
                return rows
                    .iter()
                    .try_for_each(|row| self.pull_one(careful, row, y_bar, y, x_bar));
            };
            self.seed(rows, memory, y_bar);
            let window = self.window(rows).map(|first| &mut x_bar[first - self.base..]);
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
                self.add_outputs(rows, (&program.outputs, memory), totals, y);
            }
            Ok(())
        })?;
        let mut nan = false;
        programs.used(Mode::Pull, |program, memory| {
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
            return (self.rows.clone())
                .try_for_each(|row| self.pull_one(careful, row, y_bar, y, x_bar));
        }
        add_totals(totals, y);
        Ok(())
    }

    fn second(&self, worker: &mut Worker, w: &[f64], out: Slices) -> Result<bool> {
        self.start(worker);
        let Worker { programs, derivatives, .. } = worker;
        let Slices { d, common, .. } = out;
        if self.apart(derivatives) {
            let fine = match self.stretch((programs, Mode::Second), w, derivatives, &mut []) {
                Some(fine) => fine,
                None => self.second_slowly(programs, w, derivatives)?,
            };
            hand_over(derivatives, d, common);
            return Ok(fine);
        }
        self.second_slowly(programs, w, d)
    }

    /// Products with the Hessian block by block.
    fn second_slowly(&self, programs: &mut Programs, w: &[f64], hv: &mut [f64]) -> Result<bool> {
        hv.fill(0.0);
        let mut fine = true;
        self.each(programs, Mode::Second, |rows, run| {
            let Some((program, memory)) = run.filter(|_| fine) else {
                fine = false;
                return Ok(());
            };
            self.seed(rows, memory, w);
            let window = self.window(rows).map(|first| &mut hv[first - self.base..]);
            let scattered = window.is_some();
            fine = program.reverse(memory, window, &mut []);
            if !scattered {
                self.scatter(rows, program, memory, hv);
            }
            Ok(())
        })?;
        programs.used(Mode::Second, |program, memory| {
            program.finish(memory);
            for &(input, place) in &program.shared_derivatives {
                fine &= memory.sums[place as usize].is_finite();
                hv[input as usize] += memory.sums[place as usize];
            }
        });
        Ok(fine)
    }

    /// Adds the column of [`direction`](Self::direction) of each row's Hessian to `hessian`.
    fn hessian(&self, worker: &mut Worker, w: &[f64], hessian: &mut [f64]) -> Result<bool> {
        self.start(worker);
        let (n, column) = (self.map.inputs(), self.direction.unwrap_or_default());
        let mut fine = true;
        self.each(&mut worker.programs, Mode::Second, |rows, run| {
            let Some((program, memory)) = run.filter(|_| fine) else {
                fine = false;
                return Ok(());
            };
            self.seed(rows, memory, w);
            fine = program.reverse(memory, None, &mut []);
            for d in &program.derivatives {
                let adjoint = memory.adjoints[d.at as usize].rows();
                for lane in rows.lanes() {
                    let row = rows.at(lane);
                    let place = |input| self.map.index(row, input);
                    hessian[place(d.input as usize) + place(column) * n] +=
                        d.factor * adjoint[lane];
                }
            }
            Ok(())
        })?;
        Ok(fine)
    }

    fn pushforward(&self, worker: &mut Worker, out: Slices) -> Result<bool> {
        self.start(worker);
        let Worker { programs, careful, totals, .. } = worker;
        let Slices { y, d: y_dot, .. } = out;
        let (q, sums) = (self.q, totals.len());
        totals.resize(2 * sums, Block::ZERO);
        y.fill(0.0);
        y_dot.fill(0.0);
        let fine = self.stretch((programs, Mode::Push), &[], &mut [], totals);
        if fine.is_none() || !totals[sums..].iter().all(Block::is_finite) {
            programs.start();
            totals.fill(Block::ZERO);
            self.each(programs, Mode::Push, |rows, run| {
                let finite = run.filter(|(program, memory)| {
                    let mut tangents = program.outputs[q..].iter();
                    tangents.all(|&place| memory.output(place).is_finite())
                });
                let Some((program, memory)) = finite else {
                    return rows.iter().try_for_each(|row| self.push_one(careful, row, y, y_dot));
                };
                let (values, tangents) = program.outputs.split_at(q);
                let (totals, totals_dot) = totals.split_at_mut(sums);
                self.add_outputs(rows, (values, memory), totals, y);
                self.add_outputs(rows, (tangents, memory), totals_dot, y_dot);
                Ok(())
            })?;
        }
        add_totals(&totals[..sums], y);
        add_totals(&totals[sums..], y_dot);
        Ok(true)
    }

    fn blocks(&self, worker: &mut Worker, out: Slices) -> Result<bool> {
        self.start(worker);
        let Worker { programs, careful, totals, .. } = worker;
        let Slices { y, d: out, .. } = out;
        y.fill(0.0);
        let entries = self.q * self.p;
        self.each(programs, Mode::Blocks, |rows, run| {
            let Some((program, memory)) = run else {
                return rows.iter().try_for_each(|row| self.block_one(careful, row, y, out));
            };
            memory.adjoints[0] = Block::ONE;
            if !program.reverse(memory, None, &mut []) {
                return rows.iter().try_for_each(|row| self.block_one(careful, row, y, out));
            }
            if let Some(first) = rows.full().filter(|_| rows.lanes() == (0..ROWS)) {
                let out = &mut out[(first - self.rows.start) * entries..][..ROWS * entries];
                write_blocks(&program.entries, &memory.adjoints, out);
            } else {
                for lane in rows.lanes() {
                    let first = (rows.at(lane) - self.rows.start) * entries;
                    let block = out[first..][..entries].iter_mut().zip(&program.entries);
                    for (out, &(at, factor)) in block {
                        *out = factor * memory.adjoints[at as usize].rows()[lane];
                    }
                }
            }
            self.add_outputs(rows, (&program.outputs, memory), totals, y);
            Ok(())
        })?;
        Ok(true)
    }

    fn start(&self, Worker { programs, totals, .. }: &mut Worker) {
        programs.start();
        totals.clear();
        let sums = if self.outputs == Outputs::Sum { self.q } else { 0 };
        totals.resize(sums, Block::ZERO);
    }

    /// Whether the derivatives are gathered in `derivatives`, which is as long as needed then: parts
    /// that read windows have entries in common.
    fn apart(&self, derivatives: &mut Vec<f64>) -> bool {
        let Gather::Window { stride } = *self.map.gather() else { return false };
        // Room for the last eight rows to be handled together.
        derivatives.resize(self.rows.len().saturating_sub(1) * stride + self.p.max(EIGHT + 1), 0.0);
        true
    }

    /// Calls `body` with all rows, some at a time: with a program that has computed their values, or
    /// without one for rows that must be computed in another way.
    fn each(
        &self,
        programs: &mut Programs,
        mode: Mode,
        mut body: impl FnMut(&Rows, Option<(&Program, &mut Memory)>) -> Result<()>,
    ) -> Result<()> {
        let Range { start, end } = self.rows;
        for from in (start..end).step_by(ROWS) {
            // The last block is full as well if there are rows enough.
            let first = from.min(end.saturating_sub(ROWS)).max(start);
            let mut left = Rows::Range { first, count: ROWS.min(end - first), done: from - first };
            let mut tried = 0;
            while !left.lanes().is_empty() {
                let row = left.at(left.lanes().start);
                let run = self.program(programs, (mode, tried), row);
                let Some((program, memory)) = run else {
                    body(&left, None)?;
                    break;
                };
                tried += 1;
                self.run(&left, program, memory);
                if !program.has_guards || !memory.differ[left.lanes()].contains(&true) {
                    body(&left, Some((program, memory)))?;
                    break;
                }
                let (good, bad) = left.split(&memory.differ);
                if !good.lanes().is_empty() {
                    self.run(&good, program, memory);
                    body(&good, Some((program, memory)))?;
                }
                left = bad;
            }
        }
        Ok(())
    }

    /// The program that `row` tries after `tried` others.
    fn program<'p>(
        &self,
        programs: &'p mut Programs,
        (mode, tried): (Mode, usize),
        row: usize,
    ) -> Option<(&'p Program, &'p mut Memory)> {
        if self.map.rows() < FEW {
            return None;
        }
        let alone = Rows::Range { first: row, count: 1, done: 0 };
        programs.next(
            (self.library, self.map),
            ((self.x, self.x_dot), mode, tried),
            |input| self.input(row, input),
            |program, memory| {
                self.run(&alone, program, memory);
                !memory.differ[0]
            },
        )
    }

    /// Computes all rows, where that needs no look at single ones; see [`Program::stretch`].
    fn stretch(
        &self,
        (programs, mode): (&mut Programs, Mode),
        y_bar: &[f64],
        x_bar: &mut [f64],
        totals: &mut [Block],
    ) -> Option<bool> {
        let windows = matches!(self.map.gather(), Gather::Window { stride: 1 });
        if !windows || self.outputs != Outputs::Sum || self.rows.len() < ROWS || self.p > EIGHT {
            return None;
        }
        let (program, memory) = self.program(programs, (mode, 0), self.rows.start)?;
        if program.has_guards {
            return None;
        }
        let window = [self.x, self.x_dot].map(|all| all.get(self.rows.start..).unwrap_or_default());
        Some(program.stretch(memory, window, y_bar, (x_bar, totals), self.rows.len()))
    }

    /// The first of full rows that read windows next to each other.
    fn window(&self, rows: &Rows) -> Option<usize> {
        let windows = matches!(self.map.gather(), Gather::Window { stride: 1 });
        rows.full().filter(|_| windows && self.direction.is_none())
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
                let place = self.map.index(rows.at(lane), d.input as usize) - self.base;
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
            rows.lanes().for_each(|lane| seed[lane] = y_bar[self.weight(rows.at(lane), i)]);
        }
    }

    /// The place of output `i` of a row among those of all rows.
    #[inline]
    fn weight(&self, row: usize, i: usize) -> usize {
        match self.outputs {
            Outputs::Each => row * self.q + i,
            Outputs::Sum => i,
        }
    }

    /// The place of output `i` of a row among those of the part.
    #[inline]
    fn output(&self, row: usize, i: usize) -> usize {
        self.weight(row - self.rows.start, i)
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
        let (map, p) = (self.map, self.p);
        let of: [usize; ROWS] = std::array::from_fn(|lane| rows.at(lane));
        for &(input, place) in &program.inputs {
            let (j, x) = match input as usize {
                j if j < program.first_tangent => (j, self.x),
                j => (j - program.first_tangent, self.x_dot),
            };
            let values = memory.values[place as usize].rows_mut();
            if let Some(direction) =
                self.direction.filter(|_| input as usize >= program.first_tangent)
            {
                values.fill(if j == direction { 1.0 } else { 0.0 });
                continue;
            }
            let lanes = values.iter_mut().zip(&of);
            if let Some(columns) = self.table.zip(rows.full()).and_then(|(t, first)| t.block(first))
                && j < p
            {
                let indices = values.iter_mut().zip(&columns[j]);
                indices.for_each(|(value, &index)| *value = x[index as usize]);
                continue;
            }
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

    /// Writes outputs of some rows into `y`, or adds them to `totals`.
    fn add_outputs(
        &self,
        rows: &Rows,
        (outputs, memory): (&[Place], &Memory),
        totals: &mut [Block],
        y: &mut [f64],
    ) {
        for (i, &place) in outputs.iter().enumerate() {
            let output = memory.output(place);
            match self.outputs {
                Outputs::Sum => {
                    let totals = &mut totals[i].rows_mut()[rows.lanes()];
                    let output = &output.rows()[rows.lanes()];
                    totals.iter_mut().zip(output).for_each(|(total, output)| *total += output);
                }
                Outputs::Each => {
                    let output = output.rows();
                    rows.lanes().for_each(|lane| y[self.output(rows.at(lane), i)] = output[lane]);
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
        sums: &mut [f64],
    ) -> Result<()> {
        scratch::with(self.q + self.p, |buffer: &mut [f64]| {
            let (w, d) = buffer.split_at_mut(self.q);
            w.iter_mut().enumerate().for_each(|(i, w)| *w = y_bar[self.weight(row, i)]);
            self.evaluate_one(careful, row, y)?;
            careful.pull(w, d)?;
            let x_bar = d.iter().enumerate().map(|(j, d)| (self.map.index(row, j) - self.base, d));
            x_bar.for_each(|(place, d)| sums[place] += d);
            Ok(())
        })
    }

    /// The pushforward of one row, on the tape over `f64`.
    fn push_one(
        &self,
        careful: &mut Workspace<f64>,
        row: usize,
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        scratch::with(self.p + self.q, |buffer: &mut [f64]| {
            let (v, d) = buffer.split_at_mut(self.p);
            v.iter_mut().enumerate().for_each(|(j, v)| *v = self.x_dot[self.map.index(row, j)]);
            self.evaluate_one(careful, row, y)?;
            careful.push(v, d)?;
            d.iter().enumerate().for_each(|(i, d)| y_dot[self.output(row, i)] += d);
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
                let first = ((row - self.rows.start) * self.q + i) * self.p;
                careful.pull(w, &mut out[first..][..self.p])?;
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

/// Writes the derivatives of a part to their place, those that the next part has as well to `common`.
fn hand_over(from: &[f64], to: &mut [f64], common: &mut [f64]) {
    let (own, rest) = from.split_at(from.len().min(to.len()));
    let rest = &rest[..rest.len().min(common.len())];
    to[..own.len()].copy_from_slice(own);
    to[own.len()..].fill(0.0);
    common[..rest.len()].copy_from_slice(rest);
    common[rest.len()..].fill(0.0);
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
