//! A formula with its names bound, and its work put where it is done least often.

use std::sync::Arc;

use ad_api::{Scalar, scratch};

use super::operation::{Binary, Number, Unary};
use super::{Formula, Node};

/// Where an operand is found, by how often its value changes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Operand {
    /// Known from the formula.
    Constant(f64),
    /// Known from the data: a predictor, or an expression of predictors only.
    Datum(usize),
    /// Known from the parameters: one of them, or an expression of parameters only.
    Parameter(usize),
    /// Differs with both.
    Row(usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Instruction {
    Unary(Unary, Operand),
    Binary(Binary, Operand, Operand),
}

/// A formula as three lists of instructions: on the data (run once), on the parameters (once per
/// evaluation) and on both (once per row). Constants are folded and equal expressions shared.
///
/// Splitting a program by when its operands are known is binding-time analysis: N. D. Jones,
/// C. K. Gomard, P. Sestoft, *Partial Evaluation and Automatic Program Generation*, 1993, section 4.4.
///
/// ```
/// use ad_cli::formula::{Formula, Program};
///
/// let formula = Formula::parse("a * x^2 + b")?;
/// let program = Program::new(&formula, &["a", "b"], &["x"])?;
/// let rows = program.bind(3, &[&[0.0, 1.0, 2.0]]);
/// let mut y = [0.0; 3];
/// rows.eval(&[10.0, 1.0], &mut y);
/// assert_eq!(y, [1.0, 11.0, 41.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    predictors: usize,
    parameters: usize,
    on_data: Vec<Instruction>,
    on_parameters: Vec<Instruction>,
    on_both: Vec<Instruction>,
    result: Operand,
}

/// A name of a formula that is bound to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name `{name}` at column {column} of the formula")]
pub struct UnknownName {
    /// The name.
    pub name: String,
    /// Its column in the formula, counted from 1.
    pub column: usize,
}

impl Program {
    /// Binds the names of `formula` to parameters and predictors; a parameter hides a predictor.
    ///
    /// # Errors
    ///
    /// [`UnknownName`] for the first name that is neither.
    pub fn new(
        formula: &Formula,
        parameters: &[impl AsRef<str>],
        predictors: &[impl AsRef<str>],
    ) -> Result<Self, UnknownName> {
        let mut program = Program {
            predictors: predictors.len(),
            parameters: parameters.len(),
            on_data: Vec::new(),
            on_parameters: Vec::new(),
            on_both: Vec::new(),
            result: Operand::Constant(f64::NAN),
        };
        let mut operands: Vec<Operand> = Vec::with_capacity(formula.nodes().len());
        for node in formula.nodes() {
            operands.push(match node {
                &Node::Number(value) => Operand::Constant(value),
                Node::Name(name, column) => {
                    let parameter = parameters.iter().position(|p| p.as_ref() == name);
                    let predictor = predictors.iter().position(|p| p.as_ref() == name);
                    parameter
                        .map(Operand::Parameter)
                        .or(predictor.map(Operand::Datum))
                        .ok_or_else(|| UnknownName { name: name.clone(), column: *column })?
                }
                &Node::Unary(operation, a) => {
                    program.add(Instruction::Unary(operation, operands[a]))
                }
                &Node::Binary(operation, a, b) => {
                    program.add(Instruction::Binary(operation, operands[a], operands[b]).simpler())
                }
            });
        }
        if let Some(&result) = operands.last() {
            program.result = result;
        }
        Ok(program)
    }

    /// Puts an instruction where its operands are first known, and says where its value will be.
    fn add(&mut self, instruction: Instruction) -> Operand {
        let (a, b) = instruction.operands();
        let any = |test: fn(&Operand) -> bool| test(&a) || b.as_ref().is_some_and(test);
        let row = any(|o| matches!(o, Operand::Row(_)));
        let datum = any(|o| matches!(o, Operand::Datum(_)));
        let parameter = any(|o| matches!(o, Operand::Parameter(_)));
        let place = |list: &mut Vec<Instruction>| {
            let known = list.iter().position(|i| *i == instruction);
            known.unwrap_or_else(|| {
                list.push(instruction);
                list.len() - 1
            })
        };
        if row || (datum && parameter) {
            Operand::Row(place(&mut self.on_both))
        } else if datum {
            Operand::Datum(self.predictors + place(&mut self.on_data))
        } else if parameter {
            Operand::Parameter(self.parameters + place(&mut self.on_parameters))
        } else {
            Operand::Constant(instruction.run(&[], &[], &[]))
        }
    }

    /// The program with its data: one column of `rows` entries for each predictor.
    ///
    /// # Panics
    ///
    /// If a column is missing or shorter than `rows`.
    pub fn bind(&self, rows: usize, columns: &[&[f64]]) -> Rows {
        assert_eq!(columns.len(), self.predictors, "one column for each predictor");
        let width = self.predictors + self.on_data.len();
        let mut data = Vec::with_capacity(rows * width);
        for row in 0..rows {
            data.extend(columns.iter().map(|column| column[row]));
            for instruction in &self.on_data {
                let value = instruction.run(&data[row * width..], &[], &[]);
                data.push(value);
            }
        }
        Rows { program: Arc::new(self.clone()), len: rows, width, data: data.into() }
    }
}

impl Instruction {
    fn operands(&self) -> (Operand, Option<Operand>) {
        match *self {
            Instruction::Unary(_, a) => (a, None),
            Instruction::Binary(_, a, b) => (a, Some(b)),
        }
    }

    /// A power with a constant integer exponent as repeated multiplication, which has a value and a
    /// derivative at bases of either sign.
    fn simpler(self) -> Self {
        match self {
            Instruction::Binary(Binary::Power, base, Operand::Constant(exponent))
                if exponent.fract() == 0.0 && exponent.abs() <= 1024.0 =>
            {
                #[allow(clippy::cast_possible_truncation, reason = "an integer of at most 1024")]
                Instruction::Unary(Unary::Power(exponent as i32), base)
            }
            other => other,
        }
    }

    fn run<S: Scalar>(&self, data: &[f64], parameters: &[S], rows: &[S]) -> S {
        let get = |operand| match operand {
            Operand::Constant(value) => Number::Real(value),
            Operand::Datum(i) => Number::Real(data[i]),
            Operand::Parameter(i) => Number::Active(parameters[i]),
            Operand::Row(i) => Number::Active(rows[i]),
        };
        match *self {
            Instruction::Unary(operation, a) => operation.apply(get(a).lift()),
            Instruction::Binary(operation, a, b) => operation.apply(get(a), get(b)),
        }
    }
}

/// A [`Program`] bound to the rows of a table.
#[derive(Debug, Clone)]
pub struct Rows {
    program: Arc<Program>,
    len: usize,
    width: usize,
    data: Arc<[f64]>,
}

impl Rows {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.program.parameters
    }

    /// Writes the value of the formula at each row into `y`.
    ///
    /// # Shapes
    ///
    /// `b` has an entry for each parameter, `y` one for each row.
    pub fn eval<S: Scalar>(&self, b: &[S], y: &mut [S]) {
        let Program { on_parameters, on_both, result, .. } = &*self.program;
        scratch::with(b.len() + on_parameters.len() + on_both.len(), |values: &mut [S]| {
            let (parameters, values) = values.split_at_mut(b.len() + on_parameters.len());
            parameters[..b.len()].copy_from_slice(b);
            for (i, instruction) in on_parameters.iter().enumerate() {
                parameters[b.len() + i] = instruction.run(&[], parameters, &[]);
            }
            for (row, y) in y.iter_mut().enumerate() {
                let data = &self.data[row * self.width..(row + 1) * self.width];
                for (i, instruction) in on_both.iter().enumerate() {
                    values[i] = instruction.run(data, parameters, values);
                }
                *y = match *result {
                    Operand::Constant(value) => S::from(value),
                    Operand::Datum(i) => S::from(data[i]),
                    Operand::Parameter(i) => parameters[i],
                    Operand::Row(i) => values[i],
                };
            }
        });
    }
}
