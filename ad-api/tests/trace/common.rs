//! Functions and comparisons that several tests use.

use ad_api::trace::Program;
use ad_api::{Function, Scalar};

/// A function from a body over any scalar.
macro_rules! function {
    ($Name:ident($n:literal -> $m:literal): |$x:ident, $y:ident| $body:expr) => {
        #[derive(Debug, Clone, Copy)]
        struct $Name;
        impl ad_api::Function for $Name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                $m
            }
            fn eval<S: ad_api::Scalar>(
                &self,
                $x: &[S],
                $y: &mut [S],
            ) -> Result<(), ad_api::Failure> {
                $body;
                Ok(())
            }
        }
    };
}
pub(crate) use function;

/// Records `f` at `x`, and checks that all values are those of `f64` code, bit for bit.
#[track_caller]
pub(crate) fn recorded<F: Function>(f: &F, x: &[f64]) -> Program {
    let m = f.outputs();
    let (mut expected, mut found, mut replayed) = (vec![0.0; m], vec![0.0; m], vec![0.0; m]);
    f.eval(x, &mut expected).unwrap();
    let program = Program::record(f, x, &mut found).unwrap();
    program.eval(x, &mut replayed).unwrap();
    assert!(same_bits(&found, &expected), "{found:?} recorded, {expected:?} in f64");
    assert!(same_bits(&replayed, &expected), "{replayed:?} replayed, {expected:?} in f64");
    program
}

/// Whether two results are the same bit for bit, where one NaN is as good as another.
pub(crate) fn same_bits<S: Scalar>(a: &[S], b: &[S]) -> bool {
    let bits = |x: &S| if x.primal().is_nan() { f64::NAN.to_bits() } else { x.primal().to_bits() };
    a.iter().map(bits).eq(b.iter().map(bits))
}

/// Checks that numbers agree to a rounding or two, and are NaN or infinite together.
#[track_caller]
pub(crate) fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (&found, &expected) in found.iter().zip(expected) {
        let same = found == expected || (found.is_nan() && expected.is_nan());
        let near = (found - expected).abs() <= 1e-13 * expected.abs().max(1.0);
        assert!(same || near, "{found} for {expected}");
    }
}
