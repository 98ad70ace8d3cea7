//! What a backend can do, and what it costs in evaluations of the function.

use std::fmt;
use std::ops::Mul;

/// The numbers of inputs and outputs of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The number `n` of inputs.
    pub inputs: usize,
    /// The number `m` of outputs.
    pub outputs: usize,
}

impl Shape {
    /// The shape of `f`.
    pub fn of<F: crate::Function>(f: &F) -> Self {
        Shape { inputs: f.inputs(), outputs: f.outputs() }
    }
}

/// An operation of the interface, as [`Differentiate::capability`](crate::Differentiate::capability)
/// is asked for it. Each costs the same with and without its value, owned or in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `J v` for one tangent.
    Pushforward,
    /// `Jᵀ w` for one cotangent.
    Pullback,
    /// `J`.
    Jacobian,
    /// `f'` of one variable.
    Derivative,
    /// `∇f` of a scalar function.
    Gradient,
    /// `f''` of one variable.
    SecondDerivative,
    /// The Hessian of a scalar function, or that of `w·f`.
    Hessian,
    /// The Hessian of a scalar function times one vector.
    Hvp,
}

impl Operation {
    /// Every operation, in the order of the tables.
    pub const ALL: [Operation; 8] = [
        Operation::Pushforward,
        Operation::Pullback,
        Operation::Jacobian,
        Operation::Derivative,
        Operation::Gradient,
        Operation::SecondDerivative,
        Operation::Hessian,
        Operation::Hvp,
    ];

    /// The name of the method that computes it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Pushforward => "pushforward",
            Operation::Pullback => "pullback",
            Operation::Jacobian => "jacobian",
            Operation::Derivative => "derivative",
            Operation::Gradient => "gradient",
            Operation::SecondDerivative => "second_derivative",
            Operation::Hessian => "hessian",
            Operation::Hvp => "hvp",
        }
    }
}

/// A number of calls of [`Function::eval`](crate::Function::eval), of whatever scalar type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluations {
    /// Always this many.
    Exactly(usize),
    /// Never more than this; an adaptive engine may need fewer.
    AtMost(usize),
}

impl Evaluations {
    /// The largest number of calls.
    pub fn bound(self) -> usize {
        match self {
            Evaluations::Exactly(n) | Evaluations::AtMost(n) => n,
        }
    }

    /// Whether a measured number of calls keeps the promise.
    pub fn allows(self, calls: usize) -> bool {
        match self {
            Evaluations::Exactly(n) => calls == n,
            Evaluations::AtMost(n) => calls <= n,
        }
    }
}

/// A computation run inside every evaluation of another.
impl Mul for Evaluations {
    type Output = Self;
    fn mul(self, inner: Self) -> Self {
        let product = self.bound().saturating_mul(inner.bound());
        match (self, inner) {
            (Evaluations::Exactly(_), Evaluations::Exactly(_)) => Evaluations::Exactly(product),
            _ => Evaluations::AtMost(product),
        }
    }
}

/// A computation repeated.
impl Mul<usize> for Evaluations {
    type Output = Self;
    fn mul(self, times: usize) -> Self {
        self * Evaluations::Exactly(times)
    }
}

impl fmt::Display for Evaluations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Evaluations::Exactly(n) => write!(f, "{n}"),
            Evaluations::AtMost(n) => write!(f, "<={n}"),
        }
    }
}

/// How a backend computes an operation for functions of a given [`Shape`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// The engine's own sweep.
    Native {
        /// Its cost.
        evaluations: Evaluations,
    },
    /// Assembled from another primitive of the engine, or from two engines.
    Derived {
        /// Its cost.
        evaluations: Evaluations,
    },
    /// Not possible; the call is an [`AdError::Unsupported`](crate::AdError::Unsupported).
    Unsupported {
        /// Why not, and what would serve instead.
        reason: String,
    },
}

impl Capability {
    /// The number of evaluations, `None` if unsupported.
    pub fn evaluations(&self) -> Option<Evaluations> {
        match self {
            Capability::Native { evaluations } | Capability::Derived { evaluations } => {
                Some(*evaluations)
            }
            Capability::Unsupported { .. } => None,
        }
    }

    /// `self` run over a function whose every evaluation costs `inner`.
    #[must_use]
    pub fn over(&self, inner: &Capability) -> Capability {
        match (self.evaluations(), inner.evaluations()) {
            (Some(outer), Some(inner)) => Capability::Derived { evaluations: outer * inner },
            (None, _) => self.clone(),
            _ => inner.clone(),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capability::Native { evaluations } => write!(f, "native ({evaluations})"),
            Capability::Derived { evaluations } => write!(f, "derived ({evaluations})"),
            Capability::Unsupported { .. } => f.write_str("unsupported"),
        }
    }
}

/// The accuracy that an engine states for its first derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accuracy {
    /// Exact up to rounding: a few units in the last place of the condition of the problem.
    Exact,
    /// Exact derivatives in arithmetic of lower precision: up to rounding of this unit.
    Rounded {
        /// The relative rounding error of one operation.
        unit: f64,
    },
    /// An approximation with about this relative error on a function of unit scale.
    Approximate {
        /// The relative error.
        relative: f64,
    },
}

impl Accuracy {
    /// The relative error: the rounding unit if exact.
    pub fn relative(self) -> f64 {
        match self {
            Accuracy::Exact => f64::EPSILON,
            Accuracy::Rounded { unit } => unit,
            Accuracy::Approximate { relative } => relative,
        }
    }
}
