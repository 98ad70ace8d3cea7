//! Functions that candle does not have, entry by entry on the CPU.

use candle_core::cpu_backend::{binary_map, unary_map};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Error, Layout, Result, Shape, Tensor};

/// `f` of each entry, computed in 64 bits whatever the precision.
///
/// # Errors
///
/// candle's, which names the function, on any other device than the CPU.
pub(crate) fn map(name: &'static str, x: &Tensor, f: impl Fn(f64) -> f64) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Map { name, f })
}

/// `f` of each pair of entries of tensors of equal shape, as [`map`].
pub(crate) fn map2(
    name: &'static str,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Tensor> {
    a.apply_op2_no_bwd(b, &Map { name, f })
}

struct Map<F> {
    name: &'static str,
    f: F,
}

#[allow(clippy::cast_possible_truncation, reason = "the result is rounded to the precision in use")]
impl<F: Fn(f64) -> f64> CustomOp1 for Map<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let f = &self.f;
        let y = match x {
            CpuStorage::F64(x) => CpuStorage::F64(unary_map(x, layout, f)),
            CpuStorage::F32(x) => CpuStorage::F32(unary_map(x, layout, |x| f(f64::from(x)) as f32)),
            _ => return Err(Error::Msg(format!("`{}` of numbers of this type", self.name))),
        };
        Ok((y, layout.shape().clone()))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the result is rounded to the precision in use")]
impl<F: Fn(f64, f64) -> f64> CustomOp2 for Map<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let f = &self.f;
        let y = match (a, b) {
            (CpuStorage::F64(a), CpuStorage::F64(b)) => {
                CpuStorage::F64(binary_map(a_layout, b_layout, a, b, f))
            }
            (CpuStorage::F32(a), CpuStorage::F32(b)) => {
                let f = |a, b| f(f64::from(a), f64::from(b)) as f32;
                CpuStorage::F32(binary_map(a_layout, b_layout, a, b, f))
            }
            _ => return Err(Error::Msg(format!("`{}` of numbers of these types", self.name))),
        };
        Ok((y, a_layout.shape().clone()))
    }
}
