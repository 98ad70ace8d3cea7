//! Arrays on the host, of any scalar.

mod elementwise;
mod layout;
mod product;
mod reduce;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use self::layout::{Layout, Rows};
use super::rule::apply_to_columns;
use super::{Array, ArrayOp, Dims, Tensor};
use crate::{AdError, Binary, Result, Scalar};

/// The place where a [`HostTensor`] lives: the memory of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Host;

/// An array of `f64`, or of any numbers that carry derivatives, in memory.
///
/// Every operation is that of the [`Scalar`], entry by entry, so that an array program on arrays of
/// dual numbers or tape variables is differentiated as a scalar program is: [`Flat`](super::Flat) makes
/// it one. Matrix products of `f64` go through ndarray to the kernels of `matrixmultiply`.
///
/// Permuting, slicing and broadcasting copy nothing; the result shares the buffer.
///
/// ```
/// use ad_api::array::{Array, HostTensor};
///
/// let x: Array<HostTensor<f64>> = Array::host([2, 2], &[1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!(x.transpose().entries()?.as_ref(), [1.0, 3.0, 2.0, 4.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct HostTensor<S> {
    layout: Layout,
    buffer: Arc<Vec<S>>,
}

impl<S: Scalar> HostTensor<S> {
    /// The array with these entries, row by row.
    fn contiguous(dims: Dims, entries: Vec<S>) -> Self {
        debug_assert_eq!(entries.len(), dims.count(), "entries of an array of shape {dims}");
        HostTensor { layout: Layout::contiguous(dims), buffer: Arc::new(entries) }
    }

    /// The entries, row by row: borrowed where they are stored so.
    pub fn entries(&self) -> Cow<'_, [S]> {
        self.row().map_or_else(|| Cow::Owned(self.map(|x| x)), Cow::Borrowed)
    }

    /// The entries where they are stored row by row.
    fn row(&self) -> Option<&[S]> {
        self.layout.range().map(|range| &self.buffer[range])
    }

    fn view(&self, layout: Layout) -> Self {
        HostTensor { layout, buffer: Arc::clone(&self.buffer) }
    }

    fn dims(&self) -> Dims {
        self.layout.dims
    }

    /// The product of the sizes before an axis, and that of the sizes after it.
    fn around(&self, axis: usize) -> (usize, usize) {
        let dims = self.dims();
        (dims[..axis].iter().product(), dims[axis + 1..].iter().product())
    }

    fn reshape(&self, dims: Dims) -> Self {
        match self.layout.reshape(dims) {
            Some(layout) => self.view(layout),
            None => Self::contiguous(dims, self.entries().into_owned()),
        }
    }

    fn embed(&self, whole: Layout, part: &Layout) -> Self {
        let mut entries = vec![S::from(0.0); whole.dims.count()];
        let rows = Rows::new([part, &self.layout]);
        let len = rows.len();
        for [to, from] in rows {
            for i in 0..len {
                entries[to.at(i)] = self.buffer[from.at(i)];
            }
        }
        Self::contiguous(whole.dims, entries)
    }

    fn index_select(&self, axis: usize, indices: &[usize], dims: Dims) -> Self {
        let (before, after) = self.around(axis);
        let (from, slab) = (self.entries(), self.dims()[axis] * after);
        let mut entries = Vec::with_capacity(dims.count());
        for start in (0..before).map(|k| k * slab) {
            for index in indices {
                let slice = start + index * after;
                entries.extend_from_slice(&from[slice..slice + after]);
            }
        }
        Self::contiguous(dims, entries)
    }

    fn scatter_add(&self, axis: usize, indices: &[usize], dims: Dims) -> Self {
        let (before, after) = self.around(axis);
        let (from, slab) = (self.entries(), dims[axis] * after);
        let mut entries = vec![S::from(0.0); dims.count()];
        let mut slices = from.chunks_exact(after.max(1));
        for start in (0..before).map(|k| k * slab) {
            for (index, slice) in indices.iter().zip(&mut slices) {
                let to = &mut entries[start + index * after..][..after];
                to.iter_mut().zip(slice).for_each(|(to, &x)| *to += x);
            }
        }
        Self::contiguous(dims, entries)
    }

    fn concat(operands: &[&Self], axis: usize, dims: Dims) -> Self {
        let parts: Vec<_> = operands
            .iter()
            .map(|part| (part.entries(), part.dims()[axis] * part.around(axis).1))
            .collect();
        let mut entries = Vec::with_capacity(dims.count());
        for k in 0..operands[0].around(axis).0 {
            parts.iter().for_each(|(part, n)| entries.extend_from_slice(&part[k * n..(k + 1) * n]));
        }
        Self::contiguous(dims, entries)
    }
}

impl<S: Scalar> Tensor for HostTensor<S> {
    type Device = Host;

    fn device(&self) -> Host {
        Host
    }

    fn dims(&self) -> Dims {
        self.layout.dims
    }

    fn precision(_: &Host) -> f64 {
        f64::EPSILON
    }

    fn from_host(_: &Host, dims: Dims, entries: &[f64]) -> Result<Self> {
        Ok(Self::contiguous(dims, entries.iter().map(|&entry| S::from(entry)).collect()))
    }

    fn full(_: &Host, dims: Dims, value: f64) -> Result<Self> {
        let buffer = Arc::new(vec![S::from(value)]);
        Ok(HostTensor { layout: Layout::repeated(dims), buffer })
    }

    fn is_constant(&self) -> bool {
        S::DEPTH == 0
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        Ok(self.entries().iter().map(|entry| entry.primal()).collect())
    }

    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self> {
        let a = operands[0];
        let entries = match op {
            ArrayOp::Neg => a.map(|x| -x),
            ArrayOp::AddScalar(c) => a.map(|x| x + *c),
            ArrayOp::MulScalar(c) => a.map(|x| x * *c),
            ArrayOp::Powf(c) => a.map(|x| Binary::Powf.eval(x, S::from(*c))),
            ArrayOp::Unary(function) => a.map_function(*function),
            ArrayOp::Sigmoid => a.map(elementwise::sigmoid),
            ArrayOp::Relu => a.map(elementwise::relu),
            ArrayOp::Softplus => a.map(elementwise::softplus),
            ArrayOp::Detach => a.map(S::detached),
            ArrayOp::Add => a.zip(operands[1], dims, |x, y| x + y),
            ArrayOp::Sub => a.zip(operands[1], dims, |x, y| x - y),
            ArrayOp::Mul => a.zip(operands[1], dims, |x, y| x * y),
            ArrayOp::Div => a.zip(operands[1], dims, |x, y| x / y),
            ArrayOp::Binary(function) => a.zip_function(operands[1], dims, *function),
            ArrayOp::Compare(comparison) => {
                let number = |holds: bool| S::from(f64::from(u8::from(holds)));
                a.zip(operands[1], dims, |x, y| number(comparison.holds(&x, &y)))
            }
            ArrayOp::Select => a.select(operands[1], operands[2], dims),
            ArrayOp::MatMul => a.matmul(operands[1], dims),
            ArrayOp::Sum(axes) => a.sum(axes, dims),
            ArrayOp::Max(axes) => a.max(axes, dims),
            ArrayOp::Permute(axes) => return Ok(a.view(a.layout.permute(axes, dims))),
            ArrayOp::Slice(ranges) => return Ok(a.view(a.layout.slice(ranges, dims))),
            ArrayOp::Broadcast(_) => return Ok(a.view(a.layout.broadcast(dims))),
            ArrayOp::Reshape(_) => return Ok(a.reshape(dims)),
            ArrayOp::Embed { ranges, .. } => {
                let whole = Layout::contiguous(dims);
                return Ok(a.embed(whole, &whole.slice(ranges, a.dims())));
            }
            ArrayOp::IndexSelect { axis, indices } => {
                return Ok(a.index_select(*axis, indices, dims));
            }
            ArrayOp::ScatterAdd { axis, indices, .. } => {
                return Ok(a.scatter_add(*axis, indices, dims));
            }
            ArrayOp::Rule(rule) => apply_to_columns(rule, &a.entries())?,
            ArrayOp::Concat(axis) => return Ok(Self::concat(operands, *axis, dims)),
        };
        Ok(Self::contiguous(dims, entries))
    }
}

impl<S: Scalar> Array<HostTensor<S>> {
    /// The array on the host with these entries, row by row.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless there are as many as the shape has.
    pub fn host(dims: impl Into<Dims>, entries: &[f64]) -> Result<Self> {
        let array = Self::from_host(&Host, dims, entries);
        array.check().map(|()| array)
    }

    /// The array with these numbers as its entries, row by row, and the derivatives that they carry.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless there are as many as the shape has.
    pub fn from_entries(dims: impl Into<Dims>, entries: Vec<S>) -> Result<Self> {
        let dims = dims.into();
        let reason = "the product of the sizes";
        AdError::check_len("entries", entries.len(), dims.count(), reason)?;
        Ok(Array::new(HostTensor::contiguous(dims, entries)))
    }

    /// The entries, row by row, with the derivatives that they carry.
    ///
    /// # Errors
    ///
    /// The error that the array carries.
    pub fn entries(&self) -> Result<Cow<'_, [S]>> {
        self.tensor().map(HostTensor::entries)
    }
}

impl<S: Scalar> fmt::Debug for HostTensor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HostTensor");
        shown.field("dims", &self.dims()).field("entries", &self.entries()).finish()
    }
}
