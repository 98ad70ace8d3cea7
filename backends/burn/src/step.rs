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

/// The pullback of one operation.
#[derive(Debug)]
struct Step;

impl<B: Inner, const N: usize> Backward<B, N> for Step {
    type State = Applied;

    fn backward(self, ops: Ops<Applied, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let Applied { op, operands, result } = ops.state;
        let cotangent = Node::plain(result.dims(), gradients.consume::<B>(&ops.node));
        let cotangent = Array::new(B::wrap(cotangent));
        let operands: Vec<_> = operands.iter().collect();
        for (i, parent) in ops.parents.iter().enumerate() {
            let Some(parent) = parent else { continue };
            let pulled = match linearize_op(&op, &operands, &result, i) {
                Some(linear) => linear.transpose(&cotangent),
                None => operands[i].zeros_like(),
            };
            let pulled = pulled.tensor().map(|tensor| B::unwrap(tensor).map(Node::primitive));
            match pulled {
                Ok(Some(pulled)) => gradients.register::<B>(parent.id, pulled.clone()),
                Ok(None) => unreachable!("derivatives live where their operands do"),
                // burn's backward pass has no other way to fail.
                Err(error) => resume_unwind(Box::new(error)),
            }
        }
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
