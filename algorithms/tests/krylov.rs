//! Linear solvers against dense factorizations and against faer's.
//!
//! Two traps of faer 0.24.4: `lsmr_scratch` asks for too little memory, and with
//! `InitialGuessStatus::Zero` the solvers read a residual that was never written, so that the guess
//! is always a zero vector that "may be nonzero".

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ad_algorithms::SolveError;
use ad_algorithms::matrix_free::{
    BiCgStab, Cgls, ConjugateGradient, Gmres, HostMap, Identity, LeastSquaresOutcome, LinearMap,
    LinearOutcome, LinearStatus, LinearStop, Lsmr, Preconditioner,
};
use ad_algorithms::problems::{Bratu1d, Bratu2d, Poisson};
use ad_api::array::Flat;
use ad_api::{AdError, Backend, LinearOperator};
use ad_native_reverse::NativeReverse;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::matrix_free::IdentityPrecond;
use faer::matrix_free::bicgstab::{BicgParams, bicgstab, bicgstab_scratch};
use faer::matrix_free::conjugate_gradient::{
    CgParams, conjugate_gradient, conjugate_gradient_scratch,
};
use faer::matrix_free::lsmr::{LsmrParams, lsmr, lsmr_scratch};
use faer::{Mat, Par};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

type Vector = DVector<f64>;
type Matrix = DMatrix<f64>;

/// Numbers in `[-1, 1)`, the same in every run.
fn random(rows: usize, columns: usize) -> Matrix {
    let mut state = 1_u64;
    DMatrix::from_fn(rows, columns, |_, _| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 2.0_f64.powi(52) - 1.0
    })
}

/// Far from symmetric, and well enough conditioned.
fn nonsymmetric(n: usize) -> Matrix {
    random(n, n) + Matrix::identity(n, n) * (n as f64).sqrt() * 1.2
}

fn positive_definite(n: usize) -> Matrix {
    let a = random(n, n);
    a.tr_mul(&a) + Matrix::identity(n, n)
}

fn rhs(n: usize) -> Vector {
    random(n, 2).column(1).into_owned()
}

fn solution(a: &Matrix, b: &Vector) -> Vector {
    a.clone().lu().solve(b).unwrap()
}

fn stop(relative_tol: f64) -> LinearStop {
    LinearStop { relative_tol, ..LinearStop::default() }
}

#[track_caller]
fn assert_solved(a: &Matrix, b: &Vector, outcome: &LinearOutcome<Vector>, tol: f64) {
    assert_eq!(outcome.status, LinearStatus::Converged, "{}", outcome.iterations);
    let residual = (b - a * &outcome.x).norm();
    assert!(residual <= tol * b.norm(), "{residual:e}");
    // The reported norm is the true one, as far as rounding lets it be.
    let gap = (residual - outcome.residual_norm).abs();
    assert!(gap <= 1e-13 * b.norm(), "{residual:e} {:e}", outcome.residual_norm);
    assert!((&outcome.x - solution(a, b)).norm() <= 1e3 * tol * outcome.x.norm());
}

fn to_faer(a: &Matrix) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)])
}

fn from_faer(x: &Mat<f64>) -> Vector {
    DVector::from_fn(x.nrows(), |i, _| x[(i, 0)])
}

fn column(b: &Vector) -> Mat<f64> {
    Mat::from_fn(b.len(), 1, |i, _| b[i])
}

#[test]
fn gmres_solves_with_and_without_restarts() {
    let (a, b) = (nonsymmetric(60), rhs(60));
    let full = Gmres { restart: 60, stop: stop(1e-12) }.solve(&a, &b, &Identity).unwrap();
    assert_solved(&a, &b, &full, 1e-12);
    let short = Gmres { restart: 10, stop: stop(1e-12) }.solve(&a, &b, &Identity).unwrap();
    assert_solved(&a, &b, &short, 1e-12);
    assert!(short.iterations > full.iterations);
    // A full Krylov space is the whole space.
    let hard = random(40, 40);
    let outcome = Gmres { restart: 40, stop: stop(1e-10) }.solve(&hard, &rhs(40), &Identity);
    assert_solved(&hard, &rhs(40), &outcome.unwrap(), 1e-10);
}

#[test]
fn gmres_minimizes_the_residual_over_the_krylov_space() {
    let (a, b) = (nonsymmetric(20), rhs(20));
    for k in 1..6 {
        let stop = LinearStop { max_iterations: k, ..stop(1e-14) };
        let outcome = Gmres { restart: 30, stop }.solve(&a, &b, &Identity).unwrap();
        assert_eq!((outcome.status, outcome.iterations), (LinearStatus::IterationLimit, k));
        // By dense least squares over b, A b, A² b, ...
        let mut images = Matrix::zeros(20, k);
        let mut v = b.clone();
        for j in 0..k {
            v = &a * v;
            images.set_column(j, &v);
        }
        let y = images.clone().svd(true, true).solve(&b, 1e-14).unwrap();
        let least = (&b - images * y).norm();
        assert!((outcome.residual_norm - least).abs() < 1e-12, "{k}");
    }
}

#[test]
fn bicgstab_agrees_with_faer() {
    let (a, b) = (nonsymmetric(60), rhs(60));
    let ours = BiCgStab { stop: stop(1e-12) }.solve(&a, &b, &Identity).unwrap();
    assert_solved(&a, &b, &ours, 1e-12);

    let (mat, rhs) = (to_faer(&a), column(&b));
    let id = IdentityPrecond { dim: 60 };
    let mut x = Mat::zeros(60, 1);
    let mut memory = MemBuffer::new(bicgstab_scratch(id, id, mat.as_ref(), 1, Par::Seq));
    let params = BicgParams { rel_tolerance: 1e-12, max_iters: 1000, ..BicgParams::default() };
    let stack = MemStack::new(&mut memory);
    bicgstab(x.as_mut(), id, id, mat.as_ref(), rhs.as_ref(), params, |_| {}, Par::Seq, stack)
        .unwrap();
    assert!((ours.x - from_faer(&x)).norm() < 1e-10);
}

#[test]
fn conjugate_gradients_agree_with_faer() {
    let (a, b) = (positive_definite(50), rhs(50));
    let ours = ConjugateGradient { stop: stop(1e-12) }.solve(&a, &b, &Identity).unwrap();
    assert_solved(&a, &b, &ours, 1e-12);

    let (mat, rhs) = (to_faer(&a), column(&b));
    let id = IdentityPrecond { dim: 50 };
    let mut x = Mat::zeros(50, 1);
    let mut memory = MemBuffer::new(conjugate_gradient_scratch(id, mat.as_ref(), 1, Par::Seq));
    let params = CgParams { rel_tolerance: 1e-12, max_iters: 1000, ..CgParams::default() };
    let stack = MemStack::new(&mut memory);
    let info = conjugate_gradient(
        x.as_mut(),
        id,
        mat.as_ref(),
        rhs.as_ref(),
        params,
        |_| {},
        Par::Seq,
        stack,
    )
    .unwrap();
    assert!((ours.x - from_faer(&x)).norm() < 1e-10);
    assert!(ours.iterations.abs_diff(info.iter_count) <= 2, "{} {info:?}", ours.iterations);
}

#[test]
fn lsmr_agrees_with_faer() {
    let (a, b) = (random(80, 30), rhs(80));
    let tight = Lsmr { matrix_tol: 1e-13, rhs_tol: 1e-13, ..Lsmr::default() };
    let ours = tight.solve(&a, &b).unwrap();
    assert!(ours.status.is_converged());

    let (mat, rhs) = (to_faer(&a), column(&b));
    let id = IdentityPrecond { dim: 30 };
    let mut x = Mat::zeros(30, 1);
    // faer 0.24.4 asks for less scratch memory than it uses.
    let scratch = lsmr_scratch(id, mat.as_ref(), 1, Par::Seq);
    let mut memory = MemBuffer::new(StackReq::all_of(&[scratch, scratch]));
    let params = LsmrParams { rel_tolerance: 1e-13, max_iters: 1000, ..LsmrParams::default() };
    let stack = MemStack::new(&mut memory);
    lsmr(x.as_mut(), id, mat.as_ref(), rhs.as_ref(), params, |_| {}, Par::Seq, stack).unwrap();
    assert!((&ours.x - from_faer(&x)).norm() < 1e-10);
    let residual = (&b - &a * &ours.x).norm();
    assert!((residual - ours.residual_norm).abs() < 1e-12);
}

/// By the SVD of `[A; λ I]`.
fn least_squares(a: &Matrix, b: &Vector, damping: f64) -> Vector {
    let (m, n) = a.shape();
    let mut stacked = Matrix::zeros(m + n, n);
    stacked.rows_mut(0, m).copy_from(a);
    stacked.rows_mut(m, n).fill_diagonal(damping);
    let mut long = DVector::zeros(m + n);
    long.rows_mut(0, m).copy_from(b);
    stacked.svd(true, true).solve(&long, 1e-12).unwrap()
}

#[test]
fn least_squares_of_every_shape_and_rank() {
    let deficient = random(40, 5) * random(5, 20);
    for (name, a) in [
        ("tall", random(60, 20)),
        ("wide", random(20, 60)),
        ("square", nonsymmetric(20)),
        ("deficient", deficient),
    ] {
        for damping in [0.0, 0.5] {
            let b = rhs(a.nrows());
            let expected = least_squares(&a, &b, damping);
            let lsmr = Lsmr { damping, matrix_tol: 1e-13, rhs_tol: 1e-13, ..Lsmr::default() };
            let cgls = Cgls { damping, gradient_tol: 1e-12, ..Cgls::default() };
            let outcomes: [(&str, LeastSquaresOutcome<Vector>); 2] =
                [("lsmr", lsmr.solve(&a, &b).unwrap()), ("cgls", cgls.solve(&a, &b).unwrap())];
            for (method, outcome) in outcomes {
                let name = format!("{name} {method} {damping}");
                assert!(outcome.status.is_converged(), "{name}: {}", outcome.status);
                let error = (&outcome.x - &expected).norm() / expected.norm();
                assert!(error < 1e-9, "{name}: {error:e}");
                let residual = (&b - &a * &outcome.x).norm().hypot(damping * outcome.x.norm());
                let gap = (residual - outcome.residual_norm).abs();
                assert!(gap < 1e-11, "{name}: {residual:e} {:e}", outcome.residual_norm);
            }
        }
    }
}

#[test]
fn lsmr_measures_the_gradient() {
    let (a, b) = (random(60, 20), rhs(60));
    for damping in [0.0, 0.5] {
        let mut last = f64::INFINITY;
        for max_iterations in 1..15 {
            let lsmr = Lsmr { damping, max_iterations, ..Lsmr::default() };
            let outcome = lsmr.solve(&a, &b).unwrap();
            let residual = &b - &a * &outcome.x;
            let gradient = (a.tr_mul(&residual) - &outcome.x * damping.powi(2)).norm();
            assert!((gradient - outcome.gradient_norm).abs() < 1e-12);
            let norm = residual.norm().hypot(damping * outcome.x.norm());
            assert!((norm - outcome.residual_norm).abs() < 1e-12);
            assert!(gradient <= last);
            last = gradient;
        }
    }
    let loose = Lsmr { gradient_tol: 0.1, ..Lsmr::default() }.solve(&a, &b).unwrap();
    assert!(loose.gradient_norm <= 0.1 * a.tr_mul(&b).norm() && loose.iterations < 10);
}

#[test]
fn right_preconditioning_keeps_the_residual() {
    /// The inverse of the diagonal.
    struct Jacobi(Vector);
    impl Preconditioner<Vector> for Jacobi {
        fn setup(&mut self, _x: &Vector) -> ad_api::Result<()> {
            Ok(())
        }
        fn apply(&self, v: &Vector) -> ad_api::Result<Vector> {
            Ok(v.component_div(&self.0))
        }
    }
    let n = 60;
    let mut a = positive_definite(n);
    for i in 0..n {
        a[(i, i)] += 10.0_f64.powf(i as f64 / 10.0);
    }
    let (b, jacobi) = (rhs(n), Jacobi(a.diagonal()));
    let stop = stop(1e-10);
    let gmres = Gmres { restart: 60, stop };
    for (with, without) in [
        (gmres.solve(&a, &b, &jacobi), gmres.solve(&a, &b, &Identity)),
        (BiCgStab { stop }.solve(&a, &b, &jacobi), BiCgStab { stop }.solve(&a, &b, &Identity)),
        (
            ConjugateGradient { stop }.solve(&a, &b, &jacobi),
            ConjugateGradient { stop }.solve(&a, &b, &Identity),
        ),
    ] {
        let with = with.unwrap();
        assert!(with.status.is_converged());
        assert!((&b - &a * &with.x).norm() <= 1.001e-10 * b.norm());
        assert!(with.iterations < without.unwrap().iterations);
    }
    // The exact inverse takes one iteration.
    let poisson = Poisson::scaled(8).unwrap();
    let laplacian = Bratu2dLaplacian::matrix(8);
    let outcome = Gmres::default().solve(&laplacian, &rhs(64), &poisson).unwrap();
    assert_eq!((outcome.status, outcome.iterations), (LinearStatus::Converged, 1));
}

struct Bratu2dLaplacian;

impl Bratu2dLaplacian {
    fn matrix(n: usize) -> Matrix {
        let f = Flat::new(Bratu2d::new(n, 0.0).unwrap());
        let x = vec![0.0; n * n];
        NativeReverse::default().linearize(&f, &x).unwrap().1.materialize().unwrap()
    }
}

#[test]
fn operators_of_a_backend_are_linear_maps() {
    let f = Flat::new(Bratu1d::new(5, 2.0).unwrap());
    let (_, jacobian) = NativeReverse::default().linearize(&f, &[0.1; 5]).unwrap();
    let dense = jacobian.materialize().unwrap();
    let map = HostMap(jacobian);
    let v = rhs(5);
    assert!((map.apply(&v).unwrap() - &dense * &v).norm() < 1e-14);
    assert!((map.apply_transpose(&v).unwrap() - dense.tr_mul(&v)).norm() < 1e-14);
    assert!(matches!(map.apply(&rhs(4)), Err(AdError::Shape { .. })));
    assert!(matches!(dense.apply(&rhs(4)), Err(AdError::Shape { expected: 5, found: 4, .. })));
    assert!(matches!(dense.apply_transpose(&rhs(4)), Err(AdError::Shape { .. })));
}

#[test]
fn singular_matrices_break_down() {
    let b = dvector![1.0, 1.0];
    let zero = Matrix::zeros(2, 2);
    let gmres = Gmres::default();
    let outcome = gmres.solve(&zero, &b, &Identity).unwrap();
    assert_eq!((outcome.status, outcome.x.norm()), (LinearStatus::Breakdown, 0.0));
    let outcome = BiCgStab::default().solve(&zero, &b, &Identity).unwrap();
    assert_eq!((outcome.status, outcome.x.norm()), (LinearStatus::Breakdown, 0.0));
    let outcome = ConjugateGradient::default().solve(&zero, &b, &Identity).unwrap();
    assert_eq!(outcome.status, LinearStatus::NegativeCurvature);
    // Inconsistent: as much is taken off the residual as can be.
    let flat = dmatrix![1.0, 0.0; 0.0, 0.0];
    let outcome = gmres.solve(&flat, &b, &Identity).unwrap();
    assert_eq!(outcome.status, LinearStatus::Breakdown);
    assert!((outcome.residual_norm - 1.0).abs() < 1e-15);
    assert!((&b - &flat * &outcome.x).norm() < 1.0 + 1e-15);
    // Singular but consistent is no failure.
    let outcome = gmres.solve(&flat, &dvector![1.0, 0.0], &Identity).unwrap();
    assert_eq!(outcome.status, LinearStatus::Converged);
    // A shift by one: full GMRES must go all the way, GMRES(1) gets nowhere.
    let cyclic = dmatrix![0.0, 0.0, 1.0; 1.0, 0.0, 0.0; 0.0, 1.0, 0.0];
    let first = dvector![1.0, 0.0, 0.0];
    let outcome = gmres.solve(&cyclic, &first, &Identity).unwrap();
    assert_eq!((outcome.status, outcome.iterations), (LinearStatus::Converged, 3));
    let short = Gmres { restart: 1, ..gmres }.solve(&cyclic, &first, &Identity).unwrap();
    assert_eq!(short.status, LinearStatus::Stagnated);
    assert_eq!(short.residual_norm, 1.0);
    // (r̂, A r̂) = 0 is a breakdown of BiCGStab for a matrix that is not singular.
    let skew = dmatrix![0.0, 1.0; -1.0, 0.0];
    let outcome = BiCgStab::default().solve(&skew, &b, &Identity).unwrap();
    assert_eq!(outcome.status, LinearStatus::Breakdown);
}

#[test]
fn negative_curvature_is_handed_on() {
    let mut a = positive_definite(10);
    a[(3, 3)] -= 100.0;
    let outcome = ConjugateGradient::default().solve(&a, &rhs(10), &Identity).unwrap();
    assert_eq!(outcome.status, LinearStatus::NegativeCurvature);
    let p = outcome.negative_curvature.unwrap();
    assert!(p.dot(&(&a * &p)) <= 0.0 && p.norm() > 0.0);
}

#[test]
fn what_rounding_does_not_allow_is_not_claimed() {
    // Condition 1e10 or so: the recurrence would go on to 0, the true residual does not.
    let n = 30;
    let q = random(n, n).qr().q();
    let graded =
        DMatrix::from_diagonal(&DVector::from_fn(n, |i, _| 10.0_f64.powf(-(i as f64) / 3.0)));
    let a = &q * graded * q.transpose();
    let b = &a * rhs(n) * 1e3 + rhs(n);
    for outcome in [
        Gmres { restart: n, stop: stop(0.0) }.solve(&a, &b, &Identity).unwrap(),
        Gmres { restart: n, stop: stop(1e-17) }.solve(&a, &b, &Identity).unwrap(),
        BiCgStab { stop: stop(1e-17) }.solve(&a, &b, &Identity).unwrap(),
    ] {
        let residual = (&b - &a * &outcome.x).norm();
        assert!(!outcome.status.is_converged(), "{residual:e} {outcome:?}");
    }
    let (a, b) = (positive_definite(30), rhs(30));
    let outcome = ConjugateGradient { stop: stop(0.0) }.solve(&a, &b, &Identity).unwrap();
    assert!(!outcome.status.is_converged());
    assert!((&b - &a * &outcome.x).norm() < 1e-13);
}

#[test]
fn limits_and_numbers_that_are_not_finite() {
    let (a, b) = (nonsymmetric(30), rhs(30));
    let short = LinearStop { max_iterations: 2, ..LinearStop::default() };
    for outcome in [
        Gmres { stop: short, ..Gmres::default() }.solve(&a, &b, &Identity).unwrap(),
        BiCgStab { stop: short }.solve(&a, &b, &Identity).unwrap(),
        ConjugateGradient { stop: short }.solve(&positive_definite(30), &b, &Identity).unwrap(),
    ] {
        assert_eq!((outcome.status, outcome.iterations), (LinearStatus::IterationLimit, 2));
        assert!(outcome.residual_norm < b.norm());
    }
    let outcome = Lsmr { max_iterations: 2, ..Lsmr::default() }.solve(&a, &b).unwrap();
    assert_eq!(outcome.status, LinearStatus::IterationLimit);
    let outcome = Cgls { max_iterations: 2, ..Cgls::default() }.solve(&a, &b).unwrap();
    assert_eq!(outcome.status, LinearStatus::IterationLimit);

    let mut hole = a.clone();
    hole[(3, 4)] = f64::NAN;
    for (a, b) in [(&hole, &b), (&a, &DVector::repeat(30, f64::INFINITY))] {
        let square = [
            Gmres::default().solve(a, b, &Identity).unwrap(),
            BiCgStab::default().solve(a, b, &Identity).unwrap(),
            ConjugateGradient::default().solve(a, b, &Identity).unwrap(),
        ];
        for outcome in square {
            assert_eq!(outcome.status, LinearStatus::NonFinite);
            assert!(outcome.x.iter().all(|x| x.is_finite()));
        }
        assert_eq!(Lsmr::default().solve(a, b).unwrap().status, LinearStatus::NonFinite);
        assert_eq!(Cgls::default().solve(a, b).unwrap().status, LinearStatus::NonFinite);
    }
    // Nothing to do.
    let zero = DVector::zeros(30);
    assert_eq!(Gmres::default().solve(&a, &zero, &Identity).unwrap().iterations, 0);
    assert!(Lsmr::default().solve(&a, &zero).unwrap().status.is_converged());
    assert!(Cgls::default().solve(&a, &zero).unwrap().status.is_converged());
}

#[test]
fn lsmr_says_when_the_condition_is_too_bad() {
    let a = Matrix::from_diagonal(&DVector::from_fn(20, |i, _| 0.1_f64.powf(i as f64)));
    let lsmr = Lsmr { max_condition: 1e3, matrix_tol: 0.0, rhs_tol: 0.0, ..Lsmr::default() };
    let outcome = lsmr.solve(&a, &DVector::repeat(20, 1.0)).unwrap();
    assert_eq!(outcome.status, LinearStatus::IllConditioned);
}

#[test]
fn wrong_input_is_a_typed_error() {
    let (wide, b) = (random(3, 4), rhs(4));
    let is_not_square = |outcome| matches!(outcome, Err(SolveError::NotSquare { unknowns: 4, .. }));
    assert!(is_not_square(Gmres::default().solve(&wide, &b, &Identity)));
    assert!(is_not_square(BiCgStab::default().solve(&wide, &b, &Identity)));
    assert!(is_not_square(ConjugateGradient::default().solve(&wide, &b, &Identity)));
    let tall = random(4, 3);
    let shape = Gmres::default().solve(&tall, &b, &Identity);
    assert!(matches!(shape, Err(SolveError::Ad(AdError::Shape { .. }))));
    assert!(matches!(Lsmr::default().solve(&wide, &b), Err(SolveError::Ad(_))));
    assert!(matches!(Cgls::default().solve(&wide, &b), Err(SolveError::Ad(_))));

    let a = nonsymmetric(4);
    let option = |result: Result<LeastSquaresOutcome<Vector>, SolveError>| match result {
        Err(SolveError::Option { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    let (l, c) = (Lsmr::default, Cgls::default);
    assert_eq!(option(Lsmr { damping: -1.0, ..l() }.solve(&a, &b)), "damping");
    assert_eq!(option(Lsmr { matrix_tol: 1.0, ..l() }.solve(&a, &b)), "matrix_tol");
    assert_eq!(option(Lsmr { rhs_tol: -1.0, ..l() }.solve(&a, &b)), "rhs_tol");
    assert_eq!(option(Lsmr { gradient_tol: 2.0, ..l() }.solve(&a, &b)), "gradient_tol");
    assert_eq!(option(Lsmr { max_condition: 1.0, ..l() }.solve(&a, &b)), "max_condition");
    assert_eq!(option(Cgls { damping: f64::NAN, ..c() }.solve(&a, &b)), "damping");
    assert_eq!(option(Cgls { gradient_tol: 1.0, ..c() }.solve(&a, &b)), "gradient_tol");
    let error = Gmres { stop: stop(1.0), ..Gmres::default() }.solve(&a, &b, &Identity).unwrap_err();
    assert_eq!(
        error.to_string(),
        "option `relative_tol` is 1, expected a number from 0 to below 1"
    );
}
