//! The operations of a formula, on any scalar.

use ad_api::Scalar;

/// An operation on one number.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "each is the function of its name")]
pub enum Unary {
    Negate,
    /// A power with a constant integer exponent, defined for negative bases too.
    Power(i32),
    Exp,
    ExpM1,
    Ln,
    Ln1p,
    Log10,
    Log2,
    Sqrt,
    Cbrt,
    Abs,
    Erf,
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
}

/// An operation on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the function of its name")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Atan2,
    Hypot,
    Minimum,
    Maximum,
}

/// An operation by its number of operands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    Unary(Unary),
    Binary(Binary),
}

/// The functions that a formula may call, for messages and help.
pub const FUNCTIONS: &str = "exp expm1 log ln log1p log10 log2 sqrt cbrt abs erf sin cos tan asin \
    arcsin acos arccos atan arctan sinh cosh tanh asinh acosh atanh pow atan2 hypot min max";

impl Call {
    /// The function of this name; `log` is the natural logarithm, as in the NIST files.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(Call::Unary(match name {
            "exp" => Unary::Exp,
            "expm1" => Unary::ExpM1,
            "log" | "ln" => Unary::Ln,
            "log1p" => Unary::Ln1p,
            "log10" => Unary::Log10,
            "log2" => Unary::Log2,
            "sqrt" => Unary::Sqrt,
            "cbrt" => Unary::Cbrt,
            "abs" => Unary::Abs,
            "erf" => Unary::Erf,
            "sin" => Unary::Sin,
            "cos" => Unary::Cos,
            "tan" => Unary::Tan,
            "asin" | "arcsin" => Unary::Asin,
            "acos" | "arccos" => Unary::Acos,
            "atan" | "arctan" => Unary::Atan,
            "sinh" => Unary::Sinh,
            "cosh" => Unary::Cosh,
            "tanh" => Unary::Tanh,
            "asinh" | "arcsinh" => Unary::Asinh,
            "acosh" | "arccosh" => Unary::Acosh,
            "atanh" | "arctanh" => Unary::Atanh,
            "pow" => return Some(Call::Binary(Binary::Power)),
            "atan2" | "arctan2" => return Some(Call::Binary(Binary::Atan2)),
            "hypot" => return Some(Call::Binary(Binary::Hypot)),
            "min" => return Some(Call::Binary(Binary::Minimum)),
            "max" => return Some(Call::Binary(Binary::Maximum)),
            _ => return None,
        }))
    }
}

impl Unary {
    pub(crate) fn apply<S: Scalar>(self, a: S) -> S {
        match self {
            Unary::Negate => -a,
            Unary::Power(n) => a.powi(n),
            Unary::Exp => a.exp(),
            Unary::ExpM1 => a.exp_m1(),
            Unary::Ln => a.ln(),
            Unary::Ln1p => a.ln_1p(),
            Unary::Log10 => a.log10(),
            Unary::Log2 => a.log2(),
            Unary::Sqrt => a.sqrt(),
            Unary::Cbrt => a.cbrt(),
            Unary::Abs => a.abs(),
            Unary::Erf => a.erf(),
            Unary::Sin => a.sin(),
            Unary::Cos => a.cos(),
            Unary::Tan => a.tan(),
            Unary::Asin => a.asin(),
            Unary::Acos => a.acos(),
            Unary::Atan => a.atan(),
            Unary::Sinh => a.sinh(),
            Unary::Cosh => a.cosh(),
            Unary::Tanh => a.tanh(),
            Unary::Asinh => a.asinh(),
            Unary::Acosh => a.acosh(),
            Unary::Atanh => a.atanh(),
        }
    }
}

/// A number that may be known to be plain data, so that an engine has less to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number<S> {
    Real(f64),
    Active(S),
}

impl<S: Scalar> Number<S> {
    pub(crate) fn lift(self) -> S {
        match self {
            Number::Real(a) => S::from(a),
            Number::Active(a) => a,
        }
    }
}

impl Binary {
    pub(crate) fn apply<S: Scalar>(self, a: Number<S>, b: Number<S>) -> S {
        use Number::{Active, Real};
        match (self, a, b) {
            (Binary::Add, Active(a), Real(b)) | (Binary::Add, Real(b), Active(a)) => a + b,
            (Binary::Multiply, Active(a), Real(b)) | (Binary::Multiply, Real(b), Active(a)) => {
                a * b
            }
            (Binary::Subtract, Active(a), Real(b)) => a - b,
            (Binary::Divide, Active(a), Real(b)) => a / b,
            (operation, a, b) => operation.apply_lifted(a.lift(), b.lift()),
        }
    }

    fn apply_lifted<S: Scalar>(self, a: S, b: S) -> S {
        match self {
            Binary::Add => a + b,
            Binary::Subtract => a - b,
            Binary::Multiply => a * b,
            Binary::Divide => a / b,
            Binary::Power => a.powf(b),
            Binary::Atan2 => a.atan2(b),
            Binary::Hypot => a.hypot(b),
            Binary::Minimum => a.minimum(b),
            Binary::Maximum => a.maximum(b),
        }
    }
}
