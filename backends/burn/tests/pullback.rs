//! burn's reverse mode against that of `ad-api` on the host: every operation, at ordinary points and
//! at kinks, poles and ties.

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, ArrayOp, Dims, HostTensor, Tensor, value_and_pullback,
};
use ad_api::{Binary, Engine, Failure, Relation, Unary};
use ad_burn::{Burn, BurnTensor, Precision};

/// One operation.
#[derive(Clone, Debug)]
struct One {
    op: ArrayOp,
    inputs: Vec<Dims>,
}

impl One {
    fn new(op: ArrayOp, inputs: &[&[usize]]) -> Self {
        One { op, inputs: inputs.iter().map(|dims| Dims::new(dims).expect("few axes")).collect() }
    }
}

impl ArrayFunction for One {
    fn inputs(&self) -> Vec<Dims> {
        self.inputs.clone()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![self.op.dims(&self.inputs).expect("operands that fit")]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        Ok(vec![Array::apply(&self.op, &x.iter().collect::<Vec<_>>())])
    }
}

const F64: f64 = f64::EPSILON;

/// Values and cotangents.
type Pair = (Vec<Vec<f64>>, Vec<Vec<f64>>);

/// On the host, and by burn.
fn both<F: ArrayFunction>(burn: &Burn, f: &F, x: &[Vec<f64>], y_bar: &[Vec<f64>]) -> [Pair; 2] {
    let device = burn.device().expect("the processor");
    let on = |dims: Vec<Dims>, entries: &[Vec<f64>]| -> Vec<Array<BurnTensor>> {
        let pairs = dims.into_iter().zip(entries);
        pairs.map(|(dims, entries)| Array::from_host(&device, dims, entries)).collect()
    };
    let (y, x_bars) = burn
        .value_and_pullbacks(f, &on(f.inputs(), x), &[on(f.outputs(), y_bar)])
        .unwrap_or_else(|error| panic!("{error}"));
    let lists = |arrays: &[Array<BurnTensor>]| {
        arrays.iter().map(|a| a.to_vec().expect("entries")).collect()
    };
    let ours = (lists(&y), lists(&x_bars[0]));

    let on = |dims: Vec<Dims>, entries: &[Vec<f64>]| -> Vec<Array<HostTensor<f64>>> {
        let pairs = dims.into_iter().zip(entries);
        pairs.map(|(dims, entries)| Array::host(dims, entries).expect("as many entries")).collect()
    };
    let (y, x_bars) =
        value_and_pullback(f, &on(f.inputs(), x), &on(f.outputs(), y_bar)).expect("no failure");
    let lists = |arrays: &[Array<HostTensor<f64>>]| {
        arrays.iter().map(|a| a.to_vec().expect("entries")).collect()
    };
    [(lists(&y), lists(&x_bars)), ours]
}

/// The largest difference in units of the precision, relative to the largest finite entry or to 1.
fn distance_of_sums(expected: &[Vec<f64>], found: &[Vec<f64>], unit: f64) -> f64 {
    let all = |lists: &[Vec<f64>]| vec![[lists.concat(), vec![1.0]].concat()];
    distance(&all(expected), &all(found), unit)
}

/// The largest difference in units of the precision, relative to the largest finite entry.
fn distance(expected: &[Vec<f64>], found: &[Vec<f64>], unit: f64) -> f64 {
    let mut worst = 0.0_f64;
    for (expected, found) in expected.iter().zip(found) {
        assert_eq!(expected.len(), found.len());
        let finite = expected.iter().copied().filter(|e| e.is_finite());
        let scale = finite.map(f64::abs).fold(0.0, f64::max).max(1e-30);
        for (&e, &f) in expected.iter().zip(found) {
            if e.is_nan() && f.is_nan() || e == f {
                continue;
            }
            let d = (e - f).abs() / scale / unit;
            worst = worst.max(if d.is_nan() { f64::INFINITY } else { d });
        }
    }
    worst
}

/// Numbers between -1 and 1, none twice.
fn numbers(seed: usize, n: usize) -> Vec<f64> {
    (1..=n).map(|i| 2.0 * ((i + 17 * seed) as f64 * 0.618_033_988_749_895).fract() - 1.0).collect()
}

#[test]
fn every_operation_that_moves_or_reduces() {
    let idx = |indices: &[usize]| indices.to_vec().into();
    let cases = [
        One::new(ArrayOp::Neg, &[&[2, 3]]),
        One::new(ArrayOp::AddScalar(0.3), &[&[]]),
        One::new(ArrayOp::MulScalar(-0.3), &[&[2, 3]]),
        One::new(ArrayOp::Detach, &[&[2]]),
        One::new(ArrayOp::Add, &[&[2, 1, 3], &[4, 1]]),
        One::new(ArrayOp::Sub, &[&[3], &[2, 1]]),
        One::new(ArrayOp::Mul, &[&[2, 3], &[]]),
        One::new(ArrayOp::Mul, &[&[2, 3], &[3]]),
        One::new(ArrayOp::Div, &[&[2, 1], &[1, 3]]),
        One::new(ArrayOp::Compare(Relation::Less), &[&[2, 3], &[3]]),
        One::new(ArrayOp::Select, &[&[2, 1], &[3], &[]]),
        One::new(ArrayOp::MatMul, &[&[2, 3], &[3, 4]]),
        One::new(ArrayOp::MatMul, &[&[5, 2, 3], &[3, 4]]),
        One::new(ArrayOp::MatMul, &[&[2, 3], &[5, 3, 4]]),
        One::new(ArrayOp::MatMul, &[&[2, 1, 2, 3], &[4, 3, 1]]),
        One::new(ArrayOp::MatMul, &[&[2, 0], &[0, 3]]),
        One::new(ArrayOp::MatMul, &[&[0, 2], &[2, 3]]),
        One::new(ArrayOp::Permute(vec![2, 0, 1]), &[&[2, 3, 4]]),
        One::new(ArrayOp::Permute(vec![]), &[&[]]),
        One::new(ArrayOp::Reshape([3, 4].into()), &[&[2, 6]]),
        One::new(ArrayOp::Reshape(Dims::SCALAR), &[&[1, 1]]),
        One::new(ArrayOp::Reshape([1, 1].into()), &[&[]]),
        One::new(ArrayOp::Slice(vec![1..3, 0..2]), &[&[4, 3]]),
        One::new(ArrayOp::Slice(vec![1..1, 0..2]), &[&[4, 3]]),
        One::new(ArrayOp::Embed { dims: [4, 3].into(), ranges: vec![1..3, 2..3] }, &[&[2, 1]]),
        One::new(ArrayOp::Broadcast([2, 3, 4].into()), &[&[3, 1]]),
        One::new(ArrayOp::Broadcast([2, 3].into()), &[&[]]),
        One::new(ArrayOp::Broadcast([2, 0].into()), &[&[2, 1]]),
        One::new(ArrayOp::IndexSelect { axis: 1, indices: idx(&[2, 0, 2]) }, &[&[2, 3]]),
        One::new(ArrayOp::IndexSelect { axis: 0, indices: idx(&[]) }, &[&[2, 3]]),
        One::new(ArrayOp::ScatterAdd { axis: 0, indices: idx(&[2, 0, 2]), len: 4 }, &[&[3, 2]]),
        One::new(ArrayOp::Concat(1), &[&[2, 3], &[2, 0], &[2, 1]]),
        One::new(ArrayOp::Concat(0), &[&[1, 2], &[3, 2]]),
        One::new(ArrayOp::Sum(vec![]), &[&[2, 3]]),
        One::new(ArrayOp::Sum(vec![1]), &[&[2, 3]]),
        One::new(ArrayOp::Sum(vec![0, 2]), &[&[2, 3, 4]]),
        One::new(ArrayOp::Sum(vec![0, 1]), &[&[2, 3]]),
        One::new(ArrayOp::Sum(vec![0]), &[&[0, 3]]),
        One::new(ArrayOp::Max(vec![0, 2]), &[&[2, 3, 4]]),
        One::new(ArrayOp::Max(vec![]), &[&[2, 3]]),
    ];
    for burn in [Burn::cpu(), Burn::cpu().precision(Precision::F32)] {
        let unit = burn.accuracy().relative();
        for f in &cases {
            let fill = |seed: usize, dims: Vec<Dims>| -> Vec<Vec<f64>> {
                let each = dims.iter().enumerate();
                each.map(|(i, dims)| numbers(seed + i, dims.count())).collect()
            };
            let [host, ours] = both(&burn, f, &fill(1, f.inputs()), &fill(7, f.outputs()));
            assert!(distance_of_sums(&host.0, &ours.0, unit) < 8.0, "{f:?}: {host:?} {ours:?}");
            assert!(distance_of_sums(&host.1, &ours.1, unit) < 8.0, "{f:?}: {host:?} {ours:?}");
        }
    }
}

/// Numbers where functions have kinks, poles and holes, and ordinary ones.
const POINTS: [f64; 19] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.3,
    -0.7,
    1e-3,
    3.0,
    -7.25,
    20.0,
    -20.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// Values and derivatives of numbers agree, but that a cotangent of 0 gives derivatives of 0, whatever
/// the partial is.
fn agrees(host: &Pair, ours: &Pair, w: f64) -> bool {
    let derivatives = if w == 0.0 {
        ours.1.iter().flatten().all(|&x_bar| x_bar == 0.0)
    } else {
        distance(&host.1, &ours.1, F64) <= 16.0
    };
    distance(&host.0, &ours.0, F64) <= 4.0 && derivatives
}

#[test]
fn every_function_of_one_number() {
    use Unary::{
        Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Cbrt, Ceil, Cos, Cosh, Erf, Exp, Exp2, ExpM1,
        Floor, Fract, Ln, Ln1p, Log2, Log10, Powi, Recip, Round, Signum, Sin, Sinc, Sinh, Sinhc,
        Sqrt, Tan, Tanh, Trunc,
    };
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
        Powi(-2),
        Powi(-1),
        Powi(0),
        Powi(1),
        Powi(2),
        Powi(3),
    ];
    let powers = [-1.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0];
    let ops = functions.map(ArrayOp::Unary).into_iter();
    let ops = ops.chain(powers.map(ArrayOp::Powf));
    let ops = ops.chain([ArrayOp::Sigmoid, ArrayOp::Relu, ArrayOp::Softplus]);
    let mut wrong = Vec::new();
    for op in ops {
        for x in POINTS {
            for w in [0.75, 0.0] {
                let f = One::new(op.clone(), &[&[1]]);
                let [host, ours] = both(&Burn::cpu(), &f, &[vec![x]], &[vec![w]]);
                if !agrees(&host, &ours, w) {
                    wrong.push(format!("{op:?} at {x}, cotangent {w}: {host:?} {ours:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_function_of_two_numbers() {
    use Binary::{Atan2, Copysign, Hypot, Max, Min, Powf, Rem};
    let functions = [Powf, Hypot, Atan2, Rem, Max, Min, Copysign].map(ArrayOp::Binary);
    let ops = functions.into_iter().chain([ArrayOp::Mul, ArrayOp::Div]);
    let mut wrong = Vec::new();
    for op in ops {
        for a in POINTS {
            for b in POINTS {
                for w in [0.75, 0.0] {
                    let f = One::new(op.clone(), &[&[1], &[1]]);
                    let [host, ours] = both(&Burn::cpu(), &f, &[vec![a], vec![b]], &[vec![w]]);
                    if !agrees(&host, &ours, w) {
                        wrong.push(format!("{op:?} at {a}, {b}, cotangent {w}: {host:?} {ours:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn equal_maxima_share() {
    let f = One::new(ArrayOp::Max(vec![1]), &[&[2, 3]]);
    let x = vec![1.0, 1.0, 0.0, -2.0, f64::NAN, 3.0];
    let [host, ours] = both(&Burn::cpu(), &f, &[x], &[vec![1.0, 1.0]]);
    assert_eq!(ours.1[0][..3], [0.5, 0.5, 0.0]);
    assert!(distance(&host.1, &ours.1, F64) == 0.0 && ours.0[0][1].is_nan());
}
