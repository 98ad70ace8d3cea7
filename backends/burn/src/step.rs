//! Derivatives of ours in burn's graph, where burn has others or none.

use std::panic::resume_unwind;

use ad_api::array::{Array, ArrayOp, Dims, linearize_op};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};

use crate::BurnTensor;
use crate::node::{Inner, Node};

/// The result of an operation, recorded with the derivative that `ad-api` has for it.
pub(crate) fn record<B: Inner>(
    op: &ArrayOp,
    x: &[&Node<B>],
    dims: Dims,
    y: FloatTensor<B>,
) -> Node<B> {
    let array = |node: Node<B>| Array::new(B::wrap(node));
    let applied = Applied {
        op: op.clone(),
        operands: x.iter().map(|x| array(x.detached())).collect(),
        result: array(Node::plain(dims, y.clone())),
    };
    match x {
        [a] => finish([a.recorded().node()], applied, dims, y),
        [a, b] => finish([a.recorded().node(), b.recorded().node()], applied, dims, y),
        _ => unreachable!("operations of more operands are linear"),
    }
}

fn finish<B: Inner, const N: usize>(
    operands: [NodeGuard; N],
    applied: Applied,
    dims: Dims,
    y: FloatTensor<B>,
) -> Node<B> {
    match Backward::<B, N>::prepare::<NoCheckpointing>(Step, operands).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => Node::tracked(dims, prepared.finish(applied, y)),
        OpsKind::UnTracked(_) => Node::plain(dims, y),
    }
}

/// An operation, what it was applied to, and its result.
#[derive(Clone, Debug)]
struct Applied {
    op: ArrayOp,
    operands: Vec<Array<BurnTensor>>,
    result: Array<BurnTensor>,
}

impl Applied {
    /// The cotangent of an operand that `cotangent` of the result gives.
    fn pull<B: Inner>(&self, active: usize, cotangent: &Array<BurnTensor>) -> Array<BurnTensor> {
        let mut operands: Vec<_> = self.operands.iter().collect();
        let (x, dims) = (operands[active], self.result.dims());
        let elementwise = !matches!(self.op, ArrayOp::Max(_) | ArrayOp::Rule(_));
        let wide = if elementwise { x.broadcast_to(dims) } else { x.clone() };
        operands[active] = &wide;
        let Some(linear) = linearize_op(&self.op, &operands, &self.result, active) else {
            return x.zeros_like();
        };
        let pulled = linear.transpose(cotangent);
        if !elementwise {
            return pulled;
        }
        // An entry whose cotangent is 0 is not wanted, whatever its partial.
        let pulled = B::wanted(primitive::<B>(&pulled).clone(), primitive::<B>(cotangent).clone());
        sum_to(x, Array::new(B::wrap(Node::plain(dims, pulled))))
    }
}

/// The sum over the axes along which `x` was stretched to the shape of `wide`.
fn sum_to(x: &Array<BurnTensor>, wide: Array<BurnTensor>) -> Array<BurnTensor> {
    match x.dims().stretched(wide.dims()) {
        axes if axes.is_empty() => wide,
        axes => wide.sum(&axes).reshape(x.dims()),
    }
}

/// The pullback of one operation.
#[derive(Debug)]
struct Step;

impl<B: Inner, const N: usize> Backward<B, N> for Step {
    type State = Applied;

    fn backward(self, ops: Ops<Applied, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let cotangent = Node::plain(ops.state.result.dims(), gradients.consume::<B>(&ops.node));
        let cotangent = Array::new(B::wrap(cotangent));
        for (active, parent) in ops.parents.iter().enumerate() {
            if let Some(parent) = parent {
                let pulled = ops.state.pull::<B>(active, &cotangent);
                gradients.register::<B>(parent.id, primitive::<B>(&pulled).clone());
            }
        }
    }
}

/// The array of burn, or its error: below burn there is no way to fail but to unwind.
pub(crate) fn primitive<B: Inner>(array: &Array<BurnTensor>) -> &FloatTensor<B> {
    match array.tensor().map(|tensor| B::unwrap(tensor).map(Node::primitive)) {
        Ok(Some(primitive)) => primitive,
        Ok(None) => unreachable!("derivatives live where their operands do"),
        Err(error) => resume_unwind(Box::new(error)),
    }
}

/// A root of burn's graph from which `cotangent` flows into `y`: burn's own sweep starts with ones.
pub(crate) fn seed<B: Inner>(y: &Node<B>, cotangent: FloatTensor<B>) -> Node<B> {
    let dims = Dims::SCALAR;
    let number = B::float_zeros([1].into(), &cotangent.device(), cotangent.dtype().into());
    let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(Seed, [y.recorded().node()]);
    match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => Node::tracked(dims, prepared.finish(cotangent, number)),
        OpsKind::UnTracked(_) => Node::plain(dims, number),
    }
}

#[derive(Debug)]
struct Seed;

impl<B: Backend> Backward<B, 1> for Seed {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<FloatTensor<B>, 1>,
        gradients: &mut Gradients,
        _: &mut Checkpointer,
    ) {
        gradients.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            gradients.register::<B>(parent.id, ops.state);
        }
    }
}
