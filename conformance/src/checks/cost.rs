//! What a call costs: evaluations and allocations.

use ad_api::{AdError, Capability, Operation, Shape};

use super::cases;
use crate::call::calls_of;
use crate::case::Case;
use crate::random_numbers::Random;
use crate::subject::Subject;
use crate::violation::Findings;
use crate::{CountingAllocator, Law, Violation};

fn shape(case: &Case) -> Shape {
    Shape { inputs: case.inputs(), outputs: case.outputs() }
}

/// Each call evaluates the function as often as the capability says, and an unsupported one is
/// reported as such.
pub(crate) fn costs_what_it_says(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for case in cases() {
        for operation in Operation::ALL {
            let capability = subject.backend.capability(operation, shape(&case));
            for call in calls_of(operation, &case) {
                let place = format!("{}, `{}`", case.label(), call.name);
                let Some(mut prepared) = findings.expect(&place, subject.prepare(&case.f)) else {
                    continue;
                };
                case.f.take();
                let result = (call.run)(&mut *prepared, &case, f64::NAN);
                let calls = case.f.take();
                findings.note(
                    place,
                    match (&capability, result) {
                        (Capability::Unsupported { .. }, Err(AdError::Unsupported { .. })) => None,
                        (Capability::Unsupported { .. }, other) => {
                            Some(format!("expected the error `Unsupported`, got {other:?}"))
                        }
                        (_, Err(error)) => Some(format!("failed: {error}")),
                        (capability, Ok(_)) => wrong_count(capability, calls),
                    },
                );
            }
        }
        several_seeds(subject, &case, &mut findings);
    }
    findings.done()
}

/// Batches of seeds cost what is said of batches.
fn several_seeds(subject: &Subject, case: &Case, findings: &mut Findings) {
    let (n, m, mut random) = (case.inputs(), case.outputs(), Random::new(7));
    for k in [2, 9, 17] {
        let Some(mut prepared) = findings.expect(case.label(), subject.prepare(&case.f)) else {
            return;
        };
        let (v, w) = (random.vector(k * n), random.vector(k * m));
        let (mut y_dot, mut x_bar) = (vec![0.0; k * m], vec![0.0; k * n]);
        case.f.take();
        let forward = prepared.pushforward_into(&case.x, &v, &mut y_dot).map(|()| case.f.take());
        let backward = prepared.pullback_into(&case.x, &w, &mut x_bar).map(|()| case.f.take());
        let say = &subject.backend;
        for (name, said, measured) in [
            ("pushforward_into", say.pushforward_capability(shape(case), k), forward),
            ("pullback_into", say.pullback_capability(shape(case), k), backward),
        ] {
            let place = format!("{}, `{name}` with {k} seeds", case.label());
            match measured {
                Ok(calls) => findings.note(place, wrong_count(&said, calls)),
                Err(_) if said.evaluations().is_none() => {}
                Err(error) => findings.add(place, format!("failed: {error}")),
            }
        }
    }
}

fn wrong_count(said: &Capability, calls: usize) -> Option<String> {
    let promised = said.evaluations()?;
    (!promised.allows(calls)).then(|| format!("{calls} evaluations, promised {promised}"))
}

/// After the first call of an operation, its in-place form allocates nothing.
pub(crate) fn allocates_nothing(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    if !CountingAllocator::is_installed() {
        findings.add("the test binary", "needs `CountingAllocator` as its global allocator");
        return findings.done();
    }
    for case in cases().iter().filter(|case| case.f.take() == 0) {
        for operation in Operation::ALL.into_iter().filter(|&o| subject.supports(o, case)) {
            let place = format!("{}, {}", case.label(), operation.name());
            let Some(mut prepared) = findings.expect(&place, subject.prepare(&case.f)) else {
                continue;
            };
            let mut buffers = Buffers::new(case);
            let mut counts = [0; 3];
            for count in &mut counts {
                let (result, allocations) =
                    CountingAllocator::count(|| buffers.call(operation, &mut *prepared, case));
                findings.expect(&place, result);
                *count = allocations;
            }
            let again = counts[1].max(counts[2]);
            findings.note(&place, (again > 0).then(|| format!("{again} allocations")));
        }
    }
    findings.done()
}

/// Everything that the in-place forms write into.
struct Buffers {
    y: Vec<f64>,
    y_dot: Vec<f64>,
    second: Vec<f64>,
    x_bar: Vec<f64>,
    hv: Vec<f64>,
    jacobian: nalgebra::DMatrix<f64>,
    hessian: nalgebra::DMatrix<f64>,
}

impl Buffers {
    fn new(case: &Case) -> Self {
        let (n, m) = (case.inputs(), case.outputs());
        Buffers {
            y: vec![0.0; m],
            y_dot: vec![0.0; m],
            second: vec![0.0; m],
            x_bar: vec![0.0; n],
            hv: vec![0.0; n],
            jacobian: nalgebra::DMatrix::zeros(m, n),
            hessian: nalgebra::DMatrix::zeros(n, n),
        }
    }

    /// The in-place form of `operation`, with everything that comes along. Operations that the
    /// shape does not allow do nothing.
    fn call(
        &mut self,
        operation: Operation,
        o: &mut dyn crate::erased::Operations,
        c: &Case,
    ) -> ad_api::Result<()> {
        let (n, m) = (c.inputs(), c.outputs());
        match operation {
            Operation::Pushforward => {
                o.value_and_pushforward_into(&c.x, &c.v, &mut self.y, &mut self.y_dot)?;
                o.pushforward_into(&c.x, &c.v, &mut self.y_dot)
            }
            Operation::Pullback => {
                o.value_and_pullback_into(&c.x, &c.w, &mut self.y, &mut self.x_bar)?;
                o.pullback_into(&c.x, &c.w, &mut self.x_bar)
            }
            Operation::Jacobian => {
                o.value_and_jacobian_into(&c.x, &mut self.y, &mut self.jacobian)?;
                o.jacobian_into(&c.x, &mut self.jacobian)
            }
            Operation::Derivative if n == 1 => {
                o.value_and_derivative_into(c.x[0], &mut self.y, &mut self.y_dot)?;
                o.derivative_into(c.x[0], &mut self.y_dot)
            }
            Operation::Gradient if m == 1 => {
                o.value_and_gradient_into(&c.x, &mut self.x_bar)?;
                o.gradient_into(&c.x, &mut self.x_bar)
            }
            Operation::SecondDerivative if n == 1 => {
                o.value_derivative_and_second_derivative_into(
                    c.x[0],
                    &mut self.y,
                    &mut self.y_dot,
                    &mut self.second,
                )?;
                o.second_derivative_into(c.x[0], &mut self.second)
            }
            Operation::Hessian => {
                let h = &mut self.hessian;
                o.value_gradient_and_weighted_hessian_into(&c.x, &c.weights, &mut self.x_bar, h)?;
                o.weighted_hessian_into(&c.x, &c.weights, h)
            }
            Operation::Hvp => o
                .value_gradient_and_weighted_hvp_into(
                    &c.x,
                    &c.weights,
                    &c.v,
                    &mut self.x_bar,
                    &mut self.hv,
                )
                .map(drop),
            _ => Ok(()),
        }
    }
}
