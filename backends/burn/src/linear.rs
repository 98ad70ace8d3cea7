//! The operations that burn both computes and differentiates as documented: linear in each operand,
//! with bounded partials.

use ad_api::array::{ArrayOp, Dims};
use burn::backend::{
    Backend, Shape, Slice, TensorData, TensorMetadata, get_or_init_device_settings,
    tensor::{FloatTensor, IndexingUpdateOp, IntTensor},
};

/// burn's shape for ours: it has none for a single number.
pub(crate) fn shape(dims: Dims) -> Shape {
    if dims.rank() == 0 { Shape::from([1]) } else { Shape::from(dims.to_vec()) }
}

/// `x` of shape `from` under another shape with as many entries.
pub(crate) fn reshape<B: Backend>(x: FloatTensor<B>, from: Dims, to: Dims) -> FloatTensor<B> {
    if from == to || from.rank() + to.rank() == 1 && from.count() == 1 {
        return x;
    }
    B::float_reshape(x, shape(to))
}

/// `dims` with leading axes of size 1 up to a rank.
pub(crate) fn aligned(dims: Dims, rank: usize) -> Dims {
    (dims.rank()..rank).map(|_| 1).chain(dims.iter().copied()).collect()
}

/// The result of a linear operation, whose operands `x` have the shapes `from` and at least one entry
/// each; `None` for the other operations.
pub(crate) fn apply<B: Backend>(
    op: &ArrayOp,
    x: impl Fn(usize) -> FloatTensor<B>,
    from: impl Fn(usize) -> Dims,
    operands: usize,
    to: Dims,
) -> Option<FloatTensor<B>> {
    let lined_up = |i| {
        let dims = from(i);
        reshape::<B>(x(i), dims, aligned(dims, to.rank()))
    };
    let stretched = |i| {
        let x = lined_up(i);
        if from(i) == to { x } else { B::float_expand(x, shape(to)) }
    };
    Some(match op {
        ArrayOp::Neg => B::float_neg(x(0)),
        ArrayOp::AddScalar(c) => B::float_add_scalar(x(0), (*c).into()),
        ArrayOp::MulScalar(c) if c.is_finite() => B::float_mul_scalar(x(0), (*c).into()),
        ArrayOp::Add => B::float_add(lined_up(0), lined_up(1)),
        ArrayOp::Sub => B::float_sub(lined_up(0), lined_up(1)),
        ArrayOp::Select => {
            let mask = lined_up(0);
            let settings = get_or_init_device_settings::<B>(&mask.device());
            // Not "unequal to 0", which NaN is not on every device.
            let other = B::float_equal_elem(mask, 0.0.into(), settings.bool_dtype);
            let other = if from(0) == to { other } else { B::bool_expand(other, shape(to)) };
            B::float_mask_where(stretched(1), other, stretched(2))
        }
        ArrayOp::MatMul => B::float_matmul(lined_up(0), lined_up(1)),
        ArrayOp::Permute(axes) if axes.len() < 2 => x(0),
        ArrayOp::Permute(axes) => B::float_permute(x(0), axes),
        ArrayOp::Reshape(dims) => reshape::<B>(x(0), from(0), *dims),
        ArrayOp::Broadcast(_) => stretched(0),
        ArrayOp::Slice(ranges) if ranges.is_empty() => x(0),
        ArrayOp::Slice(ranges) => B::float_slice(x(0), &slices(ranges)),
        ArrayOp::Embed { ranges, .. } if ranges.is_empty() => x(0),
        ArrayOp::Embed { ranges, .. } => {
            let x = x(0);
            let zeros = B::float_zeros(shape(to), &x.device(), x.dtype().into());
            B::float_slice_assign(zeros, &slices(ranges), x)
        }
        ArrayOp::IndexSelect { axis, indices } => {
            let x = x(0);
            let indices = positions::<B>(&x, indices);
            B::float_select(x, *axis, indices)
        }
        ArrayOp::ScatterAdd { axis, indices, .. } => {
            let x = x(0);
            let indices = positions::<B>(&x, indices);
            let zeros = B::float_zeros(shape(to), &x.device(), x.dtype().into());
            B::float_select_assign(zeros, *axis, indices, x, IndexingUpdateOp::Add)
        }
        ArrayOp::Concat(axis) => {
            let parts = (0..operands).filter(|&i| from(i).count() > 0).map(x).collect();
            B::float_cat(parts, *axis)
        }
        ArrayOp::Sum(axes) => match axes[..] {
            [] => x(0),
            _ if axes.len() == from(0).rank() => {
                reshape::<B>(B::float_sum(x(0)), Dims::vector(1), to)
            }
            [axis] => reshape::<B>(B::float_sum_dim(x(0), axis), from(0).with_ones(axes), to),
            _ => reshape::<B>(B::float_sum_dims(x(0), axes), from(0).with_ones(axes), to),
        },
        _ => return None,
    })
}

fn slices(ranges: &[std::ops::Range<usize>]) -> Vec<Slice> {
    // An axis is at most `isize::MAX` long, as memory is.
    let end = |i: usize| isize::try_from(i).unwrap_or(isize::MAX);
    ranges.iter().map(|range| Slice::new(end(range.start), Some(end(range.end)), 1)).collect()
}

/// Indices on the device of `x`.
fn positions<B: Backend>(x: &FloatTensor<B>, indices: &[usize]) -> IntTensor<B> {
    let device = x.device();
    let data = TensorData::new(indices.iter().map(|&i| i as u64).collect(), [indices.len()]);
    let dtype = get_or_init_device_settings::<B>(&device).int_dtype;
    B::int_from_data(data.convert_dtype(dtype.into()), &device)
}
