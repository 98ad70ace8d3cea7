//! A compiled function without the function.

use std::fmt::{Display, Write};

use ad_api::{AdError, Backend, Failure, Function, Prepared, Result, Scalar, Shape, check_matrix};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{Compiled, InvalidProgram, SavedProgram};
use crate::NativeReverse;
use crate::graph::{self, Graph, Id, Node};

/// The most values of a branch that are drawn.
const DRAWN: usize = 500;

/// What a function computes, recorded at one or more points, without the function: it can be saved,
/// and used where the function does not exist.
///
/// It is valid at the points where the comparisons that the function makes come out as at one of the
/// recorded points. Elsewhere there is an error, never a wrong answer. Derivatives are those of the
/// [preparation](crate::TapePrepared) of the function in [compiled mode](crate::Mode::Compiled), from
/// which a program can be [taken](crate::TapePrepared::program) as well.
///
/// All methods of [`Prepared`] give [`AdError::Diverged`] at a point for which there is no branch; it
/// names the comparison.
///
/// ```
/// use ad_api::{AdError, Failure, Function, Prepared, Scalar};
/// use ad_native_reverse::CompiledProgram;
///
/// /// `x² y`, but `x` for negative `x`.
/// #[derive(Clone)]
/// struct Kink;
/// impl Function for Kink {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = if x[0] < 0.0 { x[0] } else { x[0] * x[0] * x[1] };
///         Ok(())
///     }
/// }
/// let program = CompiledProgram::record(&Kink, &[1.0, 1.0])?;
/// let saved = serde_json::to_string(&program).unwrap();
///
/// let mut program: CompiledProgram = serde_json::from_str(&saved).unwrap();
/// assert_eq!(program.gradient(&[3.0, 2.0])?.as_slice(), [12.0, 9.0]);
/// let elsewhere = program.gradient(&[-3.0, 2.0]).unwrap_err();
/// assert!(matches!(elsewhere, AdError::Diverged { .. }));
///
/// program.record_at(&Kink, &[-1.0, 1.0])?;
/// assert_eq!(program.gradient(&[-3.0, 2.0])?.as_slice(), [1.0, 0.0]);
/// # Ok::<(), AdError>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(into = "SavedProgram", try_from = "SavedProgram")]
pub struct CompiledProgram {
    compiled: Compiled,
}

/// The first number of a program that is not finite: see [`CompiledProgram::first_non_finite`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NonFinite {
    /// The number of the value in the program, as drawn by [`CompiledProgram::dot`].
    pub index: usize,
    /// What computes it: an input, an operator, or the name of a function.
    pub operation: String,
    /// What it is computed from.
    pub operands: Vec<f64>,
    /// Its value.
    pub value: f64,
    /// If the value is finite, the number of the operand for which the partial derivative is not, and
    /// that.
    pub partial: Option<(usize, f64)>,
}

impl Display for NonFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let NonFinite { index, operation, operands, value, partial } = self;
        write!(f, "value {index}: {operation} of {operands:?} is {value}")?;
        match partial {
            Some((operand, d)) => write!(f, ", with the partial {d} for operand {operand}"),
            None => Ok(()),
        }
    }
}

impl CompiledProgram {
    /// Evaluates `f` at `x` once.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for a wrong length, the failure of `f`, and [`AdError::Unsupported`] if `f`
    /// applies a rule, reads a primal or is too long.
    pub fn record<F: Function>(f: &F, x: &[f64]) -> Result<Self> {
        let compiled = Compiled::new(f.inputs(), f.outputs());
        let mut program = CompiledProgram { compiled };
        program.record_at(f, x)?;
        Ok(program)
    }

    /// Adds the branch that `f`, which must be the function of this program, takes at `x`. Of more than
    /// 16 branches, the one that has not been used for longest is forgotten.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record), and [`AdError::Shape`] if `f` has another shape.
    pub fn record_at<F: Function>(&mut self, f: &F, x: &[f64]) -> Result<()> {
        let Shape { inputs, outputs } = self.shape();
        AdError::check_len("the inputs of f", f.inputs(), inputs, "those of the program")?;
        AdError::check_len("the outputs of f", f.outputs(), outputs, "those of the program")?;
        self.check(x)?;
        if self.branch(x).is_ok() {
            return Ok(());
        }
        let graph = graph::trace(f, x)?.map_err(|refusal| AdError::Unsupported {
            backend: "native-reverse".into(),
            operation: "a compiled program",
            reason: refusal.reason().into(),
        })?;
        self.compiled.keep(graph);
        Ok(())
    }

    /// Of branches that have been recorded elsewhere.
    pub(crate) fn of(compiled: &Compiled) -> Self {
        CompiledProgram { compiled: compiled.again() }
    }

    fn check(&self, x: &[f64]) -> Result<()> {
        AdError::check_len("x", x.len(), self.compiled.inputs(), "the number of inputs")
    }

    /// How many branches there are.
    pub fn branches(&self) -> usize {
        self.compiled.graphs().count()
    }

    /// The branch for `x`.
    fn branch(&self, x: &[f64]) -> Result<&Graph> {
        let graphs = self.compiled.graphs();
        let found = graphs.map(|graph| divergence(graph, x).map_or(Ok(graph), Err));
        let mut first = None;
        for graph in found {
            match graph {
                Ok(graph) => return Ok(graph),
                Err(comparison) => _ = first.get_or_insert(comparison),
            }
        }
        Err(AdError::Diverged {
            comparison: first.unwrap_or_default(),
            paths: self.branches(),
            points: vec![0],
        })
    }

    /// What computes the first value that is not finite at `x: n`, or has a partial derivative that is
    /// not: `None` if all are finite. A derivative that is NaN or infinite comes from there, or from an
    /// overflow of products of such partials.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for a wrong length, and [`AdError::Diverged`] where no branch is valid.
    ///
    /// ```
    /// # use ad_api::{Failure, Function, Scalar};
    /// # use nalgebra::ComplexField;
    /// use ad_native_reverse::CompiledProgram;
    ///
    /// /// `√(x - 1)`.
    /// # #[derive(Clone)]
    /// struct Root;
    /// # impl Function for Root {
    /// #     fn inputs(&self) -> usize { 1 }
    /// #     fn outputs(&self) -> usize { 1 }
    /// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
    /// #         y[0] = (x[0] - 1.0).sqrt();
    /// #         Ok(())
    /// #     }
    /// # }
    /// let program = CompiledProgram::record(&Root, &[2.0])?;
    /// let origin = program.first_non_finite(&[1.0])?.expect("the slope is infinite");
    /// assert_eq!((origin.operation.as_str(), origin.value), ("sqrt", 0.0));
    /// assert_eq!(origin.partial, Some((0, f64::INFINITY)));
    /// # Ok::<(), ad_api::AdError>(())
    /// ```
    pub fn first_non_finite(&self, x: &[f64]) -> Result<Option<NonFinite>> {
        self.check(x)?;
        let graph = self.branch(x)?;
        let all = vec![true; graph.len()];
        let count = graph.len();
        let active = graph.active(graph.inputs);
        let (graph, partials) = graph::partials(graph.clone(), &active, &all);
        let values = graph.values_at(x);
        let at = |id: Id| values[id as usize];
        for index in 0..count {
            let node = graph.nodes()[index];
            let operands: Vec<Id> = node.operands().collect();
            let d = |partial: &graph::Partial| partial.factor * partial.node.map_or(1.0, at);
            let odd = partials[index].iter().find(|partial| !d(partial).is_finite());
            let value = values[index];
            if value.is_finite() && odd.is_none() {
                continue;
            }
            let partial = odd.filter(|_| value.is_finite()).and_then(|partial| {
                let operand = operands.iter().position(|&id| id == partial.operand)?;
                Some((operand, d(partial)))
            });
            let operation = operation(node);
            let operands = operands.into_iter().map(at).collect();
            return Ok(Some(NonFinite { index, operation, operands, value, partial }));
        }
        Ok(None)
    }

    /// The branch for `x: n` as a graph in the language of Graphviz, for programs of up to 500 values:
    /// arrows from operands to results, outputs in boxes, guards dashed.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for a wrong length, [`AdError::Diverged`] where no branch is valid,
    /// [`AdError::Unsupported`] for larger programs.
    ///
    /// ```
    /// # use ad_api::{Failure, Function, Scalar};
    /// use ad_native_reverse::CompiledProgram;
    ///
    /// /// `x y + 2`.
    /// # #[derive(Clone)]
    /// struct Line;
    /// # impl Function for Line {
    /// #     fn inputs(&self) -> usize { 2 }
    /// #     fn outputs(&self) -> usize { 1 }
    /// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
    /// #         y[0] = x[0] * x[1] + 2.0;
    /// #         Ok(())
    /// #     }
    /// # }
    /// let dot = CompiledProgram::record(&Line, &[1.0, 1.0])?.dot(&[1.0, 1.0])?;
    /// assert!(dot.contains("v2 [label=\"*\"]") && dot.contains("v0 -> v2"));
    /// # Ok::<(), ad_api::AdError>(())
    /// ```
    pub fn dot(&self, x: &[f64]) -> Result<String> {
        self.check(x)?;
        let graph = self.branch(x)?;
        if graph.len() > DRAWN {
            return Err(AdError::Unsupported {
                backend: "native-reverse".into(),
                operation: "a drawing of a program",
                reason: format!("it has {} values, and is drawn up to {DRAWN}", graph.len()),
            });
        }
        let mut dot = String::from("digraph program {\n");
        let mut line = |text: std::fmt::Arguments| {
            // Writing to a string cannot fail.
            _ = writeln!(dot, "  {text}");
        };
        for (&node, id) in graph.nodes().iter().zip(0_u32..) {
            line(format_args!("v{id} [label=\"{}\"];", operation(node)));
            for operand in node.operands() {
                line(format_args!("v{operand} -> v{id};"));
            }
        }
        for (k, output) in graph.outputs.iter().enumerate() {
            line(format_args!("y{k} [shape=box, label=\"y[{k}]\"];"));
            line(format_args!("v{output} -> y{k};"));
        }
        for (k, guard) in graph.guards().iter().enumerate() {
            let (relation, holds) = (guard.relation, guard.holds);
            line(format_args!("g{k} [shape=diamond, label=\"{relation} is {holds}\"];"));
            for operand in [guard.a, guard.b] {
                line(format_args!("v{operand} -> g{k} [style=dashed];"));
            }
        }
        dot.push_str("}\n");
        Ok(dot)
    }

    /// The branch for `x` on the plain tape: for derivatives that products of numbers do not give.
    fn plain(&self, x: &[f64]) -> Result<impl Prepared + use<>> {
        NativeReverse::default().prepare(&GraphFunction(self.branch(x)?.clone()), x)
    }
}

/// The first comparison of a branch that comes out otherwise at `x`, in words.
fn divergence(graph: &Graph, x: &[f64]) -> Option<String> {
    let values = graph.values_at(x);
    let at = |id: Id| values[id as usize];
    let guard = graph.guards().iter().find(|guard| !guard.passes(at(guard.a), at(guard.b)))?;
    let name = |id: Id| match graph.node(id) {
        node @ (Node::Constant(_) | Node::Input(_)) => operation(node),
        _ => format!("v{id}"),
    };
    let (a, b) = (name(guard.a), name(guard.b));
    let (left, right) = (at(guard.a), at(guard.b));
    Some(format!(
        "`{a} {} {b}`, which was {} and is {} for {left} and {right},",
        guard.relation, guard.holds, !guard.holds
    ))
}

/// What a node does, in words.
fn operation(node: Node) -> String {
    match node {
        Node::Input(input) => format!("x[{input}]"),
        Node::Constant(bits) => f64::from_bits(bits).to_string(),
        Node::Add(..) => "+".into(),
        Node::Sub(..) => "-".into(),
        Node::Mul(..) => "*".into(),
        Node::Div(..) => "/".into(),
        Node::Neg(_) => "neg".into(),
        Node::MulAdd(_) => "mul_add".into(),
        Node::Unary(function, _) => function.name().into(),
        Node::Binary(function, ..) => function.name().into(),
        Node::Detached(_) => "detached".into(),
        Node::Picks(function, ..) => format!("which is the {}", function.name()),
        Node::Sign(_) => "sign".into(),
    }
}

/// A branch as a function, valid where its guards hold.
#[derive(Clone)]
struct GraphFunction(Graph);

impl Function for GraphFunction {
    fn inputs(&self) -> usize {
        self.0.inputs
    }

    fn outputs(&self) -> usize {
        self.0.outputs.len()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut values: Vec<S> = Vec::with_capacity(self.0.len());
        for &node in self.0.nodes() {
            let at = |id: Id| values[id as usize];
            values.push(match node {
                Node::Input(input) => x[input as usize],
                Node::Constant(bits) => S::from(f64::from_bits(bits)),
                Node::Add(a, b) => at(a) + at(b),
                Node::Sub(a, b) => at(a) - at(b),
                Node::Mul(a, b) => at(a) * at(b),
                Node::Div(a, b) => at(a) / at(b),
                Node::Neg(a) => -at(a),
                Node::MulAdd([a, b, c]) => at(a).mul_add(at(b), at(c)),
                Node::Unary(function, a) => function.eval(at(a)),
                Node::Binary(function, a, b) => function.eval(at(a), at(b)),
                Node::Detached(a) => at(a).detached(),
                Node::Picks(function, a, b) => {
                    S::from(graph::picks(function, at(a).primal(), at(b).primal()))
                }
                Node::Sign(a) => S::from(graph::sign(at(a).primal())),
            });
        }
        let outputs = self.0.outputs.iter().map(|&output| values[output as usize]);
        y.iter_mut().zip(outputs).for_each(|(y, output)| *y = output);
        Ok(())
    }
}

impl Clone for CompiledProgram {
    fn clone(&self) -> Self {
        Self::of(&self.compiled)
    }
}

impl From<CompiledProgram> for SavedProgram {
    fn from(CompiledProgram { compiled }: CompiledProgram) -> Self {
        SavedProgram::new(compiled.inputs(), compiled.outputs(), compiled.graphs())
    }
}

/// Checks everything: every operand comes before its use, all numbers are in range, counts agree, and
/// the guards hold where they were recorded.
impl TryFrom<SavedProgram> for CompiledProgram {
    type Error = InvalidProgram;

    fn try_from(saved: SavedProgram) -> std::result::Result<Self, InvalidProgram> {
        saved.check()?;
        let mut compiled = Compiled::new(saved.inputs, saved.outputs);
        // What is kept last comes first.
        saved.graphs()?.into_iter().rev().for_each(|graph| compiled.keep(graph));
        Ok(CompiledProgram { compiled })
    }
}

/// Nothing is recorded; that there is no branch becomes an error later.
fn nothing(_: &[f64]) -> Result<std::result::Result<Graph, &'static str>> {
    Ok(Err("a program without its function records nothing"))
}

impl Prepared for CompiledProgram {
    fn shape(&self) -> Shape {
        Shape { inputs: self.compiled.inputs(), outputs: self.compiled.outputs() }
    }

    fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
        if self.compiled.value(&mut nothing, x, y)? {
            return Ok(());
        }
        self.check(x)?;
        self.plain(x)?.value_into(x, y)
    }

    fn value_and_pushforward_into(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        if self.compiled.pushforward(&mut nothing, x, x_dot, y, y_dot)? {
            return Ok(());
        }
        self.check(x)?;
        self.plain(x)?.value_and_pushforward_into(x, x_dot, y, y_dot)
    }

    fn value_and_pullback_into(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        if self.compiled.pullback(&mut nothing, x, y_bar, y, x_bar)? {
            return Ok(());
        }
        self.check(x)?;
        self.plain(x)?.value_and_pullback_into(x, y_bar, y, x_bar)
    }

    fn value_and_jacobian_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()> {
        let Shape { inputs, outputs } = self.shape();
        check_matrix("jacobian", jacobian, (outputs, inputs))?;
        if self.compiled.jacobian(&mut nothing, x, y, jacobian.as_mut_slice())? {
            return Ok(());
        }
        self.check(x)?;
        self.plain(x)?.value_and_jacobian_into(x, y, jacobian)
    }

    fn value_derivative_and_second_derivative_into(
        &mut self,
        x: f64,
        y: &mut [f64],
        derivative: &mut [f64],
        second: &mut [f64],
    ) -> Result<()> {
        if self.compiled.second(&mut nothing, x, y, derivative, second)? {
            return Ok(());
        }
        self.check(&[x])?;
        let mut plain = self.plain(&[x])?;
        plain.value_derivative_and_second_derivative_into(x, y, derivative, second)
    }

    fn value_gradient_and_weighted_hvp_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        if let Some(value) = self.compiled.hvp(&mut nothing, x, w, v, gradient, hv)? {
            return Ok(value);
        }
        self.check(x)?;
        self.plain(x)?.value_gradient_and_weighted_hvp_into(x, w, v, gradient, hv)
    }

    fn value_gradient_and_weighted_hessian_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        gradient: &mut [f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        let n = self.compiled.inputs();
        check_matrix("hessian", hessian, (n, n))?;
        let columns = hessian.as_mut_slice();
        if let Some(value) = self.compiled.hessian(&mut nothing, x, w, gradient, columns)? {
            return Ok(value);
        }
        self.check(x)?;
        self.plain(x)?.value_gradient_and_weighted_hessian_into(x, w, gradient, hessian)
    }
}
