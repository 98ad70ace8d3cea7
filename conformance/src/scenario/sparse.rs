//! The sparse scenarios of DifferentiationInterfaceTest.jl, here for their dense derivatives: every
//! one has a structure that a wrong index or a transposed result destroys.

use nalgebra::DMatrix;

use super::{Known, Scenario};
use crate::{Node, Program};

const X6: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// The preparation point of the originals: the differences are not constant.
const CUBES: &[f64] = &[1.0, 8.0, 27.0, 64.0, 125.0, 216.0];
const UNEVEN: &[f64] = &[0.5, -1.0, 0.25, 1.5, -0.75, 2.0];

/// The scenarios.
pub fn sparse() -> Vec<Scenario> {
    vec![
        Scenario::new("squared_differences", program(|x| powers(x, 2)), &[X6, UNEVEN], |x| {
            powers_known(x, 2)
        }),
        Scenario::new(
            "squared_and_cubed_differences",
            program(|x| [powers(x, 2), powers(x, 3)].concat()),
            &[X6, UNEVEN],
            |x| powers_known(x, 2).stacked(&powers_known(x, 3)),
        ),
        Scenario::new(
            "sum_of_cubed_differences",
            program(|x| vec![powers(x, 3).into_iter().sum()]),
            &[X6, UNEVEN, CUBES],
            |x| {
                let each = powers_known(x, 3);
                let gradient: Vec<f64> = each.jacobian.row_sum().iter().copied().collect();
                Known::scalar(each.value.iter().sum(), &gradient, each.weighted_hessian(&[1.0; 5]))
            },
        ),
        banded(),
        quadratic_form(),
        arrowhead(),
    ]
}

fn program(body: impl for<'a> FnOnce(&[Node<'a>]) -> Vec<Node<'a>>) -> Program {
    Program::new(6, body)
}

/// `(xᵢ₊₁ - xᵢ)ᵖ`.
fn powers<'a>(x: &[Node<'a>], p: i32) -> Vec<Node<'a>> {
    x.windows(2).map(|pair| (pair[1] - pair[0]).powi(p)).collect()
}

fn powers_known(x: &[f64], p: i32) -> Known {
    let n = x.len();
    let (d, q) = (|i: usize| x[i + 1] - x[i], f64::from(p));
    // ±1 where input j enters difference i.
    let sign = |i: usize, j: usize| f64::from(u8::from(j == i + 1)) - f64::from(u8::from(j == i));
    Known {
        value: (0..n - 1).map(|i| d(i).powi(p)).collect(),
        jacobian: DMatrix::from_fn(n - 1, n, |i, j| q * d(i).powi(p - 1) * sign(i, j)),
        hessians: (0..n - 1)
            .map(|i| {
                let curvature = q * (q - 1.0) * d(i).powi(p - 2);
                DMatrix::from_fn(n, n, |j, k| curvature * sign(i, j) * sign(i, k))
            })
            .collect(),
    }
}

const BAND: usize = 8;

/// An upper banded matrix with bandwidth 5 and entries without symmetry.
fn band(i: usize, j: usize) -> f64 {
    if (i..i + 5).contains(&j) { 1.0 + (i * 3 + j * 5 % 7) as f64 / 10.0 } else { 0.0 }
}

/// `A (x ∘ x)`, `J = 2 A diag(x)`.
fn banded() -> Scenario {
    let program = Program::new(BAND, |x| {
        (0..BAND).map(|i| (i..BAND.min(i + 5)).map(|j| x[j] * x[j] * band(i, j)).sum()).collect()
    });
    let point: Vec<f64> = (0..BAND).map(|i| 1.0 + i as f64 / 11.0).collect();
    let other: Vec<f64> = point.iter().map(|x| 1.5 - x).collect();
    Scenario::new("banded", program, &[&point, &other], |x| Known {
        value: (0..BAND).map(|i| (0..BAND).map(|j| band(i, j) * x[j] * x[j]).sum()).collect(),
        jacobian: DMatrix::from_fn(BAND, BAND, |i, j| 2.0 * band(i, j) * x[j]),
        hessians: (0..BAND)
            .map(|i| {
                DMatrix::from_fn(BAND, BAND, |j, k| if j == k { 2.0 * band(i, j) } else { 0.0 })
            })
            .collect(),
    })
}

/// `(x ∘ x)ᵀ A (x ∘ x)`.
fn quadratic_form() -> Scenario {
    let program = program(|x| {
        let squares: Vec<_> = x.iter().map(|&x| x * x).collect();
        let terms = (0..6).flat_map(|i| (i..6.min(i + 5)).map(move |j| (i, j)));
        vec![terms.map(|(i, j)| squares[i] * band(i, j) * squares[j]).sum()]
    });
    Scenario::new("quadratic_form", program, &[X6, UNEVEN], |x| {
        let pair = |i: usize, j: usize| band(i, j) + band(j, i);
        let cross = |i: usize| (0..6).map(|j| pair(i, j) * x[j] * x[j]).sum::<f64>();
        let value = (0..6).map(|i| (0..6).map(|j| band(i, j) * (x[i] * x[j]).powi(2)).sum::<f64>());
        let gradient: Vec<f64> = (0..6).map(|i| 2.0 * x[i] * cross(i)).collect();
        let hessian = DMatrix::from_fn(6, 6, |i, j| {
            let mixed = 4.0 * pair(i, j) * x[i] * x[j];
            if i == j { 2.0 * cross(i) + mixed } else { mixed }
        });
        Known::scalar(value.sum(), &gradient, hessian)
    })
}

/// `x + x₀ + (Σx, 0, ..., 0)`: a dense first row, a dense first column and the diagonal.
fn arrowhead() -> Scenario {
    let program = program(|x| {
        let sum: Node<'_> = x.iter().copied().sum();
        x.iter()
            .enumerate()
            .map(|(i, &own)| if i == 0 { own + x[0] + sum } else { own + x[0] })
            .collect()
    });
    Scenario::new("arrowhead", program, &[X6, UNEVEN], |x| {
        let one = |yes: bool| f64::from(u8::from(yes));
        Known::linear(x, DMatrix::from_fn(6, 6, |i, j| one(i == j) + one(j == 0) + one(i == 0)))
    })
}
