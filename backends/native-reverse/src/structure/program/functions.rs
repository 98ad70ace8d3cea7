//! The elementary functions by name.

use ad_api::{Binary, Scalar, Unary};
use nalgebra::{ComplexField, RealField};

/// The function of `x`.
pub(crate) fn unary<S: Scalar>(function: Unary, x: S) -> S {
    match function {
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tan => x.tan(),
        Unary::Asin => x.asin(),
        Unary::Acos => x.acos(),
        Unary::Atan => x.atan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Tanh => x.tanh(),
        Unary::Asinh => x.asinh(),
        Unary::Acosh => x.acosh(),
        Unary::Atanh => x.atanh(),
        Unary::Exp => x.exp(),
        Unary::Exp2 => x.exp2(),
        Unary::ExpM1 => x.exp_m1(),
        Unary::Ln => x.ln(),
        Unary::Ln1p => x.ln_1p(),
        Unary::Log2 => x.log2(),
        Unary::Log10 => x.log10(),
        Unary::Sqrt => x.sqrt(),
        Unary::Cbrt => x.cbrt(),
        Unary::Recip => x.recip(),
        Unary::Sinc => x.sinc(),
        Unary::Sinhc => x.sinhc(),
        Unary::Fract => x.fract(),
        Unary::Erf => x.erf(),
        Unary::Abs => ComplexField::abs(x),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round(),
        Unary::Trunc => x.trunc(),
        Unary::Signum => ComplexField::signum(x),
        Unary::Powi(n) => x.powi(n),
    }
}

/// The function of `x` and `y`, in the order in which the method takes them.
pub(crate) fn binary<S: Scalar>(function: Binary, x: S, y: S) -> S {
    match function {
        Binary::Powf => x.powf(y),
        Binary::Hypot => x.hypot(y),
        Binary::Atan2 => x.atan2(y),
        Binary::Rem => x % y,
        Binary::Max => RealField::max(x, y),
        Binary::Min => RealField::min(x, y),
        Binary::Copysign => x.copysign(y),
    }
}
