//! Loops: the step as a program that runs forwards and back; else with few inputs the whole Jacobian as
//! static tangents that the loop carries, with many a tape of one step at a time.

mod areas;
mod interpreter;
#[cfg(feature = "jit")]
mod machine;
#[cfg(not(feature = "jit"))]
#[path = "scan/no_machine.rs"]
mod machine;
mod plan;
mod program;
mod reverse;

use std::ops::Range;

use ad_api::{Function, Result, Scan, scratch};

use super::jet::Jet;
use crate::backend::Workspace;
use crate::checkpoints::{Checkpoints, Limits, Schedule};
use crate::explanation::LoopExplanation;
pub(crate) use program::Loops;
use program::Run;
use reverse::{Layout, Reverse, reverse};

/// How loops are reversed, and the memory for it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) limits: Limits,
    loops: Loops,
    schedule: Schedule,
    kept: Vec<f64>,
    /// How the last loop was reversed.
    layout: Option<Layout>,
}

impl Memory {
    pub(crate) fn new(limits: Limits) -> Self {
        Memory { limits, ..Self::default() }
    }

    /// How the last loop was reversed.
    pub(crate) fn explain(&self) -> Option<LoopExplanation> {
        let layout = self.layout?;
        Some(LoopExplanation {
            steps: layout.steps,
            checkpoints: layout.checkpoints,
            recorded_steps: layout.stretch.min(layout.steps),
            evaluations: layout.evaluations(),
            bytes: size_of_val(&self.kept[..]) + self.loops.bytes(),
            programs: self.loops.explain(),
        })
    }

    /// Why there is no program for the step, if so.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        self.loops.refused()
    }
}

/// Writes the value into `y` and the pullback of each of the cotangents `y_bar: k·m` into
/// `x_bar: k·n`, by programs for the step. Returns false if they must be computed in another way.
pub(crate) fn by_programs<F: Function>(
    memory: &mut Memory,
    f: &Scan<F>,
    x: &[f64],
    y_bar: &[f64],
    y: &mut [f64],
    x_bar: &mut [f64],
) -> Result<bool> {
    let Memory { limits, loops, schedule, kept, layout } = memory;
    if loops.refused().is_some() {
        return Ok(false);
    }
    let (sums, last) = y.split_at_mut(f.step().outputs() - f.state());
    let mut run = Run { loops, f, x, y_bar, sums, last };
    run.start();
    let Some(stride) = run.stride() else { return Ok(false) };
    let bytes = (stride * size_of::<f64>(), f.state() * size_of::<f64>());
    let found = Layout::new(limits.checkpoints, limits.budget, f.steps(), bytes);
    kept.resize(found.checkpoints * f.state(), 0.0);
    *layout = Some(found);
    Ok(reverse(&mut run, found, schedule, kept)? && run.finish(x_bar))
}

/// Writes the value into `y` and the Jacobian into `jacobian: m·n`, column by column, by programs for the
/// step: a pullback for each of a few outputs. Returns false if they must be computed in another way.
pub(crate) fn jacobian_by_programs<F: Function>(
    memory: &mut Memory,
    f: &Scan<F>,
    x: &[f64],
    y: &mut [f64],
    jacobian: &mut [f64],
) -> Result<bool> {
    let (n, m) = (x.len(), y.len());
    if m > FEW {
        return Ok(false);
    }
    scratch::with(m * m + m * n, |buffer: &mut [f64]| {
        let (w, rows) = buffer.split_at_mut(m * m);
        w.fill(0.0);
        w.iter_mut().step_by(m + 1).for_each(|w| *w = 1.0);
        let done = by_programs(memory, f, x, w, y, rows)?;
        for (i, row) in rows.chunks_exact(n).enumerate() {
            row.iter().enumerate().for_each(|(j, &d)| jacobian[i + j * m] = d);
        }
        Ok(done)
    })
}

/// Whether a tape of the whole loop is larger than it may be, by that of the first step.
pub(crate) fn is_long<F: Function>(
    work: &mut Workspace<f64>,
    memory: &Memory,
    f: &Scan<F>,
    x: &[f64],
) -> Result<bool> {
    let budget = match memory.limits.checkpoints {
        Checkpoints::All => return Ok(false),
        Checkpoints::Automatic => memory.limits.budget,
        _ => return Ok(true),
    };
    if f.steps() == 0 {
        return Ok(false);
    }
    let (n, inputs) = (x.len(), f.step().inputs());
    scratch::with(inputs + f.step().outputs(), |buffer: &mut [f64]| {
        let (input, output) = buffer.split_at_mut(inputs);
        input[..n].copy_from_slice(x);
        input[n..].copy_from_slice(f.constants(0));
        work.evaluate_partly(f.step(), n, input, output)?;
        Ok(work.tape_bytes().saturating_mul(f.steps()) > budget)
    })
}

/// Whether a loop with so many inputs is first tried with programs.
pub(crate) fn has_programs(inputs: usize) -> bool {
    // PERF: static tangents are faster than programs without machine code.
    cfg!(feature = "jit") || inputs > FEW
}

/// Up to this many inputs there are static tangents, and up to this many outputs a pullback for each.
pub(crate) const FEW: usize = 8;

/// Writes the value into `y` and the Jacobian into `jacobian: m·n`, column by column; `n ≤` [`FEW`].
/// Returns false if they must be computed in another way.
///
/// Tangents cost by the pair.
pub(crate) fn jacobian<F: Function>(
    f: &Scan<F>,
    x: &[f64],
    y: &mut [f64],
    jacobian: &mut [f64],
) -> bool {
    match x.len() {
        0..=2 => forward::<1, F>(f, x, y, jacobian),
        3..=4 => forward::<2, F>(f, x, y, jacobian),
        5..=6 => forward::<3, F>(f, x, y, jacobian),
        _ => forward::<{ FEW / 2 }, F>(f, x, y, jacobian),
    }
    .is_ok()
        && !jacobian.iter().any(|d| d.is_nan())
}

fn forward<const P: usize, F: Function>(
    f: &Scan<F>,
    x: &[f64],
    y: &mut [f64],
    jacobian: &mut [f64],
) -> Result<()> {
    scratch::with(x.len() + y.len(), |buffer: &mut [Jet<P>]| {
        let (input, output) = buffer.split_at_mut(x.len());
        input.iter_mut().zip(x).enumerate().for_each(|(j, (jet, &x))| *jet = Jet::input(x, j));
        f.eval(input, output)?;
        y.iter_mut().zip(&*output).for_each(|(y, jet)| *y = jet.re);
        for (j, column) in jacobian.chunks_exact_mut(y.len()).enumerate() {
            column.iter_mut().zip(&*output).for_each(|(d, jet)| *d = jet.tangent(j));
        }
        Ok(())
    })
}

/// Writes the value into `y` and the pullback of each of the cotangents `y_bar: k·m` into
/// `x_bar: k·n`: the loop forwards, then a tape of each step backwards, from states that are kept.
///
/// # References
///
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, chapter 12.
pub(crate) fn by_tapes<F: Function>(
    (work, memory): (&mut Workspace<f64>, &mut Memory),
    f: &Scan<F>,
    x: &[f64],
    y_bar: &[f64],
    y: &mut [f64],
    x_bar: &mut [f64],
) -> Result<()> {
    let (n, m, state) = (f.inputs(), f.outputs(), f.state());
    let (inputs, outputs, parameters) = (f.step().inputs(), f.step().outputs(), n - state);
    let (readouts, k) = (outputs - state, y_bar.len() / m.max(1));
    let bytes = state * size_of::<f64>();
    let Memory { limits, schedule, kept, layout: last_layout, .. } = memory;
    // The record of a step is the state before it.
    let layout = Layout::new(limits.checkpoints, limits.budget, f.steps(), (bytes, bytes));
    kept.resize(layout.checkpoints * state, 0.0);
    *last_layout = Some(layout);
    x_bar.fill(0.0);
    for (x_bar, y_bar) in x_bar.chunks_exact_mut(n).zip(y_bar.chunks_exact(m)) {
        x_bar[parameters..][..m - readouts].copy_from_slice(&y_bar[readouts..]);
    }
    let (sums, last) = y.split_at_mut(readouts);
    sums.fill(0.0);
    last.copy_from_slice(&x[parameters..][..last.len()]);
    let sizes = [layout.stretch.min(f.steps()) * state, inputs, outputs, k * outputs, k * n];
    scratch::with(sizes.iter().sum(), |buffer: &mut [f64]| {
        let mut rest = buffer;
        let [states, input, output, w, d] = sizes.map(|size| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(size);
            rest = after;
            part
        });
        input[..n].copy_from_slice(x);
        let mut tapes = Tapes { work, f, y_bar, sums, last, x_bar, states, input, output, w, d };
        reverse(&mut tapes, layout, schedule, kept).map(|_| ())
    })
}

/// A pullback in progress, by tapes of single steps.
struct Tapes<'a, F> {
    work: &'a mut Workspace<f64>,
    f: &'a Scan<F>,
    y_bar: &'a [f64],
    sums: &'a mut [f64],
    last: &'a mut [f64],
    x_bar: &'a mut [f64],
    /// The states before some steps.
    states: &'a mut [f64],
    /// The inputs of a step, with the state at hand, and its outputs.
    input: &'a mut [f64],
    output: &'a mut [f64],
    /// The cotangents of a step, and what is pulled back.
    w: &'a mut [f64],
    d: &'a mut [f64],
}

impl<F: Function> Tapes<'_, F> {
    /// Does one step.
    fn step(&mut self, step: usize, first: bool) -> Result<()> {
        let (n, state) = (self.f.inputs(), self.f.state());
        self.input[n..].copy_from_slice(self.f.constants(step));
        self.f.step().eval(self.input, self.output)?;
        self.input[n - state..n].copy_from_slice(&self.output[..state]);
        if first {
            let readouts = &self.output[state..];
            self.sums.iter_mut().zip(readouts).for_each(|(y, readout)| *y += readout);
        }
        Ok(())
    }
}

impl<F: Function> Reverse for Tapes<'_, F> {
    fn state(&mut self) -> &mut [f64] {
        let n = self.f.inputs();
        &mut self.input[n - self.f.state()..n]
    }

    fn advance(&mut self, mut steps: Range<usize>, first: bool) -> Result<bool> {
        steps.try_for_each(|step| self.step(step, first))?;
        Ok(true)
    }

    fn reverse(&mut self, steps: Range<usize>, first: bool) -> Result<bool> {
        let (n, m, state) = (self.f.inputs(), self.f.outputs(), self.f.state());
        let (outputs, parameters) = (self.f.step().outputs(), n - state);
        for (i, step) in steps.clone().enumerate() {
            self.states[i * state..(i + 1) * state].copy_from_slice(&self.input[parameters..n]);
            if first || step + 1 < steps.end {
                self.step(step, first)?;
            }
        }
        if first {
            let last = self.last.len();
            self.last.copy_from_slice(&self.input[parameters..n][..last]);
        }
        for (i, step) in steps.enumerate().rev() {
            self.input[parameters..n].copy_from_slice(&self.states[i * state..(i + 1) * state]);
            self.input[n..].copy_from_slice(self.f.constants(step));
            self.work.evaluate_partly(self.f.step(), n, self.input, self.output)?;
            for (w, (x_bar, y_bar)) in (self.w.chunks_exact_mut(outputs))
                .zip(self.x_bar.chunks_exact(n).zip(self.y_bar.chunks_exact(m)))
            {
                w[..state].copy_from_slice(&x_bar[parameters..]);
                w[state..].copy_from_slice(&y_bar[..outputs - state]);
            }
            self.work.pull(self.w, self.d)?;
            for (x_bar, d) in self.x_bar.chunks_exact_mut(n).zip(self.d.chunks_exact(n)) {
                x_bar[..parameters].iter_mut().zip(d).for_each(|(x_bar, d)| *x_bar += d);
                x_bar[parameters..].copy_from_slice(&d[parameters..]);
            }
        }
        Ok(true)
    }
}
