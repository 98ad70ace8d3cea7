//! Where arrays live, and in which precision.

use std::fmt;

use ad_api::{AdError, Result};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::CubeDevice;
use burn::backend::{DType, FlexDevice, FloatDType};

use crate::NAME;

/// A device of burn, and the precision of the arrays on it.
#[derive(Debug, Clone, PartialEq)]
pub struct BurnDevice {
    place: Place,
    precision: Precision,
}

/// The devices that are compiled in.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// The processor: burn's `Flex` backend.
    Cpu(FlexDevice),
    /// A GPU.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    Gpu(CubeDevice),
}

/// The number format of arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 64 bits.
    #[default]
    F64,
    /// 32 bits, the one that GPUs are fast in.
    F32,
}

impl Default for Place {
    fn default() -> Self {
        Place::Cpu(FlexDevice)
    }
}

impl BurnDevice {
    /// A device of burn with a precision that it has.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] for 64 bits on a GPU through Vulkan, Metal or DirectX: `exp`, `ln`,
    /// `sin` and `tanh` give wrong numbers there, without any error of burn's.
    pub fn new(place: Place, precision: Precision) -> Result<Self> {
        let device = BurnDevice { place, precision };
        if device.is_wgpu() && precision == Precision::F64 {
            return Err(AdError::Unsupported {
                backend: NAME.into(),
                operation: "f64",
                reason: "its functions of 64 bits are wrong on this device; \
                         `precision` \"f32\" is right, and so is f64 on \"cpu\""
                    .into(),
            });
        }
        Ok(device)
    }

    /// The processor.
    pub fn cpu(precision: Precision) -> Self {
        BurnDevice { place: Place::Cpu(FlexDevice), precision }
    }

    /// That of an array, which was made on one.
    pub(crate) fn of_array(place: Place, precision: Precision) -> Self {
        BurnDevice { place, precision }
    }

    /// Where arrays are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What their entries are rounded to.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The relative rounding error of one operation.
    pub(crate) fn unit(&self) -> f64 {
        // The functions of graphics processors have a few bits less than their arithmetic.
        if self.is_wgpu() { GRAPHICS_UNIT } else { self.precision.unit() }
    }

    fn is_wgpu(&self) -> bool {
        match &self.place {
            Place::Cpu(_) => false,
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Gpu(device) => matches!(device, CubeDevice::Wgpu(_)),
        }
    }
}

/// The best GPU that burn finds through Vulkan, Metal or DirectX.
///
/// # Errors
///
/// [`AdError::Unsupported`] where there is none, or the feature is not compiled in.
pub(crate) fn wgpu() -> Result<Place> {
    #[cfg(feature = "wgpu")]
    return CubeDevice::wgpu(Default::default())
        .map(Place::Gpu)
        .map_err(|e| absent("wgpu", e.to_string()));
    #[cfg(not(feature = "wgpu"))]
    Err(absent("wgpu", "it is not compiled in; the feature `wgpu` of `ad-burn` adds it".into()))
}

/// The NVIDIA GPU with this number.
///
/// # Errors
///
/// As [`wgpu`].
pub(crate) fn cuda(ordinal: usize) -> Result<Place> {
    #[cfg(feature = "cuda")]
    return CubeDevice::cuda(ordinal).map(Place::Gpu).map_err(|e| absent("cuda", e.to_string()));
    #[cfg(not(feature = "cuda"))]
    {
        let _ = ordinal;
        Err(absent("cuda", "it is not compiled in; the feature `cuda` of `ad-burn` adds it".into()))
    }
}

fn absent(device: &'static str, reason: String) -> AdError {
    AdError::Unsupported { backend: NAME.into(), operation: device, reason }
}

/// Eight roundings of 32 bits.
const GRAPHICS_UNIT: f64 = 8.0 * f32::EPSILON as f64;

impl Precision {
    /// The relative rounding error of one operation.
    pub fn unit(self) -> f64 {
        match self {
            Precision::F64 => f64::EPSILON,
            Precision::F32 => f32::EPSILON.into(),
        }
    }

    pub(crate) fn of(dtype: DType) -> Self {
        if dtype == DType::F64 { Precision::F64 } else { Precision::F32 }
    }

    pub(crate) fn dtype(self) -> FloatDType {
        match self {
            Precision::F64 => FloatDType::F64,
            Precision::F32 => FloatDType::F32,
        }
    }
}

impl fmt::Display for BurnDevice {
    /// As `cpu in f64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::Cpu(_) => "cpu",
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Gpu(CubeDevice::Cuda(_)) => "cuda",
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Gpu(_) => "wgpu",
        };
        write!(f, "{place} in {}", self.precision)
    }
}

impl fmt::Display for Precision {
    /// As in configurations: `f64`, `f32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F64 => "f64",
            Precision::F32 => "f32",
        })
    }
}

#[allow(clippy::cast_possible_truncation, reason = "that is what single precision means")]
pub(crate) fn round(x: f64) -> f32 {
    x as f32
}
