//! A loop with few inputs: the whole Jacobian as static tangents that the loop carries.

use ad_api::{Function, Result, Scan, scratch};

use super::jet::Jet;

/// Up to this many inputs.
pub(crate) const FEW: usize = 8;

/// Writes the value into `y` and the Jacobian into `jacobian: m·n`, column by column; `n ≤` [`FEW`].
/// Returns false if they must be computed in another way.
///
/// Tangents cost by the pair.
pub(crate) fn jacobian<F: Function>(
    f: &Scan<F>,
    x: &[f64],
    y: &mut [f64],
    jacobian: &mut [f64],
) -> bool {
    match x.len() {
        0..=2 => forward::<1, F>(f, x, y, jacobian),
        3..=4 => forward::<2, F>(f, x, y, jacobian),
        5..=6 => forward::<3, F>(f, x, y, jacobian),
        _ => forward::<{ FEW / 2 }, F>(f, x, y, jacobian),
    }
    .is_ok()
        && !jacobian.iter().any(|d| d.is_nan())
}

fn forward<const P: usize, F: Function>(
    f: &Scan<F>,
    x: &[f64],
    y: &mut [f64],
    jacobian: &mut [f64],
) -> Result<()> {
    scratch::with(x.len() + y.len(), |buffer: &mut [Jet<P>]| {
        let (input, output) = buffer.split_at_mut(x.len());
        input.iter_mut().zip(x).enumerate().for_each(|(j, (jet, &x))| *jet = Jet::input(x, j));
        f.eval(input, output)?;
        y.iter_mut().zip(&*output).for_each(|(y, jet)| *y = jet.re);
        for (j, column) in jacobian.chunks_exact_mut(y.len()).enumerate() {
            column.iter_mut().zip(&*output).for_each(|(d, jet)| *d = jet.tangent(j));
        }
        Ok(())
    })
}
