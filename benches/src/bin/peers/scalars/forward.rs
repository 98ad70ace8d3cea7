//! Forward modes with `N` tangents in an evaluation.

use std::hint::black_box;

use super::number::Seeded;
use super::source::residual;
use super::{Gradient, Objective};

/// A gradient by as many evaluations as the inputs need.
pub(super) fn gradient<'a, const N: usize, T: Seeded<N> + 'a, F: Objective>(
    f: &'a F,
    x: &'a [f64],
) -> Gradient<'a> {
    let mut input: Vec<T> = x.iter().map(|&x| T::constant(x)).collect();
    Box::new(move |y, gradient| {
        for first in (0..x.len()).step_by(N) {
            let last = x.len().min(first + N);
            for (i, x) in black_box(x).iter().enumerate() {
                let active = (first..last).contains(&i);
                input[i] = if active { T::seeded(*x, i - first) } else { T::constant(*x) };
            }
            let result = f.value(&input);
            gradient[first..last].copy_from_slice(&result.tangents()[..last - first]);
            y[0] = result.value();
        }
        Ok(())
    })
}

/// The blocks of P5, each by one evaluation with a tangent for every active input.
pub(super) fn blocks<const N: usize, T: Seeded<N>>(inputs: &[[f64; 17]]) -> Gradient<'_> {
    Box::new(move |y, blocks| {
        let results = y.chunks_exact_mut(2).zip(blocks.chunks_exact_mut(2 * N));
        for (x, (y, block)) in black_box(inputs).iter().zip(results) {
            let active = |i: usize| if i < N { T::seeded(x[i], i) } else { T::constant(x[i]) };
            let residual = residual(&std::array::from_fn(active));
            for ((r, y), row) in residual.iter().zip(y).zip(block.chunks_exact_mut(N)) {
                *y = r.value();
                row.copy_from_slice(&r.tangents());
            }
        }
        Ok(())
    })
}
