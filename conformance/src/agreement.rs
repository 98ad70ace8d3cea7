//! Agreement of two backends.

use ad_api::{Backend, Operation};

use crate::call::calls_of;
use crate::case::{Case, Part, largest};
use crate::scenario::Known;
use crate::subject::differ;
use crate::{Counted, Program, Subject};

/// Compares every operation that both backends support, on `program` at `x`.
///
/// The tolerance is the sum of what the two state, relative to the largest number among the
/// operations of the program and its derivatives.
///
/// # Errors
///
/// What differs, in words.
///
/// ```
/// use ad_conformance::{Program, agree};
/// use ad_dual::Dual;
///
/// let f = Program::new(2, |x| vec![x[0].sin() * x[1], x[0] / x[1]]);
/// agree(&Dual::default(), &Dual::default(), &f, &[0.3, 0.7]).unwrap();
/// ```
pub fn agree<A: Backend, B: Backend>(
    a: &A,
    b: &B,
    program: &Program,
    x: &[f64],
) -> Result<(), String> {
    Subject::new(a.clone()).agrees_with(&Subject::new(b.clone()), program, x)
}

impl Subject {
    /// As [`agree`], with the tolerances of the two subjects.
    ///
    /// # Errors
    ///
    /// What differs, in words.
    pub fn agrees_with(&self, other: &Subject, program: &Program, x: &[f64]) -> Result<(), String> {
        let case = case(program, x);
        let trace = program.trace(x).map_err(|failure| failure.to_string())?;
        let size = largest(&trace).max(1.0);
        let mut wrong = Vec::new();
        for operation in Operation::ALL {
            if !self.supports(operation, &case) || !other.supports(operation, &case) {
                continue;
            }
            let Some(call) = calls_of(operation, &case).last() else { continue };
            let run = |subject: &Subject| {
                let mut prepared = subject.prepare(&case.f)?;
                (call.run)(&mut *prepared, &case, f64::NAN)
            };
            let (ours, theirs) = match (run(self), run(other)) {
                (Ok(ours), Ok(theirs)) => (ours, theirs),
                (ours, theirs) => {
                    for (subject, result) in [(self, ours), (other, theirs)] {
                        if let Err(error) = result {
                            wrong.push(format!("`{}` in {}: {error}", subject.name(), call.name));
                        }
                    }
                    continue;
                }
            };
            for ((part, ours), (_, theirs)) in ours.iter().zip(&theirs) {
                let order = part.order();
                let tolerance = self.tolerance(order) + other.tolerance(order);
                let exact = matches!(part, Part::Value);
                let scale = size.max(largest(ours)).max(largest(theirs));
                let allowed = if exact { 0.0 } else { tolerance * scale };
                if let Some(difference) = differ(ours, theirs, allowed) {
                    wrong.push(format!("{}, {part:?} {difference}", call.name));
                }
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let (ours, theirs) = (self.name(), other.name());
        Err(format!("`{ours}` and `{theirs}` at {x:?}: {}\n{program:?}", wrong.join("\n")))
    }
}

fn case(program: &Program, x: &[f64]) -> Case {
    let f = Counted::new(program.clone());
    let (n, m) = (x.len(), ad_api::Function::outputs(&f));
    let w: Vec<f64> = (0..m).map(|i| 1.0 - 0.75 * i as f64).collect();
    Case {
        scenario: "a program",
        f,
        x: x.to_vec(),
        v: (0..n).map(|i| 0.5 + i as f64).collect(),
        weights: if m == 1 { vec![1.0] } else { w.clone() },
        w,
        known: Known {
            value: vec![0.0; m],
            jacobian: nalgebra::DMatrix::zeros(m, n),
            hessians: vec![nalgebra::DMatrix::zeros(n, n); m],
        },
    }
}
