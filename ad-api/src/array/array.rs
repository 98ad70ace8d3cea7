//! The arrays that models are written over.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Range, Sub};
use std::sync::Arc;

use super::{ArrayOp, Dims, Tensor};
use crate::{AdError, Binary, Relation, Result, Unary};

/// An array of real numbers with any number of axes, on any library and device.
///
/// Elementwise operators and functions broadcast by NumPy's rule; either operand may be taken by
/// value or by reference, and may be an `f64`. Every operation returns a new array; handles are cheap
/// to clone.
///
/// | kind | operations |
/// |---|---|
/// | elementwise | `+ - * /`, [`exp`](Array::exp) and the other elementary functions, [`powf`](Array::powf), [`pow`](Array::pow), [`maximum`](Array::maximum), [`sigmoid`](Array::sigmoid), [`relu`](Array::relu), [`softplus`](Array::softplus) |
/// | choices | [`lt`](Array::lt) and the other comparisons, [`select`](Array::select) |
/// | products | [`matmul`](Array::matmul), [`dot`](Array::dot) |
/// | shape | [`reshape`](Array::reshape), [`permute`](Array::permute), [`transpose`](Array::transpose), [`broadcast_to`](Array::broadcast_to), [`unsqueeze`](Array::unsqueeze) |
/// | parts | [`slice`](Array::slice), [`concat`](Array::concat), [`stack`](Array::stack), [`index_select`](Array::index_select), [`gather`](Array::gather), [`scatter_add`](Array::scatter_add) |
/// | reductions | [`sum`](Array::sum), [`mean`](Array::mean), [`max`](Array::max), [`min`](Array::min), [`log_sum_exp`](Array::log_sum_exp), [`norm`](Array::norm) |
/// | new arrays | [`from_host`](Array::from_host), [`full`](Array::full), [`constant`](Array::constant), [`zeros_like`](Array::zeros_like) |
///
/// # Errors
///
/// Operations do not panic and return no `Result`, so that models read like formulas. An operation
/// whose operands do not fit, or that the device could not do, gives an array that *carries the
/// error*; whatever is computed from it carries the same error, and [`to_vec`](Array::to_vec),
/// [`check`](Array::check) and every derivative return it. The error names the operation and the
/// shapes.
///
/// ```
/// use ad_api::array::{Array, HostTensor};
///
/// let x: Array<HostTensor<f64>> = Array::host([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let centred = &x - x.mean(&[0]);
/// assert_eq!(centred.to_vec()?, [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]);
/// assert_eq!((2.0 * x.matmul(&x.transpose())).to_vec()?, [28.0, 64.0, 64.0, 154.0]);
///
/// let wrong = x.matmul(&x).exp() + 1.0;
/// assert_eq!(
///     wrong.to_vec().unwrap_err().to_string(),
///     "`matmul` of shapes [2, 3] and [2, 3]: expected as many columns on the left as rows on the right"
/// );
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct Array<T: Tensor> {
    state: State<T>,
    dims: Dims,
}

#[derive(Clone)]
enum State<T: Tensor> {
    Ready(T),
    Failed(Arc<(AdError, T::Device)>),
}

impl<T: Tensor> Array<T> {
    /// The array of a library.
    pub fn new(tensor: T) -> Self {
        Array { dims: tensor.dims(), state: State::Ready(tensor) }
    }

    /// The array with these entries on a device, row by row.
    pub fn from_host(device: &T::Device, dims: impl Into<Dims>, entries: &[f64]) -> Self {
        let dims = dims.into();
        let sized =
            AdError::check_len("entries", entries.len(), dims.count(), "the product of the sizes");
        let tensor = sized.and_then(|()| T::from_host(device, dims, entries));
        Self::from_result(tensor, device, dims)
    }

    /// The array on a device whose entries are all `value`.
    pub fn full(device: &T::Device, dims: impl Into<Dims>, value: f64) -> Self {
        let dims = dims.into();
        Self::from_result(T::full(device, dims, value), device, dims)
    }

    /// What an operation gave, or an array that carries its error.
    pub(super) fn from_result(result: Result<T>, device: &T::Device, dims: Dims) -> Self {
        let state = match result {
            Ok(tensor) => State::Ready(tensor),
            Err(error) => State::Failed(Arc::new((error, device.clone()))),
        };
        Array { state, dims }
    }

    /// The result of an operation.
    ///
    /// # Panics
    ///
    /// Without any operand, since there is no device then.
    pub fn apply(op: &ArrayOp, operands: &[&Array<T>]) -> Self {
        for operand in operands {
            if let State::Failed(error) = &operand.state {
                // The shape is a guess that lets generic code go on to where the error is read.
                let dims = Self::result_dims(op, operands).unwrap_or(operand.dims);
                return Array { state: State::Failed(Arc::clone(error)), dims };
            }
        }
        let result = Self::result_dims(op, operands).and_then(|dims| {
            // Few operands need no memory for the list of their tensors.
            let tensor = match operands {
                [a] => T::apply(op, &[a.tensor()?], dims),
                [a, b] => T::apply(op, &[a.tensor()?, b.tensor()?], dims),
                _ => {
                    let tensors = operands.iter().map(|operand| operand.tensor());
                    T::apply(op, &tensors.collect::<Result<Vec<_>>>()?, dims)
                }
            };
            tensor.map(|tensor| Array { state: State::Ready(tensor), dims })
        });
        result.unwrap_or_else(|error| {
            let dims = Self::result_dims(op, operands).unwrap_or(operands[0].dims);
            Self::from_result(Err(error), &operands[0].device(), dims)
        })
    }

    fn result_dims(op: &ArrayOp, operands: &[&Array<T>]) -> Result<Dims> {
        match operands {
            [a] => op.dims(&[a.dims]),
            [a, b] => op.dims(&[a.dims, b.dims]),
            _ => op.dims(&operands.iter().map(|operand| operand.dims).collect::<Vec<_>>()),
        }
    }

    fn unary(&self, op: &ArrayOp) -> Self {
        Self::apply(op, &[self])
    }

    fn function(&self, function: Unary) -> Self {
        self.unary(&ArrayOp::Unary(function))
    }

    /// The shape.
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// The sizes along the axes.
    pub fn shape(&self) -> &[usize] {
        &self.dims
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.dims.rank()
    }

    /// The number of entries.
    pub fn count(&self) -> usize {
        self.dims.count()
    }

    /// Where it lives.
    pub fn device(&self) -> T::Device {
        match &self.state {
            State::Ready(tensor) => tensor.device(),
            State::Failed(failed) => failed.1.clone(),
        }
    }

    /// The array of the library.
    ///
    /// # Errors
    ///
    /// The error that the array carries.
    pub fn tensor(&self) -> Result<&T> {
        match &self.state {
            State::Ready(tensor) => Ok(tensor),
            State::Failed(failed) => Err(failed.0.clone()),
        }
    }

    /// Whether the array was computed.
    ///
    /// # Errors
    ///
    /// The error that the array carries.
    pub fn check(&self) -> Result<()> {
        self.tensor().map(drop)
    }

    /// Whether the entries are known to carry no derivatives: see [`Tensor::is_constant`].
    pub fn is_constant(&self) -> bool {
        match &self.state {
            State::Ready(tensor) => tensor.is_constant(),
            State::Failed(_) => true,
        }
    }

    /// The entries, row by row: a copy to the host, without derivatives.
    ///
    /// # Errors
    ///
    /// The error that the array carries, and what the library reports.
    pub fn to_vec(&self) -> Result<Vec<f64>> {
        self.tensor()?.to_host()
    }

    /// The entry of an array that has one: a copy of one number to the host.
    ///
    /// # Errors
    ///
    /// As [`to_vec`](Array::to_vec), and [`AdError::Array`] for more entries or none.
    pub fn item(&self) -> Result<f64> {
        match self.to_vec()?[..] {
            [entry] => Ok(entry),
            _ => Err(AdError::Array {
                operation: "item",
                found: self.dims.to_string(),
                expected: "one entry".into(),
            }),
        }
    }

    // New arrays on the same device.

    /// The array of this shape with these entries, row by row, on the same device.
    #[must_use]
    pub fn constant(&self, dims: impl Into<Dims>, entries: &[f64]) -> Self {
        Self::from_host(&self.device(), dims, entries)
    }

    /// The array of the same shape and device whose entries are all `value`.
    #[must_use]
    pub fn full_like(&self, value: f64) -> Self {
        Self::full(&self.device(), self.dims, value)
    }

    /// Zeros of the same shape on the same device.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        self.full_like(0.0)
    }

    /// Ones of the same shape on the same device.
    #[must_use]
    pub fn ones_like(&self) -> Self {
        self.full_like(1.0)
    }

    /// A single number on the same device.
    #[must_use]
    pub fn number(&self, value: f64) -> Self {
        Self::full(&self.device(), Dims::SCALAR, value)
    }

    // Elementwise.

    /// `1 / (1 + exp(-x))`.
    #[must_use]
    pub fn sigmoid(&self) -> Self {
        self.unary(&ArrayOp::Sigmoid)
    }

    /// `max(x, 0)`, with derivative 0 at 0.
    #[must_use]
    pub fn relu(&self) -> Self {
        self.unary(&ArrayOp::Relu)
    }

    /// `ln(1 + exp(x))`.
    #[must_use]
    pub fn softplus(&self) -> Self {
        self.unary(&ArrayOp::Softplus)
    }

    /// `x` to an integer power; `0⁰ = 1`.
    #[must_use]
    pub fn powi(&self, exponent: i32) -> Self {
        self.function(Unary::Powi(exponent))
    }

    /// `x` to a constant power.
    #[must_use]
    pub fn powf(&self, exponent: f64) -> Self {
        self.unary(&ArrayOp::Powf(exponent))
    }

    /// `x²`.
    #[must_use]
    pub fn square(&self) -> Self {
        self.powi(2)
    }

    /// The same values, without the derivatives that an engine attached to them.
    #[must_use]
    pub fn detach(&self) -> Self {
        self.unary(&ArrayOp::Detach)
    }

    // Choices.

    /// Of a mask: `yes` where it is not 0, else `no`. All three broadcast. What is not chosen
    /// contributes nothing to a derivative, even where its own is infinite.
    #[must_use]
    pub fn select(&self, yes: &Self, no: &Self) -> Self {
        Self::apply(&ArrayOp::Select, &[self, yes, no])
    }

    /// A comparison: 1 where it holds, else 0.
    #[must_use]
    pub fn compare(&self, relation: Relation, other: &Self) -> Self {
        Self::apply(&ArrayOp::Compare(relation), &[self, other])
    }

    // Products.

    /// Matrix products of the last two axes, `[.., m, p]` by `[.., p, n]`; axes before them
    /// broadcast.
    #[must_use]
    pub fn matmul(&self, right: &Self) -> Self {
        Self::apply(&ArrayOp::MatMul, &[self, right])
    }

    /// The sum of all products of corresponding entries: a single number.
    #[must_use]
    pub fn dot(&self, other: &Self) -> Self {
        (self * other).sum_all()
    }

    // Shape.

    /// The same entries, in row-major order, under another shape.
    #[must_use]
    pub fn reshape(&self, dims: impl Into<Dims>) -> Self {
        let dims = dims.into();
        if dims == self.dims { self.clone() } else { self.unary(&ArrayOp::Reshape(dims)) }
    }

    /// One axis with all entries.
    #[must_use]
    pub fn flatten(&self) -> Self {
        self.reshape([self.count()])
    }

    /// The array whose axis `i` is axis `axes[i]` of this one.
    #[must_use]
    pub fn permute(&self, axes: &[usize]) -> Self {
        self.unary(&ArrayOp::Permute(axes.to_vec()))
    }

    /// The last two axes exchanged.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut axes: Vec<_> = (0..self.rank()).collect();
        let rank = axes.len();
        if rank >= 2 {
            axes.swap(rank - 2, rank - 1);
            return self.permute(&axes);
        }
        self.refuse("transpose", "two axes or more".into())
    }

    /// Stretched to a shape by NumPy's rule.
    #[must_use]
    pub fn broadcast_to(&self, dims: impl Into<Dims>) -> Self {
        let dims = dims.into();
        if dims == self.dims { self.clone() } else { self.unary(&ArrayOp::Broadcast(dims)) }
    }

    /// A new axis of size 1 before the axis of this number.
    #[must_use]
    pub fn unsqueeze(&self, axis: usize) -> Self {
        let mut sizes = self.dims.to_vec();
        if axis > sizes.len() {
            return self.refuse("unsqueeze", format!("at least {axis} axes"));
        }
        sizes.insert(axis, 1);
        match Dims::new(&sizes) {
            Ok(dims) => self.reshape(dims),
            Err(error) => Self::from_result(Err(error), &self.device(), self.dims),
        }
    }

    /// Without an axis, which must have size 1.
    #[must_use]
    pub fn squeeze(&self, axis: usize) -> Self {
        if self.dims.get(axis) != Some(&1) {
            return self.refuse("squeeze", format!("size 1 along an axis {axis}"));
        }
        self.reshape(self.dims.without(&[axis]))
    }

    // Parts.

    /// The part with the indices in `ranges`, one for each axis.
    #[must_use]
    pub fn slice(&self, ranges: &[Range<usize>]) -> Self {
        self.unary(&ArrayOp::Slice(ranges.to_vec()))
    }

    /// The part with the indices in `range` along one axis.
    #[must_use]
    pub fn slice_axis(&self, axis: usize, range: Range<usize>) -> Self {
        let mut ranges: Vec<_> = self.dims.iter().map(|&size| 0..size).collect();
        match ranges.get_mut(axis) {
            Some(whole) => *whole = range,
            None => return self.refuse("slice", format!("an axis {axis}")),
        }
        self.slice(&ranges)
    }

    /// Zeros of shape `dims`, but for this array at `ranges`.
    #[must_use]
    pub fn embed(&self, dims: impl Into<Dims>, ranges: &[Range<usize>]) -> Self {
        self.unary(&ArrayOp::Embed { dims: dims.into(), ranges: ranges.to_vec() })
    }

    /// Arrays one after another along an axis.
    ///
    /// # Panics
    ///
    /// Without any array.
    #[must_use]
    pub fn concat(arrays: &[Self], axis: usize) -> Self {
        Self::apply(&ArrayOp::Concat(axis), &arrays.iter().collect::<Vec<_>>())
    }

    /// Arrays of the same shape one after another along a new axis.
    ///
    /// # Panics
    ///
    /// Without any array.
    #[must_use]
    pub fn stack(arrays: &[Self], axis: usize) -> Self {
        Self::concat(&arrays.iter().map(|array| array.unsqueeze(axis)).collect::<Vec<_>>(), axis)
    }

    /// The slices with these indices along an axis; an index may occur more than once.
    #[must_use]
    pub fn index_select(&self, axis: usize, indices: impl Into<Arc<[usize]>>) -> Self {
        self.unary(&ArrayOp::IndexSelect { axis, indices: indices.into() })
    }

    /// The entries with these indices in row-major order, under a shape of their own.
    #[must_use]
    pub fn gather(&self, dims: impl Into<Dims>, indices: impl Into<Arc<[usize]>>) -> Self {
        self.flatten().index_select(0, indices).reshape(dims)
    }

    /// Zeros with `len` slices along the axis, to which slice `i` of this array is added at
    /// `indices[i]`.
    #[must_use]
    pub fn scatter_add(&self, axis: usize, indices: impl Into<Arc<[usize]>>, len: usize) -> Self {
        self.unary(&ArrayOp::ScatterAdd { axis, indices: indices.into(), len })
    }

    // Reductions. The axes disappear; `unsqueeze` brings one back for broadcasting.

    /// Sums over axes, given in any order.
    #[must_use]
    pub fn sum(&self, axes: &[usize]) -> Self {
        if axes.is_empty() { self.clone() } else { self.unary(&ArrayOp::Sum(sorted(axes))) }
    }

    /// The sum of all entries: a single number.
    #[must_use]
    pub fn sum_all(&self) -> Self {
        self.sum(&self.all_axes())
    }

    /// Means over axes.
    #[must_use]
    pub fn mean(&self, axes: &[usize]) -> Self {
        let sums = self.sum(axes);
        let count = self.count() as f64 / sums.count() as f64;
        sums / count
    }

    /// The mean of all entries: a single number.
    #[must_use]
    pub fn mean_all(&self) -> Self {
        self.mean(&self.all_axes())
    }

    /// Maxima over axes; equal ones share the derivative evenly.
    #[must_use]
    pub fn max(&self, axes: &[usize]) -> Self {
        if axes.is_empty() { self.clone() } else { self.unary(&ArrayOp::Max(sorted(axes))) }
    }

    /// Minima over axes; equal ones share the derivative evenly.
    #[must_use]
    pub fn min(&self, axes: &[usize]) -> Self {
        -(-self).max(axes)
    }

    /// `ln Σ exp(x)` over axes, without overflow.
    #[must_use]
    pub fn log_sum_exp(&self, axes: &[usize]) -> Self {
        let largest = self.max(axes).detach();
        // A sum of nothing but exp(-∞), or one with exp(∞), needs no shift.
        let shift = largest.is_finite().select(&largest, &largest.zeros_like());
        let kept = shift.reshape(self.dims.with_ones(axes));
        (self - kept).exp().sum(axes).ln() + shift
    }

    /// The Euclidean norm of all entries: a single number, with derivative 0 where all are 0.
    #[must_use]
    pub fn norm(&self) -> Self {
        let square = self.dot(self);
        let (zero, one) = (square.zeros_like(), square.ones_like());
        // The square root of 1 instead of 0, so that no infinite partial comes near the derivative.
        let vanishes = square.compare(Relation::Equal, &zero);
        vanishes.select(&zero, &vanishes.select(&one, &square).sqrt())
    }

    /// 1 where the entry is neither infinite nor NaN, else 0.
    #[must_use]
    pub fn is_finite(&self) -> Self {
        // 0 times anything else is NaN.
        (self.detach() * 0.0).eq(0.0)
    }

    fn all_axes(&self) -> Vec<usize> {
        (0..self.rank()).collect()
    }

    /// An array that carries the error of a method that is made of several operations.
    pub(super) fn refuse(&self, operation: &'static str, expected: String) -> Self {
        if self.check().is_err() {
            return self.clone();
        }
        let error = AdError::Array { operation, found: self.dims.to_string(), expected };
        Self::from_result(Err(error), &self.device(), self.dims)
    }
}

fn sorted(axes: &[usize]) -> Vec<usize> {
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    axes
}

macro_rules! functions {
    ($($name:ident $Function:ident $doc:literal;)*) => {
        impl<T: Tensor> Array<T> {$(
            #[doc = $doc]
            #[must_use]
            pub fn $name(&self) -> Self { self.function(Unary::$Function) }
        )*}
    };
}

functions! {
    exp Exp "`eˣ`.";
    exp2 Exp2 "`2ˣ`.";
    exp_m1 ExpM1 "`eˣ - 1`, accurate near 0.";
    ln Ln "The natural logarithm.";
    ln_1p Ln1p "`ln(1 + x)`, accurate near 0.";
    log2 Log2 "The logarithm to base 2.";
    log10 Log10 "The logarithm to base 10.";
    sqrt Sqrt "The square root.";
    cbrt Cbrt "The cube root.";
    recip Recip "`1/x`.";
    sin Sin "The sine.";
    cos Cos "The cosine.";
    tan Tan "The tangent.";
    asin Asin "The arcsine.";
    acos Acos "The arccosine.";
    atan Atan "The arctangent.";
    sinh Sinh "The hyperbolic sine.";
    cosh Cosh "The hyperbolic cosine.";
    tanh Tanh "The hyperbolic tangent.";
    asinh Asinh "The inverse hyperbolic sine.";
    acosh Acosh "The inverse hyperbolic cosine.";
    atanh Atanh "The inverse hyperbolic tangent.";
    erf Erf "The error function.";
    abs Abs "The absolute value, with derivative 0 at 0.";
    signum Signum "The sign of each number, as `f64::signum`, with derivative 0.";
    floor Floor "The largest integer not above, with derivative 0.";
    ceil Ceil "The smallest integer not below, with derivative 0.";
    round Round "The nearest integer, away from 0 in the middle, with derivative 0.";
    trunc Trunc "The integer part, with derivative 0.";
    fract Fract "The fractional part.";
}

macro_rules! pairs {
    ($($name:ident $Function:ident $doc:literal;)*) => {
        impl<T: Tensor> Array<T> {$(
            #[doc = $doc]
            #[must_use]
            pub fn $name(&self, other: &Self) -> Self {
                Self::apply(&ArrayOp::Binary(Binary::$Function), &[self, other])
            }
        )*}
    };
}

pairs! {
    pow Powf "`self` to the power of `other`.";
    maximum Max "The larger of two; `self` where they are equal; a NaN loses.";
    minimum Min "The smaller of two; `self` where they are equal; a NaN loses.";
    hypot Hypot "`√(x² + y²)` without overflow, with derivative 0 at the origin.";
    atan2 Atan2 "The angle of the point with ordinate `self` and abscissa `other`.";
}

macro_rules! comparisons {
    ($($name:ident $Question:ident $doc:literal;)*) => {
        impl<T: Tensor> Array<T> {$(
            #[doc = $doc]
            #[must_use]
            pub fn $name(&self, bound: f64) -> Self {
                self.compare(Relation::$Question, &self.number(bound))
            }
        )*}
    };
}

comparisons! {
    lt Less "1 where the entry is less than `bound`, else 0. See [`compare`](Array::compare).";
    le LessOrEqual "1 where the entry is at most `bound`, else 0.";
    gt Greater "1 where the entry is greater than `bound`, else 0.";
    ge GreaterOrEqual "1 where the entry is at least `bound`, else 0.";
    eq Equal "1 where the entry equals `bound`, else 0.";
    ne NotEqual "1 where the entry differs from `bound`, else 0.";
}

macro_rules! operators {
    ($($Trait:ident $method:ident |$a:ident, $c:ident| $right:expr, |$d:ident, $b:ident| $left:expr;)*) => {$(
        impl<T: Tensor> $Trait<&Array<T>> for &Array<T> {
            type Output = Array<T>;
            fn $method(self, right: &Array<T>) -> Array<T> {
                Array::apply(&ArrayOp::$Trait, &[self, right])
            }
        }
        impl<T: Tensor> $Trait<Array<T>> for Array<T> {
            type Output = Array<T>;
            fn $method(self, right: Array<T>) -> Array<T> { (&self).$method(&right) }
        }
        impl<T: Tensor> $Trait<&Array<T>> for Array<T> {
            type Output = Array<T>;
            fn $method(self, right: &Array<T>) -> Array<T> { (&self).$method(right) }
        }
        impl<T: Tensor> $Trait<Array<T>> for &Array<T> {
            type Output = Array<T>;
            fn $method(self, right: Array<T>) -> Array<T> { self.$method(&right) }
        }
        impl<T: Tensor> $Trait<f64> for &Array<T> {
            type Output = Array<T>;
            fn $method(self, $c: f64) -> Array<T> { let $a = self; $right }
        }
        impl<T: Tensor> $Trait<f64> for Array<T> {
            type Output = Array<T>;
            fn $method(self, right: f64) -> Array<T> { (&self).$method(right) }
        }
        impl<T: Tensor> $Trait<&Array<T>> for f64 {
            type Output = Array<T>;
            fn $method(self, $b: &Array<T>) -> Array<T> { let $d = self; $left }
        }
        impl<T: Tensor> $Trait<Array<T>> for f64 {
            type Output = Array<T>;
            fn $method(self, right: Array<T>) -> Array<T> { self.$method(&right) }
        }
    )*};
}

operators! {
    Add add |a, c| a.unary(&ArrayOp::AddScalar(c)), |c, b| b.unary(&ArrayOp::AddScalar(c));
    Sub sub |a, c| a.unary(&ArrayOp::AddScalar(-c)), |c, b| (-b).unary(&ArrayOp::AddScalar(c));
    Mul mul |a, c| a.unary(&ArrayOp::MulScalar(c)), |c, b| b.unary(&ArrayOp::MulScalar(c));
    // Not a product with the reciprocal, which rounds once more.
    Div div |a, c| a / a.number(c), |c, b| b.number(c) / b;
}

impl<T: Tensor> Neg for &Array<T> {
    type Output = Array<T>;

    fn neg(self) -> Array<T> {
        self.unary(&ArrayOp::Neg)
    }
}

impl<T: Tensor> Neg for Array<T> {
    type Output = Array<T>;

    fn neg(self) -> Array<T> {
        -&self
    }
}

impl<T: Tensor> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Array");
        shown.field("shape", &self.dims);
        match &self.state {
            State::Ready(tensor) => shown.field("tensor", tensor),
            State::Failed(failed) => shown.field("error", &failed.0),
        };
        shown.finish()
    }
}
