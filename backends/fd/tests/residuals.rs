//! Residuals: small differences of large numbers, whose noise is not that of their own size.
#![allow(clippy::unwrap_used, reason = "tests, and what they call")]

mod common;
use std::f64::consts::PI;
use std::sync::Arc;

use ad_api::{Differentiate, Failure, Function, HigherOrder, Scalar};
use ad_dual::Dual;
use ad_fd::Fd;
use common::function;
use nalgebra::DMatrix;

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
fn jacobians_of_residuals_and_their_errors() {
    for model in [Model::Gauss1, Model::Enso] {
        let f = common::Counted::new(Nist::load(model));
        for point in f.0.points.clone() {
            let exact = Dual::default().jacobian(&f, &point).unwrap();
            for order in [2, 4, 6, 8] {
                let fd = Fd::default().order(order).unwrap();
                f.count();
                let (_, found, errors) = fd.value_jacobian_and_error(&f, &point).unwrap();
                let evaluations = f.count();
                let mut worst = 0.0f64;
                for (j, column) in exact.column_iter().enumerate() {
                    worst = worst.max((found.column(j) - column).norm() / column.norm());
                }
                let miss: DMatrix<f64> = (&found - &exact).abs();
                let ratios = miss.zip_map(&errors, |miss, error| miss / error);
                let uncovered = ratios.iter().filter(|&&ratio| ratio > 1.0).count();
                let far = ratios.iter().filter(|&&ratio| ratio > 10.0).count();
                let mut sorted: Vec<f64> = ratios.iter().copied().collect();
                sorted.sort_by(f64::total_cmp);
                println!(
                    "{model:?} order {order}: columns {worst:.1e}, {evaluations} evaluations, \
                     miss/error median {:.1e} largest {:.1e}, {uncovered} > 1 and {far} > 10 of {}",
                    sorted[sorted.len() / 2],
                    sorted[sorted.len() - 1],
                    sorted.len()
                );
            }
        }
    }
}
