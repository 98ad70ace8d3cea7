//! candle: tensors on the processor, with gradients from its graph.
//!
//! candle splits even small products among threads; `RAYON_NUM_THREADS=1` keeps it to one.

use std::hint::black_box;

use ad_benches::{Gmm, Lstm, Rosenbrock};
use candle_core::{D, Device, Result, Tensor, Var};

use super::triangle;
use crate::Outcome;
use crate::measure::{Gradient, Work};

/// The gradient of what `f` computes from a vector, a tensor without axes.
fn gradient<'a>(x: &'a [f64], f: impl Fn(&Tensor) -> Result<Tensor> + 'a) -> Gradient<'a> {
    Box::new(move |y, gradient| {
        let x = Var::from_slice(black_box(x), x.len(), &Device::Cpu)?;
        let value = f(&x)?;
        let gradients = value.backward()?;
        let found = gradients.get(&x).ok_or("no gradient")?.to_vec1::<f64>()?;
        gradient.copy_from_slice(&found);
        y[0] = value.to_scalar()?;
        Ok(())
    })
}

pub(super) fn rosenbrock<'a>(_: &Rosenbrock, x: &'a [f64]) -> Gradient<'a> {
    let n = x.len();
    gradient(x, move |x| {
        let (first, second) = (x.narrow(0, 0, n - 1)?, x.narrow(0, 1, n - 1)?);
        let valley = (second - first.sqr()?)?;
        let slope = (1.0 - first)?;
        ((valley.sqr()? * 100.0)? + slope.sqr()?)?.sum_all()
    })
}

/// Over the first axis, less the maximum, which is a plain number.
fn log_sum_exp(t: &Tensor) -> Result<Tensor> {
    let largest = t.detach().max_keepdim(0)?;
    t.broadcast_sub(&largest)?.exp()?.sum_keepdim(0)?.log()? + largest
}

pub(super) fn mixture<'a>(f: &'a Gmm, theta: &'a [f64]) -> Outcome<Gradient<'a>> {
    let (d, k, n) = (f.dimensions(), f.components(), f.points().len() / f.dimensions());
    let (triangle, first) = (d * (d + 1) / 2, k + k * d);
    let points = Tensor::from_slice(f.points(), (1, n, d), &Device::Cpu)?;
    let places = Tensor::from_vec(triangle::transposed(d), d * d, &Device::Cpu)?;
    let zero = Tensor::from_vec(vec![0.0; k], (k, 1), &Device::Cpu)?;
    Ok(gradient(theta, move |theta| {
        let alpha = theta.narrow(0, 0, k)?;
        let mu = theta.narrow(0, k, k * d)?.reshape((k, 1, d))?;
        let factors = theta.narrow(0, first, k * triangle)?.reshape((k, triangle))?;
        let diagonal = factors.narrow(1, 0, d)?;
        let lower = factors.narrow(1, d, triangle - d)?;
        let q = diagonal.exp()?;
        let entries = Tensor::cat(&[&q, &lower, &zero], 1)?;
        let transposed = entries.index_select(&places, 1)?.reshape((k, d, d))?;
        let w = points.broadcast_sub(&mu)?.matmul(&transposed)?;
        let square = w.sqr()?.sum(D::Minus1)?;
        let offset = (alpha.reshape((k, 1))? + diagonal.sum_keepdim(1)?)?;
        let total = log_sum_exp(&offset.broadcast_sub(&(square * 0.5)?)?)?.sum_all()?;
        let prior = (q.sqr()?.sum_all()? + lower.sqr()?.sum_all()?)?;
        let shared = (log_sum_exp(&alpha)?.sum_all()? * n as f64)?;
        ((total - shared)? + (prior * 0.5)?)? + f.constant()
    }))
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}

pub(super) fn lstm<'a>(f: &'a Lstm, theta: &'a [f64]) -> Outcome<Gradient<'a>> {
    let (layers, b) = (f.layers(), f.width());
    let vectors = |entries: &[f64]| -> Result<Vec<Tensor>> {
        entries
            .chunks_exact(b)
            .map(|entries| Tensor::from_slice(entries, b, &Device::Cpu))
            .collect()
    };
    let (start, sequence) = (vectors(f.start())?, vectors(f.sequence())?);
    Ok(gradient(theta, move |theta| {
        let rows = (0..8 * layers + 3)
            .map(|row| theta.narrow(0, row * b, b))
            .collect::<Result<Vec<_>>>()?;
        let (main, extra) = rows.split_at(8 * layers);
        let mut state = start.clone();
        let mut total = Tensor::new(0.0, &Device::Cpu)?;
        for (now, next) in sequence.iter().zip(&sequence[1..]) {
            let mut v = (&extra[0] * now)?;
            for (state, weights) in state.chunks_exact_mut(2).zip(main.chunks_exact(8)) {
                let gate =
                    |row: usize, input: &Tensor| (input * &weights[row])? + &weights[row + 4];
                let forget = sigmoid(&gate(0, &v)?)?;
                let input = sigmoid(&gate(1, &state[0])?)?;
                let output = sigmoid(&gate(2, &v)?)?;
                let change = gate(3, &state[0])?.tanh()?;
                state[1] = ((&state[1] * forget)? + (input * change)?)?;
                state[0] = (output * state[1].tanh()?)?;
                v = state[0].clone();
            }
            let v = ((v * &extra[1])? + &extra[2])?;
            let normalizer = (v.exp()?.sum_all()? + 2.0)?.log()?;
            total = (total + (v.broadcast_sub(&normalizer)? * next)?.sum_all()?)?;
        }
        total.neg()? / ((sequence.len() - 1) * b) as f64
    }))
}

/// P6, on tensors of one entry: the forward pass alone, without a graph, and with the backward pass.
pub(super) fn chain<'a>(links: usize) -> Outcome<Work<'a>> {
    let power = move |x: &Tensor| (0..links).try_fold(x.clone(), |y, _| y * x);
    let one = Tensor::from_slice(&[1.0], 1, &Device::Cpu)?;
    Ok(Work {
        primal: Box::new(move || {
            black_box(power(&one)?);
            Ok(())
        }),
        gradient: gradient(&[1.0], move |x| power(x)?.sum_all()),
        value: None,
    })
}
