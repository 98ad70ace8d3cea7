//! Random programs that branch, for property tests: small ones are found for what fails.

use ad_api::{Failure, Function, Scalar};
use ad_conformance::{Binary, Unary};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// Which earlier value is read: one of the last three if even, so that chains get deep, else any.
type Pick = u16;

/// What a program does next with the values that it has, inputs first.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A function of one value, brought into its domain.
    Unary(Unary, Pick),
    /// A function of two values.
    Binary(Binary, Pick, Pick),
    /// A function of a value and a constant.
    Constant(Binary, Pick, f64),
    /// A constant less a value.
    From(f64, Pick),
    Power(Pick, i32),
    MulAdd(Pick, Pick, Pick),
    Clamp(Pick, f64, f64),
    /// A value without derivatives, times another.
    Detached(Pick, Pick),
    /// A sum of several, in one go.
    Sum(Vec<Pick>),
    /// The last value of one of two blocks.
    Branch(Condition, Vec<Step>, Vec<Step>),
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Less(Pick, Pick),
    AtMost(Pick, f64),
    /// True where the two picks are one value.
    Equal(Pick, Pick),
    /// Both: a second comparison only where the first holds.
    Within(f64, Pick, f64),
}

/// A function as steps. Its outputs are its last values.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) steps: Vec<Step>,
}

/// Programs of 1 to 6 inputs and 1 to 3 outputs, whose blocks nest up to three deep.
pub(crate) fn program() -> impl Strategy<Value = Program> {
    let block = vec(step(), 1..30);
    (1..=6_usize, 1..=3_usize, block).prop_map(|(inputs, outputs, steps)| Program {
        inputs,
        outputs,
        steps,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let (pick, constant) = (any::<Pick>, || -2.0..2.0_f64);
    let unary = (prop::sample::select(Unary::ALL), pick()).prop_map(|(f, a)| Step::Unary(f, a));
    let binary = || prop::sample::select(Binary::ALL);
    let leaf = Union::new_weighted(vec![
        (4, unary.boxed()),
        (4, (binary(), pick(), pick()).prop_map(|(f, a, b)| Step::Binary(f, a, b)).boxed()),
        (2, (binary(), pick(), constant()).prop_map(|(f, a, c)| Step::Constant(f, a, c)).boxed()),
        (1, (constant(), pick()).prop_map(|(c, a)| Step::From(c, a)).boxed()),
        (1, (pick(), -3..=4_i32).prop_map(|(a, n)| Step::Power(a, n)).boxed()),
        (1, (pick(), pick(), pick()).prop_map(|(a, b, c)| Step::MulAdd(a, b, c)).boxed()),
        (1, (pick(), -2.0..0.0, 0.0..2.0).prop_map(|(a, l, h)| Step::Clamp(a, l, h)).boxed()),
        (1, (pick(), pick()).prop_map(|(a, b)| Step::Detached(a, b)).boxed()),
        (1, vec(pick(), 1..6).prop_map(Step::Sum).boxed()),
    ]);
    leaf.prop_recursive(3, 24, 6, move |step| {
        let block = || vec(step.clone(), 1..6);
        (condition(), block(), block()).prop_map(|(c, yes, no)| Step::Branch(c, yes, no))
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let pick = any::<Pick>;
    prop_oneof![
        (pick(), pick()).prop_map(|(a, b)| Condition::Less(a, b)),
        (pick(), -1.0..1.0).prop_map(|(a, c)| Condition::AtMost(a, c)),
        (pick(), pick()).prop_map(|(a, b)| Condition::Equal(a, b)),
        (-1.0..0.0, pick(), 0.0..1.0).prop_map(|(low, a, high)| Condition::Within(low, a, high)),
    ]
}

fn read<S: Copy>(known: &[S], pick: Pick) -> S {
    let (recent, choice) = (pick.is_multiple_of(2), usize::from(pick / 2));
    let among = if recent { known.len().min(3) } else { known.len() };
    known[known.len() - 1 - choice % among]
}

/// `a² + c`, positive.
fn positive<S: Scalar>(a: S, c: f64) -> S {
    a * a + c
}

/// Between `-size` and `size`.
fn bounded<S: Scalar>(a: S, size: f64) -> S {
    a.tanh() * size
}

/// The argument in the domain of the function, away from its poles.
fn unary<S: Scalar>(f: Unary, a: S) -> S {
    f.eval(match f {
        Unary::Ln
        | Unary::Ln1p
        | Unary::Log2
        | Unary::Log10
        | Unary::Sqrt
        | Unary::Cbrt
        | Unary::Recip => positive(a, 0.3),
        Unary::Acosh => positive(a, 1.3),
        Unary::Asin | Unary::Acos | Unary::Atanh | Unary::Tan => bounded(a, 0.9),
        Unary::Exp | Unary::Exp2 | Unary::ExpM1 | Unary::Sinh | Unary::Cosh | Unary::Sinhc => {
            bounded(a, 1.5)
        }
        _ => a,
    })
}

fn binary<S: Scalar>(f: Binary, a: S, b: S) -> S {
    let (a, b) = match f {
        Binary::Div | Binary::Atan2 => (a, positive(b, 0.5)),
        Binary::Pow => (positive(a, 0.5), bounded(b, 2.0)),
        Binary::Log => (positive(a, 0.5), positive(b, 2.0)),
        Binary::Hypot => (positive(a, 0.5), b),
        Binary::Rem => (a, positive(b, 1.0)),
        _ => (a, b),
    };
    f.eval(a, b)
}

fn with_constant<S: Scalar>(f: Binary, a: S, c: f64) -> S {
    match f {
        Binary::Pow => f.eval_constant(positive(a, 0.5), c),
        Binary::Log => f.eval_constant(positive(a, 0.5), c.abs() + 2.0),
        Binary::Div | Binary::Hypot | Binary::Atan2 => f.eval_constant(a, c.abs() + 0.5),
        Binary::Rem => f.eval_constant(a, c.abs() + 1.0),
        _ => f.eval_constant(a, c),
    }
}

impl Condition {
    fn holds<S: Scalar>(&self, known: &[S]) -> bool {
        match *self {
            Condition::Less(a, b) => read(known, a) < read(known, b),
            Condition::AtMost(a, c) => read(known, a) <= c,
            Condition::Equal(a, b) => read(known, a) == read(known, b),
            Condition::Within(low, a, high) => {
                let a = read(known, a);
                a > low && a < high
            }
        }
    }
}

impl Step {
    fn run<S: Scalar>(&self, known: &mut Vec<S>) {
        let value = match *self {
            Step::Unary(f, a) => unary(f, read(known, a)),
            Step::Binary(f, a, b) => binary(f, read(known, a), read(known, b)),
            Step::Constant(f, a, c) => with_constant(f, read(known, a), c),
            Step::From(c, a) => S::from(c) - read(known, a),
            Step::Power(a, n) if n < 0 => positive(read(known, a), 0.5).powi(n),
            Step::Power(a, n) => read(known, a).powi(n),
            Step::MulAdd(a, b, c) => read(known, a).mul_add(read(known, b), read(known, c)),
            Step::Clamp(a, low, high) => read(known, a).clamp(S::from(low), S::from(high)),
            Step::Detached(a, b) => read(known, a).detached() * read(known, b),
            Step::Sum(ref picks) => picks.iter().map(|&pick| read(known, pick)).sum(),
            Step::Branch(ref condition, ref yes, ref no) => {
                let before = known.len();
                let block = if condition.holds(known) { yes } else { no };
                block.iter().for_each(|step| step.run(known));
                let last = known[known.len() - 1];
                known.truncate(before);
                last
            }
        };
        // What grows would be all rounding. Some fold back by a branch, some smoothly.
        known.push(match self {
            Step::Binary(..) | Step::Sum(..) if value > 4.0 || -value > 4.0 => value.recip(),
            Step::Constant(..) | Step::Power(..) | Step::MulAdd(..) | Step::Detached(..) => {
                value / (value * value * 0.05 + 1.0).sqrt()
            }
            _ => value,
        });
    }
}

impl Function for Program {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut known = x.to_vec();
        self.steps.iter().for_each(|step| step.run(&mut known));
        for (i, y) in y.iter_mut().enumerate() {
            *y = known[known.len() - 1 - i % known.len()];
        }
        Ok(())
    }
}
