//! Compiled mode: branches, what stays on the tape, saved programs.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
#![allow(clippy::float_cmp, reason = "values are those of the plain evaluation bit for bit")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    AdError, Backend, Differentiate, Failure, Function, Map, Prepared, Rule, RuleTangent,
    RuleValue, Scalar, Sum,
};
use ad_native_reverse::{
    CompiledProgram, Constants, InvalidProgram, Mode, NativeReverse, SavedProgram, TapePrepared,
};
use nalgebra::DMatrix;

/// A function from a body over any scalar, which counts its evaluations.
macro_rules! function {
    ($Name:ident($n:expr => $m:expr): |$x:ident, $y:ident| $body:expr) => {
        #[derive(Clone, Default)]
        struct $Name {
            evaluations: Arc<AtomicUsize>,
        }
        impl $Name {
            #[allow(dead_code, reason = "not every test counts")]
            fn evaluations(&self) -> usize {
                self.evaluations.load(Ordering::Relaxed)
            }
        }
        impl Function for $Name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                $m
            }
            fn eval<S: Scalar>(&self, $x: &[S], $y: &mut [S]) -> Result<(), Failure> {
                self.evaluations.fetch_add(1, Ordering::Relaxed);
                $body;
                Ok(())
            }
        }
    };
}

// Two smooth outputs of three inputs.
function!(Smooth(3 => 2): |x, y| {
    y[0] = x[0] * x[1].sin() + (x[2] / x[0]).exp();
    y[1] = (x[0] * x[0] + x[1].powi(3)).sqrt() * x[2].tanh() - x[0].powf(x[2]);
});

// Eight pieces: one for each octant.
function!(Octants(3 => 1): |x, y| {
    let mut sum = S::from(0.0);
    for (k, &x) in x.iter().enumerate() {
        let k = S::from(k as f64 + 1.0);
        sum = if x < 0.0 { sum - x * x * k } else { sum * x + x.exp() * k };
    }
    y[0] = sum;
});

// As many pieces as there are integers.
function!(Stairs(1 => 1): |x, y| {
    let (mut rest, mut level) = (x[0], S::from(0.0));
    while rest > 1.0 {
        rest -= 1.0;
        level += rest * rest;
    }
    y[0] = level;
});

fn compiled<F: Function>(f: &F) -> TapePrepared<F> {
    NativeReverse::compiled().prepare(f, &vec![0.0; f.inputs()]).unwrap()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= 1e-13 * expected.abs().max(1.0), "{found} for {expected}");
    }
}

/// All derivatives of `f` at `x` in one list, and its value at the front.
fn everything(p: &mut impl Prepared, x: &[f64]) -> Vec<f64> {
    let shape = p.shape();
    let (n, m) = (shape.inputs, shape.outputs);
    let w: Vec<f64> = (0..2 * m).map(|i| 1.5 - i as f64).collect();
    let v: Vec<f64> = (0..2 * n).map(|j| 0.5 + (j as f64).sin()).collect();
    let (mut y, mut x_bar, mut y_dot) = (vec![0.0; m], vec![0.0; 2 * n], vec![0.0; 2 * m]);
    let (mut g, mut hv) = (vec![0.0; n], vec![0.0; 2 * n]);
    let (mut j, mut h) = (DMatrix::zeros(m, n), DMatrix::zeros(n, n));
    let mut all = Vec::new();
    p.value_into(x, &mut y).unwrap();
    all.extend_from_slice(&y);
    p.value_and_pullback_into(x, &w, &mut y, &mut x_bar).unwrap();
    all.extend(y.iter().chain(&x_bar));
    p.value_and_pushforward_into(x, &v, &mut y, &mut y_dot).unwrap();
    all.extend(y.iter().chain(&y_dot));
    p.value_and_jacobian_into(x, &mut y, &mut j).unwrap();
    all.extend(y.iter().chain(j.as_slice()));
    let value = p.value_gradient_and_weighted_hvp_into(x, &w[..m], &v, &mut g, &mut hv).unwrap();
    all.extend(g.iter().chain(&hv).chain([&value]));
    let value = p.value_gradient_and_weighted_hessian_into(x, &w[..m], &mut g, &mut h).unwrap();
    all.extend(g.iter().chain(h.as_slice()).chain([&value]));
    all
}

#[test]
fn all_derivatives_come_from_one_record() {
    let f = Smooth::default();
    let mut p = compiled(&f);
    let points = [[1.0, 0.5, -0.25], [0.3, 2.0, 1.0], [2.0, -0.5, 0.1]];
    everything(&mut p, &points[0]);
    let after = f.evaluations();
    for x in points {
        let mut found = vec![0.0; 2];
        p.value_and_pullback_into(&x, &[1.0, 1.0], &mut found, &mut [0.0; 3]).unwrap();
        let mut expected = vec![0.0; 2];
        Smooth::default().eval(&x, &mut expected).unwrap();
        assert_eq!(found, expected);
    }
    assert_eq!(f.evaluations(), after, "the function was evaluated again");
    for x in points {
        let mut tape = NativeReverse::default().prepare(&f, &x).unwrap();
        close(&everything(&mut p, &x), &everything(&mut tape, &x));
    }
}

#[test]
fn every_branch_is_recorded_once() {
    let f = Octants::default();
    let mut p = compiled(&f);
    let octants: Vec<[f64; 3]> = (0..8)
        .map(|k| {
            [0, 1, 2].map(|bit| if k >> bit & 1 == 0 { 0.5 } else { -0.75 } + f64::from(k) * 0.01)
        })
        .collect();
    for (k, x) in octants.iter().enumerate() {
        let expected = NativeReverse::default().gradient(&Octants::default(), x).unwrap();
        close(p.gradient(x).unwrap().as_slice(), expected.as_slice());
        assert_eq!(f.evaluations(), k + 1);
    }
    for x in octants.iter().chain(octants.iter().rev()) {
        let x = x.map(|x| x * 1.25);
        let expected = NativeReverse::default().gradient(&Octants::default(), &x).unwrap();
        close(p.gradient(&x).unwrap().as_slice(), expected.as_slice());
    }
    assert_eq!(f.evaluations(), 8, "a branch was recorded twice");
    let explanation = p.explain();
    assert_eq!((explanation.mode, explanation.branches.len()), (Mode::Compiled, 8));
    assert!(explanation.branches.iter().all(|branch| branch.guards == 3));
    assert_eq!(explanation.refusal, None);
}

#[test]
fn the_branch_that_was_not_taken_for_longest_goes() {
    let f = Stairs::default();
    let mut p = compiled(&f);
    let slope = |p: &mut TapePrepared<Stairs>, level: usize| {
        let x = level as f64 + 0.5;
        let found = p.derivative(x).unwrap();
        let expected: f64 = (0..level).map(|k| 2.0 * (k as f64 + 0.5)).sum();
        close(&[found], &[expected]);
    };
    (0..16).for_each(|level| slope(&mut p, level));
    slope(&mut p, 0);
    assert_eq!((f.evaluations(), p.explain().branches.len()), (16, 16));
    // Forgets level 1, not 0.
    slope(&mut p, 16);
    assert_eq!((f.evaluations(), p.explain().branches.len()), (17, 16));
    slope(&mut p, 0);
    assert_eq!(f.evaluations(), 17);
    slope(&mut p, 1);
    assert_eq!(f.evaluations(), 18);
}

#[test]
fn too_many_branches_are_left_to_the_tape() {
    let f = Stairs::default();
    let mut p = compiled(&f);
    for round in 0..5 {
        for level in 0..20_u32 {
            let x = f64::from(level) + 0.25;
            let expected: f64 = (0..level).map(|k| 2.0 * (f64::from(k) + 0.25)).sum();
            close(&[p.derivative(x).unwrap()], &[expected]);
            // Recorded at most 64 times in vain; then each call evaluates once all the same.
            assert!(f.evaluations() <= 20 * round + level as usize + 1);
        }
    }
    let refusal = p.explain().refusal.unwrap();
    assert_eq!(refusal, "there are more ways through the function than are kept");
}

// Derivatives that are zero times infinity in products: √x² at 0, and the like.
function!(Singular(2 => 1): |x, y| {
    y[0] = (x[0] * x[0]).sqrt() * x[1] + x[1].ln() * S::from(0.0);
});

#[test]
fn zero_times_infinity_is_as_on_the_tape() {
    for x in [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [2.0, 3.0], [-1.0, f64::INFINITY]] {
        let f = Singular::default();
        let expected = NativeReverse::default().gradient(&f, &x).unwrap();
        let found = compiled(&f).gradient(&x).unwrap();
        let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
        assert!(
            found.iter().map(bits).eq(expected.iter().map(bits)),
            "{found} {expected} at {x:?}"
        );
    }
}

/// `x²` as a rule.
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

function!(WithRule(1 => 1): |x, y| Arc::new(Square).apply(&[x[0].sin()], y)?);
function!(WithPrimal(1 => 1): |x, y| y[0] = x[0] * S::from(x[0].primal()));

#[test]
fn rules_and_primals_are_left_to_the_tape_with_a_reason() {
    let mut p = compiled(&WithRule::default());
    for x in [0.5, 1.5] {
        close(&[p.derivative(x).unwrap()], &[2.0 * x.sin() * x.cos()]);
    }
    let refusal = p.explain().refusal.unwrap();
    assert_eq!(refusal, "the function applies a rule, which is no operation of a program");
    let explanation = p.explain().to_string();
    assert!(explanation.starts_with("mode: compiled\n") && explanation.contains(refusal));

    let f = WithPrimal::default();
    let mut p = compiled(&f);
    close(&[p.derivative(3.0).unwrap(), p.derivative(4.0).unwrap()], &[3.0, 4.0]);
    assert!(p.explain().refusal.unwrap().contains("reads a primal"));
    // Not recorded in vain again.
    assert_eq!(f.evaluations(), 3);
    assert!(p.program().is_none());
    let error = CompiledProgram::record(&f, &[1.0]).unwrap_err();
    assert!(matches!(error, AdError::Unsupported { .. }), "{error}");
}

#[test]
fn constants_change_without_recording() {
    let f = Smooth::default();
    let partly = Constants::new(f.clone(), &[2]).unwrap();
    let mut p = compiled(&partly);
    p.jacobian(&[1.0, 0.5, 0.75]).unwrap();
    let after = f.evaluations();
    for x in [[1.0, 0.5, -0.25], [0.3, 2.0, 1.0]] {
        let mut found = p.jacobian(&x).unwrap();
        assert_eq!(found.column(2).as_slice(), [0.0, 0.0]);
        found.set_column(
            2,
            &NativeReverse::default().jacobian(&Smooth::default(), &x).unwrap().column(2),
        );
        let expected = NativeReverse::default().jacobian(&Smooth::default(), &x).unwrap();
        close(found.as_slice(), expected.as_slice());
    }
    assert_eq!(f.evaluations(), after);
    let error = Constants::new(f, &[3]).err().unwrap();
    assert_eq!(error.to_string(), "`inputs` has the index 3, expected less than 3");
}

#[test]
fn derivatives_of_constants_are_not_computed() {
    let instructions = |constants: &[usize]| {
        let mut p = compiled(&Constants::new(Smooth::default(), constants).unwrap());
        p.pullback(&[1.0, 0.5, -0.25], &[1.0, 1.0]).unwrap();
        p.explain().branches[0].codes[0].instructions
    };
    assert!(instructions(&[1, 2]) < instructions(&[2]) && instructions(&[2]) < instructions(&[]));
}

#[test]
fn functions_with_structure_are_as_before() {
    let f = Sum::new(Map::windows(Octants::default(), 40, 1).unwrap());
    let x: Vec<f64> = (0..40).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let mut p = compiled(&f);
    let expected = NativeReverse::default().prepare(&f, &x).unwrap().gradient(&x).unwrap();
    assert_eq!(p.gradient(&x).unwrap(), expected);
    assert!(p.explain().branches.is_empty() && !p.explain().programs.is_empty());
    assert!(p.program().is_none());
}

// Something of each kind that can be saved.
function!(Kinds(3 => 3): |x, y| {
    let maximum = x[0].max(x[1]).min(x[2] * 4.0);
    y[0] = maximum.copysign(-x[1]) + x[0].abs() - x[1].atan2(x[2]) % S::from(0.75);
    y[1] = x[0].mul_add(x[1], x[2]) / (x[1].detached() - 3.0) + -(x[2].floor() * x[0]).cosh();
    y[2] = S::from(f64::INFINITY).min(x[0]) + if x[0] * 0.1 >= x[2] { x[1].powi(-3) } else { x[1] };
});

#[test]
fn saved_programs_compute_the_same() {
    let f = Kinds::default();
    let mut program = CompiledProgram::record(&f, &[1.0, 2.0, 0.5]).unwrap();
    program.record_at(&f, &[1.0, 2.0, 0.01]).unwrap();
    program.record_at(&f, &[1.1, 2.1, 0.6]).unwrap();
    assert_eq!(program.branches(), 2);
    let saved = serde_json::to_string(&program).unwrap();
    let mut loaded: CompiledProgram = serde_json::from_str(&saved).unwrap();
    assert_eq!(serde_json::to_string(&loaded).unwrap(), saved);
    for x in [[1.0, 2.0, 0.5], [-0.75, 0.3, 1.5], [1.0, 2.0, 0.01], [3.0, -1.0, 0.2]] {
        let mut tape = NativeReverse::default().prepare(&f, &x).unwrap();
        let found = everything(&mut loaded, &x);
        assert_eq!(found, everything(&mut program, &x));
        close(&found, &everything(&mut tape, &x));
    }

    let mut p = compiled(&f);
    assert!(p.program().is_none());
    p.jacobian(&[1.0, 2.0, 0.5]).unwrap();
    assert_eq!(p.program().unwrap().branches(), 1);
}

#[test]
fn where_no_branch_is_valid_the_comparison_is_named() {
    let mut program = CompiledProgram::record(&Kinds::default(), &[1.0, 2.0, 0.5]).unwrap();
    let error = program.jacobian(&[10.0, 2.0, 0.5]).unwrap_err();
    let AdError::Diverged { comparison, paths: 1, .. } = &error else { panic!("{error}") };
    assert!(comparison.ends_with("which was false and is true for 1 and 0.5,"), "{comparison}");
    assert!(comparison.contains(">= x[2]"), "{comparison}");
    let error = program.value(&[1.0]).unwrap_err();
    assert_eq!(error.to_string(), "`x` has length 1, expected 3 (the number of inputs)");
}

#[test]
fn infinite_partials_of_saved_programs_are_those_of_the_tape() {
    let f = Singular::default();
    let mut program = CompiledProgram::record(&f, &[1.0, 1.0]).unwrap();
    let expected = NativeReverse::default().gradient(&f, &[0.0, 1.0]).unwrap();
    assert_eq!(program.gradient(&[0.0, 1.0]).unwrap(), expected);
    let origin = program.first_non_finite(&[0.0, 1.0]).unwrap().unwrap();
    assert_eq!(origin.operation, "sqrt");
    assert_eq!((origin.operands, origin.value), (vec![0.0], 0.0));
    assert_eq!(origin.partial, Some((0, f64::INFINITY)));
    assert_eq!(program.first_non_finite(&[1.0, 1.0]).unwrap(), None);
    let origin = program.first_non_finite(&[1.0, -1.0]).unwrap().unwrap();
    assert!(origin.to_string().contains("ln of [-1.0] is NaN"), "{origin}");
}

/// What is wrong with a saved program after one text in it is replaced by another.
#[track_caller]
fn after(from: &str, to: &str) -> InvalidProgram {
    let program = CompiledProgram::record(&Octants::default(), &[-1.0, -2.0, 3.0]).unwrap();
    let saved = serde_json::to_string(&program).unwrap();
    assert!(saved.contains(from), "{saved}");
    let saved: SavedProgram = serde_json::from_str(&saved.replacen(from, to, 1)).unwrap();
    CompiledProgram::try_from(saved).unwrap_err()
}

#[test]
fn damaged_programs_are_refused() {
    let cases = [
        ("\"version\":1", "\"version\":2", "the program is of version 2, expected 1"),
        (
            "\"inputs\":3",
            "\"inputs\":2",
            "the program has 3 coordinates of a recorded point, expected 2",
        ),
        (
            "\"inputs\":3",
            "\"inputs\":99999999999",
            "the program has 99999999999 inputs, expected 0 to 4194304",
        ),
        ("\"outputs\":1", "\"outputs\":2", "the program has 1 outputs of a branch, expected 2"),
        (
            "{\"mul\":[0,0]}",
            "{\"mul\":[0,77]}",
            "an operand of value 4 of branch 0 has the number 77, expected less than 4",
        ),
        (
            "{\"input\":2}",
            "{\"input\":3}",
            "the input of value 2 of branch 0 has the number 3, expected less than 3",
        ),
        ("\"exp\"", "\"expp\"", "`expp` is no function that a program can hold"),
        (
            "\"relation\":\"<\"",
            "\"relation\":\"<>\"",
            "`<>` is no relation, expected one of <, <=, >, >=, ==, !=",
        ),
        (
            "\"bff0000000000000\"",
            "\"minus one\"",
            "`minus one` is no number, expected the 64 bits of one in hexadecimal",
        ),
        (
            "\"holds\":true",
            "\"holds\":false",
            "guard 0 of branch 0 does not hold at the point where the branch was recorded",
        ),
    ];
    for (from, to, message) in cases {
        assert_eq!(after(from, to).to_string(), message);
    }
    let error = serde_json::from_str::<CompiledProgram>("{\"version\":1}").unwrap_err();
    assert!(error.to_string().starts_with("missing field"), "{error}");
}

#[test]
fn drawings_show_operands_outputs_and_guards() {
    let program = CompiledProgram::record(&Octants::default(), &[-1.0, -2.0, 3.0]).unwrap();
    let dot = program.dot(&[-1.0, -2.0, 3.0]).unwrap();
    assert!(dot.starts_with("digraph program {\n") && dot.ends_with("}\n"), "{dot}");
    for part in ["[label=\"exp\"]", "[label=\"x[2]\"]", "y0 [shape=box", "label=\"< is true\""] {
        assert!(dot.contains(part), "{part} in {dot}");
    }
    let long = CompiledProgram::record(&Stairs::default(), &[1000.0]).unwrap();
    let error = long.dot(&[1000.0]).unwrap_err();
    assert!(error.to_string().ends_with("it has 3001 values, and is drawn up to 500"), "{error}");
}

#[test]
fn modes_have_names() {
    assert_eq!(Mode::ALL.map(Mode::name), ["tape", "compiled"]);
    assert_eq!(NativeReverse::default(), NativeReverse::default().mode(Mode::Tape));
}
