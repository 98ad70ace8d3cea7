//! Numbers where they do not belong, failures and panics in the middle, recordings inside recordings.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use ad_api::trace::{Program, Traced};
use ad_api::{DifferentiateWith, Failure, Function, Lift, Scalar};
use ad_dual::Dual;

use crate::common::{function, recorded};

thread_local! {
    static KEPT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

static SHARED: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

function! { Square(1 -> 1): |x, y| y[0] = x[0] * x[0] }

/// What a misbehaving function does with its numbers.
#[derive(Debug, Clone, Copy)]
enum Bad {
    Multiplies,
    Adds,
    Fused,
    Compares,
    ReadsPrimal,
    Returns,
    AppliesRule,
    Spawns,
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
            (Bad::Spawns, _) => {
                let x = x[0];
                std::thread::spawn(move || x.sin()).join().map_err(|panic| {
                    Failure::new(panic.downcast_ref::<String>().cloned().unwrap_or_default())
                })?
            }
            (_, None) => x[0] * x[0],
            (Bad::Multiplies, Some(kept)) => x[0] * kept,
            (Bad::Adds, Some(kept)) => kept + 2.0,
            (Bad::Fused, Some(kept)) => x[0].mul_add(x[0], kept),
            (Bad::Compares, Some(kept)) => S::from(f64::from(u8::from(kept > x[0]))),
            (Bad::ReadsPrimal, Some(kept)) => S::from(kept.primal()),
            (Bad::Returns, Some(kept)) => kept,
            (Bad::AppliesRule, Some(kept)) => {
                DifferentiateWith::new(Dual::default(), Square).eval(&[kept], y)?;
                y[0]
            }
        };
        Ok(())
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map_or("no message", String::as_str)
}

fn record<F: Function>(f: &F, x: &[f64]) -> Result<Program, Failure> {
    Program::record(f, x, &mut vec![0.0; f.outputs()])
}

#[test]
fn a_variable_of_an_earlier_recording() {
    for bad in [
        Bad::Multiplies,
        Bad::Adds,
        Bad::Fused,
        Bad::Compares,
        Bad::ReadsPrimal,
        Bad::Returns,
        Bad::AppliesRule,
    ] {
        KEPT.set(None);
        let f = Misbehaving(bad);
        record(&f, &[3.0]).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| record(&f, &[3.0]))).unwrap_err();
        let message = message(&*panic);
        assert!(message.starts_with("a variable of recording "), "{bad:?}: {message}");
        assert!(message.contains("it outlived the evaluation that made it"), "{bad:?}: {message}");
        recorded(&Square, &[3.0]);
    }
    KEPT.set(None);
}

#[test]
fn a_variable_on_another_thread() {
    let failure = record(&Misbehaving(Bad::Spawns), &[3.0]).unwrap_err();
    assert!(failure.to_string().contains("where nothing records"), "{failure}");
    assert!(failure.to_string().contains("was sent to another thread"), "{failure}");
    KEPT.set(None);
}

/// Records a function inside, which is the square or uses a number from outside.
#[derive(Clone)]
struct Outer {
    captures: bool,
}

#[derive(Clone)]
struct Capturing;

impl Function for Capturing {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let other = SHARED.lock().unwrap().pop().and_then(|other| other.downcast::<S>().ok());
        y[0] = x[0] * *other.expect("a number of the recording outside");
        Ok(())
    }
}

impl Function for Outer {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let twice = x[0] * 2.0;
        let mut inside = [0.0];
        if self.captures {
            SHARED.lock().unwrap().push(Box::new(twice));
            Program::record(&Capturing, &[5.0], &mut inside)?;
        }
        let square = Program::record(&Square, &[5.0], &mut inside)?;
        square.eval(&[twice], y)?;
        y[0] = y[0] * x[0] + inside[0];
        Ok(())
    }
}

#[test]
fn recordings_nest() {
    let program = recorded(&Outer { captures: false }, &[3.0]);
    let mut y = [0.0];
    program.eval(&[10.0], &mut y).unwrap();
    assert_eq!(y, [4025.0]);
    assert_eq!(program.instructions().len(), 4);
}

#[test]
fn a_variable_of_the_recording_around_this_one() {
    let panic = catch_unwind(|| record(&Outer { captures: true }, &[3.0])).unwrap_err();
    assert!(message(&*panic).contains("belongs to an evaluation around this one"));
    recordings_nest();
}

/// Fails or panics half-way, or not at all.
#[derive(Clone)]
struct Fragile;

impl Function for Fragile {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let square = x[0] * x[0];
        if x[0] < 0.0 {
            return Err(Failure::new("negative mass"));
        }
        assert!(x[0] < 100.0, "too heavy");
        y[0] = square * x[0];
        Ok(())
    }
}

/// Records [`Fragile`] inside, and goes on whatever happens there.
#[derive(Clone)]
struct Forgiving(f64);

impl Function for Forgiving {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let before = x[0].sin();
        let inside = catch_unwind(|| record(&Fragile, &[self.0]).is_ok());
        y[0] = before * x[0] + f64::from(u8::from(matches!(inside, Ok(true))));
        Ok(())
    }
}

#[test]
fn failure_and_panic_leave_everything_usable() {
    for _ in 0..2 {
        assert_eq!(record(&Fragile, &[-1.0]).unwrap_err().to_string(), "negative mass");
        catch_unwind(|| record(&Fragile, &[200.0])).unwrap_err();
        assert_eq!(recorded(&Fragile, &[2.0]).instructions().len(), 4);
        for inside in [-1.0, 200.0, 1.0] {
            let program = recorded(&Forgiving(inside), &[2.0]);
            assert!((2..=3).contains(&program.instructions().len()), "{program:?}");
        }
    }
}

#[test]
fn threads_record_side_by_side() {
    std::thread::scope(|scope| {
        for k in 0..4 {
            scope.spawn(move || {
                for i in 0..50 {
                    let x = f64::from(k * 100 + i) / 10.0;
                    assert_eq!(recorded(&Square, &[x]).instructions().len(), 1);
                }
            });
        }
    });
}

/// Calls the hook that does not say what the function is.
#[derive(Clone)]
struct Nameless;

impl Function for Nameless {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let x: Box<dyn Any> = Box::new(x[0]);
        if let Some(x) = x.downcast_ref::<Traced>() {
            let constant = Traced::constant(1.0).lift_unary(2.0, 3.0);
            assert!(constant.is_constant());
            x.lift_unary(1.0, 1.0);
        }
        y[0] = S::from(0.0);
        Ok(())
    }
}

#[test]
fn a_function_without_a_name_cannot_be_recorded() {
    let panic = catch_unwind(|| record(&Nameless, &[3.0])).unwrap_err();
    let text = panic.downcast_ref::<&str>().unwrap();
    assert!(text.starts_with("a function whose name is unknown cannot be recorded"), "{text}");
}

#[test]
fn a_number_is_two_words() {
    assert_eq!(size_of::<Traced>(), 16);
}
