//! A scalar function as data.

use std::collections::HashSet;
use std::sync::Arc;

use super::recording::{self, Recording};
use super::{Comparison, Instruction, Operand, Traced};
use crate::{AdError, Failure, Function, Lift, Rule, RuleValue, Scalar, scratch};

/// The operations of one evaluation of a [`Function`], in order: what an engine runs that cannot see
/// through a foreign number type.
///
/// The variables `0..inputs` are the inputs; each [`Instruction`] appends its results. Operations that
/// no output needs are left out, but for rules, which may fail, and comparisons.
///
/// A program is a [`Function`] itself, and has the derivatives of the recorded one. It is valid where
/// its comparisons come out as they did; elsewhere its evaluation is a [`Diverged`] failure. A function
/// that reads a [`primal`](Scalar::primal) may depend on the point in ways that nobody sees, so its
/// program is valid at the recorded point alone.
///
/// ```
/// use ad_api::trace::{Diverged, Program};
/// use ad_api::{Differentiate, Failure, Function, Scalar};
/// use ad_dual::Dual;
///
/// /// `x sin x`, but `x` for negative `x`.
/// #[derive(Clone)]
/// struct Wave;
/// impl Function for Wave {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = if x[0] < 0.0 { x[0] } else { x[0] * x[0].sin() };
///         Ok(())
///     }
/// }
/// let mut y = [0.0];
/// let program = Program::record(&Wave, &[2.0], &mut y).unwrap();
/// assert_eq!(y[0], 2.0 * 2_f64.sin());
/// assert_eq!(program.instructions().len(), 3); // a comparison, the sine, the product
/// assert_eq!(
///     Dual::default().derivative(&program, 0.5)?,
///     Dual::default().derivative(&Wave, 0.5)?,
/// );
/// let failure = program.eval(&[-1.0], &mut y).unwrap_err();
/// assert!(failure.downcast_ref::<Diverged>().is_some());
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Program(Arc<Body>);

#[derive(Debug)]
struct Body {
    inputs: usize,
    variables: usize,
    instructions: Vec<Instruction>,
    outputs: Vec<Operand>,
    point: Option<Vec<f64>>,
    precision: f64,
}

/// Why a recorded program is no stand-in for its function at a point: the function must be recorded
/// there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Diverged {
    /// A comparison has another answer.
    #[error(
        "instruction {instruction} of the recorded program: `{comparison}` was {}, and is {} for \
         {left} and {right}", comparison.holds, !comparison.holds
    )]
    Branch {
        /// The place of the comparison among the instructions.
        instruction: usize,
        /// What was compared.
        comparison: Comparison,
        /// The number on the left.
        left: f64,
        /// The number on the right.
        right: f64,
    },
    /// The function read the primal of a number, so that its program is known at one point only.
    #[error(
        "the recorded function reads a primal, so its program is valid at one point: input {input} \
         is {found}, and was {recorded}"
    )]
    Point {
        /// The input.
        input: usize,
        /// Its value when recording.
        recorded: f64,
        /// Its value.
        found: f64,
    },
}

impl Program {
    /// Evaluates `f` at `x: n` once, writes its value into `y: m`, and returns the operations.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for wrong lengths, and the failure of `f`.
    ///
    /// # Panics
    ///
    /// If `f` does; if `f` uses a number of another recording, which a [`Traced`] does not allow; if
    /// there are more variables than a 32-bit index can tell apart.
    pub fn record<F: Function>(f: &F, x: &[f64], y: &mut [f64]) -> Result<Program, Failure> {
        let program = Self::record_within(f, x, y, usize::MAX)?;
        Ok(program.expect("there is no limit"))
    }

    /// As [`record`](Self::record), but for functions that may be too long: evaluates `f`, and returns
    /// no program if there are more than `limit` operations, comparisons among them. Those beyond take
    /// no memory.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    ///
    /// # Panics
    ///
    /// As [`record`](Self::record).
    pub fn record_within<F: Function>(
        f: &F,
        x: &[f64],
        y: &mut [f64],
        limit: usize,
    ) -> Result<Option<Program>, Failure> {
        AdError::check_len("x", x.len(), f.inputs(), "the inputs of the function")?;
        AdError::check_len("y", y.len(), f.outputs(), "the outputs of the function")?;
        let inputs = u32::try_from(x.len()).expect("a function has less than 2^32 inputs");
        let (evaluated, mut recording) = recording::record(inputs, limit, |id| {
            scratch::with(x.len() + y.len(), |numbers: &mut [Traced]| {
                let (input, output) = numbers.split_at_mut(x.len());
                for (variable, (input, &x)) in (0..).zip(input.iter_mut().zip(x)) {
                    *input = Traced::input(x, variable, id);
                }
                f.eval(input, output)?;
                y.iter_mut().zip(&*output).for_each(|(y, output)| *y = output.inner());
                Ok::<_, Failure>(recording::with_current(id, |recording| {
                    output.iter().map(|output| output.operand(recording)).collect::<Vec<_>>()
                }))
            })
        });
        let outputs = evaluated?;
        let whole = !recording.overflows;
        Ok(whole.then(|| Program(Arc::new(Body::new(f, x, outputs, &mut recording)))))
    }

    /// The operations, in order.
    pub fn instructions(&self) -> &[Instruction] {
        &self.0.instructions
    }

    /// Where the outputs are found.
    pub fn outputs(&self) -> &[Operand] {
        &self.0.outputs
    }

    /// The number of variables: the inputs and the results of all instructions.
    pub fn variables(&self) -> usize {
        self.0.variables
    }

    /// The comparisons that the function made, in order.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.0.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::Compare(comparison) => Some(comparison),
            _ => None,
        })
    }

    /// The only point where the program is valid, if the function read a primal.
    pub fn point(&self) -> Option<&[f64]> {
        self.0.point.as_deref()
    }
}

impl Body {
    fn new<F: Function>(
        f: &F,
        x: &[f64],
        mut outputs: Vec<Operand>,
        recording: &mut Recording,
    ) -> Self {
        let (instructions, variables) = needed(x.len(), &mut recording.instructions, &mut outputs);
        Body {
            inputs: x.len(),
            variables,
            instructions,
            outputs,
            point: recording.reads_primal.then(|| x.to_vec()),
            precision: f.precision(),
        }
    }

    /// Whether the program says what its function does at `x`, as far as the point itself tells.
    fn check_point<S: Scalar>(&self, x: &[S]) -> Result<(), Diverged> {
        for (input, (x, &recorded)) in x.iter().zip(self.point.iter().flatten()).enumerate() {
            let found = x.primal();
            if found.to_bits() != recorded.to_bits() {
                return Err(Diverged::Point { input, recorded, found });
            }
        }
        Ok(())
    }

    /// Computes all variables; those of the inputs are there.
    fn run<S: Scalar>(&self, variables: &mut [S]) -> Result<(), Failure> {
        let mut next = self.inputs;
        for (place, instruction) in self.instructions.iter().enumerate() {
            let (known, results) = variables.split_at_mut(next);
            let value = |operand: &Operand| operand.value(known);
            let result = match instruction {
                Instruction::Neg(a) => -known[*a],
                Instruction::Add(a, Operand::Constant(c)) => value(a) + *c,
                Instruction::Sub(a, Operand::Constant(c)) => value(a) - *c,
                Instruction::Mul(a, Operand::Constant(c)) => value(a) * *c,
                Instruction::Div(a, Operand::Constant(c)) => value(a) / *c,
                Instruction::Add(a, b) => value(a) + value(b),
                Instruction::Sub(a, b) => value(a) - value(b),
                Instruction::Mul(a, b) => value(a) * value(b),
                Instruction::Div(a, b) => value(a) / value(b),
                Instruction::MulAdd(a, b, c) => value(a).mul_add(value(b), value(c)),
                Instruction::Unary(function, a) => function.eval(known[*a]),
                Instruction::Binary(function, a, b) => function.eval(value(a), value(b)),
                Instruction::Detach(a) => known[*a].detached(),
                Instruction::Rule(rule, arguments) => {
                    let outputs = rule.outputs();
                    scratch::with(arguments.len(), |x: &mut [S]| {
                        x.iter_mut().zip(arguments).for_each(|(x, operand)| *x = value(operand));
                        rule.apply(x, &mut results[..outputs])
                    })?;
                    next += outputs;
                    continue;
                }
                Instruction::Compare(comparison) => {
                    let (left, right) = (value(&comparison.left), value(&comparison.right));
                    if comparison.relation.holds(&left, &right) != comparison.holds {
                        let (left, right) = (left.primal(), right.primal());
                        let comparison = *comparison;
                        let instruction = place;
                        return Err(
                            Diverged::Branch { instruction, comparison, left, right }.into()
                        );
                    }
                    continue;
                }
            };
            results[0] = result;
            next += 1;
        }
        Ok(())
    }
}

/// The recorded instructions that an output needs, in a numbering of their own, which the outputs get
/// too; and the number of their variables.
fn needed(
    inputs: usize,
    recorded: &mut Vec<Instruction>,
    outputs: &mut [Operand],
) -> (Vec<Instruction>, usize) {
    let variables = inputs + recorded.iter().map(Instruction::results).sum::<usize>();
    let mut live = vec![false; variables];
    for output in &mut *outputs {
        output.visit_variable(|variable| live[*variable] = true);
    }
    let mut first = variables;
    for instruction in recorded.iter_mut().rev() {
        first -= instruction.results();
        let kept = matches!(instruction, Instruction::Rule(..) | Instruction::Compare(_));
        if kept || live[first] {
            instruction.visit_variables(|variable| live[*variable] = true);
        }
    }

    // A variable of the recording gets this number in the program.
    let mut places: Vec<usize> = (0..inputs).collect();
    let (mut next, mut instructions, mut asked) = (inputs, Vec::new(), HashSet::new());
    for mut instruction in recorded.drain(..) {
        let results = instruction.results();
        let keep = match &instruction {
            Instruction::Compare(comparison) => asked.insert(comparison.key()),
            Instruction::Rule(..) => true,
            _ => live[places.len()],
        };
        places.extend(next..next + results);
        if keep {
            next += results;
            instruction.visit_variables(|variable| *variable = places[*variable]);
            instructions.push(instruction);
        }
    }
    for output in outputs {
        output.visit_variable(|variable| *variable = places[*variable]);
    }
    (instructions, next)
}

impl Function for Program {
    fn inputs(&self) -> usize {
        self.0.inputs
    }

    fn outputs(&self) -> usize {
        self.0.outputs.len()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let body = &*self.0;
        body.check_point(x)?;
        scratch::with(body.variables, |variables: &mut [S]| {
            variables[..x.len()].copy_from_slice(x);
            body.run(variables)?;
            y.iter_mut().zip(&body.outputs).for_each(|(y, output)| *y = output.value(variables));
            Ok(())
        })
    }

    fn precision(&self) -> f64 {
        self.0.precision
    }
}
