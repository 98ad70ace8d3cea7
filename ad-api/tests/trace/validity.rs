//! Where a program stands for its function: the branches that were taken, and primals that were read.

use ad_api::trace::{Comparison, Diverged, Operand};
use ad_api::{Differentiate, Function, Relation};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::ComplexField;

use crate::common::{function, recorded};

function! {
    Branches(2 -> 1): |x, y| {
        let mut sum = x[0];
        for _ in 0..3 {
            if x[0] > 0.0 {
                sum += x[1];
            }
        }
        if x[1] <= x[0] || x[1] == 2.0 {
            sum *= 2.0;
        }
        if S::from(1.0) < S::from(2.0) && x[0] >= -1.0 {
            sum += 1.0;
        }
        y[0] = sum;
    }
}

const fn comparison(left: usize, relation: Relation, right: Operand, holds: bool) -> Comparison {
    Comparison { relation, left: Operand::Variable(left), right, holds }
}

#[test]
fn comparisons_are_recorded_once_each_with_their_answers() {
    let program = recorded(&Branches, &[0.5, 3.0]);
    let expected = [
        comparison(0, Relation::Greater, Operand::Constant(0.0), true),
        comparison(1, Relation::LessOrEqual, Operand::Variable(0), false),
        comparison(1, Relation::Equal, Operand::Constant(2.0), false),
        comparison(0, Relation::GreaterOrEqual, Operand::Constant(-1.0), true),
    ];
    assert_eq!(program.comparisons().copied().collect::<Vec<_>>(), expected);
    let program = recorded(&Branches, &[0.0, -1.0]);
    let expected = [
        comparison(0, Relation::Greater, Operand::Constant(0.0), false),
        comparison(1, Relation::LessOrEqual, Operand::Variable(0), true),
        comparison(0, Relation::GreaterOrEqual, Operand::Constant(-1.0), true),
    ];
    assert_eq!(program.comparisons().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn a_program_holds_on_its_branch_and_says_where_it_ends() {
    let program = recorded(&Branches, &[0.5, 3.0]);
    let (mut found, mut expected) = ([0.0], [0.0]);
    for x in [[0.1, 0.2], [7.0, 9.0], [1e-300, 1.0]] {
        program.eval(&x, &mut found).unwrap();
        Branches.eval(&x, &mut expected).unwrap();
        assert_eq!(found, expected);
    }
    let failure = program.eval(&[-0.5, 3.0], &mut found).unwrap_err();
    let diverged = Diverged::Branch {
        instruction: 0,
        comparison: comparison(0, Relation::Greater, Operand::Constant(0.0), true),
        left: -0.5,
        right: 0.0,
    };
    assert_eq!(failure.downcast_ref(), Some(&diverged));
    assert_eq!(
        failure.to_string(),
        "instruction 0 of the recorded program: `v0 > 0` was true, and is false for -0.5 and 0"
    );
    assert!(program.eval(&[2.5, 2.0], &mut found).is_err());
    assert!(program.eval(&[f64::NAN, 3.0], &mut found).is_err());
    // A derivative there is refused likewise, whatever engine asks.
    for error in [
        Dual::default().gradient(&program, &[-0.5, 3.0]).unwrap_err(),
        NativeReverse::default().gradient(&program, &[-0.5, 3.0]).unwrap_err(),
    ] {
        let ad_api::AdError::Function(failure) = error else { panic!("{error}") };
        assert_eq!(failure.downcast_ref(), Some(&diverged));
    }
}

#[test]
fn at_a_tie_the_question_decides_and_not_the_order() {
    // `x > 0` is false at 0 as it is below.
    let program = recorded(&Branches, &[0.0, 5.0]);
    program.eval(&[-0.5, 5.0], &mut [0.0]).unwrap();
}

function! {
    Sorted(3 -> 1): |x, y| {
        let mut sorted = x.to_vec();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        y[0] = sorted[0] + sorted[1] * 2.0 + sorted[2] * 4.0;
    }
}

#[test]
fn sorting_is_a_branch() {
    let program = recorded(&Sorted, &[3.0, 1.0, 2.0]);
    let mut y = [0.0];
    program.eval(&[30.0, -1.0, 7.0], &mut y).unwrap();
    assert_eq!(y, [-1.0 + 14.0 + 120.0]);
    assert!(program.eval(&[1.0, 3.0, 2.0], &mut y).is_err());
    assert!(program.eval(&[3.0, 1.0, 1.0], &mut y).is_ok_and(|()| y == [15.0]) || y[0] != 15.0);
    // What has no order was recorded as that.
    let unordered = recorded(&Sorted, &[f64::NAN, 1.0, 2.0]);
    assert!(unordered.eval(&[3.0, 1.0, 2.0], &mut y).is_err());
    unordered.eval(&[f64::NAN, 1.5, 2.0], &mut y).unwrap();
}

function! {
    ReadsPrimal(2 -> 1): |x, y| {
        let steps = (x[0] * x[1]).primal().ceil();
        let mut sum = x[1];
        for _ in 0..5 {
            sum += if steps > 2.0 { x[0] } else { x[1] };
        }
        y[0] = sum;
    }
}

function! { ReadsConstant(1 -> 1): |x, y| y[0] = x[0] * S::from(2.0).primal() }
function! { AsksFinite(1 -> 1): |x, y| y[0] = if ComplexField::is_finite(&x[0]) { x[0] } else { x[0] * 2.0 } }

#[test]
fn a_program_that_read_a_primal_holds_at_its_point_alone() {
    let program = recorded(&ReadsPrimal, &[1.5, 2.0]);
    assert_eq!(program.point(), Some([1.5, 2.0].as_slice()));
    assert_eq!(program.comparisons().count(), 0);
    assert_eq!(Dual::default().gradient(&program, &[1.5, 2.0]).unwrap().as_slice(), [5.0, 1.0]);
    let failure = program.eval(&[1.5, 0.5], &mut [0.0]).unwrap_err();
    let diverged = Diverged::Point { input: 1, recorded: 2.0, found: 0.5 };
    assert_eq!(failure.downcast_ref(), Some(&diverged));
    assert_eq!(
        failure.to_string(),
        "the recorded function reads a primal, so its program is valid at one point: input 1 is 0.5, \
         and was 2"
    );
    // That is handed on when such a program is recorded as part of another.
    assert!(recorded(&program, &[1.5, 2.0]).point().is_some());
    assert!(recorded(&AsksFinite, &[1.5]).point().is_some());
    assert_eq!(recorded(&ReadsConstant, &[1.5]).point(), None);
}

function! {
    Clamped(1 -> 2): |x, y| {
        y[0] = x[0].max(S::from(0.0)) + x[0].abs() + x[0].signum();
        y[1] = nalgebra::RealField::clamp(x[0], S::from(-1.0), S::from(1.0));
    }
}

#[test]
fn choices_with_names_are_no_branches() {
    let program = recorded(&Clamped, &[0.5]);
    let clamp = [
        comparison(0, Relation::Less, Operand::Constant(-1.0), false),
        comparison(0, Relation::Greater, Operand::Constant(1.0), false),
    ];
    assert_eq!(program.comparisons().copied().collect::<Vec<_>>(), clamp);
    let mut y = [0.0; 2];
    program.eval(&[-0.5], &mut y).unwrap();
    assert_eq!(y, [-0.5, -0.5]);
}
