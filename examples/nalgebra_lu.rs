//! Is code of other crates differentiated unchanged?
//!
//! nalgebra's LU factorisation is generic in its numbers, so it runs on those of every backend. For
//! `A(t) = A₀ + Σ tₖ Aₖ` the derivatives of `ln |det A|` and of the solution of `A u = b` are known:
//!
//! - `∂ ln |det A| / ∂tₖ = tr(A⁻¹ Aₖ)`, and its own derivative is `-tr(A⁻¹ Aₖ A⁻¹ Aₗ)`;
//! - `∂u / ∂tₖ = -A⁻¹ Aₖ u`.
//!
//! ```text
//! cargo run --example nalgebra_lu
//! ```

use ad::Accuracy;
use ad::prelude::*;
use nalgebra::{DMatrix, Matrix4, Vector4};

const INPUTS: usize = 3;

/// `Aₖ`: arbitrary, without structure; the last makes the first pivot of `A(0)` a row exchange.
fn part(k: usize) -> Matrix4<f64> {
    let shift = if k == INPUTS { 2.0 } else { 0.0 };
    Matrix4::from_fn(|i, j| {
        ((7 * i + 3 * j + 5 * k + i * j) as f64).sin() + shift * f64::from(i == j)
    })
}

fn assemble<S: Scalar>(t: &[S]) -> Matrix4<S> {
    let mut a = part(INPUTS).map(S::from);
    for (k, &t) in t.iter().enumerate() {
        a += part(k).map(|entry| t * entry);
    }
    a
}

const RIGHT_HAND_SIDE: Vector4<f64> = Vector4::new(1.0, -2.0, 0.5, 3.0);

/// `ln |det A(t)|`, from the diagonal of U.
#[derive(Clone)]
struct LogDet;

impl Function for LogDet {
    fn inputs(&self) -> usize {
        INPUTS
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, t: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = assemble(t).lu().u().diagonal().iter().map(|pivot| pivot.abs().ln()).sum();
        Ok(())
    }
}

/// `u = A(t)⁻¹ b`.
#[derive(Clone)]
struct Solve;

impl Function for Solve {
    fn inputs(&self) -> usize {
        INPUTS
    }

    fn outputs(&self) -> usize {
        4
    }

    fn eval<S: Scalar>(&self, t: &[S], u: &mut [S]) -> Result<(), Failure> {
        let b = RIGHT_HAND_SIDE.map(S::from);
        let solution = assemble(t).lu().solve(&b).ok_or(Failure::new("the matrix is singular"))?;
        u.copy_from_slice(solution.as_slice());
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let t = [0.3, -0.2, 0.5];
    let inverse = assemble(&t).try_inverse().ok_or_else(|| anyhow::anyhow!("singular"))?;
    let u = inverse * RIGHT_HAND_SIDE;
    let gradient = DMatrix::from_fn(1, INPUTS, |_, k| (inverse * part(k)).trace());
    let hessian =
        DMatrix::from_fn(INPUTS, INPUTS, |k, l| -(inverse * part(k) * inverse * part(l)).trace());
    let jacobian = DMatrix::from_fn(4, INPUTS, |i, k| -(inverse * part(k) * u)[i]);

    println!("relative errors of the derivatives of ln |det A| and of A⁻¹ b\n");
    println!("{:<36} {:>9} {:>9} {:>9}", "backend", "gradient", "Hessian", "Jacobian");
    for backend in ad::backends().into_iter().chain(ad::pairs()) {
        let errors = [
            error(&backend.jacobian(&LogDet, &t)?, &gradient),
            error(&backend.hessian(&LogDet, &t)?, &hessian),
            error(&backend.jacobian(&Solve, &t)?, &jacobian),
        ];
        let name = backend.name();
        println!("{name:<36} {:>9.1e} {:>9.1e} {:>9.1e}", errors[0], errors[1], errors[2]);
        let exact = [backend.outer(), backend.inner()].map(|b| b.accuracy() == Accuracy::Exact);
        let tolerance = if exact == [true, true] { 1e-12 } else { 1e-2 };
        anyhow::ensure!(errors.iter().all(|&error| error < tolerance), "{name} is wrong");
    }
    Ok(())
}

fn error(found: &DMatrix<f64>, expected: &DMatrix<f64>) -> f64 {
    (found - expected).amax() / expected.amax()
}
