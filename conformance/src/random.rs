//! Random programs, for property tests.
//!
//! ```
//! use ad_conformance::{agree, random};
//! use ad_dual::Dual;
//! use proptest::prelude::*;
//!
//! proptest! {
//!     fn two_engines_agree((program, x) in random::program()) {
//!         prop_assert_eq!(agree(&Dual::default(), &Dual::default(), &program, &x), Ok(()));
//!     }
//! }
//! two_engines_agree();
//! ```

use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Binary, Op, Place, Program, Unary};

/// The operations of a random program, before it is made safe.
const LENGTH: usize = 8;
/// No intermediate result is larger: beyond, rounding and truncation say more than the engines do.
const LARGEST: f64 = 50.0;
/// No argument is closer to a kink or jump: finite differences look at both sides.
const CLEARANCE: f64 = 0.1;

/// A program of 1 to 4 inputs and 1 to 3 outputs over all elementary functions, and a point where it
/// is smooth and of moderate size.
///
/// Arguments are brought into the domain of each function by smooth maps (`ln` gets `x² + ½`), so that
/// derivatives are finite by construction; programs that grow too large, or come too close to a kink
/// at the point, are left out.
pub fn program() -> impl Strategy<Value = (Program, Vec<f64>)> {
    let step = (0..Unary::ALL.len() + Binary::ALL.len() + 4, any::<usize>(), any::<usize>());
    let point = vec(-1.5..1.5_f64, 1..=4);
    (point, vec(step, 1..=LENGTH), 1..=3_usize)
        .prop_map(|(x, steps, outputs)| (build(x.len(), &steps, outputs), x))
        .prop_filter("large or close to a kink", |(program, x)| is_smooth_at(program, x))
}

/// Points where a random program once found a difference between two engines; each stays as a case.
pub fn regressions() -> Vec<(Program, Vec<f64>)> {
    vec![
        // The value of a function must not come out of its derivative's series.
        (
            Program::new(2, |x| vec![x[1].unary(crate::Unary::Sinc) + x[0].constant(0.0)]),
            vec![1.295, -0.331_402_624_941_268],
        ),
        // Rounding left in a gradient entry that is zero is no reason to refuse a Hessian.
        (Program::new(3, |x| vec![x[2] + x[1] - x[2]]), vec![0.0, 0.873_304, 0.836_137]),
    ]
}

/// Appends operations and remembers what the program reads.
struct Builder(Vec<Op>);

impl Builder {
    fn push(&mut self, op: Op) -> Place {
        self.0.push(op);
        self.0.len() - 1
    }

    fn unary(&mut self, f: Unary, a: Place) -> Place {
        self.push(Op::Unary(f, a))
    }

    fn constant(&mut self, f: Binary, a: Place, c: f64) -> Place {
        self.push(Op::WithConstant(f, a, c))
    }

    /// `a² + c`, positive.
    fn positive(&mut self, a: Place, c: f64) -> Place {
        let square = self.push(Op::Powi(a, 2));
        self.constant(Binary::Add, square, c)
    }

    /// `0.9 tanh a`, between -0.9 and 0.9.
    fn bounded(&mut self, a: Place) -> Place {
        let bounded = self.unary(Unary::Tanh, a);
        self.constant(Binary::Mul, bounded, 0.9)
    }

    /// A function of one argument, on an argument in its domain.
    fn safe_unary(&mut self, f: Unary, a: Place) -> Place {
        let argument = match f {
            Unary::Ln
            | Unary::Log2
            | Unary::Log10
            | Unary::Sqrt
            | Unary::Recip
            | Unary::Cbrt
            | Unary::Ln1p => self.positive(a, 0.5),
            Unary::Acosh => self.positive(a, 1.5),
            Unary::Asin | Unary::Acos | Unary::Atanh | Unary::Tan => self.bounded(a),
            Unary::Exp | Unary::Exp2 | Unary::ExpM1 | Unary::Sinh | Unary::Cosh | Unary::Sinhc => {
                let bounded = self.bounded(a);
                self.constant(Binary::Mul, bounded, 2.0)
            }
            _ => a,
        };
        self.unary(f, argument)
    }

    fn safe_binary(&mut self, f: Binary, a: Place, b: Place) -> Place {
        let (a, b) = match f {
            Binary::Div | Binary::Atan2 => (a, self.positive(b, 0.5)),
            Binary::Pow => (self.positive(a, 0.5), self.bounded(b)),
            Binary::Log => (self.positive(a, 0.5), self.positive(b, 2.0)),
            Binary::Hypot => (self.positive(a, 0.5), b),
            Binary::Rem => (a, self.positive(b, 1.0)),
            _ => (a, b),
        };
        self.push(Op::Binary(f, a, b))
    }
}

fn build(inputs: usize, steps: &[(usize, usize, usize)], outputs: usize) -> Program {
    let mut builder = Builder((0..inputs).map(Op::Input).collect());
    let mut places: Vec<Place> = (0..inputs).collect();
    for &(kind, a, b) in steps {
        // Recent results are read more often, so that programs are deep.
        let pick = |choice: usize| places[places.len() - 1 - choice % places.len().min(4)];
        let (a, b) = (pick(a), pick(b));
        let unary = Unary::ALL.len();
        let place = match kind {
            kind if kind < unary => builder.safe_unary(Unary::ALL[kind], a),
            kind if kind < unary + Binary::ALL.len() => {
                builder.safe_binary(Binary::ALL[kind - unary], a, b)
            }
            kind => match kind - unary - Binary::ALL.len() {
                0 => builder.push(Op::Powi(a, 3)),
                1 => {
                    let bounded = builder.bounded(b);
                    builder.push(Op::MulAdd(a, bounded, b))
                }
                2 => builder.push(Op::Choose(a, b, a)),
                _ => builder.push(Op::Clamp(a, -1.0, 1.0)),
            },
        };
        places.push(place);
    }
    let last = places.len().saturating_sub(outputs);
    let outputs = places.split_off(last);
    Program::from_ops(inputs, builder.0, outputs)
}

/// Whether every result at `x` is finite and moderate, and every argument clear of kinks and jumps.
pub fn is_smooth_at(program: &Program, x: &[f64]) -> bool {
    let Ok(r) = program.trace(x) else { return false };
    let clear = |distance: f64| distance.abs() > CLEARANCE;
    // The distance to the next integer.
    let whole = |x: f64| x - x.round();
    r.iter().all(|value| value.abs() < LARGEST)
        && program.ops().iter().all(|op| match *op {
            Op::Unary(Unary::Abs | Unary::Signum, a) | Op::Choose(a, ..) => clear(r[a]),
            Op::Unary(Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Fract, a) => {
                clear(whole(r[a]))
            }
            Op::Unary(Unary::Round, a) => clear(whole(r[a] + 0.5)),
            Op::Binary(Binary::Max | Binary::Min, a, b) => clear(r[a] - r[b]) || a == b,
            Op::Binary(Binary::Copysign, a, b) => clear(r[a]) && clear(r[b]),
            Op::Binary(Binary::Rem, a, b) => clear(whole(r[a] / r[b])),
            Op::Clamp(a, low, high) => clear(r[a] - low) && clear(r[a] - high),
            _ => true,
        })
}
