//! burn's own tensors, to and fro.

use ad_api::array::{Dims, Tensor as _};
use ad_api::{AdError, Result};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::backend::{Autodiff, DType, DispatchKindConversion, DispatchTensor, Flex};
use burn::tensor::Tensor;

use crate::node::{Inner, Node, Value, caught};
use crate::{BurnTensor, NAME};

impl BurnTensor {
    /// The tensor of burn with the same entries, on the same device.
    ///
    /// One that is being differentiated by [`Burn`](crate::Burn) gives a tensor that burn records, so
    /// that a network of `burn::nn` may be part of a function.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] unless the array has `D` axes, and at least one entry.
    ///
    /// ```
    /// use ad_api::array::Array;
    /// use ad_burn::{BurnDevice, BurnTensor, Precision};
    /// use burn::tensor::activation::gelu;
    ///
    /// let x: Array<BurnTensor> = Array::from_host(&BurnDevice::cpu(Precision::F64), [2], &[0.0, 50.0]);
    /// let y = Array::new(BurnTensor::from_burn(&gelu(x.tensor()?.to_burn::<1>()?))?);
    /// assert_eq!(y.to_vec()?, [0.0, 50.0]);
    /// # Ok::<(), ad_api::AdError>(())
    /// ```
    pub fn to_burn<const D: usize>(&self) -> Result<Tensor<D>> {
        let dims = self.dims();
        if dims.rank() != D || dims.count() == 0 {
            return Err(AdError::Array {
                operation: "to_burn",
                found: dims.to_string(),
                expected: format!("{D} axes, and an entry"),
            });
        }
        if let Some(node) = Flex::unwrap(self) {
            return caught("to_burn", || into_burn(node));
        }
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if let Some(node) = Cube::unwrap(self) {
            return caught("to_burn", || into_burn(node));
        }
        unreachable!("an array belongs to a backend that is compiled in")
    }

    /// The array with the entries of a tensor of burn, on the same device.
    ///
    /// A tensor that burn records stays recorded.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] for other entries than those of 32 or 64 bits, and devices that the
    /// adapter does not know; [`AdError::Array`] for more axes than [`MAX_RANK`](ad_api::array::MAX_RANK).
    pub fn from_burn<const D: usize>(tensor: &Tensor<D>) -> Result<Self> {
        let refuse = |reason: String| AdError::Unsupported {
            backend: NAME.into(),
            operation: "from_burn",
            reason,
        };
        let dtype = tensor.dtype();
        if !matches!(dtype, DType::F64 | DType::F32) {
            return Err(refuse(format!(
                "entries of type {dtype:?}; `cast` makes F32 or F64 of them"
            )));
        }
        Dims::new(&tensor.dims())?;
        let found = from_backend::<Flex, D>(tensor);
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        let found = found.or_else(|_| from_backend::<Cube, D>(tensor));
        let found = found.map_err(refuse)?;
        if found.dims().count() == 0 {
            Self::full(&found.device(), found.dims(), 0.0)
        } else {
            Ok(found)
        }
    }
}

fn into_burn<B: Inner, const D: usize>(node: &Node<B>) -> Tensor<D>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    match &node.value {
        Value::Plain(x) => Tensor::from_primitive::<B>(x.clone()),
        Value::Tracked(x) => Tensor::from_primitive::<Autodiff<B>>(x.clone()),
    }
}

/// The array, or why the tensor does not belong to this backend.
fn from_backend<B: Inner, const D: usize>(tensor: &Tensor<D>) -> Result<BurnTensor, String>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    let dims: Dims = tensor.dims().into_iter().collect();
    if let Ok(x) = tensor.clone().try_into_primitive::<B>() {
        return Ok(B::wrap(Node::plain(dims, x)));
    }
    match tensor.clone().try_into_primitive::<Autodiff<B>>() {
        Ok(x) if tensor.is_tracked() => Ok(B::wrap(Node::tracked(dims, x))),
        Ok(x) => Ok(B::wrap(Node::plain(dims, x.into_primitive()))),
        Err(reason) => Err(format!("{reason:?}")),
    }
}
