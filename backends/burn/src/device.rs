//! Where arrays live, and in which precision.

use std::fmt;

use burn::backend::{DType, FlexDevice, FloatDType};

/// A device of burn, and the precision of the arrays on it.
#[derive(Debug, Clone, PartialEq)]
pub struct BurnDevice {
    /// Where the entries are.
    pub place: Place,
    /// What they are rounded to.
    pub precision: Precision,
}

/// The devices that are compiled in.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// The processor: burn's `Flex` backend.
    Cpu(FlexDevice),
}

impl Default for Place {
    fn default() -> Self {
        Place::Cpu(FlexDevice)
    }
}

/// The number format of arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 64 bits.
    #[default]
    F64,
    /// 32 bits.
    F32,
}

impl Precision {
    /// The relative rounding error of one operation.
    pub fn unit(self) -> f64 {
        match self {
            Precision::F64 => f64::EPSILON,
            Precision::F32 => f64::from(f32::EPSILON),
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
