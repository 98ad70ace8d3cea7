//! The inverse of the discrete Laplacian.

use std::f64::consts::PI;

use ad_api::array::{Array, Constant, HostTensor, Tensor};
use ad_api::{AdError, Result};
use nalgebra::DVector;

use super::check_size;
use crate::matrix_free::Preconditioner;

/// The inverse of the five-point Laplacian on the `n × n` interior points of the unit square, zero
/// at its boundary, times a factor.
///
/// The sine transform diagonalizes it: `U = S ((S F S) ∘ D) S` with `S` the orthogonal matrix of
/// sines and `D` the reciprocals of the eigenvalues. That is four products of `n × n` matrices, `8
/// n³` operations. (A fast transform takes `O(n² log n)`; up to some hundred points in each
/// direction a matrix product is as fast, and it runs on any device.)
///
/// Source: G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, section 4.8.
///
/// ```
/// use ad_algorithms::matrix_free::Preconditioner;
/// use ad_algorithms::problems::Poisson;
/// use nalgebra::dvector;
///
/// // One point: the Laplacian times h² is -4.
/// assert!((Poisson::scaled(1)?.apply(&dvector![4.0])?[0] + 1.0).abs() < 1e-15);
/// assert!((Poisson::negative(1)?.apply(&dvector![16.0])?[0] - 1.0).abs() < 1e-15);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Poisson {
    sines: Constant,
    reciprocals: Constant,
}

impl Poisson {
    /// The inverse of `h² Δ`, as in [`Bratu2d`](super::Bratu2d).
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`] if `n` is 0.
    pub fn scaled(n: usize) -> Result<Self> {
        Self::new(n, 1.0)
    }

    /// The inverse of `-Δ`, as in [`ConvectionDiffusion`](super::ConvectionDiffusion).
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`] if `n` is 0.
    pub fn negative(n: usize) -> Result<Self> {
        Self::new(n, -1.0 / ((n + 1) as f64).powi(2))
    }

    fn new(n: usize, factor: f64) -> Result<Self> {
        check_size(n, 1, "at least one point in each direction")?;
        let angle = |i: usize| (i + 1) as f64 * PI / (n + 1) as f64;
        let norm = (2.0 / (n + 1) as f64).sqrt();
        // The eigenvalues of the second difference.
        let eigenvalue = |i: usize| -4.0 * (angle(i) / 2.0).sin().powi(2);
        let table = |entry: &dyn Fn(usize, usize) -> f64| {
            let rows = (0..n).flat_map(|i| (0..n).map(move |j| entry(i, j)));
            Constant::new([n, n], rows.collect())
        };
        Ok(Poisson {
            sines: table(&|i, j| norm * (angle(i) * (j + 1) as f64).sin())?,
            reciprocals: table(&|i, j| factor / (eigenvalue(i) + eigenvalue(j)))?,
        })
    }
}

/// On the device where the vectors are: one array of shape `[n, n]`.
impl<T: Tensor> Preconditioner<Vec<Array<T>>> for Poisson {
    /// Nothing: the Laplacian is the same everywhere.
    fn setup(&mut self, _x: &Vec<Array<T>>) -> Result<()> {
        Ok(())
    }

    fn apply(&self, v: &Vec<Array<T>>) -> Result<Vec<Array<T>>> {
        let dims = self.sines.dims();
        let [v] = &v[..] else {
            let found = format!("{} arrays", v.len());
            let expected = format!("one array of shape {dims}");
            return Err(AdError::Array { operation: "poisson", found, expected });
        };
        if v.dims() != dims {
            let (found, expected) = (v.dims().to_string(), dims.to_string());
            return Err(AdError::Array { operation: "poisson", found, expected });
        }
        let (sines, reciprocals) = (self.sines.beside(v), self.reciprocals.beside(v));
        let spectrum = sines.matmul(v).matmul(&sines) * reciprocals;
        let solution = sines.matmul(&spectrum).matmul(&sines);
        solution.check()?;
        Ok(vec![solution])
    }
}

impl Preconditioner<DVector<f64>> for Poisson {
    /// Nothing: the Laplacian is the same everywhere.
    fn setup(&mut self, _x: &DVector<f64>) -> Result<()> {
        Ok(())
    }

    fn apply(&self, v: &DVector<f64>) -> Result<DVector<f64>> {
        let dims = self.sines.dims();
        AdError::check_len("v", v.len(), dims.count(), "the points of the grid")?;
        let v: Array<HostTensor<f64>> = Array::host(dims, v.as_slice())?;
        let solution = self.apply(&vec![v])?;
        Ok(DVector::from_column_slice(&solution[0].entries()?))
    }
}
