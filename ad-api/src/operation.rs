//! The elementary operations by name, for engines that record programs rather than partials.

/// An elementary function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the functions of `f64`")]
pub enum Unary {
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Exp,
    Exp2,
    ExpM1,
    Ln,
    Ln1p,
    Log2,
    Log10,
    Sqrt,
    Cbrt,
    Recip,
    Sinc,
    Sinhc,
    Fract,
    Erf,
    Abs,
    Floor,
    Ceil,
    Round,
    Trunc,
    Signum,
    /// To this integer power.
    Powi(i32),
}

/// An elementary function of two numbers, beside the four ring operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the functions of `f64`")]
pub enum Binary {
    Powf,
    Hypot,
    Atan2,
    Rem,
    Max,
    Min,
    Copysign,
}
