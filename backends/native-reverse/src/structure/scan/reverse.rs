//! Reversing a loop, whatever computes its steps.

use std::ops::Range;

use ad_api::Result;

use crate::checkpoints::{Action, Checkpoints, Schedule, forward_steps};

/// What computes the steps of a loop, with a state at hand. The answers are whether it could.
pub(super) trait Reverse {
    /// The state at hand.
    fn state(&mut self) -> &mut [f64];

    /// Does these steps; `first` if they are done for the first time.
    fn advance(&mut self, steps: Range<usize>, first: bool) -> Result<bool>;

    /// Does these steps and goes back through them. The state at hand is lost.
    fn reverse(&mut self, steps: Range<usize>, first: bool) -> Result<bool>;
}

/// How a loop is reversed: so many steps at a time, from so many checkpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) steps: usize,
    pub(super) stretch: usize,
    pub(super) checkpoints: usize,
}

impl Layout {
    /// For `steps` steps, whose records take `record` bytes each and their states `state` bytes.
    pub(super) fn new(
        checkpoints: Checkpoints,
        budget: usize,
        steps: usize,
        (record, state): (usize, usize),
    ) -> Self {
        let all = Layout { steps, stretch: steps.max(1), checkpoints: 1 };
        match checkpoints {
            Checkpoints::All => all,
            Checkpoints::Automatic if steps.saturating_mul(record) <= budget => all,
            Checkpoints::Automatic => {
                // A quarter for records, the rest for states.
                let stretch = (budget / 4 / record.max(1)).clamp(1, steps.max(1));
                let checkpoints = (budget / 4 * 3 / state.max(1)).max(1);
                Layout { steps, stretch, checkpoints }.limited()
            }
            Checkpoints::SquareRoot => {
                let stretch = steps.isqrt().max(1);
                Layout { steps, stretch, checkpoints: steps }.limited()
            }
            Checkpoints::Logarithmic => {
                let checkpoints = steps.max(2).next_power_of_two().ilog2() as usize;
                Layout { steps, stretch: 1, checkpoints }.limited()
            }
            Checkpoints::Count(checkpoints) => Layout { steps, stretch: 1, checkpoints }.limited(),
        }
    }

    /// No more checkpoints than stretches.
    fn limited(self) -> Self {
        Layout { checkpoints: self.checkpoints.clamp(1, self.stretches().max(1)), ..self }
    }

    /// How often a step is evaluated. The last stretch, which may be shorter, is never gone through
    /// without a record.
    pub(super) fn evaluations(self) -> usize {
        let again = forward_steps(self.stretches(), self.checkpoints);
        self.steps.saturating_add(again.saturating_mul(self.stretch))
    }

    pub(super) fn stretches(self) -> usize {
        self.steps.div_ceil(self.stretch.max(1))
    }
}

/// Reverses a loop from its first state, which is at hand, with memory for as many states as there are
/// checkpoints. Returns false as soon as something could not be computed.
pub(super) fn reverse<R: Reverse>(
    runner: &mut R,
    layout: Layout,
    schedule: &mut Schedule,
    kept: &mut [f64],
) -> Result<bool> {
    let n = runner.state().len();
    let step = |stretch: usize| (stretch * layout.stretch).min(layout.steps);
    let (mut at, mut first) = (0, true);
    schedule.start(layout.stretches(), layout.checkpoints);
    while let Some(action) = schedule.next() {
        match action {
            Action::Store { slot } => {
                kept[slot * n..(slot + 1) * n].copy_from_slice(runner.state());
            }
            Action::Restore { slot, step } => {
                runner.state().copy_from_slice(&kept[slot * n..(slot + 1) * n]);
                at = step;
            }
            Action::Advance { to } => {
                if !runner.advance(step(at)..step(to), first)? {
                    return Ok(false);
                }
                at = to;
            }
            Action::Reverse { step: stretch } => {
                if !runner.reverse(step(stretch)..step(stretch + 1), first)? {
                    return Ok(false);
                }
                first = false;
            }
        }
    }
    Ok(true)
}
