//! Every form of every operation, as a table: owned and in place, alone and with what comes along.

use ad_api::{Operation, Result};
use nalgebra::DMatrix;

use crate::case::{Case, Part};
use crate::erased::Operations;

/// What a call returned, part by part.
pub(crate) type Parts = Vec<(Part, Vec<f64>)>;

/// One method of the interface.
pub(crate) struct Call {
    /// The name of the method.
    pub(crate) name: &'static str,
    /// The operation that it is a form of.
    pub(crate) operation: Operation,
    /// The functions that it is for.
    pub(crate) needs: Needs,
    /// Calls it; buffers are filled with the third argument before.
    pub(crate) run: fn(&mut dyn Operations, &Case, f64) -> Result<Parts>,
}

/// What a method needs of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Any,
    OneInput,
    OneOutput,
    OneOfBoth,
}

impl Needs {
    pub(crate) fn met_by(self, n: usize, m: usize) -> bool {
        match self {
            Needs::Any => true,
            Needs::OneInput => n == 1,
            Needs::OneOutput => m == 1,
            Needs::OneOfBoth => n == 1 && m == 1,
        }
    }
}

/// The methods of `operation` that `case` allows.
pub(crate) fn calls_of(operation: Operation, case: &Case) -> impl Iterator<Item = &'static Call> {
    let (n, m) = (case.inputs(), case.outputs());
    CALLS.iter().filter(move |call| call.operation == operation && call.needs.met_by(n, m))
}

macro_rules! calls {
    ($($operation:ident $needs:ident $name:ident |$o:ident, $c:ident, $fill:ident| $body:expr;)*) => {
        /// All of them.
        pub(crate) static CALLS: &[Call] = &[$(Call {
            name: stringify!($name),
            operation: Operation::$operation,
            needs: Needs::$needs,
            run: |$o, $c, $fill| $body,
        }),*];
    };
}

fn buffer(len: usize, fill: f64) -> Vec<f64> {
    vec![fill; len]
}

fn matrix(rows: usize, columns: usize, fill: f64) -> DMatrix<f64> {
    DMatrix::from_element(rows, columns, fill)
}

fn flat(matrix: DMatrix<f64>) -> Vec<f64> {
    matrix.data.into()
}

use Part::{
    Jacobian, Pullback, Pushforward, SecondDerivative, Value, WeightedGradient, WeightedHessian,
    WeightedHvp, WeightedValue,
};

calls! {
    Pushforward Any pushforward |o, c, _fill|
        Ok(vec![(Pushforward, o.pushforward(&c.x, &c.v)?.data.into())]);
    Pushforward Any pushforward_into |o, c, fill| {
        let mut y_dot = buffer(c.outputs(), fill);
        o.pushforward_into(&c.x, &c.v, &mut y_dot)?;
        Ok(vec![(Pushforward, y_dot)])
    };
    Pushforward Any value_and_pushforward |o, c, _fill| {
        let (y, y_dot) = o.value_and_pushforward(&c.x, &c.v)?;
        Ok(vec![(Value, y.data.into()), (Pushforward, y_dot.data.into())])
    };
    Pushforward Any value_and_pushforward_into |o, c, fill| {
        let (mut y, mut y_dot) = (buffer(c.outputs(), fill), buffer(c.outputs(), fill));
        o.value_and_pushforward_into(&c.x, &c.v, &mut y, &mut y_dot)?;
        Ok(vec![(Value, y), (Pushforward, y_dot)])
    };
    Pullback Any pullback |o, c, _fill|
        Ok(vec![(Pullback, o.pullback(&c.x, &c.w)?.data.into())]);
    Pullback Any pullback_into |o, c, fill| {
        let mut x_bar = buffer(c.inputs(), fill);
        o.pullback_into(&c.x, &c.w, &mut x_bar)?;
        Ok(vec![(Pullback, x_bar)])
    };
    Pullback Any value_and_pullback |o, c, _fill| {
        let (y, x_bar) = o.value_and_pullback(&c.x, &c.w)?;
        Ok(vec![(Value, y.data.into()), (Pullback, x_bar.data.into())])
    };
    Pullback Any value_and_pullback_into |o, c, fill| {
        let (mut y, mut x_bar) = (buffer(c.outputs(), fill), buffer(c.inputs(), fill));
        o.value_and_pullback_into(&c.x, &c.w, &mut y, &mut x_bar)?;
        Ok(vec![(Value, y), (Pullback, x_bar)])
    };
    Jacobian Any jacobian |o, c, _fill| Ok(vec![(Jacobian, flat(o.jacobian(&c.x)?))]);
    Jacobian Any jacobian_into |o, c, fill| {
        let mut j = matrix(c.outputs(), c.inputs(), fill);
        o.jacobian_into(&c.x, &mut j)?;
        Ok(vec![(Jacobian, flat(j))])
    };
    Jacobian Any value_and_jacobian |o, c, _fill| {
        let (y, j) = o.value_and_jacobian(&c.x)?;
        Ok(vec![(Value, y.data.into()), (Jacobian, flat(j))])
    };
    Jacobian Any value_and_jacobian_into |o, c, fill| {
        let (mut y, mut j) = (buffer(c.outputs(), fill), matrix(c.outputs(), c.inputs(), fill));
        o.value_and_jacobian_into(&c.x, &mut y, &mut j)?;
        Ok(vec![(Value, y), (Jacobian, flat(j))])
    };
    Derivative OneOfBoth derivative |o, c, _fill|
        Ok(vec![(Jacobian, vec![o.derivative(c.x[0])?])]);
    Derivative OneInput derivative_into |o, c, fill| {
        let mut d = buffer(c.outputs(), fill);
        o.derivative_into(c.x[0], &mut d)?;
        Ok(vec![(Jacobian, d)])
    };
    Derivative OneOfBoth value_and_derivative |o, c, _fill| {
        let (y, d) = o.value_and_derivative(c.x[0])?;
        Ok(vec![(Value, vec![y]), (Jacobian, vec![d])])
    };
    Derivative OneInput value_and_derivative_into |o, c, fill| {
        let (mut y, mut d) = (buffer(c.outputs(), fill), buffer(c.outputs(), fill));
        o.value_and_derivative_into(c.x[0], &mut y, &mut d)?;
        Ok(vec![(Value, y), (Jacobian, d)])
    };
    Gradient OneOutput gradient |o, c, _fill|
        Ok(vec![(Jacobian, o.gradient(&c.x)?.data.into())]);
    Gradient OneOutput gradient_into |o, c, fill| {
        let mut g = buffer(c.inputs(), fill);
        o.gradient_into(&c.x, &mut g)?;
        Ok(vec![(Jacobian, g)])
    };
    Gradient OneOutput value_and_gradient |o, c, _fill| {
        let (y, g) = o.value_and_gradient(&c.x)?;
        Ok(vec![(Value, vec![y]), (Jacobian, g.data.into())])
    };
    Gradient OneOutput value_and_gradient_into |o, c, fill| {
        let mut g = buffer(c.inputs(), fill);
        let y = o.value_and_gradient_into(&c.x, &mut g)?;
        Ok(vec![(Value, vec![y]), (Jacobian, g)])
    };
    SecondDerivative OneOfBoth second_derivative |o, c, _fill|
        Ok(vec![(SecondDerivative, vec![o.second_derivative(c.x[0])?])]);
    SecondDerivative OneInput second_derivative_into |o, c, fill| {
        let mut dd = buffer(c.outputs(), fill);
        o.second_derivative_into(c.x[0], &mut dd)?;
        Ok(vec![(SecondDerivative, dd)])
    };
    SecondDerivative OneOfBoth value_and_second_derivative |o, c, _fill| {
        let (y, dd) = o.value_and_second_derivative(c.x[0])?;
        Ok(vec![(Value, vec![y]), (SecondDerivative, vec![dd])])
    };
    SecondDerivative OneInput value_and_second_derivative_into |o, c, fill| {
        let (mut y, mut dd) = (buffer(c.outputs(), fill), buffer(c.outputs(), fill));
        o.value_and_second_derivative_into(c.x[0], &mut y, &mut dd)?;
        Ok(vec![(Value, y), (SecondDerivative, dd)])
    };
    SecondDerivative OneOfBoth value_derivative_and_second_derivative |o, c, _fill| {
        let (y, d, dd) = o.value_derivative_and_second_derivative(c.x[0])?;
        Ok(vec![(Value, vec![y]), (Jacobian, vec![d]), (SecondDerivative, vec![dd])])
    };
    SecondDerivative OneInput value_derivative_and_second_derivative_into |o, c, fill| {
        let m = c.outputs();
        let (mut y, mut d, mut dd) = (buffer(m, fill), buffer(m, fill), buffer(m, fill));
        o.value_derivative_and_second_derivative_into(c.x[0], &mut y, &mut d, &mut dd)?;
        Ok(vec![(Value, y), (Jacobian, d), (SecondDerivative, dd)])
    };
    Hessian OneOutput hessian |o, c, _fill| Ok(vec![(WeightedHessian, flat(o.hessian(&c.x)?))]);
    Hessian OneOutput hessian_into |o, c, fill| {
        let mut h = matrix(c.inputs(), c.inputs(), fill);
        o.hessian_into(&c.x, &mut h)?;
        Ok(vec![(WeightedHessian, flat(h))])
    };
    Hessian OneOutput value_and_hessian |o, c, _fill| {
        let (y, h) = o.value_and_hessian(&c.x)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedHessian, flat(h))])
    };
    Hessian OneOutput value_and_hessian_into |o, c, fill| {
        let mut h = matrix(c.inputs(), c.inputs(), fill);
        let y = o.value_and_hessian_into(&c.x, &mut h)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedHessian, flat(h))])
    };
    Hessian OneOutput value_gradient_and_hessian |o, c, _fill| {
        let (y, g, h) = o.value_gradient_and_hessian(&c.x)?;
        Ok(vec![
            (WeightedValue, vec![y]),
            (WeightedGradient, g.data.into()),
            (WeightedHessian, flat(h)),
        ])
    };
    Hessian OneOutput value_gradient_and_hessian_into |o, c, fill| {
        let n = c.inputs();
        let (mut g, mut h) = (buffer(n, fill), matrix(n, n, fill));
        let y = o.value_gradient_and_hessian_into(&c.x, &mut g, &mut h)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedGradient, g), (WeightedHessian, flat(h))])
    };
    Hessian Any weighted_hessian |o, c, _fill|
        Ok(vec![(WeightedHessian, flat(o.weighted_hessian(&c.x, &c.weights)?))]);
    Hessian Any weighted_hessian_into |o, c, fill| {
        let mut h = matrix(c.inputs(), c.inputs(), fill);
        o.weighted_hessian_into(&c.x, &c.weights, &mut h)?;
        Ok(vec![(WeightedHessian, flat(h))])
    };
    Hessian Any value_and_weighted_hessian |o, c, _fill| {
        let (y, h) = o.value_and_weighted_hessian(&c.x, &c.weights)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedHessian, flat(h))])
    };
    Hessian Any value_and_weighted_hessian_into |o, c, fill| {
        let mut h = matrix(c.inputs(), c.inputs(), fill);
        let y = o.value_and_weighted_hessian_into(&c.x, &c.weights, &mut h)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedHessian, flat(h))])
    };
    Hessian Any value_gradient_and_weighted_hessian_into |o, c, fill| {
        let n = c.inputs();
        let (mut g, mut h) = (buffer(n, fill), matrix(n, n, fill));
        let y = o.value_gradient_and_weighted_hessian_into(&c.x, &c.weights, &mut g, &mut h)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedGradient, g), (WeightedHessian, flat(h))])
    };
    Hvp OneOutput hvp |o, c, _fill| Ok(vec![(WeightedHvp, o.hvp(&c.x, &c.v)?.data.into())]);
    Hvp OneOutput hvp_into |o, c, fill| {
        let mut hv = buffer(c.inputs(), fill);
        o.hvp_into(&c.x, &c.v, &mut hv)?;
        Ok(vec![(WeightedHvp, hv)])
    };
    Hvp OneOutput value_and_hvp |o, c, _fill| {
        let (y, hv) = o.value_and_hvp(&c.x, &c.v)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedHvp, hv.data.into())])
    };
    Hvp OneOutput value_and_hvp_into |o, c, fill| {
        let mut hv = buffer(c.inputs(), fill);
        let y = o.value_and_hvp_into(&c.x, &c.v, &mut hv)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedHvp, hv)])
    };
    Hvp OneOutput value_gradient_and_hvp |o, c, _fill| {
        let (y, g, hv) = o.value_gradient_and_hvp(&c.x, &c.v)?;
        Ok(vec![
            (WeightedValue, vec![y]),
            (WeightedGradient, g.data.into()),
            (WeightedHvp, hv.data.into()),
        ])
    };
    Hvp OneOutput value_gradient_and_hvp_into |o, c, fill| {
        let (mut g, mut hv) = (buffer(c.inputs(), fill), buffer(c.inputs(), fill));
        let y = o.value_gradient_and_hvp_into(&c.x, &c.v, &mut g, &mut hv)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedGradient, g), (WeightedHvp, hv)])
    };
    Hvp Any value_gradient_and_weighted_hvp_into |o, c, fill| {
        let (mut g, mut hv) = (buffer(c.inputs(), fill), buffer(c.inputs(), fill));
        let y = o.value_gradient_and_weighted_hvp_into(&c.x, &c.weights, &c.v, &mut g, &mut hv)?;
        Ok(vec![(WeightedValue, vec![y]), (WeightedGradient, g), (WeightedHvp, hv)])
    };
}
