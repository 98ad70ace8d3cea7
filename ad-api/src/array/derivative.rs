//! The derivative of every operation: the one table that both modes use.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LN_10};

use super::linear::{Linear, Map, Mask};
use super::{Array, ArrayOp, Tensor};
use crate::{Binary, Relation, Unary};

/// The derivative of an operation with respect to its operand of number `active`, at `operands`, where
/// its result is `value`; `None` where it is zero everywhere, as that of a step function.
///
/// Computes what the derivative needs of this operand and nothing else, on the device. The
/// conventions at kinks and poles are those of [`Scalar`](crate::Scalar) and [`ArrayOp`].
///
/// # Panics
///
/// If there is no such operand, or `value` is not the result: if the shapes do not fit.
pub fn linearize_op<T: Tensor>(
    op: &ArrayOp,
    operands: &[&Array<T>],
    value: &Array<T>,
    active: usize,
) -> Option<Linear<T>> {
    let x = operands[active];
    let (operand, result) = (x.dims(), value.dims());
    let map = match op {
        // A partial that is zero contributes nothing, even where a tangent is infinite.
        ArrayOp::Detach | ArrayOp::Compare(_) | ArrayOp::MulScalar(0.0) => return None,
        ArrayOp::AddScalar(_) | ArrayOp::Add | ArrayOp::Broadcast(_) => Map::Copy,
        ArrayOp::Neg => Map::Negative,
        ArrayOp::Sub => [Map::Copy, Map::Negative][active].clone(),
        ArrayOp::MulScalar(c) if c.is_finite() => Map::Multiple(*c),
        ArrayOp::MulScalar(c) => Map::StrongScale(x.number(*c)),
        ArrayOp::Mul => Map::StrongScale(operands[1 - active].clone()),
        ArrayOp::Div if active == 0 => Map::StrongQuotient(operands[1].clone()),
        ArrayOp::Div => Map::StrongScale(-(value / x)),
        ArrayOp::Unary(function) => unary(*function, x, value)?,
        ArrayOp::Binary(function) => binary(*function, operands, value, active)?,
        ArrayOp::Powf(p) => powf(x, *p)?,
        ArrayOp::Sigmoid => Map::Scale(value - value * value),
        ArrayOp::Softplus => Map::Scale(x.sigmoid()),
        // The value is 0 exactly where the derivative is.
        ArrayOp::Relu => Map::Masked(Mask::keep(value.clone())),
        ArrayOp::Select => match active {
            0 => return None,
            1 => Map::Masked(Mask::keep(operands[0].clone())),
            _ => Map::Masked(Mask::drop(operands[0].clone())),
        },
        ArrayOp::MatMul if active == 0 => {
            return Some(Linear::times_right(operand, operands[1], result));
        }
        ArrayOp::MatMul => return Some(Linear::times_left(operands[0], operand, result)),
        ArrayOp::Permute(axes) => Map::Permute(axes.clone()),
        ArrayOp::Reshape(_) => Map::Reshape,
        ArrayOp::Slice(ranges) => Map::Slice(ranges.clone()),
        ArrayOp::Embed { ranges, .. } => Map::Embed(ranges.clone()),
        ArrayOp::IndexSelect { axis, indices } => {
            Map::IndexSelect { axis: *axis, indices: indices.clone() }
        }
        ArrayOp::ScatterAdd { axis, indices, .. } => {
            Map::ScatterAdd { axis: *axis, indices: indices.clone() }
        }
        ArrayOp::Concat(axis) => {
            let start = operands[..active].iter().map(|before| before.shape()[*axis]).sum();
            Map::Place { axis: *axis, start }
        }
        ArrayOp::Sum(axes) => Map::Sum(axes.clone()),
        ArrayOp::Rule(rule) => Map::Rule { rule: rule.clone(), at: x.clone() },
        ArrayOp::Max(axes) => {
            let kept = value.reshape(operand.with_ones(axes));
            let largest = x.compare(Relation::Equal, &kept);
            let share = largest.sum(axes).recip();
            Map::Largest { axes: axes.clone(), mask: Mask::keep(largest), share }
        }
    };
    Some(Linear::new(operand, result, map))
}

fn unary<T: Tensor>(function: Unary, x: &Array<T>, value: &Array<T>) -> Option<Map<T>> {
    use Map::{Scale, StrongQuotient, StrongScale};
    Some(match function {
        // x⁰ not by the general formula, which is 0 · ∞ at 0.
        Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::Trunc
        | Unary::Signum
        | Unary::Powi(0) => return None,
        Unary::Fract | Unary::Powi(1) => Map::Copy,
        Unary::Sin => StrongScale(x.cos()),
        Unary::Cos => StrongScale(-x.sin()),
        Unary::Tan => StrongScale(value * value + 1.0),
        Unary::Asin => StrongQuotient(((1.0 - x) * (x + 1.0)).sqrt()),
        Unary::Acos => StrongQuotient(-((1.0 - x) * (x + 1.0)).sqrt()),
        Unary::Atan => Scale((x * x + 1.0).recip()),
        Unary::Sinh => StrongScale(x.cosh()),
        Unary::Cosh => StrongScale(x.sinh()),
        // No worse than (1 - value)(1 + value): the rounding of the value costs as many digits.
        Unary::Tanh => Scale(1.0 - value * value),
        Unary::Asinh => Scale(x.hypot(&x.number(1.0)).recip()),
        Unary::Acosh => StrongQuotient((x - 1.0).sqrt() * (x + 1.0).sqrt()),
        Unary::Atanh => StrongQuotient((1.0 - x) * (x + 1.0)),
        Unary::Exp => StrongScale(value.clone()),
        Unary::Exp2 => StrongScale(value * LN_2),
        Unary::ExpM1 => StrongScale(x.exp()),
        Unary::Ln => StrongQuotient(x.clone()),
        Unary::Ln1p => StrongQuotient(x + 1.0),
        Unary::Log2 => StrongQuotient(x * LN_2),
        Unary::Log10 => StrongQuotient(x * LN_10),
        Unary::Sqrt => StrongQuotient(value * 2.0),
        Unary::Cbrt => StrongQuotient(value * value * 3.0),
        Unary::Recip => StrongScale(-(value * value)),
        Unary::Sinc => Scale(sinc_slope(x, &(x.cos() - value), -1.0)),
        Unary::Sinhc => Scale(sinc_slope(x, &(x.cosh() - value), 1.0)),
        Unary::Erf => Scale((-(x * x)).exp() * FRAC_2_SQRT_PI),
        // The sign, but 0 at 0: `f64::signum(0.0)` is 1, which is no subgradient to prefer.
        Unary::Abs => Scale(x.select(&x.signum(), &x.number(0.0))),
        Unary::Powi(2) => StrongScale(x * 2.0),
        Unary::Powi(n) => StrongScale(x.powi(n - 1) * f64::from(n)),
    })
}

/// The slope of `sin(x)/x` (`sign = -1`) or `sinh(x)/x` (`sign = 1`): the quotient of the difference
/// and `x`, or where that cancels a series, `d/dx Σ signᵏ x²ᵏ/(2k+1)!`.
fn sinc_slope<T: Tensor>(x: &Array<T>, difference: &Array<T>, sign: f64) -> Array<T> {
    let square = x * x * sign;
    let series = (1..=7).rev().fold(x.number(1.0), |sum, k| {
        let k = f64::from(k);
        sum * &square * (2.0 * k * (2.0 * k + 3.0)).recip() + 1.0
    });
    x.abs().gt(0.5).select(&(difference / x), &(x * series * (sign / 3.0)))
}

fn powf<T: Tensor>(x: &Array<T>, p: f64) -> Option<Map<T>> {
    if p == 0.0 {
        return None;
    }
    if p == 1.0 {
        return Some(Map::Copy);
    }
    let partial = if p == 2.0 { x * 2.0 } else { x.powf(p - 1.0) * p };
    Some(Map::StrongScale(partial))
}

fn binary<T: Tensor>(
    function: Binary,
    operands: &[&Array<T>],
    value: &Array<T>,
    active: usize,
) -> Option<Map<T>> {
    let (a, b) = (operands[0], operands[1]);
    let zero = || a.number(0.0);
    Some(match function {
        Binary::Powf if active == 0 => {
            // x⁰ is 1 everywhere, also at x = 0, where p xᵖ⁻¹ would be 0 · ∞. Not a mask of `b` alone:
            // at b = 0 the slope is 0, but its derivative in b is 1/a.
            let slope = b * a.pow(&(b - 1.0));
            Map::StrongScale(a.select(&slope, &b.select(&slope, &zero())))
        }
        Binary::Powf => {
            // For a = 0, b > 0 the limit 0.
            let slope = value * a.ln();
            Map::StrongScale(a.select(&slope, &b.gt(0.0).select(&zero(), &slope)))
        }
        // 0 at the origin, where the value is.
        Binary::Hypot => Map::Scale(value.select(&(operands[active] / value), &zero())),
        Binary::Atan2 => {
            let r = a.hypot(b);
            let slope = operands[1 - active] / &r / r;
            Map::StrongScale(if active == 0 { slope } else { -slope })
        }
        Binary::Rem if active == 0 => Map::Copy,
        Binary::Rem => Map::StrongScale(-(a / b).trunc()),
        // The value is the first operand where that was chosen; NaN, which loses, equals nothing.
        Binary::Max | Binary::Min => {
            let first = a.compare(Relation::Equal, value);
            Map::Masked(if active == 0 { Mask::keep(first) } else { Mask::drop(first) })
        }
        Binary::Copysign if active == 0 => Map::Scale(a.signum() * b.signum()),
        Binary::Copysign => return None,
    })
}
