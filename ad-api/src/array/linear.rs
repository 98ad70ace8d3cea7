//! The derivative of an operation with respect to one operand: a linear map of arrays.

use std::borrow::Borrow;
use std::ops::Range;
use std::sync::Arc;

use super::{Array, ArrayOp, Dims, MAX_RANK, Tensor};
use crate::Result;
use crate::trace::ErasedRule;

/// The derivative of an operation at a point with respect to one of its operands, as a linear map
/// from tangents of the operand to tangents of the result, and from cotangents of the result to those
/// of the operand.
///
/// [`linearize_op`](super::linearize_op) makes them. An operand that was stretched by broadcasting is
/// stretched here too, and the transpose sums over what was stretched.
///
/// # Several at once
///
/// A tangent has the shape of the operand, with any axes in front: none for one tangent, one axis of
/// size `k` for `k` of them. Every map sends all of them through in one operation of each kind, and
/// keeps the axes in front.
///
/// # Laws
///
/// Linear, and adjoint: `⟨w, A v⟩ = ⟨Aᵀ w, v⟩`. An infinite or NaN partial times an entry that is 0 is
/// 0, where the partial of the operation may be so at a finite operand.
///
/// ```
/// use ad_api::array::{Array, ArrayOp, HostTensor, linearize_op};
///
/// let a: Array<HostTensor<f64>> = Array::host([2, 2], &[1.0, 2.0, 3.0, 4.0])?;
/// let b = a.constant([2], &[5.0, 6.0]);
/// let product = &a * &b;
/// let by_b = linearize_op(&ArrayOp::Mul, &[&a, &b], &product, 1).expect("products have derivatives");
///
/// let v = a.constant([2], &[1.0, 10.0]);
/// assert_eq!(by_b.apply(&v).to_vec()?, [1.0, 20.0, 3.0, 40.0]);
/// assert_eq!(by_b.transpose(&a.ones_like()).to_vec()?, [4.0, 6.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Linear<T: Tensor> {
    operand: Dims,
    result: Dims,
    map: Map<T>,
}

#[derive(Clone, Debug)]
pub(super) enum Map<T: Tensor> {
    // Elementwise, and stretched to the shape of the result.
    Copy,
    Negative,
    Multiple(f64),
    /// The product with a partial of any shape that stretches to the result's.
    Scale(Array<T>),
    /// The same for partials that may be infinite or NaN at finite operands.
    StrongScale(Array<T>),
    /// The product with the reciprocal of a divisor that may be 0.
    StrongQuotient(Array<T>),
    /// A copy where a mask says so, else 0.
    Masked(Mask<T>),

    // Matrix products with the other factor.
    /// With the factor on the right.
    TimesRight(Array<T>),
    /// With the factor on the left; one matrix if the operand is one.
    TimesLeft(Array<T>),

    // Entries moved.
    Permute(Vec<usize>),
    Reshape,
    Slice(Vec<Range<usize>>),
    Embed(Vec<Range<usize>>),
    IndexSelect {
        axis: usize,
        indices: Arc<[usize]>,
    },
    ScatterAdd {
        axis: usize,
        indices: Arc<[usize]>,
    },
    /// One operand of a concatenation.
    Place {
        axis: usize,
        start: usize,
    },

    /// A rule at its arguments.
    Rule {
        rule: Arc<ErasedRule>,
        at: Array<T>,
    },

    // Reductions.
    Sum(Vec<usize>),
    /// Sums of the entries that the mask keeps, times the share that each has in the result.
    Largest {
        axes: Vec<usize>,
        mask: Mask<T>,
        share: Array<T>,
    },
}

/// Which entries are copied; the others are 0, whatever they were.
#[derive(Clone, Debug)]
pub(super) struct Mask<T: Tensor> {
    mask: Array<T>,
    keep: bool,
    zero: Array<T>,
}

impl<T: Tensor> Linear<T> {
    pub(super) fn new(operand: Dims, result: Dims, map: Map<T>) -> Self {
        Linear { operand, result, map }
    }

    /// `left ↦ left right`.
    pub(super) fn times_right(left: Dims, right: &Array<T>, result: Dims) -> Self {
        Linear::new(left, result, Map::TimesRight(right.clone()))
    }

    /// `right ↦ left right`.
    pub(super) fn times_left(left: &Array<T>, right: Dims, result: Dims) -> Self {
        // One matrix on the right: those on the left are the rows of one matrix, too.
        let left = if right.rank() == 2 { left.reshape(rows(left.dims())) } else { left.clone() };
        Linear::new(right, result, Map::TimesLeft(left))
    }

    /// The shape of the operand: what [`apply`](Linear::apply) takes.
    pub fn operand(&self) -> Dims {
        self.operand
    }

    /// The shape of the result: what [`transpose`](Linear::transpose) takes.
    pub fn result(&self) -> Dims {
        self.result
    }

    /// The tangents of the result that these tangents of the operand give.
    ///
    /// # Shapes
    ///
    /// `[.., operand]` → `[.., result]`. Another shape gives an array that carries
    /// [`AdError::Array`](crate::AdError::Array).
    #[must_use]
    pub fn apply(&self, tangent: &Array<T>) -> Array<T> {
        match self.lead(tangent, self.operand) {
            Some(lead) => self.narrow(tangent, &lead).broadcast_to(join(&lead, &self.result)),
            None => tangent.refuse("tangent", ending_in(self.operand)),
        }
    }

    /// The cotangents of the operand that these cotangents of the result give.
    ///
    /// # Shapes
    ///
    /// `[.., result]` → `[.., operand]`. Another shape gives an array that carries
    /// [`AdError::Array`](crate::AdError::Array).
    #[must_use]
    pub fn transpose(&self, cotangent: &Array<T>) -> Array<T> {
        let Some(lead) = self.lead(cotangent, self.result) else {
            return cotangent.refuse("cotangent", ending_in(self.result));
        };
        let (w, k) = (cotangent, lead.rank());
        let operand = || join(&lead, &self.operand);
        match &self.map {
            Map::Copy => self.reduce(w, &lead, self.result),
            Map::Negative => -self.reduce(w, &lead, self.result),
            Map::Multiple(c) => self.reduce(w, &lead, self.result) * *c,
            Map::Scale(partial) => self.reduce(&(partial * w), &lead, self.result),
            Map::StrongScale(partial) => self.reduce(&product(partial, w), &lead, self.result),
            Map::StrongQuotient(divisor) => self.reduce(&quotient(w, divisor), &lead, self.result),
            Map::Masked(mask) => self.reduce(&mask.apply(w), &lead, self.result),
            Map::TimesRight(right) if right.rank() == 2 => {
                w.reshape(rows(w.dims())).matmul(&right.transpose()).reshape(operand())
            }
            Map::TimesRight(right) => {
                let axis = self.result.rank() - 1;
                let wide = self.result.with(axis, self.operand[self.operand.rank() - 1]);
                self.reduce(&w.matmul(&right.transpose()), &lead, wide)
            }
            Map::TimesLeft(left) if self.operand.rank() == 2 => {
                let one_matrix = join(&lead, &rows(self.result));
                left.transpose().matmul(&w.reshape(one_matrix))
            }
            Map::TimesLeft(left) => {
                let axis = self.result.rank() - 2;
                let wide = self.result.with(axis, self.operand[self.operand.rank() - 2]);
                self.reduce(&left.transpose().matmul(w), &lead, wide)
            }
            Map::Permute(axes) => {
                let mut inverse = vec![0; axes.len()];
                axes.iter().enumerate().for_each(|(i, &axis)| inverse[axis] = i);
                w.permute(&permutation_after(k, &inverse))
            }
            Map::Reshape => w.reshape(operand()),
            Map::Slice(ranges) => w.embed(operand(), &ranges_after(&lead, ranges)),
            Map::Embed(ranges) => w.slice(&ranges_after(&lead, ranges)),
            Map::IndexSelect { axis, indices } => {
                w.scatter_add(axis + k, Arc::clone(indices), self.operand[*axis])
            }
            Map::ScatterAdd { axis, indices } => w.index_select(axis + k, Arc::clone(indices)),
            Map::Place { axis, start } => {
                w.slice_axis(axis + k, *start..start + self.operand[*axis])
            }
            Map::Rule { rule, at } => {
                each(w, &lead, self.operand, |w| pairwise(rule.cotangent_rule(), at, w))
            }
            Map::Sum(axes) => self.keep(w, &lead, axes).broadcast_to(operand()),
            Map::Largest { axes, mask, share } => mask.apply(&self.keep(&(share * w), &lead, axes)),
        }
    }

    /// `Σ A v` over several operands with active tangents, which have the same axes in front.
    ///
    /// # Panics
    ///
    /// Without any part.
    pub(super) fn sum<L: Borrow<Self>>(parts: &[(L, &Array<T>)]) -> Array<T> {
        let (first, tangent) = (parts[0].0.borrow(), parts[0].1);
        let lead = first.lead(tangent, first.operand);
        let (Some(lead), true) = (lead, parts.len() > 1) else { return first.apply(tangent) };
        for (linear, tangent) in parts {
            let expected = join(&lead, &linear.borrow().operand);
            if tangent.dims() != expected {
                return tangent.refuse("tangent", format!("shape {expected}"));
            }
        }
        if let Map::Place { axis, .. } = first.map {
            return concatenated(parts, axis, &lead);
        }
        let rest =
            parts[1..].iter().map(|(linear, tangent)| linear.borrow().narrow(tangent, &lead));
        let sum = rest.fold(first.narrow(tangent, &lead), |sum, part| sum + part);
        sum.broadcast_to(join(&lead, &first.result))
    }

    /// As [`apply`](Linear::apply), of a shape that may have yet to be stretched to the result's.
    fn narrow(&self, tangent: &Array<T>, lead: &Dims) -> Array<T> {
        let (v, k) = (tangent, lead.rank());
        let result = || join(lead, &self.result);
        match &self.map {
            Map::Copy => self.align(v, lead),
            Map::Negative => -self.align(v, lead),
            Map::Multiple(c) => self.align(v, lead) * *c,
            Map::Scale(partial) => partial * self.align(v, lead),
            Map::StrongScale(partial) => product(partial, &self.align(v, lead)),
            Map::StrongQuotient(divisor) => quotient(&self.align(v, lead), divisor),
            Map::Masked(mask) => mask.apply(&self.align(v, lead)),
            Map::TimesRight(right) if right.rank() == 2 => {
                // One product of all rows, not one for each tangent or matrix.
                v.reshape(rows(v.dims())).matmul(right).reshape(result())
            }
            Map::TimesRight(right) => self.align(v, lead).matmul(right),
            Map::TimesLeft(left) if self.operand.rank() == 2 => left.matmul(v).reshape(result()),
            Map::TimesLeft(left) => left.matmul(&self.align(v, lead)),
            Map::Permute(axes) => v.permute(&permutation_after(k, axes)),
            Map::Reshape => v.reshape(result()),
            Map::Slice(ranges) => v.slice(&ranges_after(lead, ranges)),
            Map::Embed(ranges) => v.embed(result(), &ranges_after(lead, ranges)),
            Map::IndexSelect { axis, indices } => v.index_select(axis + k, Arc::clone(indices)),
            Map::ScatterAdd { axis, indices } => {
                v.scatter_add(axis + k, Arc::clone(indices), self.result[*axis])
            }
            Map::Place { axis, start } => {
                let mut ranges: Vec<_> = self.operand.iter().map(|&size| 0..size).collect();
                ranges[*axis] = *start..start + self.operand[*axis];
                v.embed(result(), &ranges_after(lead, &ranges))
            }
            Map::Rule { rule, at } => {
                each(v, lead, self.result, |v| pairwise(rule.tangent_rule(), at, v))
            }
            Map::Sum(axes) => v.sum(&after(k, axes)),
            Map::Largest { axes, mask, share } => share * mask.apply(v).sum(&after(k, axes)),
        }
    }

    /// The axes in front of `dims`: `None` if the array ends in another shape, or if an array of this
    /// map would have too many axes.
    fn lead(&self, array: &Array<T>, dims: Dims) -> Option<Dims> {
        let whole = array.shape();
        let k = whole.len().checked_sub(dims.rank())?;
        let fits =
            whole[k..] == *dims && k + self.operand.rank().max(self.result.rank()) <= MAX_RANK;
        fits.then(|| whole[..k].iter().copied().collect())
    }

    /// With axes of size 1 after those in front, where the result has more axes than the operand.
    fn align(&self, tangent: &Array<T>, lead: &Dims) -> Array<T> {
        let missing = self.result.rank().saturating_sub(self.operand.rank());
        if lead.rank() == 0 || missing == 0 {
            return tangent.clone();
        }
        let ones = std::iter::repeat_n(1, missing);
        let sizes = lead.iter().copied().chain(ones).chain(self.operand.iter().copied());
        tangent.reshape(sizes.collect::<Dims>())
    }

    /// Sums an array of shape `[.., wide]` over the axes along which the operand was stretched.
    fn reduce(&self, array: &Array<T>, lead: &Dims, wide: Dims) -> Array<T> {
        if self.operand == wide {
            return array.clone();
        }
        array
            .sum(&after(lead.rank(), &self.operand.stretched(wide)))
            .reshape(join(lead, &self.operand))
    }

    /// An array of the shape of a reduction, with size 1 along the reduced axes.
    fn keep(&self, array: &Array<T>, lead: &Dims, axes: &[usize]) -> Array<T> {
        array.reshape(join(lead, &self.operand.with_ones(axes)))
    }
}

impl<T: Tensor> Mask<T> {
    /// Copies where the mask is not 0.
    pub(super) fn keep(mask: Array<T>) -> Self {
        Mask { zero: mask.number(0.0), mask, keep: true }
    }

    /// Copies where the mask is 0.
    pub(super) fn drop(mask: Array<T>) -> Self {
        Mask { keep: false, ..Mask::keep(mask) }
    }

    fn apply(&self, array: &Array<T>) -> Array<T> {
        let Mask { mask, keep, zero } = self;
        if *keep { mask.select(array, zero) } else { mask.select(zero, array) }
    }
}

/// `partial * v`, but 0 where `v` is 0 and the partial is infinite or NaN.
fn product<T: Tensor>(partial: &Array<T>, v: &Array<T>) -> Array<T> {
    if v.is_constant() {
        return v.select(&(partial * v), v);
    }
    // An entry of `v` that is 0 may have derivatives of its own, which a finite partial multiplies.
    let finite = partial.is_finite().select(partial, &v.number(0.0));
    v.select(partial, &finite) * v
}

/// `rule(a, b)`, with its two arguments along the first axis.
fn pairwise<T: Tensor>(rule: Result<&Arc<ErasedRule>>, a: &Array<T>, b: &Array<T>) -> Array<T> {
    match rule {
        Ok(rule) => {
            let arguments = Array::concat(&[a.clone(), b.clone()], 0);
            Array::apply(&ArrayOp::Rule(Arc::clone(rule)), &[&arguments])
        }
        Err(error) => Array::from_result(Err(error), &b.device(), a.dims()),
    }
}

/// `map` of each of the seeds, for maps that take one at a time.
fn each<T: Tensor>(
    seeds: &Array<T>,
    lead: &Dims,
    result: Dims,
    map: impl Fn(&Array<T>) -> Array<T>,
) -> Array<T> {
    let count = lead.count();
    if lead.rank() == 0 {
        return map(seeds);
    }
    if count == 0 {
        return Array::full(&seeds.device(), join(lead, &result), 0.0);
    }
    let one = seeds.shape()[lead.rank()..].iter().copied();
    let seeds = seeds.reshape(std::iter::once(count).chain(one).collect::<Dims>());
    let seed = |i: usize| seeds.slice_axis(0, i..i + 1).squeeze(0);
    let results: Vec<_> = (0..count).map(|i| map(&seed(i))).collect();
    Array::stack(&results, 0).reshape(join(lead, &result))
}

/// `v / divisor`, but 0 where both are 0.
fn quotient<T: Tensor>(v: &Array<T>, divisor: &Array<T>) -> Array<T> {
    if v.is_constant() { v.select(&(v / divisor), v) } else { product(&divisor.recip(), v) }
}

/// The tangents of a concatenation, with zeros for the operands that have none.
fn concatenated<T: Tensor, L: Borrow<Linear<T>>>(
    parts: &[(L, &Array<T>)],
    axis: usize,
    lead: &Dims,
) -> Array<T> {
    let result = parts[0].0.borrow().result;
    let device = parts[0].1.device();
    let zeros = |len: usize| Array::full(&device, join(lead, &result.with(axis, len)), 0.0);
    let (mut pieces, mut end) = (Vec::with_capacity(parts.len() + 1), 0);
    for (linear, tangent) in parts {
        let linear = linear.borrow();
        let Map::Place { start, .. } = linear.map else {
            unreachable!("all operands of a concatenation are placed in it")
        };
        if start > end {
            pieces.push(zeros(start - end));
        }
        pieces.push((*tangent).clone());
        end = start + linear.operand[axis];
    }
    if result[axis] > end {
        pieces.push(zeros(result[axis] - end));
    }
    Array::concat(&pieces, axis + lead.rank())
}

/// These axes after those in front.
pub(super) fn join(lead: &Dims, dims: &Dims) -> Dims {
    if lead.rank() == 0 { *dims } else { lead.iter().chain(dims.iter()).copied().collect() }
}

/// The matrix whose rows are those along the last axis.
fn rows(dims: Dims) -> Dims {
    let last = dims.rank() - 1;
    [dims[..last].iter().product(), dims[last]].into()
}

/// A permutation that leaves `k` axes in front where they are.
fn permutation_after(k: usize, axes: &[usize]) -> Vec<usize> {
    (0..k).chain(axes.iter().map(|axis| axis + k)).collect()
}

/// Axes counted after `k` in front.
fn after(k: usize, axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|axis| axis + k).collect()
}

/// Ranges of axes after those in front, of which everything is taken.
fn ranges_after(lead: &Dims, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    lead.iter().map(|&size| 0..size).chain(ranges.iter().cloned()).collect()
}

fn ending_in(dims: Dims) -> String {
    format!("a shape that ends in {dims}, with at most {MAX_RANK} axes")
}
