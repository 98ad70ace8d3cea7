//! What has been built for a loop.

use std::fmt::{self, Display};

/// How the last pullback of a [`Scan`](ad_api::Scan) was computed, in an
/// [`Explanation`](crate::Explanation).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopExplanation {
    /// The steps of the loop.
    pub steps: usize,
    /// How many states are kept at a time.
    pub checkpoints: usize,
    /// How many steps are recorded at a time.
    pub recorded_steps: usize,
    /// How often a step is evaluated, with and without a record, as the schedule has it.
    pub evaluations: usize,
    /// The bytes of states and records.
    pub bytes: usize,
    /// The programs, one for each way through the branches of the step; none if the steps are recorded on
    /// the tape.
    pub programs: Vec<StepExplanation>,
}

/// The program of one way through the step of a loop, in a [`LoopExplanation`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepExplanation {
    /// The comparisons that are checked.
    pub guards: usize,
    /// The operations that are done once a call.
    pub once: usize,
    /// The operations of a step on the way forwards that leaves a record, and on the way back.
    pub forward: usize,
    /// See [`forward`](Self::forward).
    pub backward: usize,
    /// The numbers that a record of a step takes.
    pub recorded: usize,
    /// The bytes of machine code; none without the feature `jit`.
    pub machine_code: usize,
}

impl Display for LoopExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LoopExplanation { steps, checkpoints, recorded_steps, evaluations, bytes, programs } =
            self;
        writeln!(
            f,
            "loop of {steps} steps: {checkpoints} checkpoints, {recorded_steps} steps recorded at a \
             time, {evaluations} evaluations of a step, {bytes} bytes"
        )?;
        for program in programs {
            let StepExplanation { guards, once, forward, backward, recorded, machine_code } =
                program;
            writeln!(
                f,
                "  program of a step: {guards} guards, {once} operations once, {forward} forward and \
                 {backward} back, a record of {recorded} numbers, {machine_code} bytes of machine code"
            )?;
        }
        Ok(())
    }
}
