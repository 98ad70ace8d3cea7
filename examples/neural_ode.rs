//! Can a differential equation be learned from its solution, on any tensor library, from one source?
//!
//! The spiral of F. Schäfer, M. Tarek, L. White, C. Rackauckas, *AbstractDifferentiation.jl* (arXiv
//! 2109.12449), after R. T. Q. Chen et al., *Neural ordinary differential equations* (arXiv 1806.07366):
//! a network with one hidden layer of 50 takes the place of the right-hand side and is trained
//! through the steps of a classical Runge-Kutta method by ADAM, on burn and on candle. The gradient at
//! the start is compared with that of the native engine.
//!
//! ```text
//! cargo run --release --example neural_ode --features burn,candle
//! ```

use std::time::Instant;

use ad::algorithms::matrix_free::{Adam, OnDevice, Schedule, Vector};
use ad::array::{Array, ArrayBackend, ArrayFunction, Constant, Dims, Flat, HostTensor, Tensor};
use ad::prelude::*;
use anyhow::ensure;
use nalgebra::DVector;

const HIDDEN: usize = 50;
const TIMES: usize = 30;
const END: f64 = 1.5;

/// One step of the classical Runge-Kutta method, for the solution in the rows of `u`.
fn runge_kutta<T: Tensor>(u: &Array<T>, h: f64, rate: impl Fn(&Array<T>) -> Array<T>) -> Array<T> {
    let k1 = rate(u);
    let k2 = rate(&(u + &k1 * (h / 2.0)));
    let k3 = rate(&(u + &k2 * (h / 2.0)));
    let k4 = rate(&(u + &k3 * h));
    u + (k1 + (k2 + k3) * 2.0 + k4) * (h / 6.0)
}

/// `u(tᵢ)` for equidistant times, one row each, with `substeps` steps from one to the next.
fn solve<T: Tensor>(
    start: &Array<T>,
    substeps: usize,
    rate: impl Fn(&Array<T>) -> Array<T>,
) -> Array<T> {
    let h = END / ((TIMES - 1) * substeps) as f64;
    let mut rows = vec![start.clone()];
    let mut u = start.clone();
    for _ in 1..TIMES {
        u = (0..substeps).fold(u, |u, _| runge_kutta(&u, h, &rate));
        rows.push(u.clone());
    }
    Array::concat(&rows, 0)
}

/// Of the weights of the network, the sum of squares of the differences from the data.
#[derive(Clone)]
struct Loss {
    start: Constant,
    data: Constant,
}

impl Loss {
    /// The data: the solution of `u' = u³ A` from `(2, 0)`.
    fn new() -> anyhow::Result<Self> {
        let a = Array::<HostTensor<f64>>::host([2, 2], &[-0.1, 2.0, -2.0, -0.1])?;
        let start = a.constant([1, 2], &[2.0, 0.0]);
        let spiral = |u: &Array<_>| u.powi(3).matmul(&a);
        // Known from a method of order 8 at a tolerance of 1e-13.
        let one = (0..1000).fold(start.clone(), |u, _| runge_kutta(&u, 1e-3, spiral)).to_vec()?;
        let error = (one[0] - 0.709_261_743_3).hypot(one[1] + 1.504_108_457_8);
        ensure!(error < 1e-8, "u(1) is off by {error:e}");
        let data = solve(&start, 200, spiral).to_vec()?;
        Ok(Loss {
            start: Constant::new([1, 2], vec![2.0, 0.0])?,
            data: Constant::new([TIMES, 2], data)?,
        })
    }

    fn trajectory<T: Tensor>(&self, p: &[Array<T>]) -> Array<T> {
        let [w1, b1, w2, b2] = p else { unreachable!("inputs are checked") };
        solve(&self.start.beside(w1), 1, |u| (u.powi(3).matmul(w1) + b1).tanh().matmul(w2) + b2)
    }
}

impl ArrayFunction for Loss {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2, HIDDEN].into(), [HIDDEN].into(), [HIDDEN, 2].into(), [2].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, p: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let difference = self.trajectory(p) - self.data.beside(&p[0]);
        Ok(vec![difference.square().sum_all()])
    }
}

/// Weights as X. Glorot and Y. Bengio (2010) draw them, uniform in `±√(6/(inputs + outputs))`; biases 0.
fn weights() -> Vec<f64> {
    let bound = (6.0 / (2 + HIDDEN) as f64).sqrt();
    let uniform = |i: usize| ((i as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0) * bound;
    let layer = |from: usize, biases: usize| {
        (from..from + 2 * HIDDEN).map(uniform).chain(vec![0.0; biases]).collect::<Vec<_>>()
    };
    [layer(1, HIDDEN), layer(1 + 2 * HIDDEN, 2)].concat()
}

fn train<B: ArrayBackend>(
    engine: &B,
    loss: &Loss,
    start: (&[f64], &DVector<f64>),
) -> anyhow::Result<Vec<f64>> {
    let (weights, expected) = start;
    let device = engine.device()?;
    println!("\n{} on {device:?}", engine.name());
    let mut objective = OnDevice::new(engine.clone(), loss.clone());
    let p = objective.vector(weights)?;

    let one = vec![Array::full(&device, Dims::SCALAR, 1.0)];
    let (_, gradients) = engine.value_and_pullbacks(loss, &p, &[one])?;
    let error = DVector::from_vec(gradients[0].to_host()?) - expected;
    let error = error.amax() / expected.amax();
    println!("gradient at the start: differs from the native one by {error:.1e}");
    ensure!(error < 1e5 * B::Tensor::precision(&device), "the gradient is wrong");

    let adam = Adam {
        learning_rate: Schedule::Cosine { initial: 0.1, last: 1e-4, steps: 600 },
        max_iterations: 600,
        ..Adam::default()
    };
    let begin = Instant::now();
    let fit = adam.minimize(&mut objective, &p)?;
    let seconds = begin.elapsed().as_secs_f64();
    for (step, value) in fit.history.iter().enumerate().step_by(100) {
        println!("loss after {step:>3} steps  {value:>12.6}");
    }
    println!(
        "least loss           {:>12.6}, {:.2} ms a step",
        fit.value,
        seconds * 1e3 / fit.iterations as f64
    );
    ensure!(fit.value < 0.15, "the network has not learned the spiral");
    Ok(loss.trajectory(&fit.x).to_vec()?)
}

fn main() -> anyhow::Result<()> {
    let loss = Loss::new()?;
    let data = loss.data.entries();

    let weights = weights();
    let flat = Flat::new(loss.clone());
    let (value, gradient) = NativeReverse::default().value_and_gradient(&flat, &weights)?;
    println!("loss at the start {value:.6}, gradient of norm {:.6} by the tape", gradient.norm());

    let fitted = [
        train(&Burn::cpu(), &loss, (&weights, &gradient))?,
        train(&Candle::cpu(), &loss, (&weights, &gradient))?,
    ];
    println!("\n   t            data              burn            candle");
    for i in (0..TIMES).step_by(7) {
        let t = END * i as f64 / (TIMES - 1) as f64;
        let pair = |u: &[f64]| format!("{:>8.4} {:>8.4}", u[2 * i], u[2 * i + 1]);
        println!("{t:.2}  {} {} {}", pair(data), pair(&fitted[0]), pair(&fitted[1]));
    }
    Ok(())
}
