//! Counting evaluations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{Failure, Function, Scalar};

/// A function that counts its evaluations, in whatever scalar type. Clones share the count.
///
/// ```
/// use ad_api::Differentiate;
/// use ad_conformance::{Counted, Program};
/// use ad_dual::Dual;
///
/// let f = Counted::new(Program::new(3, |x| vec![x[0] * x[1] * x[2]]));
/// Dual::default().gradient(&f, &[1.0, 2.0, 3.0])?;
/// assert_eq!(f.take(), 1); // three tangents fit into one sweep
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Counted<F> {
    function: F,
    evaluations: Arc<AtomicUsize>,
}

impl<F> Counted<F> {
    /// `function`, with a count of zero.
    pub fn new(function: F) -> Self {
        Counted { function, evaluations: Arc::default() }
    }

    /// The number of evaluations since the last call, or since the beginning.
    pub fn take(&self) -> usize {
        self.evaluations.swap(0, Ordering::Relaxed)
    }

    /// The function itself.
    pub fn function(&self) -> &F {
        &self.function
    }
}

impl<F: Function> Function for Counted<F> {
    fn inputs(&self) -> usize {
        self.function.inputs()
    }

    fn outputs(&self) -> usize {
        self.function.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        self.function.eval(x, y)
    }

    fn precision(&self) -> f64 {
        self.function.precision()
    }
}
