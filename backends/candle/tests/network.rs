//! A network, in both modes and in second order, on candle's arrays and on the host.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Constant, Dims, Host, HostTensor, Tensor, hvp,
    value_and_gradient, value_and_pushforward,
};
use ad_api::{Accuracy, Engine, Failure};
use ad_candle::{Candle, CandleTensor, Precision};

type OnHost = HostTensor<f64>;

/// Cross entropy of a network 5-7-3 with one hidden layer of tanh, on a batch of 4.
#[derive(Clone)]
struct Network {
    batch: Constant,
    labels: Constant,
}

impl Network {
    fn new() -> Self {
        let labels = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        Network {
            batch: Constant::new([4, 5], entries(20, 0.2)).unwrap(),
            labels: Constant::new([4, 3], labels).unwrap(),
        }
    }
}

fn entries(count: usize, start: f64) -> Vec<f64> {
    (0..count).map(|i| (start + i as f64 * 1.7).sin()).collect()
}

impl ArrayFunction for Network {
    fn inputs(&self) -> Vec<Dims> {
        vec![[5, 7].into(), [7].into(), [7, 3].into(), [3].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w1, b1, w2, b2] = x else { unreachable!("inputs are checked") };
        let hidden = (self.batch.beside(w1).matmul(w1) + b1).tanh();
        let scores = hidden.matmul(w2) + b2;
        let chosen = (&scores * self.labels.beside(w1)).sum(&[1]);
        Ok(vec![(scores.log_sum_exp(&[1]) - chosen).mean_all()])
    }
}

fn point<T: Tensor>(device: &T::Device, start: f64) -> Vec<Array<T>> {
    let inputs = Network::new().inputs().into_iter().enumerate();
    let inputs =
        inputs.map(|(i, d)| Array::from_host(device, d, &entries(d.count(), start + i as f64)));
    inputs.collect()
}

fn flat<T: Tensor>(arrays: &[Array<T>]) -> Vec<f64> {
    arrays.iter().flat_map(|array| array.to_vec().unwrap()).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
    }
}

fn engines() -> [(Candle, f64); 2] {
    [(Candle::cpu(), 1e-14), (Candle::cpu().precision(Precision::F32), 3e-6)]
}

#[test]
fn the_gradient_is_that_on_the_host() {
    let f = Network::new();
    let (y, expected) = value_and_gradient(&f, &point::<OnHost>(&Host, 0.5)).unwrap();
    for (engine, tolerance) in engines() {
        let x = point::<CandleTensor>(&engine.device().unwrap(), 0.5);
        let one = vec![x[0].number(1.0)];
        let (value, gradient) = engine.value_and_pullbacks(&f, &x, &[one]).unwrap();
        assert_close(&flat(&value), &y.to_vec().unwrap(), tolerance);
        assert_close(&flat(&gradient[0]), &flat(&expected), tolerance);
        for (gradient, x) in gradient[0].iter().zip(&x) {
            assert_eq!((gradient.dims(), gradient.device()), (x.dims(), x.device()));
        }
    }
}

#[test]
fn forward_mode_and_second_order_are_those_on_the_host() {
    let f = Network::new();
    let (x, v) = (point::<OnHost>(&Host, 0.5), point::<OnHost>(&Host, 3.5));
    let (_, y_dot) = value_and_pushforward(&f, &x, &v).unwrap();
    let product = hvp(&f, &x, &v).unwrap();
    for (engine, tolerance) in engines() {
        let device = engine.device().unwrap();
        let (x, v) = (point::<CandleTensor>(&device, 0.5), point::<CandleTensor>(&device, 3.5));
        let (_, found) = value_and_pushforward(&f, &x, &v).unwrap();
        assert_close(&flat(&found), &flat(&y_dot), 10.0 * tolerance);
        assert_close(&flat(&hvp(&f, &x, &v).unwrap()), &flat(&product), 10.0 * tolerance);
    }
}

#[test]
fn precision_is_stated() {
    let [(double, _), (single, _)] = engines();
    assert_eq!(double.accuracy(), Accuracy::Exact);
    assert_eq!(single.accuracy(), Accuracy::Rounded { unit: f32::EPSILON.into() });
    assert_ne!(double.device().unwrap(), single.device().unwrap());
    assert_eq!(single.device().unwrap().precision(), Precision::F32);
}
