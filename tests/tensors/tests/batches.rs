//! A scalar function at many points at once, on each tensor library.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::array::{Array, ArrayBackend, Batch};
use ad_api::{
    AdError, Differentiate, Failure, Function, HigherOrder, Rule, RuleTangent, RuleValue, Scalar,
};
use ad_burn::Burn;
use ad_candle::Candle;
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use std::sync::Arc;

/// `cosh`, with a stated derivative.
struct Cosh;

impl RuleValue for Cosh {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y[0] = x[0].cosh();
        Ok(())
    }
}

impl RuleTangent for Cosh {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[0].sinh() * x_dot[0];
        Ok(())
    }
}

ad_api::rule!(Cosh: tangent);

/// Three inputs, `M` outputs; a kink that is chosen for each point, a branch, a loop whose length
/// depends on the point, and a rule.
#[derive(Clone)]
struct Model<const M: usize>;

impl<const M: usize> Function for Model<M> {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        M
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut sum = (x[0] * x[1]).sin() + x[2].abs().max(x[0]);
        if x[1] > 0.25 {
            sum *= x[2].exp();
        }
        let mut term = x[0] * x[0] + 0.1;
        while term > 0.2 {
            term *= 0.5;
            sum += term * x[1];
        }
        let mut cosh = [S::from(0.0)];
        Arc::new(Cosh).apply(&[x[1]], &mut cosh)?;
        for (k, y) in y.iter_mut().enumerate() {
            *y = sum * cosh[0] + x[k % 3].powi(3);
        }
        Ok(())
    }
}

const POINTS: usize = 60;

fn points() -> Vec<f64> {
    (0..3 * POINTS).map(|i| (i as f64 * 0.737).sin() * 1.3 + 0.01).collect()
}

fn close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-11 * b.abs().max(1.0), "{what}: [{i}] is {a:e}, not {b:e}");
    }
}

fn agrees<E: ArrayBackend>(engine: &E) {
    let exact = HigherOrder::new(Dual::default(), NativeReverse::default());
    let (x, v) = (points(), points().into_iter().rev().collect::<Vec<_>>());
    let device = engine.device().unwrap();
    let rows =
        |entries: &[f64]| Array::from_host(&device, [POINTS, entries.len() / POINTS], entries);
    let each = |i: usize, entries: &[f64], width: usize| entries[i * width..][..width].to_vec();

    let one = Batch::new(engine.clone(), Model::<1>);
    let (mut values, mut gradients, mut products) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..POINTS {
        let (value, gradient, product) =
            exact.value_gradient_and_hvp(&Model::<1>, &each(i, &x, 3), &each(i, &v, 3)).unwrap();
        values.push(value);
        gradients.extend(gradient.iter());
        products.extend(product.iter());
    }
    close("value", &one.value(&rows(&x)).unwrap().to_vec().unwrap(), &values);
    let (y, gradient) = one.value_and_gradient(&rows(&x)).unwrap();
    close("value", &y.to_vec().unwrap(), &values);
    close("gradient", &gradient.to_vec().unwrap(), &gradients);
    let (y, gradient, product) = one.value_gradient_and_hvp(&rows(&x), &rows(&v)).unwrap();
    close("value", &y.to_vec().unwrap(), &values);
    close("gradient", &gradient.to_vec().unwrap(), &gradients);
    close("hvp", &product.to_vec().unwrap(), &products);
    assert!((2..60).contains(&one.paths()), "{} paths", one.paths());

    // Fewer and more outputs than inputs: reverse and forward mode.
    jacobians::<E, 2>(engine, &x, &v);
    jacobians::<E, 5>(engine, &x, &v);
}

fn jacobians<E: ArrayBackend, const M: usize>(engine: &E, x: &[f64], v: &[f64]) {
    let device = engine.device().unwrap();
    let batch = Batch::new(engine.clone(), Model::<M>);
    let rows =
        |entries: &[f64]| Array::from_host(&device, [POINTS, entries.len() / POINTS], entries);
    let w: Vec<f64> = (0..M * POINTS).map(|i| (i as f64).cos()).collect();
    let (mut matrices, mut pushed, mut pulled) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..POINTS {
        let x = &x[3 * i..][..3];
        let jacobian = Dual::default().jacobian(&Model::<M>, x).unwrap();
        matrices.extend(jacobian.transpose().iter());
        pushed.extend((&jacobian * nalgebra::DVector::from_column_slice(&v[3 * i..][..3])).iter());
        pulled.extend(
            jacobian.tr_mul(&nalgebra::DVector::from_column_slice(&w[M * i..][..M])).iter(),
        );
    }
    let (_, jacobian) = batch.value_and_jacobian(&rows(x)).unwrap();
    assert_eq!(jacobian.shape(), [POINTS, M, 3]);
    close("jacobian", &jacobian.to_vec().unwrap(), &matrices);
    let (_, found) = batch.value_and_pushforward(&rows(x), &rows(v)).unwrap();
    close("pushforward", &found.to_vec().unwrap(), &pushed);
    let (_, found) = batch.value_and_pullback(&rows(x), &rows(&w)).unwrap();
    close("pullback", &found.to_vec().unwrap(), &pulled);
}

#[test]
fn burn_agrees_with_a_loop() {
    agrees(&Burn::cpu());
}

#[test]
fn candle_agrees_with_a_loop() {
    agrees(&Candle::cpu());
}

/// As many paths as there are points.
#[derive(Clone)]
struct Staircase;

impl Function for Staircase {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut step = 0.0;
        while x[0] > step {
            step += 1.0;
        }
        y[0] = x[0] * step;
        Ok(())
    }
}

#[test]
fn too_many_paths_are_a_typed_error() {
    let batch = Batch::new(Burn::cpu(), Staircase);
    let device = Burn::cpu().device().unwrap();
    let steps: Vec<f64> = (0..80).map(f64::from).collect();
    let error = batch.value(&Array::from_host(&device, [80, 1], &steps)).unwrap_err();
    let AdError::Diverged { paths: 64, points, .. } = &error else { panic!("{error}") };
    assert_eq!(*points, (64..80).collect::<Vec<_>>());
    let message = error.to_string();
    assert!(message.contains("more than 64 paths"), "{message}");
    assert!(message.contains("point 64, 65, 66, 67, 68 and 11 more"), "{message}");
}

#[test]
fn shapes_are_checked() {
    let batch = Batch::new(Candle::cpu(), Model::<1>);
    let device = Candle::cpu().device().unwrap();
    let x = Array::from_host(&device, [2, 2], &[0.0; 4]);
    let message = batch.value(&x).unwrap_err().to_string();
    assert_eq!(message, "`x` of shapes [2, 2]: expected [2, 3]: a row for each point");
    let x = Array::from_host(&device, [2, 3], &[0.0; 6]);
    let message = batch.value_and_pullback(&x, &x).unwrap_err().to_string();
    assert_eq!(message, "`w` of shapes [2, 3]: expected [2, 1]: a row for each point");
    let message = Batch::new(Candle::cpu(), Model::<2>).value_and_gradient(&x).unwrap_err();
    assert!(matches!(message, AdError::Arity { operation: "gradient", .. }), "{message}");
}
