//! Matrix products.

use std::any::Any;
use std::borrow::Cow;
use std::iter::zip;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder, ShapeError};

use super::layout::Rows;
use super::reduce::dot;
use super::{Dims, HostTensor};
use crate::Scalar;

/// Up to so many multiplications, plain loops take less time than to pack the operands for a kernel.
const SMALL: usize = 512;

/// A matrix in a buffer: its first entry, its sizes, and the distances of neighbours in a column and
/// in a row.
#[derive(Clone, Copy)]
struct Matrix<'a, S> {
    entries: &'a [S],
    sizes: (usize, usize),
    strides: (usize, usize),
}

impl<S: Scalar> HostTensor<S> {
    /// Products of the last two axes; `dims` is the shape of the result.
    pub(super) fn matmul(&self, right: &Self, dims: Dims) -> Vec<S> {
        let mut out = vec![S::from(0.0); dims.count()];
        let as_f64 = |tensor| (tensor as &dyn Any).downcast_ref::<HostTensor<f64>>();
        let result: &mut dyn Any = &mut out;
        match (as_f64(self), as_f64(right), result.downcast_mut::<Vec<f64>>()) {
            (Some(a), Some(b), Some(out)) => products(a, b, dims, out, multiply_f64),
            _ => products(self, right, dims, &mut out, multiply),
        }
        out
    }
}

/// Writes the product of each two matrices to its place in `out`, which is 0, by the kernel for one.
fn products<S: Scalar>(
    a: &HostTensor<S>,
    b: &HostTensor<S>,
    dims: Dims,
    out: &mut [S],
    multiply: fn(Matrix<S>, Matrix<S>, &mut [S]),
) {
    let (rank, p) = (dims.rank(), b.dims()[b.dims().rank() - 2]);
    if out.is_empty() || p == 0 {
        return;
    }
    let (m, n) = (dims[rank - 2], dims[rank - 1]);
    // Many matrices by one: all their rows in one product.
    if b.dims().rank() == 2 && rank > 2 {
        let rows = out.len() / n;
        if let Some(stacked) = a.layout.reshape([rows, p].into()) {
            return products(&a.view(stacked), b, [rows, n].into(), out, multiply);
        }
    }
    let batch: Dims = dims[..rank - 2].iter().copied().collect();
    let batches = [a.layout, b.layout].map(|layout| layout.batch().broadcast(batch));
    let (rows, mut results) = (Rows::new([&batches[0], &batches[1]]), out.chunks_mut(m * n));
    let len = rows.len();
    for [left, right] in rows {
        for (i, result) in zip(0..len, &mut results) {
            let left = Matrix::new(a, left.at(i), (m, p));
            let right = Matrix::new(b, right.at(i), (p, n));
            multiply(left, right, result);
        }
    }
}

impl<'a, S: Scalar> Matrix<'a, S> {
    fn new(tensor: &'a HostTensor<S>, start: usize, sizes: (usize, usize)) -> Self {
        let strides = tensor.layout.matrix_strides();
        Matrix { entries: &tensor.buffer[start..], sizes, strides }
    }

    fn transpose(self) -> Self {
        let ((m, n), (down, across)) = (self.sizes, self.strides);
        Matrix { sizes: (n, m), strides: (across, down), ..self }
    }

    /// Entries from a place on, which are `step` apart.
    fn line(&self, start: usize, step: usize, len: usize) -> Cow<'a, [S]> {
        match step {
            1 => Cow::Borrowed(&self.entries[start..start + len]),
            _ => (0..len).map(|i| self.entries[start + i * step]).collect(),
        }
    }

    /// Adds the product with a vector to `out`.
    fn times_vector(self, vector: &[S], out: &mut [S]) {
        let ((_, p), (down, across)) = (self.sizes, self.strides);
        if across == 1 || down != 1 {
            // Row by row.
            for (i, out) in out.iter_mut().enumerate() {
                *out += dot(&self.line(i * down, across, p), vector);
            }
        } else {
            for (k, &x) in vector.iter().enumerate() {
                let column = &self.entries[k * across..][..out.len()];
                zip(&mut *out, column).for_each(|(out, &entry)| *out += entry * x);
            }
        }
    }
}

/// Adds a product to `out`, by the arithmetic of the scalar.
fn multiply<S: Scalar>(a: Matrix<S>, b: Matrix<S>, out: &mut [S]) {
    let ((m, p), n) = (a.sizes, b.sizes.1);
    if n == 1 {
        return a.times_vector(&b.line(0, b.strides.0, p), out);
    }
    if m == 1 {
        return b.transpose().times_vector(&a.line(0, a.strides.1, p), out);
    }
    // Row `i` of the product is the sum of the rows of `b`, each times an entry of row `i` of `a`.
    for k in 0..p {
        let row = b.line(k * b.strides.0, b.strides.1, n);
        for (i, out) in out.chunks_exact_mut(n).enumerate() {
            let x = a.entries[i * a.strides.0 + k * a.strides.1];
            zip(out, &*row).for_each(|(out, &entry)| *out += x * entry);
        }
    }
}

impl<'a> Matrix<'a, f64> {
    fn view(self) -> Result<ArrayView2<'a, f64>, ShapeError> {
        ArrayView2::from_shape(self.sizes.strides(self.strides), self.entries)
    }
}

/// Adds a product to `out`, which is 0, by a kernel.
fn multiply_f64(a: Matrix<f64>, b: Matrix<f64>, out: &mut [f64]) {
    let ((m, p), n) = (a.sizes, b.sizes.1);
    let small = m == 1 || n == 1 || m * p * n <= SMALL;
    match (a.view(), b.view(), ArrayViewMut2::from_shape((m, n), &mut *out)) {
        (Ok(a), Ok(b), Ok(mut out)) if !small => general_mat_mul(1.0, &a, &b, 0.0, &mut out),
        _ => multiply(a, b, out),
    }
}
