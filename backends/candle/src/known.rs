//! Operations whose derivatives are ours, for candle to find in its graph.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ad_api::AdError;
use ad_api::array::{Array, ArrayOp, Dims, Linear, Tensor as _, linearize_op};
use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, Error, Layout, MetalStorage, Result, Shape,
    Storage, Tensor,
};

use crate::CandleTensor;
use crate::error::engine;
use crate::value::{strong_product, value};

/// Who collects the cotangents of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Collector {
    /// Nobody: it is constant.
    Nobody,
    /// Candle: it is a node of its graph.
    Candle,
    /// [`Cotangents`], under this number: it is an input of the function.
    Input(usize),
}

/// The cotangents that reached the inputs of a function so far.
///
/// candle collects those of its variables. These own their memory, so that inputs would be copied, and
/// the sum for each starts from an array of zeros. So inputs are no variables: the operations on them
/// add to this list.
pub(crate) struct Cotangents(Mutex<Collected>);

struct Collected {
    sums: Vec<Option<Tensor>>,
    /// Why an operation of ours has no cotangent.
    failure: Option<AdError>,
}

impl Cotangents {
    /// None so far.
    pub(crate) fn new(inputs: usize) -> Self {
        Cotangents(Mutex::new(Collected { sums: vec![None; inputs], failure: None }))
    }

    /// Adds one to those of an input.
    pub(crate) fn add(&self, input: usize, cotangent: Tensor) -> Result<()> {
        let sums = &mut self.collected().sums;
        let sum = match &sums[input] {
            Some(sum) => {
                let dims = sum.dims().iter().copied().collect();
                value(&ArrayOp::Add, &[sum, &cotangent], dims)?
            }
            None => cotangent,
        };
        sums[input] = Some(sum);
        Ok(())
    }

    /// The sums, `None` for inputs that none reached; then begins anew.
    pub(crate) fn take(&self) -> Vec<Option<Tensor>> {
        self.collected().sums.iter_mut().map(Option::take).collect()
    }

    /// Keeps the failure of an operation of ours, and makes one for candle of it.
    fn fail(&self, failure: AdError) -> Error {
        let shown = Error::msg(&failure);
        self.collected().failure = Some(failure);
        shown
    }

    /// The failure that was kept.
    pub(crate) fn failure(&self) -> Option<AdError> {
        self.collected().failure.take()
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of `op` as a node of candle's graph, where its derivative is that of [`linearize_op`].
/// At most two operands are nodes; without any, `anchor` is there for candle to follow.
pub(crate) fn node(
    op: &ArrayOp,
    x: &[&CandleTensor],
    dims: Dims,
    anchor: &Tensor,
    cotangents: &Arc<Cotangents>,
) -> ad_api::Result<Tensor> {
    let operands: Vec<_> = x.iter().map(|x| Operand::new(x)).collect();
    let constants: Vec<_> = operands.iter().map(|x| &x.values).collect();
    let value = CandleTensor::apply(op, &constants, dims)?.tensor;
    let known = Known {
        op: op.clone(),
        value: Mutex::new(Some(value)),
        cotangents: Arc::clone(cotangents),
        operands,
    };
    let mut nodes = x.iter().filter(|x| x.collector == Collector::Candle);
    let node = match (nodes.next(), nodes.next(), nodes.next()) {
        (None, ..) => anchor.apply_op1(known),
        (Some(x), None, _) => x.tensor.apply_op1(known),
        (Some(a), Some(b), None) => a.tensor.apply_op2(&b.tensor, known),
        _ => Err(Error::Msg(format!("`{}` of more than two nodes", op.name()))),
    };
    node.map_err(engine(op.name()))
}

/// An operation of candle whose value is computed before candle asks for it.
struct Known {
    op: ArrayOp,
    operands: Vec<Operand>,
    value: Mutex<Option<Tensor>>,
    cotangents: Arc<Cotangents>,
}

struct Operand {
    /// Without derivatives.
    values: CandleTensor,
    collector: Collector,
    /// The derivative, once it is known: several cotangents share it.
    linear: OnceLock<Option<Linear<CandleTensor>>>,
}

impl Operand {
    fn new(x: &CandleTensor) -> Self {
        let values = CandleTensor::constant(x.tensor.detach());
        Operand { values, collector: x.collector, linear: OnceLock::new() }
    }
}

impl Known {
    /// Hands on the value. candle wants memory of its own, so this is a copy.
    fn value<S>(&self, copy: impl Fn(&Storage, &Layout) -> Result<S>) -> Result<(S, Shape)> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        let value = value.ok_or_else(|| Error::Msg("a value was asked for twice".into()))?;
        // Memory is copied as a whole, so it must hold nothing else.
        let whole = value.is_contiguous() && value.layout().start_offset() == 0;
        let value = if whole { value } else { value.force_contiguous()? };
        let (storage, layout) = value.storage_and_layout();
        Ok((copy(&storage, layout)?, layout.shape().clone()))
    }

    /// Gives the cotangents of inputs to their collector, and returns those of nodes, in order.
    fn pull(&self, value: &Tensor, cotangent: &Tensor) -> Result<[Option<Tensor>; 2]> {
        let mut nodes = [None, None];
        let mut next = nodes.iter_mut();
        for (active, operand) in self.operands.iter().enumerate() {
            match operand.collector {
                Collector::Nobody => {}
                Collector::Input(input) => {
                    if let Some(cotangent) = self.transpose(active, value, cotangent)? {
                        self.cotangents.add(input, cotangent)?;
                    }
                }
                Collector::Candle => {
                    let cotangent = self.transpose(active, value, cotangent)?;
                    // candle panics where a node gets nothing.
                    let zeros = || operand.values.tensor.zeros_like();
                    let cotangent = cotangent.map_or_else(zeros, Ok)?;
                    if let Some(node) = next.next() {
                        *node = Some(cotangent);
                    }
                }
            }
        }
        Ok(nodes)
    }

    /// The cotangent of an operand, `None` if it is zero everywhere.
    fn transpose(
        &self,
        active: usize,
        value: &Tensor,
        cotangent: &Tensor,
    ) -> Result<Option<Tensor>> {
        let operand = &self.operands[active];
        let cotangent = cotangent.detach();
        if self.op == ArrayOp::Mul {
            let other = &self.operands[1 - active].values.tensor;
            return strong_product(other, &cotangent, operand.values.dims()).map(Some);
        }
        let array = |x: &Tensor| Array::new(CandleTensor::constant(x.detach()));
        let linear = operand.linear.get_or_init(|| {
            let all = self.operands.iter().map(|x| Array::new(x.values.clone()));
            let all: Vec<_> = all.collect();
            linearize_op(&self.op, &all.iter().collect::<Vec<_>>(), &array(value), active)
        });
        let Some(linear) = linear else { return Ok(None) };
        let cotangent = linear.transpose(&array(&cotangent));
        let cotangent = cotangent.tensor().map(|x| Some(x.tensor.clone()));
        cotangent.map_err(|failure| self.cotangents.fail(failure))
    }
}

fn elsewhere<S>(name: &str) -> Result<S> {
    Err(Error::Msg(format!("`{name}` of operands on one device has its value on another")))
}

fn on_cpu(storage: &Storage, _: &Layout) -> Result<CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage.clone()),
        _ => elsewhere("value"),
    }
}

fn on_cuda(storage: &Storage, layout: &Layout) -> Result<CudaStorage> {
    match storage {
        Storage::Cuda(storage) => storage.try_clone(layout),
        _ => elsewhere("value"),
    }
}

fn on_metal(storage: &Storage, layout: &Layout) -> Result<MetalStorage> {
    match storage {
        Storage::Metal(storage) => storage.try_clone(layout),
        _ => elsewhere("value"),
    }
}

impl CustomOp1 for Known {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.value(on_cpu)
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.value(on_cuda)
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        self.value(on_metal)
    }

    fn bwd(&self, _: &Tensor, value: &Tensor, cotangent: &Tensor) -> Result<Option<Tensor>> {
        self.pull(value, cotangent).map(|[x, _]| x)
    }
}

impl CustomOp2 for Known {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.value(on_cpu)
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.value(on_cuda)
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> Result<(MetalStorage, Shape)> {
        self.value(on_metal)
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        value: &Tensor,
        cotangent: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.pull(value, cotangent).map(<(_, _)>::from)
    }
}

/// A number whose derivative with respect to `y` is the cotangent `y_bar`: candle's backward starts
/// from a number, with 1.
pub(crate) fn seed(y: &Tensor, y_bar: &Tensor) -> Result<Tensor> {
    y.apply_op1(Seed(y_bar.clone()))
}

struct Seed(Tensor);

impl CustomOp1 for Seed {
    fn name(&self) -> &'static str {
        "cotangent"
    }

    fn cpu_fwd(&self, y: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        nothing(y)
    }

    fn cuda_fwd(&self, y: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        nothing(y)
    }

    fn metal_fwd(&self, y: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        nothing(y)
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.0.clone()))
    }
}

/// Nobody reads the number.
fn nothing<S, D>(y: &S) -> Result<(S, Shape)>
where
    S: BackendStorage<Device = D>,
    D: BackendDevice<Storage = S>,
{
    let shape = Shape::from(());
    Ok((y.device().zeros_impl(&shape, y.dtype())?, shape))
}
