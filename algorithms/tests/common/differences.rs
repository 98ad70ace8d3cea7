//! A backend with approximate derivatives, as finite differences give them.

use ad_api::{Engine, Function, Pushforward, Result, Scalar, check_pushforward, scratch};

/// Differences with a step of `relative_step` times the input: central, or forward.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Differences {
    pub(crate) relative_step: f64,
    pub(crate) central: bool,
}

impl Differences {
    pub(crate) const CENTRAL: Self = Differences { relative_step: 6e-6, central: true };
    pub(crate) const FORWARD: Self = Differences { relative_step: 1.5e-8, central: false };
}

impl Engine for Differences {
    fn name(&self) -> String {
        "differences".into()
    }
}

impl Pushforward for Differences {
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
        f.eval(x, y)?;
        for (v, out) in x_dot.chunks(n).zip(y_dot.chunks_mut(m)) {
            let size = x
                .iter()
                .zip(v)
                .filter(|(_, v)| v.primal() != 0.0)
                .map(|(x, v)| (x.primal() / v.primal()).abs())
                .fold(0.0, f64::max);
            let h = self.relative_step * if size == 0.0 { 1.0 } else { size };
            scratch::with(n + m, |buffer: &mut [S]| {
                let (at, behind) = buffer.split_at_mut(n);
                let mut moved = |h: f64, y: &mut [S]| {
                    for ((at, &x), &v) in at.iter_mut().zip(x).zip(v) {
                        *at = x + v * h;
                    }
                    f.eval(at, y)
                };
                let width = if self.central { 2.0 * h } else { h };
                moved(h, out)?;
                if self.central {
                    moved(-h, behind)?;
                } else {
                    behind.copy_from_slice(y);
                }
                for (out, &behind) in out.iter_mut().zip(behind.iter()) {
                    *out = (*out - behind) / width;
                }
                Ok::<(), ad_api::AdError>(())
            })?;
        }
        Ok(())
    }
}

ad_api::backend!(Differences: pushforward);
