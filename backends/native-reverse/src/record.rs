//! A recorded evaluation with its outputs, and the memory to sweep it.

use std::ops::Range;

use ad_api::{Function, Lift, Result, Scalar};

use crate::sweep;
use crate::tape::{self, NONE, Tape};
use crate::var::Var;

/// The most seeds that share a sweep.
///
/// PERF: a reverse sweep takes 2.1 ns an operation for one seed, 1.3 a seed for four, 0.9 for eight;
/// sixteen lanes are a tenth faster, take twice the memory, and are slower up to eight seeds.
pub(crate) const LANES: usize = 8;

/// A tape, and where the outputs of the function are on it.
///
/// What a linearization keeps: it is immutable, and both products come from it.
#[derive(Debug)]
pub(crate) struct Record<S: Scalar> {
    tape: Tape<S>,
    /// The variable of each output, [`NONE`] for a constant.
    outputs: Vec<u32>,
}

impl<S: Scalar> Default for Record<S> {
    fn default() -> Self {
        Record { tape: Tape::default(), outputs: Vec::new() }
    }
}

impl<S: Scalar> Record<S> {
    /// Records `f` at `x` in place of what was recorded before, and writes `f(x)` into `y`.
    ///
    /// `variables` is working memory.
    pub(crate) fn evaluate<F: Function>(
        &mut self,
        f: &F,
        x: &[S],
        y: &mut [S],
        variables: &mut Vec<Var<S>>,
    ) -> Result<()> {
        self.evaluate_partly(f, x.len(), x, y, variables)
    }

    /// As [`evaluate`](Self::evaluate), with only the first `active` inputs as variables: the others
    /// are constants, and no inputs of the record.
    pub(crate) fn evaluate_partly<F: Function>(
        &mut self,
        f: &F,
        active: usize,
        x: &[S],
        y: &mut [S],
        variables: &mut Vec<Var<S>>,
    ) -> Result<()> {
        let Record { tape, outputs } = self;
        tape.start(active);
        outputs.clear();
        variables.clear();
        tape::record(tape, |id| {
            let (active, constant) = x.split_at(active);
            variables.extend(active.iter().zip(0..).map(|(&x, index)| Var::active(x, index, id)));
            variables.extend(constant.iter().map(|&x| Var::constant(x)));
            variables.resize(x.len() + y.len(), Var::from(0.0));
            let (input, output) = variables.split_at_mut(x.len());
            f.eval(input, output)?;
            for (y, output) in y.iter_mut().zip(output) {
                outputs.push(output.index_in(id));
                *y = output.inner();
            }
            Ok(())
        })
    }

    /// Gives unused memory back.
    pub(crate) fn shrink(&mut self) {
        self.tape.shrink();
        self.outputs.shrink_to_fit();
    }

    /// The number of inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.tape.inputs()
    }

    /// The number of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// How large the tape is.
    pub(crate) fn bytes(&self) -> usize {
        self.tape.bytes()
    }

    /// The number of recorded statements.
    pub(crate) fn statements(&self) -> usize {
        self.tape.variables() - self.tape.inputs()
    }
}

/// The memory of sweeps, by the number of lanes.
#[derive(Debug)]
pub(crate) struct Lanes<S> {
    one: Memory<S, 1>,
    few: Memory<S, 4>,
    several: Memory<S, LANES>,
}

impl<S> Default for Lanes<S> {
    fn default() -> Self {
        Lanes { one: Memory::default(), few: Memory::default(), several: Memory::default() }
    }
}

impl<S: Scalar> Lanes<S> {
    /// How large they are.
    pub(crate) fn bytes(&self) -> usize {
        let Lanes { one, few, several } = self;
        size_of_val(&one.variables[..])
            + size_of_val(&few.variables[..])
            + size_of_val(&several.variables[..])
    }

    /// Writes `J v` into `y_dot: k·m` for each of the `k` tangents in `x_dot: k·n`.
    pub(crate) fn pushforward(
        &mut self,
        record: &Record<S>,
        k: usize,
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let (n, m) = (record.inputs(), record.outputs());
        self.forward(record, k, |s, j| x_dot[s * n + j], |s, i, d| y_dot[s * m + i] = d)
    }

    /// Writes `Jᵀ w` into `x_bar: k·n` for each of the `k` cotangents in `y_bar: k·m`.
    pub(crate) fn pullback(
        &mut self,
        record: &Record<S>,
        k: usize,
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let (n, m) = (record.inputs(), record.outputs());
        self.reverse(record, k, |s, i| y_bar[s * m + i], |s, j, d| x_bar[s * n + j] = d)
    }

    /// Writes `J` into `jacobian: m·n`, column by column, in the direction that has fewer seeds.
    pub(crate) fn jacobian(&mut self, record: &Record<S>, jacobian: &mut [S]) -> Result<()> {
        let (n, m) = (record.inputs(), record.outputs());
        let unit = |s, i| S::from(if s == i { 1.0 } else { 0.0 });
        if n <= m {
            self.forward(record, n, unit, |j, i, d| jacobian[i + j * m] = d)
        } else {
            self.reverse(record, m, unit, |i, j, d| jacobian[i + j * m] = d)
        }
    }

    /// Sweeps `k` tangents, given by seed and input, to derivatives, given by seed and output.
    fn forward(
        &mut self,
        record: &Record<S>,
        k: usize,
        seed: impl Fn(usize, usize) -> S,
        mut out: impl FnMut(usize, usize, S),
    ) -> Result<()> {
        for first in (0..k).step_by(LANES) {
            let block = first..k.min(first + LANES);
            match block.len() {
                1 => self.one.forward(record, block, &seed, &mut out)?,
                2..=4 => self.few.forward(record, block, &seed, &mut out)?,
                _ => self.several.forward(record, block, &seed, &mut out)?,
            }
        }
        Ok(())
    }

    /// Sweeps `k` cotangents, given by seed and output, to derivatives, given by seed and input.
    fn reverse(
        &mut self,
        record: &Record<S>,
        k: usize,
        seed: impl Fn(usize, usize) -> S,
        mut out: impl FnMut(usize, usize, S),
    ) -> Result<()> {
        for first in (0..k).step_by(LANES) {
            let block = first..k.min(first + LANES);
            match block.len() {
                1 => self.one.reverse(record, block, &seed, &mut out)?,
                2..=4 => self.few.reverse(record, block, &seed, &mut out)?,
                _ => self.several.reverse(record, block, &seed, &mut out)?,
            }
        }
        Ok(())
    }
}

/// `L` derivatives for each variable of a record.
#[derive(Debug)]
struct Memory<S, const L: usize> {
    variables: Vec<[S; L]>,
    /// Whether all of them are zero: reverse sweeps need that and leave it so, forward ones do not.
    zero: bool,
}

impl<S, const L: usize> Default for Memory<S, L> {
    fn default() -> Self {
        Memory { variables: Vec::new(), zero: true }
    }
}

impl<S: Scalar, const L: usize> Memory<S, L> {
    fn forward(
        &mut self,
        record: &Record<S>,
        seeds: Range<usize>,
        seed: &impl Fn(usize, usize) -> S,
        out: &mut impl FnMut(usize, usize, S),
    ) -> Result<()> {
        self.zero = false;
        self.sized(record, |tangents| {
            for (input, tangent) in tangents[..record.inputs()].iter_mut().enumerate() {
                for (lane, s) in seeds.clone().enumerate() {
                    tangent[lane] = seed(s, input);
                }
            }
            sweep::forward(&record.tape, tangents)?;
            for (output, &variable) in record.outputs.iter().enumerate() {
                for (lane, s) in seeds.clone().enumerate() {
                    let constant = variable == NONE;
                    let d = if constant { S::from(0.0) } else { tangents[variable as usize][lane] };
                    out(s, output, d);
                }
            }
            Ok(())
        })
    }

    fn reverse(
        &mut self,
        record: &Record<S>,
        seeds: Range<usize>,
        seed: &impl Fn(usize, usize) -> S,
        out: &mut impl FnMut(usize, usize, S),
    ) -> Result<()> {
        if !self.zero {
            self.variables.fill([S::from(0.0); L]);
        }
        // If the sweep fails or panics, adjoints are left behind.
        self.zero = false;
        self.sized(record, |adjoints| {
            for (output, &variable) in record.outputs.iter().enumerate() {
                if variable == NONE {
                    continue;
                }
                for (lane, s) in seeds.clone().enumerate() {
                    adjoints[variable as usize][lane] += seed(s, output);
                }
            }
            sweep::reverse(&record.tape, adjoints)?;
            for (input, adjoint) in adjoints[..record.inputs()].iter_mut().enumerate() {
                for (lane, s) in seeds.clone().enumerate() {
                    out(s, input, adjoint[lane]);
                }
                *adjoint = [S::from(0.0); L];
            }
            Ok(())
        })?;
        self.zero = true;
        Ok(())
    }

    /// Calls `body` with the memory for each variable of `record`.
    fn sized<R>(
        &mut self,
        record: &Record<S>,
        body: impl FnOnce(&mut [[S; L]]) -> Result<R>,
    ) -> Result<R> {
        let len = record.tape.variables();
        if self.variables.len() < len {
            self.variables.resize(len, [S::from(0.0); L]);
        }
        body(&mut self.variables[..len])
    }
}
