//! Rules on the tape: one node each, in both directions and nested.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    AdError, Backend, Differentiate, DifferentiateWith, Failure, Function, HigherOrder,
    LinearOperator, Prepared, Rule, RuleCotangent, RuleTangent, RuleValue, Scalar, opaque,
};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

/// `(a, b, c) ↦ (a b, b c²)`, with both derivatives stated, and the calls of the cotangent counted.
#[derive(Default)]
struct Products {
    cotangents: AtomicUsize,
}

impl RuleValue for Products {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        2
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y.copy_from_slice(&[x[0] * x[1], x[1] * x[2] * x[2]]);
        Ok(())
    }
}

impl RuleTangent for Products {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        v: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[0] * v[1] + x[1] * v[0];
        y_dot[1] = v[1] * x[2] * x[2] + x[1] * x[2] * v[2] * 2.0;
        Ok(())
    }
}

impl RuleCotangent for Products {
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        w: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        self.cotangents.fetch_add(1, Ordering::Relaxed);
        if x[0] > 100.0 {
            return Err(Failure::new("no cotangent here"));
        }
        x_bar[0] = x[1] * w[0];
        x_bar[1] = x[0] * w[0] + x[2] * x[2] * w[1];
        x_bar[2] = x[1] * x[2] * w[1] * 2.0;
        Ok(())
    }
}

ad_api::rule!(Products: tangent, cotangent);

/// Uses the rule between ordinary operations, twice, with a constant among its arguments:
/// `(p, q) = R(x₀², x₁, 3)`, `(r, _) = R(p, x₀, x₁)`, `y = (r q, x₁)`.
///
/// So `p = x₀² x₁`, `q = 9 x₁`, `r = x₀³ x₁`, `y₀ = 9 x₀³ x₁²`.
#[derive(Clone, Default)]
struct Model(Arc<Products>);

impl Function for Model {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut first = [S::from(0.0); 2];
        self.0.apply(&[x[0] * x[0], x[1], S::from(3.0)], &mut first)?;
        let mut second = [S::from(0.0); 2];
        self.0.apply(&[first[0], x[0], x[1]], &mut second)?;
        y[0] = second[0] * first[1];
        y[1] = x[1];
        Ok(())
    }
}

/// Jacobian `j` and weighted Hessian `h` at `x`, by every operation.
fn check<B: Backend>(b: &B, f: &Model, x: &[f64], j: [[f64; 2]; 2], h: [[f64; 2]; 2]) {
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-11, "{found}");
    let mut p = b.prepare(f, x).unwrap();
    let found = p.jacobian(x).unwrap();
    let (mut rows, mut columns) = (vec![0.0; 4], vec![0.0; 4]);
    p.pullback_into(x, &[1.0, 0.0, 0.0, 1.0], &mut rows).unwrap();
    p.pushforward_into(x, &[1.0, 0.0, 0.0, 1.0], &mut columns).unwrap();
    let operator = b.linearize(f, x).unwrap().1;
    let second = p.weighted_hessian(x, &[1.0, 5.0]).unwrap();
    for k in 0..2 {
        let mut unit = [0.0; 2];
        unit[k] = 1.0;
        let (row, column) =
            (operator.apply_transpose(&unit).unwrap(), operator.apply(&unit).unwrap());
        for l in 0..2 {
            close(found[(k, l)], j[k][l]);
            close(rows[2 * k + l], j[k][l]);
            close(columns[2 * k + l], j[l][k]);
            close(row[l], j[k][l]);
            close(column[l], j[l][k]);
            close(second[(k, l)], h[k][l]);
        }
    }
}

#[test]
fn first_and_second_order_in_every_direction() {
    let f = Model::default();
    let (a, b): (f64, f64) = (1.5, 2.0);
    let jacobian = [[27.0 * a * a * b * b, 18.0 * a.powi(3) * b], [0.0, 1.0]];
    let hessian = [[54.0 * a * b * b, 54.0 * a * a * b], [54.0 * a * a * b, 18.0 * a.powi(3)]];
    let (tape, dual) = (NativeReverse::default(), Dual::default());
    check(&tape, &f, &[a, b], jacobian, hessian);
    check(&HigherOrder::new(tape, dual), &f, &[a, b], jacobian, hessian);
    check(&HigherOrder::new(dual, tape), &f, &[a, b], jacobian, hessian);
}

#[test]
fn a_rule_that_a_cotangent_does_not_reach_is_not_called() {
    let f = Model::default();
    let backend = NativeReverse::default();
    assert_eq!(backend.pullback(&f, &[1.5, 2.0], &[0.0, 1.0]).unwrap().as_slice(), [0.0, 1.0]);
    assert_eq!(f.0.cotangents.load(Ordering::Relaxed), 0);
    backend.pullback(&f, &[1.5, 2.0], &[1.0, 0.0]).unwrap();
    assert_eq!(f.0.cotangents.load(Ordering::Relaxed), 2);
}

#[test]
fn an_error_of_the_sweep_reaches_the_caller() {
    let f = Model::default();
    let backend = NativeReverse::default();
    let mut prepared = backend.prepare(&f, &[1.5, 2.0]).unwrap();
    let before = prepared.pullback(&[1.5, 2.0], &[1.0, 1.0]).unwrap();
    let error = prepared.pullback(&[20.0, 2.0], &[1.0, 1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the function failed: no cotangent here");
    assert_eq!(prepared.pullback(&[1.5, 2.0], &[1.0, 1.0]).unwrap(), before);
}

#[test]
fn a_rule_of_constants_is_constant() {
    #[derive(Clone, Default)]
    struct Constants(Arc<Products>);
    impl Function for Constants {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            2
        }
        fn eval<S: Scalar>(&self, _: &[S], y: &mut [S]) -> Result<(), Failure> {
            self.0.apply(&[S::from(2.0), S::from(3.0), S::from(4.0)], y)
        }
    }
    let (y, operator) = NativeReverse::default().linearize(&Constants::default(), &[1.0]).unwrap();
    assert_eq!(y.as_slice(), [6.0, 48.0]);
    assert_eq!(operator.statements(), 0);
    assert_eq!(operator.materialize().unwrap().as_slice(), [0.0, 0.0]);
}

/// `exp` whose cotangent is `f64` code.
struct Opaque;

impl RuleValue for Opaque {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y[0] = x[0].exp();
        Ok(())
    }
}

impl RuleCotangent for Opaque {
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        w: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        opaque("Opaque", (x, w), x_bar, |x, w, out| {
            out[0] = x[0].exp() * w[0];
            Ok(())
        })
    }
}

ad_api::rule!(Opaque: cotangent);

#[derive(Clone)]
struct OpaqueModel(Arc<Opaque>);

impl Function for OpaqueModel {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.0.apply(x, y)
    }
}

#[test]
fn an_opaque_rule_ends_at_its_order_with_an_error() {
    let (f, backend) = (OpaqueModel(Arc::new(Opaque)), NativeReverse::default());
    assert_eq!(backend.gradient(&f, &[1.0]).unwrap()[0], 1f64.exp());
    assert_eq!(backend.derivative(&f, 1.0).unwrap(), 1f64.exp());
    let error = backend.hessian(&f, &[1.0]).unwrap_err();
    assert!(matches!(error, AdError::Rule { rule: "Opaque", .. }), "{error}");
    assert_eq!(backend.gradient(&f, &[1.0]).unwrap()[0], 1f64.exp());
}

#[test]
fn another_engine_inside() {
    let f = Model::default();
    let backend = NativeReverse::default();
    let expected = backend.weighted_hessian(&f, &[1.5, 2.0], &[1.0, 2.0]).unwrap();
    let with_dual = DifferentiateWith::new(Dual::default(), f.clone());
    let with_tape = DifferentiateWith::new(backend, f);
    let found = backend.weighted_hessian(&with_dual, &[1.5, 2.0], &[1.0, 2.0]).unwrap();
    assert!((found - &expected).amax() < 1e-12);
    let found = backend.weighted_hessian(&with_tape, &[1.5, 2.0], &[1.0, 2.0]).unwrap();
    assert!((found - expected).amax() < 1e-12);
}
