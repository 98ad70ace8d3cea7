//! The trust-region subproblem of least squares.

use nalgebra::{DMatrix, DVector};

use crate::Model;
use crate::model::norm_of;
use crate::pivoted_qr::{back_substitute, forward_substitute};

/// Solves `min |r + J p|` subject to `|D p| ≤ Δ`, to 10 % in `Δ`.
///
/// The solution is `p(λ) = -(JᵀJ + λ D²)⁻¹ Jᵀ r`, with `λ = 0` if that is short enough, and
/// otherwise the `λ` with `|D p(λ)| = Δ`: found by the safeguarded Newton iteration of Hebden and
/// Moré on `1/|D p|`. Each `p(λ)` comes from the `QR` of `J`, updated by Givens rotations.
///
/// Source: J. J. Moré, *The Levenberg-Marquardt algorithm: implementation and theory*, Lecture
/// Notes in Mathematics 630 (1978) 105-116; `lmpar` and `qrsolv` of MINPACK.
#[derive(Debug, Clone)]
pub(crate) struct TrustRegion {
    /// `D C⁻¹ P`: the scale of the scaled and permuted unknowns.
    diagonal: DVector<f64>,
    z: DVector<f64>,
    work: DVector<f64>,
    damped: Damped,
}

impl TrustRegion {
    pub(crate) fn new(n: usize) -> Self {
        TrustRegion {
            diagonal: DVector::zeros(n),
            z: DVector::zeros(n),
            work: DVector::zeros(n),
            damped: Damped::new(n),
        }
    }

    /// Writes the step into `p` and returns `λ`; `lambda` is a guess.
    pub(crate) fn solve(
        &mut self,
        model: &Model,
        delta: f64,
        lambda: f64,
        p: &mut DVector<f64>,
    ) -> f64 {
        let qr = &model.qr;
        for (d, &j) in self.diagonal.iter_mut().zip(&qr.permutation) {
            *d = model.scale[j] / model.column_norms[j];
        }
        qr.basic_solution(&mut self.z);
        let lambda = if self.size() <= 1.1 * delta { 0.0 } else { self.damp(model, delta, lambda) };
        for (z, &j) in self.z.iter().zip(&qr.permutation) {
            p[j] = -z / model.column_norms[j];
        }
        lambda
    }

    /// `|D p|`.
    fn size(&self) -> f64 {
        norm_of(self.z.iter().zip(&self.diagonal).map(|(z, d)| z * d))
    }

    /// Finds `λ > 0`, leaving `z` for it.
    fn damp(&mut self, model: &Model, delta: f64, guess: f64) -> f64 {
        let (qr, n) = (&model.qr, self.z.len());
        let mut size = self.size();
        let mut excess = size - delta;

        // The Newton step from λ = 0 is a lower bound; without full rank there is none.
        let mut lower = 0.0;
        if qr.rank == n {
            self.normal(size);
            forward_substitute(&qr.r, n, self.work.as_mut_slice());
            lower = newton_correction(excess, delta, self.work.norm());
        }
        // |D⁻¹ Jᵀ r| / Δ is an upper bound.
        for k in 0..n {
            let moment: f64 = (0..=k).map(|i| qr.r[(i, k)] * qr.qtb[i]).sum();
            self.work[k] = moment / self.diagonal[k];
        }
        let gradient = self.work.norm();
        let mut upper = gradient / delta;
        if upper == 0.0 {
            upper = f64::MIN_POSITIVE / delta.min(0.1);
        }

        let mut lambda = guess.max(lower).min(upper);
        if lambda == 0.0 {
            lambda = gradient / size;
        }
        for iteration in 1.. {
            if lambda == 0.0 {
                lambda = f64::MIN_POSITIVE.max(0.001 * upper);
            }
            self.damped.solve(&qr.r, &qr.qtb, &self.diagonal, lambda, &mut self.z);
            size = self.size();
            let previous = excess;
            excess = size - delta;
            let close = excess.abs() <= 0.1 * delta;
            let interior = lower == 0.0 && excess <= previous && previous < 0.0;
            if close || interior || iteration == 10 {
                break;
            }
            self.normal(size);
            self.damped.forward_substitute(self.work.as_mut_slice());
            let correction = newton_correction(excess, delta, self.work.norm());
            if excess > 0.0 {
                lower = lower.max(lambda);
            } else {
                upper = upper.min(lambda);
            }
            lambda = lower.max(lambda + correction);
        }
        lambda
    }

    /// Writes the gradient of `|D p|` with respect to the unknowns.
    fn normal(&mut self, size: f64) {
        for k in 0..self.z.len() {
            self.work[k] = self.diagonal[k] * (self.diagonal[k] * self.z[k] / size);
        }
    }
}

fn newton_correction(excess: f64, delta: f64, slope: f64) -> f64 {
    ((excess / delta) / slope) / slope
}

/// `R` with the rows `√λ D` rotated into it: the triangular `S` with `SᵀS = RᵀR + λ D²`.
#[derive(Debug, Clone)]
struct Damped {
    s: DMatrix<f64>,
    row: DVector<f64>,
}

impl Damped {
    fn new(n: usize) -> Self {
        Damped { s: DMatrix::zeros(n, n), row: DVector::zeros(n) }
    }

    /// Solves `min |R z - qtb|² + λ |D z|²`.
    fn solve(
        &mut self,
        r: &DMatrix<f64>,
        qtb: &DVector<f64>,
        diagonal: &DVector<f64>,
        lambda: f64,
        z: &mut DVector<f64>,
    ) {
        let n = z.len();
        let root = lambda.sqrt();
        self.s.copy_from(r);
        z.copy_from(qtb);
        for j in 0..n {
            self.row.rows_mut(j, n - j).fill(0.0);
            self.row[j] = root * diagonal[j];
            let mut right = 0.0;
            for k in j..n {
                let (a, b) = (self.s[(k, k)], self.row[k]);
                if b == 0.0 {
                    continue;
                }
                let hypotenuse = a.hypot(b);
                let (cos, sin) = (a / hypotenuse, b / hypotenuse);
                self.s[(k, k)] = hypotenuse;
                (z[k], right) = (cos * z[k] + sin * right, cos * right - sin * z[k]);
                for l in k + 1..n {
                    let (a, b) = (self.s[(k, l)], self.row[l]);
                    self.s[(k, l)] = cos * a + sin * b;
                    self.row[l] = cos * b - sin * a;
                }
            }
        }
        // A diagonal entry is zero only where λ D has underflown: then the unknown is left at 0.
        let rank = (0..n).take_while(|&k| self.s[(k, k)] != 0.0).count();
        z.rows_mut(rank, n - rank).fill(0.0);
        back_substitute(&self.s, rank, z.as_mut_slice());
    }

    fn forward_substitute(&self, z: &mut [f64]) {
        let n = z.len();
        let rank = (0..n).take_while(|&k| self.s[(k, k)] != 0.0).count();
        z[rank..].fill(0.0);
        forward_substitute(&self.s, rank, z);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(columns: [[f64; 4]; 3]) -> Model {
        let mut model = Model::new(4, 3);
        model.jacobian = DMatrix::from_fn(4, 3, |i, j| columns[j][i]);
        model.r = DVector::from_vec(vec![1.0, -2.0, 0.5, 3.0]);
        model.factor(Some(&DVector::from_vec(vec![1.0, 500.0, 1e-3])));
        model
    }

    /// Checks the optimality conditions of the constrained problem at each radius.
    fn check(model: &Model) {
        let d = DMatrix::from_diagonal(&model.scale);
        let gradient = model.jacobian.transpose() * &model.r;
        let mut p = DVector::zeros(3);
        let mut subproblem = TrustRegion::new(3);
        let mut lambda = 0.0;
        for delta in [1e3, 3.0, 0.5, 1e-3, 1e-9] {
            lambda = subproblem.solve(model, delta, lambda, &mut p);
            let size = (&d * &p).norm();
            assert!(lambda >= 0.0 && size <= 1.1 * delta, "{lambda} {size} {delta}");
            assert!(lambda == 0.0 || size >= 0.9 * delta, "{lambda} {size} {delta}");
            let normal = model.jacobian.transpose() * &model.jacobian + &d * &d * lambda;
            let scaled = |v: DVector<f64>| v.component_div(&model.scale).norm();
            let error = scaled(normal * &p + &gradient);
            assert!(error <= 1e-12 * scaled(gradient.clone()), "{error} at {delta}");
        }
    }

    #[test]
    fn steps_are_optimal_within_the_radius() {
        check(&model([[1.0, 2.0, -1.0, 0.5], [100.0, 3.0, 20.0, -7.0], [1e-3, 0.0, 2e-3, 1e-3]]));
    }

    #[test]
    fn steps_are_optimal_without_full_rank() {
        let a = [1.0, 2.0, -1.0, 0.5];
        check(&model([a, a.map(|a| 8.0 * a), [1e-3, 0.0, 2e-3, 1e-3]]));
        check(&model([a, [0.0; 4], [1e-3, 0.0, 2e-3, 1e-3]]));
    }
}
