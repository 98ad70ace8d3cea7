//! Which states of a loop are kept when not all of them can be, and in which order the way back runs.
//!
//! Pure logic: steps are numbers here. A loop of `steps` steps is reversed by [`Action`]s; what a step
//! is, a time step or many of them, is up to whoever carries the actions out.

/// How many states of a [`Scan`](ad_api::Scan) are kept on the way forwards, for loops whose record does
/// not fit into the [budget](crate::NativeReverse::budget).
///
/// Fewer states take less memory, and more evaluations of the step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checkpoints {
    /// As many as the budget of bytes allows; with them as few evaluations as possible.
    #[default]
    Automatic,
    /// A record of all steps, whatever its size: each step is evaluated once.
    All,
    /// About `√T` states of `T` steps, and a record of as many steps: each step is evaluated twice.
    SquareRoot,
    /// About `log₂ T` states of `T` steps, by the binomial schedule.
    Logarithmic,
    /// So many states, at least one, by the binomial schedule.
    Count(usize),
}

/// How much memory a loop may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) checkpoints: Checkpoints,
    /// The bytes that the record of a loop may take.
    pub(crate) budget: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { checkpoints: Checkpoints::Automatic, budget: 1 << 26 }
    }
}

/// One thing to do on the way through a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Keep the state here in this slot.
    Store { slot: usize },
    /// Take the state from this slot, where it was kept before this step.
    Restore { slot: usize, step: usize },
    /// Go on to this step.
    Advance { to: usize },
    /// Do the step here with a record, and then go back through it.
    Reverse { step: usize },
}

/// The order of actions that reverses a loop with the fewest forward steps for a given number of
/// checkpoints.
///
/// # References
///
/// A. Griewank, A. Walther, *Algorithm 799: Revolve*, ACM Transactions on Mathematical Software 26 (2000),
/// and *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 12.3.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schedule {
    /// The steps before which a state is kept, with its slot, the newest last.
    kept: Vec<(usize, usize)>,
    /// Slots without a state.
    free: Vec<usize>,
    /// The step that the state at hand is before.
    at: usize,
    /// The first step that has been reversed.
    end: usize,
}

impl Schedule {
    /// Begins with the state before step 0 of `steps` steps, for so many checkpoints, at least one.
    pub(crate) fn start(&mut self, steps: usize, checkpoints: usize) {
        self.kept.clear();
        self.free.clear();
        self.free.extend((0..checkpoints.clamp(1, steps.max(1))).rev());
        (self.at, self.end) = (0, steps);
    }

    /// What to do next, `None` when all steps have been reversed.
    pub(crate) fn next(&mut self) -> Option<Action> {
        if self.end == 0 {
            return None;
        }
        let Some(&(step, slot)) = self.kept.last() else {
            return Some(self.keep());
        };
        let left = self.end - step;
        if left == 0 {
            self.kept.pop();
            self.free.push(slot);
            return self.next();
        }
        // The state at hand is of use if it is kept, or newly come by.
        if !(step..self.end).contains(&self.at) {
            self.at = step;
            return Some(Action::Restore { slot, step });
        }
        if self.at + 1 == self.end {
            self.end = self.at;
            // Whatever comes next begins at a state that is kept.
            let reversed = Action::Reverse { step: self.at };
            self.at += 1;
            return Some(reversed);
        }
        if self.at > step && !self.free.is_empty() {
            return Some(self.keep());
        }
        self.at = match self.free.len() {
            0 => self.end - 1,
            free => step + first_part(left, free + 1),
        };
        Some(Action::Advance { to: self.at })
    }

    fn keep(&mut self) -> Action {
        let slot = self.free.pop().unwrap_or_default();
        self.kept.push((self.at, slot));
        Action::Store { slot }
    }
}

/// `(s + r choose s)`: so many steps can be reversed with `s` checkpoints if none is done more than `r`
/// times on the way forwards.
fn reach(s: usize, r: usize) -> usize {
    (1..=s).fold(1_usize, |product, i| {
        // Exact at every step: the product of i consecutive numbers over i!.
        let wide = product as u128 * (r + i) as u128 / i as u128;
        usize::try_from(wide).unwrap_or(usize::MAX)
    })
}

/// How often each of `steps` steps is done on the way forwards at most, with so many checkpoints.
fn repetitions(steps: usize, checkpoints: usize) -> usize {
    (0..).find(|&r| reach(checkpoints, r) >= steps).unwrap_or(usize::MAX)
}

/// How many steps on the next checkpoint is best kept, for two or more of both.
fn first_part(steps: usize, checkpoints: usize) -> usize {
    let r = repetitions(steps, checkpoints);
    // What is left of it can be reversed in r - 1 repetitions, what is right of it in r, with one
    // checkpoint less.
    let right = if r == 0 { 1 } else { reach(checkpoints - 1, r - 1) };
    let most = if r == 0 { 1 } else { reach(checkpoints, r - 1) };
    most.min(steps - right.min(steps - 1)).max(1)
}

/// The fewest forward steps with which `steps` steps can be reversed, beside those that are recorded.
///
/// Source: Griewank and Walther (2008), proposition 12.3.
pub(crate) fn forward_steps(steps: usize, checkpoints: usize) -> usize {
    let (s, r) = (checkpoints.max(1), repetitions(steps, checkpoints.max(1)));
    // r steps - (s + r choose s + 1)
    if r == 0 { 0 } else { r * steps - reach(s + 1, r - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fewest forward steps by trying all places of the next checkpoint.
    fn by_trying(most: usize, checkpoints: usize) -> Vec<Vec<usize>> {
        let mut best = vec![vec![0; most + 1]; checkpoints + 1];
        for steps in 2..=most {
            best[1][steps] = steps * (steps - 1) / 2;
        }
        for s in 2..=checkpoints {
            for steps in 2..=most {
                let cost = |m: usize| m + best[s - 1][steps - m] + best[s][m];
                best[s][steps] = (1..steps).map(cost).min().unwrap();
            }
        }
        best
    }

    /// Carries the actions out on numbers. Returns the forward steps.
    fn run(schedule: &mut Schedule, checkpoints: usize, steps: usize) -> usize {
        let mut kept = vec![None; checkpoints];
        let (mut at, mut forward, mut left) = (0, 0, steps);
        while let Some(action) = schedule.next() {
            match action {
                Action::Store { slot } => kept[slot] = Some(at),
                Action::Restore { slot, step } => {
                    assert_eq!(kept[slot], Some(step));
                    at = step;
                }
                Action::Advance { to } => {
                    assert!(to > at && to < left);
                    forward += to - at;
                    at = to;
                }
                Action::Reverse { step } => {
                    assert_eq!((step, at), (left - 1, left - 1));
                    left -= 1;
                    at = left + 1;
                }
            }
        }
        assert_eq!(left, 0);
        forward
    }

    #[test]
    fn the_schedule_is_optimal() {
        let best = by_trying(200, 10);
        let mut schedule = Schedule::default();
        for (checkpoints, best) in best.iter().enumerate().skip(1) {
            for (steps, &best) in best.iter().enumerate() {
                schedule.start(steps, checkpoints);
                assert_eq!(run(&mut schedule, checkpoints, steps), best, "{steps}, {checkpoints}");
                assert_eq!(forward_steps(steps, checkpoints), best, "{steps}, {checkpoints}");
            }
        }
    }

    #[test]
    fn a_million_steps_need_few_checkpoints() {
        let mut schedule = Schedule::default();
        schedule.start(1_000_000, 20);
        let forward = run(&mut schedule, 20, 1_000_000);
        assert_eq!(forward, forward_steps(1_000_000, 20));
        assert!(forward < 8_000_000);
    }
}
