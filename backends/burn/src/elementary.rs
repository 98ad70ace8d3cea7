//! Functions of entries, with the values that [`ArrayOp`] documents.

use ad_api::Unary;
use ad_api::array::ArrayOp;
use burn::backend::{Backend, tensor::FloatTensor};

/// What the adapter needs of a backend of burn beside burn's own operations.
pub(crate) trait Elementary: Backend {
    /// The most axes that its kernels take.
    const MAX_RANK: usize = ad_api::array::MAX_RANK;

    /// Whether its sums and maxima are right however the entries lie in memory.
    const REDUCES_VIEWS: bool = true;

    /// An elementwise operation of one array.
    fn of_one(op: &ArrayOp, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// An elementwise operation of two arrays, which have the same rank and broadcast.
    fn of_two(op: &ArrayOp, a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `x` where `cotangent` is not 0, else 0. Both have one shape.
    fn wanted(x: FloatTensor<Self>, cotangent: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The largest entries along an axis, which keeps size 1; NaN where there is one.
    fn largest(x: FloatTensor<Self>, axis: usize) -> FloatTensor<Self> {
        Self::float_max_dim(x, axis)
    }
}

/// The function by burn's own name, where burn's values are right; `x` back where they are not.
pub(crate) fn native<B: Backend>(
    function: Unary,
    x: FloatTensor<B>,
) -> Result<FloatTensor<B>, FloatTensor<B>> {
    Ok(match function {
        Unary::Sin => B::float_sin(x),
        Unary::Cos => B::float_cos(x),
        Unary::Tan => B::float_tan(x),
        Unary::Asin => B::float_asin(x),
        Unary::Acos => B::float_acos(x),
        Unary::Atan => B::float_atan(x),
        Unary::Cosh => B::float_cosh(x),
        Unary::Exp => B::float_exp(x),
        Unary::Ln => B::float_log(x),
        Unary::Sqrt => B::float_sqrt(x),
        Unary::Recip => B::float_recip(x),
        Unary::Abs => B::float_abs(x),
        Unary::Floor => B::float_floor(x),
        Unary::Ceil => B::float_ceil(x),
        Unary::Trunc => B::float_trunc(x),
        _ => return Err(x),
    })
}
