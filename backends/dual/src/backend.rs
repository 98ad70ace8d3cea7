//! The backend: seeds tangents in chunks and reads them back.

use std::array::from_fn;

use ad_api::{Engine, Function, Pushforward, Result, Scalar, Shape, check_pushforward, scratch};

use crate::DualNumber;

/// Forward mode with dual numbers that carry several tangents per sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dual {}

impl Engine for Dual {
    fn name(&self) -> String {
        "dual".into()
    }

    fn lanes(&self, _shape: Shape) -> usize {
        8
    }
}

impl Pushforward for Dual {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        for (v, out) in x_dot.chunks(8 * n).zip(y_dot.chunks_mut(8 * m)) {
            let count = v.len() / n;
            scratch::with(n + m, |buffer: &mut [DualNumber<S, 8>]| {
                let (input, output) = buffer.split_at_mut(n);
                for (i, input) in input.iter_mut().enumerate() {
                    let eps = from_fn(|k| if k < count { v[k * n + i] } else { S::from(0.0) });
                    *input = DualNumber::new(x[i], eps);
                }
                f.eval(input, output)?;
                for (i, output) in output.iter().enumerate() {
                    y[i] = output.re;
                    (0..count).for_each(|k| out[k * m + i] = output.eps[k]);
                }
                Ok::<(), ad_api::AdError>(())
            })?;
        }
        Ok(())
    }
}

ad_api::backend!(Dual: pushforward);
