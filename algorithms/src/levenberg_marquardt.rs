//! Levenberg-Marquardt as a trust-region method.

use nalgebra::DVector;

use crate::options::check;
use crate::trust_region::TrustRegion;
use crate::{Method, Model, Options, Proposal, Result, Status};

/// Levenberg-Marquardt: the Gauss-Newton step within a trust region `|D p| ≤ Δ`.
///
/// `D` holds the largest norm that each column of `J` has had, so that the method does not depend
/// on the units of the parameters. `Δ` follows the gain ratio, actual over predicted decrease; a
/// trial point where the residuals fail or are not finite counts as infinitely bad.
///
/// Source: J. J. Moré, *The Levenberg-Marquardt algorithm: implementation and theory*, Lecture
/// Notes in Mathematics 630 (1978) 105-116, and `lmder` of MINPACK. Differences: columns are scaled
/// before pivoting, so that the rank does not depend on units; the test on the angle is stronger
/// ([`Options::cosine_tol`]); close to the end steps are judged by the gradient (see [`Method`]);
/// and the first region is smaller ([`step_bound`](Self::step_bound)).
///
/// ```
/// use ad_algorithms::{LevenbergMarquardt, Method};
/// # use ad_api::{Failure, Function, Scalar};
/// # #[derive(Clone)] struct Rosenbrock;
/// # impl Function for Rosenbrock {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 2 }
/// #     fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
/// #         r[0] = (x[1] - x[0] * x[0]) * 10.0;
/// #         r[1] = S::from(1.0) - x[0];
/// #         Ok(())
/// #     }
/// # }
/// let solver = LevenbergMarquardt::default();
/// let outcome = solver.minimize(&ad_dual::Dual::default(), &Rosenbrock, &[-1.2, 1.0])?;
/// assert!(outcome.status.is_converged() && outcome.rss < 1e-25);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LevenbergMarquardt {
    /// When to stop.
    pub options: Options,
    /// The first trust region is this times `|D x₀|`, or this itself if `x₀` is zero.
    /// Dimensionless, default 1: the first step changes `x` by no more than `x` itself.
    ///
    /// The `factor` of MINPACK's `lmder`, whose default is 100. That lets the first step, made with
    /// the least knowledge, leave for a region where the residuals do not depend on some parameter
    /// any more (NIST's `BoxBOD` from its first start), and takes 4 times the steps on MGH09.
    pub step_bound: f64,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        LevenbergMarquardt { options: Options::default(), step_bound: 1.0 }
    }
}

/// What Levenberg-Marquardt remembers: the region and the last damping.
#[derive(Debug, Clone)]
pub struct TrustState {
    delta: f64,
    lambda: f64,
    is_first: bool,
    subproblem: TrustRegion,
}

/// The least gain ratio of a step that is taken.
const LEAST_GAIN: f64 = 1e-4;

impl Method for LevenbergMarquardt {
    type State = TrustState;

    fn options(&self) -> &Options {
        &self.options
    }

    fn validate(&self) -> Result<()> {
        let sensible = self.step_bound > 0.0 && self.step_bound.is_finite();
        check("step_bound", self.step_bound, sensible, "a positive number")?;
        self.options.validate()
    }

    fn init(&self, model: &Model) -> TrustState {
        let size = model.scaled_norm(model.x());
        let delta = self.step_bound * if size == 0.0 { 1.0 } else { size };
        let subproblem = TrustRegion::new(model.x().len());
        TrustState { delta, lambda: 0.0, is_first: true, subproblem }
    }

    fn propose(
        &self,
        state: &mut TrustState,
        model: &Model,
        p: &mut DVector<f64>,
    ) -> Result<Proposal, Status> {
        state.lambda = state.subproblem.solve(model, state.delta, state.lambda, p);
        let size = model.scaled_norm(p);
        if state.is_first {
            state.delta = state.delta.min(size);
            state.is_first = false;
        }
        // From the step itself, not as a difference of costs: nothing cancels.
        let image = (model.image_norm(p) / model.norm).powi(2);
        let damped = state.lambda * (size / model.norm).powi(2);
        Ok(Proposal {
            size,
            predicted: image + 2.0 * damped,
            slope: image + damped,
            damping: state.lambda,
            is_full: state.lambda == 0.0,
        })
    }

    fn accepts(&self, proposal: &Proposal, actual: f64) -> bool {
        proposal.predicted > 0.0 && actual >= LEAST_GAIN * proposal.predicted
    }

    fn learn(
        &self,
        state: &mut TrustState,
        proposal: &Proposal,
        actual: Option<f64>,
        _accepted: bool,
    ) {
        let Proposal { size, predicted, slope, .. } = *proposal;
        // Actual decreases below -99 say nothing about the cost close by: |r| has grown tenfold.
        let actual = actual.filter(|&actual| actual > -99.0);
        let gain = actual.map_or(f64::NEG_INFINITY, |actual| actual / predicted);
        if gain <= 0.25 {
            // The minimum of the parabola through the costs and the slope, safeguarded.
            let shrink = match actual {
                Some(actual) if actual >= 0.0 => 0.5,
                Some(actual) => (0.5 * slope / (slope - 0.5 * actual)).max(0.1),
                None => 0.1,
            };
            state.delta = shrink * state.delta.min(10.0 * size);
            state.lambda /= shrink;
        } else if state.lambda == 0.0 || gain >= 0.75 {
            state.delta = 2.0 * size;
            state.lambda *= 0.5;
        }
    }
}
