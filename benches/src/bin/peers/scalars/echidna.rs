//! echidna: a tape recorded at every call, a program recorded once, and batched dual numbers.

use std::hint::black_box;

use ::echidna::tape::{Tape, TapeGuard};
use ::echidna::{BReverse, BytecodeTape, DualVec, Reverse, record, record_multi};
use num_traits::{Float, ToPrimitive};

use super::number::{Seeded, number};
use super::source::residual;
use super::{ACTIVE, Gradient, MulChain, Objective, Work};

/// The value of a number without derivatives, which always has one.
fn value(x: &impl ToPrimitive) -> f64 {
    x.to_f64().unwrap_or(f64::NAN)
}

number!([] Reverse<f64>, Float (), Reverse::constant, |x| value(&x), |c| c);
number!([] BReverse<f64>, Float (), BReverse::constant, |x| value(&x), |c| c);
number!([const N: usize] DualVec<f64, N>, Float (), DualVec::constant, |x: Self| x.re, |c| c);

impl<const N: usize> Seeded<N> for DualVec<f64, N> {
    fn seeded(value: f64, i: usize) -> Self {
        DualVec::with_tangent(value, i)
    }

    fn tangents(&self) -> [f64; N] {
        self.eps
    }
}

/// Records `f` at `x` on a tape that keeps its memory.
fn recorded<F: Objective>(tape: &mut Tape<f64>, f: &F, x: &[f64]) -> Reverse<f64> {
    tape.clear();
    let inputs: Vec<_> = black_box(x)
        .iter()
        .map(|&x| {
            let (index, value) = tape.new_variable(x);
            Reverse::from_tape(value, index)
        })
        .collect();
    let _recording = TapeGuard::new(tape);
    f.value(&inputs)
}

/// The tape, by the steps of `echidna::grad`, which does not tell the value.
pub(super) fn tape<'a, F: Objective>(f: &'a F, x: &'a [f64]) -> Gradient<'a> {
    let mut tape = Tape::new();
    Box::new(move |y, gradient| {
        let result = recorded(&mut tape, f, x);
        y[0] = value(&result);
        gradient.copy_from_slice(&tape.reverse(result.index())[..x.len()]);
        Ok(())
    })
}

/// A program for `f`, without what does not reach the result or is computed twice.
fn program<F: Objective>(f: &F, x: &[f64]) -> BytecodeTape<f64> {
    let (mut program, _) = record(|x| f.value(x), x);
    program.optimize();
    program
}

/// The program, replayed.
pub(super) fn replay<'a, F: Objective>(f: &F, x: &'a [f64]) -> Gradient<'a> {
    let (mut program, mut adjoints) = (program(f, x), Vec::new());
    Box::new(move |y, gradient| {
        gradient.copy_from_slice(&program.gradient_with_buf(black_box(x), &mut adjoints));
        y[0] = program.output_value();
        Ok(())
    })
}

/// The blocks of P5 from one program; the observed place is an input, too.
pub(super) fn blocks(inputs: &[[f64; 17]]) -> Gradient<'_> {
    let first = inputs.first().copied().unwrap_or_default();
    let all = |x: &[BReverse<f64>]| residual(&std::array::from_fn(|i| x[i])).to_vec();
    let (mut program, _) = record_multi(all, &first);
    program.optimize();
    Box::new(move |y, blocks| {
        let results = y.chunks_exact_mut(2).zip(blocks.chunks_exact_mut(2 * ACTIVE));
        for (x, (y, block)) in black_box(inputs).iter().zip(results) {
            let jacobian = program.jacobian(x);
            y.copy_from_slice(&program.output_values());
            for (row, block) in jacobian.iter().zip(block.chunks_exact_mut(ACTIVE)) {
                block.copy_from_slice(&row[..ACTIVE]);
            }
        }
        Ok(())
    })
}

/// P6 on the tape: recording alone, and with the sweep.
pub(super) fn chain<'a>(links: usize) -> Work<'a> {
    let (mut forward, mut both) = (Tape::new(), Tape::new());
    Work {
        primal: Box::new(move || {
            black_box(recorded(&mut forward, &MulChain(links), &[1.0]));
            Ok(())
        }),
        gradient: Box::new(move |y, gradient| {
            let result = recorded(&mut both, &MulChain(links), &[1.0]);
            y[0] = value(&result);
            gradient[0] = both.reverse(result.index())[0];
            Ok(())
        }),
        value: None,
    }
}

/// P6 by the program.
pub(super) fn replayed_chain<'a>(links: usize) -> Work<'a> {
    let mut program = program(&MulChain(links), &[1.0]);
    Work {
        primal: Box::new(move || {
            program.forward(black_box(&[1.0]));
            black_box(program.output_value());
            Ok(())
        }),
        gradient: replay(&MulChain(links), &[1.0]),
        value: None,
    }
}
