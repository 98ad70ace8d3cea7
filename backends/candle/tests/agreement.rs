//! Every operation on candle's arrays against the same on the host: values and candle's own backward
//! pass, at ordinary points and at zeros, infinities, NaN and ties, on views and on empty arrays.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use std::ops::Range;

use ad_api::Relation;
use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, ArrayOp, Dims, Host, HostTensor, Tensor, value_and_pullback,
};
use ad_api::{Binary, Failure, Unary};
use ad_candle::{Candle, CandleTensor, Precision};

/// How an operand lies in memory before the operation meets it.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Plain,
    /// A transposed view.
    Transposed,
    /// A part of a larger array.
    Part,
}

impl Layout {
    fn lay<T: Tensor>(self, x: &Array<T>) -> Array<T> {
        match self {
            Layout::Plain => x.clone(),
            Layout::Transposed => {
                let axes: Vec<_> = (0..x.rank()).rev().collect();
                x.permute(&axes).reshape(x.permute(&axes).dims()).exp().ln().permute(&axes)
            }
            Layout::Part => {
                let ranges: Vec<Range<usize>> = x.shape().iter().map(|&n| 1..n + 1).collect();
                let wide: Vec<_> = x.shape().iter().map(|n| n + 2).collect();
                x.embed(Dims::new(&wide).unwrap(), &ranges).slice(&ranges)
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Apply {
    op: ArrayOp,
    layout: Layout,
    inputs: Vec<Dims>,
}

impl ArrayFunction for Apply {
    fn inputs(&self) -> Vec<Dims> {
        self.inputs.clone()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![self.op.dims(&self.inputs).unwrap()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let x: Vec<_> = x.iter().map(|x| self.layout.lay(x)).collect();
        Ok(vec![Array::apply(&self.op, &x.iter().collect::<Vec<_>>())])
    }
}

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    -2.5,
    2.0,
    1e-9,
    -40.0,
    40.0,
    800.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn ordinary(count: usize, start: f64) -> Vec<f64> {
    (0..count).map(|i| (start + i as f64 * 0.7).sin() * 1.3).collect()
}

/// `scale` is the size of the terms that an expected value may be the difference of.
fn same(found: f64, expected: f64, unit: f64, scale: f64) -> bool {
    let close = (found - expected).abs() <= 64.0 * unit * expected.abs().max(scale);
    found == expected || found.is_nan() && expected.is_nan() || close
}

/// What differs between candle and the host, for each of `entries`.
fn differences(
    engine: &Candle,
    f: &Apply,
    entries: &[Vec<f64>],
    w: &[f64],
    scale: f64,
) -> Vec<String> {
    let device = engine.device().unwrap();
    let unit = CandleTensor::precision(&device);
    let arrays = |entries: &[Vec<f64>]| -> Vec<Array<CandleTensor>> {
        let pairs = f.inputs.iter().zip(entries);
        pairs.map(|(&dims, entries)| Array::from_host(&device, dims, entries)).collect()
    };
    let host: Vec<Array<HostTensor<f64>>> = f
        .inputs
        .iter()
        .zip(entries)
        .map(|(&dims, entries)| Array::from_host(&Host, dims, entries))
        .collect();
    let dims = f.outputs()[0];
    let candle_w = Array::from_host(&device, dims, w);
    let host_w = Array::from_host(&Host, dims, w);

    let (y, x_bar) = value_and_pullback(f, &host, &[host_w]).unwrap();
    let mut wrong = Vec::new();
    let mut compare = |what: &str,
                       found: &Array<CandleTensor>,
                       expected: &Array<HostTensor<f64>>| {
        let (found, expected) = (found.to_vec().unwrap(), expected.to_vec().unwrap());
        assert_eq!(found.len(), expected.len());
        for (i, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            if !same(found, expected, unit, scale) {
                let at: Vec<_> = entries.iter().map(|e| e.get(i)).collect();
                wrong
                    .push(format!("{f:?}: {what}[{i}] is {found}, expected {expected}, at {at:?}"));
            }
        }
    };
    let plain = f.eval(&arrays(entries)).unwrap();
    compare("plain value", &plain[0], &y[0]);
    match engine.value_and_pullbacks(f, &arrays(entries), &[vec![candle_w.clone()], vec![candle_w]])
    {
        Ok((values, pullbacks)) => {
            compare("value", &values[0], &y[0]);
            for found in pullbacks {
                for (found, expected) in found.iter().zip(&x_bar) {
                    compare("cotangent", found, expected);
                }
            }
        }
        Err(error) => wrong.push(format!("{f:?}: {error}")),
    }
    wrong
}

fn unary() -> Vec<ArrayOp> {
    use Unary::*;
    let functions = [
        Sin,
        Cos,
        Tan,
        Asin,
        Acos,
        Atan,
        Sinh,
        Cosh,
        Tanh,
        Asinh,
        Acosh,
        Atanh,
        Exp,
        Exp2,
        ExpM1,
        Ln,
        Ln1p,
        Log2,
        Log10,
        Sqrt,
        Cbrt,
        Recip,
        Sinc,
        Sinhc,
        Fract,
        Erf,
        Abs,
        Floor,
        Ceil,
        Round,
        Trunc,
        Signum,
        Powi(0),
        Powi(1),
        Powi(2),
        Powi(3),
        Powi(-1),
        Powi(-2),
        Powi(7),
    ];
    let mut ops: Vec<_> = functions.into_iter().map(ArrayOp::Unary).collect();
    ops.extend([ArrayOp::Neg, ArrayOp::Sigmoid, ArrayOp::Relu, ArrayOp::Softplus, ArrayOp::Detach]);
    ops.extend([0.0, 1.0, -2.5, f64::INFINITY].map(ArrayOp::AddScalar));
    ops.extend([0.0, 1.0, -2.5, f64::INFINITY].map(ArrayOp::MulScalar));
    ops.extend([0.0, 1.0, 0.5, 2.0, 3.0, -1.0, -0.5, 2.5].map(ArrayOp::Powf));
    ops
}

fn binary() -> Vec<ArrayOp> {
    use Binary::*;
    use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let mut ops: Vec<_> =
        [Powf, Hypot, Atan2, Rem, Max, Min, Copysign].into_iter().map(ArrayOp::Binary).collect();
    ops.extend([Less, LessOrEqual, Greater, GreaterOrEqual, Equal, NotEqual].map(ArrayOp::Compare));
    // Not products: reverse mode on the host multiplies a cotangent of 0 by an infinite factor.
    ops.extend([ArrayOp::Add, ArrayOp::Sub, ArrayOp::Div]);
    ops
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn engines() -> [Candle; 2] {
    [Candle::cpu(), Candle::cpu().precision(Precision::F32)]
}

#[test]
fn functions_agree_at_special_points() {
    let mut wrong = Vec::new();
    for op in unary() {
        let f = Apply { op, layout: Layout::Plain, inputs: vec![[SPECIAL.len()].into()] };
        let weights = [vec![1.0; 16], vec![0.0; 16], ordinary(16, 0.3)];
        for w in weights {
            wrong.extend(differences(&engines()[0], &f, &[SPECIAL.to_vec()], &w, 0.0));
        }
    }
    report(&wrong);
}

#[test]
fn functions_of_two_agree_at_special_points() {
    let mut wrong = Vec::new();
    let (rows, columns): (Vec<_>, Vec<_>) =
        SPECIAL.iter().flat_map(|&a| SPECIAL.iter().map(move |&b| (a, b))).unzip();
    for op in binary() {
        let inputs = vec![[rows.len()].into(); 2];
        let f = Apply { op, layout: Layout::Plain, inputs };
        for w in [1.0, 0.0, -0.7] {
            let w = vec![w; rows.len()];
            wrong.extend(differences(&engines()[0], &f, &[rows.clone(), columns.clone()], &w, 0.0));
        }
    }
    report(&wrong);
}

fn shaped() -> Vec<(ArrayOp, Vec<Dims>)> {
    let dims = |sizes: &[usize]| Dims::new(sizes).unwrap();
    let one = |op, sizes: &[usize]| (op, vec![dims(sizes)]);
    let two = |op, a: &[usize], b: &[usize]| (op, vec![dims(a), dims(b)]);
    let embed = |sizes: &[usize], ranges: &[Range<usize>]| ArrayOp::Embed {
        dims: dims(sizes),
        ranges: ranges.to_vec(),
    };
    let index = |axis, indices: &[usize]| ArrayOp::IndexSelect { axis, indices: indices.into() };
    let scatter =
        |axis, indices: &[usize], len| ArrayOp::ScatterAdd { axis, indices: indices.into(), len };
    vec![
        two(ArrayOp::Add, &[2, 3], &[3]),
        two(ArrayOp::Sub, &[], &[2, 3]),
        two(ArrayOp::Mul, &[2, 1, 3], &[4, 1]),
        two(ArrayOp::Div, &[2, 3], &[2, 1]),
        two(ArrayOp::Div, &[3], &[]),
        two(ArrayOp::Add, &[1], &[0]),
        two(ArrayOp::Mul, &[0, 3], &[1, 3]),
        two(ArrayOp::Binary(Binary::Max), &[2, 3], &[3]),
        two(ArrayOp::Binary(Binary::Powf), &[], &[2]),
        two(ArrayOp::Compare(Relation::Less), &[0, 3], &[3]),
        one(ArrayOp::Unary(Unary::Ln), &[0, 2]),
        one(ArrayOp::Unary(Unary::Exp), &[0]),
        one(ArrayOp::Unary(Unary::Tan), &[2, 0]),
        one(ArrayOp::Sigmoid, &[]),
        (ArrayOp::Select, vec![dims(&[2, 1]), dims(&[3]), dims(&[2, 3])]),
        (ArrayOp::Select, vec![dims(&[2, 3]), dims(&[]), dims(&[1, 3])]),
        (ArrayOp::Select, vec![dims(&[0]), dims(&[1]), dims(&[])]),
        two(ArrayOp::MatMul, &[2, 3], &[3, 4]),
        two(ArrayOp::MatMul, &[5, 2, 3], &[3, 4]),
        two(ArrayOp::MatMul, &[2, 3], &[5, 3, 4]),
        two(ArrayOp::MatMul, &[5, 2, 3], &[5, 3, 4]),
        two(ArrayOp::MatMul, &[2, 1, 2, 3], &[5, 3, 4]),
        two(ArrayOp::MatMul, &[2, 1, 3, 1, 2, 3], &[3, 5, 3, 4]),
        two(ArrayOp::MatMul, &[2, 2, 2, 2, 3], &[3, 1]),
        two(ArrayOp::MatMul, &[1, 3], &[3, 1]),
        two(ArrayOp::MatMul, &[2, 0], &[0, 3]),
        two(ArrayOp::MatMul, &[0, 2], &[2, 3]),
        two(ArrayOp::MatMul, &[4, 0, 2], &[2, 3]),
        two(ArrayOp::MatMul, &[0, 2, 3], &[1, 3, 2]),
        one(ArrayOp::Permute(vec![]), &[]),
        one(ArrayOp::Permute(vec![2, 0, 1]), &[2, 3, 4]),
        one(ArrayOp::Permute(vec![1, 0]), &[0, 3]),
        one(ArrayOp::Reshape(dims(&[3, 2])), &[2, 3]),
        one(ArrayOp::Reshape(dims(&[])), &[1, 1]),
        one(ArrayOp::Reshape(dims(&[4, 0])), &[0]),
        one(ArrayOp::Slice(vec![0..1, 1..3]), &[2, 3]),
        one(ArrayOp::Slice(vec![0..2, 1..1]), &[2, 3]),
        one(ArrayOp::Slice(vec![]), &[]),
        one(ArrayOp::Slice(vec![0..2, 0..3]), &[2, 3]),
        one(embed(&[4, 3], &[1..3, 0..3]), &[2, 3]),
        one(embed(&[4, 5], &[1..3, 0..3]), &[2, 3]),
        one(embed(&[4, 1], &[2..2, 0..1]), &[0, 1]),
        one(embed(&[], &[]), &[]),
        one(ArrayOp::Broadcast(dims(&[4, 2, 3])), &[2, 1]),
        one(ArrayOp::Broadcast(dims(&[2, 0])), &[1]),
        one(ArrayOp::Broadcast(dims(&[3])), &[]),
        one(index(0, &[1, 1, 0]), &[2, 3]),
        one(index(1, &[2, 0, 0, 1]), &[2, 3]),
        one(index(1, &[]), &[2, 3]),
        one(index(0, &[]), &[0]),
        one(scatter(0, &[1, 1], 3), &[2, 3]),
        one(scatter(1, &[4, 0, 4], 5), &[2, 3]),
        one(scatter(0, &[], 3), &[0, 2]),
        one(scatter(0, &[], 0), &[0, 2]),
        (ArrayOp::Concat(0), vec![dims(&[2, 3]), dims(&[1, 3]), dims(&[0, 3])]),
        (ArrayOp::Concat(1), vec![dims(&[2, 3]), dims(&[2, 0]), dims(&[2, 1])]),
        (ArrayOp::Concat(0), vec![dims(&[2])]),
        (ArrayOp::Concat(1), vec![dims(&[0, 3]), dims(&[0, 1])]),
        one(ArrayOp::Sum(vec![]), &[2]),
        one(ArrayOp::Sum(vec![0]), &[2, 3]),
        one(ArrayOp::Sum(vec![1]), &[2, 3]),
        one(ArrayOp::Sum(vec![0, 1]), &[2, 3]),
        one(ArrayOp::Sum(vec![0, 2]), &[2, 3, 4]),
        one(ArrayOp::Sum(vec![1]), &[2, 0]),
        one(ArrayOp::Sum(vec![0]), &[2, 0]),
        one(ArrayOp::Sum(vec![0, 1]), &[0, 0]),
        one(ArrayOp::Max(vec![]), &[2]),
        one(ArrayOp::Max(vec![0]), &[2, 3]),
        one(ArrayOp::Max(vec![1]), &[2, 3]),
        one(ArrayOp::Max(vec![0, 2]), &[2, 3, 4]),
        one(ArrayOp::Max(vec![0, 1]), &[2, 3]),
        one(ArrayOp::Max(vec![1]), &[0, 3]),
        one(ArrayOp::Sum(vec![0, 3]), &[2, 1, 2, 1, 2, 1, 2, 1]),
        two(ArrayOp::Mul, &[2, 1, 2, 1, 2, 1, 2, 1], &[1, 2, 1, 2, 1, 2, 1, 2]),
        one(ArrayOp::Permute(vec![7, 6, 5, 4, 3, 2, 1, 0]), &[2, 1, 2, 1, 2, 1, 2, 3]),
    ]
}

#[test]
fn shapes_agree() {
    let mut wrong = Vec::new();
    for (op, inputs) in shaped() {
        for layout in [Layout::Plain, Layout::Transposed, Layout::Part] {
            let f = Apply { op: op.clone(), layout, inputs: inputs.clone() };
            let entries: Vec<_> = inputs
                .iter()
                .enumerate()
                .map(|(i, d)| ordinary(d.count(), i as f64 + 1.0))
                .collect();
            let positive: Vec<_> =
                entries.iter().map(|e| e.iter().map(|x| x.abs() + 0.3).collect()).collect();
            let entries = if matches!(layout, Layout::Transposed) { positive } else { entries };
            for engine in engines() {
                let w = ordinary(f.outputs()[0].count(), 0.4);
                wrong.extend(differences(&engine, &f, &entries, &w, 1.0));
            }
        }
    }
    report(&wrong);
}

#[test]
fn ties_and_nan_in_maxima_agree() {
    let f = |axes, sizes: [usize; 2]| Apply {
        op: ArrayOp::Max(axes),
        layout: Layout::Plain,
        inputs: vec![sizes.into()],
    };
    let nan = f64::NAN;
    let entries = vec![vec![1.0, 3.0, 3.0, nan, 1.0, 2.0, 2.0, nan, 2.0, -1.0, -1.0, -1.0]];
    let mut wrong =
        differences(&engines()[0], &f(vec![1], [4, 3]), &entries, &[1.0, 2.0, 3.0, 4.0], 0.0);
    wrong.extend(differences(&engines()[0], &f(vec![0], [4, 3]), &entries, &[1.0, 2.0, 3.0], 0.0));
    wrong.extend(differences(&engines()[0], &f(vec![0, 1], [4, 3]), &entries, &[1.0], 0.0));
    report(&wrong);
}
