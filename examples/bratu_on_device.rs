//! Does one source of a nonlinear solver run on every array library, wherever its arrays live?
//!
//! `-Δu = 6 exp(u)` on the unit square, zero at its boundary: Newton's method, with GMRES for the linear
//! systems and the Poisson equation to precondition them. The equations, the solver and the
//! preconditioner are written over arrays; of those, nothing but single numbers comes to the host.
//!
//! ```text
//! cargo run --release --example bratu_on_device --features burn,candle
//! cargo run --release --example bratu_on_device --features burn,candle,wgpu -- wgpu
//! ```

use std::time::Instant;

use ad::algorithms::matrix_free::{NewtonKrylov, OnDevice};
use ad::algorithms::problems::{Bratu2d, Poisson, Problem};
use ad::array::{ArrayBackend, Tensor};
use ad::prelude::*;
use anyhow::ensure;

/// Points in each direction, and the largest value of the discrete solution.
const CASES: [(usize, f64); 2] = [(64, 0.796_676_35), (256, 0.797_081_37)];

fn solve<B: ArrayBackend>(engine: &B) -> anyhow::Result<()> {
    let device = engine.device()?;
    let unit = B::Tensor::precision(&device);
    println!("{} on {device:?}", engine.name());
    for (n, expected) in CASES {
        let bratu = Bratu2d::new(n, 6.0)?;
        let start = bratu.start();
        let mut problem = OnDevice::new(engine.clone(), bratu);
        let start = problem.vector(&start)?;
        let mut poisson = Poisson::scaled(n)?;

        let begin = Instant::now();
        let root =
            NewtonKrylov::default().solve_preconditioned(&mut problem, &start, &mut poisson)?;
        let seconds = begin.elapsed().as_secs_f64();
        let largest = root.x[0].max(&[0, 1]).item()?;
        println!(
            "n = {n:>3}: {} Newton and {} linear iterations, |F| = {:.1e}, max u = {largest:.8}, \
             {seconds:.2} s",
            root.iterations, root.counts.linear_iterations, root.residual_norm
        );
        ensure!(root.status.is_converged(), "{}", root.status);
        ensure!(root.residual_norm < f64::max(1e-9, 1e3 * unit), "the residual is too large");
        let error = (largest - expected).abs();
        ensure!(error < f64::max(6e-9, 1e2 * unit), "expected max u = {expected}");
    }
    println!();
    Ok(())
}

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("wgpu") {
        return solve(&Burn::wgpu()?);
    }
    solve(&NativeReverse::default())?;
    solve(&Burn::cpu())?;
    solve(&Candle::cpu())
}
