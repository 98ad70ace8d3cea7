//! The least-squares problems of Moré, Garbow and Hillstrom.

mod common;

use ad_algorithms::{GaussNewton, LevenbergMarquardt, Method, Outcome};
use ad_api::Function;
use ad_dual::Dual;
use common::problems::{ALL, Problem};

fn show(problem: Problem, factor: f64, fit: &Outcome) {
    println!(
        "{:26} {factor:4} rss {:13.6e} iter {:5} resid {:5} jac {:5} {:?} rank {} cos {:.1e} {:.1e}",
        format!("{problem:?}"),
        fit.rss,
        fit.iterations,
        fit.counts.residuals,
        fit.counts.jacobians,
        fit.status,
        fit.rank,
        fit.cosine,
        fit.column_cosine
    );
}

#[test]
fn table() {
    for problem in ALL {
        let mut r = vec![0.0; problem.outputs()];
        problem.eval(&problem.start(), &mut r).unwrap();
        let rss: f64 = r.iter().map(|r| r * r).sum();
        if let Some(e) = problem.rss_at_start() {
            assert!((rss - e).abs() < 1e-11 * e, "{problem:?} {rss} {e}");
        }
        for factor in [1.0, 10.0, 100.0] {
            let x0: Vec<f64> = problem.start().iter().map(|x| x * factor).collect();
            match LevenbergMarquardt::default().minimize(&Dual::default(), &problem, &x0) {
                Ok(fit) => {
                    show(problem, factor, &fit);
                    println!("{:?}", fit.x.as_slice())
                }
                Err(e) => println!("{problem:?} {factor} {e}"),
            }
        }
        let x0 = problem.start();
        let fit = GaussNewton::default().minimize(&Dual::default(), &problem, &x0).unwrap();
        show(problem, 0.0, &fit);
    }
}
