//! burn: tensors on its processor backend, with gradients from its graph.

use std::hint::black_box;

use ::burn::tensor::activation::sigmoid;
use ::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use ad_benches::{Gmm, Lstm, Rosenbrock};

use super::triangle;
use crate::Outcome;
use crate::measure::{Gradient, Work};

fn device() -> Device {
    Device::flex().autodiff()
}

fn tensor<const D: usize>(entries: &[f64], sizes: [usize; D], device: &Device) -> Tensor<D> {
    // Without its type, the numbers would become `f32`.
    Tensor::from_data(TensorData::new(entries.to_vec(), sizes), (device, DType::F64))
}

fn copy(tensor: Tensor<1>, to: &mut [f64]) -> Outcome {
    let entries = tensor.into_data().try_into_vec::<f64>().map_err(|error| format!("{error:?}"))?;
    to.copy_from_slice(&entries);
    Ok(())
}

/// The gradient of what `f` computes from a vector, a tensor of one entry.
fn gradient<'a>(x: &'a [f64], f: impl Fn(Tensor<1>) -> Tensor<1> + 'a) -> Gradient<'a> {
    let device = device();
    Box::new(move |y, gradient| {
        let x = tensor(black_box(x), [x.len()], &device).require_grad();
        let value = f(x.clone());
        let gradients = value.backward();
        copy(x.grad(&gradients).ok_or("no gradient")?, gradient)?;
        copy(value.inner(), y)
    })
}

pub(super) fn rosenbrock<'a>(_: &Rosenbrock, x: &'a [f64]) -> Gradient<'a> {
    let n = x.len();
    gradient(x, move |x| {
        let (first, second) = (x.clone().slice([0..n - 1]), x.slice([1..n]));
        let valley = second - first.clone() * first.clone();
        let slope = -first + 1.0;
        (valley.clone() * valley * 100.0 + slope.clone() * slope).sum()
    })
}

/// Over the first axis, less the maximum, which is a plain number.
fn log_sum_exp<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    let largest = t.clone().detach().max_dim(0);
    (t - largest.clone()).exp().sum_dim(0).log() + largest
}

pub(super) fn mixture<'a>(f: &'a Gmm, theta: &'a [f64]) -> Gradient<'a> {
    let (d, k, n) = (f.dimensions(), f.components(), f.points().len() / f.dimensions());
    let (triangle, first) = (d * (d + 1) / 2, k + k * d);
    let device = device();
    let points = tensor(f.points(), [1, n, d], &device);
    let places = triangle::transposed(d).into_iter().map(i64::from).collect::<Vec<_>>();
    let places = TensorData::new(places, [d * d]);
    let places = Tensor::<1, Int>::from_data(places, &device);
    let zero = tensor(&vec![0.0; k], [k, 1], &device);
    gradient(theta, move |theta| {
        let alpha = theta.clone().slice([0..k]);
        let mu = theta.clone().slice([k..first]).reshape([k, 1, d]);
        let factors = theta.slice([first..first + k * triangle]).reshape([k, triangle]);
        let diagonal = factors.clone().slice([0..k, 0..d]);
        let lower = factors.slice([0..k, d..triangle]);
        let q = diagonal.clone().exp();
        let entries = Tensor::cat(vec![q.clone(), lower.clone(), zero.clone()], 1);
        let transposed = entries.select(1, places.clone()).reshape([k, d, d]);
        let w = (points.clone() - mu).matmul(transposed);
        let square = (w.clone() * w).sum_dim(2).reshape([k, n]);
        let offset = alpha.clone().reshape([k, 1]) + diagonal.sum_dim(1);
        let total = log_sum_exp(offset - square * 0.5).sum();
        let prior = (q.clone() * q).sum() + (lower.clone() * lower).sum();
        total - log_sum_exp(alpha) * n as f64 + prior * 0.5 + f.constant()
    })
}

pub(super) fn lstm<'a>(f: &'a Lstm, theta: &'a [f64]) -> Gradient<'a> {
    let (layers, b) = (f.layers(), f.width());
    let device = device();
    let vectors = |entries: &[f64]| -> Vec<_> {
        entries.chunks_exact(b).map(|entries| tensor(entries, [b], &device)).collect()
    };
    let (start, sequence) = (vectors(f.start()), vectors(f.sequence()));
    gradient(theta, move |theta| {
        let rows: Vec<_> =
            (0..8 * layers + 3).map(|row| theta.clone().slice([row * b..(row + 1) * b])).collect();
        let (main, extra) = rows.split_at(8 * layers);
        let mut state = start.clone();
        let mut total = tensor(&[0.0], [1], &theta.device());
        for (now, next) in sequence.iter().zip(&sequence[1..]) {
            let mut v = extra[0].clone() * now.clone();
            for (state, weights) in state.chunks_exact_mut(2).zip(main.chunks_exact(8)) {
                let gate = |row: usize, input: &Tensor<1>| {
                    input.clone() * weights[row].clone() + weights[row + 4].clone()
                };
                let forget = sigmoid(gate(0, &v));
                let input = sigmoid(gate(1, &state[0]));
                let output = sigmoid(gate(2, &v));
                let change = gate(3, &state[0]).tanh();
                state[1] = state[1].clone() * forget + input * change;
                state[0] = output * state[1].clone().tanh();
                v = state[0].clone();
            }
            let v = v * extra[1].clone() + extra[2].clone();
            let normalizer = (v.clone().exp().sum() + 2.0).log();
            total = total + ((v - normalizer) * next.clone()).sum();
        }
        -total / ((sequence.len() - 1) * b) as f64
    })
}

/// P6, on tensors of one entry: the forward pass alone, without a graph (which would wait for a backward
/// pass to be cleared), and with the backward pass.
pub(super) fn chain<'a>(links: usize) -> Work<'a> {
    let power = move |x: &Tensor<1>| (0..links).fold(x.clone(), |y, _| y * x.clone());
    let one = tensor(&[1.0], [1], &Device::flex());
    Work {
        primal: Box::new(move || {
            black_box(power(&one));
            Ok(())
        }),
        gradient: gradient(&[1.0], move |x| power(&x)),
        value: None,
    }
}
