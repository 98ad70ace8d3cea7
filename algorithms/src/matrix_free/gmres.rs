//! Restarted GMRES.

use super::linear_stop::LinearStop;
use super::{LinearMap, LinearOutcome, LinearStatus, Preconditioner, Vector};
use crate::{Result, SolveError};

/// GMRES(m) for `A x = b`, preconditioned from the right: `A M⁻¹ u = b`, `x = M⁻¹ u`.
///
/// Right preconditioning leaves the residual what it is, so that the tolerance is one on the true
/// residual. The basis of the Krylov space is orthogonalized by modified Gram-Schmidt, a second time
/// where the first has cancelled more than a digit; the least-squares problem is kept triangular by
/// Givens rotations. Iteration starts at 0.
///
/// Each iteration takes one product, one application of `M⁻¹`, and up to `m + 1` inner products; `m +
/// 1` vectors are kept.
///
/// Source: Y. Saad, M. H. Schultz, *GMRES*, SIAM J. Sci. Stat. Comput. 7 (1986) 856-869; Y. Saad,
/// *Iterative Methods for Sparse Linear Systems*, 2nd ed., SIAM, 2003, algorithms 6.11 and 9.5.
///
/// ```
/// use ad_algorithms::matrix_free::{Gmres, Identity};
/// use nalgebra::{dmatrix, dvector};
///
/// let a = dmatrix![2.0, 1.0; -1.0, 3.0];
/// let outcome = Gmres::default().solve(&a, &dvector![3.0, 2.0], &Identity)?;
/// assert!(outcome.status.is_converged() && outcome.iterations == 2);
/// assert!((outcome.x - dvector![1.0, 1.0]).norm() < 1e-14);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gmres {
    /// The dimension `m` of the Krylov space at which to restart. Default 30.
    pub restart: usize,
    /// When to stop.
    pub stop: LinearStop,
}

impl Default for Gmres {
    fn default() -> Self {
        Gmres { restart: 30, stop: LinearStop::default() }
    }
}

/// A vector is orthogonalized again if the first time leaves less than this of it.
const CANCELLATION: f64 = 0.1;

/// A cycle that leaves more than this of the residual is the last: the next would do the same.
const NO_PROGRESS: f64 = 0.999;

impl Gmres {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        crate::options::check(
            "restart",
            self.restart as f64,
            self.restart > 0,
            "a dimension of at least 1",
        )?;
        self.stop.validate()
    }

    /// Solves `A x = b`.
    ///
    /// # Shapes
    ///
    /// `A: n × n`, `b: n`.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`], [`SolveError::NotSquare`], and what the products report. Stopping
    /// short is a [`LinearStatus`].
    pub fn solve<V: Vector, A: LinearMap<V>, M: Preconditioner<V>>(
        &self,
        a: &A,
        b: &V,
        m: &M,
    ) -> Result<LinearOutcome<V>> {
        self.validate()?;
        let mut residual_norm = b.norm()?;
        let target = self.stop.target(residual_norm);
        let mut outcome = LinearOutcome::start(b, residual_norm);
        if let Some(status) = LinearStop::at_start(residual_norm, target) {
            outcome.status = status;
            return Ok(outcome);
        }
        let mut residual = b.clone();
        let mut noise = 0.0;
        loop {
            let room = self.stop.max_iterations - outcome.iterations;
            let cycle = Cycle::run(a, m, &residual, residual_norm, target, self.restart.min(room))?;
            outcome.iterations += cycle.iterations;
            if let Some(direction) = cycle.direction {
                outcome.x.axpy(1.0, &m.apply(&direction)?);
            }
            outcome.residual_norm = cycle.residual_norm;
            noise += cycle.noise;
            let reached = cycle.residual_norm <= target;
            let limited = outcome.iterations >= self.stop.max_iterations;
            outcome.status = match cycle.end {
                End::NonFinite => LinearStatus::NonFinite,
                _ if reached && noise <= target => LinearStatus::Converged,
                End::Singular => LinearStatus::Breakdown,
                End::Full if limited && !reached => LinearStatus::IterationLimit,
                End::Full => {
                    residual = a.apply(&outcome.x)?;
                    residual.axpby(1.0, b, -1.0);
                    let previous = std::mem::replace(&mut residual_norm, residual.norm()?);
                    outcome.residual_norm = residual_norm;
                    if residual_norm <= target {
                        LinearStatus::Converged
                    } else if !residual_norm.is_finite() {
                        LinearStatus::NonFinite
                    } else if residual_norm >= NO_PROGRESS * previous {
                        LinearStatus::Stagnated
                    } else if limited {
                        LinearStatus::IterationLimit
                    } else {
                        continue;
                    }
                }
            };
            return Ok(outcome);
        }
    }
}

/// One cycle of GMRES, from one residual to the next.
struct Cycle<V> {
    /// `u`, unless it is zero.
    direction: Option<V>,
    /// As the recurrence gives it.
    residual_norm: f64,
    /// What rounding could make the true residual differ by.
    noise: f64,
    iterations: usize,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The tolerance is met, or there is no room.
    Full,
    /// The Krylov space is invariant and `A M⁻¹` singular on it.
    Singular,
    NonFinite,
}

impl<V: Vector> Cycle<V> {
    fn run<A: LinearMap<V>, M: Preconditioner<V>>(
        a: &A,
        m: &M,
        residual: &V,
        beta: f64,
        target: f64,
        room: usize,
    ) -> Result<Self> {
        let mut basis = vec![residual.scaled(1.0 / beta)];
        // Columns of R, rotations (c, s), and the rotated right side.
        let mut triangle: Vec<Vec<f64>> = Vec::new();
        let mut rotations: Vec<(f64, f64)> = Vec::new();
        let mut rhs = vec![beta];
        let unit = residual.unit();
        let mut largest = 0.0_f64;
        let mut iterations = 0;
        let mut end = End::Full;
        while iterations < room {
            let k = iterations;
            let mut w = a.apply(&m.apply(&basis[k])?)?;
            if w.len() != residual.len() {
                let (unknowns, residuals) = (residual.len(), w.len());
                return Err(SolveError::NotSquare { unknowns, residuals });
            }
            iterations += 1;
            let length = w.norm()?;
            if !length.is_finite() {
                end = End::NonFinite;
                break;
            }
            largest = largest.max(length);
            let mut column = vec![0.0; k + 1];
            let mut left = orthogonalize(&mut w, &basis, &mut column)?;
            if left < CANCELLATION * length {
                left = orthogonalize(&mut w, &basis, &mut column)?;
            }
            let is_invariant = left <= unit * length;
            if is_invariant {
                left = 0.0;
            }
            for (i, &(c, s)) in rotations.iter().enumerate() {
                let (upper, lower) = (column[i], column[i + 1]);
                column[i] = c * upper + s * lower;
                column[i + 1] = c * lower - s * upper;
            }
            let diagonal = column[k].hypot(left);
            if is_invariant && diagonal <= unit * largest {
                end = End::Singular;
                break;
            }
            let (c, s) = (column[k] / diagonal, left / diagonal);
            column[k] = diagonal;
            triangle.push(column);
            rotations.push((c, s));
            rhs.push(-s * rhs[k]);
            rhs[k] *= c;
            if is_invariant || rhs[k + 1].abs() <= target {
                break;
            }
            w.scale(1.0 / left);
            basis.push(w);
        }

        let k = triangle.len();
        let mut y = rhs[..k].to_vec();
        for i in (0..k).rev() {
            let known: f64 = (i + 1..k).map(|j| triangle[j][i] * y[j]).sum();
            y[i] = (y[i] - known) / triangle[i][i];
        }
        let direction = (k > 0).then(|| {
            let mut direction = basis[0].scaled(y[0]);
            for (v, &y) in basis.iter().zip(&y).skip(1) {
                direction.axpy(y, v);
            }
            direction
        });
        // An error of one unit in the last place of the products changes the residual by about
        // this; C. C. Paige, M. Rozložník, Z. Strakoš, SIAM J. Matrix Anal. Appl. 28 (2006)
        // 264-284, show GMRES with modified Gram-Schmidt backward stable.
        let size = y.iter().map(|y| y * y).sum::<f64>().sqrt();
        let noise = 10.0 * unit * largest * (k as f64).sqrt() * size;
        Ok(Cycle { direction, residual_norm: rhs[k].abs(), noise, iterations, end })
    }
}

/// Subtracts from `w` its components along the basis, adds them to `column`, and returns what is
/// left of `|w|`.
fn orthogonalize<V: Vector>(w: &mut V, basis: &[V], column: &mut [f64]) -> Result<f64> {
    for (v, entry) in basis.iter().zip(column) {
        let component = v.dot(w)?;
        w.axpy(-component, v);
        *entry += component;
    }
    Ok(w.norm()?)
}
