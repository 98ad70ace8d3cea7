//! A variable where it does not belong is a panic that says so, and leaves the engine usable.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use ad_api::{Backend, Differentiate, Failure, Function, Prepared, Pullback, Scalar};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

thread_local! {
    static KEPT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

static SHARED: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

/// What a misbehaving function does with its variables.
#[derive(Clone, Copy, PartialEq)]
enum Bad {
    /// Keeps the first variable, and uses it in the next evaluation.
    Multiplies,
    /// The same, in an operation with a constant.
    Squares,
    /// Returns the one that it kept.
    Returns,
    /// Differentiates a function that uses a variable of this evaluation.
    Captures,
    /// Hands the variable to a rule.
    AppliesRule,
}

#[derive(Clone)]
struct Misbehaving(Bad);

impl Function for Misbehaving {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let kept = KEPT.with_borrow_mut(|kept| kept.replace(Box::new(x[0])));
        let kept = kept.and_then(|kept| kept.downcast::<S>().ok()).map(|kept| *kept);
        y[0] = match (self.0, kept) {
            (Bad::Multiplies, Some(kept)) => x[0] * kept,
            (Bad::Squares, Some(kept)) => kept * 2.0,
            (Bad::Returns, Some(kept)) => kept,
            (Bad::Captures, _) => {
                let mut slope = [S::from(0.0)];
                let f = Capturing(x[0].primal());
                SHARED.lock().unwrap().push(Box::new(x[0]));
                let (one, mut value) = ([1.0], [0.0]);
                let mut plain = [0.0];
                NativeReverse::default().pullback_sweep(
                    &f,
                    &[2.0],
                    &one,
                    &mut value,
                    &mut plain,
                )?;
                slope[0] += plain[0];
                x[0] * slope[0]
            }
            (Bad::AppliesRule, Some(kept)) => {
                let inside = ad_api::DifferentiateWith::new(Dual::default(), Square);
                inside.eval(&[kept], y)?;
                y[0]
            }
            (_, None) => x[0] * x[0],
        };
        Ok(())
    }
}

/// Computes on another thread.
#[derive(Clone)]
struct Spawning;

impl Function for Spawning {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (a, b, c) = (x[0], x[1], x[2]);
        let elsewhere = std::thread::spawn(move || a * b + b * c);
        y[0] = elsewhere.join().map_err(|panic| {
            Failure::new(panic.downcast_ref::<String>().cloned().unwrap_or_default())
        })?;
        Ok(())
    }
}

/// Multiplies with whatever variable of its own type lies in [`SHARED`].
#[derive(Clone)]
struct Capturing(f64);

impl Function for Capturing {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let other = SHARED.lock().unwrap().pop().and_then(|other| other.downcast::<S>().ok());
        y[0] = x[0] * other.map_or(S::from(self.0), |other| *other);
        Ok(())
    }
}

#[derive(Clone)]
struct Square;

impl Function for Square {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[0];
        Ok(())
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map_or("no message", String::as_str)
}

/// Calls twice, expects the second call to panic with a message about the variable, and then checks
/// that the engine still works.
fn panics_on_second_call(bad: Bad) {
    KEPT.set(None);
    let backend = NativeReverse::default();
    let f = Misbehaving(bad);
    let mut prepared = backend.prepare(&f, &[3.0]).unwrap();
    assert_eq!(prepared.gradient(&[3.0]).unwrap()[0], 6.0);
    let panic = catch_unwind(AssertUnwindSafe(|| prepared.gradient(&[3.0]))).unwrap_err();
    assert!(message(&*panic).contains("it outlived the evaluation that made it"));
    assert!(message(&*panic).starts_with("a variable of recording "));
    KEPT.set(None);
    assert_eq!(prepared.gradient(&[3.0]).unwrap()[0], 6.0);
    assert_eq!(backend.second_derivative(&Square, 3.0).unwrap(), 2.0);
    KEPT.set(None);
}

#[test]
fn a_variable_of_an_earlier_evaluation_in_a_product() {
    panics_on_second_call(Bad::Multiplies);
}

#[test]
fn a_variable_of_an_earlier_evaluation_alone() {
    panics_on_second_call(Bad::Squares);
}

#[test]
fn a_variable_of_an_earlier_evaluation_as_output() {
    panics_on_second_call(Bad::Returns);
}

#[test]
fn a_variable_of_an_earlier_evaluation_in_a_rule() {
    panics_on_second_call(Bad::AppliesRule);
}

#[test]
fn a_variable_on_another_thread() {
    let backend = NativeReverse::default();
    let error = backend.gradient(&Spawning, &[3.0; 3]).unwrap_err();
    assert!(error.to_string().contains("where nothing records"), "{error}");
    assert!(error.to_string().contains("was sent to another thread"), "{error}");
    assert_eq!(backend.gradient(&Square, &[3.0]).unwrap()[0], 6.0);
}

#[test]
fn a_variable_of_the_evaluation_around_this_one() {
    let backend = NativeReverse::default();
    let result = catch_unwind(|| backend.gradient(&Misbehaving(Bad::Captures), &[3.0]));
    let panic = result.unwrap_err();
    assert!(message(&*panic).contains("belongs to an evaluation around this one"));
    assert_eq!(backend.gradient(&Square, &[3.0]).unwrap()[0], 6.0);
}

#[test]
fn a_stale_variable_of_an_outer_type_inside_a_nested_one() {
    // Depth 2: the kept variable is a tape variable over a tape variable.
    KEPT.set(None);
    let backend = NativeReverse::default();
    let f = Misbehaving(Bad::Multiplies);
    assert_eq!(backend.hessian(&f, &[3.0]).unwrap()[(0, 0)], 2.0);
    let panic = catch_unwind(|| backend.hessian(&f, &[3.0])).unwrap_err();
    assert!(message(&*panic).contains("a variable of recording"));
    KEPT.set(None);
    assert_eq!(backend.hessian(&f, &[3.0]).unwrap()[(0, 0)], 2.0);
    KEPT.set(None);
}

/// Fails or panics half-way, or not at all.
#[derive(Clone)]
struct Fragile;

impl Function for Fragile {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let product = x[0] * x[1];
        if x[0] < 0.0 {
            return Err(Failure::new("negative mass"));
        }
        assert!(x[0] < 100.0, "too heavy");
        y[0] = product * product;
        Ok(())
    }
}

#[test]
fn failure_and_panic_leave_everything_usable() {
    let backend = NativeReverse::default();
    let mut prepared = backend.prepare(&Fragile, &[1.0, 1.0]).unwrap();
    let check = |prepared: &mut ad_native_reverse::TapePrepared<Fragile>| {
        assert_eq!(prepared.gradient(&[1.0, 2.0]).unwrap().as_slice(), [8.0, 4.0]);
        assert_eq!(prepared.hessian(&[1.0, 2.0]).unwrap().as_slice(), [8.0, 8.0, 8.0, 2.0]);
        assert_eq!(backend.gradient(&Fragile, &[1.0, 2.0]).unwrap().as_slice(), [8.0, 4.0]);
    };
    check(&mut prepared);
    for _ in 0..2 {
        let error = prepared.gradient(&[-1.0, 2.0]).unwrap_err();
        assert_eq!(error.to_string(), "the function failed: negative mass");
        check(&mut prepared);
        let error = prepared.hessian(&[-1.0, 2.0]).unwrap_err();
        assert_eq!(error.to_string(), "the function failed: negative mass");
        check(&mut prepared);
        catch_unwind(AssertUnwindSafe(|| prepared.gradient(&[200.0, 2.0]))).unwrap_err();
        check(&mut prepared);
        catch_unwind(AssertUnwindSafe(|| prepared.hessian(&[200.0, 2.0]))).unwrap_err();
        check(&mut prepared);
        assert!(backend.linearize(&Fragile, &[-1.0, 2.0]).is_err());
        check(&mut prepared);
    }
}
