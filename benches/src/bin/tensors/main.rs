//! Array programs on the host, on burn and on candle: what each layer costs over the one below it.
//!
//! ```text
//! cargo run --release -p ad-benches --bin tensors
//! cargo run --release -p ad-benches --bin tensors -- networks bratu
//! ```
//!
//! All on the CPU. candle splits even small products among threads, which a busy machine makes wait:
//! with `RAYON_NUM_THREADS=1` its figures are its own. Every figure is the least wall-clock time of many short runs, and what a row
//! compares ran in turns: ratios are worth more than times, above all on a busy machine.

mod batch;
mod bratu;
mod modes;
mod networks;
mod operations;
mod race;

use std::error::Error;

use race::race;

type Outcome = Result<(), Box<dyn Error>>;

/// A table, and the name that chooses it.
type Table = (&'static str, fn() -> Outcome);

const TABLES: [Table; 5] = [
    ("operations", operations::table),
    ("networks", networks::table),
    ("modes", modes::table),
    ("batch", batch::table),
    ("bratu", bratu::table),
];

fn main() -> Outcome {
    let chosen: Vec<_> = std::env::args().skip(1).collect();
    if let Some(unknown) = chosen.iter().find(|name| TABLES.iter().all(|(known, _)| name != known))
    {
        let known = TABLES.map(|(name, _)| name).join(", ");
        return Err(format!("there is no table `{unknown}`, only {known}").into());
    }
    for (name, table) in TABLES {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            table()?;
            println!();
        }
    }
    Ok(())
}
