//! Functions written once over `Scalar`.

use std::path::Path;
use std::sync::Arc;

use ad_api::{Failure, Function, Scalar};

use crate::Generator;

/// `Σ 100 (xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)²` over `i < n - 1`.
#[derive(Debug, Clone)]
pub struct Rosenbrock {
    n: usize,
}

impl Rosenbrock {
    /// In `n` variables.
    pub fn new(n: usize) -> Self {
        Rosenbrock { n }
    }

    /// The point of the benches, uniform in `[-2, 2)`.
    pub fn point(&self) -> Vec<f64> {
        Generator::new(2).vector(self.n, -2.0, 2.0)
    }
}

impl Function for Rosenbrock {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x.windows(2).fold(S::from(0.0), |sum, pair| {
            let valley = pair[1] - pair[0] * pair[0];
            let slope = S::from(1.0) - pair[0];
            sum + valley * valley * 100.0 + slope * slope
        });
        Ok(())
    }
}

/// The sum of the populations along a trajectory of `x' = a x - b x y`, `y' = c x y - e y`, by 1000
/// steps of the classical Runge-Kutta method. Inputs: `a, b, c, e, x(0), y(0)`.
#[derive(Debug, Clone)]
pub struct LotkaVolterra;

impl LotkaVolterra {
    /// The point of the benches.
    pub fn point() -> Vec<f64> {
        vec![1.5, 1.0, 1.0, 3.0, 1.0, 1.0]
    }
}

impl Function for LotkaVolterra {
    fn inputs(&self) -> usize {
        6
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, p: &[S], out: &mut [S]) -> Result<(), Failure> {
        const H: f64 = 0.01;
        let slope = |x: S, y: S| {
            let meetings = x * y;
            (p[0] * x - p[1] * meetings, p[2] * meetings - p[3] * y)
        };
        let (mut x, mut y, mut loss) = (p[4], p[5], S::from(0.0));
        for _ in 0..1000 {
            let k1 = slope(x, y);
            let k2 = slope(x + k1.0 * (H / 2.0), y + k1.1 * (H / 2.0));
            let k3 = slope(x + k2.0 * (H / 2.0), y + k2.1 * (H / 2.0));
            let k4 = slope(x + k3.0 * H, y + k3.1 * H);
            x += (k1.0 + k2.0 * 2.0 + k3.0 * 2.0 + k4.0) * (H / 6.0);
            y += (k1.1 + k2.1 * 2.0 + k3.1 * 2.0 + k4.1) * (H / 6.0);
            loss += x + y;
        }
        out[0] = loss;
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use super::{Gauss1, LotkaVolterra, Rosenbrock};
    use ad_api::Function;

    fn value<F: Function>(f: &F, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; f.outputs()];
        f.eval(x, &mut y).unwrap();
        y
    }

    #[test]
    fn values_are_those_of_the_other_programs() {
        let close = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 1e-11, "{found} for {expected}");
        };
        close(value(&Rosenbrock::new(1000), &Rosenbrock::new(1000).point())[0], 416_358.969_87);
        close(value(&LotkaVolterra, &LotkaVolterra::point())[0], 4487.902_896_93);
        let certified = [
            98.778210871, 0.010497276517, 100.48990633, 67.481111276, 23.129773360, 71.994503004,
            178.99805021, 18.389389025,
        ];
        let rss: f64 = value(&Gauss1::load(), &certified).iter().map(|r| r * r).sum();
        close(rss, 1315.822_243_2);
    }
}
