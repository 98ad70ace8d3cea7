//! NIST's reference data sets and their models.

#![allow(clippy::unwrap_used, reason = "the files are part of the repository")]

use std::path::PathBuf;
use std::sync::Arc;

use ad_api::{Failure, Function, Scalar};

/// A NIST StRD nonlinear regression problem.
#[derive(Clone)]
pub(crate) struct Nist {
    pub(crate) starts: [Vec<f64>; 2],
    pub(crate) certified: Vec<f64>,
    pub(crate) standard_errors: Vec<f64>,
    pub(crate) rss: f64,
    pub(crate) residual_standard_deviation: f64,
    pub(crate) fit: Fit,
}

/// The residuals `model - y` of a data set; Nelson's on the logarithm of `y`.
#[derive(Clone)]
pub(crate) struct Fit {
    name: &'static str,
    parameters: usize,
    rows: Arc<[Vec<f64>]>,
}

pub(crate) const NAMES: [&str; 15] = [
    "Misra1a", "Chwirut2", "Lanczos3", "Gauss1", "DanWood", "Kirby2", "Nelson", "Lanczos1",
    "Gauss3", "Misra1c", "ENSO", "MGH09", "BoxBOD", "Rat42", "Bennett5",
];

impl Nist {
    pub(crate) fn load(name: &'static str) -> Self {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../data/nist/{name}.dat"));
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let numbers = |line: &str| -> Vec<f64> {
            line.split_whitespace().map(|cell| cell.parse().unwrap()).collect()
        };
        let parameters: Vec<Vec<f64>> = lines[40..]
            .iter()
            .take_while(|line| line.contains('='))
            .map(|line| numbers(line.split_once('=').unwrap().1))
            .collect();
        let labelled = |label: &str| -> f64 {
            let line = lines.iter().find(|line| line.starts_with(label)).unwrap();
            line.split_once(':').unwrap().1.trim().parse().unwrap()
        };
        let column = |k: usize| parameters.iter().map(|row| row[k]).collect::<Vec<_>>();
        let rows: Arc<[Vec<f64>]> = lines[60..]
            .iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| numbers(line))
            .collect();
        assert_eq!(rows.len() as f64, labelled("Number of Observations"));
        Nist {
            starts: [column(0), column(1)],
            certified: column(2),
            standard_errors: column(3),
            rss: labelled("Residual Sum of Squares"),
            residual_standard_deviation: labelled("Residual Standard Deviation"),
            fit: Fit { name, parameters: parameters.len(), rows },
        }
    }
}

impl Function for Fit {
    fn inputs(&self) -> usize {
        self.parameters
    }

    fn outputs(&self) -> usize {
        self.rows.len()
    }

    fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
        for (r, row) in r.iter_mut().zip(self.rows.iter()) {
            let y = if self.name == "Nelson" { row[0].ln() } else { row[0] };
            *r = model(self.name, b, &row[1..]) - y;
        }
        Ok(())
    }
}

fn model<S: Scalar>(name: &str, b: &[S], predictors: &[f64]) -> S {
    let x = predictors[0];
    let one = S::from(1.0);
    match name {
        "Misra1a" | "BoxBOD" => b[0] * (one - (-b[1] * x).exp()),
        "Misra1c" => b[0] * (one - one / (b[1] * (2.0 * x) + 1.0).sqrt()),
        "Chwirut2" => (-b[0] * x).exp() / (b[1] + b[2] * x),
        "Lanczos1" | "Lanczos3" => {
            b[0] * (-b[1] * x).exp() + b[2] * (-b[3] * x).exp() + b[4] * (-b[5] * x).exp()
        }
        "Gauss1" | "Gauss3" => {
            let peak = |height: S, centre: S, width: S| {
                let u = (centre - x) / width;
                height * (-u * u).exp()
            };
            b[0] * (-b[1] * x).exp() + peak(b[2], b[3], b[4]) + peak(b[5], b[6], b[7])
        }
        "DanWood" => b[0] * S::from(x).pow(b[1]),
        "Kirby2" => (b[0] + b[1] * x + b[2] * (x * x)) / (b[3] * x + b[4] * (x * x) + 1.0),
        "Nelson" => b[0] - b[1] * x * (-b[2] * predictors[1]).exp(),
        "ENSO" => {
            let angle = std::f64::consts::TAU * x;
            let year = angle / 12.0;
            let (u, v) = (S::from(angle) / b[3], S::from(angle) / b[6]);
            b[0] + b[1] * year.cos()
                + b[2] * year.sin()
                + b[4] * u.cos()
                + b[5] * u.sin()
                + b[7] * v.cos()
                + b[8] * v.sin()
        }
        "MGH09" => b[0] * (b[1] * x + x * x) / (b[2] * x + b[3] + x * x),
        "Rat42" => b[0] / ((b[1] - b[2] * x).exp() + 1.0),
        "Bennett5" => b[0] * (b[1] + x).pow(-one / b[2]),
        name => panic!("no model for `{name}`"),
    }
}

/// The number of correct digits, the least over the entries; at most 11, as many as are certified.
pub(crate) fn digits(found: &[f64], certified: &[f64]) -> f64 {
    found
        .iter()
        .zip(certified)
        .map(|(q, c)| -((q - c) / c).abs().max(1e-300).log10())
        .fold(11.0, f64::min)
}
