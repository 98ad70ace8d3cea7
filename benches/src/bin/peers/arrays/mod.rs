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

/// A row for each library that is compiled in.
macro_rules! rows {
    ($bench:ident, $problem:ident, $function:ident, $f:ident, $x:ident) => {{
        #[cfg(feature = "burn")]
        rows!(@ burn, $bench, $problem, $function, $f, $x);
        #[cfg(feature = "candle")]
        rows!(@ candle, $bench, $problem, $function, $f, $x);
        // What is not read where there is none.
        let _ = ($bench, $problem, $f, $x);
        Ok(())
    }};
    (@ $library:ident, $bench:ident, $problem:ident, $function:ident, $f:ident, $x:ident) => {
        $bench.row(
            stringify!($library),
            $problem,
            crate::measure::Clock::Processor,
            || {
                let primal = crate::native::primal($f, $x);
                let gradient = $library::$function($f, $x)?;
                Ok(crate::measure::Work { primal, gradient, value: None })
            },
        )?
    };
}

/// P1.
pub(crate) fn mixture(bench: &Bench, problem: &Problem, f: &Gmm, theta: &[f64]) -> Outcome {
    rows!(bench, problem, mixture, f, theta)
}

/// P2.
pub(crate) fn rosenbrock(bench: &Bench, problem: &Problem, f: &Rosenbrock, x: &[f64]) -> Outcome {
    rows!(bench, problem, rosenbrock, f, x)
}

/// P4.
pub(crate) fn lstm(bench: &Bench, problem: &Problem, f: &Lstm, theta: &[f64]) -> Outcome {
    rows!(bench, problem, lstm, f, theta)
}

/// P6.
pub(crate) fn chains(bench: &Bench) -> Outcome {
    #[cfg(feature = "burn")]
    bench.slope("burn", burn::chain)?;
    #[cfg(feature = "candle")]
    bench.slope("candle", candle::chain)?;
    let _ = bench;
    Ok(())
}
