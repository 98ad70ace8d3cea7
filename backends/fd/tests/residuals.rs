//! Residuals: small differences of large numbers, whose noise is not that of their own size.
#![allow(clippy::unwrap_used, reason = "tests, and what they call")]

mod common;
use std::f64::consts::PI;
use std::sync::Arc;

use ad_api::{Differentiate, Failure, Function, HigherOrder, Scalar};
use ad_dual::Dual;
use ad_fd::Fd;
use common::{Counted, function, relative};

/// A data set of the NIST collection of nonlinear regression problems.
#[derive(Debug, Clone)]
struct Nist {
    model: Model,
    data: Arc<[(f64, f64)]>,
    /// Both starts and the certified parameters.
    points: [Vec<f64>; 3],
}

#[derive(Debug, Clone, Copy)]
enum Model {
    Gauss1,
    Enso,
}

impl Nist {
    fn load(model: Model) -> Self {
        let (name, inputs) = match model {
            Model::Gauss1 => ("Gauss1", 8),
            Model::Enso => ("ENSO", 9),
        };
        let path = format!("{}/../../data/nist/{name}.dat", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let numbers = |line: &str| -> Vec<f64> {
            line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        let mut points = [const { Vec::new() }; 3];
        for line in text.lines().filter(|line| line.trim_start().starts_with('b')) {
            let Some((_, values)) = line.split_once(" =") else { continue };
            if let [first, second, certified, _] = numbers(values)[..] {
                for (point, value) in points.iter_mut().zip([first, second, certified]) {
                    point.push(value);
                }
            }
        }
        let data: Arc<[_]> =
            text.lines().skip(60).map(numbers).map(|row| (row[1], row[0])).collect();
        assert!(points.iter().all(|point| point.len() == inputs) && data.len() > 160);
        Nist { model, data, points }
    }

    fn residual<S: Scalar>(&self, b: &[S], (x, y): (f64, f64)) -> S {
        let wave = |period: S, cosine: S, sine: S| {
            let angle = S::from(2.0 * PI * x) / period;
            cosine * angle.cos() + sine * angle.sin()
        };
        let bell = |height: S, at: S, width: S| {
            let u = (S::from(x) - at) / width;
            height * (-u * u).exp()
        };
        let model = match self.model {
            Model::Gauss1 => {
                b[0] * (-b[1] * x).exp() + bell(b[2], b[3], b[4]) + bell(b[5], b[6], b[7])
            }
            Model::Enso => {
                b[0] + wave(S::from(12.0), b[1], b[2])
                    + wave(b[3], b[4], b[5])
                    + wave(b[6], b[7], b[8])
            }
        };
        S::from(y) - model
    }
}

impl Function for Nist {
    fn inputs(&self) -> usize {
        self.points[0].len()
    }
    fn outputs(&self) -> usize {
        self.data.len()
    }
    fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
        for (r, &row) in r.iter_mut().zip(&*self.data) {
            *r = self.residual(b, row);
        }
        Ok(())
    }
}

/// Half the sum of squares.
#[derive(Debug, Clone)]
struct Objective(Nist);

impl Function for Objective {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, b: &[S], y: &mut [S]) -> Result<(), Failure> {
        let squares = self.0.data.iter().map(|&row| {
            let r = self.0.residual(b, row);
            r * r * 0.5
        });
        y[0] = squares.sum();
        Ok(())
    }
}

#[test]
fn jacobians_of_residuals_keep_their_digits_and_know_their_errors() {
    for (model, tolerances) in
        [(Model::Gauss1, [1e-9, 1e-11, 1e-11, 1e-11]), (Model::Enso, [1e-9, 1e-10, 1e-10, 1e-10])]
    {
        let f = Counted::new(Nist::load(model));
        for point in f.0.points.clone() {
            let exact = Dual::default().jacobian(&f, &point).unwrap();
            for (order, tolerance) in [2, 4, 6, 8].into_iter().zip(tolerances) {
                let fd = Fd::default().order(order).unwrap();
                f.count();
                let (_, found, errors) = fd.value_jacobian_and_error(&f, &point).unwrap();
                let evaluations = f.count();
                let worst = exact
                    .column_iter()
                    .zip(found.column_iter())
                    .map(|(exact, found)| (found - exact).norm() / exact.norm())
                    .fold(0.0, f64::max);
                let ratios = (&found - &exact).abs().zip_map(&errors, |miss, error| miss / error);
                let above = |limit: f64| ratios.iter().filter(|&&ratio| ratio > limit).count();
                println!(
                    "{model:?}, order {order}: columns {worst:.1e}, {evaluations} evaluations, \
                     of {} errors {} underestimated, {} by 10, the worst by {:.0}",
                    ratios.len(),
                    above(1.0),
                    above(10.0),
                    ratios.max()
                );
                assert!(worst < tolerance, "{model:?}, order {order}: {worst:e}");
                assert!(above(1.0) * 100 < ratios.len(), "{model:?}, order {order}");
                assert!(above(10.0) * 500 < ratios.len(), "{model:?}, order {order}");
                assert!(ratios.max() < 50.0, "{model:?}, order {order}: {}", ratios.max());
            }
        }
    }
}

#[test]
fn hessians_of_an_objective_over_and_under_an_exact_engine() {
    let objective = Objective(Nist::load(Model::Enso));
    let (dual, fd) = (Dual::default(), Fd::default());
    for point in &objective.0.points {
        let exact = dual.hessian(&objective, point).unwrap();
        let over = HigherOrder::new(fd.clone(), dual).hessian(&objective, point).unwrap();
        let under = HigherOrder::new(dual, fd.clone()).hessian(&objective, point).unwrap();
        for (name, found) in [("fd over dual", over), ("dual over fd", under)] {
            let error = (found - &exact).norm() / exact.norm();
            println!("{name}: {error:.1e}");
            assert!(error < 1e-6, "{name}: {error:e}");
        }
    }
}

#[test]
fn a_scalar_that_is_what_cancellation_leaves() {
    function!(Sine: 1 => 1, |x, y| { y[0] = (x[0].sin() + 100.0) - 100.0; });
    function!(Square: 1 => 1, |x, y| {
        let r = ((x[0] * 2.0).exp() + 1e3) - 1e3;
        y[0] = r * r * 0.5;
    });
    // The values are good to 10⁻¹⁴ and 10⁻¹³, whatever is left of them.
    for x in [1e-9f64, 1e-4, 0.1, 0.7, 3.0, 6.3] {
        let (_, d, error) = Fd::default().value_jacobian_and_error(&Sine, &[x]).unwrap();
        let miss = (d[(0, 0)] - x.cos()).abs();
        println!("sine at {x}: {miss:.1e}, estimated {:.1e}", error[(0, 0)]);
        assert!(miss < 1e-11 && miss < 3.0 * error[(0, 0)], "{x}: {miss:e} {error}");
    }
    // The last digits of a square say nothing; differences do.
    let mut ratios = Vec::new();
    for k in 0..400 {
        let x = -3.0 + 0.01 * f64::from(k);
        let (_, d, error) = Fd::default().value_jacobian_and_error(&Square, &[x]).unwrap();
        let exact = 2.0 * (4.0 * x).exp();
        let miss = (d[(0, 0)] - exact).abs();
        assert!(miss < 1e-8 * exact, "{x}: {miss:e} of {exact:e}");
        ratios.push(miss / error[(0, 0)]);
    }
    ratios.sort_by(f64::total_cmp);
    println!("square: miss/error {:.1e} at most, median {:.1e}", ratios[399], ratios[200]);
    assert!(ratios[360] < 2.0 && ratios[399] < 10.0, "{} {}", ratios[360], ratios[399]);
}

#[test]
fn a_small_output_beside_a_large_one_keeps_its_digits() {
    function!(Scales: 1 => 3, |x, y| {
        y[0] = x[0].sin() * 1e-9;
        y[1] = x[0].exp() * 1e6;
        y[2] = x[0].sqrt() * 1e-30;
    });
    for x in [0.3, 1.0, 4.0] {
        let exact = Dual::default().jacobian(&Scales, &[x]).unwrap();
        let (_, found, error) = Fd::default().value_jacobian_and_error(&Scales, &[x]).unwrap();
        for i in 0..3 {
            let miss = relative(found[i], exact[i]);
            assert!(miss < 1e-11 && (found[i] - exact[i]).abs() <= error[i], "{x}, {i}: {miss:e}");
        }
    }
}
