//! Products with derivatives over what they are derivatives of.

use std::hint::black_box;

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Dims, evaluate, hvp, linearize_gradient,
    value_and_pushforward,
};
use ad_benches::{Activation, Network};
use ad_burn::Burn;
use ad_candle::Candle;
use ad_native_reverse::NativeReverse;

use crate::{Outcome, race};

pub(crate) fn table() -> Outcome {
    println!("µs of the loss of a network, batch 64, f64, and of its derivatives\n");
    println!(
        "| network | arrays | value | J v | over value | gradient | H v | over gradient | H v, \
         recorded | over gradient |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for sizes in [[2, 50, 2], [784, 256, 10]] {
        let network = Network::new(sizes, 64, Activation::Tanh);
        row(&NativeReverse::default(), &network)?;
        row(&Burn::cpu(), &network)?;
        row(&Candle::cpu(), &network)?;
    }
    Ok(())
}

fn row<B: ArrayBackend>(engine: &B, network: &Network) -> Outcome {
    let device = engine.device()?;
    let arrays = |scale: f64| -> Vec<Array<B::Tensor>> {
        let entries = network.inputs().into_iter().zip(network.weights());
        entries.map(|(dims, entries)| Array::from_host(&device, dims, &entries) * scale).collect()
    };
    let (x, v) = (arrays(1.0), arrays(-0.5));
    let one = vec![Array::full(&device, Dims::SCALAR, 1.0)];
    let (_, _, hessian) = linearize_gradient(network, &x)?;
    let [value, jvp, gradient, product, recorded] = race([
        &mut || drop(black_box(evaluate(network, black_box(&x)))),
        &mut || drop(black_box(value_and_pushforward(network, black_box(&x), &v))),
        &mut || {
            let ones = std::slice::from_ref(&one);
            drop(black_box(engine.value_and_pullbacks(network, black_box(&x), ones)));
        },
        &mut || drop(black_box(hvp(network, black_box(&x), &v))),
        &mut || drop(black_box(hessian.apply(black_box(&v)))),
    ]);
    println!(
        "| {network} | {} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} | {:.2} |",
        engine.name(),
        value * 1e6,
        jvp * 1e6,
        jvp / value,
        gradient * 1e6,
        product * 1e6,
        product / gradient,
        recorded * 1e6,
        recorded / gradient
    );
    Ok(())
}
