//! What the stencils reach: the table of the crate's page, printed by
//! `cargo test -p ad-fd --test accuracy -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "tests, and what they call")]

mod common;
use ad_api::{Engine, Failure, Function, Scalar};
use ad_fd::Fd;
use common::{Counted, relative};

#[derive(Debug, Clone, Copy)]
enum Case {
    Cube,
    Logarithm,
    XSinX,
    Reciprocal,
    Exponential,
    Steep,
    Offset,
}
use Case::{Cube, Exponential, Logarithm, Offset, Reciprocal, Steep, XSinX};

impl Function for Case {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let x = x[0];
        y[0] = match self {
            Cube => x * x * x,
            Logarithm => x.ln(),
            XSinX => x * x.sin(),
            Reciprocal => x.recip(),
            Exponential => x.exp(),
            Steep => (x * 1e3).tanh(),
            Offset => x.sin() + 1e6,
        };
        Ok(())
    }
}

impl Case {
    fn derivative(self, x: f64) -> f64 {
        match self {
            Cube => 3.0 * x * x,
            Logarithm => x.recip(),
            XSinX => x.sin() + x * x.cos(),
            Reciprocal => -(x * x).recip(),
            Exponential => x.exp(),
            Steep => 1e3 / (1e3 * x).cosh().powi(2),
            Offset => x.cos(),
        }
    }
}

struct Measured {
    /// Relative error.
    error: f64,
    /// The error over the estimate of it.
    ratio: f64,
    evaluations: usize,
}

fn measure(fd: &Fd, case: Case, x: f64) -> Measured {
    let f = Counted::new(case);
    let (_, derivative, estimate) = fd.value_jacobian_and_error(&f, &[x]).unwrap();
    let exact = case.derivative(x);
    Measured {
        error: relative(derivative[(0, 0)], exact),
        ratio: (derivative[(0, 0)] - exact).abs() / estimate[(0, 0)],
        evaluations: f.count(),
    }
}

/// Every order, with the accuracy that it states.
fn orders() -> impl Iterator<Item = (usize, Fd, f64)> {
    [2, 4, 6, 8].into_iter().map(|order| {
        let fd = Fd::default().order(order).unwrap();
        let stated = fd.accuracy().relative();
        (order, fd, stated)
    })
}

#[test]
fn keeps_its_digits_over_all_scales() {
    for (order, fd, stated) in orders() {
        println!("order {order}, stated {stated:.1e}: relative error (evaluations)");
        println!("{:8}  {:14}  {:14}  {:14}  {:14}", "x", "x^3", "ln x", "x sin x", "1/x");
        for x in [1e-6, 1e-3, 1.0, 1e6, 1e9] {
            print!("{x:8.0e}");
            for case in [Cube, Logarithm, XSinX, Reciprocal] {
                let Measured { error, ratio, evaluations } = measure(&fd, case, x);
                print!("  {error:8.1e} ({evaluations:3})");
                assert!(error < stated, "order {order}, {case:?} at {x:e}: error {error:e}");
                assert!(ratio < 1.0, "order {order}, {case:?} at {x:e}: underestimated {ratio:e}");
            }
            println!();
        }
    }
}

#[test]
fn the_default_is_never_fooled_on_a_fine_scan_of_scales() {
    let (fd, mut worst, mut evaluations, mut count) = (Fd::default(), 0.0f64, 0, 0);
    for k in 0..2000 {
        let x = 10f64.powf(-7.0 + f64::from(k) * 0.008);
        for case in [Cube, Logarithm, XSinX, Reciprocal] {
            let measured = measure(&fd, case, x);
            // The derivative of x sin x has zeros, near which only its terms have digits.
            let terms = if let XSinX = case { x.sin().abs() + x.abs() } else { 0.0 };
            let exact = case.derivative(x).abs();
            let error = measured.error * exact / terms.max(exact);
            assert!(error < 1e-11, "{case:?} at {x:e}: error {error:e}");
            worst = worst.max(error);
            evaluations += measured.evaluations;
            count += 1;
        }
    }
    println!("worst {worst:.1e}, {evaluations} evaluations for {count} derivatives");
    assert!(evaluations < 13 * count, "{evaluations} evaluations for {count} derivatives");
}

#[test]
fn finds_the_scale_of_functions_that_do_not_follow_x() {
    // (function, x, tolerance): steep ones, flat ones, large ones, and inputs that are nearly zero.
    for (case, x, tolerance) in [
        (Exponential, 0.0, 1e-12),
        (Exponential, 1.0, 1e-12),
        (Exponential, -30.0, 1e-12),
        (Exponential, 500.0, 1e-12),
        (Steep, 0.0, 1e-12),
        (Steep, 1e-3, 1e-11),
        (Steep, 1e-9, 1e-11),
        (XSinX, 0.0, 1e-15),
        (Exponential, 1e-20, 1e-11),
        (Exponential, 1e-200, 1e-11),
        // ε·10⁶ over the best step, 0.3
        (Offset, 0.0, 1e-7),
        (Offset, 1e-20, 1e-7),
        (Offset, 1.0, 1e-7),
    ] {
        for (order, fd, _) in orders().filter(|&(order, ..)| order >= 6) {
            let Measured { error, ratio, evaluations } = measure(&fd, case, x);
            println!("order {order} {case:?} at {x:e}: {error:.1e}, {evaluations} evaluations");
            assert!(error < tolerance, "order {order}, {case:?} at {x:e}: error {error:e}");
            assert!(error == 0.0 || ratio < 1.0, "{case:?} at {x:e}: underestimated {ratio:e}");
        }
    }
}

#[test]
fn a_fixed_stencil_is_as_good_where_the_scale_is_that_of_x() {
    for (order, fd, stated) in orders() {
        let fd = fd.adaptive(false);
        for x in [1e-6, 1e-3, 1.0, 1e6, 1e9] {
            for case in [Cube, Logarithm, Reciprocal] {
                let error = measure(&fd, case, x).error;
                // ln at 1e9 is 20 times as large as its derivative times x.
                assert!(error < 5.0 * stated, "order {order}, {case:?} at {x:e}: error {error:e}");
            }
        }
    }
}
