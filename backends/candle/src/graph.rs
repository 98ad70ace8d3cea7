//! What candle records while a function is evaluated, kept in order.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ad_api::array::{ArrayOp, Dims, Tensor as _};
use ad_api::{AdError, Result, Unary};
use candle_core::{Tensor, Var, nditer};

use crate::CandleTensor;
use crate::error::engine;
use crate::known::{Collector, Cotangents, node, seed};
use crate::tensor::with_tensors;
use crate::value::value;

/// What was recorded in one evaluation.
///
/// candle's graph is a tensor that owns its operands, which own theirs: dropped from the end, a chain
/// of 10⁵ operations is as many nested calls, more than a stack holds. Here every node is owned by a
/// list, too, and the list is emptied from the end, so that nothing is dropped within a drop.
pub(crate) struct Graph {
    nodes: Mutex<Nodes>,
    /// A variable for candle to find below operations on inputs.
    anchor: Tensor,
    cotangents: Arc<Cotangents>,
}

#[derive(Default)]
struct Nodes {
    kept: Vec<Tensor>,
    /// The number of tensors that candle may walk through, one inside another.
    depth: usize,
}

impl Graph {
    /// Nothing so far, and the inputs of a function with the values of `x`, of which there are some.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] if one of them is tracked already: candle differentiates once.
    pub(crate) fn new(x: &[&CandleTensor]) -> Result<(Arc<Self>, Vec<CandleTensor>)> {
        if x.iter().any(|x| x.graph.is_some()) {
            return Err(AdError::Unsupported {
                backend: crate::NAME.into(),
                operation: "pullback",
                reason: "candle's derivatives have none themselves; compose two backends".into(),
            });
        }
        let first = &x[0].tensor;
        let anchor = Var::zeros(1, first.dtype(), first.device()).map_err(engine("pullback"))?;
        let graph = Arc::new(Graph {
            nodes: Mutex::default(),
            anchor: anchor.into_inner(),
            cotangents: Arc::new(Cotangents::new(x.len())),
        });
        let inputs = x.iter().enumerate().map(|(i, x)| CandleTensor {
            collector: Collector::Input(i),
            graph: Some(Arc::clone(&graph)),
            ..CandleTensor::clone(x)
        });
        let inputs = inputs.collect();
        Ok((graph, inputs))
    }

    /// The result of an operation with tracked operands.
    ///
    /// Those that candle differentiates right are left to it where all operands are nodes. It would
    /// copy inputs, and compute derivatives with respect to constants.
    pub(crate) fn apply(
        self: &Arc<Self>,
        op: &ArrayOp,
        operands: &[&CandleTensor],
        dims: Dims,
    ) -> Result<CandleTensor> {
        let failed = engine(op.name());
        let derivative = Derivative::of(op);
        if derivative == Derivative::Zero {
            let constants: Vec<_> =
                operands.iter().map(|x| CandleTensor::constant(x.tensor.detach())).collect();
            return CandleTensor::apply(op, &constants.iter().collect::<Vec<_>>(), dims);
        }
        let nodes = || operands.iter().filter(|x| x.collector == Collector::Candle);
        check_rank(op, nodes().map(|x| x.tensor.rank()).fold(dims.rank(), usize::max))?;
        let nodes = nodes().count();
        let tensor = if derivative == Derivative::Candles && nodes == operands.len() {
            with_tensors(operands, |x| value(op, x, dims)).map_err(failed)?
        } else if nodes > 2 {
            // Some of the operands are no nodes.
            let nodes = operands.iter().map(|x| self.node_of(x)).collect::<Result<Vec<_>>>()?;
            let tensors: Vec<_> = nodes.iter().map(|x| &x.tensor).collect();
            value(op, &tensors, dims).map_err(failed)?
        } else {
            node(op, operands, dims, &self.anchor, &self.cotangents)?
        };
        self.keep(&tensor, walked(op) + operands.len());
        Ok(self.tracked(tensor))
    }

    fn tracked(self: &Arc<Self>, tensor: Tensor) -> CandleTensor {
        let graph = Some(Arc::clone(self));
        CandleTensor { tensor, collector: Collector::Candle, graph }
    }

    /// A node with the values of an input.
    fn node_of(self: &Arc<Self>, x: &CandleTensor) -> Result<CandleTensor> {
        match x.collector {
            Collector::Input(_) => self.apply(&ArrayOp::Reshape(x.dims()), &[x], x.dims()),
            _ => Ok(x.clone()),
        }
    }

    /// Owns a tensor, which adds so much to the depth.
    fn keep(&self, tensor: &Tensor, depth: usize) {
        let mut nodes = self.nodes();
        nodes.kept.push(tensor.clone());
        nodes.depth += depth;
    }

    /// The cotangents of the inputs that these of the outputs give: candle's backward pass.
    ///
    /// # Errors
    ///
    /// What candle reports.
    ///
    /// # Panics
    ///
    /// If there is no memory for the stack that candle needs.
    pub(crate) fn pullback(
        &self,
        y: &[&CandleTensor],
        y_bar: &[&Tensor],
    ) -> Result<Vec<Option<Tensor>>> {
        self.walk(y.len(), || {
            let mut start: Option<Tensor> = None;
            for (y, &y_bar) in y.iter().zip(y_bar) {
                match y.collector {
                    Collector::Nobody => {}
                    Collector::Input(input) => self.cotangents.add(input, y_bar.detach())?,
                    Collector::Candle => {
                        let seed = seed(&y.tensor, &y_bar.detach())?;
                        start = Some(start.map_or(Ok(seed.clone()), |sum| sum.add(&seed))?);
                    }
                }
            }
            start.map(|start| start.backward()).transpose()?;
            Ok(self.cotangents.take())
        })
        // What candle reports where an operation of ours failed has lost its type.
        .map_err(|error| self.cotangents.failure().unwrap_or_else(|| engine("pullback")(error)))
    }

    /// Runs what walks through the graph and `more` nodes, by candle's recursion, on a stack that is
    /// deep enough: this one, or one made for it.
    fn walk<R>(&self, more: usize, work: impl FnOnce() -> R) -> R {
        let depth = self.nodes().depth + more;
        let needed = depth.saturating_mul(FRAMES).saturating_add(KERNELS);
        stacker::maybe_grow(needed, needed, work)
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} tensors)", self.nodes().kept.len())
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let nodes = self.nodes.get_mut().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = nodes.kept.pop() {
            drop(last);
        }
    }
}

/// The bytes of stack for one tensor inside another: candle takes 250, and 1100 where it is compiled
/// without optimization.
const FRAMES: usize = 1280;

/// The bytes of stack for candle's kernels.
const KERNELS: usize = 128 << 10;

/// How the derivative of an operation is found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Derivative {
    /// It is zero.
    Zero,
    /// By candle, whose derivative is the documented one.
    Candles,
    /// By us: candle has none, or one that differs at kinks, ties and poles.
    Ours,
}

impl Derivative {
    fn of(op: &ArrayOp) -> Self {
        match op {
            ArrayOp::Detach
            | ArrayOp::Compare(_)
            | ArrayOp::Unary(
                Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc | Unary::Signum,
            ) => Derivative::Zero,
            ArrayOp::MulScalar(c) if !c.is_finite() => Derivative::Ours,
            ArrayOp::Powf(_)
            | ArrayOp::Sigmoid
            | ArrayOp::Relu
            | ArrayOp::Softplus
            | ArrayOp::Mul
            | ArrayOp::Div
            | ArrayOp::Binary(_)
            | ArrayOp::Max(_)
            | ArrayOp::Rule(_) => Derivative::Ours,
            ArrayOp::Unary(function) => match function {
                Unary::Sin
                | Unary::Cos
                | Unary::Tanh
                | Unary::Exp
                | Unary::Erf
                | Unary::Powi(2) => Derivative::Candles,
                _ => Derivative::Ours,
            },
            _ => Derivative::Candles,
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
