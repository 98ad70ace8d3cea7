//! The shape of an array.

use std::fmt;
use std::ops::Deref;

use crate::{AdError, Result};

/// The most axes that an array may have. Derivatives need some of them for their seeds.
pub const MAX_RANK: usize = 10;

/// The sizes of an array along its axes, at most [`MAX_RANK`]; a single number has none.
///
/// Axes are counted from 0 and entries are in row-major order: the last axis is contiguous.
///
/// ```
/// use ad_api::array::Dims;
///
/// let dims = Dims::new(&[2, 3])?;
/// assert_eq!((dims.rank(), dims.count(), dims[1]), (2, 6, 3));
/// assert_eq!(dims.to_string(), "[2, 3]");
/// assert_eq!(Dims::SCALAR.count(), 1);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dims {
    rank: usize,
    sizes: [usize; MAX_RANK],
}

impl Dims {
    /// The shape of a single number.
    pub const SCALAR: Dims = Dims { rank: 0, sizes: [0; MAX_RANK] };

    /// These sizes.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] for more than [`MAX_RANK`] axes.
    pub fn new(sizes: &[usize]) -> Result<Self> {
        if sizes.len() > MAX_RANK {
            return Err(AdError::Array {
                operation: "shape",
                found: format!("{} axes", sizes.len()),
                expected: format!("at most {MAX_RANK}"),
            });
        }
        Ok(sizes.iter().copied().collect())
    }

    /// One axis of `len` entries.
    pub fn vector(len: usize) -> Self {
        [len].into_iter().collect()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of entries.
    pub fn count(&self) -> usize {
        self.iter().product()
    }

    /// The same with one more axis in front.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] if there are [`MAX_RANK`] axes already.
    pub fn prepend(&self, size: usize) -> Result<Self> {
        Dims::new(&[&[size], &**self].concat())
    }

    /// The same without the axes in `removed`.
    #[must_use]
    pub fn without(&self, removed: &[usize]) -> Self {
        let kept = self.iter().enumerate().filter(|(axis, _)| !removed.contains(axis));
        kept.map(|(_, &size)| size).collect()
    }

    /// The same with size 1 along the axes in `reduced`.
    #[must_use]
    pub fn with_ones(&self, reduced: &[usize]) -> Self {
        let sizes = self.iter().enumerate();
        sizes.map(|(axis, &size)| if reduced.contains(&axis) { 1 } else { size }).collect()
    }

    /// The same with another size along one axis.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    #[must_use]
    pub fn with(mut self, axis: usize, size: usize) -> Self {
        assert!(axis < self.rank, "axis {axis} of an array of shape {self}");
        self.sizes[axis] = size;
        self
    }

    /// The common shape of two operands under NumPy's rule: axes are aligned at the last, and a size
    /// of 1 (or a missing axis) stretches to that of the other operand. `None` if they do not fit.
    pub fn broadcast(self, other: Dims) -> Option<Dims> {
        let rank = self.rank.max(other.rank);
        let size = |dims: &Dims, axis: usize| {
            (axis + dims.rank).checked_sub(rank).map_or(1, |axis| dims.sizes[axis])
        };
        let stretch = |axis| match (size(&self, axis), size(&other, axis)) {
            (a, b) if a == b => Some(a),
            (1, b) => Some(b),
            (a, 1) => Some(a),
            _ => None,
        };
        (0..rank).map(stretch).collect()
    }

    /// The axes along which an array of this shape was stretched to `wide`, counted in `wide`.
    pub fn stretched(&self, wide: Dims) -> Vec<usize> {
        let missing = wide.rank - self.rank;
        (0..wide.rank)
            .filter(|&axis| axis < missing || self.sizes[axis - missing] != wide.sizes[axis])
            .collect()
    }
}

impl<const N: usize> From<[usize; N]> for Dims {
    /// Does not compile for more than [`MAX_RANK`] sizes.
    fn from(sizes: [usize; N]) -> Self {
        const { assert!(N <= MAX_RANK, "too many axes") }
        sizes.into_iter().collect()
    }
}

/// # Panics
///
/// For more than [`MAX_RANK`] sizes.
impl FromIterator<usize> for Dims {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        sizes.into_iter().fold(Dims::SCALAR, |mut dims, size| {
            dims.sizes[dims.rank] = size;
            dims.rank += 1;
            dims
        })
    }
}

impl Deref for Dims {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }
}

impl fmt::Debug for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
