//! The suite of what differentiates array programs, on scalar backends that run them on the host.

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Arrays, Flat, Host, HostTensor, Tensor, evaluate, flatten,
    unflatten,
};
use ad_api::{AdError, Differentiate, Engine, Result};
use ad_conformance::{ArrayLaw, ArraySubject, ArraySweeps, Steps};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

/// A scalar backend as an engine of array programs.
#[derive(Debug, Clone)]
struct Through<B> {
    backend: B,
    fault: fn(&mut [f64]),
}

fn through<B>(backend: B) -> Through<B> {
    Through { backend, fault: |_| {} }
}

impl<B: Engine> Engine for Through<B> {
    fn name(&self) -> String {
        format!("{} on the host", self.backend.name())
    }
}

/// Checks that arrays have these shapes.
fn check<T: Tensor>(
    what: &'static str,
    dims: &[ad_api::array::Dims],
    arrays: &[Array<T>],
) -> Result<()> {
    if arrays.iter().map(Array::dims).eq(dims.iter().copied()) {
        return Ok(());
    }
    let found = format!("{:?}", arrays.iter().map(Array::dims).collect::<Vec<_>>());
    Err(AdError::Array { operation: what, found, expected: format!("{dims:?}") })
}

impl<B: ad_api::Backend> ArrayBackend for Through<B> {
    type Tensor = HostTensor<f64>;

    fn device(&self) -> Result<Host> {
        Ok(Host)
    }

    fn value_and_pullbacks<F: ArrayFunction>(
        &self,
        f: &F,
        x: &[Array<HostTensor<f64>>],
        y_bars: &[Arrays<Self>],
    ) -> Result<(Arrays<Self>, Vec<Arrays<Self>>)> {
        let y = evaluate(f, x)?;
        let (flat, at) = (Flat::new(f.clone()), flatten(x)?);
        let pull = |y_bar: &Arrays<Self>| {
            check("y_bar", &f.outputs(), y_bar)?;
            let x_bar = self.backend.pullback(&flat, &at, &flatten(y_bar)?)?;
            let mut x_bar = x_bar.as_slice().to_vec();
            (self.fault)(&mut x_bar);
            unflatten(&Host, &f.inputs(), &x_bar)
        };
        Ok((y, y_bars.iter().map(pull).collect::<Result<_>>()?))
    }
}

fn forward() -> ArraySweeps<HostTensor<f64>> {
    ArraySweeps::new("dual on the host", Host).pushforward(|f: &Steps, x, x_dots| {
        let y = evaluate(f, x)?;
        let (flat, at) = (Flat::new(f.clone()), flatten(x)?);
        let push = |x_dot: &Vec<Array<_>>| {
            check("x_dot", &f.inputs(), x_dot)?;
            let y_dot = Dual::default().pushforward(&flat, &at, &flatten(x_dot)?)?;
            unflatten(&Host, &f.outputs(), y_dot.as_slice())
        };
        Ok((y, x_dots.iter().map(push).collect::<Result<_>>()?))
    })
}

fn second() -> ArraySweeps<HostTensor<f64>> {
    ArraySweeps::new("dual over reverse on the host", Host).hvp(|f: &Steps, x, y_bar, x_dot| {
        let backend = ad_api::HigherOrder::new(Dual::default(), NativeReverse::default());
        let flat = Flat::new(f.clone());
        let (x, w, v) = (flatten(x)?, flatten(y_bar)?, flatten(x_dot)?);
        let hessian = backend.weighted_hessian(&flat, &x, &w)?;
        let product = hessian * nalgebra::DVector::from_vec(v);
        unflatten(&Host, &f.inputs(), product.as_slice())
    })
}

ad_conformance::array_suite!(mod reverse: through(NativeReverse::default()));
ad_conformance::array_suite!(mod dual: through(Dual::default()), tol = 1e-12);
ad_conformance::array_suite!(mod dual_pushforward: pushforward of forward());
ad_conformance::array_suite!(mod dual_over_reverse: hvp of second());

/// An engine that is wrong in one way is rejected by these laws.
fn rejected_by(fault: fn(&mut [f64]), laws: &[ArrayLaw]) {
    let engine = Through { backend: NativeReverse::default(), fault };
    let broken = ArraySubject::new(engine).map(|subject| subject.broken_laws());
    let of_pullback = |law: &ArrayLaw| law.name().contains("pull");
    let broken: Vec<_> = broken.into_iter().flatten().filter(of_pullback).collect();
    assert_eq!(broken, laws);
}

#[test]
fn wrong_engines_are_rejected() {
    rejected_by(|_| {}, &[]);
    let but_for_seeds = [ArrayLaw::Pullback, ArrayLaw::PullbackNetworks, ArrayLaw::PullbackKinks];
    // A silent zero in front, a small relative error, a NaN where zero meets infinity.
    rejected_by(|x_bar| x_bar.iter_mut().take(1).for_each(|x| *x = 0.0), &but_for_seeds);
    rejected_by(|x_bar| x_bar.iter_mut().for_each(|x| *x *= 1.0 + 1e-9), &but_for_seeds);
    rejected_by(
        |x_bar| x_bar.iter_mut().filter(|x| x.is_infinite()).for_each(|x| *x = f64::NAN),
        &[ArrayLaw::PullbackKinks],
    );
}

#[test]
fn a_mode_that_is_missing_is_no_mode_that_is_right() {
    let subject = ArraySubject::from(forward());
    assert!(subject.check(ArrayLaw::Pushforward).is_empty());
    assert!(!subject.check(ArrayLaw::Pullback).is_empty());
    assert!(!subject.check(ArrayLaw::PullbackShapes).is_empty());
    assert!(!subject.check(ArrayLaw::Hvp).is_empty());
}
