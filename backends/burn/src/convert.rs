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
    /// let y = Array::new(BurnTensor::from_burn(gelu(x.tensor()?.to_burn::<1>()?))?);
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
    /// adapter does not know.
    pub fn from_burn<const D: usize>(tensor: Tensor<D>) -> Result<Self> {
        let refuse = |reason: String| AdError::Unsupported {
            backend: NAME.into(),
            operation: "from_burn",
            reason,
        };
        if !matches!(tensor.dtype(), DType::F64 | DType::F32) {
            let found = tensor.dtype();
            return Err(refuse(format!(
                "entries of type {found:?}; `cast` makes F32 or F64 of them"
            )));
        }
        let dims = Dims::new(&tensor.dims())?;
        let found = from_backend::<Flex, D>(tensor, dims);
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        let found = found.or_else(|(tensor, _)| from_backend::<Cube, D>(tensor, dims));
        found.map_err(|(_, reason)| refuse(reason))
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

/// The array, or the tensor back with the reason if it belongs to another backend.
fn from_backend<B: Inner, const D: usize>(
    tensor: Tensor<D>,
    dims: Dims,
) -> Result<BurnTensor, (Tensor<D>, String)>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    if let Ok(x) = tensor.clone().try_into_primitive::<B>() {
        return Ok(B::wrap(Node::plain(dims, x)));
    }
    let tracked = tensor.is_tracked();
    match tensor.clone().try_into_primitive::<Autodiff<B>>() {
        Ok(x) if tracked => Ok(B::wrap(Node::tracked(dims, x))),
        Ok(x) => Ok(B::wrap(Node::plain(dims, x.into_primitive()))),
        Err(reason) => Err((tensor, format!("{reason:?}"))),
    }
}
