//! Newton-Krylov on problems with certified answers.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ad_algorithms::matrix_free::{
    BiCgStab, Forcing, Globalization, Gmres, Krylov, LinearStop, NewtonKrylov, OnHost, Outcome,
    Status,
};
use ad_algorithms::problems::{
    Bratu1d, Bratu2d, BroydenTridiagonal, ChandrasekharH, ConvectionDiffusion,
    DiscreteBoundaryValue, Poisson, PowellSingular, Problem, Rosenbrock,
};
use ad_api::Backend;
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::DVector;

type Root = Outcome<DVector<f64>>;

/// A residual norm of 1e-12, and nothing less.
fn tight() -> NewtonKrylov {
    NewtonKrylov { residual_tol: 1e-12, relative_tol: 0.0, ..NewtonKrylov::default() }
}

fn solve_with(method: &NewtonKrylov, backend: impl Backend, problem: &impl Problem) -> Root {
    let start = DVector::from_vec(problem.start());
    method.solve(&mut OnHost::new(backend, problem.clone()), &start).unwrap()
}

fn solve(method: &NewtonKrylov, problem: &impl Problem) -> Root {
    solve_with(method, Dual::default(), problem)
}

fn preconditioned(method: &NewtonKrylov, problem: &impl Problem, mut poisson: Poisson) -> Root {
    let start = DVector::from_vec(problem.start());
    let mut on_host = OnHost::new(NativeReverse::default(), problem.clone());
    method.solve_preconditioned(&mut on_host, &start, &mut poisson).unwrap()
}

fn assert_root(root: &Root) {
    assert_eq!(root.status, Status::SmallResidual, "{}\n{:#?}", root.status, root.history);
    assert!(root.residual_norm <= 1e-12 && root.residuals.norm() == root.residual_norm);
}

fn assert_near(found: f64, expected: f64, tol: f64) {
    assert!((found - expected).abs() <= tol * expected.abs().max(1.0), "{found} {expected}");
}

/// Shows the iterations of a failing test.
fn table(root: &Root) -> String {
    let rows = root.history.iter().enumerate().map(|(k, s)| {
        format!(
            "{k:3} {:10.3e} {:9.2e} {:5} {:9.2e}\n",
            s.residual_norm, s.forcing, s.linear_iterations, s.step_length
        )
    });
    rows.collect()
}

#[test]
fn bratu_on_the_square() {
    for (n, lambda, centre, mean) in [
        (15, 1.0, 0.077_874_047_079_76, 0.046_274_184_802_79),
        (31, 5.0, 0.556_718_498_794_48, 0.309_944_646_565_19),
        (31, 6.0, 0.796_949_861_367_72, 0.436_306_903_294_18),
        (63, 6.0, 0.797_069_000_632_89, 0.429_475_764_623_16),
        (63, 6.8, 1.324_807_556_219_81, 0.687_365_001_943_12),
    ] {
        let problem = Bratu2d::new(n, lambda).unwrap();
        let root = preconditioned(&tight(), &problem, Poisson::scaled(n).unwrap());
        println!("n {n} lambda {lambda}: {:?}\n{}", root.counts, table(&root));
        assert_root(&root);
        // Close to the fold the answer is the less certain the smaller the last eigenvalue.
        let tol = if lambda > 6.5 { 1e-9 } else { 1e-11 };
        assert_near(root.x.max(), centre, tol);
        assert_near(root.x[(n * n) / 2], centre, tol);
        assert_near(root.x.norm() / n as f64, mean, tol);
    }
}

#[test]
fn the_work_does_not_grow_with_the_grid_under_a_poisson_preconditioner() {
    let mut iterations = Vec::new();
    let mut plain = Vec::new();
    for n in [15, 31, 63] {
        let problem = Bratu2d::new(n, 6.0).unwrap();
        let root = preconditioned(&tight(), &problem, Poisson::scaled(n).unwrap());
        assert_root(&root);
        iterations.push((root.iterations, root.counts.linear_iterations));
        if n < 63 {
            let method = NewtonKrylov {
                krylov: Krylov::Gmres(Gmres { restart: 100, ..Gmres::default() }),
                ..tight()
            };
            let root = solve(&method, &problem);
            assert_root(&root);
            plain.push((root.iterations, root.counts.linear_iterations));
        }
    }
    println!("preconditioned {iterations:?} plain {plain:?}");
}

#[test]
fn bratu_on_the_line() {
    let first = [
        0.038_026_141_906_422_85,
        0.074_023_458_836_970_45,
        0.107_917_587_813_776_2,
        0.139_636_022_246_355,
        0.169_108_645_415_542,
    ];
    for krylov in [Krylov::default(), Krylov::BiCgStab(BiCgStab::default())] {
        let method = NewtonKrylov { krylov, ..tight() };
        let root = solve(&method, &Bratu1d::new(31, 2.0).unwrap());
        println!("{:?}\n{}", root.counts, table(&root));
        assert_root(&root);
        assert_near(root.x[15], 0.329_039_424_678_88, 1e-10);
        for (found, expected) in root.x.iter().zip(first) {
            assert_near(*found, expected, 1e-10);
        }
        let root = solve(&method, &Bratu1d::new(31, 3.5).unwrap());
        println!("{:?}\n{}", root.counts, table(&root));
        assert_root(&root);
        assert_near(root.x[15], 1.091_434_342_654_43, 1e-8);
    }
}

#[test]
fn convection_diffusion() {
    let problem = ConvectionDiffusion::new(31).unwrap();
    let answer = DVector::from_vec(problem.answer());
    assert_near(answer.max(), 0.663_633_231_231_890, 1e-14);
    let poisson = Poisson::negative(31).unwrap();
    for krylov in [Krylov::default(), Krylov::BiCgStab(BiCgStab::default())] {
        let method = NewtonKrylov { krylov, residual_tol: 1e-9, ..NewtonKrylov::default() };
        let root = preconditioned(&method, &problem, poisson.clone());
        println!("{:?}\n{}", root.counts, table(&root));
        assert_near(root.history[0].residual_norm, 413.075_385_816_954, 1e-12);
        assert!(root.status.is_converged());
        assert!((&root.x - &answer).amax() < 1e-10, "{}", (&root.x - &answer).amax());
    }
    // Full steps with exact linear algebra are Newton's method.
    let method = NewtonKrylov {
        forcing: Forcing::Constant(1e-13),
        globalization: Globalization::None,
        relative_tol: 1e-10,
        krylov: Krylov::Gmres(Gmres {
            restart: 60,
            stop: LinearStop { max_iterations: 60, ..LinearStop::default() },
        }),
        ..NewtonKrylov::default()
    };
    let root = preconditioned(&method, &problem, poisson);
    println!("{:?}\n{}", root.counts, table(&root));
    let relative: Vec<f64> =
        root.history.iter().map(|s| s.residual_norm / root.history[0].residual_norm).collect();
    println!("{relative:?}");
}

#[test]
fn others() {
    for backend in [0, 1] {
        let run = |p: &dyn Fn() -> Root| p();
        let _ = (backend, run);
    }
    for root in [
        solve(&tight(), &ChandrasekharH::new(20, 0.9).unwrap()),
        solve(&tight(), &ChandrasekharH::new(20, 0.9999).unwrap()),
        solve(&tight(), &BroydenTridiagonal::new(1000).unwrap()),
        solve(&tight(), &DiscreteBoundaryValue::new(10).unwrap()),
        solve(&tight(), &DiscreteBoundaryValue::new(100).unwrap()),
        solve(&tight(), &Rosenbrock::new(2).unwrap()),
        solve(&tight(), &Rosenbrock::new(10).unwrap()),
        solve(&tight(), &PowellSingular::new(4).unwrap()),
        solve(&tight(), &PowellSingular::new(8).unwrap()),
    ] {
        println!("{} {:?}\n{}", root.status, root.counts, table(&root));
    }
}
