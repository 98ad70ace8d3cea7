//! Arrays of burn, on any of its devices.

use std::fmt;

use ad_api::Result;
use ad_api::array::{ArrayOp, Dims, Tensor};
use burn::backend::{Flex, TensorMetadata};

use crate::node::{Inner, Node, failed};
use crate::{BurnDevice, Place};

/// An array of burn.
///
/// It wraps a primitive of one of burn's backends, whose rank is known at run time.
#[derive(Clone)]
pub struct BurnTensor(Backed);

#[derive(Clone)]
enum Backed {
    Cpu(Node<Flex>),
}

/// Runs code for the backend that an array belongs to.
macro_rules! with {
    ($tensor:expr, $node:ident => $value:expr) => {
        match &$tensor.0 {
            Backed::Cpu($node) => $value,
        }
    };
}

impl Inner for Flex {
    fn wrap(node: Node<Flex>) -> BurnTensor {
        BurnTensor(Backed::Cpu(node))
    }

    fn unwrap(tensor: &BurnTensor) -> Option<&Node<Flex>> {
        match &tensor.0 {
            Backed::Cpu(node) => Some(node),
        }
    }
}

impl Tensor for BurnTensor {
    type Device = BurnDevice;

    fn device(&self) -> BurnDevice {
        match &self.0 {
            Backed::Cpu(node) => BurnDevice {
                place: Place::Cpu(node.primitive().device()),
                precision: node.precision(),
            },
        }
    }

    fn dims(&self) -> Dims {
        with!(self, node => node.dims)
    }

    fn precision(device: &BurnDevice) -> f64 {
        device.precision.unit()
    }

    fn from_host(device: &BurnDevice, dims: Dims, entries: &[f64]) -> Result<Self> {
        match &device.place {
            Place::Cpu(cpu) => {
                Node::from_host(cpu, device.precision, dims, entries).map(Flex::wrap)
            }
        }
    }

    fn full(device: &BurnDevice, dims: Dims, value: f64) -> Result<Self> {
        match &device.place {
            Place::Cpu(cpu) => Node::full(cpu, device.precision, dims, value).map(Flex::wrap),
        }
    }

    fn is_constant(&self) -> bool {
        !self.is_tracked()
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        with!(self, node => node.to_host())
    }

    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self> {
        match &operands[0].0 {
            Backed::Cpu(_) => apply_on::<Flex>(op, operands, dims),
        }
    }
}

impl BurnTensor {
    /// Whether burn records what is computed from it.
    pub(crate) fn is_tracked(&self) -> bool {
        with!(self, node => node.is_tracked())
    }
}

fn apply_on<B: Inner>(op: &ArrayOp, operands: &[&BurnTensor], dims: Dims) -> Result<BurnTensor> {
    let node = |i: usize| {
        B::unwrap(operands[i]).ok_or_else(|| failed(op.name(), "the operands live on two devices"))
    };
    let result = match operands.len() {
        1 => Node::apply(op, &[node(0)?], dims),
        2 => Node::apply(op, &[node(0)?, node(1)?], dims),
        n => Node::apply(op, &(0..n).map(node).collect::<Result<Vec<_>>>()?, dims),
    };
    result.map(B::wrap)
}

impl fmt::Debug for BurnTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("BurnTensor");
        shown.field("dims", &self.dims()).field("device", &self.device());
        shown.field("tracked", &self.is_tracked()).finish()
    }
}
