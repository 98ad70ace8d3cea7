//! A curve fit.

use std::path::Path;
use std::sync::Arc;

use ad_api::{Failure, Function, Scalar};

/// The residuals of the NIST `StRD` set Gauss1: an exponential and two Gaussian peaks.
#[derive(Debug, Clone)]
pub struct Gauss1 {
    data: Arc<[[f64; 2]]>,
}

impl Gauss1 {
    /// Reads the observations from `data/nist/Gauss1.dat` of this repository.
    ///
    /// # Panics
    ///
    /// If the file is missing or not as published.
    pub fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/nist/Gauss1.dat");
        let text = std::fs::read_to_string(&path).expect("the NIST file is in the repository");
        let number = |cell: Option<&str>| -> f64 {
            cell.and_then(|cell| cell.parse().ok()).expect("two numbers in every row")
        };
        let data = text.lines().skip(60).map(|row| {
            let mut cells = row.split_whitespace();
            [number(cells.next()), number(cells.next())]
        });
        Gauss1 { data: data.collect() }
    }

    /// The second starting point of the set.
    pub fn point() -> Vec<f64> {
        vec![94.0, 0.0105, 99.0, 63.0, 25.0, 71.0, 180.0, 20.0]
    }
}

impl Function for Gauss1 {
    fn inputs(&self) -> usize {
        8
    }

    fn outputs(&self) -> usize {
        self.data.len()
    }

    fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
        let peak = |x: f64, height: S, place: S, width: S| {
            let z = (S::from(x) - place) / width;
            height * (-z * z).exp()
        };
        for (r, &[y, x]) in r.iter_mut().zip(&*self.data) {
            let baseline = b[0] * (-b[1] * x).exp();
            *r = baseline + peak(x, b[2], b[3], b[4]) + peak(x, b[5], b[6], b[7]) - y;
        }
        Ok(())
    }
}
