//! What a fit says about the uncertainty of its parameters.

use nalgebra::{DMatrix, DVector};

use crate::Outcome;
use crate::pivoted_qr::{PivotedQr, back_substitute};

/// The covariance of the parameters of a fit: `s² (JᵀJ)⁻¹`, with `s² = |r|²/(m - n)`.
///
/// It holds for residuals of equal variance and no correlation, as far as the model is linear.
/// Computed from the pivoted QR of `J` with its columns scaled to length 1.
///
/// Where `J` has not full rank, some parameters are not identifiable: they can move without any
/// change to the residuals. These have no variance. The others have the one that they would have if
/// the unidentifiable ones were known, which does not depend on their values.
///
/// ```
/// use ad_algorithms::{LevenbergMarquardt, Method};
/// # use ad_api::{Failure, Function, Scalar};
/// # use ad_dual::Dual;
///
/// /// A mean of three values, and a parameter without effect.
/// #[derive(Clone)]
/// struct Mean;
///
/// impl Function for Mean {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 3 }
///     fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
///         for (r, y) in r.iter_mut().zip([1.0, 2.0, 3.0]) {
///             *r = b[0] - y;
///         }
///         Ok(())
///     }
/// }
/// let fit = LevenbergMarquardt::default().minimize(&Dual::default(), &Mean, &[1.0, 1.0])?;
/// let covariance = fit.covariance().expect("more residuals than parameters");
/// let errors = covariance.standard_errors();
/// assert!(errors[0].is_some_and(|error| (error - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12));
/// assert_eq!(errors[1], None);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Covariance {
    matrix: DMatrix<f64>,
    identifiable: Vec<bool>,
    residual_standard_deviation: f64,
    degrees_of_freedom: usize,
}

impl Covariance {
    /// The matrix, `n × n`, in the units of the parameters. Rows and columns of unidentifiable
    /// parameters are NaN.
    pub fn matrix(&self) -> &DMatrix<f64> {
        &self.matrix
    }

    /// The standard error of each parameter, `None` where it is unidentifiable.
    pub fn standard_errors(&self) -> Vec<Option<f64>> {
        let variances = self.matrix.diagonal();
        let known = variances.iter().zip(&self.identifiable);
        known.map(|(variance, known)| known.then(|| variance.sqrt())).collect()
    }

    /// The correlation of the estimates, `n × n`; NaN for unidentifiable parameters and for an
    /// exact fit.
    pub fn correlation(&self) -> DMatrix<f64> {
        let n = self.matrix.nrows();
        DMatrix::from_fn(n, n, |i, j| {
            self.matrix[(i, j)] / (self.matrix[(i, i)].sqrt() * self.matrix[(j, j)].sqrt())
        })
    }

    /// The parameters that the data do not determine, counted from 0.
    pub fn unidentifiable(&self) -> impl Iterator<Item = usize> {
        self.identifiable.iter().enumerate().filter(|(_, known)| !**known).map(|(j, _)| j)
    }

    /// `s = √(|r|²/(m - n))`, in the units of the residuals.
    pub fn residual_standard_deviation(&self) -> f64 {
        self.residual_standard_deviation
    }

    /// `m - n`, or `m` less the rank of `J` where that is lower.
    pub fn degrees_of_freedom(&self) -> usize {
        self.degrees_of_freedom
    }
}

/// A parameter is part of a null vector of `J` from this share on.
const NULL_SHARE: f64 = 1e-8;

impl Outcome {
    /// The covariance of the parameters at `x`, or `None` if `m` is the rank of `J`: then nothing
    /// is left to estimate the variance of the residuals from.
    pub fn covariance(&self) -> Option<Covariance> {
        let (m, n) = self.jacobian.shape();
        let norms = DVector::from_iterator(
            n,
            self.jacobian.column_iter().map(|c| if c.norm() == 0.0 { 1.0 } else { c.norm() }),
        );
        let mut qr = PivotedQr::new(m, n);
        qr.factor(&self.jacobian, &norms, &self.residuals);
        let rank = qr.rank;
        let degrees_of_freedom = m.checked_sub(rank).filter(|&d| d > 0)?;
        let s = (self.rss / degrees_of_freedom as f64).sqrt();

        // R₁₁⁻¹, and the null vectors (-R₁₁⁻¹ R₁₂; I).
        let mut inverse = DMatrix::identity(rank, rank);
        for mut column in inverse.column_iter_mut() {
            back_substitute(&qr.r, rank, column.as_mut_slice());
        }
        let null = &inverse * qr.r.view((0, rank), (rank, n - rank));
        let mut identifiable = vec![false; n];
        for k in 0..rank {
            identifiable[qr.permutation[k]] = null.row(k).amax() <= NULL_SHARE;
        }

        let mut matrix = DMatrix::from_element(n, n, f64::NAN);
        for k in 0..rank {
            for l in 0..rank {
                let (i, j) = (qr.permutation[k], qr.permutation[l]);
                if identifiable[i] && identifiable[j] {
                    let scaled = inverse.row(k).dot(&inverse.row(l));
                    matrix[(i, j)] = (s / norms[i]) * (s / norms[j]) * scaled;
                }
            }
        }
        Some(Covariance {
            matrix,
            identifiable,
            residual_standard_deviation: s,
            degrees_of_freedom,
        })
    }
}
