//! How does one state a derivative instead of having it found?
//!
//! Kepler's equation `E - e sin E = M` is solved for the eccentric anomaly `E` by iteration in plain
//! `f64`. Its derivatives are known without differentiating the iteration, from the equation itself:
//! `(1 - e cos E) dE = dM + sin E de`. A rule says so, and every backend uses it, at every order.
//!
//! ```text
//! cargo run --example custom_rule
//! ```

use std::sync::Arc;

use ad::prelude::*;
use ad::{Accuracy, Rule, RuleTangent, RuleValue};
use anyhow::ensure;
use nalgebra::{dmatrix, dvector};

/// `(M, e) ↦ E`.
struct EccentricAnomaly;

impl RuleValue for EccentricAnomaly {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        let [mean, e] = *x else { return Err(Failure::new("needs M and e")) };
        if !(0.0..1.0).contains(&e) {
            return Err(Failure::new(format!("the orbit is not an ellipse: e = {e}")));
        }
        y[0] = mean + e * mean.sin();
        for _ in 0..50 {
            let step = (y[0] - e * y[0].sin() - mean) / (1.0 - e * y[0].cos());
            y[0] -= step;
            if step.abs() <= 4.0 * f64::EPSILON * y[0].abs() {
                return Ok(());
            }
        }
        Err(Failure::new(format!("no convergence for M = {mean}, e = {e}")))
    }
}

impl RuleTangent for EccentricAnomaly {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        // Applying the rule itself, rather than its value, is what makes higher orders work.
        let mut anomaly = [x[0]];
        self.apply(x, &mut anomaly)?;
        let (sin, cos) = anomaly[0].sin_cos();
        y_dot[0] = (x_dot[0] + sin * x_dot[1]) / (-(x[1] * cos) + 1.0);
        Ok(())
    }
}

// The cotangent is derived: reverse mode calls the tangent once for each input.
ad::rule!(EccentricAnomaly: tangent);

/// The distance from the sun, over the half axis: `1 - e cos E(M, e)`.
#[derive(Clone)]
struct Distance(Arc<EccentricAnomaly>);

impl Function for Distance {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut anomaly = [x[0]];
        self.0.apply(x, &mut anomaly)?;
        y[0] = -(x[1] * anomaly[0].cos()) + 1.0;
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let distance = Distance(Arc::new(EccentricAnomaly));
    let (mean, e) = (0.7, 0.2);

    // The closed form, in the anomaly.
    let mut anomaly = [0.0];
    distance.0.value(&[mean, e], &mut anomaly).map_err(AdError::from)?;
    let (sin, cos) = anomaly[0].sin_cos();
    let r = 1.0 - e * cos;
    let (anomaly_m, anomaly_e) = (1.0 / r, sin / r);
    let gradient = dvector![e * sin * anomaly_m, -cos + e * sin * anomaly_e];
    let anomaly_mm = -gradient[0] / (r * r);
    let anomaly_me = -gradient[1] / (r * r);
    let anomaly_ee = (cos * anomaly_e * r - sin * gradient[1]) / (r * r);
    let r_mm = e * (cos * anomaly_m * anomaly_m + sin * anomaly_mm);
    let r_me = sin * anomaly_m + e * (cos * anomaly_e * anomaly_m + sin * anomaly_me);
    let r_ee = 2.0 * sin * anomaly_e + e * (cos * anomaly_e * anomaly_e + sin * anomaly_ee);
    let hessian = dmatrix![r_mm, r_me; r_me, r_ee];
    println!("distance {r:.12}, its gradient ({:.12}, {:.12})\n", gradient[0], gradient[1]);

    println!("{:<36} {:>9} {:>9}", "errors of", "gradient", "Hessian");
    for backend in ad::backends().into_iter().chain(ad::pairs()) {
        let (value, g, h) = match backend.value_gradient_and_hessian(&distance, &[mean, e]) {
            Ok(found) => found,
            // A difference of a difference may have no digit left, and then says so.
            Err(refusal @ AdError::Inaccurate { .. }) => {
                println!("{:<36} {refusal}", backend.name());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let errors = [(g - &gradient).amax(), (h - &hessian).amax()];
        println!("{:<36} {:>9.1e} {:>9.1e}", backend.name(), errors[0], errors[1]);
        ensure!((value - r).abs() < 1e-15, "the value is changed");
        let exact = [backend.outer(), backend.inner()].map(|b| b.accuracy() == Accuracy::Exact);
        let tolerances = if exact == [true, true] { [1e-12, 1e-12] } else { [1e-6, 1e-2] };
        let right = errors.iter().zip(tolerances).all(|(&error, tolerance)| error < tolerance);
        ensure!(right, "the derivatives are wrong");
    }

    let failure = ad::backends()[0].gradient(&distance, &[mean, 1.5]);
    println!("\nat e = 1.5: {}", failure.err().map(|e| e.to_string()).unwrap_or_default());
    Ok(())
}
