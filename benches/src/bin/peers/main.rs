//! Gradients against their primals, engine by engine: a table, or JSON lines with `--json`.
//!
//! ```text
//! cargo run --release -p ad-benches --bin peers
//! cargo run --release -p ad-benches --bin peers --no-default-features -- --only lv --peer native
//! cargo run --release -p ad-benches --bin peers -- --against cpp.jsonl
//! ```
//!
//! Every row has passed a check first: value and sum of absolute gradient entries agree to nine
//! digits with those that other programs compute for the same problem. What the columns say, and how
//! to compare with peers in C++ and Python, is in the README of this package.

mod arrays;
mod measure;
mod native;
mod problems;
mod scalars;
mod suite;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::thread;

use clap::Parser;

use measure::{Clock, Measured, Work};
use problems::Problem;
use table::Table;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Compares the cost of gradients with that of the functions.
#[derive(Parser)]
struct Arguments {
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
    /// Run only the problems whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Run only the peers whose name contains this.
    #[arg(long, default_value = "")]
    peer: String,
    /// Divide by the times of `cpp_manual` in this file of JSON lines, too.
    #[arg(long)]
    against: Option<PathBuf>,
}

/// A run of all rows that the arguments ask for.
struct Bench {
    arguments: Arguments,
    table: Table,
}

impl Bench {
    /// Measures what `prepare` makes, and prints a row.
    fn row<'a>(
        &self,
        peer: &str,
        problem: &Problem,
        clock: Clock,
        prepare: impl FnOnce() -> Outcome<Work<'a>> + Send,
    ) -> Outcome {
        self.print(peer, problem, || measure::measure(problem, clock, prepare))
    }

    /// As [`row`](Self::row), for the time of one more link of a chain.
    fn slope<'a>(
        &self,
        peer: &str,
        prepare: impl Fn(usize) -> Outcome<Work<'a>> + Send,
    ) -> Outcome {
        let [short, long] = [100, 1100].map(|links| (Problem::chain(links), links));
        let pair = [(&short.0, short.1), (&long.0, long.1)];
        self.print(peer, &long.0, || measure::slope(pair, prepare))
    }

    fn print(
        &self,
        peer: &str,
        problem: &Problem,
        measure: impl FnOnce() -> Outcome<Measured> + Send,
    ) -> Outcome {
        let Arguments { only, peer: peers, .. } = &self.arguments;
        if !problem.name.contains(only) || !peer.contains(peers) {
            return Ok(());
        }
        let measured = on_own_thread(measure)
            .map_err(|error| format!("{peer} on {}: {error}", problem.name))?;
        self.table.print(peer, &problem.name, &measured)
    }
}

/// Runs a row on a thread of its own: what engines keep per thread, as tapes, does not come from other
/// rows, and candle, which walks graphs by recursion, needs a stack for long ones.
fn on_own_thread<T: Send>(work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    const STACK: usize = 512 << 20;
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    let table = Table::new(arguments.json, arguments.against.as_deref())?;
    suite::run(&Bench { arguments, table })
}
