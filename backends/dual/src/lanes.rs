//! What the sweeps need to know of a number type: its lanes, and which widths are compiled.

use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar, scratch};

/// A number that carries several tangents.
pub(crate) trait LaneNumber: Scalar + Lift {
    /// The number of tangents.
    const TANGENTS: usize;

    /// The tangent in one lane.
    fn tangent(&self, lane: usize) -> Self::Inner;

    /// Sets the tangent in one lane.
    fn set_tangent(&mut self, lane: usize, tangent: Self::Inner);
}

/// The number types of an engine, one for each base scalar and width.
pub(crate) trait Family {
    /// The type that carries `N` tangents.
    type Number<S: Scalar, const N: usize>: LaneNumber<Inner = S>;

    /// The widest number over `f64`: [`FEW`] or more.
    const WIDEST: usize;
}

/// Up to this many tangents over `f64` have a number type of exactly their width.
pub(crate) const FEW: usize = 4;

/// The only width over the numbers of another engine. Each width compiles the function once more
/// for every type it meets, and a nested number of width `w` over width `v` has `(1 + w)(1 + v)`
/// parts, most of them idle where a wide one serves few tangents.
pub(crate) const NESTED: usize = 4;

/// Applies a rule: the value on the primals, and the rule's tangent once for each lane in use.
pub(crate) fn apply_rule<T: LaneNumber, R: Rule>(
    rule: &Arc<R>,
    x: &[T],
    y: &mut [T],
) -> Result<(), Failure> {
    scratch::with(2 * (x.len() + y.len()), |buffer: &mut [T::Inner]| {
        let (primal, rest) = buffer.split_at_mut(x.len());
        let (tangent, rest) = rest.split_at_mut(x.len());
        let (value, derivative) = rest.split_at_mut(y.len());
        primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.inner());
        T::Inner::apply_rule(rule, primal, value)?;
        y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = T::constant(value));
        for lane in 0..T::TANGENTS {
            tangent.iter_mut().zip(x).for_each(|(tangent, x)| *tangent = x.tangent(lane));
            if tangent.iter().all(|tangent| tangent.vanishes()) {
                continue;
            }
            rule.tangent(primal, tangent, derivative)?;
            y.iter_mut().zip(&*derivative).for_each(|(y, &d)| y.set_tangent(lane, d));
        }
        Ok(())
    })
}
