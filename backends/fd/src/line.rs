//! The line along which a function is differentiated: an axis, or a tangent.

use ad_api::{AdError, Result, Scalar};

use crate::Bounds;

/// Below this a number says nothing about the scale of a function: it is a zero.
const TINY: f64 = 1e-292;

/// With less room than this part of the scale of `x` a line is in a corner of the bounds.
const CORNER: f64 = 1e-3;

/// The points `x + t·u`, and the lengths in `t` that matter.
pub(crate) struct Line<'a, S> {
    x: &'a [S],
    direction: Direction<'a, S>,
    bounds: Option<&'a Bounds>,
    /// Where `f` is expected to vary, from the size of `x`: the smallest `|xᵢ/uᵢ|`, of which a zero
    /// in `x` counts as 1.
    pub(crate) scale: f64,
    /// The scale if entries of `x` below 1 were as good as zero.
    pub(crate) unit: f64,
    /// The spacing in `t` of the representable points.
    pub(crate) grid: f64,
    /// Displacements below this are lost in the rounding of `x`.
    pub(crate) finest: f64,
    /// How far the bounds and the largest step let `t` go, backward and forward.
    pub(crate) room: [f64; 2],
    /// The input that an error names.
    pub(crate) input: usize,
    /// The derivative along the direction asked for, over that along `u`.
    pub(crate) stretch: f64,
}

enum Direction<'a, S> {
    Axis(usize),
    /// `u = v / stretch`, so that the largest entry is between 1 and 2.
    Tangent {
        v: &'a [S],
        /// The entry whose rounding is the coarsest in `t`: its displacement is made representable.
        pivot: Option<usize>,
    },
}

impl<'a, S: Scalar> Line<'a, S> {
    /// The line along axis `i`.
    pub(crate) fn axis(x: &'a [S], i: usize, limits: (Option<&'a Bounds>, f64)) -> Result<Self> {
        let size = x[i].primal().abs();
        check_finite(size, i)?;
        let scale = if size < TINY { 1.0 } else { size };
        let (bounds, max_step) = limits;
        Ok(Line {
            x,
            direction: Direction::Axis(i),
            bounds,
            scale,
            unit: scale.max(1.0),
            grid: spacing(size),
            finest: (16.0 * f64::EPSILON * size).max(TINY),
            room: room(bounds, i, x[i].primal(), 1.0).map(|room| room.min(max_step)),
            input: i,
            stretch: 1.0,
        })
    }

    /// The line along `v`, or `None` if `v` is zero with all its derivatives.
    pub(crate) fn tangent(
        x: &'a [S],
        v: &'a [S],
        (bounds, max_step): (Option<&'a Bounds>, f64),
    ) -> Result<Option<Self>> {
        if v.iter().all(|v| v.vanishes()) {
            return Ok(None);
        }
        let largest = v.iter().fold(0.0, |max: f64, v| max.max(v.primal().abs()));
        // A tangent of NaN has no length; whatever the step, its derivative is NaN.
        let stretch =
            if largest > 0.0 && largest.is_finite() { power_of_two(largest) } else { 1.0 };
        let mut line = Line {
            x,
            direction: Direction::Tangent { v, pivot: None },
            bounds,
            scale: f64::INFINITY,
            unit: 1.0,
            grid: TINY,
            finest: TINY,
            room: [max_step / (largest / stretch).max(1.0); 2],
            input: 0,
            stretch,
        };
        let (mut pivot, mut coarsest) = (None, -1.0);
        let mut norm: f64 = 1.0;
        for (i, (x, v)) in x.iter().zip(v).enumerate() {
            let (size, u) = (x.primal().abs(), v.primal() / stretch);
            if u == 0.0 || u.is_nan() {
                continue;
            }
            check_finite(size, i)?;
            norm = norm.max(size);
            let scale = if size < TINY { 1.0 } else { size } / u.abs();
            if scale < line.scale {
                line.scale = scale;
                line.finest = (16.0 * f64::EPSILON * size / u.abs()).max(TINY);
                line.input = i;
            }
            if size / u.abs() > coarsest {
                coarsest = size / u.abs();
                line.grid = spacing(size) / u.abs();
                pivot = Some(i);
            }
            let [backward, forward] = room(bounds, i, x.primal(), u);
            line.room = [line.room[0].min(backward), line.room[1].min(forward)];
        }
        if pivot.is_none() {
            line.scale = 1.0; // a tangent in the inner derivatives alone: linear in any step
        }
        line.unit = line.scale.max(norm / (largest / stretch).max(1.0));
        line.direction = Direction::Tangent { v, pivot };
        Ok(Some(line))
    }

    /// Whether bounds leave next to no room on either side.
    pub(crate) fn is_cornered(&self) -> bool {
        self.bounds.is_some() && self.room[0].max(self.room[1]) < CORNER * self.scale
    }

    /// Writes the point at about `t` into `point`, which holds `x` or a point of this line, and
    /// returns the `t` where it is. The difference of a displaced entry and its origin is exactly
    /// what the slopes divide by: there is no other rounding in an axis.
    pub(crate) fn place(&self, t: f64, point: &mut [S]) -> f64 {
        match self.direction {
            Direction::Axis(i) => {
                let x = self.x[i].primal();
                let t = self.inside(i, x + t) - x;
                point[i] = self.x[i] + t;
                t
            }
            Direction::Tangent { v, pivot } => {
                let t = pivot.map_or(t, |i| {
                    let (x, u) = (self.x[i].primal(), v[i].primal() / self.stretch);
                    let rounded = (self.inside(i, x + t * u) - x) / u;
                    // An entry that hardly moves must not stop the others.
                    if (rounded - t).abs() <= 1e-3 * t.abs() { rounded } else { t }
                });
                let factor = t / self.stretch;
                for (i, (point, (&x, &v))) in point.iter_mut().zip(self.x.iter().zip(v)).enumerate()
                {
                    *point = x + v * factor;
                    let primal = point.primal();
                    let inside = self.inside(i, primal);
                    if inside != primal {
                        *point += inside - primal; // out by a rounding
                    }
                }
                t
            }
        }
    }

    /// Makes `point` equal to `x` again.
    pub(crate) fn restore(&self, point: &mut [S]) {
        match self.direction {
            Direction::Axis(i) => point[i] = self.x[i],
            Direction::Tangent { .. } => point.copy_from_slice(self.x),
        }
    }

    fn inside(&self, i: usize, x: f64) -> f64 {
        match self.bounds {
            Some(bounds) if !x.is_nan() => x.clamp(bounds.lower()[i], bounds.upper()[i]),
            _ => x,
        }
    }
}

/// How far `t` may go backward and forward from `x` until `x + t·u` meets a bound of input `i`.
fn room(bounds: Option<&Bounds>, i: usize, x: f64, u: f64) -> [f64; 2] {
    let Some(bounds) = bounds else { return [f64::INFINITY; 2] };
    let (below, above) = ((x - bounds.lower()[i]) / u.abs(), (bounds.upper()[i] - x) / u.abs());
    if u > 0.0 { [below, above] } else { [above, below] }
}

/// The spacing of floating-point numbers around `size`, and one binade higher.
fn spacing(size: f64) -> f64 {
    if size < TINY { TINY } else { 2.0 * f64::EPSILON * power_of_two(size) }
}

/// The power of two at or below `x > 0`, kept away from the ends of the exponent's range.
fn power_of_two(x: f64) -> f64 {
    x.log2().floor().clamp(-1000.0, 1000.0).exp2()
}

fn check_finite(size: f64, input: usize) -> Result<()> {
    if size.is_finite() {
        return Ok(());
    }
    let reason = "the point itself is not finite there".into();
    Err(AdError::Inaccurate { backend: "fd".into(), input, reason })
}
