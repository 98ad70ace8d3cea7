//! The processor: what burn lacks, or gives other values than ours, is computed entry by entry.

use ad_api::array::ArrayOp;
use ad_api::{Binary, Unary};
use burn::backend::{
    DType, Element, Flex, TensorData, TensorMetadata, ops::FloatTensorOps, tensor::FloatTensor,
};

use crate::device::round;
use crate::elementary::{Elementary, native};

type Tensor = FloatTensor<Flex>;

/// The formats of the processor.
trait Real: Element + Copy {
    /// The entries in row-major order, if that is how they are in memory.
    fn entries(x: &Tensor) -> Option<&[Self]>;
}

impl Real for f64 {
    fn entries(x: &Tensor) -> Option<&[f64]> {
        x.as_slice()
    }
}

impl Real for f32 {
    fn entries(x: &Tensor) -> Option<&[f32]> {
        x.as_slice()
    }
}

/// The entries of `x` in row-major order.
fn with_entries<E: Real, R>(x: &Tensor, f: impl FnOnce(&[E]) -> R) -> R {
    match E::entries(x) {
        Some(entries) => f(entries),
        None => f(E::entries(&x.to_contiguous()).expect("a contiguous array of this format")),
    }
}

fn map_entries<E: Real>(x: &Tensor, f: impl Fn(E) -> E) -> Tensor {
    let values = with_entries(x, |x: &[E]| x.iter().map(|&x| f(x)).collect::<Vec<E>>());
    Tensor::from_data(TensorData::new(values, x.shape()))
}

fn zip_entries<E: Real>(a: &Tensor, b: &Tensor, f: impl Fn(E, E) -> E) -> Tensor {
    let values = with_entries(a, |a: &[E]| {
        with_entries(b, |b: &[E]| a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect::<Vec<E>>())
    });
    Tensor::from_data(TensorData::new(values, a.shape()))
}

/// A function of each entry, written once for both formats.
macro_rules! map {
    ($x:expr, |$v:ident| $value:expr) => {
        match $x.dtype() {
            DType::F64 => map_entries::<f64>(&$x, |$v| $value),
            _ => map_entries::<f32>(&$x, |$v| $value),
        }
    };
}

/// A function of corresponding entries, written once for both formats.
macro_rules! zip {
    ($a:expr, $b:expr, |$v:ident, $w:ident| $value:expr) => {{
        let (a, b) = stretched($a, $b);
        match a.dtype() {
            DType::F64 => zip_entries::<f64>(&a, &b, |$v, $w| $value),
            _ => zip_entries::<f32>(&a, &b, |$v, $w| $value),
        }
    }};
}

/// Both under their common shape.
fn stretched(a: Tensor, b: Tensor) -> (Tensor, Tensor) {
    let (from_a, from_b) = (a.shape(), b.shape());
    if from_a == from_b {
        return (a, b);
    }
    let sizes = from_a.iter().zip(from_b.iter()).map(|(&a, &b)| if a == 1 { b } else { a });
    let common = sizes.collect::<Vec<_>>();
    (Flex::float_expand(a, common.clone().into()), Flex::float_expand(b, common.into()))
}

impl Elementary for Flex {
    fn of_one(op: &ArrayOp, x: Tensor) -> Tensor {
        match op {
            ArrayOp::Unary(function) => unary(*function, x),
            ArrayOp::Powf(exponent) => match x.dtype() {
                DType::F64 => map_entries::<f64>(&x, |x| x.powf(*exponent)),
                _ => map_entries::<f32>(&x, |x| x.powf(round(*exponent))),
            },
            ArrayOp::Sigmoid => map!(x, |x| {
                let e = (-x.abs()).exp();
                if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
            }),
            ArrayOp::Softplus => {
                map!(x, |x| (if x <= 0.0 { 0.0 } else { x }) + (-x.abs()).exp().ln_1p())
            }
            ArrayOp::Relu => map!(x, |x| if x <= 0.0 { 0.0 } else { x }),
            _ => unreachable!("an operation of one array that is not linear: {op:?}"),
        }
    }

    fn of_two(op: &ArrayOp, a: Tensor, b: Tensor) -> Tensor {
        match op {
            ArrayOp::Mul => Flex::float_mul(a, b),
            ArrayOp::Div => Flex::float_div(a, b),
            ArrayOp::Compare(comparison) => {
                zip!(a, b, |a, b| if comparison.holds(&a, &b) { 1.0 } else { 0.0 })
            }
            ArrayOp::Binary(function) => match function {
                Binary::Powf => zip!(a, b, |a, b| a.powf(b)),
                Binary::Hypot => zip!(a, b, |a, b| a.hypot(b)),
                Binary::Atan2 => zip!(a, b, |a, b| a.atan2(b)),
                Binary::Rem => zip!(a, b, |a, b| a % b),
                // The first of equal ones, also where zeros differ in sign; NaN loses.
                Binary::Max => zip!(a, b, |a, b| if a >= b || b.is_nan() { a } else { b }),
                Binary::Min => zip!(a, b, |a, b| if a <= b || b.is_nan() { a } else { b }),
                Binary::Copysign => zip!(a, b, |a, b| a.copysign(b)),
            },
            _ => unreachable!("an operation of two arrays that is not linear: {op:?}"),
        }
    }

    fn wanted(x: Tensor, cotangent: Tensor) -> Tensor {
        zip!(x, cotangent, |x, w| if w == 0.0 { 0.0 } else { x })
    }
}

fn unary(function: Unary, x: Tensor) -> Tensor {
    match function {
        Unary::Sinh => Flex::float_sinh(x),
        Unary::Tanh => Flex::float_tanh(x),
        Unary::Ln1p => Flex::float_log1p(x),
        Unary::Erf => Flex::float_erf(x),
        Unary::Powi(n) => map!(x, |x| x.powi(n)),
        Unary::ExpM1 => map!(x, |x| x.exp_m1()),
        Unary::Signum => map!(x, |x| x.signum()),
        Unary::Round => map!(x, |x| x.round()),
        Unary::Fract => map!(x, |x| x.fract()),
        // Both formats in double precision: these are seldom where speed matters.
        _ => native::<Flex>(function, x).unwrap_or_else(|x| match x.dtype() {
            DType::F64 => map_entries::<f64>(&x, |x| function.eval(x)),
            _ => map_entries::<f32>(&x, |x| round(function.eval(f64::from(x)))),
        }),
    }
}
