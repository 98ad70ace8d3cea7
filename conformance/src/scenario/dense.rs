//! The dense scenarios of DifferentiationInterfaceTest.jl, and a few of our own.
//!
//! Where two of the originals differ in the shape of arrays only, they are one here: `vec_to_vec`
//! stands for its vector to matrix, matrix to vector and matrix to matrix forms.

use nalgebra::DMatrix;

use super::{Known, Scenario};
use crate::{Node, Program};

const X: &[f64] = &[0.42];
const OTHER_X: &[f64] = &[-1.3];
const X6: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
const OTHER_X6: &[f64] = &[0.5, -1.0, 0.25, 1.5, -0.75, 2.0];
const DX6: &[f64] = &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0];

/// The scenarios.
pub fn dense() -> Vec<Scenario> {
    vec![
        num_to_num(),
        num_to_vec(),
        num_to_vec_halves(),
        num_to_mat(),
        num_to_mat_halves(),
        arr_to_num("arr_to_num_double_loop", double_loop()),
        arr_to_num("arr_to_num_product_of_sums", product_of_sums()),
        vec_to_vec(),
        captured_constants(),
        rosenbrock(),
        branch(),
        independent_of_some_inputs(),
    ]
}

/// `sin(k x)` with derivatives.
fn sine(k: f64, x: f64) -> (f64, f64, f64) {
    let (sin, cos) = (k * x).sin_cos();
    (sin, k * cos, -k * k * sin)
}

fn curve(
    name: &'static str,
    body: impl FnOnce(Node<'_>) -> Vec<Node<'_>>,
    cotangent: &[f64],
    known: fn(&[f64]) -> Known,
) -> Scenario {
    let program = Program::new(1, |x| body(x[0]));
    // The tangent of the original suite, which is no approximation of π.
    #[allow(clippy::approx_constant, reason = "a number of the original suite")]
    let tangent = [3.14];
    Scenario::new(name, program, &[X, OTHER_X], known).seeds(&tangent, cotangent)
}

fn num_to_num() -> Scenario {
    curve("num_to_num", |x| vec![x.sin()], &[-1.0 / 12.0], |x| Known::curve(&[sine(1.0, x[0])]))
}

fn num_to_vec() -> Scenario {
    curve(
        "num_to_vec",
        |x| vec![x.sin(), (x * 2.0).sin()],
        &[-3.0, 4.0],
        |x| Known::curve(&[sine(1.0, x[0]), sine(2.0, x[0])]),
    )
}

/// The first half `sin x`, the second `sin 2x`.
fn halves(x: Node<'_>) -> Vec<Node<'_>> {
    let (a, b) = (x.sin(), (x * 2.0).sin());
    vec![a, a, a, b, b, b]
}

fn num_to_vec_halves() -> Scenario {
    curve("num_to_vec_halves", halves, &[-5.0, -3.0, -1.0, 1.0, 3.0, 5.0], |x| {
        Known::curve(&[1.0, 1.0, 1.0, 2.0, 2.0, 2.0].map(|k| sine(k, x[0])))
    })
}

fn num_to_mat() -> Scenario {
    curve(
        "num_to_mat",
        |x| [1.0, 2.0, 3.0, 6.0].map(|k| (x * k).sin()).to_vec(),
        &[-3.0, 7.0, 4.0, -1.0],
        |x| Known::curve(&[1.0, 2.0, 3.0, 6.0].map(|k| sine(k, x[0]))),
    )
}

fn num_to_mat_halves() -> Scenario {
    let cotangent: Vec<f64> = (0..12).map(|i| 2.0 * f64::from(i) - 11.0).collect();
    curve(
        "num_to_mat_halves",
        |x| [halves(x), halves(x * 3.0)].concat(),
        &cotangent,
        |x| {
            let k = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 6.0, 6.0, 6.0];
            Known::curve(&k.map(|k| sine(k, x[0])))
        },
    )
}

/// `Σᵢⱼ xᵢ⁴ xⱼ⁶`, term by term.
fn double_loop() -> Program {
    Program::new(6, |x| {
        let terms = x.iter().flat_map(|&a| x.iter().map(move |&b| a.powi(4) * b.powi(6)));
        vec![terms.sum()]
    })
}

/// `(Σ x⁴)(Σ x⁶)`.
fn product_of_sums() -> Program {
    Program::new(6, |x| {
        let fourth: Node<'_> = x.iter().map(|&a| a * a * a * a).sum();
        let sixth: Node<'_> = x.iter().map(|&a| a.powi(6)).sum();
        vec![fourth * sixth]
    })
}

fn arr_to_num(name: &'static str, program: Program) -> Scenario {
    Scenario::new(name, program, &[X6, OTHER_X6], |x| {
        let sum = |p: i32| x.iter().map(|x| x.powi(p)).sum::<f64>();
        let (s4, s6) = (sum(4), sum(6));
        let gradient: Vec<f64> =
            x.iter().map(|x| 4.0 * x.powi(3) * s6 + 6.0 * x.powi(5) * s4).collect();
        let hessian = DMatrix::from_fn(6, 6, |k, l| {
            let cross = 24.0 * (x[k].powi(3) * x[l].powi(5) + x[k].powi(5) * x[l].powi(3));
            let own = 12.0 * x[k].powi(2) * s6 + 30.0 * x[k].powi(4) * s4;
            if k == l { own + cross } else { cross }
        });
        Known::scalar(s4 * s6, &gradient, hessian)
    })
    .seeds(DX6, &[1.0])
}

fn vec_to_vec() -> Scenario {
    let cotangent: Vec<f64> = (0..12).map(|i| 2.0 * f64::from(i) - 11.0).collect();
    let program = Program::new(6, |x| {
        let sines = x.iter().map(|x| x.sin());
        sines.chain(x.iter().map(|x| x.cos())).collect()
    });
    Scenario::new("vec_to_vec", program, &[X6, OTHER_X6], |x| {
        let each = |derivative: fn(f64) -> f64, i: usize, j: usize| {
            if i == j { derivative(x[i]) } else { 0.0 }
        };
        let curvature = |i: usize, d: f64| {
            DMatrix::from_fn(6, 6, |j, k| if (j, k) == (i, i) { d } else { 0.0 })
        };
        let sines = Known {
            value: x.iter().map(|x| x.sin()).collect(),
            jacobian: DMatrix::from_fn(6, 6, |i, j| each(f64::cos, i, j)),
            hessians: (0..6).map(|i| curvature(i, -x[i].sin())).collect(),
        };
        sines.stacked(&Known {
            value: x.iter().map(|x| x.cos()).collect(),
            jacobian: DMatrix::from_fn(6, 6, |i, j| each(|x| -x.sin(), i, j)),
            hessians: (0..6).map(|i| curvature(i, -x[i].cos())).collect(),
        })
    })
    .seeds(DX6, &cotangent)
}

/// `sin x` times the constants `a + b` that the function carries, through a node each.
fn captured_constants() -> Scenario {
    curve(
        "captured_constants",
        |x| {
            let (a, b) = (x.constant(3.0), x.constant(4.0));
            vec![(a + b) * x.sin(), a, b * x]
        },
        &[1.0, -2.0, 0.5],
        |x| {
            let (y, d, dd) = sine(1.0, x[0]);
            Known::curve(&[(7.0 * y, 7.0 * d, 7.0 * dd), (3.0, 0.0, 0.0), (4.0 * x[0], 4.0, 0.0)])
        },
    )
}

fn rosenbrock() -> Scenario {
    let program = Program::new(2, |x| {
        let valley = x[1] - x[0] * x[0];
        vec![(x[0] - 1.0).powi(2) + valley * valley * 100.0]
    });
    Scenario::new("rosenbrock", program, &[&[-1.2, 1.0], &[0.7, 0.3]], |x| {
        let (a, b) = (x[0], x[1]);
        let valley = b - a * a;
        let gradient = [2.0 * (a - 1.0) - 400.0 * a * valley, 200.0 * valley];
        let hessian = [1200.0 * a * a - 400.0 * b + 2.0, -400.0 * a, -400.0 * a, 200.0];
        let value = (a - 1.0).powi(2) + 100.0 * valley * valley;
        Known::scalar(value, &gradient, DMatrix::from_row_slice(2, 2, &hessian))
    })
}

/// `x²` where `x > 0`, else `-x`: the other branch at the other point.
fn branch() -> Scenario {
    curve(
        "branch",
        |x| vec![x.choose(x * x, -x), x.choose(x.sin() * 2.0, x * x * x)],
        &[1.0, -0.5],
        |x| {
            let x = x[0];
            if x > 0.0 {
                let (y, d, dd) = sine(1.0, x);
                Known::curve(&[(x * x, 2.0 * x, 2.0), (2.0 * y, 2.0 * d, 2.0 * dd)])
            } else {
                Known::curve(&[(-x, -1.0, 0.0), (x * x * x, 3.0 * x * x, 6.0 * x)])
            }
        },
    )
}

/// Three inputs, the second unused; of four outputs one is constant and one an input as it is.
fn independent_of_some_inputs() -> Scenario {
    let program =
        Program::new(3, |x| vec![x[0] * x[2], x[0].constant(5.0), x[2], x[0].exp() + x[2] * x[2]]);
    let points: [&[f64]; 2] = [&[0.4, -2.0, 1.5], &[-0.3, 1.0, 0.7]];
    Scenario::new("independent_of_some_inputs", program, &points, |x| {
        let (a, c) = (x[0], x[2]);
        #[rustfmt::skip]
        let jacobian = DMatrix::from_row_slice(4, 3, &[
            c, 0.0, a,
            0.0, 0.0, 0.0,
            0.0, 0.0, 1.0,
            a.exp(), 0.0, 2.0 * c,
        ]);
        let symmetric = |aa: f64, ac: f64, cc: f64| {
            DMatrix::from_row_slice(3, 3, &[aa, 0.0, ac, 0.0, 0.0, 0.0, ac, 0.0, cc])
        };
        Known {
            value: vec![a * c, 5.0, c, a.exp() + c * c],
            jacobian,
            hessians: vec![
                symmetric(0.0, 1.0, 0.0),
                symmetric(0.0, 0.0, 0.0),
                symmetric(0.0, 0.0, 0.0),
                symmetric(a.exp(), 0.0, 2.0),
            ],
        }
    })
}
