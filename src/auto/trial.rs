//! One candidate on the problem at hand.

use std::time::{Duration, Instant};

use ad_api::{
    AdError, Backend, Differentiate, Evaluations, Function, Operation, Prepared, Result, Shape,
};
use nalgebra::DMatrix;

use crate::{AnyBackend, AnyPrepared, BackendConfig};

/// Time spent on repeating one candidate's computation.
const BUDGET: Duration = Duration::from_millis(5);

/// What is to be computed.
pub(super) struct Problem<'a, F> {
    f: &'a F,
    x: &'a [f64],
    operations: &'a [Operation],
    /// The time of one plain evaluation, in seconds.
    primal: f64,
}

impl<'a, F: Function> Problem<'a, F> {
    pub(super) fn new(f: &'a F, x: &'a [f64], operations: &'a [Operation]) -> Result<Self> {
        let mut y = vec![0.0; f.outputs()];
        ad_api::value(f, x, &mut y)?;
        let primal = shortest(|| ad_api::value(f, x, &mut y))?;
        Ok(Problem { f, x, operations, primal })
    }
}

/// The shortest of a few runs, in seconds.
fn shortest(mut body: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    let mut best = f64::INFINITY;
    for _ in 0..1000 {
        let lap = Instant::now();
        body()?;
        best = best.min(lap.elapsed().as_secs_f64());
        if start.elapsed() > BUDGET {
            break;
        }
    }
    Ok(best)
}

/// A candidate, and what running it gave.
pub(super) struct Trial {
    pub(super) config: BackendConfig,
    pub(super) backend: AnyBackend,
    /// The relative error that its results may have, on a function of unit scale.
    pub(super) relative_error: f64,
    /// The evaluations that it states it needs, at most.
    pub(super) evaluations: usize,
    /// As `evaluations`, where it states the number exactly: a bound from below.
    pub(super) at_least: usize,
    pub(super) result: Run,
}

/// What one operation gave.
#[derive(Clone)]
pub(super) enum Values {
    Vector(Vec<f64>),
    /// A column for each input.
    Jacobian(DMatrix<f64>),
    /// A row and a column for each input.
    Hessian(DMatrix<f64>),
}

/// What running a candidate gave.
pub(super) enum Run {
    Done { seconds: f64, values: Vec<Values> },
    Failed(AdError),
    Skipped,
}

impl Trial {
    pub(super) fn new<F: Function>(
        problem: &Problem<'_, F>,
        config: BackendConfig,
        backend: AnyBackend,
        relative_error: f64,
    ) -> Self {
        let (mut evaluations, mut at_least) = (0_usize, 0_usize);
        for &operation in problem.operations {
            let stated = backend.capability(operation, Shape::of(problem.f)).evaluations();
            evaluations = evaluations.saturating_add(stated.map_or(0, Evaluations::bound));
            if let Some(Evaluations::Exactly(n)) = stated {
                at_least = at_least.saturating_add(n);
            }
        }
        Trial { config, backend, relative_error, evaluations, at_least, result: Run::Skipped }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.relative_error <= f64::EPSILON
    }

    pub(super) fn seconds(&self) -> Option<f64> {
        match self.result {
            Run::Done { seconds, .. } => Some(seconds),
            _ => None,
        }
    }

    /// Runs the operations, unless the evaluations alone would take longer than `best`.
    pub(super) fn run<F: Function>(&mut self, problem: &Problem<'_, F>, best: f64) {
        if self.at_least as f64 * problem.primal > 2.0 * best {
            return;
        }
        self.result = match self.measure(problem, best) {
            Ok((seconds, values)) => Run::Done { seconds, values },
            Err(error) => Run::Failed(error),
        };
    }

    fn measure<F: Function>(
        &self,
        problem: &Problem<'_, F>,
        best: f64,
    ) -> Result<(f64, Vec<Values>)> {
        let mut prepared = self.backend.prepare(problem.f, problem.x)?;
        let mut buffers = Buffers::new(Shape::of(problem.f));
        let mut values = Vec::new();
        let start = Instant::now();
        for &operation in problem.operations {
            buffers.compute(&mut prepared, problem.x, operation)?;
            values.push(buffers.result(operation));
        }
        let first = start.elapsed().as_secs_f64();
        // The first call sizes the buffers; but if it is hopelessly slow, once is enough.
        if first > 20.0 * best.max(1e-5) {
            return Ok((first, values));
        }
        let seconds = shortest(|| {
            let mut operations = problem.operations.iter();
            operations.try_for_each(|&op| buffers.compute(&mut prepared, problem.x, op))
        })?;
        Ok((seconds, values))
    }
}

/// Seeds and results of all operations.
struct Buffers {
    tangent: Vec<f64>,
    cotangent: Vec<f64>,
    y: Vec<f64>,
    outputs: Vec<f64>,
    inputs: Vec<f64>,
    product: Vec<f64>,
    jacobian: DMatrix<f64>,
    hessian: DMatrix<f64>,
}

impl Buffers {
    fn new(Shape { inputs: n, outputs: m }: Shape) -> Self {
        // Seeds without symmetry, so that a wrong entry shows.
        let seed = |len: usize| (0..len).map(|i| 1.0 + (i as f64).sin() / 2.0).collect();
        Buffers {
            tangent: seed(n),
            cotangent: seed(m),
            y: vec![0.0; m],
            outputs: vec![0.0; m],
            inputs: vec![0.0; n],
            product: vec![0.0; n],
            jacobian: DMatrix::zeros(0, 0),
            hessian: DMatrix::zeros(0, 0),
        }
    }

    fn compute<F: Function>(
        &mut self,
        prepared: &mut AnyPrepared<F>,
        x: &[f64],
        operation: Operation,
    ) -> Result<()> {
        let Shape { inputs: n, outputs: m } = prepared.shape();
        let one_input = || x.first().copied().unwrap_or_default();
        match operation {
            Operation::Jacobian => reshape(&mut self.jacobian, (m, n)),
            Operation::Hessian => reshape(&mut self.hessian, (n, n)),
            _ => {}
        }
        match operation {
            Operation::Pushforward => prepared.value_and_pushforward_into(
                x,
                &self.tangent,
                &mut self.y,
                &mut self.outputs,
            ),
            Operation::Pullback => {
                prepared.value_and_pullback_into(x, &self.cotangent, &mut self.y, &mut self.inputs)
            }
            Operation::Jacobian => {
                prepared.value_and_jacobian_into(x, &mut self.y, &mut self.jacobian)
            }
            Operation::Derivative => {
                prepared.value_and_derivative_into(one_input(), &mut self.y, &mut self.outputs)
            }
            Operation::Gradient => prepared.gradient_into(x, &mut self.inputs),
            Operation::SecondDerivative => {
                prepared.second_derivative_into(one_input(), &mut self.outputs)
            }
            Operation::Hessian => prepared
                .value_gradient_and_weighted_hessian_into(
                    x,
                    &self.cotangent,
                    &mut self.inputs,
                    &mut self.hessian,
                )
                .map(drop),
            Operation::Hvp => prepared
                .value_gradient_and_weighted_hvp_into(
                    x,
                    &self.cotangent,
                    &self.tangent,
                    &mut self.inputs,
                    &mut self.product,
                )
                .map(drop),
            other => Err(AdError::Unsupported {
                backend: "auto".into(),
                operation: other.name(),
                reason: "it does not know how to measure it".into(),
            }),
        }
    }

    fn result(&self, operation: Operation) -> Values {
        match operation {
            Operation::Pullback | Operation::Gradient => Values::Vector(self.inputs.clone()),
            Operation::Jacobian => Values::Jacobian(self.jacobian.clone()),
            Operation::Hessian => Values::Hessian(self.hessian.clone()),
            Operation::Hvp => Values::Vector(self.product.clone()),
            _ => Values::Vector(self.outputs.clone()),
        }
    }
}

/// Large matrices exist only where they are asked for.
fn reshape(matrix: &mut DMatrix<f64>, shape: (usize, usize)) {
    if matrix.shape() != shape {
        *matrix = DMatrix::zeros(shape.0, shape.1);
    }
}
