//! The hot path: a tape of its own.

use ad_api::{AdError, Function, Map, Prepared, Result, SecondOrder, Shape, check_matrix};
use nalgebra::DMatrix;

use crate::backend::Workspace;
use crate::compiled::Compiled;
use crate::graph::{self, Graph};
use crate::structure::{Hess, Hvp, Jac, Pull, Push, ROWS, Tools, Value, blocks, is_plain};
use crate::{CompiledProgram, Explanation, Mode, NativeReverse};

/// Derivatives of one function, with a tape and adjoints that are kept from call to call.
///
/// On the tape, each call records anew, so that branches follow the point. In
/// [compiled mode](crate::Mode::Compiled) the comparisons that the function makes are checked in each call, and what
/// they do not admit is recorded.
pub struct TapePrepared<F: Function> {
    f: F,
    mode: Mode,
    /// In compiled mode, for functions without structure.
    compiled: Option<Compiled>,
    work: Workspace<f64>,
    tools: Tools,
    second: SecondOrder<NativeReverse, NativeReverse, F>,
}

impl<F: Function> TapePrepared<F> {
    /// Binds to `f`; see [`Backend::prepare`](ad_api::Backend::prepare).
    pub(crate) fn new(backend: NativeReverse, f: &F, x: &[f64]) -> Result<Self> {
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        let mode = backend.mode;
        let compiled =
            (mode == Mode::Compiled && is_plain(f)).then(|| Compiled::new(f.inputs(), f.outputs()));
        Ok(TapePrepared {
            f: f.clone(),
            mode,
            compiled,
            work: Workspace::default(),
            tools: Tools::new(backend.rows, backend.limits),
            second: SecondOrder::new(&backend, &backend, f),
        })
    }

    /// What has been built in the calls so far: operations on the tape, programs, guards, bytes.
    ///
    /// ```
    /// use ad_api::{Backend, Failure, Function, Map, Prepared, Scalar, Sum};
    /// use ad_native_reverse::NativeReverse;
    ///
    /// /// `x y²`.
    /// #[derive(Clone)]
    /// struct Term;
    ///
    /// impl Function for Term {
    ///     fn inputs(&self) -> usize { 2 }
    ///     fn outputs(&self) -> usize { 1 }
    ///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
    ///         y[0] = x[0] * x[1].powi(2);
    ///         Ok(())
    ///     }
    /// }
    /// let (f, x) = (Sum::new(Map::windows(Term, 100, 1)?), vec![1.0; 100]);
    /// let mut prepared = NativeReverse::default().prepare(&f, &x)?;
    /// prepared.gradient(&x)?;
    /// let explanation = prepared.explain();
    /// assert_eq!(explanation.programs[0].purpose, "pullbacks");
    /// assert_eq!(explanation.programs[0].guards, 0);
    /// // y², and its product with x.
    /// assert_eq!(explanation.programs[0].forward, 2);
    /// assert_eq!(explanation.refusal, None);
    /// println!("{explanation}");
    /// # Ok::<(), ad_api::AdError>(())
    /// ```
    pub fn explain(&self) -> Explanation {
        let (tape_statements, tape_bytes) = self.work.size();
        let (programs, refusal) = self.tools.explain();
        let compiled = self.compiled.as_ref();
        Explanation {
            mode: self.mode,
            tape_statements,
            tape_bytes,
            programs,
            rows_at_a_time: ROWS,
            branches: compiled.map(Compiled::explain).unwrap_or_default(),
            scan: self.tools.scan.explain(),
            refusal: (refusal.or(self.tools.scan.refused())).or_else(|| compiled?.refusal()),
        }
    }

    /// The branches that have been recorded in [compiled mode](crate::Mode::Compiled), as a program that can
    /// be saved; `None` on the tape, for functions with structure, and before the first derivative.
    pub fn program(&self) -> Option<CompiledProgram> {
        let compiled = self.compiled.as_ref()?;
        compiled.graphs().next().is_some().then(|| CompiledProgram::of(compiled))
    }
}

impl<F: Function> TapePrepared<Map<F>> {
    /// Writes `f(x)` into `y: m` and the Jacobian block of each row into `blocks: rows · q · p`: one
    /// row after another, in each the `q` outputs, for each the derivatives with respect to the `p`
    /// entries of `x` that the row gathers.
    ///
    /// This is what a solver of sparse least squares wants: the Jacobian itself is mostly zeros.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for wrong lengths, and the failure of the function.
    pub fn value_and_blocks_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        blocks_out: &mut [f64],
    ) -> Result<()> {
        let (p, q) = (self.f.row_inputs(), self.f.body().outputs());
        AdError::check_len("x", x.len(), self.f.inputs(), "the number of inputs")?;
        AdError::check_len("y", y.len(), self.f.outputs(), "the number of outputs")?;
        let entries = self.f.rows() * q * p;
        AdError::check_len("blocks", blocks_out.len(), entries, "rows, outputs and row inputs")?;
        blocks(&mut self.tools, &self.f, x, y, blocks_out)
    }
}

/// Records `f` for compiled code.
fn record<F: Function>(
    f: &F,
) -> impl FnMut(&[f64]) -> Result<std::result::Result<Graph, &'static str>> {
    |x| Ok(graph::trace(f, x)?.map_err(graph::Refusal::reason))
}

/// The clone has a tape of its own, which its first call sizes, and records for itself.
impl<F: Function> Clone for TapePrepared<F> {
    fn clone(&self) -> Self {
        let Shape { inputs, outputs } = self.shape();
        let compiled = self.compiled.as_ref().map(|_| Compiled::new(inputs, outputs));
        TapePrepared {
            f: self.f.clone(),
            mode: self.mode,
            compiled,
            work: Workspace::default(),
            tools: self.tools.fresh(),
            second: self.second.clone(),
        }
    }
}

impl<F: Function> Prepared for TapePrepared<F> {
    fn shape(&self) -> Shape {
        Shape::of(&self.f)
    }

    fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
        self.f.structure(Value { tools: &mut self.tools, x, y })
    }

    fn value_and_pushforward_into(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        let TapePrepared { f, compiled, .. } = self;
        if let Some(compiled) = compiled
            && compiled.pushforward(&mut record(f), x, x_dot, y, y_dot)?
        {
            return Ok(());
        }
        self.f.structure(Push { work: &mut self.work, tools: &mut self.tools, x, x_dot, y, y_dot })
    }

    fn value_and_pullback_into(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        let TapePrepared { f, compiled, work, tools, .. } = self;
        if let Some(compiled) = compiled
            && compiled.pullback(&mut record(f), x, y_bar, y, x_bar)?
        {
            return Ok(());
        }
        f.structure(Pull { work, tools, x, y_bar, y, x_bar })
    }

    fn value_and_jacobian_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()> {
        let Shape { inputs, outputs } = self.shape();
        check_matrix("jacobian", jacobian, (outputs, inputs))?;
        let jacobian = jacobian.as_mut_slice();
        let TapePrepared { f, compiled, work, tools, .. } = self;
        if let Some(compiled) = compiled
            && compiled.jacobian(&mut record(f), x, y, jacobian)?
        {
            return Ok(());
        }
        f.structure(Jac { work, tools, x, y, jacobian })
    }

    fn value_gradient_and_weighted_hvp_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        let TapePrepared { f, compiled, tools, second, .. } = self;
        if let Some(compiled) = compiled
            && let Some(value) = compiled.hvp(&mut record(f), x, w, v, gradient, hv)?
        {
            return Ok(value);
        }
        let (gradient_out, hv_out) = (&mut *gradient, &mut *hv);
        let done = f.structure(Hvp { tools, x, w, v, gradient: gradient_out, hv: hv_out })?;
        match done {
            Some(value) => Ok(value),
            None => second.weighted_hvp(x, w, v, gradient, hv),
        }
    }

    fn value_derivative_and_second_derivative_into(
        &mut self,
        x: f64,
        y: &mut [f64],
        derivative: &mut [f64],
        second: &mut [f64],
    ) -> Result<()> {
        let TapePrepared { f, compiled, .. } = self;
        if let Some(compiled) = compiled
            && compiled.second(&mut record(f), x, y, derivative, second)?
        {
            return Ok(());
        }
        self.second.second_derivative(x, y, derivative, second)
    }

    fn value_gradient_and_weighted_hessian_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        gradient: &mut [f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        let TapePrepared { f, compiled, tools, second, .. } = self;
        let square = hessian.is_square();
        let columns = hessian.as_mut_slice();
        if let Some(compiled) = compiled.as_mut().filter(|_| square)
            && let Some(value) = compiled.hessian(&mut record(f), x, w, gradient, columns)?
        {
            return Ok(value);
        }
        let (n, m) = (f.inputs(), f.outputs());
        let fits = x.len() == n && w.len() == m && gradient.len() == n && n > 0;
        if fits && hessian.shape() == (n, n) {
            let (gradient, hessian) = (&mut *gradient, hessian.as_mut_slice());
            if let Some(value) = f.structure(Hess { tools, x, w, gradient, hessian })? {
                return Ok(value);
            }
        }
        second.weighted_hessian(x, w, gradient, hessian)
    }
}
