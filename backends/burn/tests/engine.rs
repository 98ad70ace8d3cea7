//! burn's reverse mode as an engine: networks, several cotangents, inputs that do not matter, failures.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Constant, Dims, HostTensor, Tensor, value_and_gradient,
};
use ad_api::{Accuracy, AdError, Engine, Failure, Result};
use ad_burn::{Burn, BurnDevice, BurnTensor, Precision};
use burn::tensor::activation::gelu;
use burn::tensor::{DType, Device, Tensor as Direct, TensorData};

type Burned = Array<BurnTensor>;

fn numbers(seed: usize, n: usize) -> Vec<f64> {
    (1..=n).map(|i| ((i + 31 * seed) as f64 * 0.618_033_988_749_895).fract() - 0.5).collect()
}

fn on_cpu(dims: impl Into<Dims>, entries: &[f64]) -> Burned {
    Array::from_host(&BurnDevice::cpu(Precision::F64), dims, entries)
}

/// A function from a closure-like body, over arrays of any library.
macro_rules! function {
    ($Name:ident: $inputs:expr => $outputs:expr, |$x:ident| $value:expr) => {
        #[derive(Clone)]
        struct $Name;

        impl ArrayFunction for $Name {
            fn inputs(&self) -> Vec<Dims> {
                $inputs
            }

            fn outputs(&self) -> Vec<Dims> {
                $outputs
            }

            fn eval<T: Tensor>(&self, $x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
                $value
            }
        }
    };
}

fn lists(arrays: &[Burned]) -> Vec<Vec<f64>> {
    arrays.iter().map(|array| array.to_vec().expect("entries")).collect()
}

/// The mean square of `tanh(x W₁ + b₁) W₂ + b₂ - t`, over a batch.
#[derive(Clone)]
struct Network {
    x: Constant,
    t: Constant,
}

impl ArrayFunction for Network {
    fn inputs(&self) -> Vec<Dims> {
        vec![[3, 5].into(), [5].into(), [5, 2].into(), [2].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, p: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let hidden = (self.x.beside(&p[0]).matmul(&p[0]) + &p[1]).tanh();
        let residual = hidden.matmul(&p[2]) + &p[3] - self.t.beside(&p[0]);
        Ok(vec![(&residual * &residual).mean(&[0, 1])])
    }
}

#[test]
fn a_network_has_the_gradient_of_the_chain_rule() {
    let (x, t) = (numbers(1, 12), numbers(2, 8));
    let f = Network {
        x: Constant::new([4, 3], x.clone()).unwrap(),
        t: Constant::new([4, 2], t.clone()).unwrap(),
    };
    let p: Vec<_> =
        f.inputs().iter().map(Dims::count).zip(3..).map(|(n, s)| numbers(s, n)).collect();

    // By hand, entry by entry.
    let (w1, b1, w2, b2) = (&p[0], &p[1], &p[2], &p[3]);
    let mut value = 0.0;
    let mut by_hand = vec![vec![0.0; 15], vec![0.0; 5], vec![0.0; 10], vec![0.0; 2]];
    for n in 0..4 {
        let input = |j: usize| (0..3).map(|i| x[3 * n + i] * w1[5 * i + j]).sum::<f64>() + b1[j];
        let hidden: Vec<f64> = (0..5).map(|j| input(j).tanh()).collect();
        for k in 0..2 {
            let output = (0..5).map(|j| hidden[j] * w2[2 * j + k]).sum::<f64>() + b2[k];
            let residual = output - t[2 * n + k];
            value += residual * residual / 8.0;
            let slope = residual / 4.0;
            by_hand[3][k] += slope;
            for j in 0..5 {
                by_hand[2][2 * j + k] += slope * hidden[j];
                let inner = slope * w2[2 * j + k] * (1.0 - hidden[j] * hidden[j]);
                by_hand[1][j] += inner;
                (0..3).for_each(|i| by_hand[0][5 * i + j] += inner * x[3 * n + i]);
            }
        }
    }

    for (precision, tolerance) in [(Precision::F64, 1e-15), (Precision::F32, 3e-7)] {
        let burn = Burn::cpu().precision(precision);
        let device = burn.device().unwrap();
        let inputs = f.inputs().into_iter().zip(&p);
        let arrays: Vec<Burned> =
            inputs.map(|(dims, p)| Array::from_host(&device, dims, p)).collect();
        let one = vec![arrays[0].number(1.0)];
        let (y, gradients) = burn.value_and_pullbacks(&f, &arrays, &[one]).unwrap();
        assert!((y[0].item().unwrap() - value).abs() < tolerance);
        for (found, expected) in lists(&gradients[0]).iter().zip(&by_hand) {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < tolerance, "{found} {expected}");
            }
        }
    }
}

#[test]
fn states_its_accuracy() {
    assert_eq!(Burn::cpu().name(), "burn");
    assert_eq!(Burn::cpu().accuracy(), Accuracy::Exact);
    let single = Burn::cpu().precision(Precision::F32);
    assert_eq!(single.accuracy(), Accuracy::Rounded { unit: f32::EPSILON.into() });
    assert_eq!(BurnTensor::precision(&single.device().unwrap()), f64::from(f32::EPSILON));
}

function!(Cube: vec![[2].into()] => vec![[2].into()], |x| Ok(vec![x[0].powi(3)]));

#[test]
fn several_cotangents_each_have_a_graph() {
    let x = [on_cpu([2], &[1.0, 2.0])];
    let w = [[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]].map(|w| vec![on_cpu([2], &w)]);
    let (y, x_bars) = Burn::cpu().value_and_pullbacks(&Cube, &x, &w).unwrap();
    assert_eq!(lists(&y), [[1.0, 8.0]]);
    let found: Vec<_> = x_bars.iter().map(|x_bar| lists(x_bar).concat()).collect();
    assert_eq!(found, [[3.0, 0.0], [0.0, 12.0], [6.0, -12.0]]);
    let (y, x_bars) = Burn::cpu().value_and_pullbacks(&Cube, &x, &[]).unwrap();
    assert_eq!((lists(&y), x_bars.len()), (vec![vec![1.0, 8.0]], 0));
}

// Of the inputs the second does not matter, the third has no entries, the fourth is an output, twice.
function!(Loose: vec![[2].into(), [3].into(), [0, 2].into(), Dims::SCALAR]
=> vec![[2].into(), Dims::SCALAR, Dims::SCALAR, [1].into(), [0].into()],
|x| Ok(vec![
    &x[0] * &x[3] + x[1].detach().sum(&[0]),
    x[3].clone(),
    x[3].clone(),
    x[0].constant([1], &[7.0]),
    x[2].slice(&[0..0, 0..1]).reshape([0]),
]));

#[test]
fn what_does_not_matter_has_gradient_zero() {
    let x = [
        on_cpu([2], &[1.0, 2.0]),
        on_cpu([3], &[f64::INFINITY, 1.0, 2.0]),
        on_cpu([0, 2], &[]),
        on_cpu(Dims::SCALAR, &[5.0]),
    ];
    let w = vec![
        on_cpu([2], &[1.0, 10.0]),
        on_cpu(Dims::SCALAR, &[100.0]),
        on_cpu(Dims::SCALAR, &[1000.0]),
        on_cpu([1], &[3.0]),
        on_cpu([0], &[]),
    ];
    let (y, x_bars) = Burn::cpu().value_and_pullbacks(&Loose, &x, &[w]).unwrap();
    assert_eq!(y[3].to_vec().unwrap(), [7.0]);
    assert_eq!(lists(&x_bars[0]), [vec![5.0, 50.0], vec![0.0; 3], vec![], vec![21.0 + 1100.0]]);
    let shapes: Vec<_> = x_bars[0].iter().map(Array::dims).collect();
    assert_eq!(shapes, Loose.inputs());
}

function!(Entropy: vec![[3].into()] => vec![Dims::SCALAR],
    |x| Ok(vec![x[0].gt(0.0).select(&(&x[0] * x[0].ln()), &x[0].number(0.0)).sum(&[0])]));

// What is not wanted is NaN or infinite in all ways: of both factors, and of a function of it.
function!(Guarded: vec![[2].into(), [1].into()] => vec![Dims::SCALAR],
|x| {
    let root = x[0].sqrt();
    let value = (&root * &x[1]).tanh() + (x[0].recip().sin() + (&x[1] / &root)).exp();
    Ok(vec![x[0].gt(0.0).select(&value, &x[0].number(0.0)).sum(&[0])])
});

function!(Norm: vec![[2].into()] => vec![Dims::SCALAR],
    |x| Ok(vec![(&x[0] * &x[0]).sum(&[0]).sqrt()]));

#[test]
fn a_branch_that_is_not_taken_counts_nothing() {
    let x = [on_cpu([3], &[0.0, 1.0, -2.0])];
    let one = vec![on_cpu(Dims::SCALAR, &[1.0])];
    let (y, x_bars) =
        Burn::cpu().value_and_pullbacks(&Entropy, &x, std::slice::from_ref(&one)).unwrap();
    assert_eq!((lists(&y), lists(&x_bars[0])), (vec![vec![0.0]], vec![vec![0.0, 1.0, 0.0]]));
    let x = [on_cpu([2], &[-1.0, 0.0]), on_cpu([1], &[3.0])];
    let (_, x_bars) = Burn::cpu().value_and_pullbacks(&Guarded, &x, &[one]).unwrap();
    assert_eq!(lists(&x_bars[0]), [vec![0.0, 0.0], vec![0.0]]);
    // An infinite slope of the root: times 2 · 0 it is no number, as on every engine; times a
    // cotangent of 0 it is 0.
    let (x, none) = ([on_cpu([2], &[0.0, 0.0])], vec![on_cpu(Dims::SCALAR, &[0.0])]);
    let (_, x_bars) = Burn::cpu().value_and_pullbacks(&Norm, &x, &[none]).unwrap();
    assert_eq!(lists(&x_bars[0]), [[0.0, 0.0]]);
}

/// A function that fails, or panics.
#[derive(Clone)]
struct Hole(bool);

impl ArrayFunction for Hole {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[2].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let y = x[0].exp();
        assert!(!self.0, "the author's own panic");
        Err(Failure::new(format!("no value at {}", y.to_vec()?.len())))
    }
}

#[test]
fn failures_and_panics_of_functions_come_through() {
    let (burn, x, w) = (Burn::cpu(), [on_cpu([2], &[1.0, 2.0])], [vec![on_cpu([2], &[1.0, 1.0])]]);
    let error = burn.value_and_pullbacks(&Hole(false), &x, &w).unwrap_err();
    assert_eq!(error.to_string(), "the function failed: no value at 2");
    let run = || burn.value_and_pullbacks(&Hole(true), &x, &w).map(drop);
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the author's own panic"));
    // All as before.
    let (_, x_bars) = burn.value_and_pullbacks(&Cube, &x, &w).unwrap();
    assert_eq!(lists(&x_bars[0]), [[3.0, 12.0]]);
}

// Its derivative must be added to an array that is too large for any memory.
function!(Vast: vec![[1].into()] => vec![Dims::SCALAR],
    |x| Ok(vec![x[0].broadcast_to([1 << 40, 1 << 20]).slice(&[0..1, 0..1]).sum(&[0, 1])]));

#[test]
fn failures_of_burn_are_errors() {
    let device = BurnDevice::cpu(Precision::F64);
    let vast: Burned = Array::full(&device, [1 << 40, 1 << 20], 1.0);
    let error = vast.to_vec().unwrap_err();
    assert!(matches!(error, AdError::Engine { .. }), "{error}");
    assert!(error.to_string().starts_with("backend `burn` failed in `full`: "), "{error}");
    // In burn's backward pass, whose graph is gone afterwards; the next one works.
    let (x, w) = ([on_cpu([1], &[2.0])], [vec![on_cpu(Dims::SCALAR, &[1.0])]]);
    let error = Burn::cpu().value_and_pullbacks(&Vast, &x, &w).unwrap_err();
    assert!(error.to_string().starts_with("backend `burn` failed in `pullback`: "), "{error}");
    let x = [on_cpu([2], &[-3.0, 0.0])];
    let (_, x_bars) = Burn::cpu().value_and_pullbacks(&Norm, &x, &w).unwrap();
    assert_eq!(lists(&x_bars[0]), [[-1.0, 0.0]]);
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let (burn, x) = (Burn::cpu(), [on_cpu([2], &[1.0, 2.0])]);
    let message = |x: &[Burned], w: Burned| {
        burn.value_and_pullbacks(&Cube, x, &[vec![w]]).unwrap_err().to_string()
    };
    assert_eq!(message(&x, on_cpu([3], &[0.0; 3])), "`cotangents` of shapes [3]: expected [2]");
    let wide = [on_cpu([3], &[0.0; 3])];
    assert_eq!(message(&wide, on_cpu([2], &[0.0; 2])), "`inputs` of shapes [3]: expected [2]");
    let single = Array::from_host(&BurnDevice::cpu(Precision::F32), [2], &[1.0, 1.0]);
    assert_eq!(
        message(&x, single.clone()),
        "backend `burn` failed in `pullback`: an array lives on cpu in f32, the engine on cpu in f64"
    );
    assert_eq!(
        (&x[0] + &single).to_vec().unwrap_err().to_string(),
        "backend `burn` failed in `+`: the operands differ in precision"
    );
    let failed = x[0].reshape([3]);
    assert!(message(&[failed], x[0].clone()).starts_with("`reshape` of shapes [2]"));
}

#[test]
fn devices_that_are_not_there_are_refused() {
    if cfg!(not(feature = "wgpu")) {
        assert_eq!(
            Burn::wgpu().unwrap_err().to_string(),
            "backend `burn` cannot compute `wgpu`: it is not compiled in; the feature `wgpu` of \
             `ad-burn` adds it"
        );
    }
    if cfg!(not(feature = "cuda")) {
        assert!(Burn::cuda(0).unwrap_err().to_string().contains("the feature `cuda`"));
    }
}

/// A chain of small operations.
#[derive(Clone)]
struct Chain(usize);

impl ArrayFunction for Chain {
    fn inputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let step = |y: Array<T>, i: usize| if i.is_multiple_of(2) { y + 1e-5 } else { y.tanh() };
        Ok(vec![(0..self.0).fold(x[0].clone(), step)])
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_operations() {
    let f = Chain(100_000);
    let run = move || {
        let (x, w) = ([on_cpu(Dims::SCALAR, &[0.3])], [vec![on_cpu(Dims::SCALAR, &[1.0])]]);
        let (y, x_bars) = Burn::cpu().value_and_pullbacks(&f, &x, &w).unwrap();
        (y[0].item().unwrap(), x_bars[0][0].item().unwrap())
    };
    // With a stack that a recursion of this depth would overflow.
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).unwrap();
    let (y, slope) = thread.join().unwrap();
    let x: Array<HostTensor<f64>> = Array::host(Dims::SCALAR, &[0.3]).unwrap();
    let (value, gradient) = value_and_gradient(&Chain(100_000), &[x]).unwrap();
    assert!((y - value.item().unwrap()).abs() < 1e-12);
    let expected = gradient[0].item().unwrap();
    assert!((slope / expected - 1.0).abs() < 1e-9, "{slope:e} {expected:e}");
}

#[test]
fn threads_do_not_disturb_each_other() {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for i in 0..50 {
                    let x = f64::from(thread * 100 + i);
                    let w = [vec![on_cpu([2], &[1.0, 1.0])]];
                    let x_bars =
                        Burn::cpu().value_and_pullbacks(&Cube, &[on_cpu([2], &[x, 1.0])], &w);
                    assert_eq!(lists(&x_bars.unwrap().1[0]), [[3.0 * x * x, 3.0]]);
                }
            });
        }
    });
}

/// A function that is written with burn, and so known to burn's arrays alone.
#[derive(Clone)]
struct Embedded(Direct<2>);

impl ArrayFunction for Embedded {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2, 3].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[2, 1].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let x = (&x[0].square() as &dyn Any).downcast_ref::<Burned>().cloned();
        let x = x.ok_or_else(|| Failure::new("only on burn"))?.tensor()?.to_burn::<2>()?;
        let weights = self.0.clone().autodiff();
        let y = Array::new(BurnTensor::from_burn(&gelu(x.matmul(weights)))?);
        Ok(vec![(&y as &dyn Any).downcast_ref::<Array<T>>().expect("the same type").clone()])
    }
}

#[test]
fn a_network_of_burn_is_a_part_of_a_function() {
    let weights = TensorData::new(vec![0.5, -1.0, 2.0], [3, 1]);
    let f = Embedded(Direct::from_data(weights, (&Device::flex(), DType::F64)));
    let x = numbers(1, 6);
    let w = [vec![on_cpu([2, 1], &[1.0, -2.0])]];
    let (y, x_bars) = Burn::cpu().value_and_pullbacks(&f, &[on_cpu([2, 3], &x)], &w).unwrap();
    // x Φ(x) and its slope Φ(x) + x φ(x).
    let normal = |z: f64| 0.5 * (1.0 + libm::erf(z * std::f64::consts::FRAC_1_SQRT_2));
    let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    for (n, w) in [1.0, -2.0].into_iter().enumerate() {
        let weights = [0.5, -1.0, 2.0];
        let z: f64 = (0..3).map(|i| x[3 * n + i].powi(2) * weights[i]).sum();
        assert!((y[0].to_vec().unwrap()[n] - z * normal(z)).abs() < 1e-15);
        for i in 0..3 {
            let expected = w * (normal(z) + z * density(z)) * weights[i] * 2.0 * x[3 * n + i];
            let found = x_bars[0][0].to_vec().unwrap()[3 * n + i];
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }
}

#[test]
fn tensors_of_burn_come_and_go() {
    let x = on_cpu([2, 3], &numbers(1, 6));
    let tensor = x.tensor().unwrap().to_burn::<2>().unwrap();
    assert_eq!((tensor.dims(), tensor.dtype()), ([2, 3], DType::F64));
    let back = Array::new(BurnTensor::from_burn(&tensor.transpose()).unwrap());
    assert_eq!(back.to_vec().unwrap(), x.transpose().to_vec().unwrap());
    assert_eq!(
        x.tensor().unwrap().to_burn::<1>().unwrap_err().to_string(),
        "`to_burn` of shapes [2, 3]: expected 1 axes, and an entry"
    );
    let empty = Direct::<2>::zeros([0, 3], (&Device::flex(), DType::F64));
    let empty = Array::new(BurnTensor::from_burn(&empty).unwrap());
    assert_eq!((empty.shape(), empty.sum(&[0]).to_vec().unwrap()), (&[0, 3][..], vec![0.0; 3]));
    let half = Direct::<1>::from_data(TensorData::from([1.0]), (&Device::flex(), DType::F16));
    assert!(BurnTensor::from_burn(&half).unwrap_err().to_string().contains("`cast`"));
}
