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

impl Unary {
    /// Its value, with the derivatives that `S` carries.
    pub fn apply<S: Scalar>(self, x: S) -> S {
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
    /// Its value, with the derivatives that `S` carries.
    pub fn apply<S: Scalar>(self, x: S, y: S) -> S {
        match self {
            Binary::Powf => x.powf(y),
            Binary::Hypot => x.hypot(y),
            Binary::Atan2 => x.atan2(y),
            Binary::Rem => x % y,
            Binary::Max => x.max(y),
            Binary::Min => x.min(y),
            Binary::Copysign => x.copysign(y),
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
}

impl Relation {
    /// Whether `a` is so related to `b`; nothing is to NaN.
    #[inline]
    pub fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Relation::Less => a < b,
            Relation::LessOrEqual => a <= b,
            Relation::Greater => a > b,
            Relation::GreaterOrEqual => a >= b,
            Relation::Equal => a == b,
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
        })
    }
}
