//! Gradients of networks, by the interface and by the libraries alone.

use std::hint::black_box;

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Dims, value_and_gradient};
use ad_benches::{Activation, Network};
use ad_burn::Burn;
use ad_candle::Candle;
use burn::tensor::{DType, Device, Tensor as BurnDirect, TensorData, activation};
use candle_core::{Tensor as CandleDirect, Var};

use crate::{Outcome, race};

pub(crate) fn table() -> Outcome {
    println!(
        "µs of a gradient of a network, batch 64, by the library and by the interface over it\n"
    );
    println!("| network | library | alone | engine | ratio | taped arrays | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for precision in ["f64", "f32"] {
        for (sizes, activation) in [
            ([2, 50, 2], Activation::Tanh),
            ([784, 256, 10], Activation::Tanh),
            ([784, 256, 10], Activation::Relu),
        ] {
            let network = Network::new(sizes, 64, activation);
            with_burn(&network, precision)?;
            with_candle(&network, precision)?;
        }
    }
    Ok(())
}

/// Measures an engine against the library, whose gradients it must give.
fn row<B: ArrayBackend>(
    engine: &B,
    network: &Network,
    precision: &str,
    tolerance: f64,
    expected: &[Vec<f64>],
    mut alone: impl FnMut(),
) -> Outcome {
    let device = engine.device()?;
    let weights: Vec<Array<B::Tensor>> = network
        .inputs()
        .into_iter()
        .zip(network.weights())
        .map(|(dims, entries)| Array::from_host(&device, dims, &entries))
        .collect();
    let one = vec![Array::full(&device, Dims::SCALAR, 1.0)];
    let ones = std::slice::from_ref(&one);
    let (_, gradients) = engine.value_and_pullbacks(network, &weights, ones)?;
    for (found, expected) in gradients[0].iter().zip(expected) {
        for (found, expected) in found.to_vec()?.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(error < tolerance, "{} gives {found}, not {expected}", engine.name());
        }
    }
    let [alone, engine_time, taped] = race([
        &mut alone,
        &mut || drop(black_box(engine.value_and_pullbacks(network, black_box(&weights), ones))),
        &mut || drop(black_box(value_and_gradient(network, black_box(&weights)))),
    ]);
    println!(
        "| {network} {precision} | {} | {:.1} | {:.1} | {:.2} | {:.1} | {:.2} |",
        engine.name(),
        alone * 1e6,
        engine_time * 1e6,
        engine_time / alone,
        taped * 1e6,
        taped / alone
    );
    Ok(())
}

fn with_burn(network: &Network, precision: &str) -> Outcome {
    let (dtype, engine, tolerance) = match precision {
        "f32" => (DType::F32, Burn::cpu().precision(ad_burn::Precision::F32), 1e-4),
        _ => (DType::F64, Burn::cpu(), 1e-11),
    };
    let device = Device::flex().autodiff();
    let matrix = |dims: Dims, entries: &[f64]| {
        let sizes = if dims.rank() == 2 { [dims[0], dims[1]] } else { [1, dims.count()] };
        BurnDirect::<2>::from_data(TensorData::new(entries.to_vec(), sizes), (&device, dtype))
    };
    let (x, t) = (network.batch(), network.targets());
    let (x, t) = (matrix(x.dims(), x.entries()), matrix(t.dims(), t.entries()));
    let weights: Vec<_> = network
        .inputs()
        .into_iter()
        .zip(network.weights())
        .map(|(dims, entries)| matrix(dims, &entries))
        .collect();
    let gradient = || {
        let p: Vec<_> = weights.iter().map(|p| p.clone().require_grad()).collect();
        let hidden = x.clone().matmul(p[0].clone()) + p[1].clone();
        let hidden = match network.activation() {
            Activation::Tanh => hidden.tanh(),
            Activation::Relu => activation::relu(hidden),
        };
        let residual = hidden.matmul(p[2].clone()) + p[3].clone() - t.clone();
        let gradients = (residual.clone() * residual).mean().backward();
        p.iter().filter_map(|p| p.grad(&gradients)).collect::<Vec<_>>()
    };
    let entries = |gradient: BurnDirect<2>| {
        gradient.into_data().convert::<f64>().try_into_vec::<f64>().map_err(|e| format!("{e:?}"))
    };
    let expected = gradient().into_iter().map(entries).collect::<Result<Vec<_>, _>>()?;
    row(&engine, network, precision, tolerance, &expected, || drop(black_box(gradient())))
}

fn with_candle(network: &Network, precision: &str) -> Outcome {
    let (dtype, engine, tolerance) = match precision {
        "f32" => {
            (candle_core::DType::F32, Candle::cpu().precision(ad_candle::Precision::F32), 1e-4)
        }
        _ => (candle_core::DType::F64, Candle::cpu(), 1e-11),
    };
    let array = |dims: Dims, entries: &[f64]| {
        CandleDirect::from_slice(entries, dims.to_vec(), &candle_core::Device::Cpu)?.to_dtype(dtype)
    };
    let (x, t) = (network.batch(), network.targets());
    let (x, t) = (array(x.dims(), x.entries())?, array(t.dims(), t.entries())?);
    let weights = network.inputs().into_iter().zip(network.weights());
    let weights = weights
        .map(|(dims, entries)| Var::from_tensor(&array(dims, &entries)?))
        .collect::<candle_core::Result<Vec<_>>>()?;
    let gradient = || {
        let hidden = x.matmul(&weights[0])?.broadcast_add(&weights[1])?;
        let hidden = match network.activation() {
            Activation::Tanh => hidden.tanh()?,
            Activation::Relu => hidden.relu()?,
        };
        let residual = hidden.matmul(&weights[2])?.broadcast_add(&weights[3])?.sub(&t)?;
        residual.sqr()?.mean_all()?.backward()
    };
    let gradients = gradient()?;
    let mut expected = Vec::new();
    for weight in &weights {
        let gradient = gradients.get(weight).ok_or("candle gives no gradient")?;
        expected.push(gradient.flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?);
    }
    row(&engine, network, precision, tolerance, &expected, || drop(black_box(gradient())))
}
