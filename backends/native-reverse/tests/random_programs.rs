//! Random programs with branches: programs of rows, compiled code, plain tape and dual numbers agree.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use ad_api::{Backend, Differentiate, Failure, Function, Map, Prepared, Scalar, Sum};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

/// A linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n as u64).unwrap()
    }

    /// In `[-1, 1)`.
    fn number(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 29) - 1.0
    }
}

/// Operations on the results of earlier ones: what, on which two, and a constant.
#[derive(Debug, Clone)]
struct Program {
    inputs: usize,
    operations: Vec<(usize, usize, usize, f64)>,
    outputs: usize,
}

impl Program {
    fn random(random: &mut Random) -> Self {
        let inputs = 1 + random.below(6);
        let operations = (0..5 + random.below(40))
            .map(|k| {
                let known = inputs + k;
                (random.below(20), random.below(known), random.below(known), random.number())
            })
            .collect();
        Program { inputs, operations, outputs: 1 + random.below(3) }
    }
}

impl Function for Program {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut known = x.to_vec();
        for &(what, a, b, c) in &self.operations {
            let (a, b) = (known[a], known[b]);
            known.push(match what {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => a / (b * b + 1.0),
                4 => a * c + b,
                5 => a * b - c,
                6 => (a * a + 0.1).sqrt(),
                7 => a.sin() * c,
                8 => (a * 0.3).tanh(),
                9 => (b.tanh() * c).exp(),
                10 => (a * a + 1.0).ln(),
                11 => a.maximum(b),
                12 => a.minimum(c),
                13 => a.abs() + c,
                14 => -b,
                15 => S::from(c) - a,
                16 => a.tanh().powi(3),
                17 => a.detached() * b,
                18 if a > b => a.cos(),
                18 => b * c,
                _ if a < c => a * a * 0.5,
                _ => a - 0.25,
            });
            // What grows would be all rounding.
            let last = known.len() - 1;
            if known[last] > 4.0 || known[last] < -4.0 {
                known[last] = known[last].recip();
            }
        }
        for (i, y) in y.iter_mut().enumerate() {
            *y = known[known.len() - 1 - i];
        }
        Ok(())
    }
}

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

#[track_caller]
fn close(found: &[f64], expected: &[f64], what: &str) {
    let size = expected.iter().fold(1.0_f64, |size, d| size.max(d.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Chains of some forty operations, whose second derivatives may cancel.
        assert!((found - expected).abs() <= 1e-9 * size, "{what}, {i}: {found} for {expected}");
    }
}

fn check<F: Function>(f: &F, random: &mut Random, what: &str) {
    let (n, m) = (f.inputs(), f.outputs());
    let [x, v] = [(); 2].map(|()| (0..n).map(|_| random.number()).collect::<Vec<f64>>());
    let w: Vec<f64> = (0..m).map(|_| random.number()).collect();
    let plain = Plain(f.clone());
    let mut prepared = NativeReverse::default().prepare(f, &x).unwrap();
    let dual = Dual::default();
    let value = dual.value(&plain, &x).unwrap();
    let expected =
        dual.jacobian(&plain, &x).unwrap().transpose() * nalgebra::DVector::from_vec(w.clone());
    let tape = NativeReverse::default().pullback(&plain, &x, &w).unwrap();
    close(tape.as_slice(), expected.as_slice(), &format!("{what}: tape"));
    let (y, pulled) = prepared.value_and_pullback(&x, &w).unwrap();
    close(y.as_slice(), value.as_slice(), &format!("{what}: value"));
    close(pulled.as_slice(), expected.as_slice(), &format!("{what}: pullback"));
    let jacobian = prepared.jacobian(&x).unwrap();
    let blocks = jacobian.transpose() * nalgebra::DVector::from_vec(w.clone());
    close(blocks.as_slice(), expected.as_slice(), &format!("{what}: Jacobian"));
    let hessian = dual.weighted_hessian(&plain, &x, &w).unwrap();
    let (mut gradient, mut hv) = (vec![0.0; n], vec![0.0; n]);
    prepared.value_gradient_and_weighted_hvp_into(&x, &w, &v, &mut gradient, &mut hv).unwrap();
    let expected = &hessian * nalgebra::DVector::from_vec(v.clone());
    close(&hv, expected.as_slice(), &format!("{what}: product with the Hessian"));
    let found = prepared.weighted_hessian(&x, &w).unwrap();
    close(found.as_slice(), hessian.as_slice(), &format!("{what}: Hessian"));
    let pushed = prepared.pushforward(&x, &v).unwrap();
    let expected = dual.pushforward(&plain, &x, &v).unwrap();
    close(pushed.as_slice(), expected.as_slice(), &format!("{what}: pushforward"));
}

/// Compiled code for the whole function, recorded at other points as well.
fn check_compiled<F: Function>(f: &F, random: &mut Random, what: &str) {
    let (n, m) = (f.inputs(), f.outputs());
    let w: Vec<f64> = (0..m).map(|_| random.number()).collect();
    let mut compiled = NativeReverse::compiled().prepare(f, &vec![0.0; n]).unwrap();
    let dual = Dual::default();
    for round in 0..6 {
        let what = format!("{what}, compiled, point {round}");
        let [x, v] = [(); 2].map(|()| (0..n).map(|_| random.number()).collect::<Vec<f64>>());
        let jacobian = dual.jacobian(f, &x).unwrap();
        let value = dual.value(f, &x).unwrap();
        let (y, pulled) = compiled.value_and_pullback(&x, &w).unwrap();
        assert_eq!(y, value, "{what}");
        let weights = nalgebra::DVector::from_vec(w.clone());
        close(pulled.as_slice(), (jacobian.transpose() * weights).as_slice(), &what);
        let pushed = compiled.pushforward(&x, &v).unwrap();
        let tangent = nalgebra::DVector::from_vec(v.clone());
        close(pushed.as_slice(), (&jacobian * &tangent).as_slice(), &what);
        close(compiled.jacobian(&x).unwrap().as_slice(), jacobian.as_slice(), &what);
        let hessian = dual.weighted_hessian(f, &x, &w).unwrap();
        let (mut gradient, mut hv) = (vec![0.0; n], vec![0.0; n]);
        compiled.value_gradient_and_weighted_hvp_into(&x, &w, &v, &mut gradient, &mut hv).unwrap();
        close(&gradient, pulled.as_slice(), &what);
        close(&hv, (hessian * tangent).as_slice(), &what);
    }
    assert_eq!(compiled.explain().refusal, None);
}

#[test]
fn programs_tape_and_dual_numbers_agree() {
    // More programs for a longer run: AD_RANDOM_PROGRAMS=100000 cargo test --release ...
    let count = std::env::var("AD_RANDOM_PROGRAMS").ok().and_then(|count| count.parse().ok());
    // And one that once failed: a step that takes the place of what it reads.
    for seed in (0..count.unwrap_or(6)).chain([764]) {
        let mut random = Random(seed);
        let body = Program::random(&mut random);
        let (what, p, rows) = (format!("seed {seed}"), body.inputs, 8 + random.below(80));
        let n = p + random.below(5);
        let table: Vec<usize> = (0..rows * p).map(|_| random.below(n)).collect();
        let gathered = Map::gathered(body.clone(), n, rows, table, vec![]).unwrap();
        check(&Sum::new(gathered.clone()), &mut random, &format!("{what}, sum over a table"));
        check(&gathered, &mut random, &format!("{what}, table"));
        // The last input is a constant of the row.
        let data: Vec<f64> = (0..rows).map(|_| random.number()).collect();
        let shared = Map::shared(body.clone(), rows, data).unwrap();
        check(&Sum::new(shared), &mut random, &format!("{what}, shared"));
        check_compiled(&body, &mut random, &what);
        let windows = Map::windows(body, p + rows - 1, 1).unwrap();
        check(&Sum::new(windows), &mut random, &format!("{what}, windows"));
    }
}
