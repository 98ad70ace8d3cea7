//! One body applied to many rows.

use std::sync::Arc;

use crate::structure::StructureVisitor;
use crate::{AdError, Failure, Function, Result, Scalar, scratch};

/// Independent rows: `yᵣ = b(x[row r], data[row r])` for `r < rows`.
///
/// The first `p` inputs of the body `b: ℝ^(p+c) → ℝ^q` are gathered from `x`, the other `c` are
/// constants of the row, from which no derivative is taken. The outputs are those of all rows, one
/// after another.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Map, Scalar};
/// use ad_native_reverse::NativeReverse;
///
/// /// A residual of the model `a exp(-b t)`; inputs `a, b | t, observed`.
/// #[derive(Clone)]
/// struct Residual;
///
/// impl Function for Residual {
///     fn inputs(&self) -> usize { 4 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0] * (-x[1] * x[2]).exp() - x[3];
///         Ok(())
///     }
/// }
/// let residuals = Map::shared(Residual, 3, vec![0.0, 2.0, 1.0, 1.0, 2.0, 0.5])?;
/// let jacobian = NativeReverse::default().jacobian(&residuals, &[2.0, 0.0])?;
/// assert_eq!(jacobian.as_slice(), [1.0, 1.0, 1.0, 0.0, -2.0, -4.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Map<F> {
    body: F,
    rows: usize,
    inputs: usize,
    gathered: usize,
    constants: usize,
    gather: Gather,
    data: Arc<[f64]>,
}

/// Which entries of `x` the rows of a [`Map`] read.
#[derive(Debug, Clone)]
pub enum Gather {
    /// Every row reads all of `x`.
    Shared,
    /// Row `r` reads the entries from `r * stride` on.
    Window {
        /// How far a window is from the one before.
        stride: usize,
    },
    /// Row `r` reads the entries listed in row `r` of a table with `p` columns, row by row.
    Table(Arc<[usize]>),
}

impl<F: Function> Map<F> {
    /// Rows that read all of `x` and their own row of `data`, `rows × c`, row by row. The map has
    /// as many inputs as the body has beside the constants.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `data` is a whole number of entries for each row, at most as many as
    /// the body has inputs.
    pub fn shared(body: F, rows: usize, data: impl Into<Arc<[f64]>>) -> Result<Self> {
        let data = data.into();
        let constants = columns("data", data.len(), rows)?;
        let gathered = rest(&body, "data", constants)?;
        Ok(Map { body, rows, inputs: gathered, gathered, constants, gather: Gather::Shared, data })
    }

    /// Row `r` reads `x[r * stride ..]`, as many entries as the body has inputs; as many rows as `n`
    /// inputs hold.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] if `stride` is zero, or `n` less than the inputs of the body.
    pub fn windows(body: F, n: usize, stride: usize) -> Result<Self> {
        let gathered = body.inputs();
        if stride == 0 {
            AdError::check_len("stride", stride, 1, "windows that advance")?;
        }
        if n < gathered {
            AdError::check_len("x", n, gathered, "at least one window")?;
        }
        let rows = (n - gathered) / stride + 1;
        let gather = Gather::Window { stride };
        Ok(Map { body, rows, inputs: n, gathered, constants: 0, gather, data: Arc::new([]) })
    }

    /// Row `r` reads the entries of `x: n` whose indices are in row `r` of `table`, `rows × p`, and
    /// row `r` of `data`, `rows × c`; both row by row.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `p + c` is the number of inputs of the body, and
    /// [`AdError::Index`] for an index that `x` does not have.
    pub fn gathered(
        body: F,
        n: usize,
        rows: usize,
        table: impl Into<Arc<[usize]>>,
        data: impl Into<Arc<[f64]>>,
    ) -> Result<Self> {
        let (table, data) = (table.into(), data.into());
        let constants = columns("data", data.len(), rows)?;
        let gathered = rest(&body, "data", constants)?;
        AdError::check_len("table", table.len(), rows * gathered, "rows times gathered inputs")?;
        if let Some(&found) = table.iter().find(|&&index| index >= n) {
            return Err(AdError::Index { what: "table", found, limit: n });
        }
        let gather = Gather::Table(table);
        Ok(Map { body, rows, inputs: n, gathered, constants, gather, data })
    }

    /// What is applied to each row.
    pub fn body(&self) -> &F {
        &self.body
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number `p` of inputs that a row reads from `x`: the first ones of the body.
    pub fn row_inputs(&self) -> usize {
        self.gathered
    }

    /// Which entries of `x` the rows read.
    pub fn gather(&self) -> &Gather {
        &self.gather
    }

    /// The entry of `x` that input `j < p` of a row is.
    #[inline]
    pub fn index(&self, row: usize, j: usize) -> usize {
        match &self.gather {
            Gather::Shared => j,
            Gather::Window { stride } => row * stride + j,
            Gather::Table(table) => table[row * self.gathered + j],
        }
    }

    /// The constants of a row: the last inputs of the body.
    #[inline]
    pub fn constants(&self, row: usize) -> &[f64] {
        &self.data[row * self.constants..(row + 1) * self.constants]
    }

    /// Evaluates the rows in order and hands each row's outputs on.
    pub(crate) fn each<S: Scalar>(
        &self,
        x: &[S],
        mut out: impl FnMut(usize, &[S]),
    ) -> Result<(), Failure> {
        let inputs = self.gathered + self.constants;
        scratch::with(inputs + self.body.outputs(), |buffer: &mut [S]| {
            let (input, output) = buffer.split_at_mut(inputs);
            for row in 0..self.rows {
                for (j, input) in input[..self.gathered].iter_mut().enumerate() {
                    *input = x[self.index(row, j)];
                }
                let constants = input[self.gathered..].iter_mut().zip(self.constants(row));
                constants.for_each(|(input, &c)| *input = S::from(c));
                self.body.eval(input, output)?;
                out(row, output);
            }
            Ok(())
        })
    }
}

/// How many columns a table of `len` entries has.
fn columns(what: &'static str, len: usize, rows: usize) -> Result<usize> {
    let columns = len.checked_div(rows).unwrap_or(0);
    AdError::check_len(what, len, rows * columns, "the same number of entries for each row")?;
    Ok(columns)
}

/// The inputs of `body` that are not constants.
fn rest<F: Function>(body: &F, what: &'static str, constants: usize) -> Result<usize> {
    let inputs = body.inputs();
    if constants > inputs {
        AdError::check_len(what, constants, inputs, "in each row at most the inputs of the body")?;
    }
    Ok(inputs - constants)
}

impl<F: Function> Function for Map<F> {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.rows * self.body.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let q = self.body.outputs();
        self.each(x, |row, output| y[row * q..(row + 1) * q].copy_from_slice(output))
    }

    fn precision(&self) -> f64 {
        self.body.precision()
    }

    fn structure<V: StructureVisitor>(&self, visitor: V) -> V::Output {
        visitor.map(self)
    }
}
