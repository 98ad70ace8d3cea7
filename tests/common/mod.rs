//! Small functions that the tests of the facade differentiate.

#![allow(dead_code, reason = "each test file uses some of them")]

use ad::prelude::*;

/// Writes a function from its sizes and its body.
macro_rules! function {
    ($(#[$doc:meta])* $Name:ident($n:literal -> $m:literal): |$x:ident, $y:ident| $body:block) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $Name;
        impl Function for $Name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                $m
            }
            fn eval<S: Scalar>(&self, $x: &[S], $y: &mut [S]) -> Result<(), Failure> {
                $body
                Ok(())
            }
        }
    };
}

function! {
    /// ℝ³ → ℝ², neither linear nor symmetric.
    Mixing(3 -> 2): |x, y| {
        y[0] = x[0] * x[1].exp() + x[2].sin();
        y[1] = (x[0] * x[0] + 1.0).sqrt() / (x[2] + 3.0) - x[1] * x[2];
    }
}

function! {
    /// ℝ³ → ℝ.
    Potential(3 -> 1): |x, y| {
        y[0] = x[0] * x[1] * x[2] + (x[0] - x[1]).powi(4) + (x[2] * 0.5).cosh();
    }
}

function! {
    /// ℝ → ℝ².
    Curve(1 -> 2): |x, y| {
        y[0] = x[0].sin() * x[0];
        y[1] = (-x[0]).exp();
    }
}

function! {
    /// `x⁴`.
    Quartic(1 -> 1): |x, y| {
        y[0] = x[0].powi(4);
    }
}

/// Has no value anywhere.
#[derive(Clone)]
pub(crate) struct Failing;

impl Function for Failing {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, _x: &[S], _y: &mut [S]) -> Result<(), Failure> {
        Err(Failure::new("no value here"))
    }
}
