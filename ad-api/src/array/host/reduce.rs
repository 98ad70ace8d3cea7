//! Sums and maxima over axes.

use std::iter::zip;

use super::layout::{Layout, Rows};
use super::{Dims, HostTensor};
use crate::Scalar;

/// Partial sums that are added up side by side: as many as a vector unit holds.
const LANES: usize = 8;

impl<S: Scalar> HostTensor<S> {
    /// Sums over `axes`; `dims` is the shape of the result.
    pub(super) fn sum(&self, axes: &[usize], dims: Dims) -> Vec<S> {
        let (to, x) = (Layout::contiguous(dims), self.buffer.as_slice());
        let mut sums = vec![S::from(0.0); dims.count()];
        let rows = Rows::new([&to.unreduce(axes, self.dims()), &self.layout]);
        let len = rows.len();
        for [to, from] in rows {
            match (to.step, from.step) {
                (0, 1) => sums[to.start] += total(&x[from.start..from.start + len]),
                (1, 1) => {
                    let row = &x[from.start..from.start + len];
                    zip(&mut sums[to.start..to.start + len], row).for_each(|(sum, &x)| *sum += x);
                }
                _ => (0..len).for_each(|i| sums[to.at(i)] += x[from.at(i)]),
            }
        }
        sums
    }

    /// Maxima over `axes`; `dims` is the shape of the result.
    pub(super) fn max(&self, axes: &[usize], dims: Dims) -> Vec<S> {
        let begin = |(axis, &size)| if axes.contains(&axis) { 0..1 } else { 0..size };
        let ranges: Vec<_> = self.dims().iter().enumerate().map(begin).collect();
        let mut largest =
            self.view(self.layout.slice(&ranges, self.dims().with_ones(axes))).map(|x| x);
        self.visit(axes, dims, |to, x| {
            // A NaN stays: no comparison with it holds, but that it is none.
            if x > largest[to] || is_nan(x) {
                largest[to] = x;
            }
        });
        if S::DEPTH > 0 {
            self.share(axes, dims, &mut largest);
        }
        largest
    }

    /// Equal maxima share the derivative: each of `k` moves their maximum by 1/k.
    fn share(&self, axes: &[usize], dims: Dims, largest: &mut [S]) {
        let mut ties = vec![0.0; largest.len()];
        self.visit(axes, dims, |to, x| ties[to] += f64::from(u8::from(x == largest[to])));
        if ties.iter().all(|&ties| ties <= 1.0) {
            return;
        }
        let first = largest.to_vec();
        for (largest, _) in zip(&mut *largest, &ties).filter(|&(_, &ties)| ties > 1.0) {
            if !largest.primal().is_finite() {
                *largest = S::from(0.0);
            }
        }
        self.visit(axes, dims, |to, x| {
            if ties[to] > 1.0 && x == first[to] {
                // Differences, which are 0, so that the maximum stays what it is to the last digit.
                let moves = if x.primal().is_finite() { x - first[to] } else { x };
                largest[to] += moves / ties[to];
            }
        });
    }

    /// Shows every entry, with the place in the reduced array that it goes to.
    fn visit(&self, axes: &[usize], dims: Dims, mut see: impl FnMut(usize, S)) {
        let rows = Rows::new([&Layout::contiguous(dims).unreduce(axes, self.dims()), &self.layout]);
        let len = rows.len();
        for [to, from] in rows {
            (0..len).for_each(|i| see(to.at(i), self.buffer[from.at(i)]));
        }
    }
}

fn is_nan<S: Scalar>(x: S) -> bool {
    x.partial_cmp(&x).is_none()
}

/// The sum of a row.
fn total<S: Scalar>(row: &[S]) -> S {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let start = rest.iter().fold(S::from(0.0), |sum, &x| sum + x);
    if chunks.is_empty() {
        return start;
    }
    let mut lanes = [S::from(0.0); LANES];
    for chunk in chunks {
        zip(&mut lanes, chunk).for_each(|(sum, &x)| *sum += x);
    }
    lanes.iter().fold(start, |sum, &lane| sum + lane)
}

/// The sum of the products of corresponding entries.
pub(super) fn dot<S: Scalar>(a: &[S], b: &[S]) -> S {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let start = zip(a_rest, b_rest).fold(S::from(0.0), |sum, (&a, &b)| sum + a * b);
    if a.is_empty() {
        return start;
    }
    let mut lanes = [S::from(0.0); LANES];
    for (a, b) in zip(a, b) {
        zip(&mut lanes, zip(a, b)).for_each(|(sum, (&a, &b))| *sum += a * b);
    }
    lanes.iter().fold(start, |sum, &lane| sum + lane)
}
