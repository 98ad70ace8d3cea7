//! Stated derivatives, other engines inside, and implicit differentiation.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use std::f64::consts::E;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    AdError, Differentiate, DifferentiateWith, Failure, Function, HigherOrder, ImplicitRoot,
    LinearSolve, Rule, RuleCotangent, RuleTangent, RuleValue, Scalar, opaque,
};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

/// `(a, b) ↦ (a b, sin a)`, counting the calls of its value.
#[derive(Default)]
struct Map {
    values: AtomicUsize,
}

impl RuleValue for Map {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        self.values.fetch_add(1, Ordering::Relaxed);
        y.copy_from_slice(&[x[0] * x[1], x[0].sin()]);
        Ok(())
    }
}

impl RuleTangent for Map {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[1] * x_dot[0] + x[0] * x_dot[1];
        y_dot[1] = x[0].cos() * x_dot[0];
        Ok(())
    }
}

ad_api::rule!(Map: tangent);

/// The same map, known by its cotangent alone.
struct Transposed;

impl RuleValue for Transposed {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        Map::default().value(x, y)
    }
}

impl RuleCotangent for Transposed {
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        x_bar[0] = x[1] * y_bar[0] + x[0].cos() * y_bar[1];
        x_bar[1] = x[0] * y_bar[0];
        Ok(())
    }
}

ad_api::rule!(Transposed: cotangent);

/// `(a, b) ↦ sin(a) · (a² b)`, through a rule applied to `(a, a b)`.
struct Through<R>(Arc<R>);

impl<R> Clone for Through<R> {
    fn clone(&self) -> Self {
        Through(Arc::clone(&self.0))
    }
}

impl<R: Rule> Function for Through<R> {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut inner = [S::from(0.0); 2];
        self.0.apply(&[x[0], x[0] * x[1]], &mut inner)?;
        y[0] = inner[0] * inner[1];
        Ok(())
    }
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-14, "{found} for {expected}");
    }
}

fn check_through<R: Rule>(rule: R) {
    let (f, [a, b]) = (Through(Arc::new(rule)), [0.7_f64, -1.3]);
    let (s, c) = (a.sin(), a.cos());
    let gradient = [c * a * a * b + s * 2.0 * a * b, s * a * a];
    let mixed = c * a * a + s * 2.0 * a;
    let hessian = [-s * a * a * b + 4.0 * c * a * b + s * 2.0 * b, mixed, mixed, 0.0];
    let (dual, tape) = (Dual::default(), NativeReverse::default());
    close(dual.gradient(&f, &[a, b]).unwrap().as_slice(), &gradient);
    close(tape.gradient(&f, &[a, b]).unwrap().as_slice(), &gradient);
    close(
        tape.pushforward(&f, &[a, b], &[1.0, 2.0]).unwrap().as_slice(),
        &[gradient[0] + 2.0 * gradient[1]],
    );
    close(dual.hessian(&f, &[a, b]).unwrap().as_slice(), &hessian);
    close(tape.hessian(&f, &[a, b]).unwrap().as_slice(), &hessian);
    for h in [
        HigherOrder::new(dual, tape).hessian(&f, &[a, b]),
        HigherOrder::new(tape, dual).hessian(&f, &[a, b]),
    ] {
        close(h.unwrap().as_slice(), &hessian);
    }
}

#[test]
fn a_tangent_is_enough() {
    check_through(Map::default());
}

#[test]
fn a_cotangent_is_enough() {
    check_through(Transposed);
}

#[test]
fn a_gradient_evaluates_the_value_of_a_rule_once() {
    let f = Through(Arc::new(Map::default()));
    NativeReverse::default().gradient(&f, &[0.7, -1.3]).unwrap();
    assert_eq!(f.0.values.load(Ordering::Relaxed), 1);
}

#[test]
fn a_rule_checks_its_lengths() {
    let failure = Arc::new(Transposed).apply(&[1.0], &mut [0.0; 2]).unwrap_err();
    assert_eq!(failure.to_string(), "`x` has length 1, expected 2 (the inputs of the rule)");
}

/// `exp` from code that knows `f64` only.
struct Foreign;

impl RuleValue for Foreign {
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

impl RuleTangent for Foreign {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        opaque("Foreign", (x, x_dot), y_dot, |x, x_dot, y_dot| {
            y_dot[0] = x[0].exp() * x_dot[0];
            Ok(())
        })
    }
}

ad_api::rule!(Foreign: tangent);

struct One<R>(Arc<R>);

impl<R> Clone for One<R> {
    fn clone(&self) -> Self {
        One(Arc::clone(&self.0))
    }
}

impl<R: Rule> Function for One<R> {
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
fn opaque_derivatives_serve_first_order_and_say_so_beyond() {
    let f = One(Arc::new(Foreign));
    assert_eq!(Dual::default().derivative(&f, 1.0).unwrap(), E);
    assert_eq!(NativeReverse::default().gradient(&f, &[1.0]).unwrap()[0], E);
    let error = Dual::default().second_derivative(&f, 1.0).unwrap_err();
    assert!(matches!(error, AdError::Rule { rule: "Foreign", .. }), "{error}");
    assert!(error.to_string().contains("opaque `f64` code"), "{error}");
}

/// `(x, y) ↦ (x y², exp x)`.
#[derive(Clone)]
struct Model;

impl Function for Model {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[1] * x[1];
        y[1] = x[0].exp();
        Ok(())
    }
}

/// The product of the outputs of a function of two inputs and two outputs.
#[derive(Clone)]
struct ProductOf<F>(F);

impl<F: Function> Function for ProductOf<F> {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut inner = [S::from(0.0); 2];
        self.0.eval(x, &mut inner)?;
        y[0] = inner[0] * inner[1];
        Ok(())
    }
}

#[test]
fn another_engine_inside_changes_nothing() {
    let (x, plain) = ([0.4, -0.9], ProductOf(Model));
    let expected = Dual::default().value_gradient_and_hessian(&plain, &x).unwrap();
    let dual_inside = ProductOf(DifferentiateWith::new(Dual::default(), Model));
    let tape_inside = ProductOf(DifferentiateWith::new(NativeReverse::default(), Model));
    let all = [
        Dual::default().value_gradient_and_hessian(&dual_inside, &x),
        Dual::default().value_gradient_and_hessian(&tape_inside, &x),
        NativeReverse::default().value_gradient_and_hessian(&dual_inside, &x),
        NativeReverse::default().value_gradient_and_hessian(&tape_inside, &x),
    ];
    for found in all {
        let found = found.unwrap();
        assert_eq!(found.0, expected.0);
        assert!((found.1 - &expected.1).norm() < 1e-15);
        assert!((found.2 - &expected.2).norm() < 1e-14);
    }
}

/// The solution of `[x₀ 1; x₁ x₀] z = (1, x₁)`, by the rule.
#[derive(Clone)]
struct System(Arc<LinearSolve>);

impl Function for System {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], z: &mut [S]) -> Result<(), Failure> {
        let one = S::from(1.0);
        self.0.apply(&[x[0], x[1], one, x[0], one, x[1]], z)
    }
}

/// The same solution in closed form.
#[derive(Clone)]
struct Cramer;

impl Function for Cramer {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], z: &mut [S]) -> Result<(), Failure> {
        let determinant = x[0] * x[0] - x[1];
        z[0] = (x[0] - x[1]) / determinant;
        z[1] = (x[0] * x[1] - x[1]) / determinant;
        Ok(())
    }
}

#[test]
fn a_linear_solve_is_differentiated_implicitly() {
    let (x, w) = ([2.0, 0.5], [1.0, -3.0]);
    let system = System(Arc::new(LinearSolve::new(2)));
    let jacobian = Dual::default().jacobian(&Cramer, &x).unwrap();
    let curvature = Dual::default().weighted_hessian(&Cramer, &x, &w).unwrap();
    assert!((Dual::default().jacobian(&system, &x).unwrap() - &jacobian).norm() < 1e-14);
    assert!((NativeReverse::default().jacobian(&system, &x).unwrap() - &jacobian).norm() < 1e-14);
    let forward = Dual::default().weighted_hessian(&system, &x, &w).unwrap();
    let reverse = NativeReverse::default().weighted_hessian(&system, &x, &w).unwrap();
    assert!((forward - &curvature).norm() < 1e-13);
    assert!((reverse - &curvature).norm() < 1e-13);
}

#[test]
fn a_singular_system_is_a_failure() {
    let error =
        Dual::default().jacobian(&System(Arc::new(LinearSolve::new(2))), &[1.0, 1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the function failed: the 2 x 2 system is singular");
}

/// `F(z, p) = (z₀² + z₁ - p₀, z₁ - p₁ z₀)`.
#[derive(Clone)]
struct Equations;

impl Function for Equations {
    fn inputs(&self) -> usize {
        4
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[0] + x[1] - x[2];
        y[1] = x[1] - x[3] * x[0];
        Ok(())
    }
}

/// Its positive root in closed form: `z₀² + p₁ z₀ = p₀`.
#[derive(Clone)]
struct ClosedForm;

impl Function for ClosedForm {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, p: &[S], z: &mut [S]) -> Result<(), Failure> {
        z[0] = ((p[1] * p[1] / 4.0 + p[0]).sqrt() * 2.0 - p[1]) / 2.0;
        z[1] = p[1] * z[0];
        Ok(())
    }
}

/// The root of [`Equations`] by Newton's method in one unknown, differentiated with `backend` inside.
fn root<B: ad_api::Backend>(backend: B) -> ImplicitRoot<B, Equations> {
    ImplicitRoot::new(backend, Equations, |p, z| {
        let mut z0 = 1.0;
        for _ in 0..50 {
            z0 -= (z0 * z0 + p[1] * z0 - p[0]) / (2.0 * z0 + p[1]);
        }
        z.copy_from_slice(&[z0, p[1] * z0]);
        Ok(())
    })
}

fn check_root<O: Differentiate, I: ad_api::Backend>(outside: &O, inside: I) {
    let (p, w) = ([3.0, 0.5], [1.0, 2.0]);
    let jacobian = Dual::default().jacobian(&ClosedForm, &p).unwrap();
    let curvature = Dual::default().weighted_hessian(&ClosedForm, &p, &w).unwrap();
    let root = root(inside);
    assert!((outside.jacobian(&root, &p).unwrap() - &jacobian).norm() < 1e-14);
    assert!((outside.weighted_hessian(&root, &p, &w).unwrap() - &curvature).norm() < 1e-13);
}

#[test]
fn a_root_is_differentiated_implicitly() {
    let (dual, tape) = (Dual::default(), NativeReverse::default());
    check_root(&tape, dual);
    check_root(&dual, tape);
    check_root(&tape, tape);
    check_root(&dual, dual);
}
