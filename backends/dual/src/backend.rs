//! The backend `dual`: forward mode in our own numbers.

use ad_api::{
    AdError, Capability, Engine, Function, Jacobian, Pullback, Pushforward, Result, Scalar, Shape,
    check_jacobian, check_pullback, check_pushforward, derive,
};

use crate::DualNumber;
use crate::lanes::{Family, NESTED};
use crate::sweep::{Columns, Products, Tangents, sweep};

/// Forward mode with [`DualNumber`]s, several tangents in each evaluation.
///
/// | operation | evaluations of `f: ℝⁿ → ℝᵐ` |
/// |---|---|
/// | pushforward of `k` tangents | `⌈k / chunk⌉` |
/// | Jacobian, pullback, gradient | `⌈n / chunk⌉` |
/// | Hessian, itself inside | `⌈n / chunk⌉ ⌈n / min(chunk, 4)⌉` |
///
/// The seeds are set in place: no identity matrix is formed, and a gradient forms no Jacobian.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Scalar};
/// use ad_dual::Dual;
///
/// #[derive(Clone)]
/// struct Norm;
/// impl Function for Norm {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0].hypot(x[1]);
///         Ok(())
///     }
/// }
/// assert_eq!(Dual::default().gradient(&Norm, &[3.0, 4.0])?.as_slice(), [0.6, 0.8]);
/// assert_eq!(Dual::default().chunk(1)?.gradient(&Norm, &[3.0, 4.0])?.as_slice(), [0.6, 0.8]);
/// assert!(Dual::default().chunk(0).is_err());
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dual {
    chunk: usize,
    nested: bool,
}

impl Default for Dual {
    /// [`Dual::WIDEST`] tangents in an evaluation, or as many as there are.
    fn default() -> Self {
        Dual { chunk: Self::WIDEST, nested: false }
    }
}

impl Dual {
    /// The most tangents that one evaluation can carry.
    pub const WIDEST: usize = 16;

    /// Carries at most `chunk` tangents in an evaluation.
    ///
    /// A wide chunk evaluates the function less often, a narrow one uses less memory: a number is
    /// `8 (1 + chunk)` bytes. Numbers are compiled with 1, 2, 3, 4, 8 and 16 lanes; other chunks run
    /// in the next wider ones. On the numbers of another engine only 4 lanes are compiled, and
    /// chunks are at most that.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`] unless `chunk` is 1 to 16.
    pub fn chunk(self, chunk: usize) -> Result<Self> {
        if !(1..=Self::WIDEST).contains(&chunk) {
            let (found, expected) = (chunk.to_string(), "1 to 16 tangents");
            return Err(AdError::Setting { setting: "chunk", found, expected });
        }
        Ok(Dual { chunk, ..self })
    }

    /// The tangents in an evaluation on numbers of type `S`.
    fn tangents<S: Scalar>(self) -> usize {
        if S::DEPTH > 0 || self.nested { self.chunk.min(NESTED) } else { self.chunk }
    }
}

impl Family for Dual {
    type Number<S: Scalar, const N: usize> = DualNumber<S, N>;
    const WIDEST: usize = Dual::WIDEST;
}

impl Engine for Dual {
    fn name(&self) -> String {
        "dual".into()
    }

    fn lanes(&self, _shape: Shape) -> usize {
        self.tangents::<f64>()
    }

    fn nested(&self) -> Self {
        Dual { nested: true, ..*self }
    }
}

impl Pushforward for Dual {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(k) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        sweep::<Self, S, F>(self.tangents::<S>(), k, f, x, y, &mut Tangents { x_dot, y_dot })
    }
}

impl Pullback for Dual {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let n = x.len();
        sweep::<Self, S, F>(self.tangents::<S>(), n, f, x, y, &mut Products { y_bar, x_bar, n })
    }

    fn pullback_capability(&self, shape: Shape, _cotangents: usize) -> Capability {
        derive::derived(self.jacobian_capability(shape))
    }
}

impl Jacobian for Dual {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_jacobian(f, x, y, jacobian)? else { return Ok(()) };
        sweep::<Self, S, F>(self.tangents::<S>(), x.len(), f, x, y, &mut Columns { jacobian })
    }
}

ad_api::backend!(Dual: pushforward, pullback, jacobian);
