//! Levenberg-Marquardt on NIST's reference data sets, from both starts.

mod common;

use ad_algorithms::{LevenbergMarquardt, Method};
use ad_dual::Dual;
use common::nist::{NAMES, Nist, digits};

#[test]
fn table() {
    println!(
        "{:10} {:>6} {:>7} {:>6} {:>6} {:>6} {:>6}  status",
        "set", "start", "digits", "se", "iter", "resid", "jac"
    );
    for name in NAMES {
        let nist = Nist::load(name);
        for (k, start) in nist.starts.iter().enumerate() {
            let solver = LevenbergMarquardt::default();
            let fit = solver
                .minimize_observed(&Dual::default(), &nist.fit, start, |p| {
                    if name == "BoxBOD" && k == 0 {
                        println!(
                            "{} {} {:?} rss {} cos {:e} step {:e} lam {:e}",
                            p.iteration,
                            p.accepted,
                            p.x.as_slice(),
                            p.rss,
                            p.cosine,
                            p.step,
                            p.damping
                        );
                    }
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
            let se: Vec<f64> = fit
                .covariance()
                .unwrap()
                .standard_errors()
                .into_iter()
                .map(|e| e.unwrap_or(f64::NAN))
                .collect();
            println!(
                "{name:10} {:6} {:7.1} {:6.1} {:6} {:6} {:6}  {:?} rank {} cos {:.1e} {:.1e}",
                k + 1,
                digits(fit.x.as_slice(), &nist.certified),
                digits(&se, &nist.standard_errors),
                fit.iterations,
                fit.counts.residuals,
                fit.counts.jacobians,
                fit.status,
                fit.rank,
                fit.cosine,
                fit.column_cosine
            );
        }
    }
}
