//! Our derivatives of operations, for candle to find in its graph.

use std::sync::{Mutex, OnceLock, PoisonError};

use ad_api::array::{Array, ArrayOp, Linear, linearize_op};
use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, Error, Layout, MetalStorage, Result, Shape,
    Storage, Tensor,
};

use crate::CandleTensor;

/// A tensor with the values of `value`, the result of `op` at `operands`, whose derivative in candle's
/// graph is that of [`linearize_op`].
pub(crate) fn attach(op: &ArrayOp, operands: &[&Tensor], value: Tensor) -> Result<Tensor> {
    // Its storage is handed on as it is.
    let bare = value.is_contiguous() && value.layout().start_offset() == 0;
    let value = if bare { value } else { value.force_contiguous()? };
    let known = Known {
        op: op.clone(),
        value: Mutex::new(Some(value)),
        linear: [OnceLock::new(), OnceLock::new()],
    };
    match operands {
        [x] => x.apply_op1(known),
        [a, b] => a.apply_op2(b, known),
        _ => Err(Error::Msg(format!("{} operands of `{}`", operands.len(), op.name()))),
    }
}

/// An operation of candle whose value was computed before.
struct Known {
    op: ArrayOp,
    value: Mutex<Option<Tensor>>,
    /// The derivative with respect to each operand, once it is known: several cotangents share it.
    linear: [OnceLock<Option<Linear<CandleTensor>>>; 2],
}

impl Known {
    /// Hands on the value. candle wants storage of its own, so this is a copy.
    fn value<S>(&self, copy: impl Fn(&Storage, &Layout) -> Result<S>) -> Result<(S, Shape)> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        let value = value.ok_or_else(|| Error::Msg("a value was asked for twice".into()))?;
        let (storage, layout) = value.storage_and_layout();
        Ok((copy(&storage, layout)?, layout.shape().clone()))
    }

    /// The cotangent of an operand, `None` if nobody asks for it.
    fn cotangent(
        &self,
        active: usize,
        operands: &[&Tensor],
        value: &Tensor,
        cotangent: &Tensor,
    ) -> Result<Option<Tensor>> {
        let operand = operands[active];
        if !operand.track_op() {
            return Ok(None);
        }
        let array = |x: &Tensor| Array::new(CandleTensor { tensor: x.detach(), graph: None });
        let linear = self.linear[active].get_or_init(|| {
            let operands: Vec<_> = operands.iter().map(|x| array(x)).collect();
            let operands: Vec<_> = operands.iter().collect();
            linearize_op(&self.op, &operands, &array(value), active)
        });
        match linear {
            Some(linear) => {
                let cotangent = linear.transpose(&array(cotangent));
                cotangent.tensor().map(|x| Some(x.tensor.clone())).map_err(Error::wrap)
            }
            // candle panics where an operand that it tracks gets nothing.
            None => operand.zeros_like().map(Some),
        }
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

    fn bwd(&self, x: &Tensor, value: &Tensor, cotangent: &Tensor) -> Result<Option<Tensor>> {
        self.cotangent(0, &[x], value, cotangent)
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
        a: &Tensor,
        b: &Tensor,
        value: &Tensor,
        cotangent: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let operands = [a, b];
        Ok((
            self.cotangent(0, &operands, value, cotangent)?,
            self.cotangent(1, &operands, value, cotangent)?,
        ))
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
