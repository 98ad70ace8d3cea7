//! The operations of a [`Program`](crate::Program).

use ad_api::{Failure, Scalar};

use crate::stated::{self, Stated};

/// Where an operation leaves its result: its position in the list.
pub type Place = usize;

/// One operation: what it computes, and the places that it reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// An input.
    Input(usize),
    /// A constant.
    Constant(f64),
    /// A function of one argument.
    Unary(Unary, Place),
    /// A function of two arguments.
    Binary(Binary, Place, Place),
    /// A function of two arguments, the second a constant: the operators with `f64`.
    WithConstant(Binary, Place, f64),
    /// An integer power.
    Powi(Place, i32),
    /// `a * b + c`.
    MulAdd(Place, Place, Place),
    /// Confined to an interval.
    Clamp(Place, f64, f64),
    /// The second where the first is positive, else the third.
    Choose(Place, Place, Place),
    /// The same value; a [`Refused`] failure above the limit.
    FailAbove(Place, f64),
    /// The same value; a panic above the limit.
    PanicAbove(Place, f64),
    /// `a² b` by a rule.
    Rule(Stated, Place, Place),
}

/// The failure that [`Op::FailAbove`] reports: it must reach the caller of every derivative.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("refused at {primal}")]
pub struct Refused {
    /// The value that was above the limit.
    pub primal: f64,
}

/// The message that [`Op::PanicAbove`] panics with.
pub(crate) const PANIC: &str = "a function that panics, on purpose";

impl Op {
    /// The places that it reads.
    pub fn reads(&self) -> Vec<Place> {
        match *self {
            Op::Input(_) | Op::Constant(_) => vec![],
            Op::Unary(_, a)
            | Op::WithConstant(_, a, _)
            | Op::Powi(a, _)
            | Op::Clamp(a, ..)
            | Op::FailAbove(a, _)
            | Op::PanicAbove(a, _) => vec![a],
            Op::Binary(_, a, b) | Op::Rule(_, a, b) => vec![a, b],
            Op::MulAdd(a, b, c) | Op::Choose(a, b, c) => vec![a, b, c],
        }
    }

    pub(crate) fn eval<S: Scalar>(&self, x: &[S], r: &[S]) -> Result<S, Failure> {
        Ok(match *self {
            Op::Input(i) => x[i],
            Op::Constant(c) => S::from(c),
            Op::Unary(function, a) => function.eval(r[a]),
            Op::Binary(function, a, b) => function.eval(r[a], r[b]),
            Op::WithConstant(function, a, c) => function.eval_constant(r[a], c),
            Op::Powi(a, n) => r[a].powi(n),
            Op::MulAdd(a, b, c) => r[a].mul_add(r[b], r[c]),
            Op::Clamp(a, low, high) => r[a].clamp(S::from(low), S::from(high)),
            Op::Choose(test, yes, no) => {
                if r[test] > 0.0 {
                    r[yes]
                } else {
                    r[no]
                }
            }
            Op::FailAbove(a, limit) if r[a] > limit => {
                return Err(Refused { primal: r[a].primal() }.into());
            }
            Op::PanicAbove(a, limit) if r[a] > limit => panic!("{PANIC}"),
            Op::FailAbove(a, _) | Op::PanicAbove(a, _) => r[a],
            Op::Rule(stated, a, b) => stated::apply(stated, r[a], r[b])?,
        })
    }
}

macro_rules! functions {
    ($(#[$doc:meta])* $Name:ident($($arg:ident),*): $($Variant:ident => $value:expr;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant is the function of its name")]
        pub enum $Name { $($Variant),* }

        impl $Name {
            /// All of them.
            pub const ALL: &[$Name] = &[$($Name::$Variant),*];

            /// Its value.
            #[must_use]
            pub fn eval<S: Scalar>(self, $($arg: S),*) -> S {
                match self { $($Name::$Variant => $value),* }
            }
        }
    };
}

functions! {
    /// The elementary functions of one argument.
    Unary(a):
    Neg => -a;
    Recip => a.recip();
    Abs => a.abs();
    Sqrt => a.sqrt();
    Cbrt => a.cbrt();
    Exp => a.exp();
    Exp2 => a.exp2();
    ExpM1 => a.exp_m1();
    Ln => a.ln();
    Ln1p => a.ln_1p();
    Log2 => a.log2();
    Log10 => a.log10();
    Sin => a.sin();
    Cos => a.cos();
    Tan => a.tan();
    Asin => a.asin();
    Acos => a.acos();
    Atan => a.atan();
    Sinh => a.sinh();
    Cosh => a.cosh();
    Tanh => a.tanh();
    Asinh => a.asinh();
    Acosh => a.acosh();
    Atanh => a.atanh();
    Erf => a.erf();
    Sinc => a.sinc();
    Sinhc => a.sinhc();
    Fract => a.fract();
    Floor => a.floor();
    Ceil => a.ceil();
    Round => a.round();
    Trunc => a.trunc();
    Signum => a.signum();
}

functions! {
    /// The elementary functions of two arguments.
    Binary(a, b):
    Add => a + b;
    Sub => a - b;
    Mul => a * b;
    Div => a / b;
    Rem => a % b;
    Pow => a.powf(b);
    Log => a.log(b);
    Hypot => a.hypot(b);
    Atan2 => a.atan2(b);
    Max => a.max(b);
    Min => a.min(b);
    Copysign => a.copysign(b);
}

impl Binary {
    /// Its value where the second argument is a constant: through the operators with `f64` where
    /// there is one.
    #[must_use]
    pub fn eval_constant<S: Scalar>(self, a: S, c: f64) -> S {
        match self {
            Binary::Add => a + c,
            Binary::Sub => a - c,
            Binary::Mul => a * c,
            Binary::Div => a / c,
            Binary::Pow => a.pow(c),
            Binary::Max => a.maximum(c),
            Binary::Min => a.minimum(c),
            _ => self.eval(a, S::from(c)),
        }
    }
}
