//! What a preparation has built, for those who want to know why it is fast or slow.

mod loops;

use std::fmt::{self, Display};

use crate::Mode;

pub use loops::{LoopExplanation, StepExplanation};

/// What a [preparation](crate::TapePrepared::explain) has built in its calls so far.
///
/// Displays as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The mode of the backend.
    pub mode: Mode,
    /// The statements on the plain tape, as many as the last call that recorded one left there: sums
    /// of up to four variables, each times a partial derivative.
    pub tape_statements: usize,
    /// The bytes of the plain tape and its sweeps.
    pub tape_bytes: usize,
    /// The programs that have been made from the body of a map or sum.
    pub programs: Vec<ProgramExplanation>,
    /// How many rows a program runs at a time.
    pub rows_at_a_time: usize,
    /// What has been recorded of a function without structure in compiled mode, the branch that was
    /// taken last first.
    pub branches: Vec<BranchExplanation>,
    /// How the last pullback of a loop was computed, if there was one that is not a tape of the whole loop.
    pub scan: Option<LoopExplanation>,
    /// Why the last call computed rows without a program, or why no more of the function is recorded, if
    /// that is so.
    pub refusal: Option<&'static str>,
}

/// One program of an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramExplanation {
    /// What it computes.
    pub purpose: &'static str,
    /// The values that the body computed when it was recorded, inputs and constants among them, and
    /// what its derivatives add to them.
    pub recorded: usize,
    /// The comparisons that are checked.
    pub guards: usize,
    /// The operations that are done once a call, for all rows.
    pub once: usize,
    /// The instructions for a block of rows: values and partials, then the reverse sweep.
    pub forward: usize,
    /// See [`forward`](Self::forward).
    pub reverse: usize,
    /// The bytes that it works in.
    pub bytes: usize,
}

/// One way through a function, in an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchExplanation {
    /// The operations that were recorded, comparisons among them.
    pub recorded: usize,
    /// The values that these compute, each counted once, inputs and constants among them.
    pub values: usize,
    /// The comparisons that are checked.
    pub guards: usize,
    /// The bytes of these.
    pub bytes: usize,
    /// The code that has been made.
    pub codes: Vec<CodeExplanation>,
}

/// The code for one purpose, in a [`BranchExplanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeExplanation {
    /// What it computes.
    pub purpose: &'static str,
    /// The instructions that are left after all optimisation.
    pub instructions: usize,
    /// The runs of equal instructions.
    pub runs: usize,
    /// The bytes of the code and of what it works in.
    pub bytes: usize,
}

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { mode, tape_statements, tape_bytes, rows_at_a_time, .. } = self;
        writeln!(f, "mode: {}", mode.name())?;
        writeln!(f, "tape: {tape_statements} statements, {tape_bytes} bytes")?;
        for program in &self.programs {
            let ProgramExplanation { purpose, recorded, guards, once, forward, reverse, bytes } =
                program;
            writeln!(
                f,
                "program for {purpose}: {recorded} values recorded, {guards} guards, {once} operations \
                 once, {forward} instructions forward and {reverse} back for {rows_at_a_time} rows at a \
                 time, {bytes} bytes"
            )?;
        }
        for BranchExplanation { recorded, values, guards, bytes, codes } in &self.branches {
            writeln!(
                f,
                "branch: {recorded} operations recorded, {values} values, {guards} guards, {bytes} bytes"
            )?;
            for CodeExplanation { purpose, instructions, runs, bytes } in codes {
                writeln!(
                    f,
                    "  code for {purpose}: {instructions} instructions in {runs} runs, {bytes} bytes"
                )?;
            }
        }
        if let Some(scan) = &self.scan {
            scan.fmt(f)?;
        }
        match &self.refusal {
            Some(refusal) => writeln!(f, "computed on the tape: {refusal}"),
            None => Ok(()),
        }
    }
}
