//! A thousand small operations.

use std::hint::black_box;

use ad_api::Failure;
use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Dims, Tensor, linearize, value_and_pushforward,
};
use ad_burn::Burn;
use ad_candle::Candle;
use ad_native_reverse::NativeReverse;
use burn::tensor::{DType, Device, Tensor as BurnDirect, TensorData};
use candle_core::Var;

use crate::{Outcome, race};

const TIMES: usize = 300;
/// Of a step of [`Iterate`].
const OPERATIONS: usize = 3;

/// `y ← tanh(1.0001 y + 0.1)`, again and again.
#[derive(Clone)]
struct Iterate {
    len: usize,
}

impl ArrayFunction for Iterate {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.len].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        self.inputs()
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        Ok(vec![(0..TIMES).fold(x[0].clone(), |y, _| (y * 1.0001 + 0.1).tanh())])
    }
}

fn ns(seconds: f64) -> String {
    format!("{:.0}", seconds * 1e9 / (TIMES * OPERATIONS) as f64)
}

pub(crate) fn table() -> Outcome {
    println!("nanoseconds of an operation, y = tanh(1.0001 y + 0.1), f64\n");
    println!(
        "| arrays | entries | values | dual | taped: record | taped: sweep back | engine: value and \
         pullback |"
    );
    println!("|---|---|---|---|---|---|---|");
    for len in [1, 16] {
        row(&NativeReverse::default(), len)?;
        burn_alone(len);
        row(&Burn::cpu(), len)?;
        candle_alone(len)?;
        row(&Candle::cpu(), len)?;
    }
    Ok(())
}

fn row<B: ArrayBackend>(engine: &B, len: usize) -> Outcome {
    let f = Iterate { len };
    let x = vec![Array::from_host(&engine.device()?, [len], &vec![0.3; len])];
    let one = vec![x[0].ones_like()];
    let (_, linearization) = linearize(&f, &x)?;
    let times = race([
        &mut || drop(black_box(f.eval(black_box(&x)))),
        &mut || drop(black_box(value_and_pushforward(&f, black_box(&x), &one))),
        &mut || drop(black_box(linearize(&f, black_box(&x)))),
        &mut || drop(black_box(linearization.apply_transpose(black_box(&one)))),
        &mut || {
            let ones = std::slice::from_ref(&one);
            drop(black_box(engine.value_and_pullbacks(&f, black_box(&x), ones)));
        },
    ]);
    println!("| {} | {len} | {} |", engine.name(), times.map(ns).join(" | "));
    Ok(())
}

fn burn_alone(len: usize) {
    let array = |device: Device| {
        let data = TensorData::new(vec![0.3; len], [len]);
        BurnDirect::<1>::from_data(data, (&device, DType::F64))
    };
    let iterate = |x: BurnDirect<1>| (0..TIMES).fold(x, |y, _| (y * 1.0001 + 0.1).tanh());
    let (plain, tracked) = (array(Device::flex()), array(Device::flex().autodiff()));
    let [values, pullback] =
        race([&mut || drop(black_box(iterate(black_box(plain.clone())))), &mut || {
            let x = tracked.clone().require_grad();
            let gradients = iterate(x.clone()).backward();
            drop(black_box(x.grad(&gradients)));
        }]);
    println!("| burn alone | {len} | {} | | | | {} |", ns(values), ns(pullback));
}

fn candle_alone(len: usize) -> Outcome {
    let iterate = |x: &candle_core::Tensor| {
        let step = |y: candle_core::Tensor| y.affine(1.0001, 0.0)?.affine(1.0, 0.1)?.tanh();
        (0..TIMES).try_fold(x.clone(), |y, _| step(y))
    };
    let plain = candle_core::Tensor::new(vec![0.3; len], &candle_core::Device::Cpu)?;
    let tracked = Var::from_tensor(&plain)?;
    let [values, pullback] =
        race([&mut || drop(black_box(iterate(black_box(&plain)))), &mut || {
            let gradients = iterate(&tracked).and_then(|y| y.backward());
            drop(black_box(gradients));
        }]);
    println!("| candle alone | {len} | {} | | | | {} |", ns(values), ns(pullback));
    Ok(())
}
