//! Reproducible pseudo-random inputs.

/// Knuth's 64-bit linear congruential generator, of which the upper 53 bits are used.
#[derive(Debug, Clone)]
pub struct Generator {
    state: u64,
}

impl Generator {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Generator { state: seed }
    }

    /// The next number, uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 11) as f64 * 2.0_f64.powi(-53)
    }

    /// `n` numbers, uniform in `[from, to)`.
    pub fn vector(&mut self, n: usize, from: f64, to: f64) -> Vec<f64> {
        (0..n).map(|_| from + (to - from) * self.uniform()).collect()
    }
}
