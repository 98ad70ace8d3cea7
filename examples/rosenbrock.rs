//! What does the interface compute? Every operation, on the Rosenbrock function.
//!
//! ```text
//! cargo run --example rosenbrock
//! cargo run --example rosenbrock -- dual/native-reverse
//! ```

use ad::Accuracy;
use ad::prelude::*;
use nalgebra::{DVector, dmatrix, dvector};

/// `(1 - x)² + 100 (y - x²)²`, with its minimum 0 at (1, 1) in a curved valley.
#[derive(Clone)]
struct Rosenbrock;

impl Function for Rosenbrock {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let valley = x[1] - x[0] * x[0];
        y[0] = (x[0] - 1.0).powi(2) + valley * valley * 100.0;
        Ok(())
    }
}

/// The same as a least-squares problem: the residuals `(1 - x, 10 (y - x²))`.
#[derive(Clone)]
struct Residuals;

impl Function for Residuals {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        r[0] = S::from(1.0) - x[0];
        r[1] = (x[1] - x[0] * x[0]) * 10.0;
        Ok(())
    }
}

/// The function along the line `x = y = t`: one variable, for derivatives in the narrow sense.
#[derive(Clone)]
struct Diagonal;

impl Function for Diagonal {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, t: &[S], y: &mut [S]) -> Result<(), Failure> {
        Rosenbrock.eval(&[t[0], t[0]], y)
    }
}

fn main() -> anyhow::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "dual".into());
    let backend: AnyBackend = name.parse()?;
    let x = [-1.2, 1.0];
    println!("Rosenbrock at {x:?} by `{}`\n", backend.name());

    let (value, gradient) = backend.value_and_gradient(&Rosenbrock, &x)?;
    show("f", value);
    show("gradient", row(&gradient));
    let hessian = backend.hessian(&Rosenbrock, &x)?;
    show("hessian", &hessian);
    show("hvp, v = (1, 0)", row(&backend.hvp(&Rosenbrock, &x, &[1.0, 0.0])?));

    show("residuals", row(&backend.value(&Residuals, &x)?));
    let jacobian = backend.jacobian(&Residuals, &x)?;
    show("jacobian", &jacobian);
    show("pushforward, v = (1, 0)", row(&backend.pushforward(&Residuals, &x, &[1.0, 0.0])?));
    show("pullback, w = (0, 1)", row(&backend.pullback(&Residuals, &x, &[0.0, 1.0])?));
    let weights = [1.0, 0.5];
    show("weighted hessian, w = (1, 0.5)", &backend.weighted_hessian(&Residuals, &x, &weights)?);

    let (value, first, second) = backend.value_derivative_and_second_derivative(&Diagonal, 2.0)?;
    show("along x = y = t at 2: f, f', f''", format!("{value}, {first}, {second}"));
    // `AnyBackend` would be compiled for every triple of engines; a backend that is a type, for one.
    let typed = HigherOrder::new(Dual::default(), NativeReverse::default());
    show("f''' by dual over native-reverse", typed.third_derivative(&Diagonal, 2.0)?);

    // The Jacobian as an operator: products at this point, without the matrix.
    let operator = backend.lazy_jacobian(&Residuals, &x)?;
    let normal = operator.clone().transpose() * operator;
    show("JᵀJ (1, 1)", row(&(&normal * &dvector![1.0, 1.0])));
    let curvature = backend.lazy_hessian(&Rosenbrock, &x)?;
    show("lazy hessian times (1, 0)", row(&(&curvature * &dvector![1.0, 0.0])));

    // A loop prepares once: then every call reuses tape and buffers, and allocates nothing.
    let mut prepared = backend.prepare(&Rosenbrock, &x)?;
    let (mut x, mut gradient) = (dvector![-1.2, 1.0], [0.0; 2]);
    for _ in 0..10_000 {
        prepared.value_and_gradient_into(x.as_slice(), &mut gradient)?;
        x -= DVector::from_row_slice(&gradient) * 1e-3;
    }
    show("10 000 steps of gradient descent", row(&x));

    let closed_form = dmatrix![1330.0, 480.0; 480.0, 200.0];
    let exact = [backend.outer(), backend.inner()].map(|b| b.accuracy() == Accuracy::Exact);
    let tolerance = if exact == [true, true] { 1e-10 } else { 1e-2 };
    anyhow::ensure!((hessian - closed_form).amax() < tolerance, "the Hessian is wrong");
    Ok(())
}

fn row(v: &DVector<f64>) -> String {
    let entries: Vec<String> = v.iter().map(f64::to_string).collect();
    format!("({})", entries.join(", "))
}

fn show(what: &str, result: impl std::fmt::Display) {
    let result = result.to_string();
    for (i, line) in result.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        println!("{:32} {line}", if i == 0 { what } else { "" });
    }
}
