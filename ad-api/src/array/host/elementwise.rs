//! Functions of the entries one by one.

use std::iter::zip;

use super::layout::Rows;
use super::{Dims, HostTensor};
use crate::{Binary, Scalar, Unary};

impl<S: Scalar> HostTensor<S> {
    /// `f` of every entry, row by row.
    pub(super) fn map(&self, f: impl Fn(S) -> S) -> Vec<S> {
        if let Some(x) = self.row() {
            return x.iter().map(|&x| f(x)).collect();
        }
        let mut out = Vec::with_capacity(self.dims().count());
        let (rows, x) = (Rows::new([&self.layout]), self.buffer.as_slice());
        let len = rows.len();
        for [row] in rows {
            match row.step {
                0 => out.resize(out.len() + len, f(x[row.start])),
                1 => out.extend(x[row.start..row.start + len].iter().map(|&x| f(x))),
                _ => out.extend((0..len).map(|i| f(x[row.at(i)]))),
            }
        }
        out
    }

    /// `f` of every pair of corresponding entries of arrays that broadcast to `dims`, row by row.
    pub(super) fn zip(&self, other: &Self, dims: Dims, f: impl Fn(S, S) -> S) -> Vec<S> {
        if let (Some(x), Some(y), true) = (self.row(), other.row(), self.dims() == other.dims()) {
            return zip(x, y).map(|(&x, &y)| f(x, y)).collect();
        }
        let mut out = Vec::with_capacity(dims.count());
        let rows = Rows::new([&self.layout.broadcast(dims), &other.layout.broadcast(dims)]);
        let (len, x, y) = (rows.len(), self.buffer.as_slice(), other.buffer.as_slice());
        for [a, b] in rows {
            match (a.step, b.step) {
                (1, 1) => {
                    let pairs = zip(&x[a.start..a.start + len], &y[b.start..b.start + len]);
                    out.extend(pairs.map(|(&x, &y)| f(x, y)));
                }
                (1, 0) => {
                    let y = y[b.start];
                    out.extend(x[a.start..a.start + len].iter().map(|&x| f(x, y)));
                }
                (0, 1) => {
                    let x = x[a.start];
                    out.extend(y[b.start..b.start + len].iter().map(|&y| f(x, y)));
                }
                _ => out.extend((0..len).map(|i| f(x[a.at(i)], y[b.at(i)]))),
            }
        }
        out
    }

    /// Where `self` is not 0 the entry of `yes`, else that of `no`.
    pub(super) fn select(&self, yes: &Self, no: &Self, dims: Dims) -> Vec<S> {
        let mut out = Vec::with_capacity(dims.count());
        let rows = Rows::new([
            &self.layout.broadcast(dims),
            &yes.layout.broadcast(dims),
            &no.layout.broadcast(dims),
        ]);
        let len = rows.len();
        for [mask, a, b] in rows {
            out.extend((0..len).map(|i| {
                let chosen = self.buffer[mask.at(i)] != 0.0;
                if chosen { yes.buffer[a.at(i)] } else { no.buffer[b.at(i)] }
            }));
        }
        out
    }

    /// An elementary function of every entry.
    pub(super) fn map_function(&self, function: Unary) -> Vec<S> {
        // PERF: the functions that cost less than finding out which one it is get loops of their own.
        match function {
            Unary::Abs => self.map(|x| Unary::Abs.eval(x)),
            Unary::Sqrt => self.map(|x| Unary::Sqrt.eval(x)),
            Unary::Recip => self.map(|x| Unary::Recip.eval(x)),
            Unary::Powi(2) => self.map(|x| Unary::Powi(2).eval(x)),
            function => self.map(|x| function.eval(x)),
        }
    }

    /// An elementary function of every pair of corresponding entries.
    pub(super) fn zip_function(&self, other: &Self, dims: Dims, function: Binary) -> Vec<S> {
        match function {
            Binary::Max => self.zip(other, dims, |x, y| Binary::Max.eval(x, y)),
            Binary::Min => self.zip(other, dims, |x, y| Binary::Min.eval(x, y)),
            function => self.zip(other, dims, |x, y| function.eval(x, y)),
        }
    }
}

pub(super) fn sigmoid<S: Scalar>(x: S) -> S {
    // The exponential of a negative number: no overflow, and no cancellation on either side.
    if x >= 0.0 {
        ((-x).exp() + 1.0).recip()
    } else {
        let e = x.exp();
        e / (e + 1.0)
    }
}

pub(super) fn relu<S: Scalar>(x: S) -> S {
    if x <= 0.0 { S::from(0.0) } else { x }
}

pub(super) fn softplus<S: Scalar>(x: S) -> S {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}
