//! Deliberately wrong backends: each is rejected by the name of the law that it breaks.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod toys;

use std::sync::{Arc, Mutex};

use ad_api::{
    Engine, Evaluations, Function, Jacobian, Prepared, Pullback, Pushforward, Result, Scalar,
    Shape, derive,
};
use ad_conformance::{Law, Subject};
use toys::{dual::ToyDual, reverse::ToyReverse};

/// Asserts that `backend` breaks `law`, and that its report names it.
fn rejected_by<B: ad_api::Backend>(backend: B, law: Law) {
    let subject = Subject::new(backend);
    let violations = subject.check(law);
    assert!(!violations.is_empty(), "`{}` gets away with breaking `{law}`", subject.name());
    assert!(violations.iter().all(|violation| violation.law == law));
    let report = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| subject.assert(law)));
    let message = *report.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains(law.name()), "{message}");
}

/// Asserts that `backend` keeps `law`: the error is caught by the right law only.
fn keeps<B: ad_api::Backend>(backend: B, laws: &[Law]) {
    let subject = Subject::new(backend);
    laws.iter().for_each(|&law| subject.assert(law));
}

/// A backend that forwards to the toy engines but for one sweep, written in the body.
macro_rules! wrong {
    ($Name:ident $fields:tt: pushforward |$this:ident, $f:ident, $x:ident, $x_dot:ident, $y:ident, $y_dot:ident| $body:block) => {
        #[derive(Debug, Clone, Default)]
        struct $Name $fields
        impl Engine for $Name {
            fn name(&self) -> String {
                stringify!($Name).into()
            }
        }
        impl Pushforward for $Name {
            fn pushforward_sweep<S: Scalar, F: Function>(
                &self, $f: &F, $x: &[S], $x_dot: &[S], $y: &mut [S], $y_dot: &mut [S],
            ) -> Result<()> {
                let $this = self;
                $body
            }
        }
        ad_api::backend!($Name: pushforward);
    };
}

wrong!(NonLinear {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)?;
    // Adds a small term of second order in the tangent.
    let square = x_dot.first().copied().unwrap_or(S::from(0.0));
    y_dot.iter_mut().for_each(|d| *d += square * square * 1e-6);
    Ok(())
});

wrong!(SwallowsFailures {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    match ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot) {
        Err(ad_api::AdError::Function(_)) => {
            y_dot.fill(S::from(0.0));
            Ok(())
        }
        result => result,
    }
});

wrong!(EvaluatesTwice {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)?;
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)
});

wrong!(FirstSeedOnly {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)?;
    let m = y.len();
    y_dot.iter_mut().skip(m).for_each(|d| *d = S::from(0.0));
    Ok(())
});

wrong!(DropsCurvature {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)?;
    // Forgets that the derivative depends on x: right at first order, zero beyond.
    y_dot.iter_mut().for_each(|d| *d = S::from(d.primal()));
    Ok(())
});

wrong!(Accumulates {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    let before: Vec<S> = y_dot.to_vec();
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)?;
    y_dot.iter_mut().zip(before).for_each(|(d, before)| *d += before);
    Ok(())
});

wrong!(NoSizeCheck {}: pushforward |_this, f, x, x_dot, y, y_dot| {
    let k = (x_dot.len() / f.inputs().max(1)).min(y_dot.len() / f.outputs().max(1));
    let (n, m) = (f.inputs().min(x.len()), f.outputs().min(y.len()));
    if n < f.inputs() || m < f.outputs() {
        return Ok(());
    }
    ToyDual.pushforward_sweep(f, &x[..n], &x_dot[..k * n], &mut y[..m], &mut y_dot[..k * m])
});

wrong!(Drifts { calls: Arc<Mutex<u32>> }: pushforward |this, f, x, x_dot, y, y_dot| {
    ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)?;
    let mut calls = this.calls.lock().unwrap();
    *calls += 1;
    let drift = 1.0 + f64::from(*calls) * 1e-14;
    y_dot.iter_mut().for_each(|d| *d *= drift);
    Ok(())
});

/// Reverse mode with the wrong sign.
#[derive(Debug, Clone, Default)]
struct WrongSign;

impl Engine for WrongSign {
    fn name(&self) -> String {
        "WrongSign".into()
    }
}

impl Pushforward for WrongSign {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)
    }
}

impl Pullback for WrongSign {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        ToyReverse.pullback_sweep(f, x, y_bar, y, x_bar)?;
        x_bar.iter_mut().for_each(|x_bar| *x_bar = -*x_bar);
        Ok(())
    }
}

ad_api::backend!(WrongSign: pushforward, pullback);

/// Row by row where column by column is asked for.
#[derive(Debug, Clone, Default)]
struct Transposed;

impl Engine for Transposed {
    fn name(&self) -> String {
        "Transposed".into()
    }
}

impl Jacobian for Transposed {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        derive::jacobian_from_pushforward(&ToyDual, f, x, y, jacobian)?;
        let columns: Vec<S> = jacobian.to_vec();
        let (n, m) = (x.len(), y.len());
        (0..n * m).for_each(|k| jacobian[k] = columns[k / n + k % n * m]);
        Ok(())
    }

    fn jacobian_capability(&self, shape: Shape) -> ad_api::Capability {
        let evaluations = Evaluations::Exactly(shape.inputs.max(1));
        ad_api::Capability::Native { evaluations }
    }
}

ad_api::backend!(Transposed: jacobian);

/// A backend whose preparation is wrong: the engine is right, and `Kept` says what is kept.
macro_rules! wrong_preparation {
    ($Name:ident, $Kept:ident, |$kept:ident, $x:ident| $point:expr) => {
        #[derive(Debug, Clone, Default)]
        struct $Name;
        impl Engine for $Name {
            fn name(&self) -> String {
                stringify!($Name).into()
            }
        }
        impl Pushforward for $Name {
            fn pushforward_sweep<S: Scalar, F: Function>(
                &self, f: &F, x: &[S], x_dot: &[S], y: &mut [S], y_dot: &mut [S],
            ) -> Result<()> {
                ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot)
            }
        }
        ad_api::primitive!($Name: pushforward);
        impl ad_api::Backend for $Name {
            type Outer = Self;
            type Inner = Self;
            type Prepared<F: Function> = $Kept<F>;
            type Linearization<F: Function> = ad_api::Resweep<Self, F>;
            fn outer(&self) -> &Self {
                self
            }
            fn inner(&self) -> &Self {
                self
            }
            fn prepare<F: Function>(&self, f: &F, x: &[f64]) -> Result<$Kept<F>> {
                let sweeps = ad_api::Sweeps::new(self, f, x)?;
                Ok($Kept { sweeps, kept: Vec::new(), prepared_at: x.to_vec() })
            }
            fn linearize<F: Function>(
                &self, f: &F, x: &[f64],
            ) -> Result<(nalgebra::DVector<f64>, Self::Linearization<F>)> {
                ad_api::Resweep::new(self, f, x)
            }
        }

        #[derive(Clone)]
        struct $Kept<F: Function> {
            sweeps: ad_api::Sweeps<$Name, F>,
            kept: Vec<f64>,
            prepared_at: Vec<f64>,
        }

        impl<F: Function> $Kept<F> {
            fn point(&mut self, x: &[f64]) -> Vec<f64> {
                let _ = (&self.kept, &self.prepared_at);
                let ($kept, $x) = (self, x);
                $point
            }
        }

        impl<F: Function> Prepared for $Kept<F> {
            fn shape(&self) -> Shape {
                self.sweeps.shape()
            }
            fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
                self.sweeps.value_into(x, y)
            }
            fn value_and_pushforward_into(
                &mut self, x: &[f64], x_dot: &[f64], y: &mut [f64], y_dot: &mut [f64],
            ) -> Result<()> {
                let x = self.point(x);
                self.sweeps.value_and_pushforward_into(&x, x_dot, y, y_dot)
            }
            fn value_and_pullback_into(
                &mut self, x: &[f64], y_bar: &[f64], y: &mut [f64], x_bar: &mut [f64],
            ) -> Result<()> {
                let x = self.point(x);
                self.sweeps.value_and_pullback_into(&x, y_bar, y, x_bar)
            }
            fn value_and_jacobian_into(
                &mut self, x: &[f64], y: &mut [f64], jacobian: &mut nalgebra::DMatrix<f64>,
            ) -> Result<()> {
                let x = self.point(x);
                self.sweeps.value_and_jacobian_into(&x, y, jacobian)
            }
            fn value_derivative_and_second_derivative_into(
                &mut self, x: f64, y: &mut [f64], first: &mut [f64], second: &mut [f64],
            ) -> Result<()> {
                self.sweeps.value_derivative_and_second_derivative_into(x, y, first, second)
            }
            fn value_gradient_and_weighted_hvp_into(
                &mut self, x: &[f64], w: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64],
            ) -> Result<f64> {
                self.sweeps.value_gradient_and_weighted_hvp_into(x, w, v, gradient, hv)
            }
            fn value_gradient_and_weighted_hessian_into(
                &mut self, x: &[f64], w: &[f64], gradient: &mut [f64],
                hessian: &mut nalgebra::DMatrix<f64>,
            ) -> Result<f64> {
                self.sweeps.value_gradient_and_weighted_hessian_into(x, w, gradient, hessian)
            }
        }
    };
}

// Whatever point is asked for, the first one it saw.
wrong_preparation!(IgnoresNewPoints, First, |kept, x| {
    if kept.kept.is_empty() {
        kept.kept = x.to_vec();
    }
    kept.kept.clone()
});

// The point of the call before.
wrong_preparation!(OneCallBehind, Previous, |kept, x| {
    let before = std::mem::replace(&mut kept.kept, x.to_vec());
    if before.is_empty() { x.to_vec() } else { before }
});

// Where it was prepared, as a tape without guards replays the branch it has seen.
wrong_preparation!(StaysWherePrepared, Recorded, |kept, _x| kept.prepared_at.clone());

/// Fails for good after the first failure: a preparation that stays poisoned.
#[derive(Debug, Clone, Default)]
struct StaysPoisoned {
    poisoned: Arc<Mutex<bool>>,
}

impl Engine for StaysPoisoned {
    fn name(&self) -> String {
        "StaysPoisoned".into()
    }
}

impl Pushforward for StaysPoisoned {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        // The lock is held during the sweep: a failure sets the flag, a panic poisons the lock.
        let Ok(mut poisoned) = self.poisoned.lock() else {
            return Err(ad_api::Failure::new("the lock is poisoned").into());
        };
        if *poisoned {
            return Err(ad_api::Failure::new("poisoned").into());
        }
        let result = ToyDual.pushforward_sweep(f, x, x_dot, y, y_dot);
        *poisoned = result.is_err();
        result
    }
}

ad_api::backend!(StaysPoisoned: pushforward);

#[test]
fn transposed_jacobian() {
    rejected_by(Transposed, Law::ClosedFormJacobian);
    rejected_by(Transposed, Law::AcceptanceJacobians);
}

#[test]
fn wrong_sign_in_the_pullback() {
    rejected_by(WrongSign, Law::Adjoint);
    rejected_by(WrongSign, Law::ClosedFormPullback);
    rejected_by(WrongSign, Law::FirstOrderAgrees);
    keeps(WrongSign, &[Law::ClosedFormPushforward, Law::Linear]);
}

#[test]
fn not_linear_in_the_tangent() {
    rejected_by(NonLinear {}, Law::Linear);
    keeps(NonLinear {}, &[Law::Repeats, Law::ReportsFailures]);
}

#[test]
fn stale_on_the_second_call() {
    rejected_by(OneCallBehind, Law::FollowsPoint);
    keeps(OneCallBehind, &[Law::Repeats]);
}

#[test]
fn ignores_that_the_point_changed() {
    rejected_by(IgnoresNewPoints, Law::FollowsPoint);
    keeps(IgnoresNewPoints, &[Law::ClosedFormJacobian, Law::Repeats]);
}

#[test]
fn replays_what_it_was_prepared_for() {
    rejected_by(StaysWherePrepared, Law::FollowsBranches);
    rejected_by(StaysWherePrepared, Law::OneShotAgrees);
}

#[test]
fn drifts_from_call_to_call() {
    rejected_by(Drifts::default(), Law::Repeats);
    rejected_by(Drifts::default(), Law::FormsAgree);
}

#[test]
fn reads_the_result_buffer() {
    rejected_by(Accumulates {}, Law::OverwritesBuffers);
}

#[test]
fn wrong_number_of_evaluations() {
    rejected_by(EvaluatesTwice {}, Law::Cost);
    keeps(EvaluatesTwice {}, &[Law::ClosedFormJacobian, Law::Adjoint]);
}

#[test]
fn swallowed_failures() {
    rejected_by(SwallowsFailures {}, Law::ReportsFailures);
}

#[test]
fn poisoned_by_a_failure() {
    rejected_by(StaysPoisoned::default(), Law::SurvivesFailures);
    rejected_by(StaysPoisoned::default(), Law::SurvivesPanics);
}

#[test]
fn forgets_all_seeds_but_the_first() {
    rejected_by(FirstSeedOnly {}, Law::Batches);
}

#[test]
fn takes_any_size() {
    rejected_by(NoSizeCheck {}, Law::RejectsSizes);
}

#[test]
fn loses_the_derivatives_of_the_derivative() {
    rejected_by(DropsCurvature {}, Law::ClosedFormHessian);
    rejected_by(DropsCurvature {}, Law::ThirdDerivative);
    rejected_by(DropsCurvature {}, Law::Nesting);
    keeps(DropsCurvature {}, &[Law::ClosedFormJacobian, Law::Adjoint]);
}

#[test]
fn a_right_backend_breaks_no_law() {
    assert_eq!(Subject::new(ToyDual).broken_laws(), []);
    assert_eq!(Subject::new(ToyReverse).broken_laws(), []);
}

#[test]
fn an_exception_must_be_needed() {
    let subject = Subject::new(WrongSign);
    subject.assert_exception(Law::Adjoint, "on purpose");
    let needless = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        subject.assert_exception(Law::ClosedFormPushforward, "on purpose");
    }));
    assert!(needless.is_err());
}
