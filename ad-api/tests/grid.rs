//! The grid of operations through one backend.

use ad_api::{
    Backend, Differentiate, Failure, Function, HigherOrder, LinearOperator, Prepared, Scalar,
};
use ad_dual::Dual;

#[derive(Clone)]
struct Quartic;
impl Function for Quartic {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].powi(4) * 2.0 + x[0].pow(1.5) * 0.0 - 1.0;
        Ok(())
    }
}

#[test]
fn derivatives_of_one_variable() {
    let b = HigherOrder::new(Dual::default(), HigherOrder::new(Dual::default(), Dual::default()));
    assert_eq!(
        b.value_derivative_and_second_derivative(&Quartic, 2.0).unwrap(),
        (31.0, 64.0, 96.0)
    );
    assert_eq!(b.third_derivative(&Quartic, 2.0).unwrap(), 96.0);
    let mut p = b.prepare(&Quartic, &[0.0]).unwrap();
    assert_eq!(p.hessian(&[2.0]).unwrap()[(0, 0)], 96.0);
    assert_eq!(p.hvp(&[2.0], &[0.5]).unwrap()[0], 48.0);
    assert_eq!(b.lazy_hessian(&Quartic, &[2.0]).unwrap().materialize().unwrap()[(0, 0)], 96.0);
}
