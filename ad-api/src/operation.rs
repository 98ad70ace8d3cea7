//! The elementary operations by name, for engines that record programs rather than partials.

use std::cmp::Ordering;
use std::fmt::{self, Display};

use nalgebra::ComplexField;

use crate::Scalar;

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

macro_rules! names {
    ($Enum:ident: $($Variant:ident $name:ident),*; $($rest:tt)*) => {
        impl $Enum {
            /// The name of the method of [`Scalar`](crate::Scalar) that computes it.
            pub fn name(self) -> &'static str {
                match self {
                    $($Enum::$Variant => stringify!($name),)*
                    $($rest)*
                }
            }

            /// The function of this [`name`](Self::name), unless it takes a parameter.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some($Enum::$Variant),)*
                    _ => None,
                }
            }
        }
    };
}

names! { Unary: Sin sin, Cos cos, Tan tan, Asin asin, Acos acos, Atan atan, Sinh sinh, Cosh cosh,
    Tanh tanh, Asinh asinh, Acosh acosh, Atanh atanh, Exp exp, Exp2 exp2, ExpM1 exp_m1, Ln ln,
    Ln1p ln_1p, Log2 log2, Log10 log10, Sqrt sqrt, Cbrt cbrt, Recip recip, Sinc sinc, Sinhc sinhc,
    Fract fract, Erf erf, Abs abs, Floor floor, Ceil ceil, Round round, Trunc trunc, Signum signum;
    Unary::Powi(_) => "powi",
}

names! { Binary: Powf powf, Hypot hypot, Atan2 atan2, Rem rem, Max max, Min min, Copysign copysign; }

impl Unary {
    /// Its value, with the derivatives that `x` carries.
    #[inline]
    pub fn eval<S: Scalar>(self, x: S) -> S {
        match self {
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
}

impl Binary {
    /// Its value, with the derivatives that the operands carry.
    #[inline]
    pub fn eval<S: Scalar>(self, a: S, b: S) -> S {
        match self {
            Binary::Powf => a.powf(b),
            Binary::Hypot => a.hypot(b),
            Binary::Atan2 => a.atan2(b),
            Binary::Rem => a % b,
            Binary::Max => a.max(b),
            Binary::Min => a.min(b),
            Binary::Copysign => a.copysign(b),
        }
    }
}

/// A question about two numbers: what a branch of a program asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the meanings")]
pub enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Relation {
    /// Whether `a` is so related to `b`; to NaN everything is [`NotEqual`](Relation::NotEqual), and
    /// nothing else.
    #[inline]
    pub fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Relation::Less => a < b,
            Relation::LessOrEqual => a <= b,
            Relation::Greater => a > b,
            Relation::GreaterOrEqual => a >= b,
            Relation::Equal => a == b,
            Relation::NotEqual => a != b,
        }
    }

    /// The ordering of two numbers that are related as `holds` says.
    #[inline]
    pub fn order(holds: impl Fn(Relation) -> bool) -> Option<Ordering> {
        let orders = [
            (Relation::Less, Ordering::Less),
            (Relation::Greater, Ordering::Greater),
            (Relation::Equal, Ordering::Equal),
        ];
        orders.into_iter().find(|&(relation, _)| holds(relation)).map(|(_, ordering)| ordering)
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relation::Less => "<",
            Relation::LessOrEqual => "<=",
            Relation::Greater => ">",
            Relation::GreaterOrEqual => ">=",
            Relation::Equal => "==",
            Relation::NotEqual => "!=",
        })
    }
}
