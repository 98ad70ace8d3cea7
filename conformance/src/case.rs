//! A scenario at a point: the arguments of every operation, and what each must give.

use nalgebra::{DMatrix, DVector};

use crate::erased::Probe;
use crate::scenario::{Known, Scenario};

/// Which result of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Value,
    WeightedValue,
    Pushforward,
    Pullback,
    Jacobian,
    SecondDerivative,
    WeightedGradient,
    WeightedHvp,
    WeightedHessian,
}

impl Part {
    /// The number of differentiations.
    pub(crate) fn order(self) -> usize {
        match self {
            Part::Value | Part::WeightedValue => 0,
            Part::Pushforward | Part::Pullback | Part::Jacobian | Part::WeightedGradient => 1,
            Part::SecondDerivative | Part::WeightedHvp | Part::WeightedHessian => 2,
        }
    }
}

/// A scenario at one of its points.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) scenario: &'static str,
    pub(crate) f: Probe,
    pub(crate) x: Vec<f64>,
    pub(crate) v: Vec<f64>,
    pub(crate) w: Vec<f64>,
    /// The weights of second-order operations: `w`, but 1 for a scalar function, whose Hessian has
    /// forms without weights.
    pub(crate) weights: Vec<f64>,
    pub(crate) known: Known,
}

/// An expected result: the numbers, and the size of the terms they are sums of.
pub(crate) struct Expected {
    pub(crate) numbers: Vec<f64>,
    pub(crate) scale: f64,
}

impl Case {
    pub(crate) fn new(scenario: &Scenario, x: &[f64]) -> Self {
        Case {
            scenario: scenario.name,
            f: scenario.probe(),
            x: x.to_vec(),
            v: scenario.tangent.clone(),
            w: scenario.cotangent.clone(),
            weights: match scenario.cotangent.len() {
                1 => vec![1.0],
                _ => scenario.cotangent.clone(),
            },
            known: scenario.known(x),
        }
    }

    /// Every point of every scenario.
    pub(crate) fn all(scenarios: &[Scenario]) -> Vec<Case> {
        scenarios.iter().flat_map(|s| s.points.iter().map(|x| Case::new(s, x))).collect()
    }

    pub(crate) fn inputs(&self) -> usize {
        self.x.len()
    }

    pub(crate) fn outputs(&self) -> usize {
        self.known.value.len()
    }

    /// `scenario at [x]`.
    pub(crate) fn label(&self) -> String {
        format!("{} at {:?}", self.scenario, self.x)
    }

    pub(crate) fn expected(&self, part: Part) -> Expected {
        let Known { value, jacobian, hessians } = &self.known;
        let vector = DVector::from_column_slice;
        let (v, w, weights) = (vector(&self.v), vector(&self.w), vector(&self.weights));
        let curvature = || hessians.iter().zip(&self.weights).map(|(h, w)| h.abs() * w.abs());
        let products = |j: &DMatrix<f64>, w: &DVector<f64>| {
            (column(j.tr_mul(w)), largest(&column(j.abs().tr_mul(&w.abs()))))
        };
        let sum = |terms: &mut dyn Iterator<Item = DMatrix<f64>>| {
            terms.reduce(|a, b| a + b).unwrap_or_default()
        };
        let (numbers, size) = match part {
            Part::Value => return Expected { numbers: value.clone(), scale: largest(value) },
            Part::WeightedValue => {
                let dot: f64 = value.iter().zip(&self.weights).map(|(y, w)| y * w).sum();
                (vec![dot], largest(value) * largest(&self.weights))
            }
            Part::Pushforward => {
                (column(jacobian * &v), largest(&column(jacobian.abs() * v.abs())))
            }
            Part::Pullback => products(jacobian, &w),
            Part::WeightedGradient => products(jacobian, &weights),
            Part::Jacobian => (jacobian.as_slice().to_vec(), largest(jacobian.as_slice())),
            Part::SecondDerivative => {
                let second: Vec<f64> = hessians.iter().map(|h| h[(0, 0)]).collect();
                let size = largest(&second);
                (second, size)
            }
            Part::WeightedHvp => (
                column(self.known.weighted_hessian(&self.weights) * &v),
                largest(&column(sum(&mut curvature()) * v.abs())),
            ),
            Part::WeightedHessian => (
                self.known.weighted_hessian(&self.weights).as_slice().to_vec(),
                largest(sum(&mut curvature()).as_slice()),
            ),
        };
        Expected { numbers, scale: size }
    }

    /// The size of the function and its first derivative, which finite differences must see
    /// through to get at the next one.
    pub(crate) fn magnitude(&self, order: usize) -> f64 {
        let seeds = largest(&self.v).max(largest(&self.w)).max(1.0);
        let below = if order > 1 { largest(self.known.jacobian.as_slice()) } else { 0.0 };
        seeds * largest(&self.known.value).max(below).max(1.0)
    }
}

fn column(vector: DVector<f64>) -> Vec<f64> {
    vector.data.into()
}

/// The largest absolute value.
pub(crate) fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |max, x| x.abs().max(max))
}
