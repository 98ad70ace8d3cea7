//! Can a network of a tensor library be part of a program over plain numbers?
//!
//! A pendulum with unknown friction, which a network stands for. The solver of the differential
//! equation chooses its steps as it goes, with a loop and a branch, which no tensor library can
//! differentiate: dual numbers or the tape do. The network is burn's affair. `DifferentiateWith` joins
//! the two, and the gradient is compared with that of engines which see all of it as numbers.
//!
//! ```text
//! cargo run --release --example burn_in_scalar_ode --features burn
//! ```

use std::time::Instant;

use ad::DifferentiateWith;
use ad::array::{Array, ArrayFunction, Dims, Flat, Tensor};
use ad::prelude::*;
use anyhow::ensure;
use nalgebra::DVector;

const HIDDEN: usize = 16;

/// The torque of friction, `tanh([θ, ω] W₁ + b₁) W₂ + b₂`, of weights and a state.
#[derive(Clone)]
struct Friction;

impl Friction {
    const WEIGHTS: usize = 4 * HIDDEN + 1;
}

impl ArrayFunction for Friction {
    fn inputs(&self) -> Vec<Dims> {
        let weights: [Dims; 4] =
            [[2, HIDDEN].into(), [HIDDEN].into(), [HIDDEN, 1].into(), [1].into()];
        weights.into_iter().chain([[1, 2].into()]).collect()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[1, 1].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w1, b1, w2, b2, state] = x else { unreachable!("inputs are checked") };
        Ok(vec![(state.matmul(w1) + b1).tanh().matmul(w2) + b2])
    }
}

/// Of the weights of `network`, the angle of the pendulum at `t = 5`.
#[derive(Clone)]
struct Pendulum<N> {
    network: N,
}

impl<N: Function> Pendulum<N> {
    /// The change of angle and velocity.
    fn rate<S: Scalar>(
        &self,
        arguments: &mut [S],
        [angle, velocity]: [S; 2],
    ) -> Result<[S; 2], Failure> {
        let [.., theta, omega] = arguments else { unreachable!("the state comes last") };
        (*theta, *omega) = (angle, velocity);
        let mut torque = [S::from(0.0)];
        self.network.eval(arguments, &mut torque)?;
        Ok([velocity, -angle.sin() - torque[0]])
    }
}

impl<N: Function> Function for Pendulum<N> {
    fn inputs(&self) -> usize {
        Friction::WEIGHTS
    }

    fn outputs(&self) -> usize {
        1
    }

    /// The embedded Runge-Kutta pair of order 3(2) of P. Bogacki and L. F. Shampine, *A 3(2) pair of
    /// Runge-Kutta formulas*, Appl. Math. Lett. 2, 1989. The steps follow from the values alone.
    fn eval<S: Scalar>(&self, weights: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut arguments = [weights, &[S::from(0.0); 2]].concat();
        let combine = |u: [S; 2], terms: &[(f64, [S; 2])]| {
            terms.iter().fold(u, |u, &(c, k)| [u[0] + k[0] * c, u[1] + k[1] * c])
        };
        let (mut t, mut h) = (0.0, 0.1);
        let mut u = [S::from(2.0), S::from(0.0)];
        let mut k1 = self.rate(&mut arguments, u)?;
        while t < 5.0 {
            h = f64::min(h, 5.0 - t);
            let k2 = self.rate(&mut arguments, combine(u, &[(h / 2.0, k1)]))?;
            let k3 = self.rate(&mut arguments, combine(u, &[(h * 0.75, k2)]))?;
            let next = combine(u, &[(h * 2.0 / 9.0, k1), (h / 3.0, k2), (h * 4.0 / 9.0, k3)]);
            let k4 = self.rate(&mut arguments, next)?;
            let error = |i: usize| {
                let [k1, k2, k3, k4] = [k1, k2, k3, k4].map(|k| k[i].primal());
                h * (5.0 / 72.0 * k1 - k2 / 12.0 - k3 / 9.0 + k4 / 8.0)
            };
            let error = error(0).hypot(error(1)) / 1e-5;
            if error <= 1.0 {
                (t, u, k1) = (t + h, next, k4);
            }
            h *= (0.9 * error.max(1e-6).powf(-1.0 / 3.0)).clamp(0.2, 5.0);
        }
        y[0] = u[0];
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let weights: Vec<f64> = (1..=Friction::WEIGHTS).map(|i| 0.4 * (i as f64).sin()).collect();
    let direction: Vec<f64> = (0..Friction::WEIGHTS).map(|i| (i as f64).cos()).collect();
    let (dual, tape) = (Dual::default(), NativeReverse::default());
    let network = Flat::new(Friction);
    let whole = Pendulum { network: network.clone() };
    let with_burn = Pendulum { network: DifferentiateWith::new(Burn::cpu(), network) };

    let (angle, gradient) = tape.value_and_gradient(&whole, &weights)?;
    println!("θ(5) = {angle:.12}, and its gradient has norm {:.12}\n", gradient.norm());
    let mut rows = Rows::new(&gradient);
    rows.print("native-reverse", "native-reverse", || tape.gradient(&whole, &weights))?;
    rows.print("native-reverse", "burn", || tape.gradient(&with_burn, &weights))?;
    rows.print("dual", "burn", || dual.gradient(&with_burn, &weights))?;

    // Second order goes through the network as well: what the outer engine asks of burn's reverse mode
    // is burn's reverse mode again.
    let second = HigherOrder::new(dual, tape);
    let product = second.hvp(&whole, &weights, &direction)?;
    println!("\nits Hessian times a vector has norm {:.12}\n", product.norm());
    let mut rows = Rows::new(&product);
    rows.print("dual/native-reverse", "dual/native-reverse", || {
        second.hvp(&whole, &weights, &direction)
    })?;
    rows.print("dual/native-reverse", "burn", || second.hvp(&with_burn, &weights, &direction))
}

/// A table of the ways to one result.
struct Rows<'a> {
    expected: &'a DVector<f64>,
}

impl<'a> Rows<'a> {
    fn new(expected: &'a DVector<f64>) -> Self {
        println!("{:<20} {:<20} {:>8} {:>8}", "equation by", "network by", "error", "ms");
        Rows { expected }
    }

    fn print(
        &mut self,
        equation: &str,
        network: &str,
        compute: impl FnOnce() -> Result<DVector<f64>, AdError>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        let found = compute()?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let error = (found - self.expected).amax() / self.expected.amax();
        println!("{equation:<20} {network:<20} {error:>8.1e} {ms:>8.2}");
        ensure!(error < 1e-11, "{equation} with {network} is wrong");
        Ok(())
    }
}
