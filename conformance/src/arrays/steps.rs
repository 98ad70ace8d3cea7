//! Array programs as lists of operations.

use std::sync::Arc;

use ad_api::array::{Array, ArrayFunction, ArrayOp, Dims, Tensor};
use ad_api::{Failure, Result};

/// An array program as a list of operations, so that an engine is compiled for one function type and
/// not for a hundred.
///
/// ```
/// use ad_api::array::{Array, ArrayOp, HostTensor, evaluate};
/// use ad_conformance::Steps;
///
/// // The sums of the rows of x².
/// let f = Steps::new(vec![[2, 2].into()])
///     .then(ArrayOp::Mul, &[0, 0])
///     .then(ArrayOp::Sum(vec![1]), &[1])
///     .returns(&[2])?;
/// let x = Array::<HostTensor<f64>>::host([2, 2], &[1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!(evaluate(&f, &[x])?[0].to_vec()?, [5.0, 25.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Steps {
    inputs: Vec<Dims>,
    steps: Arc<Vec<(ArrayOp, Vec<usize>)>>,
    outputs: Vec<(usize, Dims)>,
}

impl Steps {
    /// A program with inputs of these shapes, which are results 0, 1, ...
    pub fn new(inputs: Vec<Dims>) -> Self {
        Steps { inputs, steps: Arc::default(), outputs: vec![] }
    }

    /// One more operation, on earlier results; its own is the next in number.
    #[must_use]
    pub fn then(mut self, op: ArrayOp, operands: &[usize]) -> Self {
        Arc::make_mut(&mut self.steps).push((op, operands.to_vec()));
        self
    }

    /// The number of the latest result.
    pub(crate) fn last(&self) -> usize {
        self.inputs.len() + self.steps.len() - 1
    }

    /// These results as outputs.
    ///
    /// # Errors
    ///
    /// As [`ArrayOp::dims`], where the shapes of a step do not fit.
    pub fn returns(mut self, outputs: &[usize]) -> Result<Self> {
        let mut dims = self.inputs.clone();
        for (op, operands) in self.steps.iter() {
            let of: Vec<_> = operands.iter().map(|&operand| dims[operand]).collect();
            dims.push(op.dims(&of)?);
        }
        self.outputs = outputs.iter().map(|&output| (output, dims[output])).collect();
        Ok(self)
    }

    /// The latest result as the only output, of a shape that is stated and not checked.
    pub(crate) fn states(mut self, dims: Dims) -> Self {
        self.outputs = vec![(self.last(), dims)];
        self
    }
}

impl ArrayFunction for Steps {
    fn inputs(&self) -> Vec<Dims> {
        self.inputs.clone()
    }

    fn outputs(&self) -> Vec<Dims> {
        self.outputs.iter().map(|&(_, dims)| dims).collect()
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let mut results = x.to_vec();
        for (op, operands) in self.steps.iter() {
            let operands: Vec<_> = operands.iter().map(|&operand| &results[operand]).collect();
            results.push(Array::apply(op, &operands));
        }
        Ok(self.outputs.iter().map(|&(output, _)| results[output].clone()).collect())
    }
}
