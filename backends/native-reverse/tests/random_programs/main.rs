//! Random programs with branches: programs of rows, compiled code, plain tape and dual numbers agree.
//!
//! More programs for a longer run: `AD_RANDOM_PROGRAMS=100000 cargo test --release ...`

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod generator;

use ad_api::{Backend, Failure, Function, LinearOperator, Map, Prepared, Scalar, Scan, Sum};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult};

use generator::Program;

/// Derivatives that are larger are mostly rounding.
const LARGEST: f64 = 1e5;
/// Of the largest derivative: sums of products in another order, along chains of up to a hundred
/// operations.
const TOLERANCE: f64 = 1e-9;

/// With more inputs, a whole Hessian takes too long.
const MANY: usize = 12;

/// Hides the structure of a function.
#[derive(Clone)]
struct Plain<F>(F);

impl<F: Function> Function for Plain<F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.0.eval(x, y)
    }
}

fn close(found: &[f64], expected: &[f64], what: &str) -> TestCaseResult {
    let size = expected.iter().fold(1.0_f64, |size, d| size.max(d.abs()));
    prop_assert_eq!(found.len(), expected.len(), "{}", what);
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        prop_assert!(difference <= TOLERANCE * size, "{what}, {i}: {found} for {expected}");
    }
    Ok(())
}

/// A point, a cotangent and a tangent, and what dual numbers say there.
struct Expected {
    x: Vec<f64>,
    w: Vec<f64>,
    v: Vec<f64>,
    value: DVector<f64>,
    jacobian: DMatrix<f64>,
    /// The Hessian of the outputs weighted by `w`, times `v`.
    hv: Vec<f64>,
    /// All of it, where there are few inputs.
    hessian: Option<DMatrix<f64>>,
}

impl Expected {
    fn new<F: Function>(f: &F, [x, w, v]: [Vec<f64>; 3]) -> Result<Self, TestCaseError> {
        let mut dual = Dual::default().prepare(f, &x).unwrap();
        let (value, jacobian) = dual.value_and_jacobian(&x).unwrap();
        let (mut gradient, mut hv) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        dual.value_gradient_and_weighted_hvp_into(&x, &w, &v, &mut gradient, &mut hv).unwrap();
        prop_assume!(jacobian.iter().chain(&hv).all(|d| d.abs() < LARGEST));
        let few = x.len() <= MANY;
        let hessian = few.then(|| dual.weighted_hessian(&x, &w).unwrap());
        Ok(Expected { x, w, v, value, jacobian, hv, hessian })
    }

    /// Whether every operation of a preparation says the same.
    fn check<P: Prepared>(&self, prepared: &mut P, what: &str) -> TestCaseResult {
        let Expected { x, w, v, .. } = self;
        let [forward, reverse] = [&self.jacobian * column(v), self.jacobian.tr_mul(&column(w))];
        let same = |found: &[f64], expected: &[f64], operation: &str| {
            close(found, expected, &format!("{what}: {operation}"))
        };
        let value = prepared.value(x).unwrap();
        same(value.as_slice(), self.value.as_slice(), "value")?;
        let (y, pushed) = prepared.value_and_pushforward(x, v).unwrap();
        same(y.as_slice(), self.value.as_slice(), "value with the pushforward")?;
        same(pushed.as_slice(), forward.as_slice(), "pushforward")?;
        let (y, pulled) = prepared.value_and_pullback(x, w).unwrap();
        same(y.as_slice(), self.value.as_slice(), "value with the pullback")?;
        same(pulled.as_slice(), reverse.as_slice(), "pullback")?;
        let jacobian = prepared.jacobian(x).unwrap();
        same(jacobian.as_slice(), self.jacobian.as_slice(), "Jacobian")?;
        let (mut gradient, mut hv) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        prepared.value_gradient_and_weighted_hvp_into(x, w, v, &mut gradient, &mut hv).unwrap();
        same(&gradient, reverse.as_slice(), "gradient with the product with the Hessian")?;
        same(&hv, &self.hv, "product with the Hessian")?;
        let Some(hessian) = &self.hessian else { return Ok(()) };
        let found = prepared.weighted_hessian(x, w).unwrap();
        same(found.as_slice(), hessian.as_slice(), "Hessian")
    }
}

fn column(entries: &[f64]) -> DVector<f64> {
    DVector::from_column_slice(entries)
}

/// A linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n as u64).unwrap()
    }

    /// In `[-1, 1)`.
    fn numbers(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.below(1 << 30) as f64 / f64::from(1 << 29) - 1.0).collect()
    }
}

/// All engines, with preparations that are used at two points in turns: what is true of the first
/// may not be at the other, where a branch goes another way.
fn agree<F: Function>(f: &F, random: &mut Random, what: &str) -> TestCaseResult {
    let (n, m) = (f.inputs(), f.outputs());
    let plain = Plain(f.clone());
    let points = (0..2)
        .map(|_| Expected::new(&plain, [random.numbers(n), random.numbers(m), random.numbers(n)]))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = NativeReverse::default();
    let mut tape = engine.prepare(&plain, &points[0].x).unwrap();
    let mut prepared = engine.prepare(f, &points[0].x).unwrap();
    for (i, point) in points.iter().chain(&points[..1]).enumerate() {
        point.check(&mut tape, &format!("{what}, point {i}, tape"))?;
        point.check(&mut prepared, &format!("{what}, point {i}, prepared"))?;
        let (_, linear) = engine.linearize(&plain, &point.x).unwrap();
        let forward = linear.apply(&point.v).unwrap();
        let expected = &point.jacobian * column(&point.v);
        close(forward.as_slice(), expected.as_slice(), &format!("{what}, linearization"))?;
    }
    Ok(())
}

/// Compiled code for the whole function, at points that take its branches in many ways.
fn compiled_agrees(body: &Program, random: &mut Random) -> TestCaseResult {
    let (n, m) = (body.inputs, body.outputs);
    let mut compiled = NativeReverse::compiled().prepare(body, &vec![0.0; n]).unwrap();
    for i in 0..6 {
        let seeds = [random.numbers(n), random.numbers(m), random.numbers(n)];
        let point = Expected::new(body, seeds)?;
        point.check(&mut compiled, &format!("compiled, point {i}"))?;
        prop_assert_eq!(compiled.value(&point.x).unwrap(), point.value);
    }
    prop_assert_eq!(compiled.explain().refusal, None);
    Ok(())
}

/// How many programs, and which: the same few, or others at every longer run.
fn config() -> ProptestConfig {
    let wanted = std::env::var("AD_RANDOM_PROGRAMS").ok().and_then(|count| count.parse().ok());
    let cases = wanted.unwrap_or(24);
    ProptestConfig {
        cases,
        rng_seed: wanted.map_or(RngSeed::Fixed(1), |_| RngSeed::Random),
        failure_persistence: None,
        max_global_rejects: 10 * cases,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn programs_tape_and_dual_numbers_agree(
        body in generator::program(),
        rows in 1..80_usize,
        spare in 0..5_usize,
        stride in 1..4_usize,
        seed in any::<u64>(),
    ) {
        let (mut random, p) = (Random(seed), body.inputs);
        compiled_agrees(&body, &mut random)?;
        let n = p + spare;
        let table: Vec<usize> = (0..rows * p).map(|_| random.below(n)).collect();
        let gathered = Map::gathered(body.clone(), n, rows, table, vec![]).unwrap();
        agree(&Sum::new(gathered.clone()), &mut random, "sum over a table")?;
        agree(&gathered, &mut random, "table")?;
        // The last input is a constant of the row.
        let data = random.numbers(rows);
        agree(&Sum::new(Map::shared(body.clone(), rows, data).unwrap()), &mut random, "shared")?;
        let windows = Map::windows(body.clone(), p + stride * (rows - 1), stride).unwrap();
        agree(&Sum::new(windows), &mut random, "windows")?;
        let state = p.min(body.outputs);
        let scan = Scan::new(body, state, 1 + rows % 6, vec![]).unwrap();
        agree(&scan, &mut random, "scan")?;
    }
}
