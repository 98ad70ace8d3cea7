//! Newton-Krylov on problems with certified answers, on exact derivatives and on differences.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ops::ControlFlow;

use ad_algorithms::SolveError;
use ad_algorithms::matrix_free::{
    BiCgStab, Forcing, Globalization, Gmres, Identity, Krylov, LinearStop, NewtonKrylov, OnHost,
    Outcome, Preconditioner, Status,
};
use ad_algorithms::problems::{
    Bratu1d, Bratu2d, BroydenTridiagonal, ChandrasekharH, ConvectionDiffusion,
    DiscreteBoundaryValue, Poisson, PowellSingular, Problem, Rosenbrock,
};
use ad_api::array::Flat;
use ad_api::{AdError, Backend, Failure, Function, Scalar};
use ad_dual::Dual;
use ad_fd::{Fd, FiniteDiff};
use ad_native_reverse::NativeReverse;
use nalgebra::{DVector, dvector};

type Root = Outcome<DVector<f64>>;

/// A residual norm of 1e-12, and nothing else.
fn tight() -> NewtonKrylov {
    NewtonKrylov { residual_tol: 1e-12, relative_tol: 0.0, ..NewtonKrylov::default() }
}

fn bicgstab() -> NewtonKrylov {
    NewtonKrylov { krylov: Krylov::BiCgStab(BiCgStab::default()), ..tight() }
}

fn solve_from(method: &NewtonKrylov, backend: impl Backend, f: &impl Function, x0: &[f64]) -> Root {
    let start = DVector::from_column_slice(x0);
    method.solve(&mut OnHost::new(backend, f.clone()), &start).unwrap()
}

fn solve(method: &NewtonKrylov, problem: &impl Problem) -> Root {
    solve_from(method, Dual::default(), &Flat::new(problem.clone()), &problem.start())
}

fn preconditioned(method: &NewtonKrylov, problem: &impl Problem, mut poisson: Poisson) -> Root {
    let start = DVector::from_vec(problem.start());
    let mut on_host = OnHost::new(NativeReverse::default(), Flat::new(problem.clone()));
    method.solve_preconditioned(&mut on_host, &start, &mut poisson).unwrap()
}

#[track_caller]
fn assert_root(root: &Root) {
    assert_eq!(root.status, Status::SmallResidual, "{}\n{}", root.status, table(root));
    assert!(root.residual_norm <= 1e-12 && root.residuals.norm() == root.residual_norm);
    assert_eq!(root.history.len(), root.iterations + 1);
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tol: f64) {
    assert!((found - expected).abs() <= tol * expected.abs().max(1.0), "{found} {expected}");
}

#[track_caller]
fn assert_begins_with(x: &DVector<f64>, expected: &[f64], tol: f64) {
    x.iter().zip(expected).for_each(|(&found, &expected)| assert_near(found, expected, tol));
}

#[test]
fn bratu_on_a_grid_without_a_centre() {
    let problem = Bratu2d::new(64, 6.0).unwrap();
    let root = preconditioned(&tight(), &problem, Poisson::scaled(64).unwrap());
    assert_root(&root);
    assert_near(root.x.max(), 0.796_676_35, 5e-9);
}

/// The iterations of a failing test.
fn table(root: &Root) -> String {
    let rows = root.history.iter().enumerate().map(|(k, s)| {
        let (norm, linear) = (s.residual_norm, s.linear_iterations);
        format!("{k:3} {norm:10.3e} {:9.2e} {linear:5} {:9.2e}\n", s.forcing, s.step_length)
    });
    rows.collect()
}

/// A function from `n` inputs to `n` outputs, with the body of its `eval`.
macro_rules! system {
    ($name:ident: $n:literal, |$x:ident, $r:ident| $body:block) => {
        system!($name: $n -> $n, |$x, $r| $body);
    };
    ($name:ident: $n:literal -> $m:literal, |$x:ident, $r:ident| $body:block) => {
        #[derive(Clone)]
        struct $name;
        impl Function for $name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                $m
            }
            fn eval<S: Scalar>(&self, $x: &[S], $r: &mut [S]) -> Result<(), Failure> {
                $body
                Ok(())
            }
        }
    };
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
        assert_root(&root);
        // Close to the fold the answer is the less certain the smaller the last eigenvalue.
        let tol = if lambda > 6.5 { 1e-9 } else { 1e-11 };
        assert_near(root.x.max(), centre, tol);
        assert_near(root.x[(n * n) / 2], centre, tol);
        assert_near(root.x.norm() / n as f64, mean, tol);
        assert!(root.iterations <= if lambda > 6.5 { 8 } else { 5 });
    }
}

#[test]
fn with_a_poisson_preconditioner_the_work_does_not_grow_with_the_grid() {
    let long = Krylov::Gmres(Gmres { restart: 100, ..Gmres::default() });
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for n in [15, 31, 63] {
        let problem = Bratu2d::new(n, 6.0).unwrap();
        let root = preconditioned(&tight(), &problem, Poisson::scaled(n).unwrap());
        assert_root(&root);
        with.push((root.iterations, root.counts.linear_iterations));
        if n < 63 {
            let root = solve(&NewtonKrylov { krylov: long, ..tight() }, &problem);
            assert_root(&root);
            without.push((root.iterations, root.counts.linear_iterations));
        }
    }
    let (newton, linear) = with[0];
    assert!(with.iter().all(|&(n, _)| n == newton), "{with:?}");
    assert!(with.iter().all(|&(_, k)| k.abs_diff(linear) <= 1) && linear <= 15, "{with:?}");
    // One more halving of the grid, twice the linear iterations; the Newton iterations stay.
    assert_eq!(without[0].0, without[1].0);
    assert!(without[1].1 as f64 > 1.7 * without[0].1 as f64, "{without:?}");
}

#[test]
fn bratu_on_the_line() {
    let first = [
        0.038_026_141_906_422_85,
        0.074_023_458_836_970_45,
        0.107_917_588_137_776_2,
        0.139_636_022_246_355,
        0.169_108_645_415_542,
    ];
    for method in [tight(), bicgstab()] {
        // Residuals times h²: an error of 1e-10 in u is one of 1e-12 here.
        let method = NewtonKrylov { residual_tol: 1e-14, ..method };
        let root = solve(&method, &Bratu1d::new(31, 2.0).unwrap());
        assert_root(&root);
        assert_near(root.x[15], 0.329_039_424_678_88, 1e-11);
        assert_begins_with(&root.x, &first, 1e-11);
        let root = solve(&method, &Bratu1d::new(31, 3.5).unwrap());
        assert_root(&root);
        assert_near(root.x[15], 1.091_434_342_654_43, 1e-10);
    }
}

#[test]
fn convection_diffusion_has_the_answer_it_was_made_from() {
    let problem = ConvectionDiffusion::new(31).unwrap();
    let answer = DVector::from_vec(problem.answer());
    assert_near(answer.max(), 0.663_633_231_231_890, 1e-14);
    for method in [tight(), bicgstab()] {
        let method = NewtonKrylov { residual_tol: 1e-9, ..method };
        let root = preconditioned(&method, &problem, Poisson::negative(31).unwrap());
        assert_eq!(root.status, Status::SmallResidual, "{}", table(&root));
        assert_near(root.history[0].residual_norm, 413.075_385_816_954, 1e-12);
        assert!((&root.x - &answer).amax() < 1e-10, "{}", (&root.x - &answer).amax());
        // The full first step would raise the residual.
        assert!(root.history[1].step_length < 1.0);
        assert!(root.history.windows(2).all(|w| w[1].residual_norm < w[0].residual_norm));
    }
}

#[test]
fn full_steps_with_accurate_linear_algebra_are_newtons_method() {
    let stop = LinearStop { max_iterations: 60, ..LinearStop::default() };
    let method = NewtonKrylov {
        forcing: Forcing::Constant(1e-13),
        globalization: Globalization::None,
        krylov: Krylov::Gmres(Gmres { restart: 60, stop }),
        ..NewtonKrylov::default()
    };
    let problem = ConvectionDiffusion::new(31).unwrap();
    let root = preconditioned(&method, &problem, Poisson::negative(31).unwrap());
    assert_eq!(root.status, Status::SmallResidual);
    let relative = root.history.iter().map(|s| s.residual_norm / root.history[0].residual_norm);
    for (found, expected) in relative.zip([1.0, 1.46, 0.33, 9.8e-3, 7.5e-6, 4.3e-12]) {
        assert!((found - expected).abs() <= 0.02 * expected, "{found:e} {expected:e}");
    }
    assert_eq!(root.iterations, 5);
}

#[test]
fn chandrasekhar() {
    #[rustfmt::skip]
    let h = [
        1.055_479_472_627_97, 1.136_824_706_471_103, 1.204_022_768_727_404, 1.263_516_905_453_61,
        1.317_617_943_894_442, 1.367_532_167_696_891, 1.414_008_388_367_64, 1.457_561_577_910_92,
        1.498_570_778_079_09, 1.537_328_719_954_173, 1.574_069_653_039_598, 1.608_986_172_752_472,
        1.642_240_008_807_396, 1.673_969_275_183_264, 1.704_293_534_977_361, 1.733_317_455_906_181,
        1.761_133_522_831_979, 1.787_824_099_195_602, 1.813_463_026_435_405, 1.838_116_887_605_811,
    ];
    let near_fold = [
        1.073_389_217_686_662,
        1.190_916_692_093_66,
        1.296_393_938_317_163,
        1.396_352_613_451_681,
        1.492_970_640_047_215,
    ];
    for method in [tight(), bicgstab()] {
        let root = solve(&method, &ChandrasekharH::new(20, 0.9).unwrap());
        assert_root(&root);
        assert_begins_with(&root.x, &h, 1e-12);
        let root = solve(&method, &ChandrasekharH::new(20, 0.9999).unwrap());
        assert_root(&root);
        assert_begins_with(&root.x, &near_fold, 1e-9);
        assert_near(root.x[19], 2.816_139_857_579_348, 1e-9);
    }
    // At the fold J is singular and Newton's method linear; half the digits of H are to be had.
    let root = solve(&tight(), &ChandrasekharH::new(20, 1.0).unwrap());
    assert!(root.status.is_converged(), "{}", table(&root));
    assert_near(root.x[19], 2.863_792_649_023_92, 1e-5);
}

#[test]
fn broyden_tridiagonal() {
    #[rustfmt::skip]
    let ten = [
        -0.570_722_132_011_224_8, -0.681_806_949_984_275, -0.702_210_076_017_66,
        -0.705_510_629_895_080_4, -0.704_906_155_728_743_7, -0.701_496_607_029_851_1,
        -0.691_889_322_354_798_3, -0.665_796_514_405_853_8, -0.596_035_109_026_365_7,
        -0.416_412_257_528_693_3,
    ];
    for method in [tight(), bicgstab()] {
        let root = solve(&method, &BroydenTridiagonal::new(10).unwrap());
        assert_root(&root);
        assert_begins_with(&root.x, &ten, 1e-12);
        let root = solve(&method, &BroydenTridiagonal::new(1000).unwrap());
        assert_root(&root);
        assert_near(root.x[500], -0.5_f64.sqrt(), 1e-12);
        assert!(root.iterations <= 5, "{}", table(&root));
    }
}

#[test]
fn discrete_boundary_value() {
    #[rustfmt::skip]
    let ten = [
        -0.043_164_982_518_764_87, -0.081_577_156_535_386_88, -0.114_485_714_380_529_3,
        -0.140_973_576_862_596_7, -0.159_908_696_181_983_1, -0.169_877_202_312_774_9,
        -0.169_089_983_781_208_4, -0.155_249_535_221_831_8, -0.125_355_891_678_935,
        -0.075_416_533_685_892_08,
    ];
    let root = solve(&tight(), &DiscreteBoundaryValue::new(10).unwrap());
    assert_root(&root);
    assert_begins_with(&root.x, &ten, 1e-11);
    assert_root(&solve(&tight(), &DiscreteBoundaryValue::new(100).unwrap()));
}

#[test]
fn a_singular_jacobian_at_the_root_makes_it_linear_and_no_failure() {
    let root = solve(&tight(), &PowellSingular::new(4).unwrap());
    assert_root(&root);
    // Each step halves the error, which quarters the residual.
    for pair in root.history[5..20].windows(2) {
        let ratio = pair[1].residual_norm / pair[0].residual_norm;
        assert!((ratio - 0.25).abs() < 1e-3, "{}", table(&root));
    }
    system!(DoubleRoot: 1, |x, r| { r[0] = x[0] * (x[0] - 5.0).powi(2); });
    let root = solve_from(&tight(), Dual::default(), &DoubleRoot, &[1.0]);
    assert!(root.status.is_converged());
    assert!(root.x[0].abs() < 1e-12 || (root.x[0] - 5.0).abs() < 1e-5, "{}", root.x);
}

#[test]
fn exact_backends_reach_1e_12() {
    fn on<B: Backend>(backend: &B) {
        fn root<B: Backend>(backend: &B, problem: &impl Problem) -> Root {
            let start = problem.start();
            let root = solve_from(&tight(), backend.clone(), &Flat::new(problem.clone()), &start);
            assert_root(&root);
            root
        }
        let root_of_ones = root(backend, &Rosenbrock::new(10).unwrap());
        assert_begins_with(&root_of_ones.x, &[1.0; 10], 1e-12);
        let _ = root(backend, &Bratu2d::new(15, 6.0).unwrap());
        let _ = root(backend, &ChandrasekharH::new(20, 0.99).unwrap());
    }
    on(&Dual::default());
    on(&NativeReverse::default());
}

/// The H equation for `H` in other units: `scale` is one.
#[derive(Clone)]
struct InUnits {
    h: Flat<ChandrasekharH>,
    scale: f64,
}

impl Function for InUnits {
    fn inputs(&self) -> usize {
        self.h.inputs()
    }
    fn outputs(&self) -> usize {
        self.h.outputs()
    }
    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        let x: Vec<S> = x.iter().map(|&x| x / self.scale).collect();
        self.h.eval(&x, r)
    }
}

/// Differences do not keep Newton-Krylov from small residuals as such, since the residual itself is
/// exact; a step that does not fit the scale of the unknowns does.
#[test]
fn differences_stagnate_where_their_step_does_not_fit_and_exact_derivatives_do_not() {
    let f = InUnits { h: Flat::new(ChandrasekharH::new(20, 0.9).unwrap()), scale: 1e-6 };
    let start = [1e-6; 20];
    let exact = solve_from(&tight(), Dual::default(), &f, &start);
    assert_root(&exact);
    assert_root(&solve_from(&tight(), Fd::default(), &f, &start));
    // A central step of 6e-6 for unknowns of 1e-6.
    let root = solve_from(&tight(), FiniteDiff::central(), &f, &start);
    assert_eq!(root.status, Status::Stagnated);
    assert!(root.residual_norm > 1e-6 && root.residual_norm < root.history[0].residual_norm);
    assert!(root.status.to_string().contains("not accurate enough"));
    // A forward step of 1.5e-8, lost in unknowns of 1e6: the adapter refuses, at the start.
    let f = InUnits { scale: 1e6, ..f };
    let problem = &mut OnHost::new(FiniteDiff::forward(), f.clone());
    let error = tight().solve(problem, &DVector::repeat(20, 1e6)).unwrap_err();
    assert!(matches!(error, SolveError::Ad(AdError::Inaccurate { .. })), "{error}");
    assert_root(&solve_from(&tight(), Dual::default(), &f, &[1e6; 20]));
    // In units of 1, differences are as good.
    let f = InUnits { scale: 1.0, ..f };
    assert_root(&solve_from(&tight(), FiniteDiff::central(), &f, &[1.0; 20]));
}

system!(NoRoot: 1, |x, r| { r[0] = x[0] * x[0] + 1.0; });
system!(Arctangent: 1, |x, r| { r[0] = x[0].atan(); });

#[test]
fn a_minimum_of_the_residual_is_no_root() {
    for start in [1.0, 0.7, -3.0, 1e-3, 1e6] {
        for method in [tight(), bicgstab()] {
            let root = solve_from(&method, Dual::default(), &NoRoot, &[start]);
            assert_eq!(root.status, Status::LocalMinimum, "{start}\n{}", table(&root));
            assert!(!root.status.is_converged() && root.residual_norm >= 1.0);
            assert!(root.gradient_norm.is_some_and(|g| g < 1e-3));
            assert!(root.counts.transposed_products > 0);
        }
    }
    // Whatever the units.
    system!(Small: 1, |x, r| { r[0] = (x[0] * x[0] * 1e12 + 1.0) * 1e-9; });
    let method = NewtonKrylov { residual_tol: 1e-15, ..tight() };
    let root = solve_from(&method, Dual::default(), &Small, &[3e-6]);
    assert_eq!(root.status, Status::LocalMinimum, "{}", table(&root));
}

#[test]
fn freudenstein_and_roth_do_not_deceive() {
    system!(FreudensteinRoth: 2, |x, r| {
        r[0] = x[0] + ((S::from(5.0) - x[1]) * x[1] - 2.0) * x[1] - 13.0;
        r[1] = x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1] - 29.0;
    });
    let root = solve_from(&tight(), Dual::default(), &FreudensteinRoth, &[0.5, -2.0]);
    if root.status.is_converged() {
        assert!((&root.x - dvector![5.0, 4.0]).norm() < 1e-10);
    } else {
        assert!(root.residual_norm > 1.0, "{}", table(&root));
    }
    let root = solve_from(&tight(), Dual::default(), &FreudensteinRoth, &[6.0, 5.0]);
    assert_root(&root);
    assert_begins_with(&root.x, &[5.0, 4.0], 1e-12);
}

#[test]
fn dennis_and_schnabel() {
    system!(CircleAndLine: 2, |x, r| {
        r[0] = x[0] + x[1] - 3.0;
        r[1] = x[0] * x[0] + x[1] * x[1] - 9.0;
    });
    let root = solve_from(&tight(), Dual::default(), &CircleAndLine, &[1.0, 5.0]);
    assert_root(&root);
    assert_begins_with(&root.x, &[0.0, 3.0], 1e-12);
}

#[test]
fn the_line_search_is_what_brings_the_arctangent_home() {
    let root = solve_from(&tight(), Dual::default(), &Arctangent, &[2.0]);
    assert_root(&root);
    assert!(root.x[0].abs() < 1e-12 && root.history[1].step_length < 1.0);

    let undamped = NewtonKrylov { globalization: Globalization::None, ..tight() };
    let root = solve_from(&undamped, Dual::default(), &Arctangent, &[2.0]);
    assert!(!root.status.is_converged());
    // The best iterate is kept, and that is the start.
    assert_eq!((root.x[0], root.residual_norm), (2.0, 2.0_f64.atan()));
    assert!(root.history.last().unwrap().residual_norm > root.residual_norm);
}

#[test]
fn divergence_has_its_name() {
    // Newton steps from 1 lead away: x - F/F' = -2x.
    system!(CubeRoot: 1, |x, r| { r[0] = x[0].cbrt(); });
    let undamped = NewtonKrylov { globalization: Globalization::None, ..tight() };
    let root = solve_from(&undamped, Dual::default(), &CubeRoot, &[1.0]);
    assert_eq!(root.status, Status::Diverged);
    assert_eq!(root.x[0], 1.0);
    // The root of exp(-x) is at infinity; what is small there is the residual.
    system!(Receding: 1, |x, r| { r[0] = (-x[0]).exp(); });
    let bounded = NewtonKrylov { max_growth: 10.0, ..tight() };
    let root = solve_from(&bounded, Dual::default(), &Receding, &[0.0]);
    assert_eq!(root.status, Status::Diverged);
}

#[test]
fn a_trial_point_that_fails_or_is_not_finite_is_rejected() {
    // Newton's method for the logarithm overshoots to x < 0 from x > e.
    #[derive(Clone)]
    struct Logarithm(bool);
    impl Function for Logarithm {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
            if self.0 && x[0] <= 0.0 {
                return Err(Failure::new("x must be positive"));
            }
            r[0] = x[0].ln();
            Ok(())
        }
    }
    for fails in [true, false] {
        let root = solve_from(&tight(), Dual::default(), &Logarithm(fails), &[50.0]);
        assert_root(&root);
        assert_eq!(root.failure.is_some(), fails);
        assert!(root.counts.values > root.iterations);
        let undamped = NewtonKrylov { globalization: Globalization::None, ..tight() };
        let root = solve_from(&undamped, Dual::default(), &Logarithm(fails), &[50.0]);
        assert_eq!((root.status, root.x[0]), (Status::NonFinite, 50.0));
    }
}

#[test]
fn a_start_in_the_only_finite_place_is_not_finite() {
    system!(Island: 1, |x, r| {
        r[0] = if x[0] == 1.0 { x[0] } else { S::from(f64::NAN) };
    });
    let root = solve_from(&tight(), Dual::default(), &Island, &[1.0]);
    assert_eq!((root.status, root.x[0]), (Status::NonFinite, 1.0));
}

#[test]
fn rounding_ends_it_as_converged() {
    // |F| cannot be 1e-12: one unit in the last place of x changes F by 1e-10.
    system!(Steep: 1, |x, r| { r[0] = (x[0] * x[0] - 2.0) * 1e6; });
    let root = solve_from(&tight(), Dual::default(), &Steep, &[1.0]);
    assert_eq!(root.status, Status::RoundingLimit);
    assert_near(root.x[0], 2.0_f64.sqrt(), 1e-15);
}

#[test]
fn jumps_stagnate() {
    // Decreasing towards a jump, beyond which it is larger.
    system!(Jump: 1, |x, r| { r[0] = if x[0] < 1.0 { x[0] + 9.0 } else { x[0] }; });
    let patient = NewtonKrylov { patience: 100, ..tight() };
    let root = solve_from(&patient, Dual::default(), &Jump, &[3.0]);
    assert_eq!(root.status, Status::Stagnated, "{}", table(&root));
    assert!(root.x[0] >= 1.0 && root.x[0] < 1.0 + 1e-10);
}

/// A rotation by a right angle, which GMRES(1) can do nothing about.
#[test]
fn a_linear_solver_that_gets_nowhere_is_said_to() {
    system!(Rotation: 2, |x, r| {
        r[0] = x[1] - 1.0;
        r[1] = -x[0] - 1.0;
    });
    let short = Krylov::Gmres(Gmres { restart: 1, ..Gmres::default() });
    let method = NewtonKrylov { krylov: short, ..tight() };
    let root = solve_from(&method, Dual::default(), &Rotation, &[0.0, 0.0]);
    assert_eq!((root.status, root.iterations), (Status::LinearSolverFailed, 0));
    assert_root(&solve_from(&tight(), Dual::default(), &Rotation, &[0.0, 0.0]));
}

/// `z² = w` in complex numbers: `J` is the product with `2 z`.
#[derive(Clone)]
struct ComplexRoot;

impl Function for ComplexRoot {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, z: &[S], r: &mut [S]) -> Result<(), Failure> {
        // w = -1 + i
        r[0] = z[0] * z[0] - z[1] * z[1] + 1.0;
        r[1] = z[0] * z[1] * 2.0 - 1.0;
        Ok(())
    }
}

/// The quotient by `2 z`.
#[derive(Default)]
struct Quotient {
    z: [f64; 2],
}

impl Preconditioner<DVector<f64>> for Quotient {
    fn setup(&mut self, z: &DVector<f64>) -> ad_api::Result<()> {
        self.z = [z[0], z[1]];
        Ok(())
    }
    fn apply(&self, v: &DVector<f64>) -> ad_api::Result<DVector<f64>> {
        let [re, im] = self.z;
        let size = 2.0 * (re * re + im * im);
        Ok(dvector![(v[0] * re + v[1] * im) / size, (v[1] * re - v[0] * im) / size])
    }
}

#[test]
fn a_preconditioner_serves_for_its_lag_and_is_renewed_when_it_fails() {
    let short = Krylov::Gmres(Gmres { restart: 1, ..Gmres::default() });
    let method = NewtonKrylov { krylov: short, ..tight() };
    let run = |lag| {
        let method = NewtonKrylov { preconditioner_lag: lag, ..method.clone() };
        let mut problem = OnHost::new(Dual::default(), ComplexRoot);
        method.solve_preconditioned(&mut problem, &dvector![1.0, 0.0], &mut Quotient::default())
    };
    let fresh = run(1).unwrap();
    assert_root(&fresh);
    assert_eq!(fresh.counts.preconditioner_setups, fresh.iterations);
    assert_eq!(fresh.counts.linear_iterations, fresh.iterations);
    // The first step leads from 1 to i/2: J has turned by a right angle, and the old
    // preconditioner makes of that what GMRES(1) cannot solve.
    let lagged = run(100).unwrap();
    assert_root(&lagged);
    assert!((2..fresh.iterations).contains(&lagged.counts.preconditioner_setups));
    assert!(lagged.counts.linear_solves > lagged.iterations);
    // Enough iterations of GMRES make up for an old one.
    let problem = Bratu1d::new(31, 2.0).unwrap();
    let start = DVector::from_vec(problem.start());
    let mut on_host = OnHost::new(Dual::default(), Flat::new(problem));
    let method = NewtonKrylov { preconditioner_lag: 2, ..tight() };
    let root = method.solve_preconditioned(&mut on_host, &start, &mut Identity).unwrap();
    assert_root(&root);
    assert_eq!(root.counts.preconditioner_setups, root.iterations.div_ceil(2));
}

#[test]
fn counts_are_those_of_the_calls() {
    let root = solve(&tight(), &ChandrasekharH::new(20, 0.9).unwrap());
    let counts = root.counts;
    assert_eq!(counts.values, root.iterations);
    // The last iterate needs no Jacobian.
    assert_eq!(counts.linearizations, root.iterations);
    assert_eq!(counts.linear_solves, root.iterations);
    assert_eq!(counts.products, counts.linear_iterations);
    // One more than iterations in each solve, for M⁻¹ u.
    assert_eq!(counts.preconditioner_applications, counts.linear_iterations + counts.linear_solves);
    assert_eq!(counts.transposed_products, 0);
    let linear: usize = root.history.iter().map(|s| s.linear_iterations).sum();
    assert_eq!(linear, counts.linear_iterations);
}

#[test]
fn limits_and_observers_stop_it() {
    let problem = Bratu1d::new(31, 2.0).unwrap();
    let root = solve(&NewtonKrylov { max_iterations: 2, ..tight() }, &problem);
    assert_eq!((root.status, root.iterations), (Status::IterationLimit, 2));

    let mut seen = Vec::new();
    let mut on_host = OnHost::new(Dual::default(), Flat::new(problem));
    let start = DVector::from_vec(problem.start());
    let root = tight()
        .solve_observed(&mut on_host, &start, &mut Identity, |progress| {
            seen.push((progress.iteration, progress.step.residual_norm));
            if progress.iteration == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(root.status, Status::StoppedByObserver);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1], (1, root.residual_norm));
}

#[test]
fn a_window_without_decrease_is_a_stall() {
    // Steps are cut short for ever: |F| creeps down a narrow, curved valley.
    let problem = Rosenbrock::new(2).unwrap();
    let root = solve(&NewtonKrylov { patience: 2, ..tight() }, &problem);
    assert_eq!(root.status, Status::Stalled, "{}", table(&root));
    assert_root(&solve(&tight(), &problem));
}

#[test]
fn what_cannot_start_is_a_typed_error() {
    system!(Wide: 3 -> 2, |x, r| {
        r[0] = x[0];
        r[1] = x[1] + x[2];
    });
    system!(Reciprocal: 1, |x, r| { r[0] = S::from(1.0) / x[0]; });
    system!(Fails: 1, |x, r| {
        r[0] = x[0];
        Err(Failure::new("never"))?;
    });
    fn error(f: impl Function, x0: &[f64]) -> SolveError {
        let x0 = DVector::from_column_slice(x0);
        tight().solve(&mut OnHost::new(Dual::default(), f), &x0).unwrap_err()
    }
    let not_square = error(Wide, &[1.0, 2.0, 3.0]);
    assert!(matches!(not_square, SolveError::NotSquare { unknowns: 3, residuals: 2 }));
    assert_eq!(
        not_square.to_string(),
        "2 equations in 3 unknowns, expected as many equations as unknowns"
    );
    assert!(matches!(error(NoRoot, &[]), SolveError::Empty { .. }));
    assert!(matches!(error(NoRoot, &[1.0, 2.0]), SolveError::Ad(AdError::Shape { .. })));
    let start = error(NoRoot, &[f64::NAN]);
    assert_eq!(start.to_string(), "the norm of the start is NaN, expected a finite number");
    assert!(matches!(error(Reciprocal, &[0.0]), SolveError::NonFiniteNorm { .. }));
    assert!(matches!(error(Fails, &[0.0]), SolveError::Ad(AdError::Function(_))));
}

#[test]
fn settings_that_make_no_sense_are_errors() {
    let base = NewtonKrylov::default;
    let gmres = |restart| Krylov::Gmres(Gmres { restart, ..Gmres::default() });
    let stop = LinearStop { absolute_tol: -1.0, ..LinearStop::default() };
    let choice = |initial, gamma, alpha, max| NewtonKrylov {
        forcing: Forcing::EisenstatWalker { initial, gamma, alpha, max },
        ..base()
    };
    for (option, method) in [
        ("residual_tol", NewtonKrylov { residual_tol: -1.0, ..base() }),
        ("residual_tol", NewtonKrylov { residual_tol: f64::NAN, ..base() }),
        ("relative_tol", NewtonKrylov { relative_tol: 1.0, ..base() }),
        ("preconditioner_lag", NewtonKrylov { preconditioner_lag: 0, ..base() }),
        ("patience", NewtonKrylov { patience: 0, ..base() }),
        ("max_residual_growth", NewtonKrylov { max_residual_growth: 1.0, ..base() }),
        ("max_growth", NewtonKrylov { max_growth: 0.5, ..base() }),
        ("forcing", NewtonKrylov { forcing: Forcing::Constant(1.0), ..base() }),
        ("forcing.initial", choice(0.0, 0.9, 2.0, 0.9)),
        ("forcing.gamma", choice(0.5, 1.1, 2.0, 0.9)),
        ("forcing.alpha", choice(0.5, 0.9, 1.0, 0.9)),
        ("forcing.max", choice(0.5, 0.9, 2.0, 1.0)),
        ("restart", NewtonKrylov { krylov: gmres(0), ..base() }),
        ("absolute_tol", NewtonKrylov { krylov: Krylov::BiCgStab(BiCgStab { stop }), ..base() }),
    ] {
        let mut problem = OnHost::new(Dual::default(), NoRoot);
        match method.solve(&mut problem, &dvector![1.0]) {
            Err(SolveError::Option { option: found, .. }) => assert_eq!(found, option),
            other => panic!("{option}: {other:?}"),
        }
    }
}

#[test]
fn problems_refuse_sizes_that_make_no_sense() {
    for refused in [
        Bratu1d::new(0, 1.0).err(),
        Bratu2d::new(0, 1.0).err(),
        Bratu1d::new(3, f64::NAN).err(),
        ChandrasekharH::new(0, 0.9).err(),
        ChandrasekharH::new(3, f64::INFINITY).err(),
        ConvectionDiffusion::new(0).err(),
        BroydenTridiagonal::new(0).err(),
        DiscreteBoundaryValue::new(0).err(),
        Rosenbrock::new(3).err(),
        PowellSingular::new(6).err(),
        Poisson::scaled(0).err(),
    ] {
        assert!(matches!(refused, Some(AdError::Setting { .. })), "{refused:?}");
    }
    let error = Poisson::scaled(3).unwrap().apply(&dvector![1.0]).unwrap_err();
    assert!(matches!(error, AdError::Shape { expected: 9, found: 1, .. }));
}
