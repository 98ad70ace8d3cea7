//! A recurrent network: a long loop of elementary functions.

use std::ops::Mul;
use std::sync::Arc;

use ad_api::{Chain, Failure, Function, Result, Scalar, Scan, scratch};

use crate::Generator;

/// The diagonal long short-term memory network of ADBench: the loss of predicting each element of a
/// sequence from those before it.
///
/// Inputs: `main[layer][8][width] | extra[3][width]`; the rows of `main` are the weights of the
/// forget, input, output and change gates, then their biases.
#[derive(Debug, Clone)]
pub struct Lstm {
    layers: usize,
    width: usize,
    state: Arc<[f64]>,
    sequence: Arc<[f64]>,
}

impl Lstm {
    /// A network with a start state and a sequence, and the parameters of the benches.
    pub fn generate(layers: usize, length: usize, width: usize) -> (Self, Vec<f64>) {
        let mut generator = Generator::new(4);
        let theta = generator.vector((8 * layers + 3) * width, 0.0, 1.0);
        let state = generator.vector(2 * layers * width, 0.0, 1.0).into();
        let bit = |u: f64| if u < 0.5 { 0.0 } else { 1.0 };
        let sequence = generator.vector(length * width, 0.0, 1.0).into_iter().map(bit).collect();
        (Lstm { layers, width, state, sequence }, theta)
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// The number of entries of an element of the sequence.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The start state: hidden and cell entries of each layer.
    pub fn start(&self) -> &[f64] {
        &self.state
    }

    /// The sequence, one element after the other.
    pub fn sequence(&self) -> &[f64] {
        &self.sequence
    }
}

fn sigmoid<S: Scalar>(x: S) -> S {
    ((-x).exp() + 1.0).recip()
}

/// The log-likelihood of `next` after `now`, for the parameters `theta`; updates the state.
fn predict<S: Scalar + Mul<T, Output = S>, T: Copy>(
    theta: &[S],
    state: &mut [S],
    now: &[T],
    next: &[T],
) -> S {
    let b = now.len();
    let (main, extra) = theta.split_at(theta.len() - 3 * b);
    scratch::with(b, |v: &mut [S]| {
        for j in 0..b {
            v[j] = extra[j] * now[j];
        }
        for (state, weights) in state.chunks_exact_mut(2 * b).zip(main.chunks_exact(8 * b)) {
            let (hidden, cell) = state.split_at_mut(b);
            for j in 0..b {
                let gate = |row: usize, input: S| {
                    input * weights[row * b + j] + weights[(row + 4) * b + j]
                };
                let forget = sigmoid(gate(0, v[j]));
                let input = sigmoid(gate(1, hidden[j]));
                let output = sigmoid(gate(2, v[j]));
                let change = gate(3, hidden[j]).tanh();
                cell[j] = cell[j] * forget + input * change;
                hidden[j] = output * cell[j].tanh();
                v[j] = hidden[j];
            }
        }
        for j in 0..b {
            v[j] = v[j] * extra[b + j] + extra[2 * b + j];
        }
        let normalizer = (v.iter().map(|v| v.exp()).sum::<S>() + 2.0).ln();
        (0..b).map(|j| (v[j] - normalizer) * next[j]).sum()
    })
}

/// One step of [`Lstm`]. Inputs: the parameters, the state, then two neighbours of the sequence;
/// outputs: the next state and the share of the loss.
#[derive(Debug, Clone)]
pub struct Prediction {
    layers: usize,
    width: usize,
    predictions: usize,
}

impl Function for Prediction {
    fn inputs(&self) -> usize {
        (8 * self.layers + 3 + 2 * self.layers + 2) * self.width
    }

    fn outputs(&self) -> usize {
        2 * self.layers * self.width + 1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (layers, b) = (self.layers, self.width);
        let (theta, rest) = x.split_at((8 * layers + 3) * b);
        let (before, constants) = rest.split_at(2 * layers * b);
        let (now, next) = constants.split_at(b);
        let (state, loss) = y.split_at_mut(2 * layers * b);
        state.copy_from_slice(before);
        loss[0] = -predict(theta, state, now, next) / self.predictions as f64;
        Ok(())
    }
}

/// [`Lstm`] from a start state that is a constant.
#[derive(Debug, Clone)]
pub struct Started {
    inputs: usize,
    state: Arc<[f64]>,
}

impl Function for Started {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.inputs + self.state.len()
    }

    fn eval<S: Scalar>(&self, theta: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (same, state) = y.split_at_mut(self.inputs);
        same.copy_from_slice(theta);
        state.iter_mut().zip(&*self.state).for_each(|(s, &value)| *s = S::from(value));
        Ok(())
    }
}

impl Lstm {
    /// The same function as a loop over predictions.
    ///
    /// # Errors
    ///
    /// None: the sizes fit.
    pub fn structured(&self) -> Result<Chain<Started, Scan<Prediction>>> {
        let Lstm { layers, width, .. } = *self;
        let steps = self.sequence.len() / width - 1;
        let data: Vec<f64> =
            self.sequence.windows(2 * width).step_by(width).flatten().copied().collect();
        let step = Prediction { layers, width, predictions: steps * width };
        let scan = Scan::sum(step, 2 * layers * width, steps, data)?;
        Chain::new(Started { inputs: self.inputs(), state: self.state.clone() }, scan)
    }
}

impl Function for Lstm {
    fn inputs(&self) -> usize {
        (8 * self.layers + 3) * self.width
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, theta: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (layers, b) = (self.layers, self.width);
        let predictions = (self.sequence.len() / b - 1) * b;
        scratch::with(2 * layers * b, |state: &mut [S]| {
            state.iter_mut().zip(&*self.state).for_each(|(s, &value)| *s = S::from(value));
            let mut total = S::from(0.0);
            for (now, next) in
                self.sequence.chunks_exact(b).zip(self.sequence.chunks_exact(b).skip(1))
            {
                total += predict(theta, state, now, next);
            }
            y[0] = -total / predictions as f64;
        });
        Ok(())
    }
}
