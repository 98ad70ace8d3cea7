//! A recorded program is its function: the same values and derivatives, and nothing superfluous.

use ad_api::trace::{Instruction, Operand, Program};
use ad_api::{Backend, Binary, Differentiate, Function, Gradient, Unary};
use ad_conformance::{Binary as B, Program as Formula, random, scenario};
use ad_dual::{Dual, NumDual};
use ad_native_reverse::NativeReverse;
use nalgebra::Matrix3;
use proptest::prelude::*;

use crate::common::{close, function, recorded};

/// Compares the derivatives of a function with those of its program, to second order.
#[track_caller]
fn check<F: Function>(f: &F, x: &[f64]) {
    fn derivatives<B: Backend, F: Function>(backend: &B, f: &F, x: &[f64]) -> Vec<f64> {
        let weights: Vec<f64> = (0..f.outputs()).map(|i| 1.0 / (i + 1) as f64).collect();
        let jacobian = backend.jacobian(f, x).unwrap();
        let hessian = backend.weighted_hessian(f, x, &weights).unwrap();
        jacobian.iter().chain(hessian.iter()).copied().collect()
    }
    let program = recorded(f, x);
    let (dual, tape) = (Dual::default(), NativeReverse::default());
    close(&derivatives(&dual, &program, x), &derivatives(&dual, f, x));
    close(&derivatives(&tape, &program, x), &derivatives(&tape, f, x));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn random_programs((formula, x) in random::program()) {
        check(&formula, &x);
    }
}

#[test]
fn programs_that_once_told_engines_apart() {
    for (formula, x) in random::regressions() {
        check(&formula, &x);
    }
}

#[test]
fn scenarios() {
    for scenario in scenario::scenarios() {
        for point in &scenario.points {
            check(&scenario.program, point);
        }
    }
}

#[test]
fn every_elementary_function_keeps_its_name() {
    let x = [0.6, 1.7];
    for &f in ad_conformance::Unary::ALL {
        let argument = usize::from(f == ad_conformance::Unary::Acosh);
        let program = recorded(&Formula::new(2, |x| vec![x[argument].unary(f)]), &x);
        let [instruction] = program.instructions() else { panic!("{f:?}: {program:?}") };
        match instruction {
            Instruction::Unary(found, _) => assert_eq!(format!("{found:?}"), format!("{f:?}")),
            Instruction::Neg(_) => assert_eq!(f, ad_conformance::Unary::Neg),
            other => panic!("{f:?}: {other:?}"),
        }
    }
    for &f in B::ALL {
        let program = recorded(&Formula::new(2, |x| vec![x[0].binary(f, x[1])]), &x);
        match (f, program.instructions()) {
            (B::Add, [Instruction::Add(..)])
            | (B::Sub, [Instruction::Sub(..)])
            | (B::Mul, [Instruction::Mul(..)])
            | (B::Div, [Instruction::Div(..)])
            | (B::Pow, [Instruction::Binary(Binary::Powf, ..)])
            | (
                B::Log,
                [
                    Instruction::Unary(Unary::Ln, 0),
                    Instruction::Unary(Unary::Ln, 1),
                    Instruction::Div(..),
                ],
            ) => {}
            (f, [Instruction::Binary(found, ..)]) => {
                assert_eq!(format!("{found:?}"), format!("{f:?}"));
            }
            other => panic!("{other:?}"),
        }
    }
    let fused = recorded(&Formula::new(2, |x| vec![x[0].mul_add(x[1], x[0].constant(2.0))]), &x);
    assert!(matches!(fused.instructions(), [Instruction::MulAdd(..)]), "{fused:?}");
    let power = recorded(&Formula::new(2, |x| vec![x[0].powi(-3)]), &x);
    assert!(matches!(power.instructions(), [Instruction::Unary(Unary::Powi(-3), 0)]), "{power:?}");
}

#[test]
fn kinks_poles_and_nan() {
    let special = [0.0, -0.0, 1.0, 2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for &f in ad_conformance::Unary::ALL {
        for x in special {
            check(&Formula::new(1, |x| vec![x[0].unary(f)]), &[x]);
        }
    }
    for &f in B::ALL {
        for a in special {
            for b in special {
                check(&Formula::new(2, |x| vec![x[0].binary(f, x[1]), x[0] * x[1]]), &[a, b]);
                check(&Formula::new(1, |x| vec![x[0].binary(f, x[0].constant(b))]), &[a]);
                check(&Formula::new(1, |x| vec![x[0].constant(b).binary(f, x[0])]), &[a]);
            }
        }
    }
}

function! {
    Determinant(9 -> 2): |x, y| {
        let lu = Matrix3::from_column_slice(x).lu();
        y[0] = lu.determinant();
        y[1] = lu.solve(&nalgebra::Vector3::from_element(S::from(1.0))).unwrap().norm();
    }
}

#[test]
fn linear_algebra_of_nalgebra() {
    check(&Determinant, &[4.0, -1.0, 0.5, 2.0, 7.0, -3.0, 0.25, 1.5, -6.0]);
}

function! {
    Wasteful(2 -> 3): |x, y| {
        let unused = x[0].sin() * x[1];
        let constant = S::from(2.0).sqrt() * 3.0 + S::from(1.0).atan2(S::from(2.0));
        let _ = unused.exp() + constant;
        y[0] = constant;
        y[1] = x[1];
        y[2] = x[0] * constant;
    }
}

#[test]
fn constants_and_unused_results_are_not_kept() {
    let program = recorded(&Wasteful, &[1.0, 2.0]);
    let constant = 2_f64.sqrt() * 3.0 + 1_f64.atan2(2.0);
    let [Instruction::Mul(Operand::Variable(0), Operand::Constant(factor))] =
        program.instructions()
    else {
        panic!("{program:?}")
    };
    assert_eq!(*factor, constant);
    let outputs = [Operand::Constant(constant), Operand::Variable(1), Operand::Variable(2)];
    assert_eq!(program.outputs(), outputs);
    assert_eq!(program.variables(), 3);
    check(&Wasteful, &[1.0, 2.0]);
}

function! { Nothing(0 -> 0): |_x, _y| {} }
function! { Constant(0 -> 1): |_x, y| y[0] = S::from(3.0) }

#[test]
fn functions_without_inputs_or_outputs() {
    assert!(recorded(&Nothing, &[]).instructions().is_empty());
    assert_eq!(recorded(&Constant, &[]).outputs(), [Operand::Constant(3.0)]);
}

function! {
    LogSumExp(2 -> 1): |x, y| {
        let shift = x[0].max(x[1]).detached();
        y[0] = ((x[0] - shift).exp() + (x[1] - shift).exp()).ln() + shift;
    }
}

#[test]
fn a_detached_number_stays_a_constant_that_follows_the_point() {
    let program = recorded(&LogSumExp, &[1.0, 3.0]);
    assert!(program.instructions().iter().any(|i| matches!(i, Instruction::Detach(_))));
    assert_eq!((program.point(), program.comparisons().count()), (None, 0));
    check(&LogSumExp, &[1.0, 3.0]);
    // The program is valid at every other point too, also where the maximum is the other one.
    let (mut found, mut expected) = ([0.0], [0.0]);
    for x in [[700.0, -5.0], [-800.0, 900.0]] {
        program.eval(&x, &mut found).unwrap();
        LogSumExp.eval(&x, &mut expected).unwrap();
        assert_eq!(found, expected);
        let tape = NativeReverse::default();
        close(
            tape.gradient(&program, &x).unwrap().as_slice(),
            tape.gradient(&LogSumExp, &x).unwrap().as_slice(),
        );
    }
}

function! {
    Smooth(3 -> 1): |x, y| {
        y[0] = (x[0] * x[1]).sin() * x[2].exp() / (x[0] * x[0] + 1.0) + x[1].powf(x[2])
            + (x[2] * 2.0 - 1.0).tanh() + x[0].detached() * x[1];
    }
}

/// A gradient is a program like any other, and one that holds at all points: no engine asks for primals
/// where it propagates derivatives.
fn gradient_as_program<B: Backend>(backend: &B) {
    let gradient = Gradient::new(backend, &Smooth, vec![1.0]);
    let program = recorded(&gradient, &[0.4, 1.3, 0.8]);
    assert_eq!(program.point(), None);
    for x in [[0.4, 1.3, 0.8], [2.0, 0.1, -0.6]] {
        let (mut found, mut expected) = ([0.0; 3], [0.0; 3]);
        program.eval(&x, &mut found).unwrap();
        gradient.eval(&x, &mut expected).unwrap();
        close(&found, &expected);
        // The straight numbers keep `x.detached()` constant; so must the program.
        let hessian = Dual::default().jacobian(&program, &x).unwrap();
        close(hessian.as_slice(), Dual::default().jacobian(&gradient, &x).unwrap().as_slice());
    }
}

#[test]
fn gradients_of_other_engines_are_recorded() {
    gradient_as_program(&Dual::default());
    gradient_as_program(&NumDual::default());
    gradient_as_program(&NativeReverse::default());
}

#[test]
fn a_program_recorded_again_is_the_same_program() {
    let formula = Formula::new(2, |x| {
        let branch = x[0].choose(x[0] * x[1], x[1].exp());
        vec![branch.mul_add(x[1], x[0]) / x[1], branch.clamp(-1.0, 1.0), x[0].binary(B::Max, x[1])]
    });
    let program = recorded(&formula, &[0.3, 0.7]);
    let again: Program = recorded(&program, &[0.3, 0.7]);
    assert_eq!(format!("{:?}", again.instructions()), format!("{:?}", program.instructions()));
    assert!(program.comparisons().eq(again.comparisons()));
    assert_eq!(program.precision(), formula.precision());
}

#[test]
fn what_is_too_long_is_evaluated_but_no_program() {
    let x = [0.4, 1.3, 0.8];
    let (mut found, mut expected) = ([0.0], [0.0]);
    let program = Program::record(&Smooth, &x, &mut expected).unwrap();
    let length = program.instructions().len();
    for (limit, whole) in [(0, false), (length - 1, false), (length, true)] {
        let within = Program::record_within(&Smooth, &x, &mut found, limit).unwrap();
        assert_eq!((within.is_some(), found), (whole, expected), "{limit}");
    }
}

#[test]
fn functions_are_found_by_their_names() {
    assert_eq!(Unary::named("ln_1p"), Some(Unary::Ln1p));
    assert_eq!(B::named("atan2"), Some(B::Atan2));
    // The name does not say which power.
    assert_eq!(Unary::named(Unary::Powi(3).name()), None);
}

#[test]
fn wrong_lengths_are_errors() {
    let failure = Program::record(&Smooth, &[1.0], &mut [0.0]).unwrap_err();
    assert_eq!(failure.to_string(), "`x` has length 1, expected 3 (the inputs of the function)");
    let failure = Program::record(&Smooth, &[1.0; 3], &mut [0.0; 2]).unwrap_err();
    assert_eq!(failure.to_string(), "`y` has length 2, expected 1 (the outputs of the function)");
}
