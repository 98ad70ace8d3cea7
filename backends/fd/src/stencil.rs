//! The weights of the stencils, and how far they can be trusted.

use std::array::from_fn;
use std::sync::LazyLock;

/// The orders that [`Stencil::of`] knows.
pub(crate) const ORDERS: [usize; 4] = [2, 4, 6, 8];

/// The most steps that a stencil has: a one-sided one of order 8 with its error estimate.
pub(crate) const MAX_LEVELS: usize = 9;

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

/// A stencil of the first derivative on the steps `h, 2h, 4h, ...`.
///
/// It weighs slopes, `(f(x + s) - f(x - s)) / 2s` or `(f(x + s) - f(x)) / s`, the smallest step
/// first. Two formulas share them: one of the stated order without the largest step, and a better
/// one with it. Their difference is the error of the first. Steps that double serve two windows in
/// one: moving a window by one level costs one new step.
#[derive(Debug)]
pub(crate) struct Stencil {
    /// The order `p` of `check`; `value` is one (one-sided) or two (central) orders better.
    pub(crate) order: usize,
    /// The number of steps of `value`; `check` has one less.
    pub(crate) levels: usize,
    pub(crate) value: [f64; MAX_LEVELS],
    pub(crate) check: [f64; MAX_LEVELS],
    /// The error of either formula is at most `noise · δ / h` if each value of `f` is off by `δ`.
    pub(crate) noise: f64,
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
        let levels = if central { order / 2 } else { order } + 1;
        let (value, check) = (slope_weights(levels, central), slope_weights(levels - 1, central));
        let noise_of = |weights: &[f64; MAX_LEVELS]| {
            let over_step = |j: usize| weights[j] / step(j);
            let values: f64 = (0..levels).map(|j| over_step(j).abs()).sum();
            let centre: f64 = if central { 0.0 } else { (0..levels).map(over_step).sum() };
            values + centre.abs()
        };
        // The remainder of interpolation at the nodes: Fornberg's and every textbook's product.
        let product: f64 = (0..levels - 1).map(step).product();
        Stencil {
            order,
            levels,
            value,
            check,
            noise: noise_of(&value).max(noise_of(&check)),
            truncation: if central { product * product } else { product },
        }
    }

    /// The step that balances truncation and round-off of `check` before anything is known of `f`
    /// but the relative `precision` of its values: for `|f⁽ᵏ⁾| ≤ k! |f|`, which is Cauchy's estimate
    /// for a function that is analytic to distance 1.
    pub(crate) fn first_step(&self, precision: f64) -> f64 {
        let p = self.order as f64;
        (self.noise * precision / (p * self.truncation)).powf(1.0 / (p + 1.0))
    }
}

/// The `j`-th step, in units of the smallest.
pub(crate) fn step(j: usize) -> f64 {
    2f64.powi(j32(j))
}

fn j32(j: usize) -> i32 {
    i32::try_from(j).unwrap_or(i32::MAX)
}

/// The weights of the slopes at the first `levels` steps.
fn slope_weights(levels: usize, central: bool) -> [f64; MAX_LEVELS] {
    let mut nodes = Vec::with_capacity(2 * levels + 1);
    nodes.extend((0..levels).map(step));
    if central {
        nodes.extend((0..levels).map(|j| -step(j)));
    } else {
        nodes.push(0.0);
    }
    let weights = first_derivative_weights(&nodes);
    let slopes = if central { 2.0 } else { 1.0 };
    from_fn(|j| if j < levels { slopes * weights[j] * step(j) } else { 0.0 })
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
                            _ => s.powi(j32(k) - 1),
                        };
                        let terms: Vec<f64> =
                            (0..stencil.levels).map(|j| weights[j] * slope(step(j))).collect();
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
