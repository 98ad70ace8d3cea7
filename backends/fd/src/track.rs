//! What is known of the derivative of one output, and which step it asks for next.

/// An estimate from one window of steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    /// The level of the smallest step.
    pub(crate) level: i32,
    /// The derivative.
    pub(crate) value: f64,
    /// The difference of two orders: truncation, and whatever noise it shows.
    pub(crate) truncation: f64,
    /// How far one slope is from what the others predict, as a part of the derivative.
    pub(crate) surprise: f64,
    /// The noise of the values: what their size and the precision of `f` give, or what differences
    /// show if that is more.
    pub(crate) values: f64,
    /// The noise of the derivative for each unit of that.
    pub(crate) gain: f64,
    /// What it adds if `f` rounds its argument once more. It does not steer the search: a function
    /// that does not round has far smaller errors.
    pub(crate) argument: f64,
    /// The noise if all that the differences of the highest order show is noise. It does not steer the
    /// search either: mostly it is truncation, which weighs less.
    pub(crate) hidden: f64,
    /// The largest value of `f` in the window.
    pub(crate) size: f64,
}

impl Estimate {
    pub(crate) fn error(&self) -> f64 {
        self.truncation + self.noise()
    }

    /// What the noise of the values leads to.
    pub(crate) fn noise(&self) -> f64 {
        self.gain * self.values
    }

    /// Whether the steps are short enough for `truncation` to mean anything.
    pub(crate) fn is_resolved(&self) -> bool {
        self.surprise <= UNRESOLVED
    }

    /// The error with what does not steer the search.
    pub(crate) fn safe_error(&self) -> f64 {
        self.truncation + self.noise().max(self.hidden) + self.argument
    }

    /// Whether the steps are too long for the function, rather than too short for its noise.
    fn is_blurred(&self) -> bool {
        !self.is_resolved() && self.truncation > DOUBT * self.noise()
    }
}

/// The search as it stands for one output.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track {
    /// Whether the caller wants the derivative.
    pub(crate) wanted: bool,
    /// Whether it is wanted and can exist: not where `f(x)` itself is not finite.
    pub(crate) live: bool,
    /// The estimate of least error, of whatever side.
    pub(crate) best: Option<Estimate>,
    /// Whether `best` is of the side that is being searched.
    pub(crate) here: bool,
    /// Whether a window failed or met a value that is not finite.
    pub(crate) met_hole: bool,
    /// Whether the steps of some window were too long.
    blurred: bool,
    /// The largest noise of the values that the differences of a window showed.
    noise: f64,
}

/// What [`Track::next`] needs to know of the search on one side.
pub(crate) struct Ladder<'a> {
    /// The levels tried.
    pub(crate) tried: &'a [i32],
    /// The range of levels that rounding, bounds and the largest step leave.
    pub(crate) range: (i32, i32),
    /// The first level if entries of `x` below 1 were as good as zero.
    pub(crate) unit: i32,
    /// The order `p` of the error estimate.
    pub(crate) order: usize,
    /// The number of steps in a window.
    pub(crate) levels: usize,
    /// The relative error that is good enough.
    pub(crate) target: f64,
    /// `f(x)` is this.
    pub(crate) centre: f64,
}

/// Truncation that exceeds the noise by less than this may be noise that the model underrates.
const DOUBT: f64 = 30.0;

/// Steps are too long if one slope differs from what the others predict by more than this part.
pub(crate) const UNRESOLVED: f64 = 0.01;

/// Steps so many levels shorter than those for an input of size 1 may be too short to show that a
/// function depends on an input at all.
const SHORT: i32 = 6;

/// How many levels to go down at a time where the steps are too long to say.
const BLIND: i32 = 8;

impl Track {
    pub(crate) fn new(wanted: bool) -> Self {
        Track {
            wanted,
            live: wanted,
            best: None,
            here: false,
            met_hole: false,
            blurred: false,
            noise: 0.0,
        }
    }

    /// Forgets the search, for another line.
    pub(crate) fn restart(&mut self, finite: bool) {
        *self = Track::new(self.wanted);
        self.live &= finite;
    }

    /// Makes `found` the best estimate if it is better. `noise` is what its differences show of the
    /// noise of the values.
    pub(crate) fn accept(&mut self, mut found: Estimate, noise: f64) -> bool {
        self.noise = self.noise.max(noise);
        // Where no value differs from another, steps may have gone under in the noise that longer
        // ones showed.
        let still = found.value == 0.0 && found.truncation == 0.0;
        found.values = found.values.max(if still { self.noise } else { noise });
        self.blurred |= found.is_blurred();
        let better = self.best.is_none_or(|best| {
            let gap = (found.value - best.value).abs();
            let contradict = gap > 4.0 * (found.error() + best.error());
            let (long, short) =
                if found.level < best.level { (best, found) } else { (found, best) };
            // Of two that exclude each other, the one with long steps has been fooled: nothing that
            // they resolve becomes invisible to shorter ones, but the reverse happens. Unless the
            // slopes became rougher: that is noise.
            let smoother = short.is_resolved() && short.surprise <= long.surprise;
            if self.here && contradict && smoother && long.level > short.level {
                found.level == short.level
            } else {
                found.error() < best.error()
            }
        });
        if better {
            self.best = Some(found);
            self.here = true;
        }
        better
    }

    /// Whether the derivative is known well enough.
    pub(crate) fn is_good(&self, target: f64) -> bool {
        self.best.is_some_and(|best| best.error() <= target * best.value.abs())
    }

    /// How badly a better estimate is needed.
    pub(crate) fn urgency(&self, unit: f64) -> f64 {
        self.best.map_or(f64::INFINITY, |best| {
            // A derivative near zero is measured by the function instead.
            best.error() / (best.value.abs() + 1e-8 * best.size / unit)
        })
    }

    /// The level to try next for this output, `None` if no other promises more.
    pub(crate) fn next(&self, ladder: &Ladder) -> Option<i32> {
        if !self.live || self.is_good(ladder.target) {
            return None;
        }
        let &Ladder { tried, range: (lowest, highest), .. } = ladder;
        let level = match self.best.filter(|_| self.here) {
            Some(best) => improve(&best, self, ladder)?,
            None => retreat(ladder)?,
        };
        let level = level.clamp(lowest, highest);
        (!tried.contains(&level)).then_some(level)
    }
}

/// No window was usable: go towards the point, faster each time.
fn retreat(ladder: &Ladder) -> Option<i32> {
    let lowest = *ladder.tried.iter().min()?;
    let times = ladder.tried.len();
    let window = i32::try_from(ladder.levels).unwrap_or(i32::MAX);
    (times <= 4).then(|| lowest.saturating_sub(window << (times - 1)))
}

fn improve(best: &Estimate, track: &Track, ladder: &Ladder) -> Option<i32> {
    let below = || ladder.tried.iter().filter(|&&level| level < best.level);
    let above = ladder.tried.iter().any(|&level| level > best.level);
    let (truncation, noise, p) = (best.truncation, best.noise(), ladder.order as f64);
    if best.value == 0.0 && truncation == 0.0 {
        // No dependence, or none that a step so short can show.
        return (best.level + SHORT < ladder.unit && !above).then_some(ladder.unit);
    }
    if truncation > 2.0 * noise {
        // The minimum of truncation·sᵖ + noise/s over the ratio s of steps.
        let down = levels((p * truncation / noise).log2() / (p + 1.0));
        let (down, tries) = match (truncation > DOUBT * noise, track.blurred) {
            (true, true) => (if best.is_resolved() { down } else { down.max(BLIND) }, 6),
            (true, false) => (down, 3),
            (false, _) => (down, 1),
        };
        let (count, lowest) = (below().count(), below().min());
        if count < tries {
            return Some(lowest.unwrap_or(&best.level).saturating_sub(down));
        }
        // Shorter steps made it worse, so this is noise beyond the model: longer steps.
        if tries > 1 {
            let up = levels((truncation / noise).log2() / (p + 1.0));
            return (!above).then(|| best.level.saturating_add(up));
        }
    } else if track.noise < best.values && best.size > 4.0 * ladder.centre.abs() {
        // The values are large because they vary: shorter steps have less noise.
        return below().next().is_none().then(|| best.level - 3);
    }
    let wanted = best.error() / (ladder.target * best.value.abs());
    (!above).then(|| best.level.saturating_add(levels(wanted.log2())))
}

/// At least one level, and more than any range has for what is infinite.
fn levels(count: f64) -> i32 {
    #[allow(clippy::cast_possible_truncation, reason = "the range is clamped first")]
    let count = count.ceil().clamp(1.0, 4096.0) as i32;
    count
}
