//! burn on a GPU, through Vulkan, Metal or DirectX: the suites, in 32 bits.
//!
//! Where there is no such device, the tests are skipped, and said to be: so this file has a harness of
//! its own. Mesa's `lavapipe` is a device of the processor that serves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, ArrayOp, Constant, Dims, HostTensor, Tensor,
    value_and_gradient,
};
use ad_api::{AdError, Failure, Unary};
use ad_burn::{Burn, BurnTensor, Precision};
use ad_conformance::{ArrayLaw, ArraySubject, TensorLaw, TensorSubject};
use burn::tensor::{DType, Device, DeviceKind, Tensor as Direct, TensorData};

type Test = (String, Box<dyn Fn(&Burn)>);

/// The laws of engines for arrays in reverse mode.
const PULLBACK: [ArrayLaw; 5] = [
    ArrayLaw::Pullback,
    ArrayLaw::PullbackSeeds,
    ArrayLaw::PullbackNetworks,
    ArrayLaw::PullbackKinks,
    ArrayLaw::PullbackShapes,
];

fn tests() -> Vec<Test> {
    // All but the law of ten axes, which burn's kernels do not take: `refuses_nine_axes`.
    let laws = TensorLaw::ALL.iter().filter(|&&law| law != TensorLaw::Ranks);
    let arrays = laws.map(|&law| -> Test {
        let check = move |burn: &Burn| {
            let device = burn.device().expect("32 bits are right on every device");
            TensorSubject::new::<BurnTensor>(device).assert(law);
        };
        (format!("arrays::{law}"), Box::new(check))
    });
    let derivatives = PULLBACK.into_iter().map(|law| -> Test {
        let check = move |burn: &Burn| {
            ArraySubject::new(burn.clone()).expect("32 bits are right on every device").assert(law);
        };
        (format!("derivatives::{law}"), Box::new(check))
    });
    let others: [Test; 7] = [
        ("refuses_64_bits".into(), Box::new(refuses_64_bits)),
        ("functions_pass_nan_on".into(), Box::new(functions_pass_nan_on)),
        ("refuses_nine_axes".into(), Box::new(refuses_nine_axes)),
        ("burn_sums_views_in_a_wrong_order".into(), Box::new(burn_sums_views_in_a_wrong_order)),
        ("sums_views_in_the_right_order".into(), Box::new(sums_views_in_the_right_order)),
        ("burn_is_wrong_in_64_bits".into(), Box::new(burn_is_wrong_in_64_bits)),
        ("a_network_learns_as_on_the_host".into(), Box::new(a_network_learns_as_on_the_host)),
    ];
    arrays.chain(derivatives).chain(others).collect()
}

fn main() -> ExitCode {
    let mut tests = tests();
    // As for other tests: the arguments are parts of names.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    tests.retain(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(part)));
    println!("\nrunning {} tests", tests.len());
    let burn = match Burn::wgpu() {
        Ok(burn) => burn,
        Err(reason) => {
            let skipped = tests.len();
            println!("\ntest result: SKIPPED. 0 passed; 0 failed; {skipped} skipped: {reason}\n");
            return ExitCode::SUCCESS;
        }
    };
    println!("on {burn:?}");
    let mut failed = Vec::new();
    for (name, test) in &tests {
        let kept = catch_unwind(AssertUnwindSafe(|| test(&burn))).is_ok();
        println!("test {name} ... {}", if kept { "ok" } else { "FAILED" });
        if !kept {
            failed.push(name);
        }
    }
    let (verdict, passed) = match &failed[..] {
        [] => ("ok", tests.len()),
        failed => ("FAILED", tests.len() - failed.len()),
    };
    println!("\ntest result: {verdict}. {passed} passed; {} failed; 0 skipped\n", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn refuses_64_bits(burn: &Burn) {
    let refused = burn.clone().precision(Precision::F64).device().expect_err("64 bits");
    assert!(matches!(refused, AdError::Unsupported { operation: "f64", .. }), "{refused}");
}

/// The reason for the refusal. Where this fails, burn has learnt it.
fn burn_is_wrong_in_64_bits(_: &Burn) {
    let exp = || {
        let device = Device::wgpu(DeviceKind::DefaultDevice);
        let x = Direct::<1>::from_data(TensorData::from([1.25_f64]), (&device, DType::F64));
        x.exp().into_data().convert::<f64>().try_into_vec::<f64>().expect("64 bits")[0]
    };
    // A panic is as good: then there is no number that is wrong.
    let right = catch_unwind(exp).is_ok_and(|found| (found - 1.25_f64.exp()).abs() < 1e-12);
    assert!(!right, "exp is right in 64 bits");
}

fn refuses_nine_axes(burn: &Burn) {
    let device = burn.device().expect("32 bits are right on every device");
    let refused = |array: Array<BurnTensor>| {
        let refused = array.to_vec().expect_err("nine axes");
        assert!(matches!(refused, AdError::Unsupported { .. }), "{refused}");
        assert!(refused.to_string().contains("at most 8"), "{refused}");
    };
    let eight = Array::<BurnTensor>::from_host(&device, [1, 2, 1, 1, 2, 1, 1, 1], &[1.0; 4]);
    assert_eq!(eight.sum(&[1, 4]).to_vec().expect("eight axes"), [4.0]);
    refused(eight.reshape([1, 2, 1, 1, 2, 1, 1, 1, 1]));
    refused(Array::from_host(&device, [1; 9], &[1.0]));
    refused(Array::from_host(&device, [1; 10], &[1.0]));
}

/// The axes of a view, whose last is not the innermost in memory.
const VIEW: [usize; 5] = [2, 0, 4, 3, 1];

/// The numbers of the array that is viewed, of shape `[1, 2, 2, 2, 3]`.
fn viewed() -> Vec<f64> {
    (0..24).map(|i| f64::from(i * 7 % 31)).collect()
}

/// The sum of the view along its first axis.
fn sum_of_view() -> Vec<f64> {
    let x: Array<HostTensor<f64>> = Array::host([1, 2, 2, 2, 3], &viewed()).expect("24 entries");
    x.permute(&VIEW).sum(&[0]).to_vec().expect("entries")
}

/// Why what is summed lies row by row. Where this fails, burn has learnt it.
fn burn_sums_views_in_a_wrong_order(_: &Burn) {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let data = TensorData::new(viewed(), [1, 2, 2, 2, 3]);
    let x = Direct::<5>::from_data(data, (&device, DType::F32)).permute([2, 0, 4, 3, 1]);
    let sum = x.sum_dim(0).into_data().convert::<f64>().try_into_vec::<f64>().expect("32 bits");
    assert_ne!(sum, sum_of_view(), "sums of views are right");
}

fn sums_views_in_the_right_order(burn: &Burn) {
    let device = burn.device().expect("32 bits are right on every device");
    let x = Array::<BurnTensor>::from_host(&device, [1, 2, 2, 2, 3], &viewed());
    assert_eq!(x.permute(&VIEW).sum(&[0]).to_vec().expect("entries"), sum_of_view());
    let largest: Array<HostTensor<f64>> = Array::host([1, 2, 2, 2, 3], &viewed()).expect("24");
    let largest = largest.permute(&VIEW).max(&[0]).to_vec().expect("entries");
    assert_eq!(x.permute(&VIEW).max(&[0]).to_vec().expect("entries"), largest);
}

/// The mean of the residual's squares, for one layer.
#[derive(Clone)]
struct Layer {
    x: Constant,
}

impl ArrayFunction for Layer {
    fn inputs(&self) -> Vec<Dims> {
        vec![[48, 32].into(), [32].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, p: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let y = (self.x.beside(&p[0]).matmul(&p[0]) + &p[1]).tanh();
        Ok(vec![y.square().mean(&[0, 1])])
    }
}

fn a_network_learns_as_on_the_host(burn: &Burn) {
    let numbers = |seed: u32, n: u32| -> Vec<f64> {
        (1..=n).map(|i| (f64::from(i + 31 * seed) * 0.618_033_988_749_895).fract() - 0.5).collect()
    };
    let f = Layer { x: Constant::new([64, 48], numbers(1, 64 * 48)).expect("as many numbers") };
    let p = [numbers(2, 48 * 32), numbers(3, 32)];
    let inputs = || f.inputs().into_iter().zip(&p);
    let host: Result<Vec<Array<HostTensor<f64>>>, _> =
        inputs().map(|(dims, p)| Array::host(dims, p)).collect();
    let (_, expected) = value_and_gradient(&f, &host.expect("as many entries")).expect("a value");

    let device = burn.device().expect("32 bits are right on every device");
    let on_device: Vec<Array<BurnTensor>> =
        inputs().map(|(dims, p)| Array::from_host(&device, dims, p)).collect();
    let one = vec![on_device[0].number(1.0)];
    let (_, found) = burn.value_and_pullbacks(&f, &on_device, &[one]).expect("a value");
    for (found, expected) in found[0].iter().zip(&expected) {
        let (found, expected) =
            (found.to_vec().expect("entries"), expected.to_vec().expect("entries"));
        let scale = expected.iter().fold(0.0, |scale: f64, e| scale.max(e.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5 * scale, "{found} {expected}");
        }
    }
}

/// Every function of one number at NaN and at the infinities.
fn functions_pass_nan_on(burn: &Burn) {
    use Unary::{
        Acos, Acosh, Asin, Asinh, Atan, Atanh, Cbrt, Ceil, Cos, Cosh, Erf, Exp, ExpM1, Floor, Ln,
        Ln1p, Recip, Round, Sin, Sinh, Sqrt, Tan, Tanh, Trunc,
    };
    let device = burn.device().expect("32 bits are right on every device");
    let points = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1.0, 0.0];
    let x = Array::<BurnTensor>::from_host(&device, [points.len()], &points);
    let mut wrong = Vec::new();
    for function in [
        Acos, Acosh, Asin, Asinh, Atan, Atanh, Cbrt, Ceil, Cos, Cosh, Erf, Exp, ExpM1, Floor, Ln,
        Ln1p, Recip, Round, Sin, Sinh, Sqrt, Tan, Tanh, Trunc,
    ] {
        let found = Array::apply(&ArrayOp::Unary(function), &[&x]).to_vec().expect("entries");
        for (&x, found) in points.iter().zip(found) {
            let expected = function.eval(x);
            let same = found.is_nan() && expected.is_nan()
                || found == expected
                || (found - expected).abs() <= 1e-5 * expected.abs().max(1e-2);
            if !same {
                wrong.push(format!("{function:?}({x}) = {found}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
