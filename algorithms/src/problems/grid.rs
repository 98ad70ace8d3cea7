//! Arrays on grids of interior points, with zero boundary values.

use ad_api::array::{Array, Tensor};

/// The values at the neighbours of each point of a line.
pub(super) struct Neighbours<T: Tensor> {
    pub(super) left: Array<T>,
    pub(super) right: Array<T>,
}

impl<T: Tensor> Neighbours<T> {
    pub(super) fn of(u: &Array<T>) -> Self {
        let n = u.count();
        let padded = u.embed([n + 2], &[1..n + 1]);
        Neighbours { left: padded.slice(&[0..n]), right: padded.slice(&[2..n + 2]) }
    }
}

/// The values at the neighbours of each point of a square, `u[y, x]`.
pub(super) struct Star<T: Tensor> {
    pub(super) west: Array<T>,
    pub(super) east: Array<T>,
    pub(super) south: Array<T>,
    pub(super) north: Array<T>,
}

impl<T: Tensor> Star<T> {
    /// In a grid of `n × n` points.
    pub(super) fn of(u: &Array<T>, n: usize) -> Self {
        let inner = 1..n + 1;
        let padded = u.embed([n + 2, n + 2], &[inner.clone(), inner.clone()]);
        Star {
            west: padded.slice(&[inner.clone(), 0..n]),
            east: padded.slice(&[inner.clone(), 2..n + 2]),
            south: padded.slice(&[0..n, inner.clone()]),
            north: padded.slice(&[2..n + 2, inner]),
        }
    }

    /// The five-point Laplacian times `h²`, around `u` itself.
    pub(super) fn laplacian(&self, u: &Array<T>) -> Array<T> {
        &self.west + &self.east + &self.south + &self.north - u * 4.0
    }
}
