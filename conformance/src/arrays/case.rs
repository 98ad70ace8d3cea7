//! The array programs that are differentiated.

use ad_api::array::{ArrayFunction, ArrayOp, Dims};
use ad_api::{Result, Unary};

use super::Steps;
use super::reference::Entries;
use crate::tensor::case::{self, Case};

/// A program at a point.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) f: Steps,
    pub(super) x: Entries,
}

impl Program {
    pub(super) fn outputs(&self) -> usize {
        self.f.outputs().iter().map(Dims::count).sum()
    }
}

/// The most inputs of a program: the reference sweeps once for each.
const MOST_INPUTS: usize = 80;

/// Every operation of the suite of array libraries as a program of its own, operands that are views
/// with the operations that make them.
pub(super) fn operations() -> Vec<Program> {
    let all = [
        case::functions(),
        case::pairs(),
        case::choices(),
        case::products(),
        case::permutations(),
        case::shapes(),
        case::parts(),
        case::lookups(),
        case::joins(),
        case::reductions(ArrayOp::Sum),
        case::reductions(ArrayOp::Max),
    ];
    // Each operation comes in three kinds of layout; every second is at least one of each.
    let some = all.into_iter().flat_map(|cases| cases.into_iter().step_by(2));
    let programs = some.filter_map(|case| program(&case).ok());
    programs.filter(|program| (1..=MOST_INPUTS).contains(&program.x.len())).collect()
}

fn program(case: &Case) -> Result<Program> {
    let bases = case.operands.iter().map(|operand| &operand.base);
    let inputs = bases.clone().map(|base| base.dims.iter().copied().collect()).collect();
    let (mut f, mut operands) = (Steps::new(inputs), vec![]);
    for (k, operand) in case.operands.iter().enumerate() {
        let mut at = k;
        for (op, _) in &operand.moves {
            f = f.then(op.clone(), &[at]);
            at = f.last();
        }
        operands.push(at);
    }
    let f = f.then(case.op.clone(), &operands);
    let last = f.last();
    let x = bases.flat_map(|base| base.entries.iter().copied()).collect();
    Ok(Program { name: case.place(), f: f.returns(&[last])?, x })
}

/// Programs of several operations.
pub(super) fn networks() -> Result<Vec<Program>> {
    let point = |count: usize| case::points(3).into_iter().cycle().take(count).collect();
    let sum = |axes: &[usize]| ArrayOp::Sum(axes.to_vec());
    let square = ArrayOp::Unary(Unary::Powi(2));
    // Batch of 4 by 2, weights, biases, weights, biases.
    let dims = vec![[4, 2].into(), [2, 5].into(), [5].into(), [5, 3].into(), [3].into()];
    let network = Steps::new(dims)
        .then(ArrayOp::MatMul, &[0, 1])
        .then(ArrayOp::Add, &[5, 2])
        .then(ArrayOp::Unary(Unary::Tanh), &[6])
        .then(ArrayOp::MatMul, &[7, 3])
        .then(ArrayOp::Add, &[8, 4])
        .then(ArrayOp::Sigmoid, &[9])
        .then(square.clone(), &[10])
        .then(sum(&[0, 1]), &[11])
        .then(ArrayOp::MulScalar(0.25), &[12])
        .returns(&[13, 10])?;
    let shared = Steps::new(vec![[2, 2].into(), [2].into()])
        .then(ArrayOp::MatMul, &[0, 0])
        .then(ArrayOp::Permute(vec![1, 0]), &[2])
        .then(ArrayOp::Mul, &[3, 1])
        .then(ArrayOp::Mul, &[4, 4])
        .then(ArrayOp::Concat(0), &[5, 0, 5])
        .returns(&[6, 4, 4])?;
    // An input that nothing depends on, an output that is an input, outputs that depend on none.
    let unused = Steps::new(vec![[3].into(), [2, 2].into(), Dims::SCALAR])
        .then(ArrayOp::Detach, &[0])
        .then(ArrayOp::Mul, &[0, 2])
        .then(ArrayOp::Mul, &[3, 0])
        .then(ArrayOp::Unary(Unary::Floor), &[0])
        .returns(&[0, 3, 5, 6, 2])?;
    let softmax = Steps::new(vec![[3, 4].into()])
        .then(ArrayOp::Max(vec![1]), &[0])
        .then(ArrayOp::Detach, &[1])
        .then(ArrayOp::Reshape([3, 1].into()), &[2])
        .then(ArrayOp::Sub, &[0, 3])
        .then(ArrayOp::Unary(Unary::Exp), &[4])
        .then(sum(&[1]), &[5])
        .then(ArrayOp::Reshape([3, 1].into()), &[6])
        .then(ArrayOp::Div, &[5, 7])
        .returns(&[8])?;
    // u - (left and right neighbours)/2, with zeros outside, by slices and embeddings.
    let whole: Dims = [6].into();
    let embed = |ranges| ArrayOp::Embed { dims: whole, ranges: vec![ranges] };
    let stencil = Steps::new(vec![whole])
        .then(ArrayOp::Slice(vec![0..5]), &[0])
        .then(embed(1..6), &[1])
        .then(ArrayOp::Slice(vec![1..6]), &[0])
        .then(embed(0..5), &[3])
        .then(ArrayOp::Add, &[2, 4])
        .then(ArrayOp::MulScalar(-0.5), &[5])
        .then(ArrayOp::Unary(Unary::Exp), &[0])
        .then(ArrayOp::Add, &[6, 7])
        .then(ArrayOp::Add, &[8, 0])
        .returns(&[9])?;
    let list = [
        ("network", network),
        ("results used twice", shared),
        ("results not used", unused),
        ("softmax", softmax),
        ("stencil", stencil),
    ];
    let program = |(name, f): (&str, Steps)| {
        let inputs = f.inputs().iter().map(Dims::count).sum();
        Program { name: name.into(), f, x: point(inputs) }
    };
    Ok(list.into_iter().map(program).collect())
}
