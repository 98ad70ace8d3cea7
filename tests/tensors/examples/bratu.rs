//! What does a solve of the Bratu problem cost on each tensor library? Newton-Krylov with the Poisson
//! preconditioner, λ = 6, from one source.
//!
//! ```text
//! cargo run --release -p ad-tensor-tests --example bratu -- 64 256 1024
//! ```

use std::time::Instant;

use ad_algorithms::matrix_free::{NewtonKrylov, OnDevice};
use ad_algorithms::problems::{Bratu2d, Poisson, Problem};
use ad_api::array::ArrayBackend;
use ad_burn::{Burn, Precision};
use ad_candle::Candle;
use ad_native_reverse::NativeReverse;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let mut sizes = std::env::args().skip(1).map(|n| n.parse()).collect::<Result<Vec<_>, _>>()?;
    if sizes.is_empty() {
        sizes = vec![64, 256];
    }
    println!("{:>6}  {:<12} newton  linear  |F|       max u         seconds", "n", "engine");
    for n in sizes {
        solve("host", NativeReverse::default(), n, 1e-12)?;
        solve("burn", Burn::cpu(), n, 1e-12)?;
        solve("candle", Candle::cpu(), n, 1e-12)?;
        solve("burn f32", Burn::cpu().precision(Precision::F32), n, 1e-12)?;
        let candle = Candle::cpu().precision(ad_candle::Precision::F32);
        solve("candle f32", candle, n, 1e-12)?;
    }
    Ok(())
}

fn solve<E: ArrayBackend>(name: &str, engine: E, n: usize, tol: f64) -> Result<(), Error> {
    let bratu = Bratu2d::new(n, 6.0)?;
    let start = bratu.start();
    let mut problem = OnDevice::new(engine, bratu);
    let start = problem.vector(&start)?;
    let method = NewtonKrylov { residual_tol: tol, relative_tol: 0.0, ..NewtonKrylov::default() };
    let mut poisson = Poisson::scaled(n)?;
    let clock = Instant::now();
    let root = method.solve_preconditioned(&mut problem, &start, &mut poisson)?;
    let seconds = clock.elapsed().as_secs_f64();
    println!(
        "{n:>6}  {name:<12} {:>6}  {:>6}  {:8.1e}  {:.8}  {seconds:>10.3}   {}",
        root.iterations,
        root.counts.linear_iterations,
        root.residual_norm,
        root.x[0].max(&[0, 1]).item()?,
        root.status
    );
    Ok(())
}
