//! Both modes over arrays, every operation, against dual numbers and against each other.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use std::cell::Cell;
use std::sync::Arc;

use ad_api::array::{
    Array, ArrayFunction, ArrayOp, Dims, DualTensor, HostTensor, Linearization, Tape, TapedTensor,
    Tensor, evaluate, hvp, jacobian, linearize, linearize_gradient, value_and_gradient,
    value_and_pullback, value_and_pushforward, value_gradient_and_hvp,
};
use ad_api::{AdError, Binary, Failure, Relation, Scalar, Unary};
use ad_dual::DualNumber;

type Host<S = f64> = HostTensor<S>;
type Lane<S> = DualNumber<S, 1>;
type A<T = Host> = Array<T>;

/// One operation as a function.
#[derive(Clone, Debug)]
struct Single {
    op: ArrayOp,
    inputs: Vec<Dims>,
    /// The entries of the inputs are around these.
    at: Vec<f64>,
}

impl ArrayFunction for Single {
    fn inputs(&self) -> Vec<Dims> {
        self.inputs.clone()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![self.op.dims(&self.inputs).unwrap()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        Ok(vec![Array::apply(&self.op, &x.iter().collect::<Vec<_>>())])
    }
}

/// `Σ w f(x)²` with fixed weights: one number whose second derivatives show all of `f`.
#[derive(Clone, Debug)]
struct Weighted<F>(F);

impl<F: ArrayFunction> ArrayFunction for Weighted<F> {
    fn inputs(&self) -> Vec<Dims> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let y = self.0.eval(x)?;
        let weighted = y.iter().map(|y| {
            let weights = y.constant(y.dims(), &numbers(7, y.count(), 0.0));
            (weights * y.square() + y).sum_all()
        });
        Ok(weighted.reduce(|a, b| a + b).into_iter().collect())
    }
}

fn host(dims: impl Into<Dims>, entries: &[f64]) -> A {
    Array::host(dims, entries).unwrap()
}

/// Different numbers within 0.3 of `at`, the same for the same seed.
fn numbers(seed: u64, len: usize, at: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..len).map(|_| at + 0.6 * next()).collect()
}

fn arrays(seed: u64, dims: &[Dims], at: &[f64]) -> Vec<A> {
    let centre = |i: usize| at.get(i).copied().unwrap_or(0.0);
    let array = |(i, dims): (usize, &Dims)| {
        host(*dims, &numbers(seed + 100 * i as u64, dims.count(), centre(i)))
    };
    dims.iter().enumerate().map(array).collect()
}

fn flat<T: Tensor>(arrays: &[A<T>]) -> Vec<f64> {
    arrays.iter().flat_map(|array| array.to_vec().unwrap()).collect()
}

fn inner(a: &[A], b: &[A]) -> f64 {
    flat(a).iter().zip(flat(b)).map(|(a, b)| a * b).sum()
}

#[track_caller]
fn assert_close(what: &dyn std::fmt::Debug, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what:?}");
    let scale = expected.iter().fold(1.0_f64, |scale, x| scale.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let same = found == expected || found.is_nan() && expected.is_nan();
        assert!(
            same || (found - expected).abs() < 1e-13 * scale,
            "{what:?}: {found} for {expected}"
        );
    }
}

/// `[k, ..]` from `k` lists of arrays.
fn stacked(lists: &[Vec<A>]) -> Vec<A> {
    let array = |i: usize| {
        let parts: Vec<_> = lists.iter().map(|list: &Vec<A>| list[i].clone()).collect();
        Array::stack(&parts, 0)
    };
    (0..lists[0].len()).map(array).collect()
}

/// Arrays of dual numbers.
fn lifted<S: Scalar>(x: &[A<Host<S>>], v: &[A<Host<S>>]) -> Vec<A<Host<Lane<S>>>> {
    let array = |(x, v): (&A<Host<S>>, &A<Host<S>>)| {
        let (re, eps) = (x.entries().unwrap(), v.entries().unwrap());
        let entries = re.iter().zip(eps.iter()).map(|(re, eps)| Lane::new(*re, [*eps]));
        Array::from_entries(x.dims(), entries.collect()).unwrap()
    };
    x.iter().zip(v).map(array).collect()
}

fn lanes<S: Scalar>(y: &[A<Host<Lane<S>>>]) -> Vec<S> {
    y.iter()
        .flat_map(|y| y.entries().unwrap().iter().map(|y| y.eps[0]).collect::<Vec<_>>())
        .collect()
}

fn single(op: ArrayOp, inputs: &[&[usize]], at: &[f64]) -> Single {
    let inputs = inputs.iter().map(|sizes| Dims::new(sizes).unwrap()).collect();
    Single { op, inputs, at: at.to_vec() }
}

/// Every operation, most with shapes that stretch.
#[allow(clippy::too_many_lines, reason = "a list")]
fn operations() -> Vec<Single> {
    use ArrayOp::{
        Add, AddScalar, Broadcast, Compare, Concat, Detach, Div, Embed, IndexSelect, MatMul, Max,
        Mul, MulScalar, Neg, Permute, Powf, Relu, Reshape, ScatterAdd, Select, Sigmoid, Slice,
        Softplus, Sub, Sum,
    };
    let unary = [
        (Unary::Sin, 0.5),
        (Unary::Cos, 0.5),
        (Unary::Tan, 0.5),
        (Unary::Asin, 0.5),
        (Unary::Acos, 0.5),
        (Unary::Atan, 0.5),
        (Unary::Sinh, 0.5),
        (Unary::Cosh, 0.5),
        (Unary::Tanh, 0.5),
        (Unary::Asinh, 0.5),
        (Unary::Acosh, 2.0),
        (Unary::Atanh, 0.2),
        (Unary::Exp, 0.5),
        (Unary::Exp2, 0.5),
        (Unary::ExpM1, 0.0),
        (Unary::Ln, 0.5),
        (Unary::Ln1p, 0.0),
        (Unary::Log2, 0.5),
        (Unary::Log10, 0.5),
        (Unary::Sqrt, 0.5),
        (Unary::Cbrt, -0.5),
        (Unary::Recip, -0.5),
        // On both sides of the change from the series to the quotient.
        (Unary::Sinc, 0.5),
        (Unary::Sinc, -3.0),
        (Unary::Sinhc, 0.5),
        (Unary::Sinhc, 0.0),
        (Unary::Fract, 0.5),
        (Unary::Erf, 0.5),
        (Unary::Abs, 0.1),
        (Unary::Floor, 0.5),
        (Unary::Ceil, 0.5),
        (Unary::Round, 0.5),
        (Unary::Trunc, 0.5),
        (Unary::Signum, 0.0),
        (Unary::Powi(0), 0.0),
        (Unary::Powi(1), 0.0),
        (Unary::Powi(2), 0.0),
        (Unary::Powi(5), 0.0),
        (Unary::Powi(-3), 0.6),
    ];
    let mut all: Vec<_> =
        unary.iter().map(|&(f, at)| single(ArrayOp::Unary(f), &[&[2, 3]], &[at])).collect();
    let stretches: [[&[usize]; 2]; 6] = [
        [&[2, 3], &[2, 3]],
        [&[2, 3], &[3]],
        [&[1], &[2, 3]],
        [&[2, 1], &[1, 3]],
        [&[], &[2]],
        [&[3, 1, 2], &[2, 1]],
    ];
    let binary = [
        (Add, 0.0),
        (Sub, 0.0),
        (Mul, 0.0),
        (Div, 0.5),
        (ArrayOp::Binary(Binary::Powf), 0.5),
        (ArrayOp::Binary(Binary::Hypot), 0.1),
        (ArrayOp::Binary(Binary::Atan2), 0.3),
        (ArrayOp::Binary(Binary::Rem), 0.4),
        (ArrayOp::Binary(Binary::Max), 0.0),
        (ArrayOp::Binary(Binary::Min), 0.0),
        (ArrayOp::Binary(Binary::Copysign), 0.0),
        (Compare(Relation::LessOrEqual), 0.0),
    ];
    for (op, at) in binary {
        all.extend(stretches.iter().map(|dims| single(op.clone(), dims, &[at, at])));
    }
    let matrices: [[&[usize]; 2]; 7] = [
        [&[2, 3], &[3, 4]],
        [&[1, 3], &[3, 1]],
        [&[5, 2, 3], &[3, 4]],
        [&[2, 3], &[5, 3, 4]],
        [&[5, 2, 3], &[5, 3, 4]],
        [&[5, 1, 2, 3], &[2, 3, 4]],
        [&[2, 1, 2, 3], &[1, 3, 3, 2]],
    ];
    all.extend(matrices.iter().map(|dims| single(MatMul, dims, &[])));
    let indices: Arc<[usize]> = [2, 0, 2, 1].into();
    all.extend([
        single(Neg, &[&[2, 3]], &[]),
        single(AddScalar(2.0), &[&[2, 3]], &[]),
        single(MulScalar(-2.0), &[&[2, 3]], &[]),
        single(MulScalar(0.0), &[&[2, 3]], &[]),
        single(Powf(0.0), &[&[2, 3]], &[0.5]),
        single(Powf(1.0), &[&[2, 3]], &[0.0]),
        single(Powf(2.0), &[&[2, 3]], &[0.0]),
        single(Powf(3.0), &[&[2, 3]], &[0.0]),
        single(Powf(2.5), &[&[2, 3]], &[0.5]),
        single(Powf(-0.5), &[&[2, 3]], &[0.5]),
        single(Sigmoid, &[&[2, 3]], &[]),
        single(Relu, &[&[2, 3]], &[]),
        single(Softplus, &[&[2, 3]], &[]),
        single(Detach, &[&[2, 3]], &[]),
        single(Permute(vec![2, 0, 1]), &[&[2, 3, 4]], &[]),
        single(Reshape([3, 2].into()), &[&[2, 3]], &[]),
        single(Reshape(Dims::SCALAR), &[&[1, 1]], &[]),
        single(Slice(vec![1..3, 0..1]), &[&[4, 2]], &[]),
        single(Slice(vec![0..2, 1..1]), &[&[2, 4]], &[]),
        single(Embed { dims: [4, 3].into(), ranges: vec![1..3, 2..3] }, &[&[2, 1]], &[]),
        single(Broadcast([4, 2, 3].into()), &[&[2, 1]], &[]),
        single(Broadcast([2, 3].into()), &[&[]], &[]),
        single(IndexSelect { axis: 1, indices: indices.clone() }, &[&[2, 3]], &[]),
        single(ScatterAdd { axis: 1, indices, len: 4 }, &[&[2, 4]], &[]),
        single(Concat(1), &[&[2, 3], &[2, 1], &[2, 2]], &[]),
        single(Concat(0), &[&[2]], &[]),
        single(Select, &[&[2, 1], &[3], &[2, 3]], &[]),
        single(Select, &[&[2, 3], &[], &[2, 1]], &[]),
        single(Sum(vec![1]), &[&[2, 3]], &[]),
        single(Sum(vec![0, 2]), &[&[2, 3, 4]], &[]),
        single(Sum(vec![0]), &[&[3]], &[]),
        single(Sum(vec![]), &[&[3]], &[]),
        single(Max(vec![1]), &[&[2, 3]], &[]),
        single(Max(vec![0, 2]), &[&[2, 3, 4]], &[]),
    ]);
    all
}

/// A mask of zeros and ones in front of a choice: half of the entries of [`numbers`] are negative, none 0.
fn point(f: &Single) -> Vec<A> {
    let mut x = arrays(1, &f.inputs, &f.at);
    if f.op == ArrayOp::Select {
        x[0] = x[0].gt(0.0);
    }
    x
}

#[test]
fn every_operation_agrees_with_dual_numbers() {
    for f in operations() {
        let (x, v) = (point(&f), arrays(2, &f.inputs, &[]));
        let expected = evaluate(&f, &lifted(&x, &v)).unwrap();

        let (y, y_dot) = value_and_pushforward(&f, &x, &v).unwrap();
        assert_eq!(flat(&y), flat(&expected), "{f:?}");
        assert_close(&f, &flat(&y_dot), &lanes(&expected));
        let (_, linearization) = linearize(&f, &x).unwrap();
        assert_close(&f, &flat(&linearization.apply(&v).unwrap()), &lanes(&expected));
    }
}

#[test]
fn every_operation_is_adjoint_to_its_transpose() {
    for f in operations() {
        let (x, v, w) = (point(&f), arrays(2, &f.inputs, &[]), arrays(3, &f.outputs(), &[]));
        let (_, linearization) = linearize(&f, &x).unwrap();
        let y_dot = linearization.apply(&v).unwrap();
        let x_bar = linearization.apply_transpose(&w).unwrap();
        assert_eq!(x_bar.iter().map(Array::dims).collect::<Vec<_>>(), f.inputs);
        assert_close(&f, &[inner(&w, &y_dot)], &[inner(&x_bar, &v)]);
    }
}

#[test]
fn several_seeds_go_through_every_operation_as_one_at_a_time() {
    for f in operations() {
        let x = point(&f);
        let (_, linearization) = linearize(&f, &x).unwrap();
        let lists = |seed, dims: &[Dims]| (0_u64..3).map(|k| arrays(seed + k, dims, &[])).collect();
        let (v, w): (Vec<_>, Vec<_>) = (lists(20, &f.inputs), lists(30, &f.outputs()));

        let singly: Vec<_> = v.iter().map(|v| linearization.apply(v).unwrap()).collect();
        let together = linearization.apply(&stacked(&v)).unwrap();
        assert_close(&f, &flat(&together), &flat(&stacked(&singly)));
        let (_, y_dots) = value_and_pushforward(&f, &x, &stacked(&v)).unwrap();
        assert_close(&f, &flat(&y_dots), &flat(&together));
        // Any axes in front.
        let two = |v: &[A]| v.iter().map(|v| v.unsqueeze(1)).collect::<Vec<_>>();
        let deep = linearization.apply(&two(&stacked(&v))).unwrap();
        assert_close(&f, &flat(&deep), &flat(&two(&together)));

        let singly: Vec<_> = w.iter().map(|w| linearization.apply_transpose(w).unwrap()).collect();
        let together = linearization.apply_transpose(&stacked(&w)).unwrap();
        assert_close(&f, &flat(&together), &flat(&stacked(&singly)));
        let (_, x_bars) = value_and_pullback(&f, &x, &stacked(&w)).unwrap();
        assert_close(&f, &flat(&x_bars), &flat(&together));
    }
}

#[test]
fn one_active_operand_among_constants() {
    for f in operations().into_iter().filter(|f| f.inputs.len() > 1) {
        let x = point(&f);
        let zeros: Vec<_> = x.iter().map(Array::zeros_like).collect();
        for i in 0..x.len() {
            let mut v = zeros.clone();
            v[i] = arrays(2, &f.inputs, &[])[i].clone();
            let expected = lanes(&evaluate(&f, &lifted(&x, &v)).unwrap());
            let mut duals: Vec<A<DualTensor<Host>>> =
                x.iter().map(|x| Array::new(DualTensor::constant(x).unwrap())).collect();
            duals[i] = Array::new(DualTensor::with_tangents(&x[i], &v[i]).unwrap());
            let y = evaluate(&f, &duals).unwrap();
            let y = y[0].tensor().unwrap();
            let found = y.tangents().cloned().unwrap_or_else(|| y.primal().zeros_like());
            assert_close(&(i, &f), &flat(&[found]), &expected);
        }
    }
}

/// `f` over arrays with tangents.
fn duals<T: Tensor>(x: &[A<T>], v: &[A<T>]) -> Vec<A<DualTensor<T>>> {
    let pairs = x.iter().zip(v);
    pairs.map(|(x, v)| Array::new(DualTensor::with_tangents(x, v).unwrap())).collect()
}

/// The tangents, zero where there are none.
fn tangents<T: Tensor>(y: &[A<DualTensor<T>>]) -> Vec<A<T>> {
    let tangents = |y: &A<DualTensor<T>>| {
        let y = y.tensor().unwrap();
        y.tangents().cloned().unwrap_or_else(|| y.primal().zeros_like())
    };
    y.iter().map(tangents).collect()
}

fn constants<T: Tensor>(x: &[A<T>]) -> Vec<A<DualTensor<T>>> {
    x.iter().map(|x| Array::new(DualTensor::constant(x).unwrap())).collect()
}

/// `∇²f v` by reverse mode over forward mode.
fn reverse_over_forward<F: ArrayFunction>(f: &F, x: &[A], v: &[A]) -> Vec<A> {
    let tape = Tape::new();
    let x: Vec<_> = x.iter().map(|x| tape.input(x)).collect();
    let v: Vec<_> = v.iter().map(|v| Array::new(TapedTensor::constant(v).unwrap())).collect();
    let (_, y_dot) = value_and_pushforward(f, &x, &v).unwrap();
    let linearization = Linearization::new(&x, &y_dot).unwrap();
    linearization.apply_transpose(&[host([], &[1.0])]).unwrap()
}

/// `∇²f v` by reverse mode over reverse mode.
fn reverse_over_reverse<F: ArrayFunction>(f: &F, x: &[A], v: &[A]) -> Vec<A> {
    let tape = Tape::new();
    let x: Vec<_> = x.iter().map(|x| tape.input(x)).collect();
    let (_, gradient) = value_and_gradient(f, &x).unwrap();
    let linearization = Linearization::new(&x, &gradient).unwrap();
    linearization.apply_transpose(v).unwrap()
}

#[test]
fn every_second_derivative_by_every_nesting() {
    for f in operations() {
        let (x, u, v) = (point(&f), arrays(2, &f.inputs, &[]), arrays(3, &f.inputs, &[]));
        let f = Weighted(f);
        // uᵀ ∇²f v by dual numbers of dual numbers.
        let zeros: Vec<_> = x.iter().map(Array::zeros_like).collect();
        let entries = lifted(&lifted(&x, &u), &lifted(&v, &zeros));
        let expected = lanes(&evaluate(&f, &entries).unwrap())[0].eps[0];

        let product = hvp(&f, &x, &v).unwrap();
        assert_close(&("forward over reverse", &f), &[inner(&product, &u)], &[expected]);
        let product = reverse_over_forward(&f, &x, &v);
        assert_close(&("reverse over forward", &f), &[inner(&product, &u)], &[expected]);
        let product = reverse_over_reverse(&f, &x, &v);
        assert_close(&("reverse over reverse", &f), &[inner(&product, &u)], &[expected]);
        let y = evaluate(&f, &duals(&duals(&x, &u), &constants(&v))).unwrap();
        let second = flat(&tangents(&tangents(&y)));
        assert_close(&("forward over forward", &f), &second, &[expected]);
        // Array tangents over scalar ones.
        let y = evaluate(&f, &duals(&lifted(&x, &u), &lifted(&v, &zeros))).unwrap();
        let second: Vec<f64> = lanes(&tangents(&y));
        assert_close(&("arrays over numbers", &f), &second, &[expected]);
    }
}

/// A function of one expression.
macro_rules! function {
    ($Name:ident: [$($input:expr),*] -> [$($output:expr),*], |$x:ident| [$($y:expr),*]) => {
        #[derive(Clone, Debug)]
        struct $Name;

        impl ArrayFunction for $Name {
            fn inputs(&self) -> Vec<Dims> { vec![$($input.into()),*] }
            fn outputs(&self) -> Vec<Dims> { vec![$($output.into()),*] }
            fn eval<T: Tensor>(&self, $x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
                Ok(vec![$($y),*])
            }
        }
    };
}

function! { Composite: [[2, 3], [3]] -> [[]], |x| [{
    let product = x[0].matmul(&x[1].unsqueeze(1)).tanh();
    ((&x[0] * product).log_sum_exp(&[1]) + x[1].norm() * x[0].softplus().mean_all()).sum_all()
}] }

#[test]
fn third_derivatives_by_nesting() {
    let dims = Composite.inputs();
    let x = arrays(1, &dims, &[0.5, 0.5]);
    let (u, v, w) = (arrays(2, &dims, &[]), arrays(3, &dims, &[]), arrays(4, &dims, &[]));
    let zeros: Vec<_> = x.iter().map(Array::zeros_like).collect();

    let no_number = lifted(&zeros, &zeros);
    let inner_entries = lifted(&lifted(&x, &u), &lifted(&v, &zeros));
    let entries = lifted(&inner_entries, &lifted(&lifted(&w, &zeros), &no_number));
    let expected = lanes(&evaluate(&Composite, &entries).unwrap())[0].eps[0].eps[0];

    // The derivative of ∇²f v along u, forward over forward over reverse.
    let product = hvp(&Composite, &duals(&x, &u), &constants(&v)).unwrap();
    let third = tangents(&product);
    assert_close(&"dual, dual, taped", &[inner(&third, &w)], &[expected]);
    // Reverse over forward over reverse.
    let tape = Tape::new();
    let taped: Vec<_> = x.iter().map(|x| tape.input(x)).collect();
    let direction: Vec<_> =
        v.iter().map(|v| Array::new(TapedTensor::constant(v).unwrap())).collect();
    let product = hvp(&Composite, &taped, &direction).unwrap();
    let third = Linearization::new(&taped, &product).unwrap().apply_transpose(&w).unwrap();
    assert_close(&"taped, dual, taped", &[inner(&third, &u)], &[expected]);
}

#[test]
fn the_value_and_gradient_come_with_the_product() {
    let x = arrays(1, &Composite.inputs(), &[0.5, 0.5]);
    let v = arrays(2, &Composite.inputs(), &[]);
    let (value, gradient) = value_and_gradient(&Composite, &x).unwrap();
    let (same_value, same_gradient, products) =
        value_gradient_and_hvp(&Composite, &x, &stacked(&[v.clone(), x.clone()])).unwrap();
    assert_eq!(value.item().unwrap(), same_value.item().unwrap());
    assert_close(&"gradient", &flat(&same_gradient), &flat(&gradient));
    let singly = [hvp(&Composite, &x, &v).unwrap(), hvp(&Composite, &x, &x).unwrap()];
    assert_close(&"products", &flat(&products), &flat(&stacked(&singly)));
}

function! { ManyOutputs: [[2], []] -> [[2, 2], [], [3]], |x| [
    x[0].unsqueeze(1) * x[0].exp(),
    &x[1] * 2.0,
    x[1].constant([3], &[1.0; 3])
] }
function! { FewOutputs: [[2, 2], [3]] -> [[2]], |x| [x[0].sin().sum(&[0]) * x[1].sum_all()] }

#[test]
fn jacobians() {
    let x = [host([2], &[0.0, 1.0]), host([], &[3.0])];
    let e = 1.0_f64.exp();
    let blocks = jacobian(&ManyOutputs, &x).unwrap();
    let shapes = |blocks: &[Vec<A>]| {
        blocks
            .iter()
            .map(|row| row.iter().map(|a| a.shape().to_vec()).collect())
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(
        shapes(&blocks),
        [[vec![2, 2, 2], vec![2, 2]], [vec![2], vec![]], [vec![3, 2], vec![3]]]
    );
    // d(aᵢ exp(aⱼ))/da_k at a = (0, 1).
    let expected = [1.0, 0.0, e, 0.0, 1.0, 1.0, 0.0, e + e];
    assert_close(&"many outputs", &blocks[0][0].to_vec().unwrap(), &expected);
    assert_eq!(blocks[1][1].item().unwrap(), 2.0);
    assert_eq!(flat(&blocks[2]), [0.0; 9]);

    let x = arrays(1, &FewOutputs.inputs(), &[]);
    let blocks = jacobian(&FewOutputs, &x).unwrap();
    assert_eq!(shapes(&blocks), [[vec![2, 2, 2], vec![2, 3]]]);
    let (a, b) = (x[0].to_vec().unwrap(), x[1].sum_all().item().unwrap());
    let expected = [0, 1]
        .map(|i| [0, 1, 2, 3].map(|entry| if entry % 2 == i { a[entry].cos() * b } else { 0.0 }));
    assert_close(&"few outputs", &blocks[0][0].to_vec().unwrap(), &expected.concat());
}

/// `(found gradients in both modes)` of `(a, b) ↦ f` at numbers.
fn gradients<F: ArrayFunction>(f: &F, x: [f64; 2]) -> [Vec<f64>; 3] {
    let x = x.map(|x| host([1], &[x]));
    let seeds = [[1.0, 0.0], [0.0, 1.0]].map(|seed| seed.map(|v| host([1], &[v])));
    let forward = seeds.iter().map(|v| flat(&value_and_pushforward(f, &x, v).unwrap().1)[0]);
    let (_, linearization) = linearize(f, &x).unwrap();
    let again = seeds.iter().map(|v| flat(&linearization.apply(v).unwrap())[0]);
    let reverse = linearization.apply_transpose(&[host([1], &[1.0])]).unwrap();
    [forward.collect(), again.collect(), flat(&reverse)]
}

macro_rules! kinks {
    ($($what:literal: |$a:ident, $b:ident| $y:expr, at $x:expr => $gradient:expr;)*) => {
        /// As `conformance/src/checks/kinks.rs`, and those of arrays.
        #[test]
        fn kinks_and_poles() {$({
            function! { Kink: [[1], [1]] -> [[1]], |x| [{
                let ($a, $b) = (&x[0], &x[1]);
                let _ = $b;
                $y
            }] }
            for found in gradients(&Kink, $x) {
                assert_eq!(found, $gradient, $what);
            }
        })*}
    };
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

kinks! {
    "|0|": |a, b| a.abs() + b, at [0.0, 1.0] => [0.0, 1.0];
    "|-0|": |a, b| a.abs() + b, at [-0.0, 1.0] => [0.0, 1.0];
    "relu(0)": |a, b| a.relu() + b, at [0.0, 1.0] => [0.0, 1.0];
    "hypot(0, 0)": |a, b| a.hypot(b), at [0.0, 0.0] => [0.0, 0.0];
    "norm of 0": |a, b| (a.norm() + b.sum_all()).reshape([1]), at [0.0, 0.0] => [0.0, 1.0];
    "max of equals": |a, b| a.maximum(b), at [2.0, 2.0] => [1.0, 0.0];
    "min of equals": |a, b| a.minimum(b), at [2.0, 2.0] => [1.0, 0.0];
    "max with NaN": |a, b| a.maximum(b), at [NAN, 2.0] => [0.0, 1.0];
    "min with NaN": |a, b| a.minimum(b), at [2.0, NAN] => [1.0, 0.0];
    "largest of equals": |a, b| Array::stack(&[a.clone(), b.clone()], 0).max(&[0]),
        at [2.0, 2.0] => [0.5, 0.5];
    "smallest of equals": |a, b| Array::stack(&[a.clone(), b.clone()], 0).min(&[0]),
        at [2.0, 2.0] => [0.5, 0.5];
    "clamp at the lower bound": |a, b| a.maximum(&a.number(0.0)).minimum(&a.number(1.0)) + b,
        at [0.0, 1.0] => [1.0, 1.0];
    "clamp at the upper bound": |a, b| a.maximum(&a.number(0.0)).minimum(&a.number(1.0)) + b,
        at [1.0, 1.0] => [1.0, 1.0];
    "clamp outside": |a, b| a.maximum(&a.number(0.0)).minimum(&a.number(1.0)) + b,
        at [1.5, 1.0] => [0.0, 1.0];
    "floor at an integer": |a, b| a.floor() + b, at [2.0, 1.0] => [0.0, 1.0];
    "signum at 0": |a, b| a.signum() + b, at [0.0, 1.0] => [0.0, 1.0];
    "fract at an integer": |a, b| a.fract() + b, at [2.0, 1.0] => [1.0, 1.0];
    "sqrt at 0": |a, b| a.sqrt() + b, at [0.0, 1.0] => [INF, 1.0];
    "sqrt at 0, times 0": |a, b| a.sqrt() * 0.0 + b * b, at [0.0, 3.0] => [0.0, 6.0];
    "sqrt of a constant 0": |a, b| a.number(0.0).sqrt() + a * b, at [2.0, 3.0] => [3.0, 2.0];
    "ln of a constant 0, not chosen": |a, b| a.gt(0.0).select(&(a * b), &a.number(0.0).ln()),
        at [2.0, 3.0] => [3.0, 2.0];
    "infinite partial of what is not chosen": |a, b| b.gt(0.0).select(b, &a.sqrt()),
        at [0.0, 1.0] => [0.0, 1.0];
    "NaN partial of what is not chosen": |a, b| b.gt(0.0).select(b, &(a / a)),
        at [0.0, 1.0] => [0.0, 1.0];
    "recip at 0": |a, b| a.recip() + b, at [0.0, 1.0] => [-INF, 1.0];
    "cbrt at 0": |a, b| a.cbrt() + b, at [0.0, 1.0] => [INF, 1.0];
    "asin at 1": |a, b| a.asin() + b, at [1.0, 1.0] => [INF, 1.0];
    "x^0 at 0": |a, b| a.powi(0) + b, at [0.0, 1.0] => [0.0, 1.0];
    "x^0.0 at 0": |a, b| a.powf(0.0) + b, at [0.0, 1.0] => [0.0, 1.0];
    "x^1 at 0": |a, b| a.powi(1) + b, at [0.0, 1.0] => [1.0, 1.0];
    "x^1.0 at 0": |a, b| a.powf(1.0) + b, at [0.0, 1.0] => [1.0, 1.0];
    "x^2 at 0": |a, b| a.powi(2) + b, at [0.0, 1.0] => [0.0, 1.0];
    "0^1.5": |a, b| a.powf(1.5) + b, at [0.0, 1.0] => [0.0, 1.0];
    "0^b": |a, b| a.pow(b), at [0.0, 2.0] => [0.0, 0.0];
    "0^0": |a, b| a.pow(b), at [0.0, 0.0] => [0.0, -INF];
    "0^1": |a, b| a.pow(b), at [0.0, 1.0] => [1.0, 0.0];
    "tanh far out": |a, b| a.tanh() + b, at [800.0, 1.0] => [0.0, 1.0];
    "sigmoid far out": |a, b| a.sigmoid() + b, at [-800.0, 1.0] => [0.0, 1.0];
    "softplus far out": |a, b| a.softplus() + b, at [800.0, 1.0] => [1.0, 1.0];
    "product with a zero": |a, b| a * b, at [0.0, 0.0] => [0.0, 0.0];
    "quotient of a zero": |a, b| a / b, at [0.0, 2.0] => [0.5, 0.0];
    "quotient by a zero": |a, b| a / b, at [1.0, 0.0] => [INF, -INF];
    "atan2 on the axis": |a, b| a.atan2(b), at [0.0, -2.0] => [-0.5, 0.0];
    "detached": |a, b| a.detach() * b, at [2.0, 3.0] => [0.0, 2.0];
    "equals share what none of them has alone": |a, b| a.max(&[0]) * b, at [2.0, 3.0] => [3.0, 2.0];
}

function! { ActiveZero: [[1]] -> [[]], |x| [((&x[0] - 1.0).square() + 2.0).ln().sum_all()] }
function! { PowerOfBoth: [[1], [1]] -> [[]], |x| [x[0].pow(&x[1]).sum_all()] }
function! { ThreeHalves: [[2]] -> [[]], |x| [x[0].powf(1.5).sum_all()] }

#[test]
fn a_zero_tangent_with_derivatives_is_no_zero() {
    // At 1 the tangent of the square is 0, but its derivative is not: f'' = 2/2.
    let (x, v) = ([host([1], &[1.0])], [host([1], &[1.0])]);
    let products = [
        hvp(&ActiveZero, &x, &v).unwrap(),
        reverse_over_forward(&ActiveZero, &x, &v),
        reverse_over_reverse(&ActiveZero, &x, &v),
        tangents(&tangents(
            &evaluate(&ActiveZero, &duals(&duals(&x, &v), &constants(&v))).unwrap(),
        )),
    ];
    for product in &products {
        assert_eq!(flat(product), [1.0]);
    }
    let (x, v) = (lifted(&x, &v), lifted(&v, &[host([1], &[0.0])]));
    let (_, y_dot) = value_and_pushforward(&ActiveZero, &x, &v).unwrap();
    assert_eq!(lanes(&y_dot), [1.0]);
}

#[test]
fn mixed_second_derivative_where_the_exponent_is_zero() {
    // ∂²(aᵇ)/∂a∂b = aᵇ⁻¹ (1 + b ln a) is 1/a at b = 0, though ∂(aᵇ)/∂a is 0 there.
    let x = [host([1], &[4.0]), host([1], &[0.0])];
    let v = [host([1], &[0.0]), host([1], &[1.0])];
    let expected = [0.25, 4.0_f64.ln().powi(2)];
    assert_close(&"aᵇ", &flat(&hvp(&PowerOfBoth, &x, &v).unwrap()), &expected);
    assert_close(&"aᵇ", &flat(&reverse_over_forward(&PowerOfBoth, &x, &v)), &expected);
}

#[test]
fn infinite_second_partials_meet_zero_tangents() {
    let (x, v) = ([host([2], &[0.0, 4.0])], [host([2], &[0.0, 1.0])]);
    assert_close(&"x^1.5", &flat(&hvp(&ThreeHalves, &x, &v).unwrap()), &[0.0, 0.375]);
}

#[test]
fn a_linearization_is_applied_any_number_of_times() {
    let (x, v) = (arrays(1, &Composite.inputs(), &[]), arrays(2, &Composite.inputs(), &[]));
    let (_, linearization) = linearize(&Composite, &x).unwrap();
    let one = [host([], &[1.0])];
    let (first, gradient) =
        (linearization.apply(&v).unwrap(), linearization.apply_transpose(&one).unwrap());
    let copy = linearization.clone();
    drop(linearization);
    assert_eq!(flat(&copy.apply(&v).unwrap()), flat(&first));
    assert_eq!(flat(&copy.apply_transpose(&one).unwrap()), flat(&gradient));
    // At the point of a second derivative too: burn's own graph is gone after one product.
    let threaded = std::thread::spawn(move || flat(&copy.apply_transpose(&one).unwrap()));
    assert_eq!(threaded.join().unwrap(), flat(&gradient));
}

#[test]
fn derivatives_with_respect_to_what_was_computed() {
    let tape = Tape::new();
    let x = tape.input(&host([2], &[1.0, 2.0]));
    let middle = x.exp();
    let y = middle.square() + &x;
    let linearization = Linearization::new(&[middle], &[y]).unwrap();
    let v = [host([2], &[1.0, 1.0])];
    let expected = [1.0_f64, 2.0].map(|x| 2.0 * x.exp());
    assert_close(&"dy/dm", &flat(&linearization.apply(&v).unwrap()), &expected);
    assert_close(&"dy/dm", &flat(&linearization.apply_transpose(&v).unwrap()), &expected);
}

#[test]
fn deep_programs_neither_overflow_nor_slow_down() {
    let steps = 100_000;
    let tape = Tape::new();
    let x = tape.input(&host([], &[0.5]));
    let y = (0..steps).fold(x.clone(), |y, _| y * 0.5 + 1.0);
    let (seed, linearization) = ([host([], &[1.0])], Linearization::new(&[x], &[y]).unwrap());
    drop(tape);
    assert_eq!(flat(&linearization.apply(&seed).unwrap()), [0.5_f64.powi(steps)]);
    assert_eq!(flat(&linearization.apply_transpose(&seed).unwrap()), [0.5_f64.powi(steps)]);
}

#[test]
fn an_input_that_is_an_output_and_an_array_used_twice() {
    let tape = Tape::new();
    let x = tape.input(&host([2], &[3.0, 4.0]));
    let outputs = [x.clone(), &x * &x, x.clone() + &x];
    let linearization = Linearization::new(&[x], &outputs).unwrap();
    let v = host([2], &[1.0, 2.0]);
    let y_dots = linearization.apply(&[v]).unwrap();
    assert_eq!(flat(&y_dots), [1.0, 2.0, 6.0, 16.0, 2.0, 4.0]);
    let ones = host([2], &[1.0, 1.0]);
    let x_bar = linearization.apply_transpose(&[ones.clone(), ones.clone(), ones]).unwrap();
    assert_eq!(flat(&x_bar), [9.0, 11.0]);
}

#[test]
fn what_does_not_fit_is_said() {
    let message = |error: AdError| error.to_string();
    let x = arrays(1, &FewOutputs.inputs(), &[]);
    let (_, linearization) = linearize(&FewOutputs, &x).unwrap();

    assert_eq!(
        message(linearization.apply(&x[..1]).unwrap_err()),
        "`tangents` of shapes [2, 2]: expected [2, 2], [3], each with the same axes in front, at most \
         10 in all"
    );
    let uneven = [Array::stack(&x[..1], 0), x[1].clone()];
    assert!(linearization.apply(&uneven).is_err());
    assert!(value_and_pushforward(&FewOutputs, &x, &uneven).is_err());
    assert_eq!(
        message(linearization.apply_transpose(&[x[1].clone()]).unwrap_err()),
        "`cotangents` of shapes [3]: expected [2], each with the same axes in front, at most 10 in all"
    );
    assert_eq!(
        message(linearize(&FewOutputs, &x[..1]).unwrap_err()),
        "`inputs` of shapes [2, 2]: expected [2, 2], [3]"
    );
    assert_eq!(
        message(value_and_pushforward(&FewOutputs, &x[..1], &x).unwrap_err()),
        "`inputs` of shapes [2, 2]: expected [2, 2], [3]"
    );
    assert!(value_and_pullback(&FewOutputs, &x, &x).is_err());
    assert!(matches!(value_and_gradient(&FewOutputs, &x), Err(AdError::Arity { .. })));
    assert_eq!(
        message(DualTensor::with_tangents(&x[0], &x[1]).unwrap_err()),
        "`tangents` of shapes [3]: expected a shape that ends in [2, 2]"
    );
    let failed = x[0].matmul(&x[1]);
    assert!(DualTensor::with_tangents(&x[0], &failed).is_err());
    assert!(linearization.apply(&[failed.clone(), x[1].clone()]).is_err());
    assert!(Tape::new().input(&failed).check().is_err());

    let (tape, other) = (Tape::new(), Tape::new());
    let (a, b) = (tape.input(&x[1]), other.input(&x[1]));
    let foreign = "backend `taped arrays` cannot compute `+`: its arrays belong to different tapes; \
                   record all of them on one";
    assert_eq!(message((&a + &b).check().unwrap_err()), foreign);
    assert!(Linearization::new(&[a.clone(), b.clone()], &[]).is_err());
    assert!(Linearization::new(std::slice::from_ref(&a), &[b]).is_err());
    assert!(Linearization::new(&[a.clone(), a.clone()], &[]).is_err());
    assert!(Linearization::new(&[a.ones_like()], &[a]).is_err());

    // Tangents of different numbers of seeds meet.
    let (one, two) = (duals(&x[1..], &x[1..]), duals(&x[1..], &[Array::stack(&[x[1].clone()], 0)]));
    assert_eq!(
        message((&one[0] * &two[0]).check().unwrap_err()),
        "`tangent` of shapes [1, 3]: expected shape [3]"
    );
}

thread_local! {
    /// Operations that compute, matrix products among them, and new arrays from the host.
    static COUNTS: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
}

/// An array that counts what is asked of it.
#[derive(Clone, Debug)]
struct Counted(Host);

fn count<R>(f: impl FnOnce() -> R) -> [usize; 3] {
    COUNTS.set([0; 3]);
    f();
    COUNTS.get()
}

fn add(counts: [usize; 3]) {
    let sum = COUNTS.get();
    COUNTS.set([0, 1, 2].map(|i| sum[i] + counts[i]));
}

impl Tensor for Counted {
    type Device = <Host as Tensor>::Device;

    fn device(&self) -> Self::Device {
        self.0.device()
    }

    fn dims(&self) -> Dims {
        Tensor::dims(&self.0)
    }

    fn precision(device: &Self::Device) -> f64 {
        Host::<f64>::precision(device)
    }

    fn is_constant(&self) -> bool {
        true
    }

    fn from_host(device: &Self::Device, dims: Dims, entries: &[f64]) -> Result<Self, AdError> {
        add([0, 0, 1]);
        Host::from_host(device, dims, entries).map(Counted)
    }

    fn to_host(&self) -> Result<Vec<f64>, AdError> {
        self.0.to_host()
    }

    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self, AdError> {
        let view = matches!(op, ArrayOp::Reshape(_) | ArrayOp::Permute(_) | ArrayOp::Broadcast(_));
        add([usize::from(!view), usize::from(*op == ArrayOp::MatMul), 0]);
        let operands: Vec<_> = operands.iter().map(|operand| &operand.0).collect();
        Host::apply(op, &operands, dims).map(Counted)
    }
}

function! { Mlp: [[3, 5], [5], [5, 2], [2]] -> [[]], |x| [{
    let batch = x[0].constant([4, 3], &numbers(5, 12, 0.0));
    let hidden = (batch.matmul(&x[0]) + &x[1]).tanh();
    (hidden.matmul(&x[2]) + &x[3]).square().mean_all()
}] }

#[test]
fn derivatives_cost_few_operations() {
    let x: Vec<A<Counted>> = arrays(1, &Mlp.inputs(), &[])
        .iter()
        .map(|x| Array::new(Counted(x.tensor().unwrap().clone())))
        .collect();
    let one = [x[0].number(1.0)];

    let primal = count(|| evaluate(&Mlp, &x).unwrap());
    // Two uploads: the batch and the number of entries that a mean divides by.
    assert_eq!(primal, [8, 2, 2]);
    assert_eq!(count(|| evaluate(&Mlp, &constants(&x)).unwrap()), primal);

    // Products: 1 each for the weights, 1 for what flows through both.
    let jvp = count(|| value_and_pushforward(&Mlp, &x, &x).unwrap());
    assert_eq!(jvp, [24, 2 + 3, 2]);
    let gradient = count(|| value_and_gradient(&Mlp, &x).unwrap());
    assert_eq!(gradient, [22, 2 + 3, 3]);
    let product = count(|| value_gradient_and_hvp(&Mlp, &x, &x).unwrap());
    assert_eq!(product, [62, 5 + 8, 4]);

    // With the work at the point done, nothing is uploaded.
    let (_, linearization) = linearize(&Mlp, &x).unwrap();
    assert_eq!(count(|| linearization.apply(&x).unwrap()), [12, 3, 0]);
    assert_eq!(count(|| linearization.apply_transpose(&one).unwrap()), [10, 3, 0]);
    let (_, _, hessian) = linearize_gradient(&Mlp, &x).unwrap();
    assert_eq!(count(|| hessian.apply(&x).unwrap()), [31, 8, 0]);

    // What does not reach the output costs nothing in a sweep.
    let tape = Tape::new();
    let taped = tape.input(&x[0]);
    let (used, _) = (taped.sum_all(), taped.exp().matmul(&taped.transpose()));
    let linearization = Linearization::new(&[taped], &[used]).unwrap();
    assert_eq!(count(|| linearization.apply_transpose(&one).unwrap()), [0, 0, 0]);
}

#[test]
fn hessians_recorded_once() {
    let x = arrays(1, &Composite.inputs(), &[0.5, 0.5]);
    let v = arrays(2, &Composite.inputs(), &[]);
    let (value, gradient, hessian) = linearize_gradient(&Composite, &x).unwrap();
    let expected = value_gradient_and_hvp(&Composite, &x, &v).unwrap();
    assert_close(&"value", &flat(&[value]), &flat(&[expected.0]));
    assert_close(&"gradient", &flat(&gradient), &flat(&expected.1));
    assert_close(&"product", &flat(&hessian.apply(&v).unwrap()), &flat(&expected.2));
    assert_close(&"transposed", &flat(&hessian.apply_transpose(&v).unwrap()), &flat(&expected.2));
}
