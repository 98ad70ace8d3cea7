//! A coupon bond on a discount curve: gradients in the types of the arguments, against closed forms.

use ad_api::{AdError, Backend, Constant, Differentiate, HigherOrder, Params, Scalar};
use ad_derive::{Params, differentiable};
use ad_dual::Dual;
use approx::assert_relative_eq;

/// What is paid besides the face value.
#[derive(Debug, Clone, PartialEq, Params)]
struct Leg<S> {
    spreads: Vec<S>,
    #[params(constant)]
    name: String,
}

#[derive(Debug, Clone, PartialEq, Params)]
struct Bond<S> {
    coupon: S,
    leg: Leg<S>,
    fees: [S; 2],
    #[params(constant)]
    years: usize,
}

/// `Σₜ (coupon + spreadₜ) e^(-curveₜ t) · face + fees₀ - fees₁²` over the years, and the face at the end.
#[differentiable]
fn price<S: Scalar>(bond: &Bond<S>, curve: &[S], face: S, periods: usize) -> S {
    let discount = |t: usize| (-curve[t] * (t + 1) as f64).exp();
    let mut coupons = S::from(0.0);
    for t in 0..bond.years {
        let rate = (bond.coupon + bond.leg.spreads[t]) / periods as f64;
        coupons += rate * periods as f64 * discount(t);
    }
    face * (coupons + discount(bond.years - 1)) + bond.fees[0] - bond.fees[1] * bond.fees[1]
}

fn bond() -> Bond<f64> {
    let leg = Leg { spreads: vec![0.001, 0.002, 0.003], name: "spread".into() };
    Bond { coupon: 0.05, leg, fees: [0.5, 2.0], years: 3 }
}

const CURVE: [f64; 3] = [0.01, 0.02, 0.03];
const FACE: f64 = 100.0;

fn discount(t: usize) -> f64 {
    (-CURVE[t] * (t + 1) as f64).exp()
}

fn rate(t: usize) -> f64 {
    0.05 + 0.001 * (t + 1) as f64
}

/// The gradient by hand.
fn closed_form() -> price {
    let sum = |term: &dyn Fn(usize) -> f64| (0..3).map(term).sum::<f64>();
    let slope = |t: usize| -((t + 1) as f64) * discount(t) * FACE;
    price {
        bond: Bond {
            coupon: FACE * sum(&discount),
            leg: Leg {
                spreads: (0..3).map(|t| FACE * discount(t)).collect(),
                name: "spread".into(),
            },
            fees: [1.0, -4.0],
            years: 3,
        },
        curve: (0..3).map(|t| slope(t) * (rate(t) + if t == 2 { 1.0 } else { 0.0 })).collect(),
        face: sum(&|t| rate(t) * discount(t)) + discount(2),
    }
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_relative_eq!(found, expected, max_relative = 1e-14);
}

#[test]
fn the_function_stays_as_it_is() {
    let value = price(&bond(), &CURVE, FACE, 2);
    assert_eq!(price::at(&bond(), &CURVE, FACE, 2).value().unwrap(), value);
}

#[test]
fn the_gradient_has_the_types_and_names_of_the_arguments() {
    let at = price::at(&bond(), &CURVE, FACE, 2);
    let (value, gradient) = at.value_and_gradient(&Dual::default()).unwrap();
    let expected = closed_form();
    assert_relative_eq!(value, price(&bond(), &CURVE, FACE, 2), max_relative = 1e-15);
    assert_close(&gradient.bond.flatten(), &expected.bond.flatten());
    assert_close(&gradient.curve, &expected.curve);
    assert_relative_eq!(gradient.face, expected.face, max_relative = 1e-14);
    assert_eq!(gradient.bond.years, 3);
    assert_eq!(gradient.bond.leg.name, "spread");
}

#[test]
fn any_choice_of_active_arguments_gives_its_part_of_the_gradient() {
    let (backend, bond, expected) = (Dual::default(), bond(), closed_form());

    let only_bond = price::at(&bond, Constant(&CURVE), Constant(FACE), 1);
    let gradient: price<Bond<f64>, (), ()> = only_bond.gradient(&backend).unwrap();
    assert_close(&gradient.bond.flatten(), &expected.bond.flatten());
    assert_eq!(only_bond.flat().len(), 6);

    let only_curve = price::at(Constant(&bond), &CURVE, Constant(FACE), 1);
    assert_close(&only_curve.gradient(&backend).unwrap().curve, &expected.curve);

    let only_face = price::at(Constant(&bond), Constant(CURVE.as_slice()), FACE, 1);
    assert_relative_eq!(
        only_face.derivative(&backend).unwrap(),
        expected.face,
        max_relative = 1e-14
    );
    assert_eq!(only_face.second_derivative(&backend).unwrap(), 0.0);

    let none = price::at(Constant(bond.clone()), Constant(CURVE.to_vec()), Constant(FACE), 1);
    let (value, gradient) = none.value_and_gradient(&backend).unwrap();
    assert_eq!(gradient, price { bond: (), curve: (), face: () });
    assert_eq!(value, price(&bond, &CURVE, FACE, 1));
}

#[test]
fn products_with_tangents_and_cotangents_agree_with_the_gradient() {
    let backend = Dual::default();
    let at = price::at(&bond(), &CURVE, Constant(FACE), 1);
    let gradient = at.gradient(&backend).unwrap();
    let tangent = at.unflatten(&[1.0, 0.5, -0.5, 0.25, 2.0, -1.0, 3.0, 0.0, -2.0]).unwrap();
    let dot: f64 = {
        let all = |d: &price<Bond<f64>, Vec<f64>, ()>| [d.bond.flatten(), d.curve.clone()].concat();
        all(&gradient).iter().zip(all(&tangent)).map(|(g, t)| g * t).sum()
    };
    assert_relative_eq!(at.pushforward(&backend, &tangent).unwrap(), dot, max_relative = 1e-13);
    let doubled = at.pullback(&backend, &2.0).unwrap();
    assert_relative_eq!(doubled.bond.coupon, 2.0 * gradient.bond.coupon, max_relative = 1e-14);
}

#[test]
fn second_order_through_a_pair_of_backends() {
    let backend = HigherOrder::new(Dual::default(), Dual::default());
    let at = price::at(Constant(&bond()), &CURVE, FACE, 1);
    let (_, gradient, hessian) = at.value_gradient_and_hessian(&backend).unwrap();
    let expected = closed_form();
    assert_close(&gradient.curve, &expected.curve);
    for t in 0..3 {
        // d²/dcurveₜ² = -(t+1) d/dcurveₜ; mixed with the face: d/dcurveₜ / face.
        let slope = expected.curve[t];
        assert_relative_eq!(hessian[(t, t)], -slope * (t + 1) as f64, max_relative = 1e-13);
        assert_relative_eq!(hessian[(t, 3)], slope / FACE, max_relative = 1e-13);
        assert_relative_eq!(hessian[(3, t)], slope / FACE, max_relative = 1e-13);
    }
    assert_eq!(hessian[(0, 1)], 0.0);
    let direction = price { curve: vec![0.0, 1.0, 0.0], ..at.zeros() };
    let column = at.hvp(&backend, &direction).unwrap();
    assert_close(&column.curve, hessian.column(1).rows(0, 3).as_slice());
    assert_relative_eq!(column.face, hessian[(3, 1)], max_relative = 1e-13);
}

#[test]
fn a_preparation_serves_many_points() {
    let at = price::at(&bond(), &CURVE, FACE, 1);
    let mut prepared = at.prepare(&Dual::default()).unwrap();
    let mut point = at.point().clone();
    let mut gradient = at.zeros();
    for factor in [0.5, 1.0, 2.0] {
        point.face = FACE * factor;
        point.bond.coupon = 0.05 * factor;
        let value = prepared.value_and_gradient_into(&point, &mut gradient).unwrap();
        assert_relative_eq!(
            value,
            price(&point.bond, &point.curve, point.face, 1),
            max_relative = 1e-15
        );
        assert_eq!(gradient, prepared.gradient(&point).unwrap());
    }
}

#[test]
fn other_lengths_than_the_points_are_errors_that_name_the_field() {
    let at = price::at(&bond(), &CURVE, FACE, 1);
    let mut prepared = at.prepare(&Dual::default()).unwrap();
    let mut longer = at.zeros();
    longer.bond.leg.spreads.push(0.0);
    let error = at.pushforward(&Dual::default(), &longer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`spreads` has length 4, expected 3 (its length at the point of preparation)"
    );
    assert!(matches!(prepared.gradient(&longer), Err(AdError::Shape { what: "spreads", .. })));
    // As many scalars in all, but not in the same places.
    longer.curve.pop();
    let error = prepared.value_and_gradient_into(at.point(), &mut longer).unwrap_err();
    assert!(matches!(error, AdError::Shape { what: "spreads", found: 4, expected: 3, .. }));
    assert!(matches!(at.unflatten(&[0.0; 3]), Err(AdError::Shape { found: 3, expected: 10, .. })));
    // The preparation is as good as before.
    assert_close(&prepared.gradient(at.point()).unwrap().curve, &closed_form().curve);
}

#[test]
fn solvers_get_a_plain_function() {
    let at = price::at(&bond(), Constant(&CURVE), Constant(FACE), 1);
    let flat = Dual::default().gradient(&at.function().unwrap(), &at.flat()).unwrap();
    assert_eq!(at.unflatten(flat.as_slice()).unwrap(), at.gradient(&Dual::default()).unwrap());
    let prepared = Dual::default().prepare(&at.function().unwrap(), &at.flat());
    assert!(prepared.is_ok());
}
