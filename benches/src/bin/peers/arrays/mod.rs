//! Peers that compute with whole arrays, each with its own code: what a user of the library writes.
//!
//! P1 batches over points and components, P2 is one expression on slices, P4 a loop over steps with a
//! vector for each gate. Points and derivatives are `f64` slices, as for the other peers, so that
//! copies to and from the library's arrays are timed with the rest.

#[cfg(feature = "burn")]
mod burn;
#[cfg(feature = "candle")]
mod candle;
#[cfg(any(feature = "burn", feature = "candle"))]
mod triangle;

use ad_benches::{Gmm, Lstm, Rosenbrock};

use crate::problems::Problem;
use crate::{Bench, Outcome};

/// A row for each library that is compiled in, with the gradient that it prepares.
macro_rules! rows {
    ($bench:ident, $problem:ident, $f:ident, $x:ident, $($feature:literal => $gradient:expr),*) => {{
        $(
            #[cfg(feature = $feature)]
            $bench.row($feature, $problem, crate::measure::Clock::Processor, || {
                let (primal, gradient) = (crate::native::primal($f, $x), $gradient);
                Ok(crate::measure::Work { primal, gradient, value: None })
            })?;
        )*
        // What is not read where there is none.
        let _ = ($bench, $problem, $f, $x);
        Ok(())
    }};
}

/// P1.
pub(crate) fn mixture(bench: &Bench, problem: &Problem, f: &Gmm, theta: &[f64]) -> Outcome {
    rows!(bench, problem, f, theta,
        "burn" => burn::mixture(f, theta), "candle" => candle::mixture(f, theta)?)
}

/// P2.
pub(crate) fn rosenbrock(bench: &Bench, problem: &Problem, f: &Rosenbrock, x: &[f64]) -> Outcome {
    rows!(bench, problem, f, x,
        "burn" => burn::rosenbrock(f, x), "candle" => candle::rosenbrock(f, x))
}

/// P4.
pub(crate) fn lstm(bench: &Bench, problem: &Problem, f: &Lstm, theta: &[f64]) -> Outcome {
    rows!(bench, problem, f, theta,
        "burn" => burn::lstm(f, theta), "candle" => candle::lstm(f, theta)?)
}

/// P6.
#[cfg_attr(
    not(any(feature = "burn", feature = "candle")),
    allow(clippy::unnecessary_wraps, reason = "there may be rows")
)]
pub(crate) fn chains(bench: &Bench) -> Outcome {
    #[cfg(feature = "burn")]
    bench.slope("burn", |links| Ok(burn::chain(links)))?;
    #[cfg(feature = "candle")]
    bench.slope("candle", candle::chain)?;
    let _ = bench;
    Ok(())
}
