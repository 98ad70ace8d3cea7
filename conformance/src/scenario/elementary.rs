//! Every elementary function, with its first and second derivatives from a table of formulas.

use nalgebra::DMatrix;

use super::{Known, Scenario};
use crate::{Binary, Node, Program, Unary};

/// The scenarios.
pub fn elementary() -> Vec<Scenario> {
    vec![
        Scenario::new("unary_functions", unary_program(), &[&[0.3], &[0.72]], unary_known),
        Scenario::new(
            "binary_functions",
            binary_program(),
            &[&[1.4, 0.55], &[0.9, 1.7]],
            binary_known,
        ),
        Scenario::new("operators_with_constants", constant_program(), &[&[1.3], &[0.7]], |x| {
            constant_known(x[0])
        }),
        Scenario::new(
            "mul_add_and_clamp",
            fused_program(),
            &[&[0.4, 2.0, -1.0], &[1.4, 0.3, 0.2]],
            fused_known,
        ),
    ]
}

/// One output for each function in [`Unary::ALL`]; `acosh` is taken at `x + 1`.
fn unary_program() -> Program {
    Program::new(1, |x| {
        let argument = |f: Unary| if f == Unary::Acosh { x[0] + 1.0 } else { x[0] };
        Unary::ALL.iter().map(|&f| argument(f).unary(f)).collect()
    })
}

fn unary_known(x: &[f64]) -> Known {
    let rows: Vec<_> = Unary::ALL.iter().map(|&f| unary_rows(f, x[0])).collect();
    Known::curve(&rows)
}

/// Value, first and second derivative, for `0 < x < 1`.
fn unary_rows(function: Unary, x: f64) -> (f64, f64, f64) {
    use std::f64::consts::{LN_2, LN_10, PI};
    let (sin, cos, sinh, cosh, exp) = (x.sin(), x.cos(), x.sinh(), x.cosh(), x.exp());
    let minus = 1.0 - x * x;
    let plus = 1.0 + x * x;
    match function {
        Unary::Neg => (-x, -1.0, 0.0),
        Unary::Recip => (1.0 / x, -1.0 / x.powi(2), 2.0 / x.powi(3)),
        Unary::Abs => (x, 1.0, 0.0),
        Unary::Sqrt => (x.sqrt(), 0.5 / x.sqrt(), -0.25 / (x * x.sqrt())),
        Unary::Cbrt => {
            let root = x.cbrt();
            (root, root / (3.0 * x), -2.0 * root / (9.0 * x * x))
        }
        Unary::Exp => (exp, exp, exp),
        Unary::Exp2 => (x.exp2(), LN_2 * x.exp2(), LN_2 * LN_2 * x.exp2()),
        Unary::ExpM1 => (x.exp_m1(), exp, exp),
        Unary::Ln => (x.ln(), 1.0 / x, -1.0 / (x * x)),
        Unary::Ln1p => (x.ln_1p(), 1.0 / (1.0 + x), -1.0 / (1.0 + x).powi(2)),
        Unary::Log2 => (x.log2(), 1.0 / (x * LN_2), -1.0 / (x * x * LN_2)),
        Unary::Log10 => (x.log10(), 1.0 / (x * LN_10), -1.0 / (x * x * LN_10)),
        Unary::Sin => (sin, cos, -sin),
        Unary::Cos => (cos, -sin, -cos),
        Unary::Tan => (x.tan(), 1.0 / (cos * cos), 2.0 * sin / cos.powi(3)),
        Unary::Asin => (x.asin(), 1.0 / minus.sqrt(), x / (minus * minus.sqrt())),
        Unary::Acos => (x.acos(), -1.0 / minus.sqrt(), -x / (minus * minus.sqrt())),
        Unary::Atan => (x.atan(), 1.0 / plus, -2.0 * x / (plus * plus)),
        Unary::Sinh => (sinh, cosh, sinh),
        Unary::Cosh => (cosh, sinh, cosh),
        Unary::Tanh => (x.tanh(), 1.0 / (cosh * cosh), -2.0 * sinh / cosh.powi(3)),
        Unary::Asinh => (x.asinh(), 1.0 / plus.sqrt(), -x / (plus * plus.sqrt())),
        Unary::Acosh => {
            let z = x + 1.0;
            let root = (z * z - 1.0).sqrt();
            (z.acosh(), 1.0 / root, -z / root.powi(3))
        }
        Unary::Atanh => (x.atanh(), 1.0 / minus, 2.0 * x / (minus * minus)),
        Unary::Erf => {
            let d = 2.0 / PI.sqrt() * (-x * x).exp();
            (ad_api::Scalar::erf(x), d, -2.0 * x * d)
        }
        Unary::Sinc => {
            let second = (2.0 * sin - 2.0 * x * cos - x * x * sin) / x.powi(3);
            (sin / x, (x * cos - sin) / (x * x), second)
        }
        Unary::Sinhc => {
            let second = (2.0 * sinh - 2.0 * x * cosh + x * x * sinh) / x.powi(3);
            (sinh / x, (x * cosh - sinh) / (x * x), second)
        }
        Unary::Fract => (x.fract(), 1.0, 0.0),
        Unary::Floor => (x.floor(), 0.0, 0.0),
        Unary::Ceil => (x.ceil(), 0.0, 0.0),
        Unary::Round => (x.round(), 0.0, 0.0),
        Unary::Trunc => (x.trunc(), 0.0, 0.0),
        Unary::Signum => (1.0, 0.0, 0.0),
    }
}

fn binary_program() -> Program {
    Program::new(2, |x| Binary::ALL.iter().map(|&f| x[0].binary(f, x[1])).collect())
}

fn binary_known(x: &[f64]) -> Known {
    let rows: Vec<_> = Binary::ALL.iter().map(|&f| binary_row(f, x[0], x[1])).collect();
    Known {
        value: rows.iter().map(|row| row.0).collect(),
        jacobian: DMatrix::from_fn(rows.len(), 2, |i, j| rows[i].1[j]),
        hessians: rows
            .iter()
            .map(|&(_, _, [aa, ab, bb])| DMatrix::from_row_slice(2, 2, &[aa, ab, ab, bb]))
            .collect(),
    }
}

/// Value, gradient, and second derivatives (`aa`, `ab`, `bb`), for positive arguments.
fn binary_row(function: Binary, a: f64, b: f64) -> (f64, [f64; 2], [f64; 3]) {
    match function {
        Binary::Add => (a + b, [1.0, 1.0], [0.0; 3]),
        Binary::Sub => (a - b, [1.0, -1.0], [0.0; 3]),
        Binary::Mul => (a * b, [b, a], [0.0, 1.0, 0.0]),
        Binary::Div => (a / b, [1.0 / b, -a / (b * b)], [0.0, -1.0 / (b * b), 2.0 * a / b.powi(3)]),
        Binary::Rem => (a % b, [1.0, -(a / b).floor()], [0.0; 3]),
        Binary::Pow => {
            let (y, l) = (a.powf(b), a.ln());
            let mixed = y / a * (1.0 + b * l);
            (y, [y * b / a, y * l], [y * b * (b - 1.0) / (a * a), mixed, y * l * l])
        }
        Binary::Log => {
            let (la, lb) = (a.ln(), b.ln());
            let d_b = -la / (b * lb * lb);
            let bb = la * (lb + 2.0) / (b * b * lb.powi(3));
            (la / lb, [1.0 / (a * lb), d_b], [-1.0 / (a * a * lb), -1.0 / (a * b * lb * lb), bb])
        }
        Binary::Hypot => {
            let r = a.hypot(b);
            let r3 = r.powi(3);
            (r, [a / r, b / r], [b * b / r3, -a * b / r3, a * a / r3])
        }
        Binary::Atan2 => {
            let rr = a * a + b * b;
            let aa = -2.0 * a * b / (rr * rr);
            (a.atan2(b), [b / rr, -a / rr], [aa, (a * a - b * b) / (rr * rr), -aa])
        }
        Binary::Max if a > b => (a, [1.0, 0.0], [0.0; 3]),
        Binary::Min if a < b => (a, [1.0, 0.0], [0.0; 3]),
        Binary::Max | Binary::Min => (b, [0.0, 1.0], [0.0; 3]),
        Binary::Copysign => (a, [1.0, 0.0], [0.0; 3]),
    }
}

/// The operators with `f64` on the right, and integer powers.
fn constant_program() -> Program {
    fn nodes(x: Node<'_>) -> Vec<Node<'_>> {
        vec![
            x + 2.5,
            x - 2.5,
            x * 2.5,
            x / 2.5,
            x % 0.5,
            x.powi(0),
            x.powi(1),
            x.powi(2),
            x.powi(5),
            x.powi(-3),
            x * x * x - x * 4.0,
        ]
    }
    Program::new(1, |x| nodes(x[0]))
}

fn constant_known(x: f64) -> Known {
    Known::curve(&[
        (x + 2.5, 1.0, 0.0),
        (x - 2.5, 1.0, 0.0),
        (x * 2.5, 2.5, 0.0),
        (x / 2.5, 0.4, 0.0),
        (x % 0.5, 1.0, 0.0),
        (1.0, 0.0, 0.0),
        (x, 1.0, 0.0),
        (x * x, 2.0 * x, 2.0),
        (x.powi(5), 5.0 * x.powi(4), 20.0 * x.powi(3)),
        (x.powi(-3), -3.0 * x.powi(-4), 12.0 * x.powi(-5)),
        (x * x * x - x * 4.0, 3.0 * x * x - 4.0, 6.0 * x),
    ])
}

/// `a b + c`, and `a` confined to an interval that holds it at one point and not at the other.
fn fused_program() -> Program {
    Program::new(3, |x| vec![x[0].mul_add(x[1], x[2]), x[0].clamp(-1.0, 1.0) * x[1]])
}

fn fused_known(x: &[f64]) -> Known {
    let (a, b, c) = (x[0], x[1], x[2]);
    let inside = f64::from(u8::from(a.abs() < 1.0));
    let mixed = |d: f64| DMatrix::from_row_slice(3, 3, &[0.0, d, 0.0, d, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let kept = a.clamp(-1.0, 1.0);
    Known {
        value: vec![a.mul_add(b, c), kept * b],
        jacobian: DMatrix::from_row_slice(2, 3, &[b, a, 1.0, inside * b, kept, 0.0]),
        hessians: vec![mixed(1.0), mixed(inside)],
    }
}
