//! Peers whose numbers go through generic code: one source of the problems for all of them.
//!
//! Their numbers cannot be [`ad_api::Scalar`], which asks for more than they offer. So the problems
//! are written once more, over the little that they share ([`Number`]); at `f64` the result is that of
//! [`ad_benches`] bit for bit, which a test checks.

mod ad_trait;
mod echidna;
mod forward;
mod num_dual;
mod number;
mod source;

use ::ad_trait::forward_ad::adfn::adfn;
use ::echidna::DualVec;
use ::num_dual::DualSVec64;
use ad_api::Function;

use number::Number;
pub(crate) use source::{MulChain, Objective};

use crate::measure::{Clock, Gradient, Work};
use crate::problems::{ACTIVE, Problem};
use crate::{Bench, Outcome, native};

/// Rows of the reverse modes.
pub(crate) fn reverse<F: Function + Objective>(
    bench: &Bench,
    problem: &Problem,
    f: &F,
    x: &[f64],
) -> Outcome {
    let work = |gradient| Ok(Work { primal: native::primal(f, x), gradient, value: None });
    bench.row("echidna-tape", problem, Clock::Processor, || work(echidna::tape(f, x)))?;
    bench.row("echidna-bytecode", problem, Clock::Processor, || work(echidna::replay(f, x)))?;
    bench.row("ad_trait-reverse", problem, Clock::Processor, || work(ad_trait::reverse(f, x)))
}

/// Rows of the forward modes, with `N` tangents in an evaluation.
pub(crate) fn forward<const N: usize, F: Function + Objective>(
    bench: &Bench,
    problem: &Problem,
    f: &F,
    x: &[f64],
) -> Outcome {
    let work = |gradient| Ok(Work { primal: native::primal(f, x), gradient, value: None });
    bench.row("echidna-forward", problem, Clock::Processor, || {
        work(forward::gradient::<N, DualVec<f64, N>, F>(f, x))
    })?;
    bench.row("ad_trait-forward", problem, Clock::Processor, || {
        work(forward::gradient::<N, adfn<N>, F>(f, x))
    })?;
    bench.row("num-dual", problem, Clock::Processor, || {
        work(forward::gradient::<N, DualSVec64<N>, F>(f, x))
    })
}

/// Rows of P5.
pub(crate) fn blocks(bench: &Bench, problem: &Problem, inputs: &[[f64; 17]]) -> Outcome {
    let work = |gradient| Ok(Work { primal: native::residuals(inputs), gradient, value: None });
    bench.row("echidna-forward", problem, Clock::Processor, || {
        work(forward::blocks::<ACTIVE, DualVec<f64, ACTIVE>>(inputs))
    })?;
    bench.row("echidna-bytecode", problem, Clock::Processor, || work(echidna::blocks(inputs)))?;
    bench.row("ad_trait-forward", problem, Clock::Processor, || {
        work(forward::blocks::<ACTIVE, adfn<ACTIVE>>(inputs))
    })?;
    bench.row("num-dual", problem, Clock::Processor, || {
        work(forward::blocks::<ACTIVE, DualSVec64<ACTIVE>>(inputs))
    })
}

/// Rows of P6.
pub(crate) fn chains(bench: &Bench) -> Outcome {
    bench.slope("echidna-tape", |links| Ok(echidna::chain(links)))?;
    bench.slope("echidna-bytecode", |links| Ok(echidna::replayed_chain(links)))?;
    bench.slope("ad_trait-reverse", |links| Ok(ad_trait::chain(links)))
}
