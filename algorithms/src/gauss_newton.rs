//! Gauss-Newton with a line search.

use nalgebra::{DMatrix, DVector};

use crate::pivoted_qr::{PivotedQr, forward_substitute};
use crate::{Method, Model, Options, Proposal, Result, Status};

/// Gauss-Newton: the step to the minimum of the linear model, shortened until the cost decreases.
///
/// The step solves `min |r + J p|` by QR with column pivoting. The line search backtracks until
/// Armijo's condition holds, by safeguarded quadratic interpolation. A trial point where the
/// residuals fail or are not finite counts as infinitely bad.
///
/// Fast where the residuals at the minimum are small or the model is nearly linear; elsewhere, or
/// from a far start, [`LevenbergMarquardt`](crate::LevenbergMarquardt) is safer.
///
/// Source: J. Nocedal, S. J. Wright, *Numerical Optimization*, 2nd ed., Springer, 2006, sections
/// 3.1 and 10.3; the least-norm step: G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed.,
/// 2013, section 5.5.
///
/// ```
/// use ad_algorithms::{GaussNewton, Method};
/// # use ad_api::{Failure, Function, Scalar};
/// # #[derive(Clone)] struct Rosenbrock;
/// # impl Function for Rosenbrock {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 2 }
/// #     fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
/// #         r[0] = (x[1] - x[0] * x[0]) * 10.0;
/// #         r[1] = S::from(1.0) - x[0];
/// #         Ok(())
/// #     }
/// # }
/// let solver = GaussNewton::default();
/// let outcome = solver.minimize(&ad_dual::Dual::default(), &Rosenbrock, &[-1.2, 1.0])?;
/// assert!(outcome.status.is_converged() && outcome.rss < 1e-25);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GaussNewton {
    /// When to stop.
    pub options: Options,
    /// What to do where `J` has not full rank.
    pub on_deficiency: Deficiency,
}

/// What Gauss-Newton does where `J` has not full rank: the linear model has no single minimum
/// there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deficiency {
    /// Take the shortest of all steps to a minimum, each parameter measured in the norm of its
    /// column of `J`.
    #[default]
    LeastNorm,
    /// End with [`Status::RankDeficient`].
    Stop,
}

/// What Gauss-Newton remembers: the fraction of the step to try next.
#[derive(Debug, Clone)]
pub struct LineSearch {
    fraction: f64,
    z: DVector<f64>,
}

/// The share of the initial rate of decrease that a step must keep: Armijo's constant.
const ARMIJO: f64 = 1e-4;

impl Method for GaussNewton {
    type State = LineSearch;

    fn options(&self) -> &Options {
        &self.options
    }

    fn init(&self, model: &Model) -> LineSearch {
        LineSearch { fraction: 1.0, z: DVector::zeros(model.x().len()) }
    }

    fn propose(
        &self,
        state: &mut LineSearch,
        model: &Model,
        p: &mut DVector<f64>,
    ) -> Result<Proposal, Status> {
        let LineSearch { fraction: t, ref mut z } = *state;
        if model.rank() == p.len() {
            model.qr.basic_solution(z);
        } else if self.on_deficiency == Deficiency::Stop {
            return Err(Status::RankDeficient);
        } else {
            z.copy_from(&least_norm(&model.qr));
        }
        for (z, &j) in z.iter().zip(&model.qr.permutation) {
            p[j] = -t * z / model.column_norms[j];
        }
        let promised = model.cosine().powi(2);
        Ok(Proposal {
            size: model.scaled_norm(p),
            predicted: t * (2.0 - t) * promised,
            slope: t * promised,
            damping: 1.0 - t,
            is_full: t == 1.0,
        })
    }

    fn accepts(&self, proposal: &Proposal, actual: f64) -> bool {
        actual >= 2.0 * ARMIJO * proposal.slope
    }

    fn learn(
        &self,
        state: &mut LineSearch,
        proposal: &Proposal,
        actual: Option<f64>,
        accepted: bool,
    ) {
        if accepted {
            state.fraction = 1.0;
            return;
        }
        // The minimum of the parabola through both costs with the slope at the beginning.
        let shrink = actual.map_or(0.25, |actual| {
            (proposal.slope / (2.0 * proposal.slope - actual)).clamp(0.1, 0.5)
        });
        state.fraction *= shrink;
    }
}

/// The shortest `z` with `R₁ z = (Qᵀ b)₁`, `R₁` the leading `rank` rows of `R`, in pivoted order:
/// by the QR of `R₁ᵀ` (complete orthogonal decomposition).
fn least_norm(qr: &PivotedQr) -> DVector<f64> {
    let (rank, n) = (qr.rank, qr.qtb.len());
    if rank == 0 {
        return DVector::zeros(n);
    }
    let rows: DMatrix<f64> = qr.r.rows(0, rank).transpose();
    let orthogonal = rows.qr();
    let (q, u) = (orthogonal.q(), orthogonal.r());
    let mut w = qr.qtb.rows(0, rank).into_owned();
    forward_substitute(&u, rank, w.as_mut_slice());
    q * w
}
