//! Reversing a loop, whatever computes its steps.

use std::ops::Range;

use ad_api::Result;

use crate::checkpoints::{Action, Checkpoints, Online, Schedule, forward_steps};

/// What computes the steps of a loop, with a state at hand. The answers are whether it could.
pub(super) trait Reverse {
    /// The state at hand.
    fn state(&mut self) -> &mut [f64];

    /// The number of steps, if that is known: fixed, or found on the way.
    fn end(&self) -> Option<usize>;

    /// Does these steps, or those up to the end of the loop; `first` if they are done for the first time.
    fn advance(&mut self, steps: Range<usize>, first: bool) -> Result<bool>;

    /// Does these steps, or those up to the end of the loop, and goes back through them. The state at
    /// hand is lost.
    fn reverse(&mut self, steps: Range<usize>, first: bool) -> Result<bool>;
}

/// How a loop is reversed: so many steps at a time, from so many checkpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) steps: usize,
    pub(super) stretch: usize,
    pub(super) checkpoints: usize,
    /// Whether the end of the loop was found on a way forwards of its own.
    pub(super) online: bool,
}

impl Layout {
    /// For `steps` steps, whose records take `record` bytes each and their states `state` bytes.
    pub(super) fn new(
        checkpoints: Checkpoints,
        budget: usize,
        steps: usize,
        (record, state): (usize, usize),
    ) -> Self {
        let all = Layout { steps, stretch: steps.max(1), checkpoints: 1, online: false };
        match checkpoints {
            Checkpoints::All => all,
            Checkpoints::Automatic if steps.saturating_mul(record) <= budget => all,
            Checkpoints::Automatic => {
                // A quarter for records, the rest for states.
                let stretch = (budget / 4 / record.max(1)).clamp(1, steps.max(1));
                let checkpoints = (budget / 4 * 3 / state.max(1)).max(1);
                Layout { stretch, checkpoints, ..all }.limited()
            }
            Checkpoints::SquareRoot => {
                // The number of steps may be a bound that is never reached.
                let (stretch, most) = (steps.isqrt().max(1), (budget / state.max(1)).max(1));
                Layout { stretch, checkpoints: most, ..all }.limited()
            }
            Checkpoints::Logarithmic => {
                let checkpoints = steps.max(2).next_power_of_two().ilog2() as usize;
                Layout { stretch: 1, checkpoints, ..all }.limited()
            }
            Checkpoints::Count(checkpoints) => Layout { stretch: 1, checkpoints, ..all }.limited(),
        }
    }

    /// No more checkpoints than stretches.
    fn limited(self) -> Self {
        Layout { checkpoints: self.checkpoints.clamp(1, self.stretches().max(1)), ..self }
    }

    /// How often a step is evaluated; an estimate if the end of the loop had to be found. The last
    /// stretch, which may be shorter, is never gone through without a record.
    pub(super) fn evaluations(self) -> usize {
        let again = forward_steps(self.stretches(), self.checkpoints);
        let found = if self.online { self.stretch } else { 0 };
        self.steps.saturating_add(again.saturating_mul(self.stretch)).saturating_add(found)
    }

    /// The steps of these stretches.
    fn steps(self, stretches: Range<usize>) -> Range<usize> {
        let step = |stretch: usize| stretch.saturating_mul(self.stretch).min(self.steps);
        step(stretches.start)..step(stretches.end)
    }

    pub(super) fn stretches(self) -> usize {
        self.steps.div_ceil(self.stretch.max(1))
    }
}

/// The order in which a loop is reversed.
#[derive(Debug, Default)]
pub(super) struct Order {
    schedule: Schedule,
    online: Online,
}

/// Reverses a loop from its first state, which is at hand, with memory for as many states as there are
/// checkpoints. Returns how it has been done, or `None` as soon as something could not be computed.
///
/// If the end of the loop is not known, it is found on a way forwards that keeps states
/// [online](Online), unless a record of all steps that there may be is kept.
pub(super) fn reverse<R: Reverse>(
    runner: &mut R,
    mut layout: Layout,
    order: &mut Order,
    kept: &mut [f64],
) -> Result<Option<Layout>> {
    let n = runner.state().len();
    let Order { schedule, online } = order;
    let (mut at, mut first) = (0, true);
    if runner.end().is_some() || layout.stretches() <= 1 {
        schedule.start(layout.stretches(), layout.checkpoints);
    } else {
        let mut stretch = 0;
        online.start(layout.checkpoints);
        while stretch < layout.stretches() && runner.end().is_none() {
            if let Some(slot) = online.arrive(stretch) {
                kept[slot * n..(slot + 1) * n].copy_from_slice(runner.state());
            }
            if !runner.advance(layout.steps(stretch..stretch + 1), true)? {
                return Ok(None);
            }
            stretch += 1;
        }
        layout.steps = runner.end().unwrap_or(layout.steps);
        layout.online = true;
        schedule.resume(online, layout.stretches());
        first = false;
    }
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
                if !runner.advance(layout.steps(at..to), first)? {
                    return Ok(None);
                }
                at = to;
            }
            Action::Reverse { step } => {
                if !runner.reverse(layout.steps(step..step + 1), first)? {
                    return Ok(None);
                }
                first = false;
            }
        }
    }
    layout.steps = runner.end().unwrap_or(layout.steps);
    Ok(Some(layout))
}
