//! Every operation on arrays, once more, by plain loops over indices: what libraries are compared to.
//!
//! Slow and obvious on purpose, and on `f64` alone. Nothing here comes from `ad_api` but the names of
//! the operations.

use std::f64::consts::FRAC_2_SQRT_PI;

use ad_api::array::ArrayOp;
use ad_api::{Binary, Relation, RuleValue, Unary};

/// Entries, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) dims: Vec<usize>,
    pub(crate) entries: Vec<f64>,
    /// The size of the terms that each entry was computed from: its rounding error is relative to it,
    /// and 0 is none.
    pub(crate) sizes: Vec<f64>,
}

/// Accuracy near zero is asked for where it is documented, and not of every function everywhere.
const SMALLEST_SIZE: f64 = 0.25;

/// All indices of an array, in row-major order.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    dims.iter().fold(vec![vec![]], |heads, &size| {
        let extend = |head: Vec<usize>| (0..size).map(move |i| [&head[..], &[i]].concat());
        heads.into_iter().flat_map(extend).collect()
    })
}

impl Plain {
    pub(crate) fn new(dims: &[usize], entries: Vec<f64>) -> Self {
        let sizes = vec![0.0; entries.len()];
        Plain { dims: dims.to_vec(), entries, sizes }
    }

    fn place(&self, index: &[usize]) -> usize {
        index.iter().zip(&self.dims).fold(0, |place, (i, size)| place * size + i)
    }

    fn at(&self, index: &[usize]) -> f64 {
        self.entries[self.place(index)]
    }

    /// The entry that NumPy's rule puts at an index of a wider array.
    fn stretched_at(&self, index: &[usize]) -> f64 {
        let own = &index[index.len() - self.dims.len()..];
        let own: Vec<_> =
            own.iter().zip(&self.dims).map(|(&i, &size)| if size == 1 { 0 } else { i }).collect();
        self.at(&own)
    }

    /// The array of shape `dims` whose entry at each index is an exact copy.
    fn moved(dims: &[usize], from: impl Fn(&[usize]) -> f64) -> Self {
        Plain::new(dims, indices(dims).iter().map(|index| from(index)).collect())
    }

    /// The array of shape `dims` with an entry and the size of its terms for each index.
    fn computed(dims: &[usize], entry: impl Fn(&[usize]) -> (f64, f64)) -> Self {
        let (entries, sizes) = indices(dims).iter().map(|index| entry(index)).unzip();
        Plain { dims: dims.to_vec(), entries, sizes }
    }

    /// The result of an operation, which has shape `dims`.
    pub(crate) fn apply(op: &ArrayOp, operands: &[&Plain], dims: &[usize]) -> Plain {
        let a = operands[0];
        match op {
            ArrayOp::Neg => Plain::moved(dims, |i| -a.at(i)),
            ArrayOp::Relu => Plain::moved(dims, |i| if a.at(i) > 0.0 { a.at(i) } else { 0.0 }),
            ArrayOp::Detach => Plain::moved(dims, |i| a.at(i)),
            ArrayOp::AddScalar(c) => {
                Plain::computed(dims, |i| (a.at(i) + c, a.at(i).abs() + c.abs()))
            }
            ArrayOp::MulScalar(c) => Plain::computed(dims, |i| ordinary(a.at(i) * c)),
            ArrayOp::Powf(c) => Plain::computed(dims, |i| power(a.at(i), *c)),
            ArrayOp::Unary(function) => Plain::computed(dims, |i| unary(*function, a.at(i))),
            ArrayOp::Sigmoid => Plain::computed(dims, |i| ordinary(1.0 / (1.0 + (-a.at(i)).exp()))),
            ArrayOp::Softplus => Plain::computed(dims, |i| ordinary((1.0 + a.at(i).exp()).ln())),
            ArrayOp::Add
            | ArrayOp::Sub
            | ArrayOp::Mul
            | ArrayOp::Div
            | ArrayOp::Binary(_)
            | ArrayOp::Compare(_) => {
                let b = operands[1];
                Plain::computed(dims, |i| pair(op, a.stretched_at(i), b.stretched_at(i)))
            }
            ArrayOp::Select => Plain::moved(dims, |i| {
                let chosen = if a.stretched_at(i) == 0.0 { operands[2] } else { operands[1] };
                chosen.stretched_at(i)
            }),
            ArrayOp::MatMul => matmul(a, operands[1], dims),
            ArrayOp::Permute(axes) => Plain::moved(dims, |i| {
                let mut from = vec![0; axes.len()];
                axes.iter().zip(i).for_each(|(&axis, &i)| from[axis] = i);
                a.at(&from)
            }),
            ArrayOp::Reshape(_) => Plain::new(dims, a.entries.clone()),
            ArrayOp::Slice(ranges) => Plain::moved(dims, |i| {
                a.at(&i.iter().zip(ranges).map(|(i, range)| range.start + i).collect::<Vec<_>>())
            }),
            ArrayOp::Embed { ranges, .. } => Plain::moved(dims, |i| {
                let inside = i.iter().zip(ranges).all(|(i, range)| range.contains(i));
                let from = i.iter().zip(ranges).map(|(i, range)| i.wrapping_sub(range.start));
                if inside { a.at(&from.collect::<Vec<_>>()) } else { 0.0 }
            }),
            ArrayOp::Broadcast(_) => Plain::moved(dims, |i| a.stretched_at(i)),
            ArrayOp::IndexSelect { axis, indices } => {
                Plain::moved(dims, |i| a.at(&with(i, *axis, indices[i[*axis]])))
            }
            ArrayOp::ScatterAdd { axis, indices, .. } => Plain::computed(dims, |i| {
                let here = (0..indices.len()).filter(|&k| indices[k] == i[*axis]);
                total(here.map(|k| a.at(&with(i, *axis, k))))
            }),
            ArrayOp::Rule(rule) => Plain::computed(dims, |i| {
                let x: Vec<_> = (0..a.dims[0]).map(|row| a.at(&with(i, 0, row))).collect();
                let mut y = vec![0.0; dims[0]];
                rule.value(&x, &mut y).expect("the rules of the suite have values");
                ordinary(y[i[0]])
            }),
            ArrayOp::Concat(axis) => Plain::moved(dims, |i| {
                let mut k = i[*axis];
                for part in operands {
                    if k < part.dims[*axis] {
                        return part.at(&with(i, *axis, k));
                    }
                    k -= part.dims[*axis];
                }
                unreachable!("{dims:?} is longer than its parts")
            }),
            ArrayOp::Sum(axes) => Plain::computed(dims, |i| total(reduced(a, axes, i))),
            ArrayOp::Max(axes) => Plain::moved(dims, |i| {
                let values: Vec<_> = reduced(a, axes, i).collect();
                let nan = values.iter().any(|value| value.is_nan());
                if nan { f64::NAN } else { values.into_iter().fold(f64::NEG_INFINITY, f64::max) }
            }),
        }
    }
}

/// A value with an error relative to itself, but not below [`SMALLEST_SIZE`].
fn ordinary(value: f64) -> (f64, f64) {
    (value, value.abs() + SMALLEST_SIZE)
}

/// The sum of terms.
fn total(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

fn with(index: &[usize], axis: usize, k: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = k;
    index
}

/// The entries that a reduction over `axes` brings together at `kept`.
fn reduced<'a>(
    a: &'a Plain,
    axes: &'a [usize],
    kept: &'a [usize],
) -> impl Iterator<Item = f64> + 'a {
    let belongs = move |index: &Vec<usize>| {
        let rest = index.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
        rest.map(|(_, i)| i).eq(kept)
    };
    indices(&a.dims).into_iter().filter(belongs).map(|index| a.at(&index))
}

fn matmul(a: &Plain, b: &Plain, dims: &[usize]) -> Plain {
    let rank = dims.len();
    let inner = a.dims[a.dims.len() - 1];
    // The entry of a matrix of a batch, whose axes in front broadcast.
    let entry = |of: &Plain, batch: &[usize], row: usize, column: usize| {
        let own = &batch[batch.len() + 2 - of.dims.len()..];
        let own = own.iter().zip(&of.dims).map(|(&i, &size)| if size == 1 { 0 } else { i });
        of.at(&own.chain([row, column]).collect::<Vec<_>>())
    };
    Plain::computed(dims, |i| {
        let (batch, row, column) = (&i[..rank - 2], i[rank - 2], i[rank - 1]);
        total((0..inner).map(|k| entry(a, batch, row, k) * entry(b, batch, k, column)))
    })
}

fn power(x: f64, p: f64) -> (f64, f64) {
    let value = x.powf(p);
    // Computed as exp(p ln x), whose argument is rounded.
    (value, value.abs() * (1.0 + (p * x.abs().ln()).abs()).min(f64::MAX) + SMALLEST_SIZE)
}

fn pair(op: &ArrayOp, a: f64, b: f64) -> (f64, f64) {
    let holds = |holds: bool| (if holds { 1.0 } else { 0.0 }, 0.0);
    match op {
        ArrayOp::Add => (a + b, a.abs() + b.abs()),
        ArrayOp::Sub => (a - b, a.abs() + b.abs()),
        ArrayOp::Mul => ordinary(a * b),
        ArrayOp::Div => ordinary(a / b),
        ArrayOp::Compare(Relation::Less) => holds(a < b),
        ArrayOp::Compare(Relation::LessOrEqual) => holds(a <= b),
        ArrayOp::Compare(Relation::Greater) => holds(a > b),
        ArrayOp::Compare(Relation::GreaterOrEqual) => holds(a >= b),
        ArrayOp::Compare(Relation::Equal) => holds(a == b),
        ArrayOp::Compare(Relation::NotEqual) => holds(a != b),
        ArrayOp::Binary(Binary::Powf) => power(a, b),
        ArrayOp::Binary(Binary::Hypot) => ordinary((a * a + b * b).sqrt()),
        ArrayOp::Binary(Binary::Atan2) => ordinary(a.atan2(b)),
        // The quotient is rounded before it is cut.
        ArrayOp::Binary(Binary::Rem) => (a % b, a.abs() + b.abs()),
        ArrayOp::Binary(Binary::Max) => (if b > a || a.is_nan() { b } else { a }, 0.0),
        ArrayOp::Binary(Binary::Min) => (if b < a || a.is_nan() { b } else { a }, 0.0),
        ArrayOp::Binary(Binary::Copysign) => {
            (if b.is_sign_negative() { -a.abs() } else { a.abs() }, 0.0)
        }
        _ => unreachable!("{op:?} has no two operands"),
    }
}

fn unary(function: Unary, x: f64) -> (f64, f64) {
    let exact = |value: f64| (value, 0.0);
    match function {
        Unary::Abs => exact(if x < 0.0 { -x } else { x }),
        Unary::Floor => exact(x.floor()),
        Unary::Ceil => exact(x.ceil()),
        Unary::Round => exact(x.round()),
        Unary::Trunc => exact(x.trunc()),
        Unary::Signum => exact(x.signum()),
        Unary::Fract => exact(x - x.trunc()),
        Unary::Sin => ordinary(x.sin()),
        Unary::Cos => ordinary(x.cos()),
        // Its argument is rounded when a multiple of π is taken off.
        Unary::Tan => (x.tan(), 1.0 + x.tan().powi(2)),
        Unary::Asin => ordinary(x.asin()),
        Unary::Acos => ordinary(x.acos()),
        Unary::Atan => ordinary(x.atan()),
        Unary::Sinh => ordinary((x.exp() - (-x).exp()) / 2.0),
        Unary::Cosh => ordinary(f64::midpoint(x.exp(), (-x).exp())),
        Unary::Tanh => ordinary(x.tanh()),
        Unary::Asinh => ordinary((x + (x * x + 1.0).sqrt()).ln()),
        Unary::Acosh => ordinary((x + (x * x - 1.0).sqrt()).ln()),
        Unary::Atanh => ordinary(((1.0 + x) / (1.0 - x)).ln() / 2.0),
        Unary::Exp => ordinary(x.exp()),
        Unary::Exp2 => ordinary(2.0_f64.powf(x)),
        Unary::ExpM1 => ordinary(x.exp() - 1.0),
        Unary::Ln => ordinary(x.ln()),
        Unary::Ln1p => ordinary((1.0 + x).ln()),
        Unary::Log2 => ordinary(x.log2()),
        Unary::Log10 => ordinary(x.log10()),
        Unary::Sqrt => ordinary(x.sqrt()),
        Unary::Cbrt => ordinary(x.abs().powf(1.0 / 3.0) * x.signum()),
        Unary::Recip => ordinary(1.0 / x),
        Unary::Sinc => ordinary(if x == 0.0 { 1.0 } else { x.sin() / x }),
        Unary::Sinhc => ordinary(if x == 0.0 { 1.0 } else { x.sinh() / x }),
        Unary::Erf => ordinary(erf(x)),
        Unary::Powi(n) => {
            let product = (0..n.abs()).fold(1.0, |product, _| product * x);
            let value = if n < 0 { 1.0 / product } else { product };
            (value, value.abs() * f64::from(n.abs() + 1))
        }
    }
}

/// The error function by the series of Abramowitz and Stegun, *Handbook of Mathematical Functions*,
/// 7.1.6, whose terms do not cancel.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference itself, against results found by hand.
    #[test]
    fn plain_loops_give_what_was_found_by_hand() {
        let x = Plain::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let check = |op: &ArrayOp, operands: &[&Plain], dims: &[usize], expected: &[f64]| {
            assert_eq!(Plain::apply(op, operands, dims).entries, expected, "{op:?}");
        };
        let turned = Plain::apply(&ArrayOp::Permute(vec![1, 0]), &[&x], &[3, 2]);
        assert_eq!(turned.entries, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        check(&ArrayOp::MatMul, &[&x, &turned], &[2, 2], &[14.0, 32.0, 32.0, 77.0]);
        check(&ArrayOp::Sum(vec![0]), &[&x], &[3], &[5.0, 7.0, 9.0]);
        check(&ArrayOp::Max(vec![1]), &[&x], &[2], &[3.0, 6.0]);
        let row = Plain::new(&[3], vec![10.0, 20.0, 30.0]);
        check(&ArrayOp::Sub, &[&x, &row], &[2, 3], &[-9.0, -18.0, -27.0, -6.0, -15.0, -24.0]);
        check(&ArrayOp::Slice(vec![1..2, 0..2]), &[&x], &[1, 2], &[4.0, 5.0]);
        let embed = ArrayOp::Embed { dims: [5].into(), ranges: vec![1..4] };
        check(&embed, &[&row], &[5], &[0.0, 10.0, 20.0, 30.0, 0.0]);
        let select = ArrayOp::IndexSelect { axis: 1, indices: vec![2, 2, 0].into() };
        check(&select, &[&x], &[2, 3], &[3.0, 3.0, 1.0, 6.0, 6.0, 4.0]);
        let add = ArrayOp::ScatterAdd { axis: 1, indices: vec![1, 1, 0].into(), len: 2 };
        check(&add, &[&x], &[2, 2], &[3.0, 3.0, 6.0, 9.0]);
        check(&ArrayOp::Concat(0), &[&row, &row], &[6], &[10.0, 20.0, 30.0, 10.0, 20.0, 30.0]);
        // erf to 16 digits: Abramowitz and Stegun, table 7.1.
        assert!((erf(0.5) - 0.520_499_877_813_046_5).abs() < 1e-15);
        assert!((erf(-2.0) + 0.995_322_265_018_952_7).abs() < 1e-15);
    }
}
