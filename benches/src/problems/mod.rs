//! Functions written once over `Scalar` or over arrays.

mod bundle;
mod gauss1;
mod gmm;
mod lotka_volterra;
mod lstm;
mod network;
mod rosenbrock;

pub use bundle::{Bundle, Observation};
pub use gauss1::Gauss1;
pub use gmm::{Gmm, Point, Shared};
pub use lotka_volterra::{LotkaVolterra, RungeKutta};
pub use lstm::{Lstm, Prediction, Started};
pub use network::{Activation, Network};
pub use rosenbrock::{Rosenbrock, Valley};

#[cfg(test)]
mod tests {
    use super::{Bundle, Gauss1, Gmm, LotkaVolterra, Lstm, Observation, Rosenbrock};
    use ad_api::Function;

    fn value<F: Function>(f: &F, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; f.outputs()];
        f.eval(x, &mut y).unwrap();
        y
    }

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-11, "{found} for {expected}");
    }

    #[test]
    fn values_are_those_of_the_other_programs() {
        close(value(&Rosenbrock::new(1000), &Rosenbrock::new(1000).point())[0], 416_358.969_87);
        close(value(&LotkaVolterra, &LotkaVolterra::point())[0], 4_487.902_896_93);
        for (d, k, expected) in
            [(2, 5, -1_854.715_202_9), (10, 25, -7_638.138_214_15), (32, 25, -6_991.583_634_4)]
        {
            let (gmm, theta) = Gmm::generate(d, k, 1000);
            close(value(&gmm, &theta)[0], expected);
        }
        let (lstm, theta) = Lstm::generate(2, 1024, 14);
        close(value(&lstm, &theta)[0], 1.393_911_981_83);
        let bundle = Bundle::generate();
        let squares = (0..bundle.observations())
            .flat_map(|i| value(&Observation, &bundle.input(i)))
            .map(|r| r * r);
        close(squares.sum(), 337_581_795.279);
    }

    #[test]
    fn the_certified_fit_has_the_certified_sum_of_squares() {
        let certified = [
            98.778_210_871,
            0.010_497_276_517,
            100.489_906_33,
            67.481_111_276,
            23.129_773_36,
            71.994_503_004,
            178.998_050_21,
            18.389_389_025,
        ];
        let rss: f64 = value(&Gauss1::load(), &certified).iter().map(|r| r * r).sum();
        close(rss, 1_315.822_243_2);
    }
}
