//! The derivative along a line, from stencils whose steps follow the errors they show.

use std::array::from_fn;

use ad_api::{AdError, Failure, Function, Result, Scalar, scratch};

use crate::line::Line;
use crate::stencil::{GAUGES, MAX_STEPS, Side, Stencil};
use crate::track::{Estimate, Ladder, Track, UNRESOLVED};

/// The most windows on both sides of the point, and on one.
const CENTRAL_WINDOWS: usize = 10;
const ONE_SIDED_WINDOWS: usize = 5;

/// A one-sided stencil is tried too where the central one met a hole or a bound and its error is
/// this many times what is good enough.
const POOR: f64 = 1e4;

/// An error of this part of `f` over the scale of `x` is bearable even in a derivative near zero.
const NO_DIGIT: f64 = 1e-2;

/// Differences of all orders within this factor are those of noise.
const PLATEAU: f64 = 8.0;

/// Last digits above this part of the values are taken for steps of the function.
const COARSE: f64 = 1e-4;

/// Noise above this part of the values is taken for a feature of the function.
const ROUGH: f64 = 1e-5;

/// How derivatives are to be computed; see [`Fd`](crate::Fd).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) order: usize,
    pub(crate) adaptive: bool,
    /// Whether errors are asked for: without them a fixed stencil needs one step less.
    pub(crate) errors: bool,
    /// The relative accuracy of the function's values.
    pub(crate) precision: f64,
}

impl Plan {
    /// The relative error that is good enough.
    pub(crate) fn target(&self) -> f64 {
        target(self.order, self.precision)
    }

    /// The most evaluations along one line.
    pub(crate) fn evaluations(&self) -> usize {
        if !self.adaptive {
            return self.order;
        }
        let central = Stencil::of(self.order, Side::Central).levels + 1;
        let one_sided = Stencil::of(self.order, Side::Forward).levels + 1;
        2 * CENTRAL_WINDOWS * central + 2 * ONE_SIDED_WINDOWS * one_sided
    }
}

/// What a stencil of this order reaches on a function of unit scale, with a margin of 32.
pub(crate) fn target(order: usize, precision: f64) -> f64 {
    let p = order as f64;
    32.0 * precision.powf(p / (p + 1.0))
}

/// The buffers of a search, for any number of lines one after another.
pub(crate) struct Workspace<'w, S> {
    /// `x`, or a point of a line.
    point: &'w mut [S],
    plus: &'w mut [S],
    minus: &'w mut [S],
    /// The slopes of each output at the steps of a window, `m` for each row.
    slopes: &'w mut [S],
    /// The largest value of `f` that went into each slope; NaN if there is no slope.
    sizes: &'w mut [f64],
    /// `(f(x + s) + f(x - s)) / 2 - f(x)` at each of the steps, of a central stencil.
    bends: &'w mut [f64],
    /// The last digit of the values that went into each slope; see [`last_digit`].
    digits: &'w mut [f64],
    tracks: &'w mut [Track],
}

impl<S: Scalar> Workspace<'_, S> {
    /// Calls `body` with buffers for `m` outputs at `x`.
    pub(crate) fn with<R>(
        x: &[S],
        m: usize,
        body: impl FnOnce(&mut Workspace<S>) -> Result<R>,
    ) -> Result<R> {
        let mut tracks: Vec<Track> = scratch::take();
        tracks.resize(m, Track::new(true));
        let result = scratch::with(x.len() + (2 + MAX_STEPS) * m, |buffer: &mut [S]| {
            scratch::with(3 * MAX_STEPS * m, |reals: &mut [f64]| {
                let (sizes, reals) = reals.split_at_mut(MAX_STEPS * m);
                let (bends, digits) = reals.split_at_mut(MAX_STEPS * m);
                let (point, buffer) = buffer.split_at_mut(x.len());
                let (plus, buffer) = buffer.split_at_mut(m);
                let (minus, slopes) = buffer.split_at_mut(m);
                point.copy_from_slice(x);
                body(&mut Workspace {
                    point,
                    plus,
                    minus,
                    slopes,
                    sizes,
                    bends,
                    digits,
                    tracks: &mut tracks,
                })
            })
        });
        scratch::give(tracks);
        result
    }

    /// Says which outputs are to be differentiated; without it, all.
    pub(crate) fn want(&mut self, wanted: impl Fn(usize) -> bool) {
        for (i, track) in self.tracks.iter_mut().enumerate() {
            track.wanted = wanted(i);
        }
    }
}

/// Writes the derivative of `f` along `line` into `derivative: m`, and its estimated errors into
/// `errors: m` if they are asked for. `y` is `f(x)`.
pub(crate) fn along<S: Scalar, F: Function>(
    plan: Plan,
    f: &F,
    line: &Line<S>,
    y: &[S],
    derivative: &mut [S],
    errors: Option<&mut [f64]>,
    workspace: &mut Workspace<S>,
) -> Result<()> {
    for ((track, y), d) in workspace.tracks.iter_mut().zip(y).zip(&mut *derivative) {
        track.restart(y.primal().is_finite());
        *d = S::from(f64::NAN);
    }
    let mut search = Search { plan, f, line, y, derivative, workspace, failure: None };
    if search.workspace.tracks.iter().any(|track| track.live) {
        if plan.adaptive {
            search.adaptive();
        } else {
            search.fixed();
        }
    }
    let failure = search.failure;
    let largest = y.iter().map(|y| y.primal().abs()).filter(|y| y.is_finite()).fold(0.0, f64::max);
    for track in workspace.tracks.iter().filter(|track| track.live) {
        let Some(best) = track.best else { return Err(no_derivative(plan, line, failure)) };
        // No digit, even in the units of the function, or of what it is a difference of. An output
        // that is nothing but the noise of others, like a vanishing entry of a gradient, is zero.
        let size = best.size.max(best.values / plan.precision);
        let bearable = (NO_DIGIT * size).max(plan.target() * largest) / line.unit;
        if best.error() > best.value.abs().max(bearable) {
            return Err(no_digit(line, &best));
        }
    }
    for d in derivative {
        *d *= line.stretch;
    }
    if let Some(errors) = errors {
        for (error, track) in errors.iter_mut().zip(&*workspace.tracks) {
            *error = track.best.map_or(f64::NAN, |best| best.safe_error() * line.stretch);
        }
    }
    Ok(())
}

fn no_derivative<S>(plan: Plan, line: &Line<S>, failure: Option<Failure>) -> AdError {
    let cause = match failure {
        Some(failure) => format!("the function fails beside the point: {failure}"),
        None if line.room == [0.0; 2] => "the bounds leave no room for a step".into(),
        None => "the function is not finite beside the point".into(),
    };
    let hint = if plan.adaptive { "" } else { " (adaptive steps may find a usable one)" };
    let reason = format!("no step gives a usable stencil; {cause}{hint}");
    AdError::Inaccurate { backend: "fd".into(), input: line.input, reason }
}

fn no_digit<S>(line: &Line<S>, best: &Estimate) -> AdError {
    let (value, error) = (best.value * line.stretch, best.error() * line.stretch);
    let reason = format!("{value:.1e} has an estimated error of {error:.1e}, whatever the step");
    AdError::Inaccurate { backend: "fd".into(), input: line.input, reason }
}

struct Search<'a, 'w, S, F> {
    plan: Plan,
    f: &'a F,
    line: &'a Line<'a, S>,
    y: &'a [S],
    derivative: &'a mut [S],
    workspace: &'a mut Workspace<'w, S>,
    /// The last failure of `f`.
    failure: Option<Failure>,
}

/// The steps `base·2^level` on one side, and the windows of them that a stencil takes.
struct Window {
    side: Side,
    stencil: &'static Stencil,
    /// Whether a window has the last step of the stencil too, for the error.
    full: bool,
    base: f64,
    /// The levels at which a window may start.
    range: (i32, i32),
    /// What each row of the workspace holds: the slopes at a level, or in the last row the slopes
    /// at the last step of the window that starts there.
    held: [Option<i32>; MAX_STEPS],
}

impl Window {
    fn new<S>(side: Side, plan: Plan, line: &Line<S>) -> Self {
        let stencil = Stencil::of(plan.order, side);
        let full = plan.adaptive || plan.errors;
        let base = stencil.first_step(plan.precision) * line.scale;
        let room = match side {
            Side::Central => line.room[0].min(line.room[1]),
            Side::Forward => line.room[1],
            Side::Backward => line.room[0],
        };
        let reach = base * stencil.reach(full);
        let highest = floor((room.min(0.5 * line.unit) / reach).log2());
        let lowest = floor((line.finest / base).log2()) + 1;
        Window { side, stencil, full, base, range: (lowest, highest), held: [None; MAX_STEPS] }
    }

    /// Moves the steps onto the `grid` of representable displacements where that is coarse, so that
    /// they double exactly: the weights assume it.
    fn fit(&mut self, level: i32, grid: f64) {
        let count = self.step(level) / grid;
        if count < 1e9 && (count - count.round()).abs() > 1e-6 {
            self.base = count.round().max(1.0) * grid / f64::from(level).exp2();
            self.held = [None; MAX_STEPS];
        }
    }

    fn step(&self, level: i32) -> f64 {
        self.base * f64::from(level).exp2()
    }

    /// The rows of the window that starts at `level`, in the order of the weights: what each must
    /// hold, and the step.
    fn rows(&self, level: i32) -> impl DoubleEndedIterator<Item = (usize, i32, f64)> + use<> {
        let (levels, base) = (self.stencil.levels, self.base);
        let count = i32::try_from(levels).unwrap_or(1);
        let last = self
            .full
            .then(|| (levels, level, base * self.stencil.reach(true) * f64::from(level).exp2()));
        let doubling = (level..level + count).map(move |level| {
            // Any window's levels have different rows.
            let row = usize::try_from(level.rem_euclid(count)).unwrap_or(0);
            (row, level, base * f64::from(level).exp2())
        });
        doubling.chain(last)
    }

    fn weights(&self) -> &'static [f64; MAX_STEPS] {
        if self.full { &self.stencil.value } else { &self.stencil.check }
    }

    fn has_room(&self) -> bool {
        self.range.0 <= self.range.1
    }
}

/// The weight of the last binary digit of `x ≥ 0` that is not zero; infinite for zero.
///
/// A difference of large numbers is a multiple of *their* rounding unit. If all values share many
/// zeros at the end, this is how many digits were lost.
fn last_digit(x: f64) -> f64 {
    let bits = x.to_bits();
    if x == 0.0 {
        f64::INFINITY
    } else if bits.trailing_zeros() >= f64::MANTISSA_DIGITS - 1 {
        x // a power of two
    } else {
        x - f64::from_bits(bits & (bits - 1))
    }
}

/// The noise of the values that the differences of a window show, if they do: `gauges` are the
/// largest of the highest orders, of the next lower ones, and of those below.
///
/// Differences of a function that the steps resolve fall from order to order, those of noise do not
/// (Moré and Wild, section 3, ask for three that agree within a factor of 4). Of two of the highest
/// order both may be small by accident, which the lower ones then show.
fn noise_of([highest, lower, lowest]: [f64; GAUGES], size: f64) -> f64 {
    let largest = highest.max(lower);
    if largest > ROUGH * size {
        0.0 // steps that are too long have such differences too
    } else if lower <= PLATEAU * highest {
        largest
    } else if lowest <= PLATEAU * lower {
        lower
    } else if lowest.is_finite() && highest * lowest > PLATEAU * lower * lower {
        highest // the fall from order to order ends there
    } else {
        0.0
    }
}

fn floor(x: f64) -> i32 {
    #[allow(clippy::cast_possible_truncation, reason = "the range is clamped first")]
    let floor = x.floor().clamp(-4096.0, 4096.0) as i32;
    floor
}

impl<S: Scalar, F: Function> Search<'_, '_, S, F> {
    /// The sides in the order in which they should serve: the central stencil first, unless a bound
    /// is so close that its steps would be much shorter than those of a one-sided one.
    fn sides(&self) -> [Side; 3] {
        let [backward, forward] = self.line.room;
        let one_sided = if backward > forward {
            [Side::Backward, Side::Forward]
        } else {
            [Side::Forward, Side::Backward]
        };
        let central = Window::new(Side::Central, self.plan, self.line);
        let other = Window::new(one_sided[0], self.plan, self.line);
        let cramped = if self.plan.adaptive { -4 } else { 0 };
        if central.range.1 < cramped && other.range.1 > central.range.1 {
            [one_sided[0], Side::Central, one_sided[1]]
        } else {
            [Side::Central, one_sided[0], one_sided[1]]
        }
    }

    /// One window on the side with the most room.
    fn fixed(&mut self) {
        let mut window = Window::new(self.sides()[0], self.plan, self.line);
        if window.has_room() {
            let level = 0.clamp(window.range.0, window.range.1);
            self.estimate(&mut window, level);
        }
    }

    /// Windows on one side after another, until every output has a derivative.
    fn adaptive(&mut self) {
        for side in self.sides() {
            let mut window = Window::new(side, self.plan, self.line);
            if window.has_room() {
                self.climb(&mut window);
            }
            let (enough, cramped) = (POOR * self.plan.target(), window.range.1 < 0);
            let unsettled = |track: &Track| {
                let poor = (cramped || track.met_hole) && !track.is_good(enough);
                track.live && (track.best.is_none() || poor)
            };
            if !self.workspace.tracks.iter().any(unsettled) {
                return;
            }
        }
    }

    /// Moves the window to where the worst output wants it, until none wants more.
    fn climb(&mut self, window: &mut Window) {
        let count = if window.side == Side::Central { CENTRAL_WINDOWS } else { ONE_SIDED_WINDOWS };
        let unit = (self.line.unit / self.line.scale).log2();
        let mut tried = [0; CENTRAL_WINDOWS];
        let mut level = 0.clamp(window.range.0, window.range.1);
        self.workspace.tracks.iter_mut().for_each(|track| track.here = false);
        for k in 0..count {
            self.estimate(window, level);
            tried[k] = level;
            let mut worst = (0.0, None);
            for (track, y) in self.workspace.tracks.iter().zip(self.y) {
                let urgency = track.urgency(self.line.unit);
                if urgency <= worst.0 {
                    continue;
                }
                let next = track.next(&Ladder {
                    tried: &tried[..=k],
                    range: window.range,
                    unit: floor(unit),
                    order: self.plan.order,
                    levels: window.stencil.levels,
                    target: self.plan.target(),
                    centre: y.primal(),
                });
                if next.is_some() {
                    worst = (urgency, next);
                }
            }
            let Some(next) = worst.1 else { return };
            level = next;
        }
    }

    /// Evaluates the window at `level` and keeps what it improves.
    fn estimate(&mut self, window: &mut Window, level: i32) {
        window.fit(level, self.line.grid);
        // The largest step first: it is the one to leave the domain of `f`.
        for (row, held, step) in window.rows(level).rev() {
            if window.held[row] != Some(held) {
                window.held[row] = Some(held);
                self.slopes(window.side, row, step);
            }
            let m = self.y.len();
            let sizes = &self.workspace.sizes[row * m..(row + 1) * m];
            let mut live = self.workspace.tracks.iter().zip(sizes).filter(|(track, _)| track.live);
            if live.all(|(_, size)| size.is_nan()) {
                break; // nothing can come of this window
            }
        }
        for output in 0..self.y.len() {
            if !self.workspace.tracks[output].live {
                continue;
            }
            let found = self.combine(window, level, output);
            let track = &mut self.workspace.tracks[output];
            let Some((found, noise)) = found else {
                track.met_hole = true;
                continue;
            };
            if track.accept(found, noise) {
                self.derivative[output] = self.weigh(window, level, output);
            }
        }
    }

    /// The estimate for one output, `None` if the window has a hole.
    fn combine(&self, window: &Window, level: i32, output: usize) -> Option<(Estimate, f64)> {
        let (m, stencil) = (self.y.len(), window.stencil);
        let (mut value, mut check, mut size) = (0.0, 0.0, 0.0);
        let (mut digit, mut still) = (f64::INFINITY, true);
        let (mut odd, mut even) = ([0.0; GAUGES], [0.0; GAUGES]);
        for (j, (row, held, _)) in window.rows(level).enumerate() {
            let entry = row * m + output;
            let (slope, largest) = (self.workspace.slopes[entry], self.workspace.sizes[entry]);
            if window.held[row] != Some(held) || largest.is_nan() {
                return None;
            }
            value += slope.primal() * window.weights()[j];
            check += slope.primal() * stencil.check[j];
            size = largest.max(size);
            digit = self.workspace.digits[entry].min(digit);
            still &= slope.primal() == 0.0;
            for k in 0..GAUGES {
                odd[k] += slope.primal() * stencil.slopes[k].weights[j];
                even[k] += self.workspace.bends[entry] * stencil.bends[k].weights[j];
            }
        }
        let exact = still || digit > COARSE * size;
        let step = window.step(level);
        let difference = (value - check).abs();
        // The two differences of the highest orders.
        let shown = stencil.difference * even[0].abs() / step;
        let gauges = from_fn(|k| {
            let exists = stencil.slopes[k].exists || stencil.bends[k].exists;
            if exists { (odd[k] * step).abs().max(even[k].abs()) } else { f64::INFINITY }
        });
        let noise = if window.full { noise_of(gauges, size) } else { 0.0 };
        // Where steps are too long for the function, no difference of orders means anything, and
        // this one may be small by the weights alone.
        let surprise = difference * stencil.surprise();
        let resolved = surprise <= UNRESOLVED * value.abs();
        let relative = if surprise == 0.0 { 0.0 } else { surprise / value.abs() };
        let estimate = Estimate {
            level,
            value,
            truncation: if resolved { difference.max(shown) } else { surprise },
            surprise: relative,
            // What varies in whole digits is off by as much, if it is not a step function.
            values: (self.plan.precision * size).max(if exact { 0.0 } else { digit }),
            gain: stencil.noise / step,
            argument: stencil.noise * self.line.grid * value.abs() / step,
            hidden: if window.full { stencil.noise * gauges[0] / step } else { 0.0 },
            size,
        };
        let finite = estimate.value.is_finite() && estimate.error().is_finite();
        finite.then_some((estimate, noise))
    }

    /// The derivative itself: linear in the values of `f`, with all that they carry.
    fn weigh(&self, window: &Window, level: i32, output: usize) -> S {
        let slope = |(row, _, _)| self.workspace.slopes[row * self.y.len() + output];
        window.rows(level).map(slope).zip(window.weights()).map(|(slope, &w)| slope * w).sum()
    }

    /// Evaluates `f` at one step and stores its slopes, or NaN for their sizes.
    fn slopes(&mut self, side: Side, row: usize, step: f64) {
        let m = self.y.len();
        let Workspace { point, plus, minus, slopes, sizes, bends, digits, .. } =
            &mut *self.workspace;
        let slopes = &mut slopes[row * m..(row + 1) * m];
        let sizes = &mut sizes[row * m..(row + 1) * m];
        let bends = &mut bends[row * m..(row + 1) * m];
        let digits = &mut digits[row * m..(row + 1) * m];
        let mut eval = |t: f64, values: &mut [S]| {
            let t = self.line.place(t, point);
            let result = self.f.eval(point, values);
            self.line.restore(point);
            result.map(|()| t)
        };
        let ends = match side {
            Side::Central => eval(step, plus).and_then(|above| Ok((above, eval(-step, minus)?))),
            Side::Forward => eval(step, plus).map(|above| (above, 0.0)),
            Side::Backward => eval(-step, plus).map(|below| (below, 0.0)),
        };
        let (from, to) = match ends {
            Ok((to, from)) => (from, to),
            Err(failure) => {
                self.failure = Some(failure);
                sizes.fill(f64::NAN);
                return;
            }
        };
        let minus: &[S] = minus;
        let origin = if side == Side::Central { minus } else { self.y };
        for (i, (slope, size)) in slopes.iter_mut().zip(sizes).enumerate() {
            *slope = (plus[i] - origin[i]) / (to - from);
            let [a, b, c] = [plus[i], origin[i], self.y[i]].map(|value| value.primal().abs());
            digits[i] = last_digit(a).min(last_digit(b)).min(last_digit(c));
            // `max` drops NaN, the slope keeps it.
            *size = if slope.primal().is_finite() { a.max(b).max(c) } else { f64::NAN };
            if side == Side::Central {
                let centre = self.y[i].primal();
                let (above, below) = (plus[i].primal() - centre, minus[i].primal() - centre);
                // The two steps differ by a rounding, which is no noise of `f`.
                bends[i] = 0.5 * ((above + below) - slope.primal() * (to + from));
            } else {
                bends[i] = 0.0;
            }
        }
    }
}
