//! What candle records while a function is evaluated, kept in order.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{panic, thread};

use ad_api::array::{ArrayOp, Dims};
use ad_api::{AdError, Result, Unary};
use candle_core::{Tensor, Var, nditer};

use crate::CandleTensor;
use crate::error::engine;
use crate::partials::attach;
use crate::value::value;

/// The tensors that candle recorded in one evaluation.
///
/// candle's graph is a tensor that owns its operands, which own theirs: dropped from the end, a chain
/// of 10⁵ operations is as many nested calls, more than a stack holds. Here every tensor is owned by
/// the list, too, and the list is emptied from the end, so that nothing is dropped within a drop.
#[derive(Default)]
pub(crate) struct Graph(Mutex<Nodes>);

#[derive(Default)]
struct Nodes {
    kept: Vec<Tensor>,
    /// The number of tensors that candle may walk through, one inside another.
    depth: usize,
}

impl Graph {
    /// A tensor with the same values that derivatives are taken with respect to.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] for one of another graph, through which candle differentiates once.
    pub(crate) fn input(self: &Arc<Self>, x: &CandleTensor) -> Result<CandleTensor> {
        if x.graph.is_some() {
            return Err(AdError::Unsupported {
                backend: crate::NAME.into(),
                operation: "pullback",
                reason: "candle's derivatives have none themselves; compose two backends".into(),
            });
        }
        let tensor = Var::from_tensor(&x.tensor).map_err(engine("pullback"))?;
        Ok(CandleTensor { tensor: tensor.into_inner(), graph: Some(Arc::clone(self)) })
    }

    /// The result of an operation with tracked operands.
    pub(crate) fn apply(
        self: &Arc<Self>,
        op: &ArrayOp,
        operands: &[&CandleTensor],
        dims: Dims,
    ) -> Result<CandleTensor> {
        let role = Role::of(op);
        if role != Role::Step {
            let found = operands.iter().map(|x| x.tensor.rank()).fold(dims.rank(), usize::max);
            check_rank(op, found)?;
        }
        let tracked: Vec<_> = operands.iter().map(|operand| &operand.tensor).collect();
        let failed = engine(op.name());
        let tensor = match role {
            Role::Linear => value(op, &tracked, dims).map_err(failed)?,
            Role::Step | Role::Curved => {
                let detached: Vec<_> = tracked.iter().map(|x| x.detach()).collect();
                let value = value(op, &detached.iter().collect::<Vec<_>>(), dims);
                let value = value.map_err(&failed)?;
                if role == Role::Step {
                    return Ok(CandleTensor { tensor: value, graph: None });
                }
                attach(op, &tracked, value).map_err(failed)?
            }
        };
        self.keep(&tensor, walked(op) + operands.len());
        Ok(CandleTensor { tensor, graph: Some(Arc::clone(self)) })
    }

    /// Owns a tensor, which adds so much to the depth.
    fn keep(&self, tensor: &Tensor, depth: usize) {
        let mut nodes = self.nodes();
        nodes.kept.push(tensor.clone());
        nodes.depth += depth;
    }

    /// Counts tensors that are not kept.
    pub(crate) fn deepen(&self, depth: usize) {
        self.nodes().depth += depth;
    }

    /// Runs what walks through the graph, by candle's recursion, on a stack that is deep enough: this
    /// thread's for a small graph, else that of a thread made for it.
    ///
    /// # Errors
    ///
    /// [`AdError::Engine`] if there is no memory for such a stack.
    pub(crate) fn walk<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        let depth = self.nodes().depth;
        if depth <= SHALLOW {
            return Ok(work());
        }
        thread::scope(|scope| {
            let stack = thread::Builder::new().stack_size(depth.saturating_mul(FRAMES));
            let worker = stack.spawn_scoped(scope, work).map_err(|error| AdError::Engine {
                backend: crate::NAME.into(),
                operation: "pullback",
                cause: error.into(),
            })?;
            worker.join().map_or_else(|cause| panic::resume_unwind(cause), Ok)
        })
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} tensors)", self.nodes().kept.len())
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let nodes = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = nodes.kept.pop() {
            drop(last);
        }
    }
}

/// The depth up to which the stack of any thread suffices.
const SHALLOW: usize = 256;

/// The bytes of stack for one tensor inside another: candle takes 250, and 1100 where it is compiled
/// without optimization.
const FRAMES: usize = 2048;

/// How the derivative of an operation is found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    /// It is zero.
    Step,
    /// candle's is right: that of operations that are linear in each operand, and of functions with
    /// bounded partials.
    Linear,
    /// candle has none, or one that differs at kinks, ties and poles.
    Curved,
}

impl Role {
    fn of(op: &ArrayOp) -> Self {
        match op {
            ArrayOp::Detach
            | ArrayOp::Compare(_)
            | ArrayOp::Unary(
                Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc | Unary::Signum,
            ) => Role::Step,
            ArrayOp::MulScalar(c) if !c.is_finite() => Role::Curved,
            ArrayOp::Powf(_)
            | ArrayOp::Sigmoid
            | ArrayOp::Relu
            | ArrayOp::Softplus
            | ArrayOp::Div
            | ArrayOp::Binary(_)
            | ArrayOp::Max(_) => Role::Curved,
            ArrayOp::Unary(function) => match function {
                Unary::Sin
                | Unary::Cos
                | Unary::Tanh
                | Unary::Exp
                | Unary::Erf
                | Unary::Powi(2) => Role::Linear,
                _ => Role::Curved,
            },
            _ => Role::Linear,
        }
    }
}

/// How many tensors candle makes of an operation at most, beside one for each operand.
fn walked(op: &ArrayOp) -> usize {
    match op {
        ArrayOp::Slice(ranges) => ranges.len(),
        ArrayOp::Embed { ranges, .. } => 3 * ranges.len(),
        ArrayOp::MatMul | ArrayOp::Concat(_) => 4,
        _ => 2,
    }
}

/// candle adds derivatives up by an iterator that panics, or worse, for more axes.
fn check_rank(op: &ArrayOp, found: usize) -> Result<()> {
    if found <= nditer::MAX_DIMS {
        return Ok(());
    }
    Err(AdError::Unsupported {
        backend: crate::NAME.into(),
        operation: op.name(),
        reason: format!(
            "in reverse mode candle has arrays of at most {} axes, not {found}",
            nditer::MAX_DIMS
        ),
    })
}
