//! Rules among array operations: their code runs on the host, their derivatives in burn's graph.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ad_api::array::{Array, ArrayBackend, ArrayFunction, ArrayOp, Dims, Tensor};
use ad_api::trace::ErasedRule;
use ad_api::{Failure, Result, Rule, RuleValue, Scalar};
use ad_burn::{Burn, BurnDevice, BurnTensor, Precision};

/// `(a b, a²)`; its derivative fails where `a` is 1, and panics where it is 2.
struct Product;

impl RuleValue for Product {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        2
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        (y[0], y[1]) = (x[0] * x[1], x[0] * x[0]);
        Ok(())
    }
}

impl Rule for Product {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        y_dot[0] = x[0] * x_dot[1] + x[1] * x_dot[0];
        y_dot[1] = x[0] * x_dot[0] * 2.0;
        Ok(())
    }

    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        if x[0] == 1.0 {
            return Err(Failure::new("no slope at 1"));
        }
        assert!(x[0] != 2.0, "the rule's own panic");
        x_bar[0] = x[1] * y_bar[0] + x[0] * y_bar[1] * 2.0;
        x_bar[1] = x[0] * y_bar[0];
        Ok(())
    }
}

/// The rule, once for each column, between operations of burn.
#[derive(Clone)]
struct Columns(Arc<ErasedRule>);

impl ArrayFunction for Columns {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2, 3].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[2, 3].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        Ok(vec![Array::apply(&ArrayOp::Rule(Arc::clone(&self.0)), &[&(&x[0] + 1.0)]) * 2.0])
    }
}

fn pullback(a: [f64; 3]) -> Result<(Vec<f64>, Vec<f64>)> {
    let f = Columns(ErasedRule::new(Arc::new(Product).erased()));
    let array = |entries: &[f64]| -> Array<BurnTensor> {
        Array::from_host(&BurnDevice::cpu(Precision::F64), [2, 3], entries)
    };
    let x = array(&[a[0], a[1], a[2], 10.0, 20.0, 30.0]);
    let w = array(&[1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    let (y, x_bars) = Burn::cpu().value_and_pullbacks(&f, &[x], &[vec![w]])?;
    Ok((y[0].to_vec()?, x_bars[0][0].to_vec()?))
}

#[test]
fn rules_are_applied_to_columns() {
    let (y, x_bar) = pullback([2.0, 3.0, 4.0]).unwrap();
    assert_eq!(y, [66.0, 168.0, 310.0, 18.0, 32.0, 50.0]);
    assert_eq!(x_bar, [22.0, 2.0 * (21.0 + 8.0), 20.0, 6.0, 8.0, 0.0]);
}

#[test]
fn failures_and_panics_of_rules_come_through() {
    let error = pullback([2.0, 0.0, 4.0]).unwrap_err();
    assert_eq!(error.to_string(), "the function failed: no slope at 1");
    let panic = catch_unwind(AssertUnwindSafe(|| pullback([2.0, 3.0, 1.0]))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the rule's own panic"));
    assert!(pullback([2.0, 3.0, 4.0]).is_ok());
}
