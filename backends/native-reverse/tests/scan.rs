//! Preparations of loops: every way of keeping states against dual numbers through the plain loop.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::sync::Arc;

use ad_api::{
    Backend, Chain, Differentiate, Failure, Function, Prepared, Rule, RuleTangent, RuleValue,
    Scalar, Scan,
};
use ad_dual::Dual;
use ad_native_reverse::{Checkpoints, NativeReverse};
use nalgebra::DMatrix;

/// Numbers in `[-1, 1)` that look random.
fn numbers(n: usize) -> Vec<f64> {
    let mut state = 11_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 2_f64.powi(52) - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// What a [`Step`] does beside sums and products.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Nothing.
    Polynomial,
    /// Elementary functions of many kinds.
    Elementary,
    /// Two branches for each entry of the state.
    Branches,
    /// A branch on a parameter, and one on a constant.
    SteadyBranches,
    /// Maxima, absolute values, signs and steps.
    Kinks,
    /// A rule that knows `f64` alone.
    Rule,
    /// A branch on a primal.
    Primal,
    /// A way of its own for each of many constants.
    ManyWays,
}

const KINDS: [Kind; 8] = [
    Kind::Polynomial,
    Kind::Elementary,
    Kind::Branches,
    Kind::SteadyBranches,
    Kind::Kinks,
    Kind::Rule,
    Kind::Primal,
    Kind::ManyWays,
];

/// The square, as a rule.
#[derive(Debug)]
struct Square;

impl RuleValue for Square {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y[0] = x[0] * x[0];
        Ok(())
    }
}

impl RuleTangent for Square {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[0] * x_dot[0] * 2.0;
        Ok(())
    }
}

ad_api::rule!(Square: tangent);

/// A step of a loop; inputs: parameters, state, one constant. The entries of the state stay within
/// `[-2, 2]` or so, and depend on their neighbours. One readout of the next state, one of the old.
#[derive(Clone, Debug)]
struct Step {
    parameters: usize,
    state: usize,
    kind: Kind,
}

impl Function for Step {
    fn inputs(&self) -> usize {
        self.parameters + self.state + 1
    }

    fn outputs(&self) -> usize {
        self.state + 2
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (p, rest) = x.split_at(self.parameters);
        let (state, c) = rest.split_at(self.state);
        for i in 0..self.state {
            let (here, there) = (state[i], state[(i + 1) % self.state]);
            let p = p.get(i % p.len().max(1)).copied().unwrap_or_else(|| S::from(0.5));
            let term = match self.kind {
                Kind::Polynomial => here * there * p,
                Kind::Elementary => {
                    let waves = (here + p).sin() * (there * 0.5).exp() + c[0].cos();
                    waves.tanh() + (here * here + 1.0).sqrt().ln() / (p * p + 2.0)
                        - there.atan2(p * p + 1.5)
                }
                Kind::Branches if here > there => here * p,
                Kind::Branches => there * there - p,
                Kind::SteadyBranches if p > 0.0 && c[0] > 0.5 => here * p,
                Kind::SteadyBranches => there * p * p + here,
                Kind::Kinks => {
                    here.max(there * p) + (here - p).abs() * 0.5 + (there * 3.0).floor() * 0.1
                        - here.min(p).copysign(there)
                }
                Kind::Rule => {
                    let mut square = [S::from(0.0)];
                    Arc::new(Square).apply(&[here + p], &mut square)?;
                    square[0] * 0.1 - there
                }
                Kind::Primal if here.primal() > 0.1 => here * p,
                Kind::Primal => there - p,
                Kind::ManyWays => {
                    let way = (0..20).find(|&way| c[0] < f64::from(way) * 0.1 - 0.9).unwrap_or(20);
                    here * p * (f64::from(way) * 0.05) + there * 0.1
                }
            };
            y[i] = term * 0.4 + here * 0.3 + c[0] * 0.2;
        }
        y[self.state] = y[..self.state].iter().map(|&s| s * s).sum();
        y[self.state + 1] = state[0] * p.first().copied().unwrap_or_else(|| S::from(1.0)) + c[0];
        Ok(())
    }
}

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
        let fine = (found - expected).abs() <= 1e-12 * size;
        assert!(fine, "{what}, entry {i}: {found}, expected {expected}");
    }
}

const ALL: [Checkpoints; 6] = [
    Checkpoints::Automatic,
    Checkpoints::All,
    Checkpoints::SquareRoot,
    Checkpoints::Logarithmic,
    Checkpoints::Count(1),
    Checkpoints::Count(3),
];

/// Values, pullbacks and Jacobians of a preparation with these checkpoints, at several points.
#[track_caller]
fn check<F: Function>(
    f: &F,
    checkpoints: Checkpoints,
    budget: usize,
    points: &[Vec<f64>],
    what: &str,
) {
    let backend = NativeReverse::default().checkpoints(checkpoints).budget(budget);
    let (n, m, k) = (f.inputs(), f.outputs(), 2);
    let mut prepared = backend.prepare(f, &points[0]).unwrap();
    for x in points {
        let (value, jacobian) = Dual::default().value_and_jacobian(&Plain(f.clone()), x).unwrap();
        let mut plain = vec![0.0; m];
        f.eval(x, &mut plain).unwrap();
        let w = DMatrix::from_vec(m, k, numbers(m * k));
        let (mut y, mut x_bar) = (vec![f64::NAN; m], vec![f64::NAN; n * k]);
        prepared.value_and_pullback_into(x, w.as_slice(), &mut y, &mut x_bar).unwrap();
        assert_eq!(y, plain, "{what}: value");
        close(&x_bar, (jacobian.transpose() * &w).as_slice(), &format!("{what}: pullback"));
        let (y, found) = prepared.value_and_jacobian(x).unwrap();
        close(y.as_slice(), value.as_slice(), &format!("{what}: value with the Jacobian"));
        close(found.as_slice(), jacobian.as_slice(), &format!("{what}: Jacobian"));
    }
}

/// Points that differ, and the first again.
fn points(n: usize) -> Vec<Vec<f64>> {
    let all = numbers(3 * n);
    let mut points: Vec<Vec<f64>> =
        if n == 0 { vec![vec![]; 3] } else { all.chunks(n).map(<[f64]>::to_vec).collect() };
    points.push(points[0].clone());
    points
}

#[test]
fn every_schedule_is_right() {
    for kind in KINDS {
        // Few and many inputs, a state in registers and one that is not.
        for (parameters, state) in [(1, 1), (3, 2), (0, 3), (2, 9), (12, 3)] {
            for steps in [0, 1, 2, 23] {
                let step = Step { parameters, state, kind };
                let data = if steps == 0 { vec![] } else { numbers(steps) };
                // Without steps there are no constants, and the constant of a step is a parameter.
                let last = Scan::new(step.clone(), state, steps, data.clone()).unwrap();
                let sum = Scan::sum(step, state, steps, data).unwrap();
                for checkpoints in ALL {
                    let what = format!(
                        "{kind:?}, {parameters} parameters, {state} entries, {steps} steps, {checkpoints:?}"
                    );
                    let points = points(last.inputs());
                    check(&last, checkpoints, 1 << 26, &points, &what);
                    if checkpoints == Checkpoints::Automatic {
                        check(&sum, checkpoints, 1 << 26, &points[..1], &format!("sums of {what}"));
                    }
                }
            }
        }
    }
}

#[test]
fn a_small_budget_is_kept_to() {
    for kind in [Kind::Elementary, Kind::Branches, Kind::Rule] {
        let steps = 3_000;
        let step = Step { parameters: 4, state: 10, kind };
        let f = Scan::new(step, 10, steps, numbers(steps)).unwrap();
        let x = numbers(14);
        let budget = 20_000;
        let backend = NativeReverse::default().budget(budget);
        let mut prepared = backend.prepare(&f, &x).unwrap();
        let w = numbers(f.outputs());
        let (mut y, mut x_bar) = (vec![0.0; f.outputs()], vec![0.0; 14]);
        prepared.value_and_pullback_into(&x, &w, &mut y, &mut x_bar).unwrap();
        let explanation = prepared.explain();
        let scan = explanation.scan.as_ref().unwrap();
        assert!(scan.bytes <= budget + 1_000, "{explanation}");
        assert!(scan.checkpoints > 1 && scan.evaluations > steps, "{explanation}");
        assert!(scan.evaluations < 5 * steps, "{explanation}");
        let plain = Plain(f);
        let mut prepared = NativeReverse::default().prepare(&plain, &x).unwrap();
        let (mut plain_y, mut expected) = (y.clone(), x_bar.clone());
        prepared.value_and_pullback_into(&x, &w, &mut plain_y, &mut expected).unwrap();
        assert_eq!(y, plain_y);
        close(&x_bar, &expected, &format!("{kind:?}"));
    }
}

/// A damped rotation, whose inputs are the damping and the angle.
#[derive(Clone, Debug)]
struct Rotation;

impl Function for Rotation {
    fn inputs(&self) -> usize {
        4
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (sin, cos) = (x[1].sin(), x[1].cos());
        y[0] = (x[2] * cos - x[3] * sin) * x[0];
        y[1] = (x[2] * sin + x[3] * cos) * x[0];
        Ok(())
    }
}

#[test]
fn a_million_steps_in_a_few_kilobytes() {
    let steps = 1_000_000;
    let f = Scan::new(Rotation, 2, steps, vec![]).unwrap();
    let x = [1.0 - 1e-7, 1e-6, 0.6, -0.8];
    for checkpoints in [Checkpoints::Count(30), Checkpoints::Logarithmic] {
        let mut prepared =
            NativeReverse::default().checkpoints(checkpoints).prepare(&f, &x).unwrap();
        let (mut y, mut x_bar) = ([0.0; 2], [0.0; 4]);
        prepared.value_and_pullback_into(&x, &[1.0, 2.0], &mut y, &mut x_bar).unwrap();
        // rᵀ R(T a) s, and its derivatives with respect to r and a.
        let (r, a, t) = (x[0].powi(1_000_000), x[1] * steps as f64, steps as f64);
        let turned = |a: f64, s: [f64; 2]| {
            [s[0] * a.cos() - s[1] * a.sin(), s[0] * a.sin() + s[1] * a.cos()]
        };
        let [u, v] = turned(a, [x[2], x[3]]);
        let (value, across) = (r * (u + 2.0 * v), r * (2.0 * u - v));
        let first = [turned(a, [1.0, 0.0]), turned(a, [0.0, 1.0])].map(|[u, v]| r * (u + 2.0 * v));
        let expected = [t * value / x[0], t * across, first[0], first[1]];
        for (found, expected) in x_bar.iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-8, "{checkpoints:?}: {x_bar:?}");
        }
        if let Some(scan) = prepared.explain().scan {
            assert!(scan.bytes < 4096, "{scan}");
            assert!(scan.evaluations < 10 * steps, "{scan}");
        }
    }
}

/// Fails where the state is large; grows otherwise.
#[derive(Clone, Debug)]
struct Limited;

impl Function for Limited {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        if x[1] > 10.0 {
            return Err(Failure::new("the state is too large"));
        }
        y[0] = x[0] * x[1];
        Ok(())
    }
}

#[test]
fn a_step_that_fails_fails_the_call_and_nothing_else() {
    let f = Scan::new(Limited, 1, 6, vec![]).unwrap();
    for checkpoints in ALL {
        let backend = NativeReverse::default().checkpoints(checkpoints);
        let mut prepared = backend.prepare(&f, &[1.5, 1.0]).unwrap();
        for _ in 0..2 {
            let error = prepared.gradient(&[2.0, 1.0]).unwrap_err();
            assert_eq!(error.to_string(), "the function failed: the state is too large");
            let gradient = prepared.gradient(&[1.5, 1.0]).unwrap();
            close(
                gradient.as_slice(),
                &[6.0 * 1.5_f64.powi(5), 1.5_f64.powi(6)],
                "after a failure",
            );
        }
    }
}

/// `√(s²)` and a product with a parameter, so that zero times infinity comes up at zero.
#[derive(Clone, Debug)]
struct Root;

impl Function for Root {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[1] * 0.5;
        y[1] = (x[1] * x[1]).sqrt() * x[0];
        Ok(())
    }
}

#[test]
fn zero_times_infinity_is_zero() {
    let f = Scan::sum(Root, 1, 5, vec![]).unwrap();
    for checkpoints in ALL {
        let backend = NativeReverse::default().checkpoints(checkpoints);
        let mut prepared = backend.prepare(&f, &[1.0, 0.0]).unwrap();
        let plain = NativeReverse::default().gradient(&Plain(f.clone()), &[1.0, 0.0]).unwrap();
        assert!(plain.iter().all(|d| d.is_finite()));
        assert_eq!(prepared.gradient(&[1.0, 0.0]).unwrap(), plain);
        let gradient = prepared.gradient(&[2.0, 1.0]).unwrap();
        close(gradient.as_slice(), &[1.9375, 3.875], "away from zero");
    }
}

#[test]
fn explanations_tell_how_a_loop_is_reversed() {
    let step = Step { parameters: 3, state: 12, kind: Kind::Branches };
    let f = Scan::sum(step, 12, 100, numbers(100)).unwrap();
    let x = numbers(15);
    let mut prepared =
        NativeReverse::default().checkpoints(Checkpoints::SquareRoot).prepare(&f, &x).unwrap();
    assert_eq!(prepared.explain().scan, None);
    prepared.pullback(&x, &[1.0, 1.0]).unwrap();
    let explanation = prepared.explain();
    let scan = explanation.scan.clone().unwrap();
    assert_eq!((scan.steps, scan.recorded_steps, scan.checkpoints), (100, 10, 10));
    assert_eq!(scan.evaluations, 190);
    // Either a few ways, or more than there are programs for.
    assert!(!scan.programs.is_empty(), "{explanation}");
    assert!(scan.programs.iter().all(|program| program.guards >= 12), "{explanation}");
    if cfg!(feature = "jit") {
        assert!(scan.programs.iter().all(|program| program.machine_code > 0), "{explanation}");
    }
    let text = explanation.to_string();
    assert!(
        text.contains("loop of 100 steps: 10 checkpoints, 10 steps recorded at a time"),
        "{text}"
    );
}

#[test]
fn a_loop_at_the_end_of_a_chain() {
    let step = Step { parameters: 3, state: 9, kind: Kind::Elementary };
    let scan = Scan::sum(step, 9, 20, numbers(20)).unwrap();
    let first =
        Scan::new(Step { parameters: 10, state: 1, kind: Kind::Polynomial }, 1, 1, [0.5]).unwrap();
    assert_eq!(first.outputs(), 3);
    let first = Widened(first, 12);
    let chain = Chain::new(first, scan).unwrap();
    for checkpoints in ALL {
        check(&chain, checkpoints, 1 << 26, &points(11), &format!("{checkpoints:?}"));
    }
}

/// The outputs of a function again and again, with a factor.
#[derive(Clone)]
struct Widened<F>(F, usize);

impl<F: Function> Function for Widened<F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut all = vec![S::from(0.0); self.0.outputs()];
        self.0.eval(x, &mut all)?;
        for (i, y) in y.iter_mut().enumerate() {
            *y = all[i % all.len()] * (i + 1) as f64 * 0.1;
        }
        Ok(())
    }
}
