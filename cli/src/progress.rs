//! A bar for solves that take long.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::solve::Seen;

/// How long a solve runs without a bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// A bar on standard error that fills up on the way to the tolerance; nothing where that is no
/// terminal.
#[derive(Debug)]
pub struct Bar {
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A bar that appears when it is worth while.
    pub fn new() -> Self {
        Bar { start: Instant::now(), bar: None }
    }

    /// Shows how far the solve is.
    pub fn show(&mut self, seen: &Seen) {
        if self.start.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(1000);
            if let Ok(style) = ProgressStyle::with_template("{elapsed} [{bar:30}] {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the share is from 0 to 1"
        )]
        bar.set_position((1000.0 * seen.share) as u64);
        bar.set_message(format!(
            "iteration {}, |F| = {:.1e}, {} linear iterations",
            seen.iteration, seen.residual_norm, seen.linear_iterations
        ));
    }
}

impl Default for Bar {
    fn default() -> Self {
        Bar::new()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
