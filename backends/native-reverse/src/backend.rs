//! The primitives: one recording each, whatever the number of seeds.

use std::num::NonZero;

use ad_api::{
    Backend, Engine, Evaluations, Function, Jacobian, Pullback, Pushforward, Result, Scalar, Shape,
    check_jacobian, check_pullback, check_pushforward,
};
use nalgebra::DVector;

use crate::checkpoints::{Checkpoints, Limits};
use crate::linearization::TapeLinearization;
use crate::pool;
use crate::prepared::TapePrepared;
use crate::record::{Lanes, Record};
use crate::var::Var;

/// Reverse mode on a Wengert tape, or by programs: see the [crate](crate).
///
/// ```
/// use ad_native_reverse::{Mode, NativeReverse};
///
/// assert_eq!(NativeReverse::default().mode(Mode::Compiled), NativeReverse::compiled());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NativeReverse {
    pub(crate) mode: Mode,
    pub(crate) rows: RowOptions,
    pub(crate) limits: Limits,
}

/// How a [preparation](TapePrepared) computes derivatives of functions that state no structure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Each call records the function on the tape anew.
    #[default]
    Tape,
    /// The function is recorded once for each way through its branches, and the derivatives are
    /// replayed as straight-line code. Recording takes as long as some hundred calls, so this is for
    /// functions that are differentiated often.
    Compiled,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 2] = [Mode::Tape, Mode::Compiled];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Tape => "tape",
            Mode::Compiled => "compiled",
        }
    }
}

/// How the rows of maps and sums are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RowOptions {
    /// `None` is one.
    threads: Option<NonZero<usize>>,
    /// Whether elementary functions are those of `f64`.
    pub(crate) exact: bool,
}

impl RowOptions {
    /// The most threads.
    pub(crate) fn threads(self) -> usize {
        self.threads.map_or(1, NonZero::get)
    }
}

impl NativeReverse {
    /// In [`Mode::Compiled`].
    pub fn compiled() -> Self {
        Self::default().mode(Mode::Compiled)
    }

    /// The same in this mode; the default is [`Mode::Tape`]. One-shot derivatives and linearizations are
    /// the same in all modes.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The same with these checkpoints in [preparations](TapePrepared) of a [`Scan`](ad_api::Scan).
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.limits.checkpoints = checkpoints;
        self
    }

    /// The same with this many bytes for the record of a [`Scan`](ad_api::Scan); the default is 64 MiB.
    /// A loop whose record would be larger is reversed from [checkpoints](Checkpoints::Automatic).
    #[must_use]
    pub fn budget(mut self, bytes: usize) -> Self {
        self.limits.budget = bytes;
        self
    }

    /// Computes the rows of maps and sums on up to so many threads: in preparations, for values,
    /// pullbacks, Jacobian blocks and products with the Hessian. Default: one.
    ///
    /// The threads are those of the [rayon](https://docs.rs/rayon) pool in which the call is made, the
    /// global one unless another is installed. Problems of less than about 0.1 ms stay on the
    /// calling thread. Results are the same for every number of threads, bit for bit.
    ///
    /// Not the default, since those who solve many problems use their threads better for these.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use ad_native_reverse::NativeReverse;
    ///
    /// let backend = NativeReverse::default().threads(NonZero::new(2).unwrap());
    /// # assert_ne!(backend, NativeReverse::default());
    /// ```
    pub fn threads(mut self, threads: NonZero<usize>) -> Self {
        self.rows.threads = Some(threads);
        self
    }

    /// Whether programs of rows compute `exp`, `exp_m1`, `ln`, `ln_1p`, `sin`, `cos` and `tanh` as `f64`
    /// does. Default: false, they are vectorized, and may differ in the last digit; see
    /// [Programs](crate#programs).
    ///
    /// ```
    /// use ad_native_reverse::NativeReverse;
    ///
    /// let backend = NativeReverse::default().exact_functions(true);
    /// # assert_ne!(backend, NativeReverse::default());
    /// ```
    pub fn exact_functions(mut self, exact: bool) -> Self {
        self.rows.exact = exact;
        self
    }
}

/// Everything that a primitive over `S` works in.
#[derive(Debug)]
pub(crate) struct Workspace<S: Scalar> {
    record: Record<S>,
    lanes: Lanes<S>,
    variables: Vec<Var<S>>,
}

impl<S: Scalar> Default for Workspace<S> {
    fn default() -> Self {
        Workspace { record: Record::default(), lanes: Lanes::default(), variables: Vec::new() }
    }
}

impl<S: Scalar> Workspace<S> {
    /// See [`Pushforward::pushforward_sweep`].
    pub(crate) fn pushforward<F: Function>(
        &mut self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(k) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        self.record.evaluate(f, x, y, &mut self.variables)?;
        self.lanes.pushforward(&self.record, k, x_dot, y_dot)
    }

    /// See [`Pullback::pullback_sweep`].
    pub(crate) fn pullback<F: Function>(
        &mut self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(k) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        self.record.evaluate(f, x, y, &mut self.variables)?;
        self.lanes.pullback(&self.record, k, y_bar, x_bar)
    }

    /// Records `f` with only the first `active` inputs as variables; see [`Record::evaluate_partly`].
    pub(crate) fn evaluate_partly<F: Function>(
        &mut self,
        f: &F,
        active: usize,
        x: &[S],
        y: &mut [S],
    ) -> Result<()> {
        self.record.evaluate_partly(f, active, x, y, &mut self.variables)
    }

    /// The number of recorded statements, and the bytes of tape and sweeps.
    pub(crate) fn size(&self) -> (usize, usize) {
        let variables = size_of_val(&self.variables[..]);
        (self.record.statements(), self.record.bytes() + self.lanes.bytes() + variables)
    }

    /// The bytes of the tape alone.
    pub(crate) fn tape_bytes(&self) -> usize {
        self.record.bytes()
    }

    /// The pullback of what is recorded, for each cotangent in `y_bar`.
    pub(crate) fn pull(&mut self, y_bar: &[S], x_bar: &mut [S]) -> Result<()> {
        let k = y_bar.len() / self.record.outputs().max(1);
        self.lanes.pullback(&self.record, k, y_bar, x_bar)
    }

    /// The pushforward of what is recorded, for each tangent in `x_dot`.
    pub(crate) fn push(&mut self, x_dot: &[S], y_dot: &mut [S]) -> Result<()> {
        let k = x_dot.len() / self.record.inputs().max(1);
        self.lanes.pushforward(&self.record, k, x_dot, y_dot)
    }

    /// See [`Jacobian::jacobian_sweep`].
    pub(crate) fn jacobian<F: Function>(
        &mut self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_jacobian(f, x, y, jacobian)? else { return Ok(()) };
        self.record.evaluate(f, x, y, &mut self.variables)?;
        self.lanes.jacobian(&self.record, jacobian)
    }
}

impl Engine for NativeReverse {
    fn name(&self) -> String {
        "native-reverse".into()
    }

    fn lanes(&self, shape: Shape) -> usize {
        shape.inputs.max(shape.outputs).max(1)
    }

    /// One evaluation is recorded, and every sweep reads the record. Compiled code needs none, or one
    /// to record a branch, and the tape again where a derivative is not finite.
    fn sweeps(&self, _shape: Shape, _seeds: usize) -> Evaluations {
        match self.mode {
            Mode::Tape => Evaluations::Exactly(1),
            Mode::Compiled => Evaluations::AtMost(2),
        }
    }
}

impl Pushforward for NativeReverse {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        pool::with(|work: &mut Workspace<S>| work.pushforward(f, x, x_dot, y, y_dot))
    }
}

impl Pullback for NativeReverse {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        pool::with(|work: &mut Workspace<S>| work.pullback(f, x, y_bar, y, x_bar))
    }
}

impl Jacobian for NativeReverse {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        pool::with(|work: &mut Workspace<S>| work.jacobian(f, x, y, jacobian))
    }
}

impl Backend for NativeReverse {
    type Outer = Self;
    type Inner = Self;
    type Prepared<F: Function> = TapePrepared<F>;
    type Linearization<F: Function> = TapeLinearization;

    fn outer(&self) -> &Self {
        self
    }

    fn inner(&self) -> &Self {
        self
    }

    fn prepare<F: Function>(&self, f: &F, x: &[f64]) -> Result<TapePrepared<F>> {
        TapePrepared::new(*self, f, x)
    }

    fn linearize<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<(DVector<f64>, TapeLinearization)> {
        TapeLinearization::new(f, x)
    }
}
