//! Arrays of any library as vectors.

use ad_api::array::{Array, Tensor, flatten};
use ad_api::{AdError, Relation, Result};

use super::{Elementwise, Vector};

/// The inputs or outputs of an [`ArrayFunction`](ad_api::array::ArrayFunction) as one vector: all
/// entries of all arrays.
///
/// Arithmetic stays on the device, and so does what goes wrong in it: an array carries its error to
/// the next number that is asked for. Note that `x.len()` is the number of arrays where the type is
/// known to be a `Vec`, and the number of entries where it is known to be a `Vector`.
///
/// ```
/// use ad_algorithms::matrix_free::Vector;
/// use ad_api::array::{Array, HostTensor};
///
/// let weights: Array<HostTensor<f64>> = Array::host([2, 2], &[1.0, 2.0, 3.0, 4.0])?;
/// let bias = weights.constant([2], &[5.0, 3.0]);
/// let mut x = vec![weights, bias];
/// assert_eq!((Vector::len(&x), x.norm()?), (6, 8.0));
/// x.scale(2.0);
/// assert_eq!(x.to_host()?, [2.0, 4.0, 6.0, 8.0, 10.0, 6.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
impl<T: Tensor> Vector for Vec<Array<T>> {
    fn len(&self) -> usize {
        self.iter().map(Array::count).sum()
    }

    fn zeros_like(&self) -> Self {
        self.iter().map(Array::zeros_like).collect()
    }

    fn unit(&self) -> f64 {
        self.first().map_or(f64::EPSILON, |array| T::precision(&array.device()))
    }

    fn dot(&self, other: &Self) -> Result<f64> {
        if !same_shapes(self, other) {
            let (operation, found, expected) = ("dot", shapes(other), shapes(self));
            return Err(AdError::Array { operation, found, expected });
        }
        // Added up on the device, so that one number leaves it.
        let products = self.iter().zip(other).map(|(x, y)| x.dot(y));
        products.reduce(|sum, product| sum + product).map_or(Ok(0.0), |sum| sum.item())
    }

    fn scale(&mut self, a: f64) {
        self.iter_mut().for_each(|x| *x = &*x * a);
    }

    fn axpby(&mut self, a: f64, x: &Self, b: f64) {
        update(self, x, |y, x| {
            // PERF: a factor of 1 costs no pass over the entries.
            let term = if a == 1.0 { x.clone() } else { x * a };
            match b {
                0.0 => term,
                1.0 => y + term,
                _ => y * b + term,
            }
        });
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        flatten(self)
    }
}

impl<T: Tensor> Elementwise for Vec<Array<T>> {
    fn multiply(&mut self, other: &Self) {
        update(self, other, |x, y| x * y);
    }

    fn divide(&mut self, other: &Self) {
        update(self, other, |x, y| x / y);
    }

    fn square_root(&mut self) {
        self.iter_mut().for_each(|x| *x = x.sqrt());
    }

    fn shift(&mut self, a: f64) {
        self.iter_mut().for_each(|x| *x = &*x + a);
    }

    fn limit(&mut self, bound: f64) {
        // Not `minimum` and `maximum`, in which a NaN loses.
        let limited = |x: &Array<T>| {
            let beyond = x.abs().compare(Relation::Greater, &x.number(bound));
            beyond.select(&(x.signum() * bound), x)
        };
        self.iter_mut().for_each(|x| *x = limited(x));
    }
}

/// `x ← f(x, y)` for corresponding arrays, which must not be broadcast.
fn update<T: Tensor>(
    x: &mut [Array<T>],
    y: &[Array<T>],
    f: impl Fn(&Array<T>, &Array<T>) -> Array<T>,
) {
    assert!(
        same_shapes(x, y),
        "vectors of arrays of shapes {} and {} do not go together",
        shapes(x),
        shapes(y)
    );
    x.iter_mut().zip(y).for_each(|(x, y)| *x = f(x, y));
}

fn same_shapes<T: Tensor>(x: &[Array<T>], y: &[Array<T>]) -> bool {
    x.iter().map(Array::dims).eq(y.iter().map(Array::dims))
}

fn shapes<T: Tensor>(x: &[Array<T>]) -> String {
    x.iter().map(|x| x.dims().to_string()).collect::<Vec<_>>().join(", ")
}
