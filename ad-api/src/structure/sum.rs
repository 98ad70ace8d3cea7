//! The sum of many rows.

use crate::structure::StructureVisitor;
use crate::{Failure, Function, Map, Scalar};

/// The sum of the rows of a [`Map`]: `y = Σᵣ b(x[row r], data[row r])`, with the outputs of the body.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Map, Scalar, Sum};
/// use ad_native_reverse::NativeReverse;
///
/// /// One term of the Rosenbrock function, on two neighbours.
/// #[derive(Clone)]
/// struct Valley;
///
/// impl Function for Valley {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = (x[1] - x[0] * x[0]).powi(2) * 100.0 + (x[0] - 1.0).powi(2);
///         Ok(())
///     }
/// }
/// let rosenbrock = Sum::new(Map::windows(Valley, 3, 1)?);
/// let gradient = NativeReverse::default().gradient(&rosenbrock, &[1.0, 2.0, 4.0])?;
/// assert_eq!(gradient.as_slice(), [-400.0, 202.0, 0.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sum<F> {
    map: Map<F>,
}

impl<F: Function> Sum<F> {
    /// The sum of the rows of `map`.
    pub fn new(map: Map<F>) -> Self {
        Sum { map }
    }

    /// The rows.
    pub fn map(&self) -> &Map<F> {
        &self.map
    }
}

impl<F: Function> Function for Sum<F> {
    fn inputs(&self) -> usize {
        self.map.inputs()
    }

    fn outputs(&self) -> usize {
        self.map.body().outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.fill(S::from(0.0));
        self.map.each(x, |_, row| y.iter_mut().zip(row).for_each(|(y, &row)| *y += row))
    }

    fn precision(&self) -> f64 {
        self.map.precision()
    }

    fn structure<V: StructureVisitor>(&self, visitor: V) -> V::Output {
        visitor.sum(self)
    }
}
