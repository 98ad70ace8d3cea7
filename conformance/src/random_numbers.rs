//! Reproducible random numbers.

/// The seed of the suite's random data: `AD_CONFORMANCE_SEED`, or a fixed one.
pub(crate) fn seed() -> u64 {
    std::env::var("AD_CONFORMANCE_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_260_101)
}

/// The generator `SplitMix64`.
///
/// # References
///
/// G. L. Steele, D. Lea, C. H. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// Uniform in `(-1, 1)`.
    pub(crate) fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // The upper 53 bits fill the mantissa.
        (z >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    pub(crate) fn vector(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.number()).collect()
    }
}
