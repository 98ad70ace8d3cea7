//! Deliberately wrong array libraries: each is rejected by the name of the law that it breaks.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::array::{Array, ArrayOp, Dims, Host, HostTensor, Tensor};
use ad_api::{AdError, Binary, Result, Unary};
use ad_conformance::{TensorLaw, TensorSubject};

type Right = HostTensor<f64>;

/// What a wrong library does with an operation: `None` where it is right.
type Error = fn(&ArrayOp, &[&Right], Dims) -> Option<Result<Right>>;

/// The device of a wrong library: what it gets wrong.
#[derive(Clone, Copy)]
struct Wrong {
    name: &'static str,
    apply: Error,
    from_host: fn(Vec<f64>) -> Vec<f64>,
    precision: f64,
}

impl std::fmt::Debug for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Wrong {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

#[derive(Debug, Clone)]
struct Library(Wrong, Right);

impl Tensor for Library {
    type Device = Wrong;

    fn device(&self) -> Wrong {
        self.0
    }
    fn dims(&self) -> Dims {
        Tensor::dims(&self.1)
    }
    fn precision(device: &Wrong) -> f64 {
        device.precision
    }
    fn from_host(device: &Wrong, dims: Dims, entries: &[f64]) -> Result<Self> {
        let entries = (device.from_host)(entries.to_vec());
        Ok(Library(*device, Right::from_host(&Host, dims, &entries)?))
    }
    fn to_host(&self) -> Result<Vec<f64>> {
        self.1.to_host()
    }
    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self> {
        let device = operands[0].0;
        let operands: Vec<_> = operands.iter().map(|operand| &operand.1).collect();
        let result = match (device.apply)(op, &operands, dims) {
            Some(wrong) => wrong,
            None => Right::apply(op, &operands, dims),
        };
        Ok(Library(device, result?))
    }
}

fn right() -> Wrong {
    Wrong {
        name: "right",
        apply: |_, _, _| None,
        from_host: |entries| entries,
        precision: f64::EPSILON,
    }
}

/// Asserts that the library is rejected by exactly these laws.
fn rejected_by(device: Wrong, laws: &[TensorLaw]) {
    let broken = TensorSubject::new::<Library>(device).broken_laws();
    assert_eq!(broken, laws, "`{}`", device.name);
}

fn wrong(name: &'static str, apply: Error, laws: &[TensorLaw]) {
    rejected_by(Wrong { name, apply, ..right() }, laws);
}

/// The same operation on other entries.
fn on(op: &ArrayOp, operands: &[&Right], dims: Dims, entries: fn(f64) -> f64) -> Result<Right> {
    let moved: Vec<_> = operands
        .iter()
        .map(|x| {
            let moved: Vec<_> = x.entries().iter().map(|&x| entries(x)).collect();
            Right::from_host(&Host, Tensor::dims(*x), &moved)
        })
        .collect::<Result<_>>()?;
    Right::apply(op, &moved.iter().collect::<Vec<_>>(), dims)
}

#[test]
fn the_library_under_the_wrong_ones_is_right() {
    rejected_by(right(), &[]);
}

#[test]
fn a_function_that_is_off_by_a_little() {
    wrong(
        "tanh of 1.000001 x",
        |op, x, dims| match op {
            ArrayOp::Unary(Unary::Tanh) => Some(on(op, x, dims, |x| x * 1.000_001)),
            _ => None,
        },
        &[TensorLaw::Functions, TensorLaw::Large],
    );
}

#[test]
fn powers_by_logarithms() {
    wrong(
        "x^p as exp(p ln x)",
        |op, x, dims| match op {
            ArrayOp::Powf(p) => Some((|| {
                let ln = Right::apply(&ArrayOp::Unary(Unary::Ln), x, dims)?;
                let scaled = Right::apply(&ArrayOp::MulScalar(*p), &[&ln], dims)?;
                Right::apply(&ArrayOp::Unary(Unary::Exp), &[&scaled], dims)
            })()),
            _ => None,
        },
        &[TensorLaw::Special],
    );
}

#[test]
fn products_that_read_every_matrix_row_by_row() {
    wrong(
        "no strides in matmul",
        |op, x, dims| match op {
            ArrayOp::MatMul => {
                let swapped = Tensor::dims(x[1]);
                let (rows, columns) = (swapped[swapped.rank() - 2], swapped[swapped.rank() - 1]);
                let turned =
                    swapped.with(swapped.rank() - 2, columns).with(swapped.rank() - 1, rows);
                let axes: Vec<_> = (0..swapped.rank() - 2)
                    .chain([swapped.rank() - 1, swapped.rank() - 2])
                    .collect();
                // The entries as if they lay the other way round.
                Some((|| {
                    let reshaped = Right::apply(&ArrayOp::Reshape(turned), &[x[1]], turned)?;
                    let right = Right::apply(&ArrayOp::Permute(axes), &[&reshaped], swapped)?;
                    Right::apply(op, &[x[0], &right], dims)
                })())
            }
            _ => None,
        },
        &[TensorLaw::Products, TensorLaw::Ranks, TensorLaw::Threads],
    );
}

#[test]
fn scattering_that_overwrites() {
    wrong(
        "the last of repeated indices wins",
        |op, x, dims| match op {
            ArrayOp::ScatterAdd { axis: 0, indices, len }
                if x[0].entries().len() == indices.len() =>
            {
                let mut entries = vec![0.0; *len];
                indices.iter().zip(&*x[0].entries()).for_each(|(&i, &x)| entries[i] = x);
                Some(Right::from_host(&Host, dims, &entries))
            }
            _ => None,
        },
        &[TensorLaw::Lookups],
    );
}

#[test]
fn selection_by_multiplication() {
    wrong(
        "select as m a + (1 - m) b",
        |op, x, dims| match op {
            ArrayOp::Select => Some((|| {
                let broadcast = |x: &Right| Right::apply(&ArrayOp::Broadcast(dims), &[x], dims);
                let (m, a, b) = (broadcast(x[0])?, broadcast(x[1])?, broadcast(x[2])?);
                let triples = m
                    .entries()
                    .iter()
                    .zip(&*a.entries())
                    .zip(&*b.entries())
                    .map(|((&m, &a), &b)| if m == 0.0 { m * a + b } else { a + 0.0 * b })
                    .collect::<Vec<_>>();
                Right::from_host(&Host, dims, &triples)
            })()),
            _ => None,
        },
        // Its log-sum-exp of infinities is NaN too.
        &[TensorLaw::Exact, TensorLaw::Methods],
    );
}

#[test]
fn maxima_without_nan() {
    wrong(
        "max skips NaN",
        |op, x, dims| match op {
            ArrayOp::Max(_) => {
                Some(on(op, x, dims, |x| if x.is_nan() { f64::NEG_INFINITY } else { x }))
            }
            _ => None,
        },
        &[TensorLaw::Special],
    );
}

#[test]
fn a_maximum_of_two_that_hands_on_nan() {
    wrong(
        "maximum hands on NaN",
        |op, x, dims| match op {
            ArrayOp::Binary(Binary::Max) => Some((|| {
                let sum = Right::apply(&ArrayOp::Add, x, dims)?;
                let larger = Right::apply(op, x, dims)?;
                let entries: Vec<_> = sum
                    .entries()
                    .iter()
                    .zip(&*larger.entries())
                    .map(|(sum, larger)| if sum.is_nan() { f64::NAN } else { *larger })
                    .collect();
                Right::from_host(&Host, dims, &entries)
            })()),
            _ => None,
        },
        &[TensorLaw::Special],
    );
}

#[test]
fn products_that_skip_zeros() {
    wrong(
        "0 times infinity is 0",
        |op, x, dims| match op {
            ArrayOp::MatMul => Some(on(op, x, dims, |x| if x.is_infinite() { 0.0 } else { x })),
            _ => None,
        },
        &[TensorLaw::Special],
    );
}

#[test]
fn single_precision_that_claims_double() {
    rejected_by(
        Wrong {
            name: "f32 that says f64",
            from_host: |entries| entries,
            apply: |op, x, dims| {
                let result = Right::apply(op, x, dims);
                Some(result.and_then(|y| {
                    #[allow(clippy::cast_possible_truncation, reason = "that is the error")]
                    let rounded: Vec<_> =
                        y.entries().iter().map(|&y| f64::from(y as f32)).collect();
                    Right::from_host(&Host, dims, &rounded)
                }))
            },
            precision: f64::EPSILON,
        },
        &[
            TensorLaw::Precision,
            TensorLaw::Functions,
            TensorLaw::Broadcasts,
            TensorLaw::Ranks,
            TensorLaw::Special,
            TensorLaw::Methods,
            TensorLaw::Large,
        ],
    );
}

#[test]
fn the_same_in_single_precision_that_says_so() {
    rejected_by(
        Wrong {
            name: "f32",
            #[allow(clippy::cast_possible_truncation, reason = "that is the precision")]
            from_host: |entries| entries.iter().map(|&x| f64::from(x as f32)).collect(),
            apply: |op, x, dims| {
                Some(Right::apply(op, x, dims).and_then(|y| {
                    #[allow(clippy::cast_possible_truncation, reason = "that is the precision")]
                    let rounded: Vec<_> =
                        y.entries().iter().map(|&y| f64::from(y as f32)).collect();
                    Right::from_host(&Host, dims, &rounded)
                }))
            },
            precision: f64::from(f32::EPSILON),
        },
        &[],
    );
}

#[test]
fn zeros_without_sign() {
    rejected_by(
        Wrong { name: "no -0", from_host: |x| x.iter().map(|x| x + 0.0).collect(), ..right() },
        &[TensorLaw::RoundTrip, TensorLaw::Special],
    );
}

#[test]
fn a_library_that_fails_on_empty_arrays() {
    wrong(
        "no empty arrays",
        |op, _, dims| {
            (dims.count() == 0).then(|| {
                Err(AdError::Unsupported {
                    backend: "toy".into(),
                    operation: op.name(),
                    reason: "empty".into(),
                })
            })
        },
        &[
            TensorLaw::Devices,
            TensorLaw::LeavesOperands,
            TensorLaw::Functions,
            TensorLaw::Broadcasts,
            TensorLaw::Choices,
            TensorLaw::Products,
            TensorLaw::Permutes,
            TensorLaw::Shapes,
            TensorLaw::Parts,
            TensorLaw::Lookups,
            TensorLaw::Joins,
            TensorLaw::Sums,
            TensorLaw::Maxima,
            TensorLaw::Methods,
            TensorLaw::Threads,
        ],
    );
}

#[test]
fn the_report_names_law_and_operation() {
    let subject = TensorSubject::new::<Library>(Wrong {
        name: "wrong sum",
        apply: |op, x, dims| match op {
            ArrayOp::Sum(_) => Some(on(op, x, dims, |x| -x)),
            _ => None,
        },
        ..right()
    });
    let violations = subject.check(TensorLaw::Sums);
    assert!(violations[0].place.starts_with("Sum([0]) of [5]"), "{}", violations[0]);
    // The wrong library runs models all the same.
    let x = Array::<Library>::from_host(&right(), [1], &[3.0]);
    assert_eq!(x.sum_all().item().unwrap(), 3.0);
}
