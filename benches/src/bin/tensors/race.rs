//! Times of things that are compared with one another.

use std::time::{Duration, Instant};

/// How long a row of a table may take.
const BUDGET: Duration = Duration::from_secs(4);
const MIN_ROUNDS: usize = 10;
const MAX_ROUNDS: usize = 5000;

/// The least seconds of a run of each, measured in turns.
pub(crate) fn race<const N: usize>(mut runs: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    let begin = Instant::now();
    for round in 0..MAX_ROUNDS {
        for (run, least) in runs.iter_mut().zip(&mut least) {
            let start = Instant::now();
            run();
            *least = least.min(start.elapsed().as_secs_f64());
        }
        if round >= MIN_ROUNDS && begin.elapsed() > BUDGET {
            break;
        }
    }
    least
}
