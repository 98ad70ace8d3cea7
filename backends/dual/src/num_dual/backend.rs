//! The backend `num-dual`: forward mode in that crate's numbers.

use ad_api::{
    AdError, Backend, Capability, Engine, Function, Jacobian, Pullback, Pushforward, Resweep,
    Result, Scalar, Shape, check_jacobian, check_pullback, check_pushforward, derive,
};
use nalgebra::DVector;

use super::{NumDualNumber, NumDualPrepared};
use crate::lanes::{FEW, Family};
use crate::sweep::{Columns, Products, Tangents, sweep};

/// Forward mode with num-dual's types: [`DualSVec`](num_dual::DualSVec) for first derivatives, and
/// [`HyperDualVec`](num_dual::HyperDualVec) for second ones.
///
/// | operation | number | evaluations of `f: ℝⁿ → ℝᵐ` |
/// |---|---|---|
/// | pushforward of `k` tangents | `DualSVec` | `⌈k / chunk⌉` |
/// | Jacobian, pullback, gradient | `DualSVec` | `⌈n / chunk⌉` |
/// | second derivative | `HyperDualVec<1, 1>` | 1 |
/// | Hessian-vector product | `HyperDualVec<chunk, 1>` | `⌈n / chunk⌉` |
/// | Hessian | `HyperDualVec<chunk, chunk>` | `⌈n / chunk⌉²` |
///
/// Where another engine is inside or outside, `DualSVec` over or under that engine's numbers.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Scalar};
/// use ad_dual::NumDual;
///
/// #[derive(Clone)]
/// struct Wave;
/// impl Function for Wave {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = (x[0] * x[1]).sin();
///         Ok(())
///     }
/// }
/// let hessian = NumDual::default().hessian(&Wave, &[0.0, 2.0])?;
/// assert_eq!(hessian.as_slice(), [0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumDual {
    chunk: usize,
}

impl Default for NumDual {
    /// [`NumDual::WIDEST`] tangents in an evaluation, or as many as there are.
    fn default() -> Self {
        NumDual { chunk: Self::WIDEST }
    }
}

impl NumDual {
    /// The most tangents that one evaluation can carry. Wider vectors of num-dual's cost more per
    /// tangent, not less: 1.6 times as much at 8, 3.6 times at 16 (see the crate's table).
    pub const WIDEST: usize = FEW;

    /// Carries at most `chunk` tangents in an evaluation.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`] unless `chunk` is 1 to 4.
    pub fn chunk(self, chunk: usize) -> Result<Self> {
        if !(1..=Self::WIDEST).contains(&chunk) {
            let (found, expected) = (chunk.to_string(), "1 to 4 tangents");
            return Err(AdError::Setting { setting: "chunk", found, expected });
        }
        Ok(NumDual { chunk })
    }

    /// How many of `seeds` one evaluation carries: at least 1.
    pub(super) fn chunk_of(self, seeds: usize) -> usize {
        self.chunk.min(seeds).max(1)
    }
}

impl Family for NumDual {
    type Number<S: Scalar, const N: usize> = NumDualNumber<S, N>;
    const WIDEST: usize = NumDual::WIDEST;
}

impl Engine for NumDual {
    fn name(&self) -> String {
        "num-dual".into()
    }

    fn lanes(&self, _shape: Shape) -> usize {
        self.chunk
    }
}

impl Pushforward for NumDual {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(k) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        sweep::<Self, S, F>(self.chunk, k, f, x, y, &mut Tangents { x_dot, y_dot })
    }
}

impl Pullback for NumDual {
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
        sweep::<Self, S, F>(self.chunk, n, f, x, y, &mut Products { y_bar, x_bar, n })
    }

    fn pullback_capability(&self, shape: Shape, _cotangents: usize) -> Capability {
        derive::derived(self.jacobian_capability(shape))
    }
}

impl Jacobian for NumDual {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_jacobian(f, x, y, jacobian)? else { return Ok(()) };
        sweep::<Self, S, F>(self.chunk, x.len(), f, x, y, &mut Columns { jacobian })
    }
}

impl Backend for NumDual {
    type Outer = Self;
    type Inner = Self;
    type Prepared<F: Function> = NumDualPrepared<F>;
    type Linearization<F: Function> = Resweep<Self, F>;

    fn outer(&self) -> &Self {
        self
    }

    fn inner(&self) -> &Self {
        self
    }

    fn prepare<F: Function>(&self, f: &F, x: &[f64]) -> Result<Self::Prepared<F>> {
        NumDualPrepared::new(*self, f, x)
    }

    fn linearize<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<(DVector<f64>, Self::Linearization<F>)> {
        Resweep::new(self, f, x)
    }
}
