//! Arrays of burn, on any of its devices.

use std::fmt;

use ad_api::Result;
use ad_api::array::{ArrayOp, Dims, Tensor};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::backend::{Flex, TensorMetadata};

use crate::node::{Inner, Node, failed};
use crate::{BurnDevice, Place};

/// An array of burn: a primitive of one of its backends, whose rank is known at run time.
///
/// burn's own [`Tensor`](burn::tensor::Tensor), whose rank is in its type, becomes one by
/// [`from_burn`](BurnTensor::from_burn) and comes back by [`to_burn`](BurnTensor::to_burn).
#[derive(Clone)]
pub struct BurnTensor(Backed);

#[derive(Clone)]
enum Backed {
    Cpu(Node<Flex>),
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    Gpu(Node<Cube>),
}

/// Runs code for the backend that an array belongs to.
macro_rules! with {
    ($tensor:expr, $node:ident => $value:expr) => {
        match &$tensor.0 {
            Backed::Cpu($node) => $value,
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Backed::Gpu($node) => $value,
        }
    };
}

impl Inner for Flex {
    fn wrap(node: Node<Flex>) -> BurnTensor {
        BurnTensor(Backed::Cpu(node))
    }

    #[allow(clippy::unnecessary_wraps, reason = "there may be other backends")]
    fn unwrap(tensor: &BurnTensor) -> Option<&Node<Flex>> {
        match &tensor.0 {
            Backed::Cpu(node) => Some(node),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Backed::Gpu(_) => None,
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl Inner for Cube {
    fn wrap(node: Node<Cube>) -> BurnTensor {
        BurnTensor(Backed::Gpu(node))
    }

    fn unwrap(tensor: &BurnTensor) -> Option<&Node<Cube>> {
        match &tensor.0 {
            Backed::Gpu(node) => Some(node),
            Backed::Cpu(_) => None,
        }
    }
}

impl Tensor for BurnTensor {
    type Device = BurnDevice;

    fn device(&self) -> BurnDevice {
        let (place, precision) = match &self.0 {
            Backed::Cpu(node) => (Place::Cpu(node.primitive().device()), node.precision()),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Backed::Gpu(node) => (Place::Gpu(node.primitive().device()), node.precision()),
        };
        BurnDevice::of_array(place, precision)
    }

    fn dims(&self) -> Dims {
        with!(self, node => node.dims)
    }

    fn precision(device: &BurnDevice) -> f64 {
        device.unit()
    }

    fn from_host(device: &BurnDevice, dims: Dims, entries: &[f64]) -> Result<Self> {
        let precision = device.precision();
        match device.place() {
            Place::Cpu(cpu) => Node::from_host(cpu, precision, dims, entries).map(Flex::wrap),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Gpu(gpu) => Node::from_host(gpu, precision, dims, entries).map(Cube::wrap),
        }
    }

    fn full(device: &BurnDevice, dims: Dims, value: f64) -> Result<Self> {
        let precision = device.precision();
        match device.place() {
            Place::Cpu(cpu) => Node::full(cpu, precision, dims, value).map(Flex::wrap),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Gpu(gpu) => Node::full(gpu, precision, dims, value).map(Cube::wrap),
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
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Backed::Gpu(_) => apply_on::<Cube>(op, operands, dims),
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
