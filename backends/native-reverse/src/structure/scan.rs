//! Loops: with few inputs the whole Jacobian as static tangents that the loop carries, with many a
//! tape of one step at a time.

use ad_api::{Function, Result, Scan, scratch};

use super::jet::Jet;
use crate::backend::Workspace;

/// Up to this many numbers, the states of all steps are kept.
const KEPT: usize = 1 << 17;

/// A tape of the whole loop may take this many bytes.
///
/// PERF: it costs one evaluation less than a tape of each step: 3.8 primals instead of 4.8 for a
/// recurrent network, with 38 MB instead of 0.5 MB.
const TAPE: usize = 1 << 26;

/// Whether a tape of the whole loop is larger than it should be, by that of the first step.
pub(crate) fn is_long<F: Function>(
    work: &mut Workspace<f64>,
    f: &Scan<F>,
    x: &[f64],
) -> Result<bool> {
    if f.steps() == 0 {
        return Ok(false);
    }
    let (n, inputs) = (x.len(), f.step().inputs());
    scratch::with(inputs + f.step().outputs(), |buffer: &mut [f64]| {
        let (input, output) = buffer.split_at_mut(inputs);
        input[..n].copy_from_slice(x);
        input[n..].copy_from_slice(f.constants(0));
        work.evaluate_partly(f.step(), n, input, output)?;
        Ok(work.tape_bytes().saturating_mul(f.steps()) > TAPE)
    })
}

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

/// Writes the value into `y` and the pullback of each of the cotangents `y_bar: k·m` into
/// `x_bar: k·n`: the loop forwards, then a tape of each step backwards.
///
/// The states of all steps are kept if they are few. Otherwise those of about `√T` steps are, from
/// each of which the loop runs again up to the next: one more evaluation.
///
/// # References
///
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 12.2.
pub(crate) fn pullback<F: Function>(
    work: &mut Workspace<f64>,
    f: &Scan<F>,
    x: &[f64],
    y_bar: &[f64],
    y: &mut [f64],
    x_bar: &mut [f64],
) -> Result<()> {
    let (n, m, steps, state) = (f.inputs(), f.outputs(), f.steps(), f.state());
    let (inputs, outputs, parameters) = (f.step().inputs(), f.step().outputs(), n - state);
    let (readouts, k) = (outputs - state, y_bar.len() / m.max(1));
    let stretch = if steps * state <= KEPT { steps.max(1) } else { steps.isqrt() };
    let sizes =
        [steps.div_ceil(stretch) * state, stretch * state, inputs, outputs, k * outputs, k * n];
    scratch::with(sizes.iter().sum(), |buffer: &mut [f64]| {
        let mut rest = buffer;
        let [checkpoints, states, input, output, w, d] = sizes.map(|size| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(size);
            rest = after;
            part
        });
        input[..n].copy_from_slice(x);
        y.fill(0.0);
        let newest = steps.saturating_sub(1) / stretch * stretch;
        for step in 0..steps {
            if step % stretch == 0 {
                let checkpoint = &mut checkpoints[step / stretch * state..][..state];
                checkpoint.copy_from_slice(&input[parameters..n]);
            }
            if step >= newest {
                let kept = &mut states[(step - newest) * state..][..state];
                kept.copy_from_slice(&input[parameters..n]);
            }
            input[n..].copy_from_slice(f.constants(step));
            f.step().eval(input, output)?;
            input[parameters..n].copy_from_slice(&output[..state]);
            y.iter_mut().zip(&output[state..]).for_each(|(y, readout)| *y += readout);
        }
        y[readouts..].copy_from_slice(&input[parameters..n][..m - readouts]);
        x_bar.fill(0.0);
        for (x_bar, y_bar) in x_bar.chunks_exact_mut(n).zip(y_bar.chunks_exact(m)) {
            x_bar[parameters..][..m - readouts].copy_from_slice(&y_bar[readouts..]);
        }
        for first in (0..steps).step_by(stretch).rev() {
            let last = steps.min(first + stretch);
            input[parameters..n].copy_from_slice(&checkpoints[first / stretch * state..][..state]);
            // The states of the newest stretch have been kept already.
            for step in if first < newest { first..last } else { 0..0 } {
                let kept = &mut states[(step - first) * state..][..state];
                kept.copy_from_slice(&input[parameters..n]);
                if step + 1 < last {
                    input[n..].copy_from_slice(f.constants(step));
                    f.step().eval(input, output)?;
                    input[parameters..n].copy_from_slice(&output[..state]);
                }
            }
            for step in (first..last).rev() {
                input[parameters..n].copy_from_slice(&states[(step - first) * state..][..state]);
                input[n..].copy_from_slice(f.constants(step));
                work.evaluate_partly(f.step(), n, input, output)?;
                for (w, (x_bar, y_bar)) in (w.chunks_exact_mut(outputs))
                    .zip(x_bar.chunks_exact(n).zip(y_bar.chunks_exact(m)))
                {
                    w[..state].copy_from_slice(&x_bar[parameters..]);
                    w[state..].copy_from_slice(&y_bar[..readouts]);
                }
                work.pull(w, d)?;
                for (x_bar, d) in x_bar.chunks_exact_mut(n).zip(d.chunks_exact(n)) {
                    x_bar[..parameters].iter_mut().zip(d).for_each(|(x_bar, d)| *x_bar += d);
                    x_bar[parameters..].copy_from_slice(&d[parameters..]);
                }
            }
        }
        Ok(())
    })
}
