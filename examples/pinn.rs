//! Can a loss contain second derivatives of a network with respect to its inputs, on libraries that
//! have none?
//!
//! A physics-informed network (M. Raissi, P. Perdikaris, G. E. Karniadakis, J. Comput. Phys. 378, 2019)
//! for the heat equation `u_t = u_xx / π²` on `0 ≤ x, t ≤ 1`, with `u = sin πx` at the start and 0 at
//! both ends: `u = exp(-t) sin πx`. The model takes its derivatives by `x` and `t` itself, by dual arrays
//! of dual arrays, whatever library is underneath; the solver differentiates the result by the weights.
//! ADAM starts, Gauss-Newton by LSMR, which needs products with the Jacobian and its transpose,
//! finishes.
//!
//! ```text
//! cargo run --release --example pinn --features burn,candle
//! ```

use std::f64::consts::PI;
use std::time::Instant;

use ad::algorithms::matrix_free::{
    Adam, GaussNewton, LeastSquares, Lsmr, Objective, OnDevice, Schedule,
};
use ad::array::{Array, ArrayBackend, ArrayFunction, Constant, Dims, DualTensor, Tensor};
use ad::prelude::*;
use anyhow::ensure;

const HIDDEN: usize = 24;
const SIDE: usize = 16;

/// Forward mode over forward mode, over the arrays of any library.
type Twice<T> = DualTensor<DualTensor<T>>;

/// An array without derivatives by the inputs.
fn constant<T: Tensor>(x: &Array<T>) -> Result<Array<Twice<T>>, AdError> {
    let once = Array::new(DualTensor::constant(x)?);
    Ok(Array::new(DualTensor::constant(&once)?))
}

/// Derivatives of `u`, `[n, 1]` each.
struct Jet<T: Tensor> {
    u_t: Array<T>,
    u_xx: Array<T>,
}

/// A network of `x` and `t`, `[n, 2]`, that meets the conditions at the start and at the ends.
fn network<T: Tensor>(weights: &[Array<T>], points: &Array<T>) -> Array<T> {
    let [w1, b1, w2, b2] = weights else { unreachable!("inputs are checked") };
    let (x, t) = (points.slice_axis(1, 0..1), points.slice_axis(1, 1..2));
    let free = (points.matmul(w1) + b1).tanh().matmul(w2) + b2;
    (&x * PI).sin() + t * &x * (1.0 - &x) * free
}

/// Derivatives of the network by its inputs at some points.
fn jet<T: Tensor>(weights: &[Array<T>], points: &Array<T>) -> Result<Jet<T>, AdError> {
    let n = points.shape()[0];
    // The inner tangents are along x and t, the outer one is along x.
    let along_x = points.constant([1, 2], &[1.0, 0.0]).broadcast_to([n, 2]);
    let along_both = points.constant([2, 1, 2], &[1.0, 0.0, 0.0, 1.0]).broadcast_to([2, n, 2]);
    let inner = Array::new(DualTensor::with_tangents(points, &along_both)?);
    let along_x = Array::new(DualTensor::constant(&along_x)?);
    let outer = Array::new(DualTensor::with_tangents(&inner, &along_x)?);

    let weights = weights.iter().map(constant).collect::<Result<Vec<_>, _>>()?;
    let u = network(&weights, &outer);
    let tangents = |array: &Array<DualTensor<T>>, which: usize| -> Result<Array<T>, AdError> {
        let tangents = array.tensor()?.tangents().cloned();
        let zeros = || Array::full(&points.device(), [2, n, 1], 0.0);
        Ok(tangents.unwrap_or_else(zeros).slice_axis(0, which..which + 1).reshape([n, 1]))
    };
    let u = u.tensor()?;
    let first = u.primal();
    let by_x = u.tangents().cloned().unwrap_or_else(|| first.zeros_like());
    Ok(Jet { u_t: tangents(first, 1)?, u_xx: tangents(&by_x, 0)? })
}

/// `u_t - u_xx / π²` at points inside, over the square root of their number.
#[derive(Clone)]
struct Residuals {
    points: Constant,
}

impl ArrayFunction for Residuals {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2, HIDDEN].into(), [HIDDEN].into(), [HIDDEN, 1].into(), [1].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[SIDE * SIDE, 1].into()]
    }

    fn eval<T: Tensor>(&self, weights: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let points = self.points.beside(&weights[0]);
        let Jet { u_t, u_xx } = jet(weights, &points)?;
        Ok(vec![(u_t - u_xx / (PI * PI)) / SIDE as f64])
    }
}

/// Half the sum of squares.
#[derive(Clone)]
struct Loss(Residuals);

impl ArrayFunction for Loss {
    fn inputs(&self) -> Vec<Dims> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, weights: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let residuals = self.0.eval(weights)?;
        Ok(vec![residuals[0].square().sum_all() * 0.5])
    }
}

/// `side²` points, `[x, t]`, in the middles of squares.
fn grid(side: usize) -> Vec<f64> {
    let middle = |i: usize| (i as f64 + 0.5) / side as f64;
    (0..side * side).flat_map(|i| [middle(i % side), middle(i / side)]).collect()
}

/// The largest error on a grid that the network was not trained on.
fn error<T: Tensor>(weights: &[Array<T>]) -> Result<f64, AdError> {
    let points = grid(41);
    let u = network(weights, &weights[0].constant([41 * 41, 2], &points)).to_vec()?;
    let exact = points.chunks(2).map(|p| (-p[1]).exp() * (PI * p[0]).sin());
    Ok(u.iter().zip(exact).map(|(u, exact)| (u - exact).abs()).fold(0.0, f64::max))
}

fn train<B: ArrayBackend>(engine: &B) -> anyhow::Result<()> {
    println!("{} on {:?}", engine.name(), engine.device()?);
    let residuals = Residuals { points: Constant::new([SIDE * SIDE, 2], grid(SIDE))? };
    let start: Vec<f64> = (1..=4 * HIDDEN + 1).map(|i| 0.5 * (i as f64 * 1.7).sin()).collect();

    let mut loss = OnDevice::new(engine.clone(), Loss(residuals.clone()));
    let start = loss.vector(&start)?;
    let value = Objective::value(&mut loss, &start)?;
    println!("{:<34} residual {:.2e}, error {:.2e}", "start", (2.0 * value).sqrt(), error(&start)?);

    let adam = Adam {
        learning_rate: Schedule::Cosine { initial: 0.02, last: 1e-3, steps: 300 },
        max_iterations: 300,
        ..Adam::default()
    };
    let begin = Instant::now();
    let first = adam.minimize(&mut loss, &start)?;
    println!(
        "{:<34} residual {:.2e}, error {:.2e}, {:.1} s",
        format!("ADAM, {} steps", first.iterations),
        (2.0 * first.value).sqrt(),
        error(&first.x)?,
        begin.elapsed().as_secs_f64()
    );

    let newton = GaussNewton {
        max_iterations: 100,
        linear: LeastSquares::Lsmr(Lsmr {
            matrix_tol: 0.0,
            rhs_tol: 0.0,
            max_iterations: 200,
            ..Lsmr::default()
        }),
        ..GaussNewton::default()
    };
    let begin = Instant::now();
    let fit = newton.minimize(&mut OnDevice::new(engine.clone(), residuals), &first.x)?;
    let error = error(&fit.x)?;
    println!(
        "{:<34} residual {:.2e}, error {:.2e}, {:.1} s\n",
        format!("Gauss-Newton, {} steps, {} products", fit.iterations, fit.counts.products),
        fit.residual_norm,
        error,
        begin.elapsed().as_secs_f64()
    );
    ensure!(error < 2e-4, "the network does not solve the heat equation");
    Ok(())
}

fn main() -> anyhow::Result<()> {
    train(&Burn::cpu())?;
    train(&Candle::cpu())
}
