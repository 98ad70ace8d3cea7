//! The grid of `n × n` interior points of the unit square, row by row, with zero boundary values.

use ad_api::Scalar;

/// The values at a point and at its neighbours.
pub(super) struct Star<S> {
    pub(super) centre: S,
    pub(super) west: S,
    pub(super) east: S,
    pub(super) south: S,
    pub(super) north: S,
}

impl<S: Scalar> Star<S> {
    /// Around the point `k` of a grid of `n × n` points.
    pub(super) fn at(u: &[S], n: usize, k: usize) -> Self {
        let (i, j) = (k / n, k % n);
        let zero = S::from(0.0);
        Star {
            centre: u[k],
            west: if j > 0 { u[k - 1] } else { zero },
            east: if j + 1 < n { u[k + 1] } else { zero },
            south: if i > 0 { u[k - n] } else { zero },
            north: if i + 1 < n { u[k + n] } else { zero },
        }
    }

    /// The five-point Laplacian times `h²`.
    pub(super) fn laplacian(&self) -> S {
        self.west + self.east + self.south + self.north - self.centre * 4.0
    }
}

/// The neighbours of `u[k]` on a line with zeros at both ends.
pub(super) fn neighbours<S: Scalar>(u: &[S], k: usize) -> (S, S) {
    let zero = S::from(0.0);
    let left = if k > 0 { u[k - 1] } else { zero };
    let right = if k + 1 < u.len() { u[k + 1] } else { zero };
    (left, right)
}
