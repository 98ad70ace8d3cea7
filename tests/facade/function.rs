//! The functions that these tests differentiate.

use std::any::type_name;

use ad::prelude::*;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Sample {
    /// ℝ³ → ℝ², neither linear nor symmetric.
    Mixing,
    /// ℝ³ → ℝ.
    Potential,
    /// ℝ → ℝ².
    Curve,
    /// Has no value anywhere.
    Failing,
    /// `Σ x²` of two inputs, but off by one percent on the numbers of `Dual`.
    WrongOnDual,
    /// `Σ x²` of two inputs, but without value on the numbers of `Dual`.
    FailingOnDual,
    /// Two inputs of very different size; the derivative with respect to the large one is off by one
    /// percent on the numbers of `Dual`.
    BadlyScaled,
    /// A long chain of sines of many inputs.
    Long,
}

use Sample::{BadlyScaled, Curve, Failing, FailingOnDual, Long, Mixing, Potential, WrongOnDual};

impl Function for Sample {
    fn inputs(&self) -> usize {
        match self {
            Mixing | Potential => 3,
            Curve | Failing => 1,
            WrongOnDual | FailingOnDual | BadlyScaled => 2,
            Long => 4000,
        }
    }

    fn outputs(&self) -> usize {
        if matches!(self, Mixing | Curve | BadlyScaled) { 2 } else { 1 }
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let on_dual = || type_name::<S>().starts_with("ad_dual::number::DualNumber");
        match self {
            Mixing => {
                y[0] = x[0] * x[1].exp() + x[2].sin();
                y[1] = (x[0] * x[0] + 1.0).sqrt() / (x[2] + 3.0) - x[1] * x[2];
            }
            Potential => {
                y[0] = x[0] * x[1] * x[2] + (x[0] - x[1]).powi(4) + (x[2] * 0.5).cosh();
            }
            Curve => {
                y[0] = x[0].sin() * x[0];
                y[1] = (-x[0]).exp();
            }
            Failing => return Err(Failure::new("no value here")),
            FailingOnDual if on_dual() => return Err(Failure::new("not on these numbers")),
            WrongOnDual | FailingOnDual => {
                let factor = if on_dual() { 1.01 } else { 1.0 };
                y[0] = x.iter().map(|&x| x * x).sum::<S>() * factor;
            }
            BadlyScaled => {
                let factor = if on_dual() { 1.01 } else { 1.0 };
                y[0] = (x[0] * 1e-8 * factor).sin() + (x[1] * 1e5).exp();
                y[1] = (x[0] * 1e-8).cos() * (x[1] * 1e5).sin();
            }
            Long => y[0] = x.iter().fold(S::from(0.0), |sum, &x| (sum + x).sin()),
        }
        Ok(())
    }
}
