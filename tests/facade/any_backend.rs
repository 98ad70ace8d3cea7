//! A backend behind `AnyBackend` gives what it gives by itself, to the last bit, for every operation.

use ad::prelude::*;
use ad::{Capability, Operation, Shape};

use crate::function::Sample::{Curve, Failing, Mixing, Potential};

/// Every operation of the interface, in one list of numbers.
fn grid<B: Backend>(backend: &B) -> Vec<f64> {
    let mut out = Vec::new();
    let (x, v, w) = ([0.4, -1.3, 0.8], [1.0, 0.5, -2.0], [0.3, -1.1]);
    let mut p = backend.prepare(&Mixing, &[0.0; 3]).unwrap();
    // Twice, so that the second call runs on used buffers.
    for _ in 0..2 {
        out.extend(p.value(&x).unwrap().iter());
        out.extend(p.pushforward(&x, &v).unwrap().iter());
        out.extend(p.pullback(&x, &w).unwrap().iter());
        out.extend(p.jacobian(&x).unwrap().iter());
        out.extend(p.weighted_hessian(&x, &w).unwrap().iter());
    }
    let mut p = backend.prepare(&Potential, &[0.0; 3]).unwrap();
    for _ in 0..2 {
        out.extend(p.gradient(&x).unwrap().iter());
        out.extend(p.hessian(&x).unwrap().iter());
        out.extend(p.hvp(&x, &v).unwrap().iter());
    }
    let mut p = backend.prepare(&Curve, &[0.0]).unwrap();
    for _ in 0..2 {
        let (mut y, mut derivative, mut second) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        p.value_and_derivative_into(0.7, &mut y, &mut derivative).unwrap();
        p.second_derivative_into(0.7, &mut second).unwrap();
        out.extend(y.iter().chain(&derivative).chain(&second));
    }
    let jacobian = backend.lazy_jacobian(&Mixing, &x).unwrap();
    out.extend(jacobian.apply(&v).unwrap().iter());
    out.extend(jacobian.apply_transpose(&w).unwrap().iter());
    out.extend(jacobian.materialize().unwrap().iter());
    out
}

fn stated<B: Backend>(backend: &B) -> Vec<Capability> {
    let shape = Shape { inputs: 13, outputs: 5 };
    Operation::ALL.iter().map(|&operation| backend.capability(operation, shape)).collect()
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "backends are written in place")]
fn same<B: Backend + Into<AnyBackend>>(direct: B) {
    let any: AnyBackend = direct.clone().into();
    assert_eq!(any.name(), direct.name());
    assert_eq!(any.accuracy(), direct.accuracy());
    assert_eq!(stated(&any), stated(&direct), "{}", any.name());
    assert_eq!(grid(&any), grid(&direct), "{}", any.name());
}

macro_rules! same {
    ($($test:ident: $backend:expr;)*) => {$(
        #[test]
        fn $test() {
            same($backend);
        }
    )*};
}

same! {
    dual_by_two: Dual::default().chunk(2).unwrap();
    num_dual: NumDual::default();
    native_reverse: NativeReverse::default();
    fd: Fd::default();
    finitediff: FiniteDiff::default();
    dual_over_native_reverse: HigherOrder::new(Dual::default(), NativeReverse::default());
}

#[test]
fn the_parts_of_a_pair_are_those_given() {
    let backend: AnyBackend = "dual/native-reverse".parse().unwrap();
    assert_eq!(backend.outer().name(), "dual");
    assert_eq!(backend.inner().name(), "native-reverse");
    let single: AnyBackend = "dual".parse().unwrap();
    assert_eq!((single.outer().name(), single.inner().name()), ("dual".into(), "dual".into()));
}

#[test]
fn all_pairs_are_listed_once() {
    let n = ad::backends().len();
    let mut names: Vec<_> = ad::pairs().iter().map(Engine::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), n * n);
}

#[test]
fn errors_pass_through() {
    for backend in ad::backends().into_iter().chain(ad::pairs()) {
        let name = backend.name();
        let short = backend.gradient(&Potential, &[1.0]);
        assert!(matches!(short, Err(AdError::Shape { found: 1, expected: 3, .. })), "{name}");
        let arity = backend.gradient(&Mixing, &[1.0; 3]);
        assert!(matches!(arity, Err(AdError::Arity { .. })), "{name}");
        let failure = backend.jacobian(&Failing, &[1.0]);
        assert!(matches!(failure, Err(AdError::Function(_))), "{name}: {failure:?}");
    }
}
