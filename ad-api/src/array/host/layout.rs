//! Where the entries of an array are in its buffer.

use std::array::from_fn;
use std::ops::Range;

use crate::array::{Dims, MAX_RANK};

/// A shape, and for each axis how far apart its neighbours are in a buffer: 0 where an axis was
/// stretched. Moving entries without changing them is a new layout of the same buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) dims: Dims,
    start: usize,
    strides: [usize; MAX_RANK],
}

impl Layout {
    /// All entries of a buffer, row by row.
    pub(super) fn contiguous(dims: Dims) -> Self {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1;
        for axis in (0..dims.rank()).rev() {
            strides[axis] = stride;
            stride *= dims[axis];
        }
        Layout { dims, start: 0, strides }
    }

    /// The same entry everywhere, the first of a buffer.
    pub(super) fn repeated(dims: Dims) -> Self {
        Layout { dims, start: 0, strides: [0; MAX_RANK] }
    }

    /// The range of the buffer that holds the entries one after another, row by row.
    pub(super) fn range(&self) -> Option<Range<usize>> {
        let mut stride = 1;
        for axis in (0..self.dims.rank()).rev().filter(|&axis| self.dims[axis] != 1) {
            if self.strides[axis] != stride {
                return None;
            }
            stride *= self.dims[axis];
        }
        Some(self.start..self.start + self.dims.count())
    }

    /// How far apart neighbours are along the last two axes.
    pub(super) fn matrix_strides(&self) -> (usize, usize) {
        let rank = self.dims.rank();
        (self.strides[rank - 2], self.strides[rank - 1])
    }

    /// Without the last two axes.
    pub(super) fn batch(&self) -> Self {
        let dims = self.dims[..self.dims.rank() - 2].iter().copied().collect();
        Layout { dims, ..*self }
    }

    pub(super) fn permute(&self, axes: &[usize], dims: Dims) -> Self {
        let strides = from_fn(|axis| axes.get(axis).map_or(0, |&from| self.strides[from]));
        Layout { dims, strides, ..*self }
    }

    pub(super) fn slice(&self, ranges: &[Range<usize>], dims: Dims) -> Self {
        let moved = ranges.iter().zip(&self.strides).map(|(range, stride)| range.start * stride);
        // An empty part may begin behind the last entry: it has no place.
        let start = if dims.count() == 0 { 0 } else { self.start + moved.sum::<usize>() };
        Layout { dims, start, ..*self }
    }

    pub(super) fn broadcast(&self, dims: Dims) -> Self {
        let missing = dims.rank() - self.dims.rank();
        let strides = from_fn(|axis| match axis.checked_sub(missing) {
            Some(own) if axis < dims.rank() && self.dims[own] == dims[axis] => self.strides[own],
            _ => 0,
        });
        Layout { dims, strides, ..*self }
    }

    /// The same buffer under another shape, if only axes of size 1 come and go, or the entries are
    /// one after another.
    pub(super) fn reshape(&self, dims: Dims) -> Option<Self> {
        if let Some(range) = self.range() {
            return Some(Layout { start: range.start, ..Layout::contiguous(dims) });
        }
        let long = |dims: &Dims| (0..dims.rank()).filter(|&i| dims[i] != 1).collect::<Vec<_>>();
        let (from, to) = (long(&self.dims), long(&dims));
        if !from.iter().map(|&axis| self.dims[axis]).eq(to.iter().map(|&axis| dims[axis])) {
            return None;
        }
        let mut strides = [0; MAX_RANK];
        from.iter().zip(&to).for_each(|(&from, &to)| strides[to] = self.strides[from]);
        Some(Layout { dims, strides, ..*self })
    }

    /// As `self`, but with the given axes of `dims` back, along which all entries are the same.
    pub(super) fn unreduce(&self, axes: &[usize], dims: Dims) -> Self {
        let mut kept = self.strides.iter().copied();
        let strides =
            from_fn(|axis| if axes.contains(&axis) { 0 } else { kept.next().unwrap_or(0) });
        Layout { dims, strides, ..*self }
    }
}

/// The rows of arrays of one shape, in row-major order, as long as the layouts allow: one row for
/// arrays that are all contiguous.
pub(super) struct Rows<const N: usize> {
    len: usize,
    steps: [usize; N],
    /// The outer axes, the innermost first: size, index, strides.
    outer: [(usize, usize, [usize; N]); MAX_RANK],
    rank: usize,
    starts: [usize; N],
    done: bool,
}

/// A row of an array: where it begins, and how far apart its entries are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) start: usize,
    pub(super) step: usize,
}

impl Row {
    #[inline]
    pub(super) fn at(self, i: usize) -> usize {
        self.start + i * self.step
    }
}

impl<const N: usize> Rows<N> {
    /// The rows of arrays that have the same shape.
    pub(super) fn new(layouts: [&Layout; N]) -> Self {
        let dims = layouts[0].dims;
        let starts = layouts.map(|layout| layout.start);
        let done = dims.count() == 0;
        let mut rows = Rows {
            len: 1,
            steps: [1; N],
            outer: [(0, 0, [0; N]); MAX_RANK],
            rank: 0,
            starts,
            done,
        };
        for axis in (0..dims.rank()).rev().filter(|&axis| dims[axis] != 1) {
            let (size, strides) = (dims[axis], layouts.map(|layout| layout.strides[axis]));
            let (inner, inner_strides) = match rows.rank.checked_sub(1) {
                Some(last) => (&mut rows.outer[last].0, rows.outer[last].2),
                None => (&mut rows.len, rows.steps),
            };
            if rows.rank == 0 && *inner == 1 {
                (rows.len, rows.steps) = (size, strides);
            } else if (0..N).all(|k| strides[k] == *inner * inner_strides[k]) {
                *inner *= size;
            } else {
                rows.outer[rows.rank] = (size, 0, strides);
                rows.rank += 1;
            }
        }
        rows
    }

    /// The number of entries of each row.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl<const N: usize> Iterator for Rows<N> {
    type Item = [Row; N];

    fn next(&mut self) -> Option<[Row; N]> {
        if self.done {
            return None;
        }
        let row = from_fn(|k| Row { start: self.starts[k], step: self.steps[k] });
        self.done = true;
        for (size, index, strides) in &mut self.outer[..self.rank] {
            *index += 1;
            if *index < *size {
                (0..N).for_each(|k| self.starts[k] += strides[k]);
                self.done = false;
                break;
            }
            *index = 0;
            (0..N).for_each(|k| self.starts[k] -= strides[k] * (*size - 1));
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(layout: &Layout) -> (usize, Vec<usize>) {
        let rows = Rows::new([layout]);
        (rows.len(), rows.map(|[row]| row.start).collect())
    }

    #[test]
    fn rows_are_as_long_as_the_layout_allows() {
        let whole = Layout::contiguous([2, 3, 4].into());
        assert_eq!(starts(&whole), (24, vec![0]));
        assert_eq!(starts(&Layout::contiguous(Dims::SCALAR)), (1, vec![0]));
        assert_eq!(starts(&Layout::contiguous([2, 0].into())).1, Vec::<usize>::new());
        let middle = whole.slice(&[0..2, 1..3, 0..4], [2, 2, 4].into());
        assert_eq!(starts(&middle), (8, vec![4, 16]));
        let turned = whole.permute(&[2, 0, 1], [4, 2, 3].into());
        assert_eq!(starts(&turned), (6, vec![0, 1, 2, 3]));
        let wide = Layout::contiguous([3, 1].into()).broadcast([2, 3, 4].into());
        assert_eq!(starts(&wide), (4, vec![0, 1, 2, 0, 1, 2]));
    }

    #[test]
    fn a_shape_changes_without_a_copy_where_the_order_allows() {
        let whole = Layout::contiguous([2, 3].into());
        assert!(whole.reshape([6].into()).is_some());
        let turned = whole.permute(&[1, 0], [3, 2].into());
        assert!(turned.reshape([6].into()).is_none());
        let spread = turned.reshape([3, 1, 2].into()).map(|layout| starts(&layout));
        assert_eq!(spread, Some((2, vec![0, 1, 2])));
        assert_eq!(whole.range(), Some(0..6));
        assert_eq!(turned.range(), None);
        assert_eq!(whole.slice(&[1..2, 0..3], [1, 3].into()).range(), Some(3..6));
        assert_eq!(whole.slice(&[2..2, 0..3], [0, 3].into()).range(), Some(0..0));
    }
}
