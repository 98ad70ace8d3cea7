//! The functions of the acceptance tests of AbstractDifferentiation.jl.
//!
//! A function of two arguments takes them one after another; beside it stands the function of each
//! argument alone, the other captured at the value it has in the tests.

use nalgebra::DMatrix;

use super::{Known, Scenario};
use crate::{Node, Program};

const XS: f64 = 0.3;
const YS: f64 = 0.7;
const X: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];
const Y: [f64; 5] = [0.5, 0.1, 0.9, 0.3, 0.7];
const OTHER: [f64; 5] = [0.9, 0.35, 0.15, 0.6, 0.5];
const TANGENT: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];
const OTHER_TANGENT: [f64; 5] = [1.0, -1.0, 2.0, -2.0, 3.0];
const COTANGENT: [f64; 5] = [1.0, -1.0, 0.5, 2.0, -0.25];

/// The scenarios.
pub fn acceptance() -> Vec<Scenario> {
    let both = [X, Y].concat();
    let other = [OTHER, X].concat();
    let tangents = [TANGENT, OTHER_TANGENT].concat();
    let at: [&[f64]; 2] = [&both, &other];
    vec![
        Scenario::new(
            "fder",
            program(2, |x| vec![fder(x[0], x[1])]),
            &[&[XS, YS], &[0.8, 0.2]],
            |x| fder_known(x[0], x[1]),
        ),
        Scenario::new(
            "fder of x",
            program(1, |x| vec![fder(x[0], x[0].constant(YS))]),
            &[&[XS], &[0.8]],
            |x| column(&fder_known(x[0], YS), 0, 1),
        ),
        Scenario::new(
            "fder of y",
            program(1, |y| vec![fder(y[0].constant(XS), y[0])]),
            &[&[YS], &[0.2]],
            |y| column(&fder_known(XS, y[0]), 1, 1),
        ),
        Scenario::new("fgrad", program(10, |x| vec![fgrad(&x[..5], &x[5..])]), &at, |x| {
            fgrad_known(&x[..5], &x[5..])
        })
        .seeds(&tangents, &[1.0]),
        Scenario::new(
            "fgrad of x",
            program(5, |x| vec![fgrad(x, &captured(x[0], &Y))]),
            &[&X, &OTHER],
            |x| column(&fgrad_known(x, &Y), 0, 5),
        )
        .seeds(&TANGENT, &[1.0]),
        Scenario::new(
            "fgrad of y",
            program(5, |y| vec![fgrad(&captured(y[0], &X), y)]),
            &[&Y, &OTHER],
            |y| column(&fgrad_known(&X, y), 5, 5),
        )
        .seeds(&OTHER_TANGENT, &[1.0]),
        Scenario::new("fjac", program(10, |x| fjac(&x[..5], &x[5..])), &at, |x| {
            fjac_known(&x[..5], &x[5..])
        })
        .seeds(&tangents, &COTANGENT),
        Scenario::new(
            "fjac of x",
            program(5, |x| fjac(x, &captured(x[0], &Y))),
            &[&X, &OTHER],
            |x| column(&fjac_known(x, &Y), 0, 5),
        )
        .seeds(&TANGENT, &COTANGENT),
        Scenario::new(
            "fjac of y",
            program(5, |y| fjac(&captured(y[0], &X), y)),
            &[&Y, &OTHER],
            |y| column(&fjac_known(&X, y), 5, 5),
        )
        .seeds(&OTHER_TANGENT, &COTANGENT),
    ]
}

fn program(n: usize, body: impl for<'a> FnOnce(&[Node<'a>]) -> Vec<Node<'a>>) -> Program {
    Program::new(n, body)
}

fn captured<'a>(node: Node<'a>, values: &[f64]) -> Vec<Node<'a>> {
    values.iter().map(|&value| node.constant(value)).collect()
}

/// The derivatives with respect to `count` inputs from `first` on, the others being constants.
fn column(known: &Known, first: usize, count: usize) -> Known {
    Known {
        value: known.value.clone(),
        jacobian: known.jacobian.columns(first, count).into_owned(),
        hessians: known
            .hessians
            .iter()
            .map(|h| h.view((first, first), (count, count)).into_owned())
            .collect(),
    }
}

/// `eʸ x + y ln x`.
fn fder<'a>(x: Node<'a>, y: Node<'a>) -> Node<'a> {
    y.exp() * x + y * x.ln()
}

fn fder_known(x: f64, y: f64) -> Known {
    let e = y.exp();
    let mixed = e + 1.0 / x;
    let hessian = DMatrix::from_row_slice(2, 2, &[-y / (x * x), mixed, mixed, e * x]);
    Known::scalar(e * x + y * x.ln(), &[e + y / x, e * x + x.ln()], hessian)
}

/// `Πᵢ xᵢ + Σᵢ yᵢ/i`.
fn fgrad<'a>(x: &[Node<'a>], y: &[Node<'a>]) -> Node<'a> {
    let product = x.iter().copied().reduce(|a, b| a * b).expect("five factors");
    let sum: Node<'_> = y.iter().enumerate().map(|(i, &y)| y / (i + 1) as f64).sum();
    product + sum
}

fn fgrad_known(x: &[f64], y: &[f64]) -> Known {
    let product: f64 = x.iter().product();
    let mut gradient: Vec<f64> = x.iter().map(|x| product / x).collect();
    gradient.extend((1..=5).map(|i| 1.0 / f64::from(i)));
    let hessian = DMatrix::from_fn(10, 10, |i, j| {
        if i < 5 && j < 5 && i != j { product / (x[i] * x[j]) } else { 0.0 }
    });
    let value = product + y.iter().enumerate().map(|(i, y)| y / (i + 1) as f64).sum::<f64>();
    Known::scalar(value, &gradient, hessian)
}

/// `x - 3 y + ½ shift(y)`, where `shift(y)ᵢ = yᵢ₊₁` and the last is 0.
fn fjac<'a>(x: &[Node<'a>], y: &[Node<'a>]) -> Vec<Node<'a>> {
    (0..5)
        .map(|i| {
            let own = x[i] - y[i] * 3.0;
            if i < 4 { own + y[i + 1] / 2.0 } else { own }
        })
        .collect()
}

fn fjac_known(x: &[f64], y: &[f64]) -> Known {
    let jacobian = DMatrix::from_fn(5, 10, |i, j| match j {
        j if j == i => 1.0,
        j if j == i + 5 => -3.0,
        j if j == i + 6 => 0.5,
        _ => 0.0,
    });
    Known::linear(&[x, y].concat(), jacobian)
}
