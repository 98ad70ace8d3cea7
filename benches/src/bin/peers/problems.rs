//! The problems by name, and what other programs compute for them.

use ad_api::Function;
use ad_benches::{Gmm, Lstm, Rosenbrock};

/// The active inputs of an observation of P5; the observed place is constant.
pub(crate) const ACTIVE: usize = 15;

/// A problem, and the values that every peer must give.
pub(crate) struct Problem {
    pub(crate) name: String,
    pub(crate) outputs: usize,
    pub(crate) derivatives: usize,
    /// The output, or the sum of squares of several.
    pub(crate) value: f64,
    /// The sum of the absolute derivatives.
    pub(crate) grad_l1: f64,
}

impl Problem {
    /// A function of `inputs` variables, and its gradient.
    fn gradient(name: String, inputs: usize, value: f64, grad_l1: f64) -> Self {
        Problem { name, outputs: 1, derivatives: inputs, value, grad_l1 }
    }

    /// P1: a mixture of `k` Gaussians in `d` dimensions.
    pub(crate) fn mixture(f: &Gmm, value: f64, grad_l1: f64) -> Self {
        let (d, k) = (f.dimensions(), f.components());
        let name = format!("gmm_d{d}_k{k}_n{}", f.points().len() / d);
        Self::gradient(name, f.inputs(), value, grad_l1)
    }

    /// P2: a chain of valleys.
    pub(crate) fn rosenbrock(f: &Rosenbrock, value: f64, grad_l1: f64) -> Self {
        let n = f.inputs();
        Self::gradient(format!("rosenbrock_n{n}"), n, value, grad_l1)
    }

    /// P3: predator and prey.
    pub(crate) fn lotka_volterra() -> Self {
        Self::gradient("lv_rk4_1000".into(), 6, 4_487.902_896_93, 6_323.204_407_36)
    }

    /// P4: a recurrent network.
    pub(crate) fn lstm(f: &Lstm) -> Self {
        let (value, grad_l1) = (1.393_911_981_83, 0.355_078_621_77);
        Self::gradient("lstm_l2_c1024_b14".into(), f.inputs(), value, grad_l1)
    }

    /// P5: the Jacobian blocks of a bundle adjustment.
    pub(crate) fn bundle(observations: usize) -> Self {
        Problem {
            name: format!("ba_jac_p{observations}"),
            outputs: 2 * observations,
            derivatives: 2 * ACTIVE * observations,
            value: 337_581_795.279,
            grad_l1: 37_099_117.434_1,
        }
    }

    /// P6: `x` times itself, `links` times, at 1.
    pub(crate) fn chain(links: usize) -> Self {
        Self::gradient("op_overhead_mul1".into(), 1, 1.0, links as f64 + 1.0)
    }

    /// The product with the Hessian of another problem; value and gradient come along.
    pub(crate) fn product(&self) -> Self {
        Problem { name: format!("{}_hvp", self.name), ..*self }
    }

    /// Memory for results and derivatives.
    pub(crate) fn buffers(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![0.0; self.outputs], vec![0.0; self.derivatives])
    }

    /// Value and sum of absolute derivatives, for comparison with those of others.
    pub(crate) fn checks(y: &[f64], derivatives: &[f64]) -> (f64, f64) {
        let value = if let [value] = y { *value } else { y.iter().map(|y| y * y).sum() };
        (value, derivatives.iter().map(|d| d.abs()).sum())
    }
}
