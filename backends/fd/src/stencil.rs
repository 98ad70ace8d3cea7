//! The weights of the stencils, and how far they can be trusted.

use std::array::from_fn;
use std::sync::LazyLock;

/// The orders that [`Stencil::of`] knows.
pub(crate) const ORDERS: [usize; 4] = [2, 4, 6, 8];

/// The most steps that a stencil has: a one-sided one of order 8 with its error estimate.
pub(crate) const MAX_STEPS: usize = 9;

/// On which side of the point a stencil evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// On both, at `x ± s`.
    Central,
    /// Above the point only, at `x + s`.
    Forward,
    /// Below the point only, at `x - s`.
    Backward,
}

/// A stencil of the first derivative on the steps `h, 2h, 4h, ...` and one more.
///
/// It weighs slopes, `(f(x + s) - f(x - s)) / 2s` or `(f(x + s) - f(x)) / s`. Two formulas share
/// them: `check`, of the stated order, on the steps that double, and `value`, a better one, on all.
/// Their difference is the error of `check`.
///
/// Steps that double serve two windows in one: moving a window by one level costs one of them. But
/// a period of the function that fits into one fits into all, and what they show is then the smooth
/// function of a stroboscope. The last step is `√3` times the largest of the others: it fits nothing.
#[derive(Debug)]
pub(crate) struct Stencil {
    /// The order `p` of `check`; `value` is one (one-sided) or two (central) orders better.
    pub(crate) order: usize,
    /// The number of steps that double.
    pub(crate) levels: usize,
    /// The steps in units of the first: those that double, and the last.
    steps: [f64; MAX_STEPS],
    pub(crate) value: [f64; MAX_STEPS],
    pub(crate) check: [f64; MAX_STEPS],
    /// The error of either formula is at most `noise · δ / h` if each value of `f` is off by `δ`.
    pub(crate) noise: f64,
    /// Differences of high order in the slopes, for the noise; see [`Gauge`].
    pub(crate) slopes: [Gauge; GAUGES],
    /// The same in the bends of a central stencil.
    pub(crate) bends: [Gauge; GAUGES],
    /// The noise of the difference of the two formulas is `difference · δ / h` (root mean square).
    pub(crate) difference: f64,
    /// The error of `check` is `truncation · hᵖ · f⁽ᵖ⁺¹⁾ / (p + 1)!`.
    truncation: f64,
}

impl Stencil {
    /// The stencil of an order out of [`ORDERS`].
    pub(crate) fn of(order: usize, side: Side) -> &'static Stencil {
        static CENTRAL: LazyLock<[Stencil; 4]> =
            LazyLock::new(|| ORDERS.map(|order| Stencil::new(order, true)));
        static ONE_SIDED: LazyLock<[Stencil; 4]> =
            LazyLock::new(|| ORDERS.map(|order| Stencil::new(order, false)));
        let table = if side == Side::Central { &CENTRAL } else { &ONE_SIDED };
        &table[(order / 2).clamp(1, ORDERS.len()) - 1]
    }

    fn new(order: usize, central: bool) -> Self {
        let levels = if central { order / 2 } else { order };
        let mut steps = [0.0; MAX_STEPS];
        let mut doubling = 1.0;
        for step in &mut steps[..levels] {
            *step = doubling;
            doubling *= 2.0;
        }
        steps[levels] = 3f64.sqrt() * steps[levels - 1];
        let value = slope_weights(&steps[..=levels], central);
        let check = slope_weights(&steps[..levels], central);
        let noise_of = |weights: &[f64; MAX_STEPS]| {
            let over_step = || weights.iter().zip(&steps[..=levels]).map(|(w, s)| w / s);
            let centre: f64 = if central { 0.0 } else { over_step().sum() };
            over_step().map(f64::abs).sum::<f64>() + centre.abs()
        };
        // Values and checks differ by a difference of the highest order.
        let variance = (0..=levels).map(|j| ((value[j] - check[j]) / steps[j]).powi(2));
        let half = if central { 0.5 } else { 1.0 };
        let difference = (half * variance.sum::<f64>()).sqrt();
        let gauges = |bends: bool| {
            from_fn(|k| {
                let count = (levels + 1).saturating_sub(k);
                Gauge::new(&steps[..count], central, bends)
            })
        };
        // The remainder of interpolation at the nodes of `check`.
        let product: f64 = steps[..levels].iter().product();
        Stencil {
            order,
            levels,
            steps,
            value,
            check,
            slopes: gauges(false),
            bends: if central { gauges(true) } else { [Gauge::NONE; GAUGES] },
            difference,
            noise: noise_of(&value).max(noise_of(&check)),
            truncation: if central { product * product } else { product },
        }
    }

    /// The largest step, in units of the smallest, with the last one or without.
    pub(crate) fn reach(&self, full: bool) -> f64 {
        self.steps[self.levels - usize::from(!full)]
    }

    /// By how much the slope at the last step differs from what the others predict there, for each
    /// unit by which `value` differs from `check`.
    pub(crate) fn surprise(&self) -> f64 {
        self.value[self.levels].abs().recip()
    }

    /// The step that balances truncation and round-off of `check` before anything is known of `f`
    /// but the relative `precision` of its values: for `|f⁽ᵏ⁾| ≤ k! |f|`, which is Cauchy's estimate
    /// for a function that is analytic to distance 1.
    pub(crate) fn first_step(&self, precision: f64) -> f64 {
        let p = self.order as f64;
        (self.noise * precision / (p * self.truncation)).powf(1.0 / (p + 1.0))
    }
}

/// The numbers of steps that gauges leave out, from 0.
pub(crate) const GAUGES: usize = 3;

/// A difference of the values of a window that is zero for polynomials up to a high degree: what it
/// shows of a smooth function whose steps are short is the noise of the values.
///
/// It weighs the slopes at the first steps times `h`, or the *bends*
/// `(f(x + s) + f(x - s)) / 2 - f(x)` there, so that independent noise of standard deviation `δ`
/// gives a number of standard deviation `δ`.
///
/// # References
///
/// R. W. Hamming, *Introduction to Applied Numerical Analysis* (1971), chapter 6, and J. J. Moré and
/// S. M. Wild, *Estimating computational noise*, SIAM Journal on Scientific Computing 33 (2011)
/// 1292-1314, sections 2 and 3, on steps of equal length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauge {
    pub(crate) weights: [f64; MAX_STEPS],
    /// Whether there are steps enough for it.
    pub(crate) exists: bool,
}

impl Gauge {
    const NONE: Gauge = Gauge { weights: [0.0; MAX_STEPS], exists: false };

    fn new(steps: &[f64], central: bool, bends: bool) -> Gauge {
        if steps.len() < if bends { 1 } else { 2 } {
            return Gauge::NONE;
        }
        // Divided differences of the slopes, or of the bends over s², in s² (one-sided: in s).
        let node = |s: f64| if central { s * s } else { s };
        let mut weights = from_fn(|j| {
            let Some(&s) = steps.get(j) else { return 0.0 };
            let others = steps.iter().enumerate().filter(|&(k, _)| k != j);
            let product: f64 = others.map(|(_, &other)| node(s) - node(other)).product();
            if bends { (product * node(s)).recip() } else { product.recip() }
        });
        // The weight of each value, and of the one in the centre.
        let value = |j: usize| if bends { weights[j] } else { weights[j] / steps[j] };
        let apart: f64 = (0..steps.len()).map(|j| value(j).powi(2)).sum();
        let centre: f64 = (0..steps.len()).map(value).sum();
        let variance = match (central, bends) {
            (true, false) => 0.5 * apart,
            (true, true) => 0.5 * apart + centre * centre,
            (false, _) => apart + centre * centre,
        };
        weights.iter_mut().for_each(|weight| *weight /= variance.sqrt());
        Gauge { weights, exists: true }
    }
}

/// The weights of the slopes at `steps`.
fn slope_weights(steps: &[f64], central: bool) -> [f64; MAX_STEPS] {
    let mut nodes = steps.to_vec();
    if central {
        nodes.extend(steps.iter().map(|step| -step));
    } else {
        nodes.push(0.0);
    }
    let weights = first_derivative_weights(&nodes);
    let both = if central { 2.0 } else { 1.0 };
    from_fn(|j| steps.get(j).map_or(0.0, |step| both * weights[j] * step))
}

/// The weights `w` with `Σ wᵢ p(nodesᵢ) = p'(0)` for all polynomials of degree less than the number
/// of (different) nodes.
///
/// # References
///
/// B. Fornberg, *Generation of finite difference formulas on arbitrarily spaced grids*,
/// Mathematics of Computation 51 (1988) 699-706, section 3, for the derivatives 0 and 1.
fn first_derivative_weights(nodes: &[f64]) -> Vec<f64> {
    // (weight of the value, weight of the first derivative) at 0 of the interpolant so far
    let mut weights = vec![(0.0, 0.0); nodes.len()];
    weights[0].0 = 1.0;
    let mut previous = 1.0;
    for (i, &node) in nodes.iter().enumerate().skip(1) {
        let (mut product, last, newest) = (1.0, nodes[i - 1], weights[i - 1]);
        for (j, weight) in weights[..i].iter_mut().enumerate() {
            let gap = node - nodes[j];
            product *= gap;
            *weight = (node * weight.0 / gap, (node * weight.1 - weight.0) / gap);
        }
        let scale = previous / product;
        weights[i] = (-scale * last * newest.0, scale * (newest.0 - last * newest.1));
        previous = product;
    }
    weights.into_iter().map(|(_, first)| first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fornberg_reproduces_the_five_point_stencil() {
        let weights = first_derivative_weights(&[-2.0, -1.0, 0.0, 1.0, 2.0]);
        for (w, expected) in weights.iter().zip([1.0, -8.0, 0.0, 8.0, -1.0]) {
            assert!((w - expected / 12.0).abs() < 1e-15, "{weights:?}");
        }
    }

    #[test]
    fn stencils_are_exact_for_polynomials_of_their_order() {
        for order in ORDERS {
            for side in [Side::Central, Side::Forward, Side::Backward] {
                let stencil = Stencil::of(order, side);
                let central = side == Side::Central;
                for (weights, exact_to) in [
                    (&stencil.check, order),
                    (&stencil.value, if central { order + 2 } else { order + 1 }),
                ] {
                    for k in 0..=exact_to {
                        // The slopes of tᵏ at 0.
                        let slope = |s: f64| match (k, central) {
                            (0, _) => 0.0,
                            (_, true) if k % 2 == 0 => 0.0,
                            _ => s.powi(i32::try_from(k).unwrap() - 1),
                        };
                        let terms: Vec<f64> = (0..=stencil.levels)
                            .map(|j| weights[j] * slope(stencil.steps[j]))
                            .collect();
                        let (sum, size) =
                            (terms.iter().sum::<f64>(), terms.iter().map(|t| t.abs()).sum::<f64>());
                        let expected = if k == 1 { 1.0 } else { 0.0 };
                        assert!(
                            (sum - expected).abs() <= 1e-14 * size.max(1.0),
                            "order {order} {side:?}, power {k}: {sum}"
                        );
                    }
                }
            }
        }
    }
}
