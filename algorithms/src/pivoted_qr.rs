//! QR factorization with column pivoting, as far as least squares needs it.

use nalgebra::{DMatrix, DVector};

/// `A P = Q R` and `Qᵀ b`, for `A: m × n` with `m ≥ n`.
///
/// Householder reflections, the remaining column of largest norm first, with the norms downdated.
/// `Q` is not kept: least squares needs it only in `Qᵀ b`.
///
/// Source: J. J. Moré, B. S. Garbow, K. E. Hillstrom, *User Guide for MINPACK-1*, Argonne National
/// Laboratory, ANL-80-74, 1980, `qrfac`; P. Businger, G. H. Golub, Numer. Math. 7 (1965) 269-276.
#[derive(Debug, Clone)]
pub(crate) struct PivotedQr {
    /// `R: n × n`, upper triangular; what is below the diagonal is zero.
    pub(crate) r: DMatrix<f64>,
    /// Column `k` of `A P` is column `permutation[k]` of `A`.
    pub(crate) permutation: Vec<usize>,
    /// The first `n` entries of `Qᵀ b`.
    pub(crate) qtb: DVector<f64>,
    /// The number of diagonal entries of `R` above rounding, for columns of `A` of comparable size.
    pub(crate) rank: usize,
    a: DMatrix<f64>,
    b: DVector<f64>,
    norms: Vec<f64>,
    reference_norms: Vec<f64>,
}

impl PivotedQr {
    pub(crate) fn new(m: usize, n: usize) -> Self {
        PivotedQr {
            r: DMatrix::zeros(n, n),
            permutation: (0..n).collect(),
            qtb: DVector::zeros(n),
            rank: 0,
            a: DMatrix::zeros(m, n),
            b: DVector::zeros(m),
            norms: vec![0.0; n],
            reference_norms: vec![0.0; n],
        }
    }

    /// Factors `A = J diag(column_scale)⁻¹` and transforms `b`.
    pub(crate) fn factor(
        &mut self,
        jacobian: &DMatrix<f64>,
        column_scale: &DVector<f64>,
        b: &DVector<f64>,
    ) {
        let (m, n) = jacobian.shape();
        self.a.copy_from(jacobian);
        self.b.copy_from(b);
        for k in 0..n {
            self.a.column_mut(k).unscale_mut(column_scale[k]);
            self.permutation[k] = k;
            self.norms[k] = self.a.column(k).norm();
            self.reference_norms[k] = self.norms[k];
        }
        for k in 0..n {
            self.pivot(k);
            self.eliminate(k);
        }
        for k in 0..n {
            for i in 0..=k {
                self.r[(i, k)] = self.a[(i, k)];
            }
            self.qtb[k] = self.b[k];
        }
        let negligible = m as f64 * f64::EPSILON * self.r[(0, 0)].abs();
        self.rank = (0..n).take_while(|&k| self.r[(k, k)].abs() > negligible).count();
    }

    /// Brings the largest remaining column to place `k`.
    fn pivot(&mut self, k: usize) {
        let mut largest = k;
        for j in k + 1..self.norms.len() {
            if self.norms[j] > self.norms[largest] {
                largest = j;
            }
        }
        if largest != k {
            self.a.swap_columns(k, largest);
            self.permutation.swap(k, largest);
            self.norms.swap(k, largest);
            self.reference_norms.swap(k, largest);
        }
    }

    /// Reflects column `k` onto its first `k + 1` entries.
    fn eliminate(&mut self, k: usize) {
        let (m, n) = self.a.shape();
        let norm = self.a.view((k, k), (m - k, 1)).norm();
        if norm == 0.0 {
            return;
        }
        // The sign that avoids cancellation; the reflection is I - v vᵀ / v₀ with v₀ in [1, 2].
        let alpha = if self.a[(k, k)] > 0.0 { -norm } else { norm };
        self.a.view_mut((k, k), (m - k, 1)).scale_mut(-1.0 / alpha);
        self.a[(k, k)] += 1.0;
        let (left, mut right) = self.a.columns_range_pair_mut(0..=k, k + 1..n);
        let v = left.column(k);
        let v = v.rows(k, m - k);
        let v0 = v[0];
        for (offset, mut column) in right.column_iter_mut().enumerate() {
            let mut below = column.rows_mut(k, m - k);
            let dot = v.dot(&below);
            below.axpy(-dot / v0, &v, 1.0);
            // Downdates the norm; where it has cancelled, computes it anew.
            let j = k + 1 + offset;
            if self.norms[j] != 0.0 {
                let ratio = below[0] / self.norms[j];
                self.norms[j] *= (1.0 - ratio * ratio).max(0.0).sqrt();
                let kept = self.norms[j] / self.reference_norms[j];
                if 0.05 * kept * kept <= f64::EPSILON {
                    self.norms[j] = below.rows(1, m - k - 1).norm();
                    self.reference_norms[j] = self.norms[j];
                }
            }
        }
        let mut below = self.b.rows_mut(k, m - k);
        let dot = v.dot(&below);
        below.axpy(-dot / v0, &v, 1.0);
        self.a[(k, k)] = alpha;
    }

    /// Solves `R₁₁ z = (Qᵀ b)₁` for the leading `rank` unknowns, in pivoted order; the others are
    /// 0.
    pub(crate) fn basic_solution(&self, z: &mut DVector<f64>) {
        z.copy_from(&self.qtb);
        z.rows_mut(self.rank, z.len() - self.rank).fill(0.0);
        back_substitute(&self.r, self.rank, z.as_mut_slice());
    }
}

/// Solves `R₁₁ z = z` in place, with `R₁₁` the leading `rank` rows and columns of `R`.
pub(crate) fn back_substitute(r: &DMatrix<f64>, rank: usize, z: &mut [f64]) {
    for k in (0..rank).rev() {
        z[k] /= r[(k, k)];
        for i in 0..k {
            z[i] -= r[(i, k)] * z[k];
        }
    }
}

/// Solves `R₁₁ᵀ z = z` in place, with `R₁₁` the leading `rank` rows and columns of `R`.
pub(crate) fn forward_substitute(r: &DMatrix<f64>, rank: usize, z: &mut [f64]) {
    for k in 0..rank {
        for i in 0..k {
            z[k] -= r[(i, k)] * z[i];
        }
        z[k] /= r[(k, k)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (DMatrix<f64>, DVector<f64>) {
        let a = DMatrix::from_row_slice(
            4,
            3,
            &[1.0, 2.0, 100.0, -3.0, 1.0, 7.0, 0.5, 4.0, -20.0, 2.0, 2.0, 3.0],
        );
        (a, DVector::from_vec(vec![1.0, -2.0, 3.0, 0.5]))
    }

    #[test]
    fn gram_matrix_is_that_of_the_factor() {
        let (a, b) = example();
        let mut qr = PivotedQr::new(4, 3);
        qr.factor(&a, &DVector::repeat(3, 1.0), &b);
        assert_eq!((qr.rank, qr.permutation[0]), (3, 2));
        let gram = qr.r.transpose() * &qr.r;
        let moment = qr.r.transpose() * &qr.qtb;
        for i in 0..3 {
            for j in 0..3 {
                let (p, q) = (qr.permutation[i], qr.permutation[j]);
                let expected = a.column(p).dot(&a.column(q));
                assert!((gram[(i, j)] - expected).abs() < 1e-11, "{gram} {expected}");
            }
            assert!((moment[i] - a.column(qr.permutation[i]).dot(&b)).abs() < 1e-11);
            assert!(i == 0 || qr.r[(i, i)].abs() <= qr.r[(i - 1, i - 1)].abs());
        }
    }

    #[test]
    fn dependent_columns_lower_the_rank() {
        let (mut a, b) = example();
        let sum = a.column(0) + a.column(1);
        a.set_column(2, &sum);
        let mut qr = PivotedQr::new(4, 3);
        qr.factor(&a, &DVector::repeat(3, 1.0), &b);
        assert_eq!(qr.rank, 2);
        qr.factor(&DMatrix::zeros(4, 3), &DVector::repeat(3, 1.0), &b);
        assert_eq!(qr.rank, 0);
    }
}
