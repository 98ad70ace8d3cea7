//! Rules inside recorded functions: as data, and as rules again.

use std::sync::Arc;

use ad_api::trace::{DynRule, ErasedRule, Instruction, Program};
use ad_api::{
    AdError, Backend, Differentiate, DifferentiateWith, Failure, Function, Gradient, LinearSolve,
    Result, Rule, RuleCotangent, RuleTangent, RuleValue, Scalar, opaque,
};
use ad_conformance::{Program as Formula, Stated};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

use crate::common::{close, function, recorded};

/// Derivatives of `w·f` to third order.
fn derivatives<B: Backend, F: Function>(backend: &B, f: &F, x: &[f64]) -> [Vec<f64>; 3] {
    let weights: Vec<f64> = (0..f.outputs()).map(|i| 1.0 - 0.3 * i as f64).collect();
    let gradient = Gradient::new(&NativeReverse::default(), f, weights.clone());
    let seeds: Vec<f64> = (0..f.inputs()).map(|i| 0.5 + i as f64).collect();
    [
        backend.jacobian(f, x).unwrap().as_slice().to_vec(),
        backend.weighted_hessian(f, x, &weights).unwrap().as_slice().to_vec(),
        backend.weighted_hessian(&gradient, x, &seeds).unwrap().as_slice().to_vec(),
    ]
}

/// Compares a function with its program, to third order.
#[track_caller]
fn check<F: Function>(f: &F, x: &[f64]) -> Program {
    let program = recorded(f, x);
    let (dual, tape) = (Dual::default(), NativeReverse::default());
    let expected = derivatives(&tape, f, x);
    for found in [derivatives(&dual, &program, x), derivatives(&tape, &program, x)] {
        for (found, expected) in found.iter().zip(&expected) {
            close(found, expected);
        }
    }
    program
}

/// `sin(a) r(a b, b)` with `r(a, b) = a² b`, by a rule that states `stated`.
fn through(stated: Stated) -> Formula {
    Formula::new(2, |x| vec![x[0].sin() * (x[0] * x[1]).rule(stated, x[1]), x[0].exp()])
}

#[test]
fn one_stated_derivative_is_enough() {
    for stated in [Stated::Tangent, Stated::Cotangent, Stated::Both] {
        let program = check(&through(stated), &[0.7, -1.3]);
        let rules = program.instructions().iter().filter(|i| matches!(i, Instruction::Rule(..)));
        assert_eq!(rules.count(), 1);
        // A rule of constants is a constant.
        let constant =
            Formula::new(1, |x| vec![x[0].constant(2.0).rule(stated, x[0].constant(5.0)) * x[0]]);
        assert_eq!(recorded(&constant, &[3.0]).instructions().len(), 1);
        // One of the arguments may be a constant.
        let half = Formula::new(1, |x| vec![x[0].rule(stated, x[0].constant(5.0))]);
        check(&half, &[3.0]);
    }
}

function! {
    Body(2 -> 2): |x, y| {
        y[0] = (x[0] * x[1]).sin() + if x[0] > 1.0 { x[0] } else { x[1] };
        y[1] = x[0].exp() / x[1];
    }
}

/// Two of them, one after the other.
#[derive(Clone)]
struct Inside<B: Backend>(DifferentiateWith<B, Body>);

impl<B: Backend> Function for Inside<B> {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut between = [S::from(0.0); 2];
        self.0.eval(&[x[0] * 2.0, x[1]], &mut between)?;
        self.0.eval(&between, y)
    }
}

#[test]
fn other_engines_inside() {
    let x = [0.4, 1.7];
    check(&Inside(DifferentiateWith::new(Dual::default(), Body)), &x);
    check(&Inside(DifferentiateWith::new(NativeReverse::default(), Body)), &x);
    // A rule is asked again at every point, so its branches may differ.
    let f = Inside(DifferentiateWith::new(NativeReverse::default(), Body));
    let program = recorded(&f, &x);
    let elsewhere = [1.4, 0.3];
    close(
        Dual::default().jacobian(&program, &elsewhere).unwrap().as_slice(),
        Dual::default().jacobian(&f, &elsewhere).unwrap().as_slice(),
    );
}

/// `x = A⁻¹ b` for `A = [a 1; 2 b]` and `b = (a, 3)`.
#[derive(Clone)]
struct Solve(Arc<LinearSolve>);

impl Function for Solve {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let system = [x[0], S::from(2.0), S::from(1.0), x[1], x[0], S::from(3.0)];
        self.0.apply(&system, y)
    }
}

#[test]
fn rules_whose_derivatives_apply_rules() {
    check(&Solve(Arc::new(LinearSolve::new(2))), &[3.0, 1.5]);
}

/// `(a, b) ↦ (a² b, sin a)` without a rule.
fn plain() -> Formula {
    Formula::new(2, |x| vec![x[0] * x[0] * x[1], x[0].sin()])
}

/// The same, known by its tangent or by its cotangent.
struct Half<const TANGENT: bool>;

impl<const TANGENT: bool> RuleValue for Half<TANGENT> {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y.copy_from_slice(&[x[0] * x[0] * x[1], x[0].sin()]);
        Ok(())
    }
}

impl RuleTangent for Half<true> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[0] * x[1] * x_dot[0] * 2.0 + x[0] * x[0] * x_dot[1];
        y_dot[1] = x[0].cos() * x_dot[0];
        Ok(())
    }
}

impl RuleCotangent for Half<false> {
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        x_bar[0] = x[0] * x[1] * y_bar[0] * 2.0 + x[0].cos() * y_bar[1];
        x_bar[1] = x[0] * x[0] * y_bar[0];
        Ok(())
    }
}

ad_api::rule!(Half<true>: tangent);
ad_api::rule!(Half<false>: cotangent);

/// The tangent or the cotangent map of a function, as a function: what data of rules should be.
#[derive(Clone)]
struct Derived<F> {
    f: F,
    tangent: bool,
}

impl<F: Function> Function for Derived<F> {
    fn inputs(&self) -> usize {
        self.f.inputs() + if self.tangent { self.f.inputs() } else { self.f.outputs() }
    }
    fn outputs(&self) -> usize {
        if self.tangent { self.f.outputs() } else { self.f.inputs() }
    }
    fn eval<S: Scalar>(&self, arguments: &[S], out: &mut [S]) -> Result<(), Failure> {
        use ad_api::{Pullback, Pushforward};
        let (x, seed) = arguments.split_at(self.f.inputs());
        let mut y = vec![S::from(0.0); self.f.outputs()];
        if self.tangent {
            Dual::default().pushforward_sweep(&self.f, x, seed, &mut y, out)?;
        } else {
            Dual::default().pullback_sweep(&self.f, x, seed, &mut y, out)?;
        }
        Ok(())
    }
}

fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7 + 3) % 5) as f64 * 0.4 - 0.7).collect()
}

/// Values of a rule against the function that it should be.
#[track_caller]
fn same_map<F: Function>(rule: &dyn DynRule, expected: &F) {
    assert_eq!((rule.inputs(), rule.outputs()), (expected.inputs(), expected.outputs()));
    let x = numbers(rule.inputs());
    let (mut found, mut y) = (vec![0.0; rule.outputs()], vec![0.0; rule.outputs()]);
    rule.value(&x, &mut found).unwrap();
    expected.eval(&x, &mut y).unwrap();
    close(&found, &y);
}

/// All words of tangents and cotangents up to length three, each against forward mode nested so.
fn derives_three_times<R: Rule>(rule: R) {
    fn derive(rule: &Arc<dyn DynRule>, tangent: bool) -> Result<Arc<dyn DynRule>> {
        if tangent { rule.tangent() } else { rule.cotangent() }
    }
    let erased = Arc::new(rule).erased();
    same_map(&*erased, &plain());
    for a in [true, false] {
        let (first, f) = (derive(&erased, a).unwrap(), Derived { f: plain(), tangent: a });
        same_map(&*first, &f);
        for b in [true, false] {
            let (second, f) = (derive(&first, b).unwrap(), Derived { f: f.clone(), tangent: b });
            same_map(&*second, &f);
            for c in [true, false] {
                let (third, f) =
                    (derive(&second, c).unwrap(), Derived { f: f.clone(), tangent: c });
                same_map(&*third, &f);
                for d in [true, false] {
                    let Err(error) = derive(&third, d) else { panic!("a fourth derivative") };
                    assert!(matches!(error, AdError::Rule { .. }));
                    assert!(error.to_string().contains("three times at most"), "{error}");
                }
            }
        }
    }
}

#[test]
fn the_data_of_a_rule_are_its_derivatives() {
    derives_three_times(Half::<true>);
    derives_three_times(Half::<false>);
}

#[test]
fn a_fourth_derivative_of_a_program_says_what_is_missing() {
    let program = recorded(&through(Stated::Both), &[0.7, -1.3]);
    let tape = NativeReverse::default();
    let gradient = Gradient::new(&tape, &program, vec![1.0, 0.0]);
    let second = Gradient::new(&tape, &gradient, vec![1.0, 0.0]);
    assert!(tape.jacobian(&second, &[0.7, -1.3]).is_ok());
    let error = tape.weighted_hessian(&second, &[0.7, -1.3], &[1.0, 0.0]).unwrap_err();
    assert!(matches!(error, AdError::Rule { .. }), "{error}");
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
        if x[0] > 100.0 {
            return Err(Failure::new("too large"));
        }
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

/// The rule of twice the input; its result may go unused.
struct One<R> {
    rule: Arc<R>,
    used: bool,
}

impl<R> Clone for One<R> {
    fn clone(&self) -> Self {
        One { rule: Arc::clone(&self.rule), used: self.used }
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
        self.rule.apply(&[x[0] * 2.0], y)?;
        if !self.used {
            y[0] = x[0];
        }
        Ok(())
    }
}

#[test]
fn opaque_derivatives_serve_first_order_and_say_so_beyond() {
    let program = recorded(&One { rule: Arc::new(Foreign), used: true }, &[0.5]);
    let e = 1_f64.exp();
    assert_eq!(Dual::default().derivative(&program, 0.5).unwrap(), 2.0 * e);
    assert_eq!(NativeReverse::default().gradient(&program, &[0.5]).unwrap()[0], 2.0 * e);
    for error in [
        Dual::default().second_derivative(&program, 0.5).unwrap_err(),
        NativeReverse::default().second_derivative(&program, 0.5).unwrap_err(),
    ] {
        assert!(matches!(error, AdError::Rule { rule: "Foreign", .. }), "{error}");
        assert!(error.to_string().contains("opaque `f64` code"), "{error}");
    }
}

#[test]
fn failures_of_rules_are_those_of_the_function() {
    let f = One { rule: Arc::new(Foreign), used: false };
    let failure = Program::record(&f, &[60.0], &mut [0.0]).unwrap_err();
    assert_eq!(failure.to_string(), "too large");
    // Also where the result is not needed: the function fails there, and so does its program.
    let program = recorded(&f, &[0.5]);
    assert_eq!(program.eval(&[60.0], &mut [0.0]).unwrap_err().to_string(), "too large");
}

/// A monomial `c Π xᵢ^pᵢ`, and the sums of them that are the outputs of a polynomial map.
#[derive(Clone)]
struct Monomial(f64, Vec<i32>);

/// A rule that is data and derives itself: its derivatives are polynomials too.
struct Polynomial {
    inputs: usize,
    outputs: Vec<Vec<Monomial>>,
}

impl Polynomial {
    /// `∂(output i)/∂(input j)` times the variable `seed` of `inputs` in all.
    fn product(&self, i: usize, j: usize, seed: usize, inputs: usize) -> Vec<Monomial> {
        let mut sum = Vec::new();
        for Monomial(c, powers) in &self.outputs[i] {
            if powers[j] > 0 {
                let mut derived = powers.clone();
                derived.resize(inputs, 0);
                derived[j] -= 1;
                derived[seed] += 1;
                sum.push(Monomial(c * f64::from(powers[j]), derived));
            }
        }
        sum
    }
}

impl RuleValue for Polynomial {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs.len()
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        let power = |(x, &p): (&f64, &i32)| x.powi(p);
        for (y, output) in y.iter_mut().zip(&self.outputs) {
            let value = |Monomial(c, p): &Monomial| c * x.iter().zip(p).map(power).product::<f64>();
            *y = output.iter().map(value).sum();
        }
        Ok(())
    }
}

impl DynRule for Polynomial {
    fn tangent(&self) -> Result<Arc<dyn DynRule>> {
        let (n, m) = (self.inputs, self.outputs.len());
        let output = |i| (0..n).flat_map(|j| self.product(i, j, n + j, 2 * n)).collect();
        Ok(Arc::new(Polynomial { inputs: 2 * n, outputs: (0..m).map(output).collect() }))
    }
    fn cotangent(&self) -> Result<Arc<dyn DynRule>> {
        let (n, m) = (self.inputs, self.outputs.len());
        let output = |j| (0..m).flat_map(|i| self.product(i, j, n + i, n + m)).collect();
        Ok(Arc::new(Polynomial { inputs: n + m, outputs: (0..n).map(output).collect() }))
    }
}

/// Applies a rule to the inputs.
#[derive(Clone)]
struct Apply(Arc<ErasedRule>);

impl Function for Apply {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.0.apply(x, y)
    }
}

#[test]
fn a_rule_that_derives_itself_has_all_derivatives() {
    // a³ b² + 2 a⁵
    let polynomial = Polynomial {
        inputs: 2,
        outputs: vec![vec![Monomial(1.0, vec![3, 2]), Monomial(2.0, vec![5, 0])]],
    };
    let rule = Apply(ErasedRule::new(Arc::new(polynomial)));
    let formula = Formula::new(2, |x| {
        let cube = x[0] * x[0] * x[0];
        vec![cube * x[1] * x[1] + cube * x[0] * x[0] * 2.0]
    });
    let x = [0.9, -1.1];
    let expected = derivatives(&NativeReverse::default(), &formula, &x);
    for (found, expected) in derivatives(&NativeReverse::default(), &rule, &x).iter().zip(&expected)
    {
        close(found, expected);
    }
    let program = check(&rule, &x);
    // Fourth order, with a program recorded at each of two levels.
    let fourth = |f: &Program| {
        let gradient = Gradient::new(&NativeReverse::default(), f, vec![1.0]);
        let hessian = Gradient::new(&NativeReverse::default(), &gradient, vec![1.0, 0.5]);
        NativeReverse::default().weighted_hessian(&hessian, &x, &[1.0, -1.0]).unwrap()
    };
    let plain = recorded(&formula, &x);
    close(fourth(&program).as_slice(), fourth(&plain).as_slice());
}

#[test]
fn derivatives_of_rules_are_recorded_as_rules() {
    // The gradient of a function with a rule, by a tape over traced numbers, as a program.
    for stated in [Stated::Tangent, Stated::Both] {
        let f = through(stated);
        let gradient = Gradient::new(&NativeReverse::default(), &f, vec![1.0, 0.5]);
        let x = [0.7, -1.3];
        let program = recorded(&gradient, &x);
        close(
            Dual::default().jacobian(&program, &x).unwrap().as_slice(),
            Dual::default().weighted_hessian(&f, &x, &[1.0, 0.5]).unwrap().as_slice(),
        );
    }
    // A rule that is data leaves its cotangent as data.
    let polynomial = Polynomial { inputs: 1, outputs: vec![vec![Monomial(1.0, vec![4])]] };
    let rule = Apply(ErasedRule::new(Arc::new(polynomial)));
    let gradient = Gradient::new(&NativeReverse::default(), &rule, vec![1.0]);
    let program = recorded(&gradient, &[2.0]);
    let mut y = [0.0];
    program.eval(&[3.0], &mut y).unwrap();
    assert_eq!(y, [108.0]);
    assert!(program.instructions().iter().any(|i| matches!(i, Instruction::Rule(..))));
}
