//! Jacobians as operators: products without the matrix.

use std::fmt::Debug;
use std::ops::{Add, Mul, Neg, Sub};

use nalgebra::{DMatrix, DVector, RowDVector};

use crate::{AdError, Backend, Function, Result, Shape, scratch};

/// A real `rows × columns` matrix known by its products.
///
/// [`Backend::linearize`] gives the Jacobian as one. [`Lazy`] adds the algebra.
///
/// # Laws
///
/// Both products are linear, and adjoint to each other: `⟨w, A v⟩ = ⟨Aᵀ w, v⟩`.
pub trait LinearOperator: Clone + Debug + Send + Sync {
    /// The number of rows, the length of `A v`.
    fn rows(&self) -> usize;

    /// The number of columns, the length of `v`.
    fn columns(&self) -> usize;

    /// Writes `A v` into `out`. `v: columns`, `out: rows`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for wrong lengths, and what the engine reports.
    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()>;

    /// Writes `Aᵀ w` into `out`. `w: rows`, `out: columns`.
    ///
    /// # Errors
    ///
    /// As [`apply_into`](Self::apply_into).
    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()>;

    /// `A v`.
    ///
    /// # Errors
    ///
    /// As [`apply_into`](Self::apply_into).
    fn apply(&self, v: &[f64]) -> Result<DVector<f64>> {
        let mut out = DVector::zeros(self.rows());
        self.apply_into(v, out.as_mut_slice())?;
        Ok(out)
    }

    /// `Aᵀ w`.
    ///
    /// # Errors
    ///
    /// As [`apply_into`](Self::apply_into).
    fn apply_transpose(&self, w: &[f64]) -> Result<DVector<f64>> {
        let mut out = DVector::zeros(self.columns());
        self.apply_transpose_into(w, out.as_mut_slice())?;
        Ok(out)
    }

    /// The matrix, from as many products as the smaller of its dimensions.
    ///
    /// # Errors
    ///
    /// As [`apply_into`](Self::apply_into).
    fn materialize(&self) -> Result<DMatrix<f64>> {
        let (rows, columns) = (self.rows(), self.columns());
        let mut matrix = DMatrix::zeros(rows, columns);
        if rows < columns {
            let mut unit = vec![0.0; rows];
            for i in 0..rows {
                unit[i] = 1.0;
                matrix.set_row(i, &self.apply_transpose(&unit)?.transpose());
                unit[i] = 0.0;
            }
        } else {
            let mut unit = vec![0.0; columns];
            for (j, mut column) in matrix.column_iter_mut().enumerate() {
                unit[j] = 1.0;
                self.apply_into(&unit, column.as_mut_slice())?;
                unit[j] = 0.0;
            }
        }
        Ok(matrix)
    }
}

fn check<A: LinearOperator>(operator: &A, v: &[f64], out: &[f64]) -> Result<()> {
    AdError::check_len("v", v.len(), operator.columns(), "the columns of the operator")?;
    AdError::check_len("out", out.len(), operator.rows(), "the rows of the operator")
}

fn check_transpose<A: LinearOperator>(op: &A, w: &[f64], out: &[f64]) -> Result<()> {
    AdError::check_len("w", w.len(), op.rows(), "the rows of the operator")?;
    AdError::check_len("out", out.len(), op.columns(), "the columns of the operator")
}

/// The linearization of engines that keep nothing: every product is a sweep at the stored point.
#[derive(Clone)]
pub struct Resweep<B: Backend, F: Function> {
    backend: B,
    f: F,
    x: Vec<f64>,
}

impl<B: Backend, F: Function> Resweep<B, F> {
    /// The value of `f` at `x` and the Jacobian there.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`], and the failure of `f`.
    pub fn new(backend: &B, f: &F, x: &[f64]) -> Result<(DVector<f64>, Self)> {
        let mut y = DVector::zeros(f.outputs());
        crate::value(f, x, y.as_mut_slice())?;
        Ok((y, Resweep { backend: backend.clone(), f: f.clone(), x: x.to_vec() }))
    }
}

impl<B: Backend, F: Function> Debug for Resweep<B, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resweep")
            .field("backend", &self.backend)
            .field("shape", &Shape::of(&self.f))
            .finish_non_exhaustive()
    }
}

impl<B: Backend, F: Function> LinearOperator for Resweep<B, F> {
    fn rows(&self) -> usize {
        self.f.outputs()
    }

    fn columns(&self) -> usize {
        self.f.inputs()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        check(self, v, out)?;
        scratch::with(self.rows(), |y| self.backend.pushforward_sweep(&self.f, &self.x, v, y, out))
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        check_transpose(self, w, out)?;
        scratch::with(self.rows(), |y| self.backend.pullback_sweep(&self.f, &self.x, w, y, out))
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        let mut matrix = DMatrix::zeros(self.rows(), self.columns());
        scratch::with(self.rows(), |y| {
            self.backend.jacobian_sweep(&self.f, &self.x, y, matrix.as_mut_slice())
        })?;
        Ok(matrix)
    }
}

/// An operator with arithmetic: sums, products, scaling and transposition make new operators, and
/// products with vectors and matrices from either side are computed at once.
///
/// | expression | result |
/// |---|---|
/// | `&a * &v`, `&a * &matrix` | `DVector`, `DMatrix` |
/// | `&row * &a`, `&matrix * &a` | `RowDVector`, `DMatrix` |
/// | `a * 2.0`, `2.0 * a`, `-a` | operator |
/// | `a + b`, `a - b`, `a * b` | operator |
/// | `a.transpose()`, `a.compose(b)`, `a.add(b)`, `a.scale(s)` | operator, sizes checked |
///
/// # Panics
///
/// The operators panic where sizes do not fit or the engine fails, since Rust's operators cannot
/// return an error; the message names the cause. The methods of [`LinearOperator`], and
/// [`compose`](Lazy::compose) and [`add`](Lazy::add), return it.
///
/// ```
/// use ad_api::Differentiate;
/// use ad_dual::Dual;
/// use nalgebra::{dvector, DMatrix};
/// # use ad_api::{Failure, Function, Scalar};
/// # #[derive(Clone)] struct Square;
/// # impl Function for Square {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 2 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[0]; y[1] = x[0] * x[1]; Ok(())
/// #     }
/// # }
/// // f(x) = (x₀², x₀ x₁), J = [2x₀ 0; x₁ x₀]
/// let jacobian = Dual::default().lazy_jacobian(&Square, &[3.0, 5.0])?;
/// assert_eq!(&jacobian * &dvector![1.0, 1.0], dvector![6.0, 8.0]);
/// let normal = jacobian.clone().transpose() * jacobian;
/// assert_eq!(&normal * &dvector![1.0, 0.0], dvector![61.0, 15.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Lazy<A>(A);

impl<A: LinearOperator> Lazy<A> {
    /// Wraps an operator.
    pub fn new(operator: A) -> Self {
        Lazy(operator)
    }

    /// `Aᵀ`.
    pub fn transpose(self) -> Lazy<Transpose<A>> {
        Lazy(Transpose(self.0))
    }

    /// `A B`: first `B`, then `A`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `A` has as many columns as `B` has rows.
    pub fn compose<B: LinearOperator>(self, inner: Lazy<B>) -> Result<Lazy<Compose<A, B>>> {
        AdError::check_len("inner", inner.rows(), self.columns(), "the columns of the outer one")?;
        Ok(Lazy(Compose(self.0, inner.0)))
    }

    /// `A + B`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless both have the same rows and columns.
    #[allow(clippy::should_implement_trait, reason = "the operator exists too, and panics")]
    pub fn add<B: LinearOperator>(self, other: Lazy<B>) -> Result<Lazy<Plus<A, B>>> {
        AdError::check_len("rows", other.rows(), self.rows(), "the rows of the first summand")?;
        AdError::check_len("columns", other.columns(), self.columns(), "those of the first")?;
        Ok(Lazy(Plus(self.0, other.0)))
    }

    /// `s A`.
    pub fn scale(self, factor: f64) -> Lazy<Scaled<A>> {
        Lazy(Scaled(self.0, factor))
    }

    /// `A M`, column by column. `M: columns × k`, result `rows × k`.
    ///
    /// # Errors
    ///
    /// As [`LinearOperator::apply_into`].
    pub fn apply_matrix(&self, matrix: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        AdError::check_len("matrix", matrix.nrows(), self.columns(), "the operator's columns")?;
        let mut out = DMatrix::zeros(self.rows(), matrix.ncols());
        for (column, mut out) in matrix.column_iter().zip(out.column_iter_mut()) {
            self.apply_into(column.as_slice(), out.as_mut_slice())?;
        }
        Ok(out)
    }
}

impl<A: LinearOperator> LinearOperator for Lazy<A> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_into(v, out)
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_transpose_into(w, out)
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        self.0.materialize()
    }
}

/// `Aᵀ`.
#[derive(Debug, Clone)]
pub struct Transpose<A>(A);

impl<A: LinearOperator> LinearOperator for Transpose<A> {
    fn rows(&self) -> usize {
        self.0.columns()
    }

    fn columns(&self) -> usize {
        self.0.rows()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_transpose_into(v, out)
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_into(w, out)
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        Ok(self.0.materialize()?.transpose())
    }
}

/// `A B`.
#[derive(Debug, Clone)]
pub struct Compose<A, B>(A, B);

impl<A: LinearOperator, B: LinearOperator> LinearOperator for Compose<A, B> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.1.columns()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        scratch::with(self.1.rows(), |between| {
            self.1.apply_into(v, between)?;
            self.0.apply_into(between, out)
        })
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        scratch::with(self.1.rows(), |between| {
            self.0.apply_transpose_into(w, between)?;
            self.1.apply_transpose_into(between, out)
        })
    }
}

/// `A + B`.
#[derive(Debug, Clone)]
pub struct Plus<A, B>(A, B);

impl<A: LinearOperator, B: LinearOperator> LinearOperator for Plus<A, B> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        scratch::with(out.len(), |second: &mut [f64]| {
            self.0.apply_into(v, out)?;
            self.1.apply_into(v, second)?;
            out.iter_mut().zip(second).for_each(|(out, second)| *out += *second);
            Ok(())
        })
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        scratch::with(out.len(), |second: &mut [f64]| {
            self.0.apply_transpose_into(w, out)?;
            self.1.apply_transpose_into(w, second)?;
            out.iter_mut().zip(second).for_each(|(out, second)| *out += *second);
            Ok(())
        })
    }
}

/// `s A`.
#[derive(Debug, Clone)]
pub struct Scaled<A>(A, f64);

impl<A: LinearOperator> LinearOperator for Scaled<A> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_into(v, out)?;
        out.iter_mut().for_each(|out| *out *= self.1);
        Ok(())
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.apply_transpose_into(w, out)?;
        out.iter_mut().for_each(|out| *out *= self.1);
        Ok(())
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        Ok(self.0.materialize()? * self.1)
    }
}

/// The value, or a panic with the error's message: for the operators of [`Lazy`].
fn expect<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

impl<A: LinearOperator> Mul<&DVector<f64>> for &Lazy<A> {
    type Output = DVector<f64>;
    fn mul(self, v: &DVector<f64>) -> DVector<f64> {
        expect(self.apply(v.as_slice()))
    }
}

impl<A: LinearOperator> Mul<&DMatrix<f64>> for &Lazy<A> {
    type Output = DMatrix<f64>;
    fn mul(self, matrix: &DMatrix<f64>) -> DMatrix<f64> {
        expect(self.apply_matrix(matrix))
    }
}

impl<A: LinearOperator> Mul<&Lazy<A>> for &RowDVector<f64> {
    type Output = RowDVector<f64>;
    fn mul(self, operator: &Lazy<A>) -> RowDVector<f64> {
        expect(operator.apply_transpose(self.as_slice())).transpose()
    }
}

impl<A: LinearOperator> Mul<&Lazy<A>> for &DMatrix<f64> {
    type Output = DMatrix<f64>;
    fn mul(self, operator: &Lazy<A>) -> DMatrix<f64> {
        expect(operator.clone().transpose().apply_matrix(&self.transpose())).transpose()
    }
}

impl<A: LinearOperator> Mul<f64> for Lazy<A> {
    type Output = Lazy<Scaled<A>>;
    fn mul(self, factor: f64) -> Self::Output {
        self.scale(factor)
    }
}

impl<A: LinearOperator> Mul<Lazy<A>> for f64 {
    type Output = Lazy<Scaled<A>>;
    fn mul(self, operator: Lazy<A>) -> Self::Output {
        operator.scale(self)
    }
}

impl<A: LinearOperator> Neg for Lazy<A> {
    type Output = Lazy<Scaled<A>>;
    fn neg(self) -> Self::Output {
        self.scale(-1.0)
    }
}

impl<A: LinearOperator, B: LinearOperator> Mul<Lazy<B>> for Lazy<A> {
    type Output = Lazy<Compose<A, B>>;
    fn mul(self, inner: Lazy<B>) -> Self::Output {
        expect(self.compose(inner))
    }
}

impl<A: LinearOperator, B: LinearOperator> Add<Lazy<B>> for Lazy<A> {
    type Output = Lazy<Plus<A, B>>;
    fn add(self, other: Lazy<B>) -> Self::Output {
        expect(Lazy::add(self, other))
    }
}

impl<A: LinearOperator, B: LinearOperator> Sub<Lazy<B>> for Lazy<A> {
    type Output = Lazy<Plus<A, Scaled<B>>>;
    fn sub(self, other: Lazy<B>) -> Self::Output {
        self + other.scale(-1.0)
    }
}
