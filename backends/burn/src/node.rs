//! An array of one of burn's backends, and where it came from if derivatives are wanted.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ad_api::array::{ArrayOp, Dims, apply_rule_on_host};
use ad_api::{AdError, Failure, Result, Unary};
use burn::backend::{
    Autodiff, AutodiffBackend, Backend, TensorData, TensorMetadata, tensor::FloatTensor,
};

use crate::device::round;
use crate::linear::{self, aligned, reshape, shape};
use crate::{BurnTensor, Precision, elementary::Elementary, step};

/// A backend of burn that the adapter knows.
pub(crate) trait Inner: Elementary {
    /// The tensor of the adapter.
    fn wrap(node: Node<Self>) -> BurnTensor;

    /// The array, if it is one of this backend.
    fn unwrap(tensor: &BurnTensor) -> Option<&Node<Self>>;
}

/// An array of the backend `B`.
#[derive(Clone, Debug)]
pub(crate) struct Node<B: Backend> {
    pub(crate) dims: Dims,
    pub(crate) value: Value<B>,
}

/// For burn, an array without entries is a single zero: its kernels need not know of such arrays.
#[derive(Clone, Debug)]
pub(crate) enum Value<B: Backend> {
    /// Numbers alone. What does not depend on an input is not recorded, which burn would do.
    Plain(FloatTensor<B>),
    /// Recorded in burn's graph.
    Tracked(FloatTensor<Autodiff<B>>),
}

impl<B: Backend> Node<B> {
    pub(crate) fn plain(dims: Dims, x: FloatTensor<B>) -> Self {
        Node { dims, value: Value::Plain(x) }
    }

    pub(crate) fn tracked(dims: Dims, x: FloatTensor<Autodiff<B>>) -> Self {
        Node { dims, value: Value::Tracked(x) }
    }

    pub(crate) fn is_tracked(&self) -> bool {
        matches!(self.value, Value::Tracked(_))
    }

    /// The numbers.
    pub(crate) fn primitive(&self) -> &FloatTensor<B> {
        match &self.value {
            Value::Plain(x) => x,
            Value::Tracked(x) => x.primitive(),
        }
    }

    /// The array for operations that burn records.
    pub(crate) fn recorded(&self) -> FloatTensor<Autodiff<B>> {
        match &self.value {
            Value::Plain(x) => Autodiff::<B>::from_inner(x.clone()),
            Value::Tracked(x) => x.clone(),
        }
    }

    /// The same numbers without their history.
    pub(crate) fn detached(&self) -> Self {
        Node::plain(self.dims, self.primitive().clone())
    }

    pub(crate) fn precision(&self) -> Precision {
        Precision::of(self.primitive().dtype())
    }

    pub(crate) fn from_host(
        device: &B::Device,
        precision: Precision,
        dims: Dims,
        entries: &[f64],
    ) -> Result<Self>
    where
        B: Elementary,
    {
        takes::<B>("from_host", dims)?;
        if entries.is_empty() {
            return Self::full(device, precision, dims, 0.0);
        }
        caught("from_host", || {
            let data = match precision {
                Precision::F64 => TensorData::new(entries.to_vec(), shape(dims)),
                Precision::F32 => {
                    let rounded: Vec<_> = entries.iter().map(|&x| round(x)).collect();
                    TensorData::new(rounded, shape(dims))
                }
            };
            Node::plain(dims, B::float_from_data(data, device))
        })
    }

    pub(crate) fn full(
        device: &B::Device,
        precision: Precision,
        dims: Dims,
        value: f64,
    ) -> Result<Self>
    where
        B: Elementary,
    {
        takes::<B>("full", dims)?;
        caught("full", || {
            let dtype = precision.dtype();
            Node::plain(dims, B::float_full(shape(dims), value.into(), device, dtype))
        })
    }

    pub(crate) fn to_host(&self) -> Result<Vec<f64>> {
        if self.dims.count() == 0 {
            return Ok(Vec::new());
        }
        let read = || burn::backend::try_read_sync(B::float_into_data(self.primitive().clone()));
        let data = caught("to_host", read)?;
        let data = data.ok_or_else(|| failed("to_host", "the device cannot be waited for"))?;
        let data = data.map_err(|error| failed("to_host", error))?;
        let entries = match self.precision() {
            Precision::F64 => data.try_into_vec(),
            Precision::F32 => {
                data.try_into_vec().map(|x: Vec<f32>| x.into_iter().map(f64::from).collect())
            }
        };
        entries.map_err(|error| failed("to_host", error))
    }
}

impl<B: Inner> Node<B> {
    /// The result of `op`, whose shape is `dims`.
    pub(crate) fn apply(op: &ArrayOp, x: &[&Self], dims: Dims) -> Result<Self> {
        takes::<B>(op.name(), dims)?;
        let first = x[0].primitive();
        if x.iter().any(|x| x.primitive().dtype() != first.dtype()) {
            return Err(failed(op.name(), "the operands differ in precision"));
        }
        if let ArrayOp::Rule(rule) = op {
            let y = apply_rule_on_host(rule, &B::wrap(x[0].detached()), dims)?;
            let y = B::unwrap(&y).ok_or_else(|| failed(op.name(), "the result is elsewhere"))?;
            if !x[0].is_tracked() || dims.count() == 0 {
                return Ok(y.clone());
            }
            return caught(op.name(), || step::record(op, x, dims, y.primitive().clone()));
        }
        let moved = matches!(op, ArrayOp::Concat(_));
        if dims.count() == 0 || !moved && x.iter().any(|x| x.dims.count() == 0) {
            // No entries, or sums of none.
            return Self::full(&first.device(), x[0].precision(), dims, 0.0);
        }
        if !B::REDUCES_VIEWS {
            match op {
                ArrayOp::Sum(axes) | ArrayOp::Max(axes) if !axes.is_empty() => {
                    let rows = x[0].row_by_row()?;
                    return Self::compute(op, &[&rows], dims);
                }
                // burn's pullbacks sum over what was stretched, so it is stretched by a step of ours.
                ArrayOp::Add | ArrayOp::Sub | ArrayOp::Select | ArrayOp::MatMul => {
                    let wide =
                        x.iter().map(|x| x.stretched(op, dims)).collect::<Result<Vec<_>>>()?;
                    return Self::compute(op, &wide.iter().collect::<Vec<_>>(), dims);
                }
                _ => {}
            }
        }
        Self::compute(op, x, dims)
    }

    /// The array with its entries row by row in memory, which a change of shape sees to.
    fn row_by_row(&self) -> Result<Self> {
        let flat = Dims::vector(self.dims.count());
        let flattened = Self::compute(&ArrayOp::Reshape(flat), &[self], flat)?;
        Self::compute(&ArrayOp::Reshape(self.dims), &[&flattened], self.dims)
    }

    /// The operand of `op` stretched to the shape of the result, of matrices all but the last two axes.
    fn stretched(&self, op: &ArrayOp, to: Dims) -> Result<Self> {
        let to = match op {
            ArrayOp::MatMul => {
                let (outer, matrix) = (to.rank() - 2, self.dims.rank() - 2);
                to[..outer].iter().chain(&self.dims[matrix..]).copied().collect()
            }
            _ => to,
        };
        if !self.is_tracked() || self.dims == to {
            return Ok(self.clone());
        }
        Self::compute(&ArrayOp::Broadcast(to), &[self], to)
    }

    /// The result where all arrays have entries.
    fn compute(op: &ArrayOp, x: &[&Self], dims: Dims) -> Result<Self> {
        caught(op.name(), || {
            let values = || {
                let numbers = |i: usize| x[i].primitive().clone();
                values::<B>(op, numbers, |i| x[i].dims, x.len(), dims)
            };
            if !is_differentiable(op) || !x.iter().any(|x| x.is_tracked()) {
                return Node::plain(dims, values());
            }
            if !B::REDUCES_VIEWS && matches!(op, ArrayOp::Broadcast(_)) {
                return step::record(op, x, dims, values());
            }
            let recorded = |i: usize| x[i].recorded();
            match linear::apply::<Autodiff<B>>(op, recorded, |i| x[i].dims, x.len(), dims) {
                Some(y) => Node::tracked(dims, y),
                None => step::record(op, x, dims, values()),
            }
        })
    }
}

/// An error where the kernels of `B` take fewer axes.
fn takes<B: Elementary>(operation: &'static str, dims: Dims) -> Result<()> {
    if dims.rank() <= B::MAX_RANK {
        return Ok(());
    }
    Err(AdError::Unsupported {
        backend: crate::NAME.into(),
        operation,
        reason: format!(
            "{} axes; on GPUs burn takes at most {}; on \"cpu\" it takes more",
            dims.rank(),
            B::MAX_RANK
        ),
    })
}

/// Whether the operation has derivatives other than zero.
fn is_differentiable(op: &ArrayOp) -> bool {
    use Unary::{Ceil, Floor, Round, Signum, Trunc};
    !matches!(
        op,
        ArrayOp::Detach
            | ArrayOp::Compare(_)
            | ArrayOp::Unary(Floor | Ceil | Round | Trunc | Signum)
    )
}

/// The numbers of any result.
fn values<B: Elementary>(
    op: &ArrayOp,
    x: impl Fn(usize) -> FloatTensor<B>,
    from: impl Fn(usize) -> Dims,
    operands: usize,
    to: Dims,
) -> FloatTensor<B> {
    match op {
        ArrayOp::Detach => x(0),
        ArrayOp::MulScalar(c) => B::float_mul_scalar(x(0), (*c).into()),
        ArrayOp::Unary(_)
        | ArrayOp::Powf(_)
        | ArrayOp::Sigmoid
        | ArrayOp::Relu
        | ArrayOp::Softplus => B::of_one(op, x(0)),
        ArrayOp::Mul | ArrayOp::Div | ArrayOp::Binary(_) | ArrayOp::Compare(_) => {
            let lined_up = |i| reshape::<B>(x(i), from(i), aligned(from(i), to.rank()));
            B::of_two(op, lined_up(0), lined_up(1))
        }
        ArrayOp::Max(axes) => {
            let largest = axes.iter().fold(x(0), |x, &axis| B::largest(x, axis));
            reshape::<B>(largest, from(0).with_ones(axes), to)
        }
        _ => linear::apply::<B>(op, x, from, operands, to).expect("all others are linear"),
    }
}

/// Runs code of burn, which panics where it fails.
pub(crate) fn caught<R>(operation: &'static str, f: impl FnOnce() -> R) -> Result<R> {
    // What burn leaves behind is dropped, or behind locks of its own.
    let panic = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => return Ok(result),
        Err(panic) => panic,
    };
    match panic.downcast::<Thrown>().map(|thrown| *thrown) {
        Ok(Thrown::Error(error)) => Err(error),
        Ok(Thrown::Panic(panic)) => resume_unwind(panic),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(failed(operation, text.unwrap_or_else(|| "it panicked".into())))
        }
    }
}

/// What code of ours that burn calls throws through it, to [`caught`].
pub(crate) enum Thrown {
    /// An error: burn's backward pass has no way to fail but to unwind.
    Error(AdError),
    /// A panic of code that is neither burn's nor ours.
    Panic(Box<dyn Any + Send>),
}

impl Thrown {
    pub(crate) fn throw(self) -> ! {
        resume_unwind(Box::new(self))
    }
}

pub(crate) fn failed(operation: &'static str, cause: impl Display) -> AdError {
    let cause = Failure::new(cause.to_string());
    AdError::Engine { backend: crate::NAME.into(), operation, cause }
}
