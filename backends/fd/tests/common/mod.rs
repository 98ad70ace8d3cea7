//! Test functions: a macro that writes a `Function` from one formula, and a counter of evaluations.
#![allow(dead_code, unused_macros, unused_imports, reason = "each test file uses a part of this")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{Failure, Function, Scalar};

/// `function!(Name: n => m, |x, y| { y[0] = ... })`.
macro_rules! function {
    ($name:ident: $n:expr => $m:expr, |$x:ident, $y:ident| $body:block) => {
        #[derive(Debug, Clone, Copy)]
        struct $name;
        impl ad_api::Function for $name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                $m
            }
            fn eval<S: ad_api::Scalar>(&self, $x: &[S], $y: &mut [S]) -> Result<(), ad_api::Failure> {
                $body
                Ok(())
            }
        }
    };
}
pub(crate) use function;

/// Counts the evaluations of a function.
#[derive(Debug, Clone)]
pub(crate) struct Counted<F>(pub(crate) F, Arc<AtomicUsize>);

impl<F> Counted<F> {
    pub(crate) fn new(f: F) -> Self {
        Counted(f, Arc::default())
    }

    /// The evaluations since the last call.
    pub(crate) fn count(&self) -> usize {
        self.1.swap(0, Ordering::Relaxed)
    }
}

impl<F: Function> Function for Counted<F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.eval(x, y)
    }
    fn precision(&self) -> f64 {
        self.0.precision()
    }
}

/// `|a - b| / |b|`, or `|a|` for `b = 0`.
pub(crate) fn relative(a: f64, b: f64) -> f64 {
    if b == 0.0 { a.abs() } else { ((a - b) / b).abs() }
}
