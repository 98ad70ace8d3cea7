//! What burn does otherwise than the interface promises, and that it stops at the adapter. Where one of
//! these fails, burn has changed, and the adapter may do without its workaround.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ad_api::array::{Array, ArrayBackend, ArrayFunction, ArrayOp, Dims, Tensor};
use ad_api::{Binary, Failure};
use ad_burn::{Burn, BurnDevice, BurnTensor, Precision};
use burn::tensor::{DType, Device, Tensor as Direct, TensorData};

fn direct<const N: usize>(entries: [f64; N]) -> Direct<1> {
    let device = Device::flex().autodiff();
    Direct::from_data(TensorData::from(entries), (&device, DType::F64)).require_grad()
}

fn list(tensor: Direct<1>) -> Vec<f64> {
    tensor.into_data().try_into_vec().expect("64 bits")
}

/// burn's derivative of the sum of `f` times `w`.
fn theirs<const N: usize>(
    x: [f64; N],
    w: [f64; N],
    f: impl Fn(Direct<1>) -> Direct<1>,
) -> Vec<f64> {
    let x = direct(x);
    let gradients = (f(x.clone()) * direct(w).detach()).backward();
    list(x.grad(&gradients).expect("an input that matters"))
}

/// The adapter's values and derivatives, where `$f` is over arrays of any library.
macro_rules! ours {
    ($x:expr, $w:expr, |$v:ident| $f:expr) => {{
        #[derive(Clone)]
        struct F(usize);

        impl ArrayFunction for F {
            fn inputs(&self) -> Vec<Dims> {
                vec![[self.0].into()]
            }

            fn outputs(&self) -> Vec<Dims> {
                vec![[self.0].into()]
            }

            fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
                let $v = x[0].clone();
                Ok(vec![$f])
            }
        }

        let array = |entries: &[f64]| -> Array<BurnTensor> {
            Array::from_host(&BurnDevice::cpu(Precision::F64), [entries.len()], entries)
        };
        let (y, x_bars) = Burn::cpu()
            .value_and_pullbacks(&F($x.len()), &[array(&$x)], &[vec![array(&$w)]])
            .unwrap();
        (y[0].to_vec().unwrap(), x_bars[0][0].to_vec().unwrap())
    }};
}

#[test]
fn numbers_of_64_bits_become_32_bits_unless_told() {
    let data = || TensorData::from([0.1_f64]);
    assert_eq!(Direct::<1>::from_data(data(), &Device::flex()).dtype(), DType::F32);
    assert_eq!(ours!([0.1], [1.0], |x| x).0, [0.1]);
}

#[test]
fn a_graph_serves_once() {
    let x = direct([2.0]);
    let y = x.clone() * x;
    let sum = y.clone();
    y.backward();
    let again = catch_unwind(AssertUnwindSafe(|| drop(sum.backward()))).unwrap_err();
    let text = again.downcast_ref::<String>().unwrap();
    assert!(text.contains("has already been consumed"), "{text}");
    // `several_cotangents_each_have_a_graph` in engine.rs is the other side.
}

#[test]
fn a_quotient_by_a_number_has_a_derivative_of_32_bits() {
    assert_eq!(theirs([1.0], [1.0], |x| x / 3.0), [f64::from(1.0_f32 / 3.0)]);
    assert_eq!(ours!([1.0], [1.0], |x| x / 3.0).1, [1.0 / 3.0]);
}

#[test]
fn an_infinite_slope_that_is_not_wanted() {
    assert!(theirs([0.0], [0.0], Direct::sqrt)[0].is_nan());
    assert_eq!(ours!([0.0], [0.0], |x| x.sqrt()).1, [0.0]);
    let guarded = |x: Direct<1>| {
        let zeros = x.zeros_like();
        let mask = x.clone().greater_elem(0.0);
        zeros.mask_where(mask, x.clone() * x.log())
    };
    let slopes = theirs([0.0, 1.0], [1.0, 1.0], guarded);
    assert!(slopes[0].is_nan() && slopes[1] == 1.0);
    let guarded =
        ours!([0.0, 1.0], [1.0, 1.0], |x| x.gt(0.0).select(&(&x * x.ln()), &x.number(0.0)));
    assert_eq!(guarded.1, [0.0, 1.0]);
}

#[test]
fn equal_maxima() {
    let max = |x: Direct<1>| x.max_dim(0).expand([3]);
    assert_eq!(theirs([2.0, 2.0, 1.0], [1.0, 0.0, 0.0], max), [1.0, 0.0, 0.0]);
    let max = ours!([2.0, 2.0, 1.0], [1.0, 0.0, 0.0], |x| x.max(&[0]).broadcast_to([3]));
    assert_eq!(max.1, [0.5, 0.5, 0.0]);
}

#[test]
fn powers_at_zero() {
    // x⁰ is 1 near 0, and x¹ is x; burn multiplies 0 by an infinite power.
    let power = |p: f64| {
        let exponents =
            Direct::<1>::from_data(TensorData::from([p]), (&Device::flex().autodiff(), DType::F64));
        theirs([0.0], [1.0], move |x| x.powf(exponents.clone()))[0]
    };
    assert!(power(0.0).is_nan());
    assert_eq!(ours!([0.0], [1.0], |x| x.pow(&x.number(0.0))).1, [0.0]);
    assert_eq!(ours!([0.0], [1.0], |x| x.powf(1.0)).1, [1.0]);
}

#[test]
fn halves_signs_and_remainders() {
    const REMAINDER: ArrayOp = ArrayOp::Binary(Binary::Rem);
    fn values<const N: usize>(x: [f64; N], f: impl Fn(Direct<1>) -> Direct<1>) -> Vec<f64> {
        list(f(direct(x).detach()))
    }
    assert_eq!(values([0.5, 2.5, -1.5], Direct::round), [0.0, 2.0, -2.0]);
    assert_eq!(ours!([0.5, 2.5, -1.5], [1.0; 3], |x| x.round()).0, [1.0, 3.0, -2.0]);
    assert_eq!(values([0.0, -0.0], Direct::sign), [0.0, 0.0]);
    assert_eq!(ours!([0.0, -0.0], [1.0; 2], |x| x.signum()).0, [1.0, -1.0]);
    assert_eq!(values([-7.0], |x| x.remainder_scalar(3.0)), [2.0]);
    let ours = ours!([-7.0], [1.0], |x| Array::apply(&REMAINDER, &[&x, &x.number(3.0)]));
    assert_eq!(ours.0, [-1.0]);
}
