//! The backends as a whole: counts, chunks, nesting, empty and failing functions, rules, nalgebra.
#![cfg(feature = "num-dual")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    AdError, Backend, Differentiate, Evaluations, Failure, Function, Gradient, Hessian,
    HigherOrder, Operation, Prepared, Pullback, Pushforward, RuleTangent, RuleValue, Scalar,
    Shape,
};
use ad_dual::{Dual, DualNumFunction, FromDualNum, NumDual, dual_num_function};
use nalgebra::{DMatrix, Matrix3, Vector3};

/// `yᵢ = Σⱼ sin((i + 1) xⱼ) xⱼ₊₁`, cyclic, and how often it was evaluated.
#[derive(Clone)]
struct Waves {
    inputs: usize,
    outputs: usize,
    evaluations: Arc<AtomicUsize>,
}

impl Waves {
    fn new(inputs: usize, outputs: usize) -> Self {
        Waves { inputs, outputs, evaluations: Arc::default() }
    }

    /// The evaluations since the last call.
    fn count(&self) -> usize {
        self.evaluations.swap(0, Ordering::Relaxed)
    }

    fn jacobian(&self, x: &[f64]) -> DMatrix<f64> {
        let n = self.inputs;
        let mut jacobian = DMatrix::zeros(self.outputs, n);
        for i in 0..self.outputs {
            let k = i as f64 + 1.0;
            for j in 0..n {
                jacobian[(i, j)] += k * (k * x[j]).cos() * x[(j + 1) % n];
                jacobian[(i, (j + 1) % n)] += (k * x[j]).sin();
            }
        }
        jacobian
    }

    /// The Hessian of `Σ wᵢ yᵢ`.
    fn hessian(&self, x: &[f64], w: &[f64]) -> DMatrix<f64> {
        let n = self.inputs;
        let mut hessian = DMatrix::zeros(n, n);
        for (i, w) in w.iter().enumerate() {
            let k = i as f64 + 1.0;
            for j in 0..n {
                let next = (j + 1) % n;
                let mixed = w * k * (k * x[j]).cos();
                hessian[(j, j)] -= w * k * k * (k * x[j]).sin() * x[next];
                hessian[(j, next)] += mixed;
                hessian[(next, j)] += mixed;
            }
        }
        hessian
    }
}

impl Function for Waves {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        for (i, y) in y.iter_mut().enumerate() {
            let k = i as f64 + 1.0;
            *y = (0..x.len()).map(|j| (x[j] * k).sin() * x[(j + 1) % x.len()]).sum();
        }
        Ok(())
    }
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.3 + 0.21 * i as f64).collect()
}

fn evaluations<B: Backend>(backend: &B, operation: Operation, shape: Shape) -> usize {
    match backend.capability(operation, shape).evaluations() {
        Some(Evaluations::Exactly(count)) => count,
        other => panic!("{operation:?}: {other:?}"),
    }
}

#[track_caller]
fn close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (found - expected).amax();
    assert!(error <= 1e-13 * expected.amax().max(1.0), "error {error:e}");
}

/// Every operation is right, and costs what the backend says.
fn operations<B: Backend>(backend: &B) {
    for n in [1, 2, 3, 4, 5, 8, 9, 13, 17] {
        for m in [1, 3] {
            let (f, x, w) = (Waves::new(n, m), point(n), &[1.0, -0.5, 2.0][..m]);
            let shape = Shape::of(&f);
            let cost = |operation| evaluations(backend, operation, shape);
            let jacobian = f.jacobian(&x);
            let hessian = f.hessian(&x, w);
            let mut prepared = backend.prepare(&f, &x).unwrap();
            for _ in 0..2 {
                close(&prepared.jacobian(&x).unwrap(), &jacobian);
                assert_eq!(f.count(), cost(Operation::Jacobian));
                let pullback = prepared.pullback(&x, w).unwrap();
                assert_eq!(f.count(), cost(Operation::Pullback));
                let expected = jacobian.tr_mul(&DMatrix::from_column_slice(m, 1, w));
                close(&DMatrix::from_column_slice(n, 1, pullback.as_slice()), &expected);
                let pushforward = prepared.pushforward(&x, &x).unwrap();
                assert_eq!(f.count(), cost(Operation::Pushforward));
                let v = DMatrix::from_column_slice(n, 1, &x);
                close(&DMatrix::from_column_slice(m, 1, pushforward.as_slice()), &(&jacobian * &v));
                close(&prepared.weighted_hessian(&x, w).unwrap(), &hessian);
                assert_eq!(f.count(), cost(Operation::Hessian));
                // Several vectors at once.
                let v = DMatrix::from_fn(n, 6, |i, j| (i * j) as f64 - 2.0);
                let (mut gradient, mut hv) = (vec![0.0; n], DMatrix::zeros(n, 6));
                prepared
                    .value_gradient_and_weighted_hvp_into(
                        &x,
                        w,
                        v.as_slice(),
                        &mut gradient,
                        hv.as_mut_slice(),
                    )
                    .unwrap();
                close(&hv, &(&hessian * &v));
                f.count();
                let mut y_dot = DMatrix::zeros(m, 6);
                prepared.pushforward_into(&x, v.as_slice(), y_dot.as_mut_slice()).unwrap();
                close(&y_dot, &(&jacobian * &v));
                let capability = backend.inner().pushforward_capability(shape, 6);
                assert_eq!(capability.evaluations(), Some(Evaluations::Exactly(f.count())));
                let w2 = [w, w].concat();
                let mut x_bar = DMatrix::zeros(n, 2);
                prepared.pullback_into(&x, &w2, x_bar.as_mut_slice()).unwrap();
                let capability = backend.inner().pullback_capability(shape, 2);
                assert_eq!(capability.evaluations(), Some(Evaluations::Exactly(f.count())));
                close(&x_bar, &(jacobian.transpose() * DMatrix::from_column_slice(m, 2, &w2)));
                if m == 1 {
                    prepared.hvp(&x, &x).unwrap();
                    assert_eq!(f.count(), cost(Operation::Hvp));
                }
                if n == 1 {
                    let mut second = vec![0.0; m];
                    prepared.second_derivative_into(x[0], &mut second).unwrap();
                    assert_eq!(f.count(), cost(Operation::SecondDerivative));
                    let weighted: f64 = second.iter().zip(w).map(|(d, w)| d * w).sum();
                    close(&DMatrix::from_element(1, 1, weighted), &hessian);
                }
            }
        }
    }
}

#[test]
fn dual_is_right_and_costs_what_it_says() {
    operations(&Dual::default());
    for chunk in [1, 3, 5] {
        operations(&Dual::default().chunk(chunk).unwrap());
    }
}

#[test]
fn num_dual_is_right_and_costs_what_it_says() {
    operations(&NumDual::default());
    for chunk in [1, 2, 3] {
        operations(&NumDual::default().chunk(chunk).unwrap());
    }
}

#[test]
fn pairs_are_right_and_cost_what_they_say() {
    operations(&HigherOrder::new(Dual::default(), NumDual::default()));
    operations(&HigherOrder::new(NumDual::default().chunk(2).unwrap(), Dual::default()));
    operations(&HigherOrder::new(NumDual::default(), NumDual::default()));
}

#[test]
fn chunks_out_of_range_are_refused() {
    let message = |error: Result<_, AdError>| error.map(drop).unwrap_err().to_string();
    for chunk in [0, 9] {
        let found = message(Dual::default().chunk(chunk).map(drop));
        assert_eq!(found, format!("setting `chunk` is {chunk}, expected 1 to 8 tangents"));
    }
    let found = message(NumDual::default().chunk(5).map(drop));
    assert_eq!(found, "setting `chunk` is 5, expected 1 to 4 tangents");
}

/// `x₀⁴ x₁³`, whose third derivatives need three engines.
#[derive(Clone)]
struct Quartic;

impl Function for Quartic {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].powi(4) * x[1].powi(3);
        Ok(())
    }
}

fn third_derivatives<A: Backend, B: Backend>(outer: &A, inner: &B) {
    let (a, b): (f64, f64) = (1.5, -2.0);
    let hessian = Hessian::new(inner, &Quartic, vec![1.0]);
    let found = outer.jacobian(&hessian, &[a, b]).unwrap();
    let (aaa, aab) = (24.0 * a * b.powi(3), 36.0 * a * a * b * b);
    let (abb, bbb) = (24.0 * a.powi(3) * b, 6.0 * a.powi(4));
    close(&found, &DMatrix::from_row_slice(4, 2, &[aaa, aab, aab, abb, aab, abb, abb, bbb]));
}

#[test]
fn three_levels_nest() {
    let (dual, num_dual) = (Dual::default(), NumDual::default());
    third_derivatives(&dual, &dual);
    third_derivatives(&num_dual, &num_dual);
    third_derivatives(&dual, &num_dual);
    third_derivatives(&num_dual, &HigherOrder::new(dual, num_dual));
}

/// Reads the first and the last of many inputs only.
#[derive(Clone)]
struct Ends(usize);

impl Function for Ends {
    fn inputs(&self) -> usize {
        self.0
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[self.0 - 1] + x[self.0 / 2].sin();
        Ok(())
    }
}

#[test]
fn a_hundred_thousand_inputs() {
    let n = 100_000;
    let x: Vec<f64> = (0..n).map(f64::from).collect();
    let f = Ends(x.len());
    for gradient in [Dual::default().gradient(&f, &x), NumDual::default().gradient(&f, &x)] {
        let gradient = gradient.unwrap();
        assert_eq!((gradient[0], gradient[x.len() - 1]), (99_999.0, 0.0));
        assert_eq!(gradient[50_000], 50_000_f64.cos());
        assert_eq!(gradient.iter().filter(|d| **d != 0.0).count(), 2);
    }
}

fn empty_functions<B: Backend>(backend: &B) {
    let f = Waves::new(0, 2);
    assert_eq!(backend.jacobian(&f, &[]).unwrap().shape(), (2, 0));
    assert_eq!(backend.pushforward(&f, &[], &[]).unwrap().as_slice(), [0.0, 0.0]);
    assert_eq!(backend.value_and_pullback(&f, &[], &[1.0, 2.0]).unwrap().1.len(), 0);
    assert_eq!(backend.value_and_weighted_hessian(&f, &[], &[1.0, 1.0]).unwrap().1.shape(), (0, 0));
    let f = Waves::new(2, 0);
    assert_eq!(backend.jacobian(&f, &[1.0, 2.0]).unwrap().shape(), (0, 2));
    assert_eq!(backend.pullback(&f, &[1.0, 2.0], &[]).unwrap().as_slice(), [0.0, 0.0]);
    let (value, hessian) = backend.value_and_weighted_hessian(&f, &[1.0, 2.0], &[]).unwrap();
    assert_eq!((value, hessian), (0.0, DMatrix::zeros(2, 2)));
}

#[test]
fn functions_without_inputs_or_outputs() {
    empty_functions(&Dual::default());
    empty_functions(&NumDual::default());
}

/// Fails above 1 and panics above 2.
#[derive(Clone)]
struct Fragile;

impl Function for Fragile {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        assert!(x[0] < 2.0, "out of its domain");
        if x[0] > 1.0 {
            return Err(Failure::new("too large"));
        }
        y[0] = x[0] * x[0];
        Ok(())
    }
}

fn failures<B: Backend>(backend: &B) {
    let mut prepared = backend.prepare(&Fragile, &[0.0]).unwrap();
    for _ in 0..2 {
        let message = "the function failed: too large";
        assert_eq!(prepared.gradient(&[1.5]).unwrap_err().to_string(), message);
        assert_eq!(prepared.hessian(&[1.5]).unwrap_err().to_string(), message);
        assert_eq!(prepared.second_derivative(1.5).unwrap_err().to_string(), message);
        assert!(catch_unwind(AssertUnwindSafe(|| prepared.gradient(&[3.0]))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| prepared.hessian(&[3.0]))).is_err());
        let result = prepared.value_derivative_and_second_derivative(0.5).unwrap();
        assert_eq!(result, (0.25, 1.0, 2.0));
        assert_eq!(prepared.gradient(&[0.5]).unwrap()[0], 1.0);
    }
    let lengths = prepared.gradient(&[1.0, 2.0]).unwrap_err();
    assert!(matches!(lengths, AdError::Shape { what: "x", found: 2, expected: 1, .. }));
    let f = Waves::new(2, 1);
    let arity = backend.second_derivative_into(&f, 0.0, &mut [0.0]).unwrap_err();
    assert!(matches!(arity, AdError::Shape { .. } | AdError::Arity { .. }));
    let weights = backend.weighted_hessian(&f, &[0.0, 0.0], &[1.0, 1.0]).unwrap_err();
    assert!(matches!(weights, AdError::Shape { what: "w", found: 2, expected: 1, .. }));
}

#[test]
fn a_failed_call_leaves_everything_usable() {
    failures(&Dual::default());
    failures(&NumDual::default());
}

/// `(x₀, x₁) ↦ (x₀ eˣ¹, x₁)`, with a stated tangent that counts its calls.
struct Stated(AtomicUsize);

impl RuleValue for Stated {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        (y[0], y[1]) = (x[0] * x[1].exp(), x[1]);
        Ok(())
    }
}

impl RuleTangent for Stated {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.apply(x, y_dot)?;
        y_dot[0] = x[1].exp() * x_dot[0] + y_dot[0] * x_dot[1];
        y_dot[1] = x_dot[1];
        Ok(())
    }
}

ad_api::rule!(Stated: tangent);

#[derive(Clone)]
struct Ruled(Arc<Stated>);

impl Function for Ruled {
    fn inputs(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut z = [S::from(0.0); 2];
        self.0.apply(&[x[0] * x[2], x[1]], &mut z)?;
        y[0] = z[0] * z[1];
        Ok(())
    }
}

fn rules<B: Backend>(backend: &B) {
    let (a, b, c): (f64, f64, f64) = (0.7, 0.4, -1.2);
    let f = Ruled(Arc::new(Stated(AtomicUsize::new(0))));
    let e = b.exp();
    let (value, gradient, hessian) = backend.value_gradient_and_hessian(&f, &[a, b, c]).unwrap();
    close(&DMatrix::from_element(1, 1, value), &DMatrix::from_element(1, 1, a * c * e * b));
    let expected = DMatrix::from_row_slice(3, 1, &[c * e * b, a * c * e * (b + 1.0), a * e * b]);
    close(&DMatrix::from_column_slice(3, 1, gradient.as_slice()), &expected);
    let (ab, ac, bc) = (c * e * (b + 1.0), e * b, a * e * (b + 1.0));
    let bb = a * c * e * (b + 2.0);
    let expected = DMatrix::from_row_slice(3, 3, &[0.0, ab, ac, ab, bb, bc, ac, bc, 0.0]);
    close(&hessian, &expected);
    assert!(f.0.0.load(Ordering::Relaxed) > 0);
}

#[test]
fn rules_are_differentiated_by_what_they_state() {
    rules(&Dual::default());
    rules(&NumDual::default());
    rules(&HigherOrder::new(NumDual::default(), Dual::default()));
}

/// `‖A⁻¹b‖²` for `A = B + t C`, by one of nalgebra's factorizations.
#[derive(Clone)]
struct Solved(&'static str);

impl Function for Solved {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, t: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (base, slope) = matrices();
        let a = base.zip_map(&slope, |base, slope| t[0] * slope + base);
        let b = Vector3::new(1.0, -2.0, 0.5).map(S::from);
        let solution = match self.0 {
            "lu" => a.lu().solve(&b),
            "qr" => a.qr().solve(&b),
            _ => a.cholesky().map(|factor| factor.solve(&b)),
        };
        y[0] = solution.ok_or_else(|| Failure::new("singular"))?.norm_squared();
        Ok(())
    }
}

fn matrices() -> (Matrix3<f64>, Matrix3<f64>) {
    (
        Matrix3::new(4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0),
        Matrix3::new(1.0, 0.3, 0.0, 0.3, 0.5, -0.1, 0.0, -0.1, 2.0),
    )
}

#[test]
fn factorizations_of_nalgebra() {
    let (base, slope) = matrices();
    let t = 0.3;
    let inverse = (base + slope * t).try_inverse().unwrap();
    // x = A⁻¹b, x' = -A⁻¹C x, x'' = -2 A⁻¹C x'.
    let x = inverse * Vector3::new(1.0, -2.0, 0.5);
    let first = -inverse * slope * x;
    let second = inverse * slope * first * -2.0;
    let expected =
        [x.norm_squared(), 2.0 * x.dot(&first), 2.0 * (first.norm_squared() + x.dot(&second))];
    for method in ["lu", "qr", "cholesky"] {
        let f = Solved(method);
        for (value, first, second) in [
            Dual::default().value_derivative_and_second_derivative(&f, t).unwrap(),
            NumDual::default().value_derivative_and_second_derivative(&f, t).unwrap(),
        ] {
            let found = DMatrix::from_row_slice(1, 3, &[value, first, second]);
            close(&found, &DMatrix::from_row_slice(1, 3, &expected));
        }
    }
}

dual_num_function!(
    /// Spherical Bessel functions, a power and a norm, as code over num-dual's numbers has them.
    Bessel: 2 => 4,
    |x, y| {
        y[0] = x[0].sph_j0();
        y[1] = x[0].sph_j1() * x[1];
        y[2] = x[0].sph_j2() + x[1].powd(x[0]);
        y[3] = (x[0] * 2.0 - x[1] / 3.0).mul_add(x[0], x[1]) % DualType::from(5.0);
    }
);

#[test]
fn functions_over_dual_num_run_on_every_backend() {
    for a in [0.0, 1e-3, 0.9, 1.1, 4.0] {
        let x: [f64; 2] = [a, 1.7];
        let (value, jacobian) = Dual::default().value_and_jacobian(&Bessel, &x).unwrap();
        let theirs = NumDual::default().value_and_jacobian(&Bessel, &x).unwrap();
        close(&jacobian, &theirs.1);
        assert_eq!(value, theirs.0);
        // j₀' = -j₁, j₁' = j₀ - 2 j₁/x, j₂' = j₁ - 3 j₂/x (DLMF 10.51.2).
        let (j0, j1) = (value[0], value[1] / x[1]);
        let j2 = value[2] - x[1].powf(a);
        let d1 = if a == 0.0 { 1.0 / 3.0 } else { j0 - 2.0 * j1 / a };
        let d2 = if a == 0.0 { 0.0 } else { j1 - 3.0 * j2 / a };
        let expected = [-j1, d1 * x[1], d2 + x[1].powf(a) * x[1].ln()];
        for (i, expected) in expected.into_iter().enumerate() {
            assert!((jacobian[(i, 0)] - expected).abs() < 1e-12, "{i} at {a}");
        }
        let second = Dual::default().weighted_hessian(&Bessel, &x, &[1.0; 4]).unwrap();
        close(&second, &NumDual::default().weighted_hessian(&Bessel, &x, &[1.0; 4]).unwrap());
    }
    let gradient =
        Gradient::new(&NumDual::default(), &FromDualNum(Bessel), vec![1.0, 0.0, 0.0, 0.0]);
    assert!(Dual::default().jacobian(&gradient, &[0.0, 1.0]).unwrap()[(0, 0)] + 1.0 / 3.0 < 1e-15);
    assert_eq!(DualNumFunction::outputs(&Bessel), 4);
}

/// What does not depend on an input has derivative 0, not NaN, in forward mode too.
#[derive(Clone)]
struct Kinks;

impl Function for Kinks {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        4
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].sqrt() * x[0];
        y[1] = (S::from(1.0) + (S::from(800.0) - x[1]).exp()).recip();
        y[2] = x[0].sqrt() + x[1];
        y[3] = x[0].abs() * x[1] + x[0].pow(1.5);
        Ok(())
    }
}

#[test]
fn infinite_partials_and_kinks() {
    let expected =
        DMatrix::from_row_slice(4, 2, &[0.0, 0.0, 0.0, 0.0, f64::INFINITY, 1.0, 0.0, 0.0]);
    let x = [0.0, 0.5];
    assert_eq!(Dual::default().jacobian(&Kinks, &x).unwrap(), expected);
    assert_eq!(NumDual::default().jacobian(&Kinks, &x).unwrap(), expected);
    // A weight of zero hides even an infinite derivative.
    let w = [1.0, 1.0, 0.0, 1.0];
    assert_eq!(Dual::default().pullback(&Kinks, &x, &w).unwrap().as_slice(), [0.0, 0.0]);
    assert_eq!(NumDual::default().pullback(&Kinks, &x, &w).unwrap().as_slice(), [0.0, 0.0]);
    let tangents = [0.0, 1.0, 1.0, 0.0];
    let (mut y, mut y_dot) = ([0.0; 4], [0.0; 8]);
    Dual::default().pushforward_sweep(&Kinks, &x, &tangents, &mut y, &mut y_dot).unwrap();
    assert_eq!(y_dot, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, f64::INFINITY, 0.0]);
    let mut x_bar = [f64::NAN; 2];
    Dual::default().pullback_sweep(&Kinks, &x, &[0.0, 0.0, 0.0, 1.0], &mut y, &mut x_bar).unwrap();
    assert_eq!(x_bar, [0.0, 0.0]);
}
