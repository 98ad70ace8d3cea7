//! Host arrays of numbers that carry derivatives: every convention of `Scalar`, entry by entry.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::array::{Array, ArrayFunction, Dims, Flat, HostTensor, Tensor};
use ad_api::{AdError, Differentiate, Failure, Function, StructureVisitor};
use ad_dual::{Dual, DualNumber};
use ad_native_reverse::NativeReverse;

type Number = DualNumber<f64, 1>;

/// An array with a tangent, and its values and tangents after `f`.
fn push(
    dims: impl Into<Dims>,
    x: &[f64],
    x_dot: &[f64],
    f: impl Fn(&Array<HostTensor<Number>>) -> Array<HostTensor<Number>>,
) -> (Vec<f64>, Vec<f64>) {
    let numbers = x.iter().zip(x_dot).map(|(&re, &eps)| Number::new(re, [eps])).collect();
    let y = f(&Array::from_entries(dims, numbers).unwrap());
    y.entries().unwrap().iter().map(|y| (y.re, y.eps[0])).unzip()
}

#[test]
fn equal_maxima_share_the_derivative() {
    let (y, y_dot) =
        push([6], &[0.1, 0.7, 0.7, -1.0, 0.7, 0.0], &[1e3, 1.0, 2.0, 1e3, 9.0, 1e3], |x| {
            x.max(&[0])
        });
    assert_eq!(y, [0.7]);
    assert!((y_dot[0] - 4.0).abs() < 1e-15);
    let infinite =
        push([3], &[f64::INFINITY, 0.0, f64::INFINITY], &[1.0, 7.0, 3.0], |x| x.max(&[0]));
    assert_eq!(infinite, (vec![f64::INFINITY], vec![2.0]));
    let (least, least_dot) =
        push([2, 2], &[1.0, 2.0, 1.0, 0.0], &[1.0, 2.0, 3.0, 4.0], |x| x.min(&[0]));
    assert_eq!((least, least_dot), (vec![1.0, 0.0], vec![2.0, 4.0]));
}

#[test]
fn kinks_and_flat_parts_have_the_documented_derivative() {
    let at = |x: f64, f: fn(&Array<HostTensor<Number>>) -> Array<HostTensor<Number>>| {
        let (y, y_dot) = push([1], &[x], &[1.0], f);
        (y[0], y_dot[0])
    };
    assert_eq!(at(0.0, Array::relu), (0.0, 0.0));
    assert_eq!(at(-0.0, Array::relu), (0.0, 0.0));
    assert_eq!(at(2.0, Array::relu), (2.0, 1.0));
    assert_eq!(at(0.0, Array::abs), (0.0, 0.0));
    assert_eq!(at(0.0, Array::softplus), (2.0_f64.ln(), 0.5));
    assert_eq!(at(1000.0, Array::softplus), (1000.0, 1.0));
    assert_eq!(at(-1000.0, Array::softplus), (0.0, 0.0));
    assert_eq!(at(0.0, Array::sigmoid), (0.5, 0.25));
    assert_eq!(at(800.0, Array::sigmoid), (1.0, 0.0));
    assert_eq!(at(-800.0, Array::sigmoid), (0.0, 0.0));
    assert_eq!(at(0.0, Array::norm), (0.0, 0.0));
    assert_eq!(at(-3.0, Array::norm), (3.0, -1.0));
    assert_eq!(at(0.0, |x| x.powf(1.5)), (0.0, 0.0));
    assert_eq!(at(3.0, |x| x.square().detach() * x), (27.0, 9.0));
    // An infinite partial of what is not chosen.
    assert_eq!(at(0.0, |x| x.gt(0.5).select(&x.sqrt(), x)), (0.0, 1.0));
}

#[test]
fn repeated_indices_gather_and_add_up() {
    let indices = || vec![2, 0, 2];
    let (y, y_dot) =
        push([3], &[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], |x| x.index_select(0, indices()));
    assert_eq!((y, y_dot), (vec![3.0, 1.0, 3.0], vec![6.0, 4.0, 6.0]));
    let (y, y_dot) =
        push([3], &[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], |x| x.scatter_add(0, indices(), 4));
    assert_eq!((y, y_dot), (vec![2.0, 0.0, 4.0, 0.0], vec![5.0, 0.0, 10.0, 0.0]));
}

/// `(W, b, x) ↦ (log-sum-exp of tanh(x W + b) over the columns, its norm)`, with a shape error on
/// request.
#[derive(Debug, Clone)]
struct Net {
    broken: bool,
}

impl ArrayFunction for Net {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2, 3].into(), [3].into(), [4, 2].into()]
    }
    fn outputs(&self) -> Vec<Dims> {
        vec![[4].into(), Dims::SCALAR]
    }
    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w, b, x] = x else { return Err(Failure::new("three inputs")) };
        let product = if self.broken { w.matmul(x) } else { x.matmul(w) };
        let y = (product + b).tanh();
        Ok(vec![y.log_sum_exp(&[1]), y.norm()])
    }
}

#[test]
fn an_array_program_is_a_function_on_every_backend() {
    let f = Flat::new(Net { broken: false });
    assert_eq!((f.inputs(), f.outputs()), (17, 5));
    let x: Vec<_> = (0..17).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let (y, j) = Dual::default().value_and_jacobian(&f, &x).unwrap();
    let (y_reverse, j_reverse) = NativeReverse::default().value_and_jacobian(&f, &x).unwrap();
    assert_eq!(y, y_reverse);
    assert!((&j - &j_reverse).amax() < 1e-14);
    // Central differences, in no engine.
    for k in 0..17 {
        let at = |h: f64| {
            let (mut moved, mut y) = (x.clone(), vec![0.0; 5]);
            moved[k] += h;
            f.eval(&moved, &mut y).unwrap();
            nalgebra::DVector::from_vec(y)
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((slope - j.column(k)).amax() < 1e-9);
    }
}

#[test]
fn errors_in_array_programs_reach_the_caller() {
    let f = Flat::new(Net { broken: true });
    let error = Dual::default().jacobian(&f, &[0.0; 17]).unwrap_err();
    assert!(matches!(error, AdError::Array { operation: "matmul", .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "`matmul` of shapes [2, 3] and [4, 2]: expected as many columns on the left as rows on the right"
    );
}

#[test]
fn engines_recognise_array_programs() {
    struct Recognise;
    impl StructureVisitor for Recognise {
        type Output = Option<Vec<Dims>>;
        fn plain<F: Function>(self, _: &F) -> Self::Output {
            None
        }
        fn array<F: ArrayFunction>(self, f: &Flat<F>) -> Self::Output {
            Some(f.input_dims().to_vec())
        }
    }
    let f = Flat::new(Net { broken: false });
    assert_eq!(f.structure(Recognise), Some(f.function().inputs()));
}
