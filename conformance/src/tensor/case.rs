//! The operations that a library is asked for.

use ad_api::array::{ArrayOp, Dims, MAX_RANK};
use ad_api::{Binary, Relation, Unary};

use super::plain::Plain;

/// An array made from entries on the host, and then by operations that move them: a view, in
/// libraries that have views.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    pub(crate) base: Plain,
    /// Each with the shape of its result.
    pub(crate) moves: Vec<(ArrayOp, Vec<usize>)>,
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) op: ArrayOp,
    pub(crate) operands: Vec<Operand>,
    /// The shape of the result, as written down beside the operands.
    pub(crate) dims: Vec<usize>,
}

/// How the entries of the operands lie.
#[derive(Debug, Clone, Copy)]
enum Lie {
    RowByRow,
    /// A part of a larger array whose axes are the other way round.
    TurnedAndCut,
    /// The first axis stretched from size 1.
    Stretched,
}

impl Operand {
    fn new(dims: &[usize], points: &[f64], lie: Lie) -> Self {
        let fill = |dims: &[usize]| {
            let entries = points.iter().copied().cycle().take(dims.iter().product()).collect();
            Plain::new(dims, entries)
        };
        match (lie, dims) {
            (Lie::RowByRow, _) | (Lie::Stretched, []) => {
                Operand { base: fill(dims), moves: vec![] }
            }
            (Lie::Stretched, [_, rest @ ..]) => {
                let stretch = (ArrayOp::Broadcast(Dims::from_iter(dims.to_vec())), dims.to_vec());
                Operand { base: fill(&[&[1], rest].concat()), moves: vec![stretch] }
            }
            (Lie::TurnedAndCut, _) => {
                // By two along every axis, but with many axes only along the outer ones.
                let (few, last) = (dims.len() <= 5, dims.len().saturating_sub(1));
                let margin = |axis| usize::from(few || axis == 0 || axis == last);
                let sizes = dims.iter().enumerate();
                let larger: Vec<_> = sizes.map(|(axis, size)| size + 2 * margin(axis)).collect();
                let base: Vec<_> = larger.iter().copied().rev().collect();
                let turn = (ArrayOp::Permute((0..dims.len()).rev().collect()), larger);
                let sizes = dims.iter().enumerate();
                let part = sizes.map(|(axis, &size)| margin(axis)..margin(axis) + size).collect();
                let cut = (ArrayOp::Slice(part), dims.to_vec());
                Operand { base: fill(&base), moves: vec![turn, cut] }
            }
        }
    }

    /// The array by plain loops.
    pub(crate) fn plain(&self) -> Plain {
        self.moves
            .iter()
            .fold(self.base.clone(), |array, (op, dims)| Plain::apply(op, &[&array], dims))
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.moves.last().map_or(&self.base.dims, |(_, dims)| dims)
    }
}

impl Case {
    /// An operation on arrays with these shapes and entries.
    pub(crate) fn of_entries(op: ArrayOp, operands: &[(&[usize], &[f64])], dims: &[usize]) -> Self {
        let operand = |&(dims, entries): &(&[usize], &[f64])| Operand {
            base: Plain::new(dims, entries.to_vec()),
            moves: vec![],
        };
        let operands = operands.iter().map(operand).collect();
        Case { op, operands, dims: dims.to_vec() }
    }

    pub(crate) fn expected(&self) -> Plain {
        let operands: Vec<_> = self.operands.iter().map(Operand::plain).collect();
        Plain::apply(&self.op, &operands.iter().collect::<Vec<_>>(), &self.dims)
    }

    pub(crate) fn place(&self) -> String {
        let shapes: Vec<_> =
            self.operands.iter().map(|operand| format!("{:?}", operand.dims())).collect();
        let made = if self.operands.iter().all(|operand| operand.moves.is_empty()) {
            ""
        } else {
            ", of views"
        };
        format!("{:?} of {}{made}", self.op, shapes.join(" and "))
    }
}

/// Adds a case for each way that the entries may lie.
fn push(cases: &mut Vec<Case>, op: &ArrayOp, operands: &[(&[usize], &[f64])], dims: &[usize]) {
    for lie in [Lie::RowByRow, Lie::TurnedAndCut, Lie::Stretched] {
        let operands = operands.iter().map(|&(dims, points)| Operand::new(dims, points, lie));
        cases.push(Case { op: op.clone(), operands: operands.collect(), dims: dims.to_vec() });
    }
}

/// Odd multiples of 1/16 between -2 and 2, exact in every precision, without zeros and in no order.
pub(crate) fn points(seed: usize) -> Vec<f64> {
    (0..31).map(|i| (2.0 * (((i * 12 + seed * 7) % 31) as f64) - 31.0) / 16.0).collect()
}

fn positive(seed: usize) -> Vec<f64> {
    points(seed).iter().map(|x| x.abs()).collect()
}

/// Shapes of every rank, with empty and with short axes.
pub(crate) const SHAPES: &[&[usize]] = &[
    &[],
    &[1],
    &[5],
    &[0],
    &[2, 3],
    &[3, 1],
    &[0, 2],
    &[2, 3, 2],
    &[2, 0, 2],
    &[1, 2, 3, 2],
    &[2, 1, 2, 2, 3],
];

pub(crate) fn functions() -> Vec<Case> {
    let all = points(0);
    let inside: Vec<_> = all.iter().map(|x| x / 2.0).collect();
    let above_one: Vec<_> = all.iter().map(|x| x.abs() + 1.0).collect();
    let wide: Vec<_> = all.iter().map(|x| x * 8.0).collect();
    let middles: Vec<_> = (-12..=12).map(|i| f64::from(i) * 0.5).collect();
    let positive = positive(0);
    let mut table = vec![];
    let mut rows = |functions: &[Unary], points: &[f64]| {
        table.extend(functions.iter().map(|&f| (ArrayOp::Unary(f), points.to_vec())));
    };
    rows(
        &[
            Unary::Sin,
            Unary::Cos,
            Unary::Tan,
            Unary::Atan,
            Unary::Sinh,
            Unary::Cosh,
            Unary::Tanh,
            Unary::Asinh,
            Unary::Exp,
            Unary::Exp2,
            Unary::ExpM1,
            Unary::Cbrt,
            Unary::Recip,
            Unary::Sinc,
            Unary::Sinhc,
            Unary::Erf,
            Unary::Abs,
            Unary::Powi(0),
            Unary::Powi(1),
            Unary::Powi(2),
            Unary::Powi(3),
            Unary::Powi(7),
            Unary::Powi(-1),
            Unary::Powi(-2),
        ],
        &all,
    );
    rows(&[Unary::Asin, Unary::Acos, Unary::Atanh, Unary::Ln1p], &inside);
    rows(&[Unary::Acosh], &above_one);
    rows(&[Unary::Ln, Unary::Log2, Unary::Log10, Unary::Sqrt], &positive);
    rows(
        &[
            Unary::Fract,
            Unary::Floor,
            Unary::Ceil,
            Unary::Round,
            Unary::Trunc,
            Unary::Signum,
            Unary::Sin,
            Unary::Cos,
        ],
        &middles,
    );
    for op in [
        ArrayOp::Neg,
        ArrayOp::Detach,
        ArrayOp::AddScalar(1.5),
        ArrayOp::AddScalar(-0.25),
        ArrayOp::MulScalar(-2.5),
        ArrayOp::MulScalar(0.0),
        ArrayOp::Relu,
    ] {
        table.push((op, all.clone()));
    }
    table.push((ArrayOp::Sigmoid, wide.clone()));
    table.push((ArrayOp::Softplus, wide));
    for exponent in [0.5, 1.5, 2.0, -1.0, -0.75, 0.0] {
        table.push((ArrayOp::Powf(exponent), positive.clone()));
    }
    let mut cases = vec![];
    for (op, points) in &table {
        push(&mut cases, op, &[(&[points.len()], points)], &[points.len()]);
    }
    for shape in SHAPES {
        for op in [ArrayOp::Unary(Unary::Tanh), ArrayOp::AddScalar(1.5), ArrayOp::Relu] {
            push(&mut cases, &op, &[(shape, &all)], shape);
        }
    }
    cases
}

/// Pairs of shapes that broadcast, and what they broadcast to.
const PAIRS: &[(&[usize], &[usize], &[usize])] = &[
    (&[], &[], &[]),
    (&[3], &[], &[3]),
    (&[], &[2, 3], &[2, 3]),
    (&[4], &[4], &[4]),
    (&[2, 3], &[2, 3], &[2, 3]),
    (&[2, 3], &[3], &[2, 3]),
    (&[3], &[2, 3], &[2, 3]),
    (&[2, 1], &[1, 3], &[2, 3]),
    (&[1], &[2, 2], &[2, 2]),
    (&[1, 1, 1], &[2], &[1, 1, 2]),
    (&[4, 1, 2], &[3, 1], &[4, 3, 2]),
    (&[2, 3, 1, 2], &[3, 2, 1], &[2, 3, 2, 2]),
    (&[2, 1, 3, 1, 2], &[1, 2, 1, 2, 1], &[2, 2, 3, 2, 2]),
    (&[0, 3], &[1, 3], &[0, 3]),
    (&[1], &[2, 0], &[2, 0]),
    (&[1, 3], &[0, 1], &[0, 3]),
];

const COMPARISONS: [Relation; 6] = [
    Relation::Less,
    Relation::LessOrEqual,
    Relation::Greater,
    Relation::GreaterOrEqual,
    Relation::Equal,
    Relation::NotEqual,
];

pub(crate) fn pairs() -> Vec<Case> {
    let (left, right, bases) = (points(1), points(2), positive(1));
    let mut cases = vec![];
    for (a, b, dims) in PAIRS {
        for op in [ArrayOp::Add, ArrayOp::Sub, ArrayOp::Mul, ArrayOp::Div] {
            push(&mut cases, &op, &[(a, &left), (b, &right)], dims);
        }
        for function in
            [Binary::Hypot, Binary::Atan2, Binary::Rem, Binary::Max, Binary::Min, Binary::Copysign]
        {
            push(&mut cases, &ArrayOp::Binary(function), &[(a, &left), (b, &right)], dims);
        }
        push(&mut cases, &ArrayOp::Binary(Binary::Powf), &[(a, &bases), (b, &right)], dims);
    }
    cases
}

pub(crate) fn choices() -> Vec<Case> {
    let (few, other) = ([1.0, 0.0, -1.0, 2.0, 0.0], [0.0, 1.0, -1.0, 0.0]);
    let mut cases = vec![];
    for (a, b, dims) in PAIRS {
        for comparison in COMPARISONS {
            push(&mut cases, &ArrayOp::Compare(comparison), &[(a, &few), (b, &other)], dims);
        }
        let (yes, no) = (points(3), points(4));
        push(&mut cases, &ArrayOp::Select, &[(a, &few), (b, &yes), (dims, &no)], dims);
        push(&mut cases, &ArrayOp::Select, &[(dims, &few), (b, &yes), (a, &no)], dims);
        push(&mut cases, &ArrayOp::Select, &[(b, &few), (&[], &yes), (a, &no)], dims);
    }
    cases
}

pub(crate) fn products() -> Vec<Case> {
    let (left, right) = (points(5), points(6));
    let table: &[(&[usize], &[usize], &[usize])] = &[
        (&[2, 3], &[3, 4], &[2, 4]),
        (&[1, 1], &[1, 1], &[1, 1]),
        (&[1, 3], &[3, 1], &[1, 1]),
        (&[4, 1], &[1, 5], &[4, 5]),
        (&[19, 23], &[23, 1], &[19, 1]),
        (&[1, 23], &[23, 19], &[1, 19]),
        // Large enough for the kernels that libraries keep for large ones.
        (&[17, 19], &[19, 13], &[17, 13]),
        (&[5, 2, 3], &[3, 4], &[5, 2, 4]),
        (&[2, 3], &[5, 3, 4], &[5, 2, 4]),
        (&[5, 2, 3], &[5, 3, 4], &[5, 2, 4]),
        (&[1, 2, 3], &[5, 3, 4], &[5, 2, 4]),
        (&[4, 1, 2, 3], &[1, 5, 3, 2], &[4, 5, 2, 2]),
        (&[3, 2, 3], &[2, 3, 3, 1], &[2, 3, 2, 1]),
        (&[2, 1, 2, 2, 3], &[2, 1, 3, 2], &[2, 2, 2, 2, 2]),
        (&[3, 1, 11, 12], &[2, 12, 13], &[3, 2, 11, 13]),
        (&[0, 3], &[3, 2], &[0, 2]),
        (&[3, 2], &[2, 0], &[3, 0]),
        // A sum of nothing is 0.
        (&[2, 0], &[0, 3], &[2, 3]),
        (&[0, 2, 3], &[3, 2], &[0, 2, 2]),
    ];
    let mut cases = vec![];
    for (a, b, dims) in table {
        push(&mut cases, &ArrayOp::MatMul, &[(a, &left), (b, &right)], dims);
    }
    cases
}

/// Cases of operations with one operand.
fn single(table: &[(ArrayOp, &[usize], &[usize])]) -> Vec<Case> {
    let mut cases = vec![];
    for (op, a, dims) in table {
        push(&mut cases, op, &[(a, &points(7))], dims);
    }
    cases
}

pub(crate) fn permutations() -> Vec<Case> {
    let permute = |axes: &[usize]| ArrayOp::Permute(axes.to_vec());
    single(&[
        (permute(&[]), &[], &[]),
        (permute(&[0]), &[4], &[4]),
        (permute(&[0, 1]), &[2, 3], &[2, 3]),
        (permute(&[1, 0]), &[2, 3], &[3, 2]),
        (permute(&[1, 0]), &[0, 3], &[3, 0]),
        (permute(&[2, 0, 1]), &[2, 3, 4], &[4, 2, 3]),
        (permute(&[0, 2, 1]), &[2, 3, 4], &[2, 4, 3]),
        (permute(&[3, 1, 0, 2]), &[2, 3, 1, 4], &[4, 3, 2, 1]),
        (permute(&[1, 4, 0, 3, 2]), &[2, 1, 3, 2, 2], &[1, 2, 2, 2, 3]),
    ])
}

pub(crate) fn shapes() -> Vec<Case> {
    let reshape = |dims: &[usize]| ArrayOp::Reshape(dims.iter().copied().collect());
    let stretch = |dims: &[usize]| ArrayOp::Broadcast(dims.iter().copied().collect());
    single(&[
        (reshape(&[]), &[1, 1], &[]),
        (reshape(&[1]), &[], &[1]),
        (reshape(&[6]), &[2, 3], &[6]),
        (reshape(&[3, 2]), &[2, 3], &[3, 2]),
        (reshape(&[2, 1, 3]), &[2, 3], &[2, 1, 3]),
        (reshape(&[2, 3]), &[1, 2, 1, 3, 1], &[2, 3]),
        (reshape(&[2, 2, 3, 1, 2]), &[4, 6], &[2, 2, 3, 1, 2]),
        (reshape(&[0, 5]), &[2, 0], &[0, 5]),
        (stretch(&[3]), &[], &[3]),
        (stretch(&[2, 3]), &[3], &[2, 3]),
        (stretch(&[2, 3]), &[2, 1], &[2, 3]),
        (stretch(&[2, 3]), &[2, 3], &[2, 3]),
        (stretch(&[2, 2, 3, 2, 2]), &[3, 1, 2], &[2, 2, 3, 2, 2]),
        (stretch(&[0, 2]), &[1, 2], &[0, 2]),
    ])
}

pub(crate) fn parts() -> Vec<Case> {
    let slice = |ranges: &[std::ops::Range<usize>]| ArrayOp::Slice(ranges.to_vec());
    let embed = |dims: &[usize], ranges: &[std::ops::Range<usize>]| ArrayOp::Embed {
        dims: dims.iter().copied().collect(),
        ranges: ranges.to_vec(),
    };
    single(&[
        (slice(&[]), &[], &[]),
        (slice(&[1..4]), &[5], &[3]),
        (slice(&[0..5]), &[5], &[5]),
        (slice(&[5..5]), &[5], &[0]),
        (slice(&[1..2, 0..3]), &[2, 3], &[1, 3]),
        (slice(&[0..2, 2..3]), &[2, 3], &[2, 1]),
        (slice(&[1..3, 0..0]), &[3, 2], &[2, 0]),
        (slice(&[1..2, 1..3, 0..1]), &[2, 4, 2], &[1, 2, 1]),
        (slice(&[0..2, 1..2, 0..2, 1..3]), &[2, 2, 3, 4], &[2, 1, 2, 2]),
        (slice(&[0..1, 1..2, 0..1, 1..2, 0..2]), &[2, 2, 1, 2, 2], &[1, 1, 1, 1, 2]),
        (embed(&[], &[]), &[], &[]),
        (embed(&[5], &[1..4]), &[3], &[5]),
        (embed(&[5], &[0..5]), &[5], &[5]),
        (embed(&[3], &[3..3]), &[0], &[3]),
        (embed(&[3, 4], &[1..2, 0..3]), &[1, 3], &[3, 4]),
        (embed(&[2, 4, 3], &[1..2, 1..3, 0..3]), &[1, 2, 3], &[2, 4, 3]),
        (embed(&[2, 2, 3, 4], &[0..2, 1..2, 0..2, 1..3]), &[2, 1, 2, 2], &[2, 2, 3, 4]),
        (
            embed(&[2, 2, 1, 2, 2], &[1..2, 0..2, 0..1, 1..2, 0..2]),
            &[1, 2, 1, 1, 2],
            &[2, 2, 1, 2, 2],
        ),
    ])
}

pub(crate) fn lookups() -> Vec<Case> {
    let select = |axis: usize, indices: &[usize]| ArrayOp::IndexSelect {
        axis,
        indices: indices.to_vec().into(),
    };
    let add = |axis: usize, indices: &[usize], len: usize| ArrayOp::ScatterAdd {
        axis,
        indices: indices.to_vec().into(),
        len,
    };
    single(&[
        (select(0, &[3, 0, 3, 3, 1]), &[4], &[5]),
        (select(0, &[]), &[4], &[0]),
        (select(0, &[1, 1, 0]), &[2, 3], &[3, 3]),
        (select(1, &[2, 0]), &[2, 3], &[2, 2]),
        (select(1, &[1, 1, 0, 1]), &[2, 2, 3], &[2, 4, 3]),
        (select(2, &[0]), &[2, 2, 3], &[2, 2, 1]),
        (select(3, &[1, 0, 1]), &[2, 1, 2, 2, 2], &[2, 1, 2, 3, 2]),
        (select(1, &[1, 1]), &[0, 3], &[0, 2]),
        (add(0, &[3, 0, 3, 3, 1], 5), &[5], &[5]),
        (add(0, &[], 3), &[0], &[3]),
        (add(0, &[1, 1, 0], 2), &[3, 3], &[2, 3]),
        (add(1, &[2, 0], 4), &[2, 2], &[2, 4]),
        (add(1, &[1, 1, 0, 1], 2), &[2, 4, 3], &[2, 2, 3]),
        (add(2, &[5, 5, 5], 6), &[2, 2, 3], &[2, 2, 6]),
        (add(3, &[1, 0, 1], 2), &[2, 1, 2, 3, 2], &[2, 1, 2, 2, 2]),
        (add(1, &[1, 1], 3), &[0, 2], &[0, 3]),
    ])
}

/// An axis, the shapes of the parts, that of the whole.
type Join<'a> = (usize, &'a [&'a [usize]], &'a [usize]);

pub(crate) fn joins() -> Vec<Case> {
    let (a, b, c) = (points(8), points(9), points(10));
    let table: &[Join] = &[
        (0, &[&[2]], &[2]),
        (0, &[&[2], &[3], &[1]], &[6]),
        (0, &[&[2, 3], &[1, 3]], &[3, 3]),
        (1, &[&[2, 3], &[2, 1], &[2, 2]], &[2, 6]),
        (1, &[&[2, 0], &[2, 1]], &[2, 1]),
        (0, &[&[0, 2], &[0, 2]], &[0, 2]),
        (1, &[&[2, 1, 3], &[2, 2, 3]], &[2, 3, 3]),
        (2, &[&[1, 2, 1, 2, 2], &[1, 2, 3, 2, 2]], &[1, 2, 4, 2, 2]),
    ];
    let mut cases = vec![];
    for (axis, parts, dims) in table {
        let operands: Vec<_> = parts
            .iter()
            .zip([&a, &b, &c])
            .map(|(&part, points)| (part, points.as_slice()))
            .collect();
        push(&mut cases, &ArrayOp::Concat(*axis), &operands, dims);
    }
    cases
}

/// Reductions, but for maxima over nothing, which do not exist.
pub(crate) fn reductions(op: fn(Vec<usize>) -> ArrayOp) -> Vec<Case> {
    let table: &[(&[usize], &[usize], &[usize])] = &[
        (&[0], &[5], &[]),
        (&[0], &[1], &[]),
        (&[0], &[2, 3], &[3]),
        (&[1], &[2, 3], &[2]),
        (&[0, 1], &[2, 3], &[]),
        (&[0], &[2, 3, 4], &[3, 4]),
        (&[1], &[2, 3, 4], &[2, 4]),
        (&[2], &[2, 3, 4], &[2, 3]),
        (&[0, 2], &[2, 3, 4], &[3]),
        (&[1, 3], &[2, 3, 2, 2], &[2, 2]),
        (&[0, 2, 4], &[2, 1, 2, 2, 3], &[1, 2]),
        (&[0, 1, 2, 3, 4], &[2, 1, 2, 2, 3], &[]),
        (&[1], &[0, 3], &[0]),
        (&[0], &[37], &[]),
        (&[1], &[3, 37], &[3]),
        (&[0], &[0], &[]),
        (&[1], &[2, 0, 3], &[2, 3]),
    ];
    let mut cases = vec![];
    for (axes, a, dims) in table {
        let op = op(axes.to_vec());
        let nothing = axes.iter().any(|&axis| a[axis] == 0);
        if !(nothing && matches!(op, ArrayOp::Max(_))) {
            push(&mut cases, &op, &[(a, &points(11))], dims);
        }
    }
    cases
}

/// Arrays with as many axes as there may be.
pub(crate) fn highest_rank() -> Vec<Case> {
    let wide: &[usize] = &[2, 1, 2, 1, 3, 1, 2, 1, 1, 2];
    let other: &[usize] = &[1, 2, 1, 1, 3, 1, 1, 2, 1, 1];
    let both: &[usize] = &[2, 2, 2, 1, 3, 1, 2, 2, 1, 2];
    const { assert!(MAX_RANK == 10) }
    let (a, b) = (points(12), points(13));
    let mut cases = vec![];
    push(&mut cases, &ArrayOp::Sub, &[(wide, &a), (other, &b)], both);
    push(&mut cases, &ArrayOp::Unary(Unary::Exp), &[(wide, &a)], wide);
    let axes: Vec<_> = (0..MAX_RANK).map(|axis| (axis * 3) % MAX_RANK).collect();
    let turned: Vec<_> = axes.iter().map(|&axis| wide[axis]).collect();
    push(&mut cases, &ArrayOp::Permute(axes), &[(wide, &a)], &turned);
    let kept: &[usize] = &[1, 1, 3, 1, 1, 1];
    push(&mut cases, &ArrayOp::Sum(vec![0, 2, 6, 9]), &[(wide, &a)], kept);
    push(&mut cases, &ArrayOp::Max(vec![0, 2, 6, 9]), &[(wide, &a)], kept);
    let batch: &[usize] = &[2, 1, 1, 1, 2, 1, 1, 1, 2, 3];
    push(
        &mut cases,
        &ArrayOp::MatMul,
        &[(batch, &a), (&[3, 2], &b)],
        &[2, 1, 1, 1, 2, 1, 1, 1, 2, 2],
    );
    push(
        &mut cases,
        &ArrayOp::Concat(9),
        &[(wide, &a), (wide, &b)],
        &[2, 1, 2, 1, 3, 1, 2, 1, 1, 4],
    );
    cases
}
