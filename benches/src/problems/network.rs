//! Networks with one hidden layer.

use std::fmt;

use ad_api::Failure;
use ad_api::array::{Array, ArrayFunction, Constant, Dims, Tensor};

use crate::Generator;

/// Of weights, the mean square of `a(x W₁ + b₁) W₂ + b₂ - t` over a batch.
#[derive(Debug, Clone)]
pub struct Network {
    sizes: [usize; 3],
    activation: Activation,
    batch: Constant,
    targets: Constant,
}

/// What the hidden layer does to its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The hyperbolic tangent.
    Tanh,
    /// The positive part.
    Relu,
}

impl Network {
    /// With so many inputs, hidden units and outputs, and a batch of so many examples.
    ///
    /// # Panics
    ///
    /// Never: the data have the sizes that are asked for.
    pub fn new(sizes: [usize; 3], batch: usize, activation: Activation) -> Self {
        let [inputs, _, outputs] = sizes;
        let mut generator = Generator::new(7);
        let mut constant = |dims: [usize; 2]| {
            let entries = generator.vector(dims[0] * dims[1], -0.5, 0.5);
            Constant::new(dims, entries).expect("as many entries as the shape has")
        };
        let (x, t) = (constant([batch, inputs]), constant([batch, outputs]));
        Network { sizes, activation, batch: x, targets: t }
    }

    /// The inputs of the batch, one row each.
    pub fn batch(&self) -> &Constant {
        &self.batch
    }

    /// What should come out, one row each.
    pub fn targets(&self) -> &Constant {
        &self.targets
    }

    /// What the hidden layer does to its sums.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The weights of the benches, array by array.
    pub fn weights(&self) -> Vec<Vec<f64>> {
        let mut generator = Generator::new(8);
        let dims = self.inputs();
        dims.iter().map(|dims| generator.vector(dims.count(), -0.1, 0.1)).collect()
    }
}

impl ArrayFunction for Network {
    fn inputs(&self) -> Vec<Dims> {
        let [inputs, hidden, outputs] = self.sizes;
        vec![[inputs, hidden].into(), [hidden].into(), [hidden, outputs].into(), [outputs].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, weights: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w1, b1, w2, b2] = weights else { unreachable!("inputs are checked") };
        let hidden = self.batch.beside(w1).matmul(w1) + b1;
        let hidden = match self.activation {
            Activation::Tanh => hidden.tanh(),
            Activation::Relu => hidden.relu(),
        };
        let residual = hidden.matmul(w2) + b2 - self.targets.beside(w1);
        Ok(vec![(&residual * &residual).mean_all()])
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [inputs, hidden, outputs] = self.sizes;
        let activation = match self.activation {
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        };
        write!(f, "{inputs}-{hidden}-{outputs} {activation}")
    }
}
