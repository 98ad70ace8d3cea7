//! LSMR.

use super::{LeastSquaresOutcome, LinearMap, LinearStatus, Vector};
use crate::Result;
use crate::options::check;

/// LSMR for `min |A x - b|² + λ²|x|²`, `A` of any shape and rank.
///
/// Equivalent to MINRES on the normal equations, without forming them: by bidiagonalization of `A`
/// from `b`. The norm of the gradient decreases monotonically. Where `A` has not full rank, the
/// solution is the one of least norm. Iteration starts at 0.
///
/// Source: D. C.-L. Fong, M. Saunders, *LSMR: an iterative algorithm for sparse least-squares
/// problems*, SIAM J. Sci. Comput. 33 (2011) 2950-2971.
///
/// ```
/// use ad_algorithms::matrix_free::Lsmr;
/// use nalgebra::{dmatrix, dvector};
///
/// // A line through three points.
/// let a = dmatrix![1.0, 0.0; 1.0, 1.0; 1.0, 2.0];
/// let fit = Lsmr::default().solve(&a, &dvector![0.0, 1.0, 1.0])?;
/// assert!(fit.status.is_converged());
/// assert!((fit.x - dvector![1.0 / 6.0, 0.5]).norm() < 1e-12);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lsmr {
    /// `λ`. Default 0.
    pub damping: f64,
    /// Stop when `|Aᵀr| ≤ tol |A| |r|`, with an estimate of the Frobenius norm of `A`: the solution
    /// is exact for an `A` that differs by this fraction. Default `1e-10`; 0 means rounding. The `atol`
    /// of the paper.
    pub matrix_tol: f64,
    /// Stop when `|r| ≤ tol |b| + matrix_tol |A| |x|`: the system is compatible. Default `1e-10`; 0
    /// means rounding. The `btol` of the paper.
    pub rhs_tol: f64,
    /// Stop when the gradient is at most this fraction of what it is at the start. Default 0: off.
    /// This is the test of [`Cgls`](super::Cgls).
    pub gradient_tol: f64,
    /// Give up when the estimate of the condition number of `A` exceeds this. Default `1e12`.
    pub max_condition: f64,
    /// Stop after this many iterations. Default 1000.
    pub max_iterations: usize,
}

impl Default for Lsmr {
    fn default() -> Self {
        Lsmr {
            damping: 0.0,
            matrix_tol: 1e-10,
            rhs_tol: 1e-10,
            gradient_tol: 0.0,
            max_condition: 1e12,
            max_iterations: 1000,
        }
    }
}

impl Lsmr {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option) for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        for (option, tol) in [
            ("matrix_tol", self.matrix_tol),
            ("rhs_tol", self.rhs_tol),
            ("gradient_tol", self.gradient_tol),
        ] {
            check(option, tol, (0.0..1.0).contains(&tol), "a number from 0 to below 1")?;
        }
        let condition = self.max_condition;
        check("max_condition", condition, condition > 1.0, "a number above 1")?;
        check_damping(self.damping)
    }

    /// Solves `min |A x - b|² + λ²|x|²`.
    ///
    /// # Shapes
    ///
    /// `A: m × n`, `b: m`, the solution `n`.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option), and what the products report. Stopping
    /// short is a [`LinearStatus`].
    pub fn solve<V: Vector, A: LinearMap<V>>(
        &self,
        a: &A,
        b: &V,
    ) -> Result<LeastSquaresOutcome<V>> {
        self.validate()?;
        let (b_norm, unit) = (b.norm()?, b.unit());
        let mut u = b.clone();
        if b_norm > 0.0 && b_norm.is_finite() {
            u.scale(1.0 / b_norm);
        }
        let mut v = a.apply_transpose(&u)?;
        let mut alpha = v.norm()?;
        let mut outcome = LeastSquaresOutcome {
            x: v.zeros_like(),
            residual_norm: b_norm,
            gradient_norm: alpha * b_norm,
            status: LinearStatus::IterationLimit,
            iterations: 0,
        };
        if !outcome.gradient_norm.is_finite() {
            outcome.status = LinearStatus::NonFinite;
            return Ok(outcome);
        }
        if outcome.gradient_norm == 0.0 {
            outcome.status = LinearStatus::Converged;
            return Ok(outcome);
        }
        v.scale(1.0 / alpha);

        // The names of the paper, with a trailing underscore for what it marks with a bar.
        let gradient_target = self.gradient_tol * outcome.gradient_norm;
        let (mut zeta_, mut alpha_) = (alpha * b_norm, alpha);
        let (mut rho, mut rho_, mut c_, mut s_) = (1.0, 1.0, 1.0, 0.0);
        let (mut h, mut h_) = (v.clone(), v.zeros_like());
        let mut residual = ResidualNorm::new(b_norm);
        let mut norm_squared = alpha * alpha;
        let (mut largest, mut smallest) = (0.0_f64, f64::INFINITY);
        while outcome.iterations < self.max_iterations {
            outcome.iterations += 1;
            // Bidiagonalization.
            let image = a.apply(&v)?;
            u.axpby(1.0, &image, -alpha);
            let beta = u.norm()?;
            if beta > 0.0 && beta.is_finite() {
                u.scale(1.0 / beta);
                let image = a.apply_transpose(&u)?;
                v.axpby(1.0, &image, -beta);
                alpha = v.norm()?;
                if alpha > 0.0 && alpha.is_finite() {
                    v.scale(1.0 / alpha);
                }
            } else {
                alpha = if beta == 0.0 { 0.0 } else { beta };
            }
            if !alpha.is_finite() {
                outcome.status = LinearStatus::NonFinite;
                return Ok(outcome);
            }

            // Three rotations: for the damping, for R, for R̄.
            let damped = Rotation::new(alpha_, self.damping);
            let (previous_rho, previous_rho_) = (rho, rho_);
            let rotation = Rotation::new(damped.r, beta);
            rho = rotation.r;
            let theta = rotation.s * alpha;
            alpha_ = rotation.c * alpha;
            let theta_ = s_ * rho;
            let rho_estimate = c_ * rho;
            let second = Rotation::new(rho_estimate, theta);
            (c_, s_, rho_) = (second.c, second.s, second.r);
            let zeta = c_ * zeta_;
            zeta_ *= -s_;

            h_.axpby(1.0, &h, -theta_ * rho / (previous_rho * previous_rho_));
            outcome.x.axpy(zeta / (rho * rho_), &h_);
            h.axpby(1.0, &v, -theta / rho);

            outcome.residual_norm = residual.update(damped, rotation, theta_, rho_, zeta);
            outcome.gradient_norm = zeta_.abs();
            norm_squared += beta * beta;
            let norm = norm_squared.sqrt();
            norm_squared += alpha * alpha;
            if outcome.iterations > 1 {
                largest = largest.max(previous_rho_);
                smallest = smallest.min(previous_rho_);
            }
            let condition = largest.max(rho_estimate) / smallest.min(rho_estimate);

            // A tolerance of 0 means rounding.
            let (matrix_tol, rhs_tol) = (self.matrix_tol.max(unit), self.rhs_tol.max(unit));
            let LeastSquaresOutcome { residual_norm, gradient_norm, .. } = outcome;
            let solves = gradient_norm <= gradient_target
                || gradient_norm <= matrix_tol * norm * residual_norm
                || residual_norm <= rhs_tol * b_norm + matrix_tol * norm * outcome.x.norm()?;
            if solves {
                outcome.status = LinearStatus::Converged;
                return Ok(outcome);
            }
            if condition >= self.max_condition.min(1.0 / unit) {
                outcome.status = LinearStatus::IllConditioned;
                return Ok(outcome);
            }
        }
        Ok(outcome)
    }
}

pub(super) fn check_damping(damping: f64) -> Result<()> {
    check("damping", damping, (0.0..f64::INFINITY).contains(&damping), "a finite number from 0")
}

/// A plane rotation that takes `(a, b)` to `(r, 0)`.
#[derive(Clone, Copy)]
struct Rotation {
    c: f64,
    s: f64,
    r: f64,
}

impl Rotation {
    fn new(a: f64, b: f64) -> Self {
        let r = a.hypot(b);
        if r == 0.0 { Rotation { c: 1.0, s: 0.0, r } } else { Rotation { c: a / r, s: b / r, r } }
    }
}

/// The norm of the residual, from scalars alone (section 5.1 of the paper).
struct ResidualNorm {
    beta_dot: f64,
    beta_fixed: f64,
    rho_dot: f64,
    tau: f64,
    theta: f64,
    zeta: f64,
    damped: f64,
}

impl ResidualNorm {
    fn new(b_norm: f64) -> Self {
        ResidualNorm {
            beta_dot: b_norm,
            beta_fixed: 0.0,
            rho_dot: 1.0,
            tau: 0.0,
            theta: 0.0,
            zeta: 0.0,
            damped: 0.0,
        }
    }

    fn update(
        &mut self,
        first: Rotation,
        rotation: Rotation,
        theta_: f64,
        rho_: f64,
        zeta: f64,
    ) -> f64 {
        let acute = first.c * self.beta_dot;
        let check = -first.s * self.beta_dot;
        let hat = rotation.c * acute;
        self.beta_dot = -rotation.s * acute;
        let tilde = Rotation::new(self.rho_dot, theta_);
        let theta = tilde.s * rho_;
        self.rho_dot = tilde.c * rho_;
        self.beta_fixed = -tilde.s * self.beta_fixed + tilde.c * hat;
        self.tau = (self.zeta - self.theta * self.tau) / tilde.r;
        self.zeta = zeta;
        self.theta = theta;
        let tau = (zeta - theta * self.tau) / self.rho_dot;
        self.damped += check * check;
        (self.damped + (self.beta_fixed - tau).powi(2) + self.beta_dot * self.beta_dot).sqrt()
    }
}
