//! Bounds on the inputs, outside which a function must not be evaluated.

use ad_api::{AdError, Result, Scalar};

/// A lower and an upper bound for each input; infinite where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Bounds {
    /// `lower[i] ≤ xᵢ ≤ upper[i]`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] if the lengths differ, [`AdError::Setting`] if a bound is NaN or a lower
    /// one exceeds its upper one.
    pub fn new(lower: Vec<f64>, upper: Vec<f64>) -> Result<Self> {
        AdError::check_len("upper", upper.len(), lower.len(), "as many as `lower`")?;
        // Written so that NaN is refused.
        let ordered = |(lower, upper): (&f64, &f64)| lower <= upper;
        if let Some(i) = lower.iter().zip(&upper).position(|pair| !ordered(pair)) {
            return Err(AdError::Setting {
                setting: "bounds",
                found: format!("[{}, {}] for input {i}", lower[i], upper[i]),
                expected: "a lower bound that is not above the upper one",
            });
        }
        Ok(Bounds { lower, upper })
    }

    /// The lower bounds, one for each input.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// The upper bounds, one for each input.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// Checks that `x` lies inside.
    pub(crate) fn check<S: Scalar>(&self, x: &[S]) -> Result<()> {
        AdError::check_len("bounds", self.lower.len(), x.len(), "one for each input")?;
        for (input, (x, (lower, upper))) in
            x.iter().zip(self.lower.iter().zip(&self.upper)).enumerate()
        {
            let x = x.primal();
            if x < *lower || x > *upper {
                let reason = format!("the point, {x}, lies outside the bounds [{lower}, {upper}]");
                return Err(AdError::Inaccurate { backend: "fd".into(), input, reason });
            }
        }
        Ok(())
    }
}
