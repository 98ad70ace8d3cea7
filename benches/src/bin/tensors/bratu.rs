//! Newton-Krylov on the Bratu problem, one source for all arrays.

use std::time::Instant;

use ad_algorithms::matrix_free::{NewtonKrylov, OnDevice};
use ad_algorithms::problems::{Bratu2d, Poisson, Problem};
use ad_api::array::ArrayBackend;
use ad_burn::Burn;
use ad_candle::Candle;
use ad_native_reverse::NativeReverse;

use crate::Outcome;

pub(crate) fn table() -> Outcome {
    println!("Bratu problem, λ = 6, n × n points, f64, Poisson preconditioner, one run each\n");
    println!("| n | arrays | Newton | linear | residual | max u | seconds |");
    println!("|---|---|---|---|---|---|---|");
    for n in [64, 256, 1024] {
        row(&NativeReverse::default(), n)?;
        row(&Burn::cpu(), n)?;
        row(&Candle::cpu(), n)?;
    }
    Ok(())
}

fn row<B: ArrayBackend>(engine: &B, n: usize) -> Outcome {
    let bratu = Bratu2d::new(n, 6.0)?;
    let start = bratu.start();
    let mut problem = OnDevice::new(engine.clone(), bratu);
    let start = problem.vector(&start)?;
    let mut poisson = Poisson::scaled(n)?;
    let begin = Instant::now();
    let root = NewtonKrylov::default().solve_preconditioned(&mut problem, &start, &mut poisson)?;
    let seconds = begin.elapsed().as_secs_f64();
    assert!(root.status.is_converged(), "{}", root.status);
    let largest = root.x[0].max(&[0, 1]).item()?;
    println!(
        "| {n} | {} | {} | {} | {:.1e} | {largest:.8} | {seconds:.2} |",
        engine.name(),
        root.iterations,
        root.counts.linear_iterations,
        root.residual_norm
    );
    Ok(())
}
