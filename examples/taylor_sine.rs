//! Is a program with a loop, a branch and an early return differentiated as it runs?
//!
//! The sine by its Taylor series, example of M. Innes, "Don't unroll adjoint: differentiating
//! SSA-form programs" (arXiv 1810.07951) and "A differentiable programming system to bridge machine
//! learning and scientific computing" (arXiv 1907.07587). The derivative is that of the terms that
//! were summed, not the cosine: at 1 they differ by 2·10⁻⁹, the first term left out.
//!
//! ```text
//! cargo run --example taylor_sine
//! ```

use ad::prelude::*;
use ad::{Accuracy, Operation, Shape};

/// `x - x³/3! + x⁵/5! - ...`, up to the first term below 10⁻⁸.
#[derive(Clone)]
struct TaylorSine;

impl Function for TaylorSine {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = sine(x[0]);
        Ok(())
    }
}

fn sine<S: Scalar>(x: S) -> S {
    let mut sum = S::from(0.0);
    let mut factorial = 1.0;
    for i in (1..=19).step_by(2) {
        let term = x.powi(i) / factorial;
        if term.abs() < 1e-8 {
            return sum;
        }
        if i % 4 == 1 {
            sum += term;
        } else {
            sum -= term;
        }
        factorial *= f64::from((i + 1) * (i + 2));
    }
    sum
}

/// `x`, `s(x)`, `s'(x)`, from 40-digit arithmetic.
const REFERENCE: [(f64, f64, f64); 4] = [
    (1.0, 0.841_470_984_648_068, 0.540_302_303_791_887_1),
    (0.5, 0.479_425_533_234_127, 0.877_582_465_277_777_8),
    (2.0, 0.909_297_426_461_447_6, -0.416_146_839_638_903_13),
    (0.001, 0.001, 1.0),
];

fn main() -> anyhow::Result<()> {
    let shape = Shape { inputs: 1, outputs: 1 };
    println!("{:<16} {:>6} {:>20} {:>20} {:>9}", "backend", "x", "s(x)", "s'(x)", "error");
    for backend in ad::backends() {
        for (x, sine, cosine) in REFERENCE {
            let (value, derivative) = backend.value_and_derivative(&TaylorSine, x)?;
            let error = (derivative - cosine).abs();
            let name = backend.name();
            println!("{name:<16} {x:>6} {value:>20.17} {derivative:>20.17} {error:>9.1e}");
            let tolerance = match backend.accuracy() {
                Accuracy::Exact => 1e-15,
                Accuracy::Rounded { unit } => 10.0 * unit,
                // The terms that are left out make jumps of 10⁻⁸, which a stencil may cross.
                Accuracy::Approximate { relative } => relative.max(1e-8) * 1e2,
            };
            anyhow::ensure!((value - sine).abs() < 1e-15, "{name} changes the value at {x}");
            anyhow::ensure!(error <= tolerance, "{name} is off by {error:e} at {x}");
        }
        let cost = backend.capability(Operation::Derivative, shape);
        println!("{:<16} derivative: {cost} evaluations\n", "");
    }
    println!(
        "cos 1 = {:.17}: the derivative is that of the program, not of the formula",
        1f64.cos()
    );

    println!("\nsecond derivatives at 1, by every pair of backends");
    // Two differentiations turn each term into the one before it: the last, x¹¹/11!, is missing.
    let expected = -(sine(1.0) + 1.0 / 39_916_800.0);
    for pair in ad::pairs() {
        let second = match pair.second_derivative(&TaylorSine, 1.0) {
            Ok(second) => second,
            // A difference of a difference may have no digit left, and then says so.
            Err(refusal @ AdError::Inaccurate { .. }) => {
                println!("{:<36} {refusal}", pair.name());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        println!("{:<36} {second:>20.17}", pair.name());
        let exact = [pair.outer(), pair.inner()].map(|b| b.accuracy() == Accuracy::Exact);
        let tolerance = if exact == [true, true] { 1e-14 } else { 1e-2 };
        anyhow::ensure!((second - expected).abs() < tolerance, "{} is wrong", pair.name());
    }
    Ok(())
}
