//! One loop for pushforward, pullback and Jacobian: seed some lanes, evaluate, read them back.

use std::ops::Range;

use ad_api::{Function, Result, Scalar, scratch};

use crate::lanes::{FEW, Family, LaneNumber, NESTED};

/// Which tangents are swept, and what becomes of the outputs' tangents.
pub(crate) trait Seeds<S: Scalar> {
    /// Writes the tangents numbered `block` into the first lanes of `input`, whose lanes are zero.
    fn seed<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]);

    /// Makes these lanes zero again.
    fn clear<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]);

    /// Uses the tangents of the outputs.
    fn read<T: LaneNumber<Inner = S>>(&mut self, block: Range<usize>, output: &[T]);
}

/// Sweeps `total` tangents over `f`, at most `lanes` in an evaluation, and writes `f(x)` into `y`.
///
/// The evaluations are as many as `lanes` says; each runs in the narrowest number type that holds
/// its tangents, so that a short last block is no dearer than it must be.
pub(crate) fn sweep<E: Family, S: Scalar, F: Function>(
    lanes: usize,
    total: usize,
    f: &F,
    x: &[S],
    y: &mut [S],
    seeds: &mut impl Seeds<S>,
) -> Result<()> {
    let tail = total % lanes;
    for part in [0..total - tail, total - tail..total] {
        let block = lanes.min(part.len());
        if part.is_empty() {
            continue;
        }
        // The conditions on constants keep the compiler from instantiating `f` for the types that
        // are not wanted here: such branches are dropped before code is generated.
        if S::DEPTH > 0 {
            blocks::<E::Number<S, NESTED>, _>(block.min(NESTED), part, f, x, y, seeds)?;
        } else if block > FEW {
            if E::WIDEST > FEW {
                match block {
                    ..=8 => blocks::<E::Number<S, 8>, _>(block, part, f, x, y, seeds)?,
                    _ => blocks::<E::Number<S, 16>, _>(block, part, f, x, y, seeds)?,
                }
            }
        } else {
            match block {
                1 => blocks::<E::Number<S, 1>, _>(block, part, f, x, y, seeds)?,
                2 => blocks::<E::Number<S, 2>, _>(block, part, f, x, y, seeds)?,
                3 => blocks::<E::Number<S, 3>, _>(block, part, f, x, y, seeds)?,
                _ => blocks::<E::Number<S, FEW>, _>(block, part, f, x, y, seeds)?,
            }
        }
    }
    Ok(())
}

/// Sweeps the tangents in `part`, `count` at a time, in numbers of type `T`.
fn blocks<T: LaneNumber, F: Function>(
    count: usize,
    part: Range<usize>,
    f: &F,
    x: &[T::Inner],
    y: &mut [T::Inner],
    seeds: &mut impl Seeds<T::Inner>,
) -> Result<()> {
    scratch::with(x.len() + y.len(), |buffer: &mut [T]| {
        let (input, output) = buffer.split_at_mut(x.len());
        input.iter_mut().zip(x).for_each(|(input, &x)| *input = T::constant(x));
        for first in part.step_by(count) {
            let block = first..first + count;
            seeds.seed(block.clone(), input);
            f.eval(input, output)?;
            seeds.clear(block.clone(), input);
            seeds.read(block, output);
        }
        y.iter_mut().zip(&*output).for_each(|(y, output)| *y = output.inner());
        Ok(())
    })
}

/// Given tangents: the seeds of a pushforward. `x_dot: k·n`, `y_dot: k·m`.
pub(crate) struct Tangents<'a, S> {
    /// The tangents, one after another.
    pub(crate) x_dot: &'a [S],
    /// Where the derivatives along them go.
    pub(crate) y_dot: &'a mut [S],
}

impl<S: Scalar> Seeds<S> for Tangents<'_, S> {
    fn seed<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]) {
        let n = input.len();
        for (lane, v) in self.x_dot[block.start * n..block.end * n].chunks_exact(n).enumerate() {
            input.iter_mut().zip(v).for_each(|(input, &v)| input.set_tangent(lane, v));
        }
    }

    // The next block, as wide as this one, overwrites every tangent.
    fn clear<T: LaneNumber<Inner = S>>(&self, _: Range<usize>, _: &mut [T]) {}

    fn read<T: LaneNumber<Inner = S>>(&mut self, block: Range<usize>, output: &[T]) {
        let m = output.len();
        let y_dot = &mut self.y_dot[block.start * m..block.end * m];
        for (lane, y_dot) in y_dot.chunks_exact_mut(m).enumerate() {
            y_dot.iter_mut().zip(output).for_each(|(d, output)| *d = output.tangent(lane));
        }
    }
}

/// The unit vectors, read back as the columns of the Jacobian. `jacobian: m·n`.
pub(crate) struct Columns<'a, S> {
    /// The Jacobian, column by column.
    pub(crate) jacobian: &'a mut [S],
}

impl<S: Scalar> Seeds<S> for Columns<'_, S> {
    fn seed<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]) {
        set_units(block, input, S::one());
    }

    fn clear<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]) {
        set_units(block, input, S::zero());
    }

    fn read<T: LaneNumber<Inner = S>>(&mut self, block: Range<usize>, output: &[T]) {
        // Tangent `j` is column `j`.
        Tangents { x_dot: &[], y_dot: self.jacobian }.read(block, output);
    }
}

/// The unit vectors, each column of the Jacobian reduced to its products with the cotangents: the
/// transposed product without the matrix. `y_bar: k·m`, `x_bar: k·n`.
pub(crate) struct Products<'a, S> {
    /// The cotangents, one after another.
    pub(crate) y_bar: &'a [S],
    /// Where the products go.
    pub(crate) x_bar: &'a mut [S],
    /// The number of inputs.
    pub(crate) n: usize,
}

impl<S: Scalar> Seeds<S> for Products<'_, S> {
    fn seed<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]) {
        set_units(block, input, S::one());
    }

    fn clear<T: LaneNumber<Inner = S>>(&self, block: Range<usize>, input: &mut [T]) {
        set_units(block, input, S::zero());
    }

    fn read<T: LaneNumber<Inner = S>>(&mut self, block: Range<usize>, output: &[T]) {
        let cotangents = self.y_bar.chunks_exact(output.len());
        for (w, x_bar) in cotangents.zip(self.x_bar.chunks_exact_mut(self.n)) {
            let x_bar = &mut x_bar[block.clone()];
            x_bar.fill(S::zero());
            for (w, output) in w.iter().zip(output).filter(|(w, _)| !w.vanishes()) {
                for (lane, x_bar) in x_bar.iter_mut().enumerate() {
                    *x_bar += w.strong_mul(output.tangent(lane));
                }
            }
        }
    }
}

/// Sets entry `j` of the tangent numbered `j`, for each in `block`.
fn set_units<T: LaneNumber>(block: Range<usize>, input: &mut [T], entry: T::Inner) {
    for (lane, input) in input[block].iter_mut().enumerate() {
        input.set_tangent(lane, entry);
    }
}
