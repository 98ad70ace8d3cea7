//! Writing the Jacobian blocks of rows: from one number for each row to one row after another.

use super::run::Block;

/// Writes the blocks of all rows, one after another: each entry is a factor times an adjoint.
pub(crate) fn write(entries: &[(u32, f64)], adjoints: &[Block], out: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if entries.len() >= super::EIGHT
        && let Some(simd) = pulp::x86::V4::try_new()
    {
        return pulp::Simd::vectorize(simd, avx512::Squares { simd, entries, adjoints, out });
    }
    for (entry, &(at, factor)) in entries.iter().enumerate() {
        let adjoint = adjoints[at as usize].rows();
        for (block, d) in out.chunks_exact_mut(entries.len()).zip(adjoint) {
            block[entry] = factor * d;
        }
    }
}

/// Squares of eight rows and eight entries, turned in registers.
///
/// PERF: a store for eight entries, not for each. From a description of the moves in plain Rust the
/// compiler makes moves of single numbers, hence the processor's own.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::__m512d;

    use pulp::x86::V4;
    use pulp::{Simd, WithSimd, cast};

    use super::super::run::{Block, EIGHT, ROWS};

    pub(super) struct Squares<'a> {
        pub(super) simd: V4,
        pub(super) entries: &'a [(u32, f64)],
        pub(super) adjoints: &'a [Block],
        pub(super) out: &'a mut [f64],
    }

    impl WithSimd for Squares<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Squares { simd, entries, adjoints, out } = self;
            let size = entries.len();
            let last = size - EIGHT;
            // The last square may overlap the one before.
            for first in (0..last).step_by(EIGHT).chain([last]) {
                for part in 0..ROWS / EIGHT {
                    let mut square = [[0.0; EIGHT]; EIGHT];
                    for (scaled, &(at, factor)) in square.iter_mut().zip(&entries[first..]) {
                        let adjoint = adjoints[at as usize].part(part);
                        for lane in 0..EIGHT {
                            scaled[lane] = factor * adjoint[lane];
                        }
                    }
                    let rows = out[part * EIGHT * size..].chunks_exact_mut(size);
                    for (block, entries) in rows.zip(turned(simd, square.map(cast))) {
                        let entries: [f64; EIGHT] = cast(entries);
                        block[first..first + EIGHT].copy_from_slice(&entries);
                    }
                }
            }
        }
    }

    /// Columns for rows: pairs of numbers first, then pairs of these, then pairs of those.
    #[inline(always)]
    fn turned(simd: V4, [a, b, c, d, e, f, g, h]: [__m512d; EIGHT]) -> [__m512d; EIGHT] {
        let simd = simd.avx512f;
        let pairs = |a, b| (simd._mm512_unpacklo_pd(a, b), simd._mm512_unpackhi_pd(a, b));
        // The pairs in even places of both, and those in odd places.
        let even = |a, b| simd._mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
        let odd = |a, b| simd._mm512_shuffle_f64x2::<0b11_01_11_01>(a, b);
        let ((a, b), (c, d), (e, f), (g, h)) = (pairs(a, b), pairs(c, d), pairs(e, f), pairs(g, h));
        let [first, second] = [[even(a, c), even(b, d)], [even(e, g), even(f, h)]];
        let [third, fourth] = [[odd(a, c), odd(b, d)], [odd(e, g), odd(f, h)]];
        [
            even(first[0], second[0]),
            even(first[1], second[1]),
            even(third[0], fourth[0]),
            even(third[1], fourth[1]),
            odd(first[0], second[0]),
            odd(first[1], second[1]),
            odd(third[0], fourth[0]),
            odd(third[1], fourth[1]),
        ]
    }
}
