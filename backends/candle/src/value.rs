//! The value of each operation, by candle's own where they mean the same.

use std::ops::Range;

use ad_api::array::{ArrayOp, Dims};
use ad_api::{Binary, Relation, Unary};
use candle_core::op::CmpOp;
use candle_core::{Error, Result, Shape, Tensor, nditer};

use crate::map::{map, map2};

/// The result of `op`, of shape `dims`, which has entries; not of rules, which are no code of candle.
/// candle records what it consists of if an operand is tracked.
pub(crate) fn value(op: &ArrayOp, x: &[&Tensor], dims: Dims) -> Result<Tensor> {
    match (op, x) {
        (ArrayOp::Neg, [x]) => x.neg(),
        (ArrayOp::AddScalar(c), [x]) => x.affine(1.0, *c),
        // Adding -0 changes nothing; adding 0 would lose the sign of -0.
        (ArrayOp::MulScalar(c), [x]) => x.affine(*c, -0.0),
        (ArrayOp::Powf(exponent), [x]) => x.powf(*exponent),
        (ArrayOp::Unary(function), [x]) => unary(*function, x),
        (ArrayOp::Sigmoid, [x]) => sigmoid(x),
        (ArrayOp::Relu, [x]) => relu(x),
        (ArrayOp::Softplus, [x]) => softplus(x),
        (ArrayOp::Detach, [x]) => Ok(x.detach()),

        (ArrayOp::Add, [a, b]) => paired(a, b, dims, Tensor::add),
        (ArrayOp::Sub, [a, b]) => paired(a, b, dims, Tensor::sub),
        (ArrayOp::Mul, [a, b]) => paired(a, b, dims, Tensor::mul),
        (ArrayOp::Div, [a, b]) => paired(a, b, dims, Tensor::div),
        (ArrayOp::Binary(function), [a, b]) => paired(a, b, dims, |a, b| binary(*function, a, b)),
        (ArrayOp::Compare(relation), [a, b]) => {
            paired(a, b, dims, |a, b| a.cmp(b, cmp(*relation))?.to_dtype(a.dtype()))
        }
        (ArrayOp::Select, [mask, yes, no]) => {
            let mask = elementwise(mask, dims)?;
            let chosen = mask.ne(&mask.zeros_like()?)?;
            let chosen = chosen.where_cond(&elementwise(yes, dims)?, &elementwise(no, dims)?);
            shaped(chosen?, dims)
        }

        (ArrayOp::MatMul, [a, b]) => matmul(a, b, dims),

        (ArrayOp::Permute(axes), [x]) => x.permute(&axes[..]),
        (ArrayOp::Reshape(_), [x]) => x.reshape(shape(dims)),
        (ArrayOp::Slice(ranges), [x]) => slice(x, ranges),
        (ArrayOp::Embed { ranges, .. }, [x]) => embed(x, dims, ranges),
        (ArrayOp::Broadcast(_), [x]) => stretch(x, &dims),
        (ArrayOp::IndexSelect { axis, indices }, [x]) => {
            x.contiguous()?.index_select(&positions(indices, x)?, *axis)
        }
        (ArrayOp::ScatterAdd { axis, indices, .. }, [x]) => {
            let zeros = Tensor::zeros(shape(dims), x.dtype(), x.device())?;
            zeros.index_add(&positions(indices, x)?, &x.contiguous()?, *axis)
        }
        (ArrayOp::Concat(axis), parts) => Tensor::cat(parts, *axis),

        (ArrayOp::Sum(axes), [x]) => x.sum(&axes[..]),
        (ArrayOp::Max(axes), [x]) => max(x, axes, dims),
        _ => Err(Error::Msg(format!("{} operands of `{}`", x.len(), op.name()))),
    }
}

pub(crate) fn shape(dims: Dims) -> Shape {
    Shape::from(&dims[..])
}

// Elementwise.

/// An operation on two operands stretched to a common shape.
fn paired(
    a: &Tensor,
    b: &Tensor,
    dims: Dims,
    f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    shaped(f(&elementwise(a, dims)?, &elementwise(b, dims)?)?, dims)
}

/// An operand as elementwise kernels take it: of shape `dims`, or without axes where these are more
/// than candle's iterators can walk.
fn elementwise(x: &Tensor, dims: Dims) -> Result<Tensor> {
    let x = stretch(x, &dims)?;
    if dims.rank() > nditer::MAX_DIMS { x.contiguous()?.flatten_all() } else { Ok(x) }
}

fn shaped(x: Tensor, dims: Dims) -> Result<Tensor> {
    if x.dims() == &dims[..] { Ok(x) } else { x.reshape(shape(dims)) }
}

fn stretch(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if x.dims() == dims { Ok(x.clone()) } else { x.broadcast_as(dims) }
}

fn cmp(relation: Relation) -> CmpOp {
    match relation {
        Relation::Less => CmpOp::Lt,
        Relation::LessOrEqual => CmpOp::Le,
        Relation::Greater => CmpOp::Gt,
        Relation::GreaterOrEqual => CmpOp::Ge,
        Relation::Equal => CmpOp::Eq,
        Relation::NotEqual => CmpOp::Ne,
    }
}

/// On the CPU candle's functions are those of the standard library, as ours; what it does not have is
/// mapped. On other devices a few are made of others, where this loses no accuracy.
fn unary(function: Unary, x: &Tensor) -> Result<Tensor> {
    match function {
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Exp => x.exp(),
        Unary::Ln => x.log(),
        Unary::Sqrt => x.sqrt(),
        Unary::Recip => x.recip(),
        Unary::Erf => x.erf(),
        Unary::Abs => x.abs(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round(),
        Unary::Powi(2) => x.sqr(),
        _ if x.device().is_cpu() => map(function.name(), x, |x| function.eval(x)),
        Unary::Tan => x.sin()?.div(&x.cos()?),
        Unary::Powi(n) => x.powf(n.into()),
        Unary::Trunc => trunc(x),
        Unary::Fract => x.sub(&trunc(x)?),
        // Not there: the error of `map` says so.
        _ => map(function.name(), x, |x| function.eval(x)),
    }
}

fn trunc(x: &Tensor) -> Result<Tensor> {
    x.le(&x.zeros_like()?)?.where_cond(&x.ceil()?, &x.floor()?)
}

/// candle has a maximum and a minimum, but in them a NaN on the left wins, and a power that is NaN for
/// negative bases.
fn binary(function: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match function {
        _ if a.device().is_cpu() => map2(function.name(), a, b, |a, b| function.eval(a, b)),
        Binary::Max => a.ge(b)?.where_cond(a, &b.ne(b)?.where_cond(a, b)?),
        Binary::Min => a.le(b)?.where_cond(a, &b.ne(b)?.where_cond(a, b)?),
        _ => map2(function.name(), a, b, |a, b| function.eval(a, b)),
    }
}

/// `partial · w`, but 0 where `w` is 0, whatever the partial, as an operand of shape `narrow` gets it
/// that was stretched to the shape of `w`.
pub(crate) fn strong_product(partial: &Tensor, w: &Tensor, narrow: Dims) -> Result<Tensor> {
    let wide: Dims = w.dims().iter().copied().collect();
    let product = paired(partial, w, wide, |partial, w| {
        if w.device().is_cpu() {
            return map2("*", partial, w, |partial, w| if w == 0.0 { w } else { partial * w });
        }
        w.ne(&w.zeros_like()?)?.where_cond(&partial.mul(w)?, w)
    })?;
    let axes = narrow.stretched(wide);
    if axes.is_empty() { Ok(product) } else { product.sum(axes)?.reshape(shape(narrow)) }
}

/// With `exp(-|x|)`, which does not overflow.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return map("sigmoid", x, |x| {
            let e = (-x.abs()).exp();
            (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
        });
    }
    let e = x.abs()?.neg()?.exp()?;
    let numerator = x.lt(&x.zeros_like()?)?.where_cond(&e, &e.ones_like()?)?;
    numerator.div(&e.affine(1.0, 1.0)?)
}

/// candle's turns NaN into 0.
fn relu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return map("relu", x, |x| if x <= 0.0 { 0.0 } else { x });
    }
    let zeros = x.zeros_like()?;
    x.le(&zeros)?.where_cond(&zeros, x)
}

fn softplus(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return map("softplus", x, |x| (-x.abs()).exp().ln_1p() + if x <= 0.0 { 0.0 } else { x });
    }
    // ln(1 + e), where 1 + e is rounded to u, is ln(u) e / (u - 1): W. Kahan's correction.
    let e = x.abs()?.neg()?.exp()?;
    let u = e.affine(1.0, 1.0)?;
    let excess = u.affine(1.0, -1.0)?;
    let tiny = excess.eq(&excess.zeros_like()?)?;
    let ln_1p = tiny.where_cond(&e, &u.log()?.mul(&e)?.div(&excess)?)?;
    ln_1p.add(&relu(x)?)
}

// Products.

/// candle multiplies matrices with at most two axes before the last two, and these must not be
/// stretched: here there is one of them or none.
fn matmul(a: &Tensor, b: &Tensor, dims: Dims) -> Result<Tensor> {
    let (batch, [m, n]) = split(&dims);
    let p = a.dims()[a.rank() - 1];
    if batch.is_empty() {
        return laid_out(a)?.matmul(&laid_out(b)?);
    }
    let count: usize = batch.iter().product();
    let product = if b.rank() == 2 {
        a.reshape((count * m, p))?.matmul(&laid_out(b)?)?
    } else {
        let stacked = |x: &Tensor, rows, columns| {
            let x = stretch(x, &[batch, &[rows, columns]].concat())?;
            if x.rank() == 3 { laid_out(&x) } else { x.reshape((count, rows, columns)) }
        };
        stacked(a, m, p)?.matmul(&stacked(b, p, n)?)?
    };
    shaped(product, dims)
}

/// The axes before the last two, and these.
fn split(dims: &[usize]) -> (&[usize], [usize; 2]) {
    let (batch, matrix) = dims.split_at(dims.len() - 2);
    (batch, [matrix[0], matrix[1]])
}

/// A matrix, or a stack of them, by rows or by columns: what every kernel takes without a copy.
fn laid_out(x: &Tensor) -> Result<Tensor> {
    let rank = x.rank();
    let by_columns = x.layout().transpose(rank - 2, rank - 1)?.is_contiguous();
    if by_columns { Ok(x.clone()) } else { x.contiguous() }
}

// Entries moved.

fn slice(x: &Tensor, ranges: &[Range<usize>]) -> Result<Tensor> {
    let mut axes = ranges.iter().enumerate();
    axes.try_fold(x.clone(), |x, (axis, range)| x.narrow(axis, range.start, range.len()))
}

fn embed(x: &Tensor, dims: Dims, ranges: &[Range<usize>]) -> Result<Tensor> {
    let mut axes = ranges.iter().enumerate();
    axes.try_fold(x.clone(), |x, (axis, range)| {
        x.pad_with_zeros(axis, range.start, dims[axis] - range.end)
    })
}

/// Indices where `x` lives.
fn positions(indices: &[usize], x: &Tensor) -> Result<Tensor> {
    let indices: Result<Vec<i64>> =
        indices.iter().map(|&i| i64::try_from(i).map_err(Error::wrap)).collect();
    let indices = indices?;
    Tensor::from_slice(&indices, indices.len(), x.device())
}

/// candle's maximum along one axis, which passes over a NaN unless it comes first.
fn max(x: &Tensor, axes: &[usize], dims: Dims) -> Result<Tensor> {
    let count = dims.count();
    if axes.is_empty() {
        return Ok(x.clone());
    }
    let kept = (0..x.rank()).filter(|axis| !axes.contains(axis));
    let order: Vec<_> = kept.chain(axes.iter().copied()).collect();
    let rows = x.permute(order)?.reshape((count, x.elem_count() / count))?;
    let largest = rows.max(1)?;
    let nan = Tensor::full(f64::NAN, count, x.device())?.to_dtype(x.dtype())?;
    let spoilt = rows.ne(&rows)?.max(1)?;
    spoilt.where_cond(&nan, &largest)?.reshape(shape(dims))
}
