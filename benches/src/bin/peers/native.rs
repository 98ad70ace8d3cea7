//! The engines of this workspace, through the interface.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use ad_api::{AdError, Backend, Chain, Failure, Function, Map, Prepared, Scalar, Scan};
use ad_benches::Observation;
use ad_native_reverse::NativeReverse;

use crate::Outcome;
use crate::measure::{Call, Work};
use crate::problems::ACTIVE;
use crate::scalars::MulChain;

/// The function at `f64`.
pub(crate) fn primal<'a, F: Function>(f: &'a F, x: &'a [f64]) -> Call<'a> {
    let mut y = [0.0];
    Box::new(move || evaluate(f, black_box(x), black_box(&mut y)))
}

fn evaluate<F: Function>(f: &F, x: &[f64], y: &mut [f64]) -> Outcome {
    Ok(f.eval(x, y).map_err(AdError::from)?)
}

/// A gradient through a preparation of the function itself.
pub(crate) fn plain<'a, B: Backend, F: Function>(
    backend: &B,
    f: &'a F,
    x: &'a [f64],
) -> Outcome<Work<'a>>
where
    B::Prepared<F>: 'a,
{
    // Its value alone is the primal.
    Ok(Work { value: None, ..prepared(backend, f, f, x)? })
}

/// A gradient of `f`, which states its structure, against the primal of the plain function; and the
/// value alone, by the same preparation.
pub(crate) fn prepared<'a, B: Backend, P: Function, F: Function + 'a>(
    backend: &B,
    plain: &'a P,
    f: &F,
    x: &'a [f64],
) -> Outcome<Work<'a>>
where
    B::Prepared<F>: 'a,
{
    let prepared = Rc::new(RefCell::new(backend.prepare(f, x)?));
    let (same, mut y) = (prepared.clone(), [0.0]);
    Ok(Work {
        primal: primal(plain, x),
        gradient: Box::new(move |y, gradient| {
            y[0] = prepared.borrow_mut().value_and_gradient_into(black_box(x), gradient)?;
            Ok(())
        }),
        value: Some(Box::new(move || {
            Ok(same.borrow_mut().value_into(black_box(x), black_box(&mut y))?)
        })),
    })
}

/// A product with the Hessian; value and gradient come along.
pub(crate) fn product<'a, P: Function, F: Function + 'a>(
    plain: &'a P,
    f: &F,
    x: &'a [f64],
) -> Outcome<Work<'a>> {
    let mut prepared = NativeReverse::default().prepare(f, x)?;
    let (v, mut hv) = (vec![1.0; x.len()], vec![0.0; x.len()]);
    Ok(Work {
        primal: primal(plain, x),
        gradient: Box::new(move |y, gradient| {
            y[0] = prepared.value_gradient_and_weighted_hvp_into(
                black_box(x),
                &[1.0],
                &v,
                gradient,
                &mut hv,
            )?;
            black_box(&hv);
            Ok(())
        }),
        value: None,
    })
}

/// The primal of P5: every residual.
pub(crate) fn residuals(inputs: &[[f64; 17]]) -> Call<'_> {
    let mut y = [0.0; 2];
    Box::new(move || {
        for x in inputs {
            evaluate(&Observation, black_box(x), black_box(&mut y))?;
        }
        Ok(())
    })
}

/// The blocks of P5, one observation after the other, by a cotangent for each residual; the derivatives
/// by the observed place are left out.
pub(crate) fn rows<'a, B: Backend>(backend: &B, inputs: &'a [[f64; 17]]) -> Outcome<Work<'a>>
where
    B::Prepared<Observation>: 'a,
{
    let mut prepared = backend.prepare(&Observation, &[0.0; 17])?;
    let mut rows = [0.0; 2 * 17];
    Ok(Work {
        primal: residuals(inputs),
        gradient: Box::new(move |y, blocks| {
            let results = y.chunks_exact_mut(2).zip(blocks.chunks_exact_mut(2 * ACTIVE));
            for (x, (y, block)) in black_box(inputs).iter().zip(results) {
                prepared.value_and_pullback_into(x, &[1.0, 0.0, 0.0, 1.0], y, &mut rows)?;
                for (row, block) in rows.chunks_exact(17).zip(block.chunks_exact_mut(ACTIVE)) {
                    block.copy_from_slice(&row[..ACTIVE]);
                }
            }
            Ok(())
        }),
        value: None,
    })
}

/// The blocks of P5, one observation after the other, by a tangent for each active input.
pub(crate) fn columns<'a, B: Backend>(backend: &B, inputs: &'a [[f64; 17]]) -> Outcome<Work<'a>>
where
    B::Prepared<Observation>: 'a,
{
    let mut prepared = backend.prepare(&Observation, &[0.0; 17])?;
    let mut seeds = [0.0; 17 * ACTIVE];
    (0..ACTIVE).for_each(|j| seeds[j * 17 + j] = 1.0);
    Ok(Work {
        primal: residuals(inputs),
        gradient: Box::new(move |y, blocks| {
            let results = y.chunks_exact_mut(2).zip(blocks.chunks_exact_mut(2 * ACTIVE));
            for (x, (y, block)) in black_box(inputs).iter().zip(results) {
                prepared.value_and_pushforward_into(x, &seeds, y, block)?;
            }
            Ok(())
        }),
        value: None,
    })
}

/// The same blocks from one preparation of all residuals.
pub(crate) fn map_blocks<'a>(
    backend: &NativeReverse,
    f: &Map<Observation>,
    x: &'a [f64],
    inputs: &'a [[f64; 17]],
) -> Outcome<Work<'a>> {
    let prepared = Rc::new(RefCell::new(backend.prepare(f, x)?));
    let (same, mut y) = (prepared.clone(), vec![0.0; f.outputs()]);
    Ok(Work {
        primal: residuals(inputs),
        gradient: Box::new(move |y, blocks| {
            Ok(prepared.borrow_mut().value_and_blocks_into(black_box(x), y, blocks)?)
        }),
        value: Some(Box::new(move || {
            Ok(same.borrow_mut().value_into(black_box(x), black_box(&mut y))?)
        })),
    })
}

/// P6 on the tape: recording alone, and with the sweep.
pub(crate) fn chain<'a>(links: usize) -> Outcome<Work<'a>> {
    let mut prepared = NativeReverse::default().prepare(&MulChain(links), &[1.0])?;
    Ok(Work {
        primal: Box::new(move || {
            black_box(NativeReverse::default().linearize(&MulChain(links), black_box(&[1.0]))?);
            Ok(())
        }),
        gradient: Box::new(move |y, gradient| {
            y[0] = prepared.value_and_gradient_into(black_box(&[1.0]), gradient)?;
            Ok(())
        }),
        value: None,
    })
}

/// P6 as a loop: the value alone, and the gradient.
pub(crate) fn loop_chain<'a>(links: usize) -> Outcome<Work<'a>> {
    let f = Chain::new(Twice, Scan::new(Link, 1, links, vec![])?)?;
    let mut value = NativeReverse::default().prepare(&f, &[1.0])?;
    let (mut prepared, mut result) = (value.clone(), [0.0]);
    Ok(Work {
        primal: Box::new(move || Ok(value.value_into(black_box(&[1.0]), black_box(&mut result))?)),
        gradient: Box::new(move |y, gradient| {
            y[0] = prepared.value_and_gradient_into(black_box(&[1.0]), gradient)?;
            Ok(())
        }),
        value: None,
    })
}

/// The factor and the first product of P6, which are the same.
#[derive(Clone)]
struct Twice;

impl Function for Twice {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.fill(x[0]);
        Ok(())
    }
}

/// A link of P6. Inputs: the factor and the product so far.
#[derive(Clone)]
struct Link;

impl Function for Link {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[1] * x[0];
        Ok(())
    }
}
