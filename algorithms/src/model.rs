//! The linear model of the residuals at an iterate.

use nalgebra::{DMatrix, DVector};

use crate::pivoted_qr::PivotedQr;

/// The linear model `r + J p` of the residuals at an iterate, factored.
///
/// `J C⁻¹ P = Q R` with `C` the column norms of `J`: with its columns scaled to length 1 the rank
/// of `J` does not depend on the units of the parameters.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) x: DVector<f64>,
    pub(crate) r: DVector<f64>,
    pub(crate) jacobian: DMatrix<f64>,
    /// `|r|`.
    pub(crate) norm: f64,
    /// The norms of the columns of `J`.
    norms: DVector<f64>,
    /// `C`: the same, with `D` in place of those that have vanished.
    pub(crate) column_norms: DVector<f64>,
    /// `D`: the largest norm that each column has had.
    pub(crate) scale: DVector<f64>,
    pub(crate) qr: PivotedQr,
    /// `|Qᵀ r|` over the rank: what the full Gauss-Newton step would take off a linear `r`.
    pub(crate) decrement: f64,
    /// The largest entry of `C⁻¹ Jᵀ r`: what is left of `r` along a single column of `J`.
    pub(crate) gradient: f64,
}

/// Columns below this fraction of their largest norm are zero: their square underflows beside it.
const VANISHED: f64 = 1e-140;

impl Model {
    pub(crate) fn new(m: usize, n: usize) -> Self {
        Model {
            x: DVector::zeros(n),
            r: DVector::zeros(m),
            jacobian: DMatrix::zeros(m, n),
            norm: 0.0,
            norms: DVector::zeros(n),
            column_norms: DVector::zeros(n),
            scale: DVector::zeros(n),
            qr: PivotedQr::new(m, n),
            decrement: 0.0,
            gradient: 0.0,
        }
    }

    /// Takes `r` and `J` as they are and computes the rest; `previous` is the scale so far.
    pub(crate) fn factor(&mut self, previous: Option<&DVector<f64>>) {
        self.norm = self.r.norm();
        for (j, column) in self.jacobian.column_iter().enumerate() {
            let norm = column.norm();
            let so_far = previous.map_or(0.0, |scale| scale[j]);
            // A column that is zero from the start has no scale of its own: MINPACK takes 1.
            let scale = if norm == 0.0 && so_far == 0.0 { 1.0 } else { norm.max(so_far) };
            self.norms[j] = norm;
            self.scale[j] = scale;
            self.column_norms[j] = if norm > VANISHED * scale { norm } else { scale };
        }
        self.qr.factor(&self.jacobian, &self.column_norms, &self.r);
        self.decrement = self.qr.qtb.rows(0, self.qr.rank).norm();
        let PivotedQr { r, qtb, .. } = &self.qr;
        self.gradient = (0..qtb.len())
            .map(|k| r.view((0, k), (k + 1, 1)).dot(&qtb.rows(0, k + 1)).abs())
            .fold(0.0, f64::max);
    }

    /// The point of linearization.
    pub fn x(&self) -> &DVector<f64> {
        &self.x
    }

    /// The residuals there.
    pub fn residuals(&self) -> &DVector<f64> {
        &self.r
    }

    /// Their Jacobian there.
    pub fn jacobian(&self) -> &DMatrix<f64> {
        &self.jacobian
    }

    /// The residual sum of squares `|r|²`.
    pub fn rss(&self) -> f64 {
        self.r.norm_squared()
    }

    /// The rank of `J` with its columns scaled to length 1.
    pub fn rank(&self) -> usize {
        self.qr.rank
    }

    /// The cosine of the angle between `r` and the range of `J`.
    pub fn cosine(&self) -> f64 {
        if self.norm == 0.0 { 0.0 } else { (self.decrement / self.norm).min(1.0) }
    }

    /// The largest cosine of the angle between `r` and a column of `J`: MINPACK's `gnorm`.
    pub fn column_cosine(&self) -> f64 {
        if self.norm == 0.0 { 0.0 } else { (self.gradient / self.norm).min(1.0) }
    }

    /// Whether a step is at most this fraction of `x`, by what either does to the residuals here,
    /// and by the most that it has ever done to them: a step along a column that has all but
    /// vanished does nothing here, and yet may be long.
    pub(crate) fn is_negligible(&self, p: &DVector<f64>, fraction: f64) -> bool {
        [&self.norms, &self.scale].into_iter().all(|weights| {
            let size = |v: &DVector<f64>| norm_of(v.iter().zip(weights).map(|(v, w)| v * w));
            size(p) <= fraction * size(&self.x)
        })
    }

    /// `|D p|`: the length of a step in units of what it does to the residuals.
    pub fn scaled_norm(&self, p: &DVector<f64>) -> f64 {
        norm_of(p.iter().zip(&self.scale).map(|(p, d)| p * d))
    }

    /// `|J p|`, from the triangular factor.
    pub fn image_norm(&self, p: &DVector<f64>) -> f64 {
        let (n, qr) = (p.len(), &self.qr);
        norm_of((0..n).map(|i| {
            (i..n)
                .map(|k| {
                    let j = qr.permutation[k];
                    qr.r[(i, k)] * self.column_norms[j] * p[j]
                })
                .sum()
        }))
    }

    /// The fraction of `|r|²` that is lost in rounding: an error of one unit in the last place of
    /// `r` and of every entry of `x` changes it by about this.
    pub(crate) fn rounding(&self) -> f64 {
        let from_x: f64 = self.x.iter().zip(&self.norms).map(|(x, c)| (x * c).abs()).sum();
        f64::EPSILON * (1.0 + from_x / self.norm)
    }

    /// Whether what the full Gauss-Newton step promises is below the rounding of `|r|²`.
    pub(crate) fn is_flat(&self) -> bool {
        self.cosine() * self.cosine() <= FLAT_SLACK * self.rounding()
    }

    /// Whether the gradient is as small as comparing costs can make it.
    pub(crate) fn is_stationary(&self) -> bool {
        self.column_cosine() * self.column_cosine() <= STALL_SLACK * self.rounding()
    }
}

/// How many units of rounding a change of the cost must exceed to be believed.
pub(crate) const FLAT_SLACK: f64 = 10.0;

/// How many units of rounding the promised decrease must exceed before its absence is a stall.
/// Generous, as residuals may lose digits inside and derivatives may be approximate.
const STALL_SLACK: f64 = 1e6;

pub(crate) fn norm_of(entries: impl Iterator<Item = f64>) -> f64 {
    entries.map(|entry| entry * entry).sum::<f64>().sqrt()
}
