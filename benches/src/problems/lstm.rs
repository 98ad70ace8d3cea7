//! A recurrent network: a long loop of elementary functions.

use std::sync::Arc;

use ad_api::{Failure, Function, Scalar, scratch};

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
}

fn sigmoid<S: Scalar>(x: S) -> S {
    ((-x).exp() + 1.0).recip()
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
        let (main, extra) = theta.split_at(8 * layers * b);
        scratch::with((2 * layers + 1) * b, |buffer: &mut [S]| {
            let (state, v) = buffer.split_at_mut(2 * layers * b);
            state.iter_mut().zip(&*self.state).for_each(|(s, &value)| *s = S::from(value));
            let mut total = S::from(0.0);
            for (now, next) in
                self.sequence.chunks_exact(b).zip(self.sequence.chunks_exact(b).skip(1))
            {
                for j in 0..b {
                    v[j] = extra[j] * now[j];
                }
                for (state, weights) in state.chunks_exact_mut(2 * b).zip(main.chunks_exact(8 * b))
                {
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
                for j in 0..b {
                    total += (v[j] - normalizer) * next[j];
                }
            }
            let predictions = (self.sequence.len() / b - 1) * b;
            y[0] = -total / predictions as f64;
        });
        Ok(())
    }
}
