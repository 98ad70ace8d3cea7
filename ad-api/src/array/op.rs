//! The operations on arrays, and the one meaning that each has on every implementation.

use std::ops::Range;
use std::sync::Arc;

use super::Dims;
use crate::trace::ErasedRule;
use crate::{AdError, Binary, Relation, Result, RuleValue, Unary};

/// An operation on arrays: what a [`Tensor`](super::Tensor) computes, and what derivatives are known
/// for. Models call the methods of [`Array`](super::Array) instead.
///
/// Elementwise operations of two operands broadcast by NumPy's rule ([`Dims::broadcast`]). Derivatives
/// follow the conventions of [`Scalar`](crate::Scalar): that of the branch taken at a kink, the first
/// operand where `maximum` and `minimum` meet equal ones, zero for `|0|` and `relu(0)` and for every
/// step function, and an infinite partial times a tangent of zero is zero.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrayOp {
    // One operand, elementwise.
    /// `-x`.
    Neg,
    /// `x + c`.
    AddScalar(f64),
    /// `x c`.
    MulScalar(f64),
    /// `x` to a constant power, as [`Binary::Powf`].
    Powf(f64),
    /// An elementary function.
    Unary(Unary),
    /// `1 / (1 + exp(-x))`, without overflow.
    Sigmoid,
    /// `x` where positive, else 0; NaN stays NaN.
    Relu,
    /// `ln(1 + exp(x))`, without overflow.
    Softplus,
    /// The same values without derivatives.
    Detach,

    // Two operands, elementwise with broadcasting.
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a b`.
    Mul,
    /// `a / b`.
    Div,
    /// An elementary function of two numbers.
    Binary(Binary),
    /// 1 where the comparison holds, else 0; without derivatives.
    Compare(Relation),

    // Three operands: a mask of zeros and others, and two choices; with broadcasting.
    /// The second operand where the mask is not 0 (a NaN is not 0), else the third.
    Select,

    // Products.
    /// Matrix products of the last two axes, `[.., m, p]` by `[.., p, n]`; axes before them broadcast.
    MatMul,

    // One operand, entries moved.
    /// Axis `i` of the result is axis `axes[i]` of the operand.
    Permute(Vec<usize>),
    /// The entries in row-major order under another shape.
    Reshape(Dims),
    /// The entries with indices in a range for each axis.
    Slice(Vec<Range<usize>>),
    /// Zeros of shape `dims`, but for the operand at `ranges`: the adjoint of a slice.
    Embed {
        /// The shape of the result.
        dims: Dims,
        /// Where the operand goes; as long as it is.
        ranges: Vec<Range<usize>>,
    },
    /// Stretched to a shape by NumPy's rule.
    Broadcast(Dims),
    /// The slices with these indices along an axis, in this order; an index may occur more than once.
    IndexSelect {
        /// The axis.
        axis: usize,
        /// The indices.
        indices: Arc<[usize]>,
    },
    /// Zeros with `len` slices along the axis, to which slice `i` of the operand is added at
    /// `indices[i]`: the adjoint of [`IndexSelect`](ArrayOp::IndexSelect).
    ScatterAdd {
        /// The axis.
        axis: usize,
        /// Where each slice of the operand goes.
        indices: Arc<[usize]>,
        /// The size of the result along the axis.
        len: usize,
    },

    // One operand, seen along its first axis.
    /// A rule with its inputs along the first axis and its outputs along that of the result, once for
    /// each entry along the other axes.
    Rule(Arc<ErasedRule>),

    // Several operands.
    /// The operands one after another along an axis.
    Concat(usize),

    // One operand, reduced; the axes, in increasing order, disappear.
    /// Sums.
    Sum(Vec<usize>),
    /// Maxima; NaN where there is one. Equal maxima share the derivative evenly: the subgradient of
    /// least norm, as in JAX.
    Max(Vec<usize>),
}

impl ArrayOp {
    /// The name in messages: that of the method of [`Array`](super::Array).
    pub fn name(&self) -> &'static str {
        match self {
            ArrayOp::Neg => "neg",
            ArrayOp::AddScalar(_) | ArrayOp::Add => "+",
            ArrayOp::MulScalar(_) | ArrayOp::Mul => "*",
            ArrayOp::Sub => "-",
            ArrayOp::Div => "/",
            ArrayOp::Powf(_) => "powf",
            ArrayOp::Unary(function) => function.name(),
            ArrayOp::Binary(Binary::Powf) => "pow",
            ArrayOp::Binary(Binary::Max) => "maximum",
            ArrayOp::Binary(Binary::Min) => "minimum",
            ArrayOp::Binary(function) => function.name(),
            ArrayOp::Sigmoid => "sigmoid",
            ArrayOp::Relu => "relu",
            ArrayOp::Softplus => "softplus",
            ArrayOp::Detach => "detach",
            ArrayOp::Compare(_) => "compare",
            ArrayOp::Select => "select",
            ArrayOp::MatMul => "matmul",
            ArrayOp::Permute(_) => "permute",
            ArrayOp::Reshape(_) => "reshape",
            ArrayOp::Slice(_) => "slice",
            ArrayOp::Embed { .. } => "embed",
            ArrayOp::Broadcast(_) => "broadcast_to",
            ArrayOp::IndexSelect { .. } => "index_select",
            ArrayOp::ScatterAdd { .. } => "scatter_add",
            ArrayOp::Rule(_) => "rule",
            ArrayOp::Concat(_) => "concat",
            ArrayOp::Sum(_) => "sum",
            ArrayOp::Max(_) => "max",
        }
    }

    /// The shape of the result for operands of these shapes.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] if the operands do not fit: it names the operation, the shapes and what
    /// would fit.
    pub fn dims(&self, operands: &[Dims]) -> Result<Dims> {
        let wrong = |expected: String| {
            let found = operands.iter().map(Dims::to_string).collect::<Vec<_>>().join(" and ");
            Err(AdError::Array { operation: self.name(), found, expected })
        };
        let arity = self.arity();
        if arity.is_some_and(|arity| arity != operands.len()) || operands.is_empty() {
            let expected = arity.map_or("at least one operand".into(), |n| format!("{n} operands"));
            return wrong(expected);
        }
        let first = operands[0];
        let rank = first.rank();
        match self {
            ArrayOp::Neg
            | ArrayOp::AddScalar(_)
            | ArrayOp::MulScalar(_)
            | ArrayOp::Powf(_)
            | ArrayOp::Unary(_)
            | ArrayOp::Sigmoid
            | ArrayOp::Relu
            | ArrayOp::Softplus
            | ArrayOp::Detach => Ok(first),
            ArrayOp::Add
            | ArrayOp::Sub
            | ArrayOp::Mul
            | ArrayOp::Div
            | ArrayOp::Binary(_)
            | ArrayOp::Compare(_)
            | ArrayOp::Select => {
                let common = operands[1..].iter().try_fold(first, |dims, &b| dims.broadcast(b));
                common.map_or_else(
                    || wrong("shapes that are equal, or 1, from the last axis on".into()),
                    Ok,
                )
            }
            ArrayOp::MatMul => {
                matmul_dims(first, operands[1]).map_or_else(|expected| wrong(expected.into()), Ok)
            }
            ArrayOp::Permute(axes) => {
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..rank) {
                    return wrong(format!("each of its axes once in {axes:?}"));
                }
                Ok(axes.iter().map(|&axis| first[axis]).collect())
            }
            ArrayOp::Reshape(dims) if dims.count() == first.count() => Ok(*dims),
            ArrayOp::Reshape(dims) => {
                wrong(format!("{} entries, as the shape {dims} has", dims.count()))
            }
            ArrayOp::Slice(ranges) => {
                if !inside(ranges, first) {
                    return wrong(format!("a range within each axis, not {ranges:?}"));
                }
                Ok(ranges.iter().map(ExactSizeIterator::len).collect())
            }
            ArrayOp::Embed { dims, ranges } => {
                let fits = ranges.iter().map(ExactSizeIterator::len).eq(first.iter().copied());
                if !fits || !inside(ranges, *dims) {
                    return wrong(format!("the sizes of {ranges:?}, within {dims}"));
                }
                Ok(*dims)
            }
            ArrayOp::Broadcast(dims) if first.broadcast(*dims) == Some(*dims) => Ok(*dims),
            ArrayOp::Broadcast(dims) => wrong(format!("a shape that stretches to {dims}")),
            ArrayOp::IndexSelect { axis, indices } => {
                if *axis >= rank {
                    return wrong(format!("an axis {axis}"));
                }
                below(first[*axis], indices).map(|()| first.with(*axis, indices.len()))
            }
            ArrayOp::ScatterAdd { axis, indices, len } => {
                if *axis >= rank || first[*axis] != indices.len() {
                    return wrong(format!("{} slices along axis {axis}", indices.len()));
                }
                below(*len, indices).map(|()| first.with(*axis, *len))
            }
            ArrayOp::Rule(rule) if first.first() == Some(&rule.inputs()) => {
                Ok(first.with(0, rule.outputs()))
            }
            ArrayOp::Rule(rule) => wrong(format!("{} inputs along the first axis", rule.inputs())),
            ArrayOp::Concat(axis) => concat_dims(operands, *axis).map_or_else(wrong, Ok),
            ArrayOp::Sum(axes) | ArrayOp::Max(axes) => {
                if axes.iter().any(|&axis| axis >= rank) || axes.windows(2).any(|w| w[0] >= w[1]) {
                    return wrong(format!("different axes, not {axes:?}"));
                }
                let empty = axes.iter().any(|&axis| first[axis] == 0);
                if empty && matches!(self, ArrayOp::Max(_)) {
                    return wrong("at least one entry for each maximum".into());
                }
                Ok(first.without(axes))
            }
        }
    }

    /// The number of operands, `None` if any number but 0.
    pub fn arity(&self) -> Option<usize> {
        match self {
            ArrayOp::Add
            | ArrayOp::Sub
            | ArrayOp::Mul
            | ArrayOp::Div
            | ArrayOp::Binary(_)
            | ArrayOp::Compare(_)
            | ArrayOp::MatMul => Some(2),
            ArrayOp::Select => Some(3),
            ArrayOp::Concat(_) => None,
            _ => Some(1),
        }
    }
}

fn below(limit: usize, indices: &[usize]) -> Result<()> {
    match indices.iter().find(|&&index| index >= limit) {
        Some(&found) => Err(AdError::Index { what: "indices", found, limit }),
        None => Ok(()),
    }
}

fn inside(ranges: &[Range<usize>], dims: Dims) -> bool {
    ranges.len() == dims.rank()
        && ranges.iter().zip(dims.iter()).all(|(r, &size)| r.start <= r.end && r.end <= size)
}

fn concat_dims(operands: &[Dims], axis: usize) -> Result<Dims, String> {
    let first = operands[0];
    if axis >= first.rank() || operands.iter().any(|dims| dims.rank() != first.rank()) {
        return Err(format!("arrays of the same rank with an axis {axis}"));
    }
    let length = operands.iter().map(|dims| dims[axis]).sum();
    let joined = first.with(axis, length);
    if operands.iter().any(|dims| dims.with(axis, length) != joined) {
        return Err(format!("equal sizes along all axes but {axis}"));
    }
    Ok(joined)
}

fn matmul_dims(a: Dims, b: Dims) -> Result<Dims, &'static str> {
    if a.rank() < 2 || b.rank() < 2 {
        return Err("two axes or more on both sides");
    }
    let (rows, columns) = (a[a.rank() - 2], b[b.rank() - 1]);
    if a[a.rank() - 1] != b[b.rank() - 2] {
        return Err("as many columns on the left as rows on the right");
    }
    let batch = |dims: Dims| dims[..dims.rank() - 2].iter().copied().collect::<Dims>();
    let batch = batch(a).broadcast(batch(b)).ok_or("axes before the last two that broadcast")?;
    Ok(batch.iter().copied().chain([rows, columns]).collect())
}
