//! Can a solver be written once and its derivatives be chosen in a file?
//!
//! A damped Newton method, generic over the backend, finds the analytic centre of a polygon with
//! every backend that `config_solver.toml` lists.
//!
//! ```text
//! cargo run --example config_solver
//! cargo run --example config_solver -- my_backends.toml
//! ```

use std::sync::Arc;

use ad::{Operation, prelude::*};
use anyhow::{Context, ensure};
use nalgebra::{DMatrix, DVector, dvector};
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    solver: Options,
    backends: Vec<BackendConfig>,
}

/// Settings of [`minimize`].
#[derive(Clone, Deserialize)]
struct Options {
    /// Stop when a quadratic model promises less decrease than this.
    decrease_tol: f64,
    /// Stop after this many linear solves.
    max_iterations: usize,
}

struct Outcome {
    x: DVector<f64>,
    converged: bool,
    iterations: usize,
}

/// Newton's method with a backtracking line search, for strictly convex functions.
///
/// A point where the function fails is outside its domain: the step is halved there.
///
/// S. Boyd, L. Vandenberghe, *Convex Optimization*, Cambridge, 2004, section 9.5.
fn minimize<B: Backend, F: Function>(
    backend: &B,
    f: &F,
    start: &[f64],
    options: &Options,
) -> anyhow::Result<Outcome> {
    let n = start.len();
    let mut prepared = backend.prepare(f, start)?;
    let (mut gradient, mut hessian) = (DVector::zeros(n), DMatrix::zeros(n, n));
    let mut x = DVector::from_row_slice(start);
    for iterations in 0..options.max_iterations {
        let value = prepared.value_gradient_and_hessian_into(
            x.as_slice(),
            gradient.as_mut_slice(),
            &mut hessian,
        )?;
        let factor = hessian.clone().cholesky().context("the function is not strictly convex")?;
        let step = factor.solve(&gradient);
        let decrement = gradient.dot(&step); // the square of Newton's decrement
        if decrement / 2.0 <= options.decrease_tol {
            return Ok(Outcome { x, converged: true, iterations });
        }
        let mut length = 1.0;
        x = loop {
            let trial = &x - &step * length;
            match prepared.value(trial.as_slice()) {
                Ok(y) if y[0] <= value - 0.1 * length * decrement => break trial,
                Ok(_) | Err(AdError::Function(_)) => length /= 2.0,
                Err(error) => return Err(error.into()),
            }
            ensure!(length > 1e-10, "no decrease along the Newton direction");
        };
    }
    Ok(Outcome { x, converged: false, iterations: options.max_iterations })
}

/// `-Σ ln(bᵢ - aᵢ·x)`: its minimum is the analytic centre of the polygon `aᵢ·x ≤ bᵢ`.
#[derive(Clone)]
struct LogBarrier {
    sides: Arc<[([f64; 2], f64)]>,
}

impl Function for LogBarrier {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = S::from(0.0);
        for &(a, b) in &*self.sides {
            let slack = -(x[0] * a[0] + x[1] * a[1]) + b;
            if slack <= 0.0 {
                return Err(Failure::new("outside of the polygon"));
            }
            y[0] -= slack.ln();
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/config_solver.toml");
    let path = std::env::args().nth(1).unwrap_or_else(|| default.into());
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let config: Config = toml::from_str(&text).with_context(|| format!("cannot use {path}"))?;

    // A triangle with two of its corners cut off.
    let sides = [
        ([-1.0, 0.0], 0.0),
        ([0.0, -1.0], 0.0),
        ([1.0, 1.0], 4.0),
        ([1.0, 0.0], 3.0),
        ([-1.0, 2.0], 5.0),
    ];
    let polygon = LogBarrier { sides: sides.into() };
    let start = [0.01, 0.01]; // in a corner

    let mut centre: Option<DVector<f64>> = None;
    for backend in &config.backends {
        let choice = backend.choose(&polygon, &start, &[Operation::Hessian])?;
        let outcome = minimize(&choice.backend, &polygon, &start, &config.solver)?;
        let name = choice.backend.name();
        let x = &outcome.x;
        println!("{name:<28} {} iterations, ({:.12}, {:.12})", outcome.iterations, x[0], x[1]);
        if matches!(backend, BackendConfig::Auto { .. }) {
            println!("  `auto` chose it: {}", choice.reason);
        }
        ensure!(outcome.converged, "{name} did not converge");
        let first = centre.get_or_insert_with(|| x.clone());
        ensure!((x - &*first).norm() < 1e-5, "{name} finds another centre");
    }
    // At the centre the gradient vanishes: the sides' normals, each over its slack, add to zero.
    let x = centre.context("the file lists no backend")?;
    let balance: DVector<f64> =
        sides.iter().map(|&([a, c], b)| dvector![a, c] / (b - a * x[0] - c * x[1])).sum();
    ensure!(balance.norm() < 1e-5, "not the centre: {balance}");
    Ok(())
}
