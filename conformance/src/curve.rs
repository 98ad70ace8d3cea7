//! The functions of the third derivatives: a type of their own, since every more level of nesting
//! compiles all of a function again, for numbers many times as large.

use ad_api::{Failure, Function, Scalar};

/// A small function of one variable; the last is of another shape.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Curve {
    FourthPower,
    Sine,
    Exponential,
    Reciprocal,
    Entropy,
    /// Not a curve: for the error.
    TenToFive,
}

impl Curve {
    /// The name, a point, and the third derivative there.
    pub(crate) fn known() -> [(Curve, &'static str, f64, f64); 5] {
        let (x, z) = (0.42_f64, 1.5_f64);
        [
            (Curve::FourthPower, "x⁴", x, 24.0 * x),
            (Curve::Sine, "sin x", x, -x.cos()),
            (Curve::Exponential, "exp 2x", x, 8.0 * (2.0 * x).exp()),
            (Curve::Reciprocal, "1/x", z, -6.0 / z.powi(4)),
            (Curve::Entropy, "x ln x", z, -1.0 / (z * z)),
        ]
    }
}

impl Function for Curve {
    fn inputs(&self) -> usize {
        if matches!(self, Curve::TenToFive) { 10 } else { 1 }
    }

    fn outputs(&self) -> usize {
        if matches!(self, Curve::TenToFive) { 5 } else { 1 }
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let x = x[0];
        y.fill(match self {
            Curve::FourthPower | Curve::TenToFive => x.powi(4),
            Curve::Sine => x.sin(),
            Curve::Exponential => (x * 2.0).exp(),
            Curve::Reciprocal => x.recip(),
            Curve::Entropy => x * x.ln(),
        });
        Ok(())
    }
}
