//! Recorded scalar programs as array programs.
//!
//! A tensor library spends about a microsecond on an operation however few numbers it has, so the
//! operations of a scalar program are gathered into few: all those of one kind that wait for nothing
//! but each other's predecessors (one *level*) are computed as one array operation, and a long chain of
//! additions is one sum. With many points at once, each of them is one more column.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Array, ArrayFunction, ArrayOp, ArrayProgram, Constant, Dims, Tensor};
use crate::trace::{Instruction, Operand, Program};
use crate::{Binary, Failure, Function, Relation, Result, Unary};

/// Up to this many pieces are joined as slices; more are selected by index.
const PIECES: usize = 4;

/// The operations of a scalar program on arrays: one input `[n]`, one output `[m]`.
///
/// # Errors
///
/// [`AdError::Rule`](crate::AdError::Rule) where the program applies a rule that cannot be derived.
pub fn lower(program: &Program) -> Result<ArrayProgram> {
    ArrayProgram::record(&Lowered { program: program.clone(), points: None })
}

/// The operations of a scalar program at `points` points: one input `[points, n]` and the outputs
/// `[points, m]`; and `[points]`, 0 where the program is valid, else `1 +` the number of the first
/// comparison that has another answer there.
///
/// # Errors
///
/// As [`lower`].
pub fn lower_batch(program: &Program, points: usize) -> Result<ArrayProgram> {
    ArrayProgram::record(&Lowered { program: program.clone(), points: Some(points) })
}

#[derive(Clone)]
struct Lowered {
    program: Program,
    points: Option<usize>,
}

impl Lowered {
    /// The shape of `rows` numbers at every point.
    fn dims(&self, rows: usize) -> Dims {
        std::iter::once(rows).chain(self.points).collect()
    }
}

impl ArrayFunction for Lowered {
    fn inputs(&self) -> Vec<Dims> {
        vec![self.points.into_iter().chain([self.program.inputs()]).collect()]
    }

    fn outputs(&self) -> Vec<Dims> {
        let outputs = self.points.into_iter().chain([self.program.outputs().len()]).collect();
        std::iter::once(outputs).chain(self.points.map(Dims::vector)).collect()
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let x = &x[0];
        let rows = if self.points.is_some() { x.transpose() } else { x.clone() };
        let mut variables = Variables::new(self, rows);
        for block in blocks(&self.program) {
            variables.compute(&block);
        }
        let y = variables.gather(self.program.outputs());
        let y = y.broadcast_to(self.dims(self.program.outputs().len()));
        let Some(points) = self.points else { return Ok(vec![y]) };
        Ok(vec![y.transpose(), variables.diverged(&self.program, points)])
    }
}

/// What one array operation computes.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    Neg,
    Add,
    Sub,
    Mul,
    Div,
    MulAdd,
    Unary(Unary),
    Binary(Binary),
    Detach,
    /// A sum of this many terms.
    Sum(usize),
    /// The rule of the instruction with this number.
    Rule(usize),
}

/// Operations of one kind and level.
struct Block {
    kind: Kind,
    tasks: Vec<Task>,
}

/// One operation: its operands, and its first result.
struct Task {
    operands: Vec<Operand>,
    result: usize,
}

/// Kind and operands of an instruction that is no comparison.
fn parts(number: usize, instruction: &Instruction) -> Option<(Kind, Vec<Operand>)> {
    use Operand::Variable;
    Some(match instruction {
        Instruction::Neg(a) => (Kind::Neg, vec![Variable(*a)]),
        Instruction::Add(a, b) => (Kind::Add, vec![*a, *b]),
        Instruction::Sub(a, b) => (Kind::Sub, vec![*a, *b]),
        Instruction::Mul(a, b) => (Kind::Mul, vec![*a, *b]),
        Instruction::Div(a, b) => (Kind::Div, vec![*a, *b]),
        Instruction::MulAdd(a, b, c) => (Kind::MulAdd, vec![*a, *b, *c]),
        Instruction::Unary(function, a) => (Kind::Unary(*function), vec![Variable(*a)]),
        Instruction::Binary(function, a, b) => (Kind::Binary(*function), vec![*a, *b]),
        Instruction::Detach(a) => (Kind::Detach, vec![Variable(*a)]),
        Instruction::Rule(_, arguments) => (Kind::Rule(number), arguments.to_vec()),
        Instruction::Compare(_) => return None,
    })
}

/// Who reads a variable.
#[derive(Clone, Copy)]
enum Readers {
    None,
    /// One addition, once.
    Addition,
    Others,
}

fn readers(program: &Program) -> Vec<Readers> {
    let mut readers = vec![Readers::None; program.variables()];
    let mut read = |operand: &Operand, by: Readers| {
        if let Operand::Variable(variable) = *operand {
            readers[variable] = match readers[variable] {
                Readers::None => by,
                _ => Readers::Others,
            };
        }
    };
    for instruction in program.instructions() {
        match instruction {
            Instruction::Compare(comparison) => {
                read(&comparison.left, Readers::Others);
                read(&comparison.right, Readers::Others);
            }
            Instruction::Add(a, b) => [a, b].into_iter().for_each(|x| read(x, Readers::Addition)),
            other => {
                let operands = parts(0, other).map(|(_, operands)| operands).unwrap_or_default();
                operands.iter().for_each(|operand| read(operand, Readers::Others));
            }
        }
    }
    program.outputs().iter().for_each(|output| read(output, Readers::Others));
    readers
}

/// The operations of a program, gathered into blocks, in an order of execution.
fn blocks(program: &Program) -> Vec<Block> {
    let readers = readers(program);
    // The terms of sums that go on in another addition.
    let mut unfinished: HashMap<usize, Vec<Operand>> = HashMap::new();
    let mut levels = vec![0_usize; program.variables()];
    let mut places: HashMap<(usize, Kind), usize> = HashMap::new();
    let mut blocks: Vec<(usize, Block)> = Vec::new();
    let mut next = program.inputs();
    for (number, instruction) in program.instructions().iter().enumerate() {
        let result = next;
        next += instruction.results();
        let Some((mut kind, mut operands)) = parts(number, instruction) else { continue };
        if kind == Kind::Add {
            let mut terms = |operand: Operand| match operand {
                Operand::Variable(v) => unfinished.remove(&v).unwrap_or_else(|| vec![operand]),
                Operand::Constant(_) => vec![operand],
            };
            let (mut sum, mut others) = (terms(operands[0]), terms(operands[1]));
            // Few are moved to many, or a chain of n additions would take n² moves.
            if sum.len() < others.len() {
                std::mem::swap(&mut sum, &mut others);
            }
            sum.extend(others);
            operands = sum;
            if matches!(readers[result], Readers::Addition) {
                unfinished.insert(result, operands);
                continue;
            }
            if operands.len() > 2 {
                kind = Kind::Sum(operands.len());
            }
        }
        let level = |operand: &Operand| match *operand {
            Operand::Variable(variable) => levels[variable],
            Operand::Constant(_) => 0,
        };
        let level = 1 + operands.iter().map(level).max().unwrap_or(0);
        levels[result..next].fill(level);
        let place = *places.entry((level, kind.clone())).or_insert_with(|| {
            blocks.push((level, Block { kind, tasks: Vec::new() }));
            blocks.len() - 1
        });
        blocks[place].1.tasks.push(Task { operands, result });
    }
    blocks.sort_by_key(|&(level, _)| level);
    blocks.into_iter().map(|(_, block)| block).collect()
}

/// The variables that have been computed: rows of arrays.
struct Variables<'a, T: Tensor> {
    lowered: &'a Lowered,
    arrays: Vec<Array<T>>,
    /// For each variable, the array and the row in it.
    places: Vec<(usize, usize)>,
}

impl<'a, T: Tensor> Variables<'a, T> {
    /// The inputs, one in each row.
    fn new(lowered: &'a Lowered, inputs: Array<T>) -> Self {
        let mut places = vec![(usize::MAX, 0); lowered.program.variables()];
        let known = places.iter_mut().take(lowered.program.inputs());
        known.enumerate().for_each(|(row, place)| *place = (0, row));
        Variables { lowered, arrays: vec![inputs], places }
    }

    fn compute(&mut self, block: &Block) {
        let rows = block.tasks.len();
        let operand = |slot: usize| -> Vec<Operand> {
            block.tasks.iter().map(|task| task.operands[slot]).collect()
        };
        let first = self.gather(&operand(0));
        let unary = |op: ArrayOp| Array::apply(&op, &[&first]);
        let result = match &block.kind {
            Kind::Neg => unary(ArrayOp::Neg),
            Kind::Unary(function) => unary(ArrayOp::Unary(*function)),
            Kind::Detach => unary(ArrayOp::Detach),
            Kind::Add | Kind::Sub | Kind::Mul | Kind::Div | Kind::Binary(_) => {
                self.binary(&block.kind, &first, &operand(1))
            }
            Kind::MulAdd => {
                let product = self.binary(&Kind::Mul, &first, &operand(1));
                self.binary(&Kind::Add, &product, &operand(2))
            }
            Kind::Sum(terms) => {
                let all: Vec<_> = (0..*terms).flat_map(operand).collect();
                let split = [*terms, rows].into_iter().chain(self.lowered.points);
                let all = self.gather(&all).broadcast_to(self.lowered.dims(all.len()));
                all.reshape(split.collect::<Dims>()).sum(&[0])
            }
            Kind::Rule(number) => {
                let arguments = &block.tasks[0].operands;
                let dims = self.lowered.dims(arguments.len());
                let arguments = self.gather(arguments).broadcast_to(dims);
                match &self.lowered.program.instructions()[*number] {
                    Instruction::Rule(rule, _) => {
                        Array::apply(&ArrayOp::Rule(Arc::clone(rule)), &[&arguments])
                    }
                    _ => unreachable!("the number is that of a rule"),
                }
            }
        };
        let results = match block.kind {
            Kind::Rule(_) => result.shape().first().copied().unwrap_or(0),
            _ => 1,
        };
        let result = result.broadcast_to(self.lowered.dims(rows * results));
        for (row, task) in block.tasks.iter().enumerate() {
            for r in 0..results {
                self.places[task.result + r] = (self.arrays.len(), row * results + r);
            }
        }
        self.arrays.push(result);
    }

    /// An operation of two operands, the second of them still to be gathered.
    fn binary(&self, kind: &Kind, first: &Array<T>, second: &[Operand]) -> Array<T> {
        if let Some(c) = constant(second) {
            match kind {
                Kind::Add => return first + c,
                Kind::Sub => return first - c,
                Kind::Mul => return first * c,
                Kind::Binary(Binary::Powf) => return first.powf(c),
                _ => {}
            }
        }
        let second = self.gather(second);
        let op = match kind {
            Kind::Add => ArrayOp::Add,
            Kind::Sub => ArrayOp::Sub,
            Kind::Mul => ArrayOp::Mul,
            Kind::Div => ArrayOp::Div,
            Kind::Binary(function) => ArrayOp::Binary(*function),
            _ => unreachable!("the kind has two operands"),
        };
        Array::apply(&op, &[first, &second])
    }

    /// The operands, one in each row; a single row if all are the same, which then broadcasts.
    fn gather(&self, operands: &[Operand]) -> Array<T> {
        let inputs = &self.arrays[0];
        if let Some(c) = constant(operands) {
            return inputs.number(c).broadcast_to(self.lowered.dims(1));
        }
        if operands.len() > 1 && operands.iter().all(|operand| *operand == operands[0]) {
            return self.gather(&operands[..1]);
        }
        let pieces = self.pieces(operands);
        if pieces.len() <= PIECES {
            return join(&pieces.iter().map(|piece| self.piece(piece)).collect::<Vec<_>>());
        }
        // The rows of each array that are read, in the order in which they are; then all in order.
        let mut sources: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut source_of: HashMap<usize, usize> = HashMap::new();
        let mut constants = Vec::new();
        let found: Vec<(Option<usize>, usize)> = operands
            .iter()
            .map(|operand| match *operand {
                Operand::Constant(c) => {
                    constants.push(c);
                    (None, constants.len() - 1)
                }
                Operand::Variable(variable) => {
                    let (array, row) = self.places[variable];
                    let source = *source_of.entry(array).or_insert_with(|| {
                        sources.push((array, Vec::new()));
                        sources.len() - 1
                    });
                    sources[source].1.push(row);
                    (Some(source), sources[source].1.len() - 1)
                }
            })
            .collect();
        if sources.len() == 1 && constants.is_empty() {
            let (array, rows) = sources.swap_remove(0);
            return self.arrays[array].index_select(0, rows);
        }
        let mut first = 0;
        let mut firsts = Vec::new();
        let mut parts = Vec::new();
        for (array, rows) in sources {
            firsts.push(first);
            first += rows.len();
            parts.push(self.arrays[array].index_select(0, rows));
        }
        if !constants.is_empty() {
            parts.push(self.constants(&constants));
        }
        let order: Vec<usize> = found
            .iter()
            .map(|&(source, place)| source.map_or(first, |source| firsts[source]) + place)
            .collect();
        join(&parts).index_select(0, order)
    }

    /// The operands as runs of neighbours.
    fn pieces(&self, operands: &[Operand]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for operand in operands {
            match (pieces.last_mut(), *operand) {
                (Some(Piece::Constants(c)), Operand::Constant(value)) => c.push(value),
                (_, Operand::Constant(value)) => pieces.push(Piece::Constants(vec![value])),
                (last, Operand::Variable(variable)) => {
                    let (array, row) = self.places[variable];
                    match last {
                        Some(Piece::Rows { array: a, first, count })
                            if (*a, *first + *count) == (array, row) =>
                        {
                            *count += 1;
                        }
                        _ => pieces.push(Piece::Rows { array, first: row, count: 1 }),
                    }
                }
            }
        }
        pieces
    }

    fn piece(&self, piece: &Piece) -> Array<T> {
        match piece {
            Piece::Constants(constants) => self.constants(constants),
            &Piece::Rows { array, first, count } => {
                let array = &self.arrays[array];
                if count == array.shape().first().copied().unwrap_or(0) {
                    array.clone()
                } else {
                    array.slice_axis(0, first..first + count)
                }
            }
        }
    }

    fn constants(&self, constants: &[f64]) -> Array<T> {
        let rows = constants.len();
        let column = std::iter::once(rows).chain(self.lowered.points.map(|_| 1)).collect::<Dims>();
        let device = self.arrays[0].device();
        match Constant::new(column, constants.to_vec()) {
            Ok(constant) => constant.on(&device).broadcast_to(self.lowered.dims(rows)),
            Err(error) => Array::from_result(Err(error), &device, self.lowered.dims(rows)),
        }
    }

    /// For each point 0, or 1 + the number of the first comparison with another answer than it had.
    fn diverged(&self, program: &Program, points: usize) -> Array<T> {
        let comparisons: Vec<_> = program.comparisons().collect();
        let inputs = &self.arrays[0];
        let mut first = Array::full(&inputs.device(), [points], 0.0);
        for relation in [
            Relation::Less,
            Relation::LessOrEqual,
            Relation::Greater,
            Relation::GreaterOrEqual,
            Relation::Equal,
        ] {
            let asked = || comparisons.iter().enumerate().filter(|(_, c)| c.relation == relation);
            if asked().next().is_none() {
                continue;
            }
            let left: Vec<_> = asked().map(|(_, comparison)| comparison.left).collect();
            let right: Vec<_> = asked().map(|(_, comparison)| comparison.right).collect();
            let rows = self.lowered.dims(left.len());
            let (left, right) = (self.gather(&left), self.gather(&right));
            let holds = left.compare(relation, &right).broadcast_to(rows);
            let held: Vec<f64> = asked().map(|(_, c)| f64::from(u8::from(c.holds))).collect();
            let differs = holds.compare(Relation::Equal, &self.constants(&held)).eq(0.0);
            // The earliest comparison has the largest weight.
            let weight = |number: usize| (comparisons.len() - number) as f64;
            let weights: Vec<f64> = asked().map(|(number, _)| weight(number)).collect();
            first = first.maximum(&(differs * self.constants(&weights)).max(&[0]));
        }
        let number = (comparisons.len() + 1) as f64 - &first;
        first.gt(0.0).select(&number, &first)
    }
}

/// Neighbouring rows of one array, or constants.
enum Piece {
    Rows { array: usize, first: usize, count: usize },
    Constants(Vec<f64>),
}

fn join<T: Tensor>(parts: &[Array<T>]) -> Array<T> {
    match parts {
        [only] => only.clone(),
        several => Array::concat(several, 0),
    }
}

/// The constant that all operands are, to the bit: -0 is not 0.
fn constant(operands: &[Operand]) -> Option<f64> {
    let bits = |operand: &Operand| match operand {
        Operand::Constant(c) => Some(c.to_bits()),
        Operand::Variable(_) => None,
    };
    let first = bits(operands.first()?)?;
    operands.iter().all(|operand| bits(operand) == Some(first)).then(|| f64::from_bits(first))
}
