//! What candle gets wrong stops at the adapter. Each test shows the trap in candle itself first, so
//! that it fails, and can go, when candle changes.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::slice;
use std::sync::Arc;

use ad_api::array::{Array, ArrayBackend, ArrayFunction, ArrayOp, Dims, Tensor, hvp};
use ad_api::trace::{DynRule, ErasedRule};
use ad_api::{AdError, Failure, RuleValue};
use ad_candle::{Candle, CandleTensor};
use candle_core::{DType, Device, Var};

/// An `ArrayFunction` of vectors of one length: `vector_function!(Name |x| value, outputs)`.
macro_rules! vector_function {
    ($Name:ident |$x:ident| $value:expr, $outputs:expr) => {
        #[derive(Clone)]
        struct $Name(usize);

        impl ArrayFunction for $Name {
            fn inputs(&self) -> Vec<Dims> {
                vec![[self.0].into()]
            }

            fn outputs(&self) -> Vec<Dims> {
                vec![$outputs(self.0)]
            }

            fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
                let $x = &x[0];
                Ok(vec![$value])
            }
        }
    };
}

fn number(_: usize) -> Dims {
    Dims::SCALAR
}

fn vector(n: usize) -> Dims {
    [n].into()
}

fn on_candle(entries: &[f64]) -> Array<CandleTensor> {
    Array::from_host(&Candle::cpu().device().unwrap(), [entries.len()], entries)
}

/// `Jᵀ w` by candle's backward pass through the adapter.
fn pullback<F: ArrayFunction>(f: &F, x: &[f64], w: &Array<CandleTensor>) -> Vec<f64> {
    let cotangents = [vec![w.clone()]];
    let result = Candle::cpu().value_and_pullbacks(f, &[on_candle(x)], &cotangents);
    result.unwrap().1[0][0].to_vec().unwrap()
}

fn gradient<F: ArrayFunction>(f: &F, x: &[f64]) -> Vec<f64> {
    let x_array = on_candle(x);
    pullback(f, x, &Array::full(&x_array.device(), f.outputs()[0], 1.0))
}

/// candle's own gradient of the sum of `f`, `None` where it has none.
fn direct(
    x: &[f64],
    f: impl Fn(&candle_core::Tensor) -> candle_core::Result<candle_core::Tensor>,
) -> Option<Vec<f64>> {
    let x = Var::new(x, &Device::Cpu).unwrap();
    let gradients = f(&x).unwrap().sum_all().unwrap().backward().unwrap();
    gradients.get(&x).map(|gradient| gradient.to_vec1().unwrap())
}

vector_function!(Cubes | x | (x * x * x).sum_all(), number);

#[test]
fn a_second_backward_is_wrong_in_silence() {
    let x = Var::new(&[0.5, -1.5, 2.0], &Device::Cpu).unwrap();
    let v = candle_core::Tensor::new(&[1.0, 10.0, 100.0], &Device::Cpu).unwrap();
    let cubes = (((&*x * &*x).unwrap() * &*x).unwrap()).sum_all().unwrap();
    let gradient = cubes.backward().unwrap().remove(&x).unwrap();
    let product = (gradient * v).unwrap().sum_all().unwrap().backward().unwrap();
    let product: Vec<f64> = product.get(&x).unwrap().to_vec1().unwrap();
    assert_eq!(product, [2.0, -60.0, 800.0]);

    // Forward mode over our reverse mode, both on candle's tensors.
    let (x, v) = (on_candle(&[0.5, -1.5, 2.0]), on_candle(&[1.0, 10.0, 100.0]));
    assert_eq!(hvp(&Cubes(3), &[x], &[v]).unwrap()[0].to_vec().unwrap(), [3.0, -90.0, 1200.0]);
}

vector_function!(
    Steps | x | x * (x.floor() + x.ceil() + x.round() + x.signum() + x.trunc() + x.gt(0.0)),
    vector
);

#[test]
fn step_functions_have_no_derivative_in_candle() {
    for step in [
        candle_core::Tensor::floor,
        candle_core::Tensor::ceil,
        candle_core::Tensor::round,
        candle_core::Tensor::sign,
    ] {
        assert_eq!(direct(&[1.5], step), None);
    }
    // The other factor is constant: 1 + 2 + 2 + 1 + 1 + 1 and -2 - 1 - 2 - 1 - 1 + 0.
    assert_eq!(gradient(&Steps(2), &[1.5, -1.5]), [8.0, -7.0]);
    assert_eq!(gradient(&OnlySteps(2), &[1.5, -1.5]), [0.0, 0.0]);
}

vector_function!(OnlySteps | x | x.floor() + x.signum(), vector);
vector_function!(Relu | x | x.relu(), vector);
vector_function!(Abs | x | x.abs(), vector);
vector_function!(Largest | x | x.max(&[0]), number);
vector_function!(Clipped | x | x.maximum(&x.number(1.0)), vector);
vector_function!(Root | x | x.sqrt(), vector);

#[test]
fn kinks_and_ties_follow_the_documented_branch() {
    assert_eq!(direct(&[0.0], candle_core::Tensor::relu).unwrap(), [1.0]);
    assert_eq!(gradient(&Relu(3), &[-1.0, 0.0, 1.0]), [0.0, 0.0, 1.0]);

    assert_eq!(direct(&[0.0], candle_core::Tensor::abs).unwrap(), [1.0]);
    assert_eq!(gradient(&Abs(3), &[-1.0, 0.0, 1.0]), [-1.0, 0.0, 1.0]);

    // Each of several largest gets the whole derivative.
    assert_eq!(direct(&[2.0, 2.0, 1.0], |x| x.max(0)).unwrap(), [1.0, 1.0, 0.0]);
    assert_eq!(gradient(&Largest(3), &[2.0, 2.0, 1.0]), [0.5, 0.5, 0.0]);

    assert_eq!(direct(&[1.0, 2.0], |x| x.maximum(1.0)).unwrap(), [0.5, 1.0]);
    assert_eq!(gradient(&Clipped(3), &[0.0, 1.0, 2.0]), [0.0, 1.0, 1.0]);

    // An infinite partial times a cotangent of zero.
    let masked = |x: &candle_core::Tensor| x.sqrt()? * x.zeros_like()?;
    assert!(direct(&[0.0], masked).unwrap()[0].is_nan());
    assert_eq!(pullback(&Root(2), &[0.0, 4.0], &on_candle(&[0.0, 1.0])), [0.0, 0.25]);
}

vector_function!(Cube | x | x.pow(&x.full_like(3.0)), vector);

#[test]
fn values_that_candle_does_not_give() {
    let x = candle_core::Tensor::new(&[-2.0, f64::NAN], &Device::Cpu).unwrap();
    let pow: Vec<f64> = x.pow(&x.affine(0.0, 3.0).unwrap()).unwrap().to_vec1().unwrap();
    assert!(pow[0].is_nan());
    assert_eq!(gradient(&Cube(1), &[-2.0]), [12.0]);
    assert_eq!(on_candle(&[-2.0]).pow(&on_candle(&[3.0])).item().unwrap(), -8.0);

    let relu: Vec<f64> = x.relu().unwrap().to_vec1().unwrap();
    assert_eq!(relu[1], 0.0);
    let x = CandleTensor::array(&x).unwrap();
    assert!(x.relu().to_vec().unwrap()[1].is_nan());

    // A NaN on the left wins in candle, and loses here.
    let (nan, one) = (on_candle(&[f64::NAN]), on_candle(&[1.0]));
    let theirs = |a: &Array<CandleTensor>, b: &Array<CandleTensor>| {
        let (a, b) = (a.tensor().unwrap().to_candle(), b.tensor().unwrap().to_candle());
        a.maximum(&b).unwrap().to_vec1::<f64>().unwrap()[0]
    };
    assert!(theirs(&nan, &one).is_nan());
    assert_eq!(nan.maximum(&one).item().unwrap(), 1.0);
    assert_eq!(one.maximum(&nan).item().unwrap(), 1.0);

    // A maximum over axes passes over a NaN that is not the first.
    let late = on_candle(&[1.0, f64::NAN]);
    let passed: f64 = late.tensor().unwrap().to_candle().max(0).unwrap().to_scalar().unwrap();
    assert_eq!(passed, 1.0);
    assert!(late.max(&[0]).item().unwrap().is_nan());

    // The sign of zero is that of the number.
    assert_eq!(on_candle(&[0.0, -0.0]).signum().to_vec().unwrap(), [1.0, -1.0]);
    let zero = (on_candle(&[-0.0]) * 1.0).recip();
    assert_eq!(zero.item().unwrap(), f64::NEG_INFINITY);
}

vector_function!(Gelu | x | x * ((x * FRAC_1_SQRT_2).erf() + 1.0) * 0.5, vector);

#[test]
fn gelu_has_all_its_digits() {
    let x = [-1.3, 0.2, 0.9];
    let exact = x.map(|x: f64| {
        let density = (-x * x / 2.0).exp() * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0;
        f64::midpoint(libm::erf(x * FRAC_1_SQRT_2), 1.0) + x * density
    });
    let error =
        |found: &[f64]| found.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error(&direct(&x, candle_core::Tensor::gelu_erf).unwrap()) > 1e-8);
    assert!(error(&gradient(&Gelu(3), &x)) < 1e-15);
}

/// `y ← 0.99 y + x`, many times.
#[derive(Clone)]
struct Chain {
    links: usize,
    abandoned: bool,
}

impl ArrayFunction for Chain {
    fn inputs(&self) -> Vec<Dims> {
        vec![[1].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[1].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let end = (0..self.links).fold(x[0].clone(), |y, _| y * 0.99 + &x[0]);
        Ok(vec![if self.abandoned { &x[0] * 2.0 } else { end }])
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_operations_needs_no_deep_stack() {
    // candle walks its graph and drops it by recursion, and so the sum of the cotangents of `x`,
    // which is a graph itself. Too deep for the stack, that ends the process: in a process for it.
    if std::env::var_os(ALONE).is_some() {
        let x = Var::new(&[1.0], &Device::Cpu).unwrap();
        let y =
            (0..LINKS).try_fold(x.as_tensor().clone(), |y, _| y.affine(0.99, 0.0)? + x.as_tensor());
        y.unwrap().backward().unwrap();
        return;
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let this = std::env::current_exe().unwrap();
    let alone = Command::new(this).args(["--exact", &name]).env(ALONE, "1").output().unwrap();
    assert!(!alone.status.success(), "candle survives: this trap is gone");

    // On a stack of 256 KiB.
    let small = std::thread::Builder::new().stack_size(1 << 18);
    let found = small.spawn(|| {
        let chain = Chain { links: LINKS, abandoned: false };
        let abandoned = Chain { abandoned: true, ..chain.clone() };
        (gradient(&chain, &[1.0])[0], gradient(&abandoned, &[1.0])[0])
    });
    let (whole, abandoned) = found.unwrap().join().unwrap();
    assert!((whole - 100.0).abs() < 1e-10, "{whole}");
    assert_eq!(abandoned, 2.0);
}

const LINKS: usize = 50_000;
const ALONE: &str = "AD_CANDLE_ALONE";

vector_function!(
    Nine | x | x.reshape([1, 1, 1, 1, 1, 1, 1, 1, x.count()]).exp().reshape([x.count()]),
    vector
);

#[test]
fn more_axes_than_candle_walks() {
    let many = candle_core::Tensor::ones(vec![2; 10], DType::F64, &Device::Cpu).unwrap();
    let reversed = many.permute((0..10).rev().collect::<Vec<_>>()).unwrap();
    assert!(panic::catch_unwind(AssertUnwindSafe(|| reversed.add(&reversed))).is_err());
    let reversed = CandleTensor::array(&reversed).unwrap();
    assert_eq!((&reversed + &reversed).to_vec().unwrap(), [2.0; 1024]);

    let stacks = candle_core::Tensor::ones(vec![2; 5], DType::F64, &Device::Cpu).unwrap();
    assert!(stacks.matmul(&stacks).is_err());
    let stacks = CandleTensor::array(&stacks).unwrap();
    assert_eq!(stacks.matmul(&stacks).to_vec().unwrap(), [2.0; 32]);

    let x = on_candle(&[0.0, 1.0]);
    let wide = x.reshape([1, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    let other = x.reshape([2, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!((wide + other).to_vec().unwrap(), [0.0, 1.0, 1.0, 2.0]);

    let cotangents = [vec![x.ones_like()]];
    let error = Candle::cpu().value_and_pullbacks(&Nine(2), &[x], &cotangents).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `candle` cannot compute `reshape`: in reverse mode candle has arrays of at most 8 \
         axes, not 9"
    );
}

#[test]
fn several_cotangents_one_graph() {
    let x = on_candle(&[1.0, 4.0]);
    let cotangents = [[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]].map(|w| vec![on_candle(&w)]);
    let (y, pullbacks) = Candle::cpu().value_and_pullbacks(&Root(2), &[x], &cotangents).unwrap();
    assert_eq!(y[0].to_vec().unwrap(), [1.0, 2.0]);
    let pullbacks: Vec<_> = pullbacks.iter().map(|x_bar| x_bar[0].to_vec().unwrap()).collect();
    assert_eq!(pullbacks, [[0.5, 0.0], [0.0, 0.25], [1.0, -0.25]]);
}

#[test]
fn wrong_shapes_and_precisions_are_errors() {
    let x = on_candle(&[1.0, 4.0]);
    let wrong = Candle::cpu().value_and_pullbacks(
        &Root(2),
        slice::from_ref(&x),
        &[vec![on_candle(&[1.0])]],
    );
    let message = wrong.unwrap_err().to_string();
    assert_eq!(message, "`cotangents` of shapes [1]: expected [2]");

    let bytes = candle_core::Tensor::new(&[1u8], &Device::Cpu).unwrap();
    assert!(matches!(CandleTensor::new(&bytes), Err(AdError::Unsupported { .. })));
    #[cfg(not(feature = "cuda"))]
    assert!(matches!(Candle::cuda(0), Err(AdError::Engine { .. })));

    // Two precisions in one operation: candle says so.
    let single = candle_core::Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
    let sum = &x + CandleTensor::array(&single).unwrap();
    assert!(matches!(sum.check(), Err(AdError::Engine { operation: "+", .. })));
}

/// A rule with a value and no derivative.
struct ValueAlone;

impl RuleValue for ValueAlone {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y[0] = x[0] * x[1];
        Ok(())
    }
}

impl DynRule for ValueAlone {
    fn tangent(&self) -> ad_api::Result<Arc<dyn DynRule>> {
        Err(AdError::Rule { rule: "ValueAlone", reason: "it has a value alone".into() })
    }

    fn cotangent(&self) -> ad_api::Result<Arc<dyn DynRule>> {
        self.tangent()
    }
}

#[derive(Clone)]
struct Ruled(Arc<ErasedRule>);

impl ArrayFunction for Ruled {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[1].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        Ok(vec![Array::apply(&ArrayOp::Rule(Arc::clone(&self.0)), &[&x[0].exp()]).exp()])
    }
}

#[test]
fn what_fails_in_the_middle_of_a_backward_pass_keeps_its_type() {
    // candle's errors are text.
    let rule = Ruled(ErasedRule::new(Arc::new(ValueAlone)));
    let x = on_candle(&[0.0, 0.0]);
    let (y, _) = Candle::cpu().value_and_pullbacks(&rule, slice::from_ref(&x), &[]).unwrap();
    assert_eq!(y[0].item().unwrap(), 1.0_f64.exp());
    let failed = Candle::cpu().value_and_pullbacks(&rule, &[x], &[vec![on_candle(&[1.0])]]);
    assert!(matches!(failed, Err(AdError::Rule { rule: "ValueAlone", .. })));
}
