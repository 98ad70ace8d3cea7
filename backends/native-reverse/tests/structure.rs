//! Preparations of functions that state their structure, against the same functions without it.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ad_api::{
    AdError, Backend, Chain, Differentiate, Failure, Function, Map, Prepared, Rule, RuleTangent,
    RuleValue, Scalar, Scan, Sum,
};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::DMatrix;

/// Numbers in `[-1, 1)` that look random.
fn numbers(n: usize) -> Vec<f64> {
    let mut state = 7_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 2_f64.powi(52) - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// How a [`Body`] computes each of its inputs' contributions.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Elementary functions, no branches.
    Smooth,
    /// Two branches, by the sign of an input.
    Piecewise,
    /// A branch by the primal.
    Primal,
    /// Square roots of squares: at zero, a partial is infinite and its factor zero.
    Kink,
    /// Through a rule that knows `f64` alone.
    Ruled,
    /// No value where an input is above 0.9.
    Failing,
}

/// Two outputs of any number of inputs.
#[derive(Debug, Clone)]
struct Body {
    inputs: usize,
    kind: Kind,
}

/// The cube, as a rule.
struct Cube;

impl RuleValue for Cube {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y[0] = x[0].powi(3);
        Ok(())
    }
}

impl RuleTangent for Cube {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[0] * x[0] * x_dot[0] * 3.0;
        Ok(())
    }
}

ad_api::rule!(Cube: tangent);

impl Function for Body {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.fill(S::from(0.0));
        let mut before = S::from(1.0);
        for (i, &x) in x.iter().enumerate() {
            let term = match self.kind {
                Kind::Smooth => {
                    (x * 0.5 + before).sin() * x.exp() + (x * x + 1.0).ln() / (x + 3.0)
                        - x.tanh().maximum(before.detached())
                }
                Kind::Piecewise if x > 0.0 => x * x * before,
                Kind::Piecewise => -x.exp() + before,
                Kind::Primal if x.primal().abs() < 0.5 => x.cos() * before,
                Kind::Primal => x.recip() * before,
                Kind::Kink => (x * x).sqrt() * before + x,
                Kind::Ruled => {
                    let mut cube = [S::from(0.0)];
                    Arc::new(Cube).apply(&[x], &mut cube)?;
                    cube[0] * before
                }
                Kind::Failing if x > 0.9 => return Err(Failure::new("an input above 0.9")),
                Kind::Failing => x * before,
            };
            y[i % 2] += term;
            before = term;
        }
        Ok(())
    }
}

const KINDS: [Kind; 5] = [Kind::Smooth, Kind::Piecewise, Kind::Primal, Kind::Kink, Kind::Ruled];

/// Hides the structure of a function.
#[derive(Clone)]
struct Plain<F>(F);

impl<F: Function> Function for Plain<F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.0.eval(x, y)
    }
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(1.0_f64, |size, d| size.max(d.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Sums of a few hundred terms in another order.
        let fine = (found - expected).abs() <= 1e-13 * size;
        assert!(fine, "{what}, entry {i}: {found}, expected {expected}");
    }
}

/// Every first-order operation of the preparation against dual numbers through the plain loop.
#[track_caller]
fn check<F: Function>(f: &F, x: &[f64], what: &str) {
    let plain = Plain(f.clone());
    let (n, m) = (f.inputs(), f.outputs());
    let (value, jacobian) = Dual::default().value_and_jacobian(&plain, x).unwrap();
    let mut prepared = NativeReverse::default().prepare(f, x).unwrap();
    // Twice, since memory is kept from the first time.
    for _ in 0..2 {
        let (y, found) = prepared.value_and_jacobian(x).unwrap();
        close(y.as_slice(), value.as_slice(), &format!("{what}: value with the Jacobian"));
        close(found.as_slice(), jacobian.as_slice(), &format!("{what}: Jacobian"));
        let k = 3;
        let (w, v) =
            (DMatrix::from_vec(m, k, numbers(m * k)), DMatrix::from_vec(n, k, numbers(n * k)));
        let (mut y, mut x_bar, mut y_dot) = (vec![0.0; m], vec![0.0; n * k], vec![0.0; m * k]);
        prepared.value_and_pullback_into(x, w.as_slice(), &mut y, &mut x_bar).unwrap();
        close(&y, value.as_slice(), &format!("{what}: value with the pullback"));
        close(&x_bar, (jacobian.transpose() * &w).as_slice(), &format!("{what}: pullback"));
        y.fill(f64::NAN);
        prepared.value_and_pushforward_into(x, v.as_slice(), &mut y, &mut y_dot).unwrap();
        close(&y, value.as_slice(), &format!("{what}: value with the pushforward"));
        close(&y_dot, (&jacobian * &v).as_slice(), &format!("{what}: pushforward"));
    }
}

/// Points where rows take different branches, where all take the same, and with zeros.
fn points(n: usize) -> [Vec<f64>; 3] {
    let mixed = numbers(n);
    let positive = mixed.iter().map(|x| x.abs() * 0.4 + 0.05).collect();
    let with_zeros = mixed.iter().enumerate().map(|(i, &x)| if i % 5 == 0 { 0.0 } else { x });
    let with_zeros = with_zeros.collect();
    [mixed, positive, with_zeros]
}

/// Whether a body has a derivative wherever `x` is zero.
fn regular(kind: Kind, x: &[f64]) -> bool {
    kind != Kind::Kink || !x.contains(&0.0)
}

#[test]
fn rows_that_share_their_inputs() {
    for kind in KINDS {
        for (p, c, rows) in [(1, 0, 1), (2, 1, 8), (3, 2, 21), (4, 0, 9), (6, 3, 35)] {
            let map = Map::shared(Body { inputs: p + c, kind }, rows, numbers(rows * c));
            // Without constants, the number of rows is what was asked for all the same.
            let map = map.unwrap();
            for x in points(p).iter().filter(|x| regular(kind, x)) {
                let what = format!("{kind:?}, {p} shared inputs, {c} constants, {rows} rows");
                check(&map, x, &format!("map of {what}"));
                check(&Sum::new(map.clone()), x, &format!("sum of {what}"));
            }
        }
    }
}

#[test]
fn windows() {
    for kind in KINDS {
        for (p, n, stride) in [(2, 2, 1), (2, 9, 1), (2, 30, 1), (3, 20, 2), (6, 25, 1)] {
            let map = Map::windows(Body { inputs: p, kind }, n, stride).unwrap();
            for x in points(n).iter().filter(|x| regular(kind, x)) {
                let what = format!("{kind:?}, {n} inputs, windows of {p} by {stride}");
                check(&map, x, &format!("map of {what}"));
                check(&Sum::new(map.clone()), x, &format!("sum of {what}"));
            }
        }
    }
}

#[test]
fn tables() {
    for kind in KINDS {
        for (p, c, rows, n) in [(1, 2, 10, 3), (4, 1, 17, 12), (7, 2, 30, 11)] {
            // Rows may read an entry twice.
            let table: Vec<usize> = (0..rows * p).map(|i| (i * i + i / 3) % n).collect();
            let body = Body { inputs: p + c, kind };
            let map = Map::gathered(body, n, rows, table, numbers(rows * c)).unwrap();
            for x in points(n).iter().filter(|x| regular(kind, x)) {
                let what = format!("{kind:?}, {rows} rows of {p} of {n} inputs");
                check(&map, x, &format!("map of {what}"));
                check(&Sum::new(map.clone()), x, &format!("sum of {what}"));
            }
        }
    }
}

#[test]
fn blocks_are_those_of_the_jacobian() {
    for kind in KINDS {
        for (p, rows, n) in [(2, 19, 60), (7, 19, 60), (2, 150, 456), (9, 150, 460), (4, 70, 215)] {
            // No entry twice in a row, so that each entry of a block is one of the Jacobian.
            let table: Vec<usize> = (0..rows * p).map(|i| (i / p * 3 + i % p) % n).collect();
            let map = Map::gathered(Body { inputs: p, kind }, n, rows, table, vec![]).unwrap();
            for x in points(n).iter().filter(|x| regular(kind, x)) {
                let jacobian = Dual::default().jacobian(&Plain(map.clone()), x).unwrap();
                let mut prepared = NativeReverse::default().prepare(&map, x).unwrap();
                let (mut y, mut blocks) = (vec![0.0; 2 * rows], vec![0.0; rows * 2 * p]);
                prepared.value_and_blocks_into(x, &mut y, &mut blocks).unwrap();
                let expected: Vec<f64> = (0..rows * 2 * p)
                    .map(|entry| jacobian[(entry / p, map.index(entry / p / 2, entry % p))])
                    .collect();
                close(&blocks, &expected, &format!("{kind:?}, {p} inputs"));
                close(&y, prepared.value(x).unwrap().as_slice(), "values");
            }
        }
    }
}

#[test]
fn loops_with_few_and_with_many_inputs() {
    for kind in KINDS {
        for inputs in [2, 3, 4, 5, 6, 7, 8, 11] {
            for constants in [0, 1] {
                let body = Body { inputs: inputs + constants, kind };
                // A state of one, so that the other output is a readout.
                let data = numbers(5 * constants);
                let last = Scan::new(body.clone(), 1, 5, data.clone()).unwrap();
                let sum = Scan::sum(body, 1, 5, data).unwrap();
                let x: Vec<f64> = numbers(inputs).iter().map(|x| x * 0.3).collect();
                check(&last, &x, &format!("{kind:?}, {inputs} inputs"));
                check(&sum, &x, &format!("{kind:?}, {inputs} inputs, only the sum"));
            }
        }
    }
}

/// Ten numbers that turn into each other, under two parameters and a constant; the readout is a sum.
#[derive(Debug, Clone)]
struct Ring;

impl Function for Ring {
    fn inputs(&self) -> usize {
        13
    }

    fn outputs(&self) -> usize {
        11
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (p, state, c) = (&x[..2], &x[2..12], x[12]);
        for i in 0..10 {
            let (here, there) = (state[i], state[(i + 1) % 10]);
            let turned = here * p[0] * 0.9 + there * p[1] * 0.1;
            y[i] = turned * 0.99 - turned * there * c * 0.01 + c * 0.02;
        }
        y[10] = state.iter().sum::<S>();
        Ok(())
    }
}

#[test]
fn a_long_loop_is_recorded_step_by_step() {
    let steps = 30_000;
    let x: Vec<f64> = [1.0, 1.0].into_iter().chain(numbers(10)).collect();
    let last = Scan::new(Ring, 10, steps, numbers(steps)).unwrap();
    let sum = Scan::sum(Ring, 10, steps, numbers(steps)).unwrap();
    for (f, k) in [(last, 1), (sum, 2)] {
        let w = numbers(f.outputs() * k);
        let mut prepared = NativeReverse::default().prepare(&f, &x).unwrap();
        let (mut y, mut x_bar) = (vec![0.0; f.outputs()], vec![0.0; 12 * k]);
        prepared.value_and_pullback_into(&x, &w, &mut y, &mut x_bar).unwrap();
        let plain = Plain(f);
        let mut prepared_plain = NativeReverse::default().prepare(&plain, &x).unwrap();
        let (mut expected_y, mut expected) = (y.clone(), x_bar.clone());
        prepared_plain.value_and_pullback_into(&x, &w, &mut expected_y, &mut expected).unwrap();
        assert_eq!(y, expected_y);
        close(&x_bar, &expected, "cotangents of parameters and state");
        let (long, whole) = (prepared.explain(), prepared_plain.explain());
        assert!(long.tape_bytes * 1000 < whole.tape_bytes, "{long}{whole}");
    }
}

#[test]
fn chains() {
    for kind in KINDS {
        let last = Sum::new(Map::shared(Body { inputs: 4, kind }, 13, numbers(26)).unwrap());
        let chain = Chain::new(Body { inputs: 5, kind: Kind::Smooth }, last).unwrap();
        check(&chain, &numbers(5), &format!("{kind:?}"));
    }
}

#[test]
fn zero_times_infinity_is_zero_in_every_row() {
    // At x = 0 the partial of the square root is infinite, and that of x² zero.
    for p in [2, 6] {
        let map = Map::windows(Body { inputs: p, kind: Kind::Kink }, 20, 1).unwrap();
        let x: Vec<f64> = (0..20).map(|i| f64::from(i % 4)).collect();
        let plain = NativeReverse::default().jacobian(&Plain(map.clone()), &x).unwrap();
        let found = NativeReverse::default().prepare(&map, &x).unwrap().jacobian(&x).unwrap();
        assert!(plain.iter().all(|d| !d.is_nan()));
        close(found.as_slice(), plain.as_slice(), "kinks");
    }
}

#[test]
fn a_failing_row_fails_the_call_and_nothing_else() {
    for p in [2, 6] {
        let f = Sum::new(Map::windows(Body { inputs: p, kind: Kind::Failing }, 20, 1).unwrap());
        let (good, mut bad) = (vec![0.5; 20], vec![0.5; 20]);
        bad[15] = 0.95;
        let mut prepared = NativeReverse::default().prepare(&f, &good).unwrap();
        let expected = prepared.pullback(&good, &[1.0, 2.0]).unwrap();
        let error = prepared.pullback(&bad, &[1.0, 2.0]).unwrap_err();
        assert_eq!(error.to_string(), "the function failed: an input above 0.9");
        assert_eq!(prepared.pullback(&good, &[1.0, 2.0]).unwrap(), expected);
    }
}

/// Every elementary function; inputs: two that rows share or gather, one constant.
#[derive(Debug, Clone)]
struct Elementary;

impl Function for Elementary {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (a, b, c) = (x[0] * 0.4, x[1] * 0.4 + 0.1, x[2] * 0.1);
        let small = a * b + c;
        let positive = a * a + b * b + 1.0;
        let periodic = [small.sin(), small.cos(), small.tan(), small.sinc()];
        let inverse = [small.asin(), small.acos(), small.atan(), small.atan2(positive)];
        let hyperbolic = [small.sinh(), small.cosh(), small.tanh(), small.sinhc()];
        let area = [small.asinh(), (positive + 1.0).acosh(), small.atanh()];
        let exponential = [small.exp(), small.exp2(), small.exp_m1(), small.erf()];
        let logarithm = [positive.ln(), small.ln_1p(), positive.log2(), positive.log10()];
        let roots = [positive.sqrt(), positive.cbrt(), positive.recip(), positive.hypot(small)];
        let powers = [small.powi(3), positive.powi(-5), small.powi(0), positive.powf(small)];
        let constants = [positive.pow(2.5), positive.log(S::from(3.0)), small % S::from(0.07)];
        let steps = [small.floor(), small.ceil(), small.round(), small.trunc(), small.fract()];
        let choices = [a.maximum(b), a.minimum(b), a.abs(), -c.maximum(a), b.minimum(c), c.abs()];
        let others = [small.mul_add(positive, a), a.mul_add(S::from(3.0), b), a.detached() * b];
        let terms = (periodic.into_iter().chain(inverse).chain(hyperbolic).chain(area))
            .chain(exponential)
            .chain(logarithm)
            .chain(roots)
            .chain(powers)
            .chain(constants)
            .chain(steps)
            .chain(choices)
            .chain(others);
        y[0] = terms.zip(1..).map(|(term, k)| term * f64::from(k)).sum();
        Ok(())
    }
}

#[test]
fn every_elementary_function() {
    let (rows, n) = (150, 40);
    let shared = Map::shared(Elementary, rows, numbers(rows)).unwrap();
    check(&shared, &[0.7, -0.4], "shared");
    check(&Sum::new(shared), &[0.7, -0.4], "sum over shared");
    let table: Vec<usize> = (0..rows * 2).map(|i| (i * i + i / 3) % n).collect();
    let gathered = Map::gathered(Elementary, n, rows, table, numbers(rows)).unwrap();
    check(&gathered, &numbers(n), "gathered");
    check(&Sum::new(gathered), &numbers(n), "sum over gathered");
}

/// Counts the evaluations.
#[derive(Clone)]
struct Counted<F>(F, Arc<AtomicUsize>);

impl<F: Function> Function for Counted<F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.1.fetch_add(1, Relaxed);
        self.0.eval(x, y)
    }
}

#[test]
fn a_recorded_body_is_not_evaluated_again() {
    let (rows, count) = (150, Arc::new(AtomicUsize::new(0)));
    let map = Map::shared(Counted(Elementary, count.clone()), rows, numbers(rows)).unwrap();
    let mut prepared = NativeReverse::default().prepare(&map, &[0.7, -0.4]).unwrap();
    let (mut y, mut x_bar) = (vec![0.0; rows], [0.0; 2]);
    let mut evaluations = |x: &[f64]| {
        count.store(0, Relaxed);
        prepared.value_and_pullback_into(x, &vec![1.0; rows], &mut y, &mut x_bar).unwrap();
        count.load(Relaxed)
    };
    // The signs of the constants decide two comparisons, and each way is recorded.
    let first = evaluations(&[0.7, -0.4]);
    assert!((1..=4).contains(&first), "{first}");
    assert_eq!(evaluations(&[0.7, -0.4]), 0);
    assert_eq!(evaluations(&[0.6, -0.3]), 0);
}

/// As many ways through it as the constants have: up to three comparisons for each of its bits.
#[derive(Debug, Clone)]
struct Ways;

impl Function for Ways {
    fn inputs(&self) -> usize {
        5
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (x, signs) = x.split_at(1);
        y[0] = signs.iter().fold(x[0], |y, &sign| {
            if sign < 0.0 {
                y.sin()
            } else if sign > 0.5 && y > 0.1 {
                y * y + 0.2
            } else {
                y.exp() * 0.3
            }
        });
        Ok(())
    }
}

#[test]
fn more_ways_through_a_body_than_there_are_programs() {
    let rows = 700;
    let map = Map::shared(Ways, rows, numbers(4 * rows)).unwrap();
    check(&map, &[0.3], "each");
    check(&Sum::new(map), &[0.3], "sum");
}

#[test]
fn what_was_computed_before_changes_no_digit() {
    let (rows, n) = (333, 50);
    let table: Vec<usize> = (0..rows).map(|i| (i * 7) % n).collect();
    let f = Sum::new(Map::gathered(Ways, n, rows, table, numbers(4 * rows)).unwrap());
    let backend = NativeReverse::default();
    let points: Vec<Vec<f64>> =
        (1..5).map(|k| numbers(n).iter().map(|x| x * f64::from(k)).collect()).collect();
    let mut prepared = backend.prepare(&f, &points[0]).unwrap();
    let mut gradient = vec![0.0; n];
    for x in points.iter().chain(&points) {
        let value = prepared.value_and_gradient_into(x, &mut gradient).unwrap();
        let mut fresh = backend.prepare(&f, x).unwrap();
        assert_eq!(prepared.value(x).unwrap()[0], value, "the value with and without a gradient");
        let expected = fresh.value_and_gradient(x).unwrap();
        assert_eq!((value, &gradient[..]), (expected.0, expected.1.as_slice()));
    }
}

/// Products with the Hessian against dual numbers over dual numbers.
#[track_caller]
fn check_second_order<F: Function>(f: &F, x: &[f64], what: &str) {
    let (n, w) = (f.inputs(), numbers(f.outputs()));
    let expected = Dual::default().weighted_hessian(&Plain(f.clone()), x, &w).unwrap();
    let mut prepared = NativeReverse::default().prepare(f, x).unwrap();
    let v = DMatrix::from_vec(n, 2, numbers(2 * n));
    let (mut gradient, mut hv) = (vec![0.0; n], vec![0.0; 2 * n]);
    for _ in 0..2 {
        let value = prepared
            .value_gradient_and_weighted_hvp_into(x, &w, v.as_slice(), &mut gradient, &mut hv)
            .unwrap();
        let y = prepared.value(x).unwrap();
        close(&[value], &[y.iter().zip(&w).map(|(y, w)| y * w).sum()], what);
        let pulled = prepared.pullback(x, &w).unwrap();
        close(&gradient, pulled.as_slice(), &format!("{what}: gradient"));
        close(&hv, (&expected * &v).as_slice(), &format!("{what}: Hessian times vectors"));
        let mut hessian = DMatrix::from_element(n, n, f64::NAN);
        let of_hessian = prepared
            .value_gradient_and_weighted_hessian_into(x, &w, &mut gradient, &mut hessian)
            .unwrap();
        assert_eq!(of_hessian, value, "{what}: value with the Hessian");
        close(&gradient, pulled.as_slice(), &format!("{what}: gradient with the Hessian"));
        close(hessian.as_slice(), expected.as_slice(), &format!("{what}: Hessian"));
    }
}

#[test]
fn second_order() {
    for kind in KINDS {
        let body = |inputs| Body { inputs, kind };
        let shared = Map::shared(body(4), 21, numbers(21)).unwrap();
        let windows = Map::windows(body(2), 67, 1).unwrap();
        let strided = Map::windows(body(3), 23, 2).unwrap();
        let table: Vec<usize> = (0..20 * 3).map(|i| (i * i + i / 3) % 9).collect();
        let gathered = Map::gathered(body(4), 9, 20, table, numbers(20)).unwrap();
        for map in [shared, windows, strided, gathered] {
            let x: Vec<f64> = numbers(map.inputs()).iter().map(|x| x * 0.6).collect();
            check_second_order(&map, &x, &format!("map, {kind:?}"));
            check_second_order(&Sum::new(map), &x, &format!("sum, {kind:?}"));
        }
    }
    let elementary = Map::shared(Elementary, 40, numbers(40)).unwrap();
    check_second_order(&Sum::new(elementary.clone()), &[0.7, -0.4], "elementary functions");
    let (x, w) = ([0.7, -0.4], numbers(40));
    let expected = Dual::default().weighted_hessian(&Plain(elementary.clone()), &x, &w).unwrap();
    let mut prepared = NativeReverse::default().prepare(&elementary, &x).unwrap();
    let hessian = prepared.weighted_hessian(&x, &w).unwrap();
    close(hessian.as_slice(), expected.as_slice(), "Hessian");
}

#[test]
fn second_order_of_chains() {
    for kind in KINDS {
        let last = Sum::new(Map::shared(Body { inputs: 4, kind }, 13, numbers(26)).unwrap());
        let first = Body { inputs: 5, kind: Kind::Smooth };
        let chain = Chain::new(first.clone(), last.clone()).unwrap();
        check_second_order(&chain, &numbers(5), &format!("{kind:?} last"));
        // A rule in the first function, and a loop as the last.
        let chain = Chain::new(Body { inputs: 5, kind }, last).unwrap();
        check_second_order(&chain, &numbers(5), &format!("{kind:?} first"));
        let scan = Scan::new(Body { inputs: 2, kind: Kind::Smooth }, 1, 5, vec![]).unwrap();
        check_second_order(&Chain::new(first, scan).unwrap(), &numbers(5), "a loop last");
    }
}

#[test]
fn second_order_of_a_recorded_body_evaluates_nothing() {
    let (rows, count) = (150, Arc::new(AtomicUsize::new(0)));
    let map = Map::shared(Counted(Elementary, count.clone()), rows, numbers(rows)).unwrap();
    let (f, x) = (Sum::new(map), [0.7, -0.4]);
    let mut prepared = NativeReverse::default().prepare(&f, &x).unwrap();
    let (mut gradient, mut hv) = ([0.0; 2], [0.0; 2]);
    let mut evaluations = |x: &[f64]| {
        count.store(0, Relaxed);
        prepared
            .value_gradient_and_weighted_hvp_into(x, &[1.0], &[1.0, 2.0], &mut gradient, &mut hv)
            .unwrap();
        count.load(Relaxed)
    };
    let first = evaluations(&x);
    assert!((1..=4).contains(&first), "{first}");
    assert_eq!(evaluations(&[0.6, -0.3]), 0);
}

/// The results of all operations of a preparation, as bits, and the bytes that its programs run in.
fn everything<F: Function>(backend: NativeReverse, f: &F, x: &[f64]) -> (Vec<Vec<u64>>, usize) {
    let (n, m) = (f.inputs(), f.outputs());
    let (v, w) = (numbers(n), numbers(m));
    let mut prepared = backend.prepare(f, x).unwrap();
    let (mut y, mut x_bar, mut y_dot) = (vec![0.0; m], vec![0.0; n], vec![0.0; m]);
    let mut results = Vec::new();
    // The second time with programs, and so with threads.
    for _ in 0..2 {
        results.push(prepared.value(x).unwrap().as_slice().to_vec());
        prepared.value_and_pullback_into(x, &w, &mut y, &mut x_bar).unwrap();
        results.extend([y.clone(), x_bar.clone()]);
        prepared.value_and_pushforward_into(x, &v, &mut y, &mut y_dot).unwrap();
        results.extend([y.clone(), y_dot.clone()]);
        let (mut gradient, mut hv) = (vec![0.0; n], vec![0.0; n]);
        prepared.value_gradient_and_weighted_hvp_into(x, &w, &v, &mut gradient, &mut hv).unwrap();
        results.extend([gradient, hv]);
    }
    let bits = results.iter().map(|result| result.iter().map(|x| x.to_bits()).collect()).collect();
    (bits, prepared.explain().programs.iter().map(|program| program.bytes).sum())
}

/// `everything` on 1, 2, 3 and 8 threads.
#[track_caller]
fn check_threads<F: Function>(f: &F, x: &[f64], what: &str) {
    let on = |threads| {
        let threads = NonZero::new(threads).unwrap();
        everything(NativeReverse::default().threads(threads), f, x)
    };
    let (one, alone) = on(1);
    for threads in [2, 3, 8] {
        let (several, together) = on(threads);
        assert_eq!(several, one, "{what} on {threads} threads");
        assert!(together > alone, "{what}: {threads} threads have not been used");
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    // Large enough for threads.
    let (rows, n) = (30_000, 3_000);
    let body = |inputs| Body { inputs, kind: Kind::Smooth };
    let x: Vec<f64> = numbers(rows).iter().map(|x| x * 0.5).collect();
    let windows = Map::windows(body(4), rows, 1).unwrap();
    check_threads(&windows, &x, "map of windows");
    check_threads(&Sum::new(windows), &x, "sum of windows");
    // Branches that differ from row to row.
    let table: Vec<usize> = (0..rows * 2).map(|i| (i * i + i / 3) % n).collect();
    let gathered = Map::gathered(Elementary, n, rows, table, numbers(rows)).unwrap();
    check_threads(&Sum::new(gathered), &x[..n], "sum over a table");
    let shared = Sum::new(Map::shared(body(8), rows, numbers(rows * 4)).unwrap());
    check_threads(&shared, &x[..4], "sum over shared inputs");
    let first = Map::windows(body(2), 3, 1).unwrap();
    check_threads(&Chain::new(first, shared).unwrap(), &x[..3], "chain");
}

#[test]
fn parts_of_a_sum_agree_with_the_plain_loop() {
    // More rows than a part has, of all kinds of windows: narrow, wide, with gaps between them.
    for (p, stride, n) in [(1, 1, 9_000), (2, 1, 20_000), (9, 1, 6_000), (3, 5, 20_000)] {
        for kind in [Kind::Smooth, Kind::Piecewise, Kind::Kink] {
            let map = Map::windows(Body { inputs: p, kind }, n, stride).unwrap();
            let x: Vec<f64> = numbers(n).iter().map(|x| x * 0.5 + 0.01).collect();
            let what = format!("{kind:?}, windows of {p} by {stride}");
            check_pullback(&Sum::new(map.clone()), &x, &format!("sum, {what}"));
            check_pullback(&map, &x, &format!("map, {what}"));
        }
    }
}

/// The pullback against that of the plain loop.
#[track_caller]
fn check_pullback<F: Function>(f: &F, x: &[f64], what: &str) {
    let w = numbers(f.outputs());
    let mut prepared = NativeReverse::default().prepare(f, x).unwrap();
    let mut plain = NativeReverse::default().prepare(&Plain(f.clone()), x).unwrap();
    let (y, x_bar) = prepared.value_and_pullback(x, &w).unwrap();
    let (expected_y, expected) = plain.value_and_pullback(x, &w).unwrap();
    close(y.as_slice(), expected_y.as_slice(), &format!("{what}: value"));
    close(x_bar.as_slice(), expected.as_slice(), &format!("{what}: pullback"));
}

#[test]
fn exact_functions_are_those_of_f64() {
    let n = 500;
    let map = Map::windows(Body { inputs: 1, kind: Kind::Smooth }, n, 1).unwrap();
    let x = numbers(n);
    let mut exact = NativeReverse::default().exact_functions(true).prepare(&map, &x).unwrap();
    let mut expected = vec![0.0; 2 * n];
    map.eval(&x, &mut expected).unwrap();
    assert_eq!(exact.value(&x).unwrap().as_slice(), expected);
}

#[test]
fn an_explanation_says_why_rows_have_no_program() {
    let refusal = |kind| {
        let map = Map::windows(Body { inputs: 2, kind }, 40, 1).unwrap();
        let mut prepared = NativeReverse::default().prepare(&map, &[0.4; 40]).unwrap();
        prepared.pullback(&[0.4; 40], &[1.0; 78]).unwrap();
        prepared.explain().refusal
    };
    assert_eq!(refusal(Kind::Smooth), None);
    let opaque = Some("the body fails, reads a primal or applies a rule");
    assert_eq!(refusal(Kind::Ruled), opaque);
    assert_eq!(refusal(Kind::Primal), opaque);
    let ways = Map::shared(Ways, 700, numbers(2800)).unwrap();
    let mut prepared = NativeReverse::default().prepare(&ways, &[0.3]).unwrap();
    prepared.pullback(&[0.3], &[1.0; 700]).unwrap();
    let explanation = prepared.explain();
    assert_eq!(explanation.refusal, Some("there are more than eight ways through the body"));
    assert_eq!(explanation.programs.len(), 8);
    assert!(explanation.programs.iter().all(|program| program.guards >= 4), "{explanation}");
}

#[test]
fn sizes_that_do_not_fit_are_named() {
    let body = Body { inputs: 2, kind: Kind::Smooth };
    let message = |error: AdError| error.to_string();
    assert_eq!(
        message(Map::shared(body.clone(), 2, vec![0.0; 3]).unwrap_err()),
        "`data` has length 3, expected 2 (the same number of entries for each row)"
    );
    assert_eq!(
        message(Map::gathered(body.clone(), 3, 1, vec![0, 3], vec![]).unwrap_err()),
        "`table` has the index 3, expected less than 3"
    );
    assert_eq!(
        message(Map::windows(body.clone(), 1, 1).unwrap_err()),
        "`x` has length 1, expected 2 (at least one window)"
    );
    assert!(Map::windows(body.clone(), 3, 0).is_err());
    assert!(Scan::new(body.clone(), 3, 1, vec![]).is_err());
    assert!(Chain::new(body.clone(), Body { inputs: 3, ..body.clone() }).is_err());
    let map = Map::windows(body, 4, 1).unwrap();
    let mut prepared = NativeReverse::default().prepare(&map, &[0.0; 4]).unwrap();
    assert_eq!(
        message(prepared.value_and_blocks_into(&[0.0; 4], &mut [0.0; 6], &mut [0.0]).unwrap_err()),
        "`blocks` has length 1, expected 12 (rows, outputs and row inputs)"
    );
}
