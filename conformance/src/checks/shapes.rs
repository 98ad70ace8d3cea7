//! Sizes: wrong, none, one, and many.

use ad_api::{AdError, Operation, Result, Shape};
use nalgebra::DMatrix;

use crate::case::Case;
use crate::erased::{Operations, Probe};
use crate::scenario::{acceptance, dense};
use crate::subject::{Subject, same};
use crate::violation::Findings;
use crate::{Counted, Law, Node, Program, Violation};

fn named(name: &str) -> Case {
    let scenarios = [acceptance(), dense()].concat();
    let scenario = scenarios.iter().find(|s| s.name == name).expect("a scenario of this name");
    Case::new(scenario, &scenario.points[0])
}

/// A call with a wrong size, by name.
type Wrong = (&'static str, fn(&mut dyn Operations, &Case) -> Result<()>);

/// Each call has one argument that is one too long or too short.
const WRONG: &[Wrong] = &[
    ("x of value", |o, c| o.value(&c.x[1..]).map(drop)),
    ("y of value", |o, c| o.value_into(&c.x, &mut long(c.outputs()))),
    ("x of pushforward", |o, c| o.pushforward(&c.x[1..], &c.v).map(drop)),
    ("x_dot of pushforward", |o, c| o.pushforward(&c.x, &c.v[1..]).map(drop)),
    ("y_dot of pushforward", |o, c| o.pushforward_into(&c.x, &c.v, &mut long(c.outputs()))),
    ("y of value_and_pushforward", |o, c| {
        let mut y_dot = vec![0.0; c.outputs()];
        o.value_and_pushforward_into(&c.x, &c.v, &mut long(c.outputs()), &mut y_dot)
    }),
    ("x of pullback", |o, c| o.pullback(&[&c.x[..], &[0.0]].concat(), &c.w).map(drop)),
    ("y_bar of pullback", |o, c| o.pullback(&c.x, &[&c.w[..], &[0.0]].concat()).map(drop)),
    ("x_bar of pullback", |o, c| o.pullback_into(&c.x, &c.w, &mut long(c.inputs()))),
    ("y of value_and_pullback", |o, c| {
        let mut x_bar = vec![0.0; c.inputs()];
        o.value_and_pullback_into(&c.x, &c.w, &mut long(c.outputs()), &mut x_bar)
    }),
    ("x of jacobian", |o, c| o.jacobian(&c.x[1..]).map(drop)),
    ("transposed jacobian", |o, c| {
        o.jacobian_into(&c.x, &mut DMatrix::zeros(c.inputs() + 1, c.outputs()))
    }),
    ("y of value_and_jacobian", |o, c| {
        let mut jacobian = DMatrix::zeros(c.outputs(), c.inputs());
        o.value_and_jacobian_into(&c.x, &mut long(c.outputs()), &mut jacobian)
    }),
    ("x of weighted_hessian", |o, c| o.weighted_hessian(&c.x[1..], &c.weights).map(drop)),
    ("w of weighted_hessian", |o, c| {
        o.weighted_hessian(&c.x, &[&c.weights[..], &[1.0]].concat()).map(drop)
    }),
    ("hessian of weighted_hessian", |o, c| {
        let mut hessian = DMatrix::zeros(c.inputs(), c.inputs() + 1);
        o.weighted_hessian_into(&c.x, &c.weights, &mut hessian)
    }),
    ("v of weighted hvp", |o, c| {
        let (mut g, mut hv) = (vec![0.0; c.inputs()], vec![0.0; c.inputs()]);
        o.value_gradient_and_weighted_hvp_into(&c.x, &c.weights, &c.v[1..], &mut g, &mut hv)
            .map(drop)
    }),
    ("hv of weighted hvp", |o, c| {
        let mut g = vec![0.0; c.inputs()];
        o.value_gradient_and_weighted_hvp_into(
            &c.x,
            &c.weights,
            &c.v,
            &mut g,
            &mut long(c.inputs()),
        )
        .map(drop)
    }),
    ("gradient of weighted hvp", |o, c| {
        let mut hv = vec![0.0; c.inputs()];
        let g = &mut long(c.inputs());
        o.value_gradient_and_weighted_hvp_into(&c.x, &c.weights, &c.v, g, &mut hv).map(drop)
    }),
];

/// For scalar functions.
const WRONG_SCALAR: &[Wrong] = &[
    ("x of gradient", |o, c| o.gradient(&c.x[1..]).map(drop)),
    ("gradient", |o, c| o.gradient_into(&c.x, &mut long(c.inputs()))),
    ("x of hessian", |o, c| o.hessian(&c.x[1..]).map(drop)),
    ("hessian", |o, c| o.hessian_into(&c.x, &mut DMatrix::zeros(c.inputs() + 1, c.inputs()))),
    ("v of hvp", |o, c| o.hvp(&c.x, &c.v[1..]).map(drop)),
    ("hv of hvp", |o, c| o.hvp_into(&c.x, &c.v, &mut long(c.inputs()))),
];

/// For functions of one input.
const WRONG_CURVE: &[Wrong] = &[
    ("derivative", |o, c| o.derivative_into(c.x[0], &mut long(c.outputs()))),
    ("second derivative", |o, c| o.second_derivative_into(c.x[0], &mut long(c.outputs()))),
];

fn long(len: usize) -> Vec<f64> {
    vec![0.0; len + 1]
}

/// Wrong sizes are a typed error, and the preparation is as good as before.
pub(crate) fn rejects_wrong_sizes(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for (name, table) in
        [("fjac", WRONG), ("fgrad", WRONG), ("fgrad", WRONG_SCALAR), ("num_to_vec", WRONG_CURVE)]
    {
        let case = named(name);
        let before = subject.prepare(&case.f).and_then(|mut p| {
            let before = p.jacobian(&case.x)?;
            Ok((p, before))
        });
        let Some((mut prepared, before)) = findings.expect(name, before) else { continue };
        for (argument, call) in table {
            let place = format!("{name}, wrong {argument}");
            match call(&mut *prepared, &case) {
                Err(AdError::Shape { .. } | AdError::MatrixShape { .. }) => {}
                other => findings.add(&place, format!("expected a shape error, got {other:?}")),
            }
            let after = prepared.jacobian(&case.x);
            if let Some(after) = findings.expect(&place, after) {
                let right = same(before.as_slice(), after.as_slice());
                findings.note(&place, (!right).then(|| "the jacobian changed afterwards".into()));
            }
        }
        for (what, result) in [
            ("prepare", subject.backend.prepare(&case.f, &case.x[1..]).map(drop)),
            ("linearize", subject.backend.linearize(&case.f, &long(case.inputs())).map(drop)),
        ] {
            if !matches!(result, Err(AdError::Shape { .. })) {
                findings
                    .add(format!("{name}, `{what}`"), format!("expected `Shape`, got {result:?}"));
            }
        }
    }
    findings.done()
}

/// Operations for one input or one output refuse other functions, by name.
pub(crate) fn rejects_wrong_arity(subject: &Subject, law: Law) -> Vec<Violation> {
    const CALLS: &[Wrong] = &[
        ("gradient", |o, c| o.gradient(&c.x).map(drop)),
        ("hessian", |o, c| o.hessian(&c.x).map(drop)),
        ("hvp", |o, c| o.hvp(&c.x, &c.v).map(drop)),
        ("derivative", |o, c| o.derivative(c.x[0]).map(drop)),
        ("second_derivative", |o, c| o.second_derivative(c.x[0]).map(drop)),
    ];
    let mut findings = Findings::new(law);
    let case = named("fjac");
    let expect = |findings: &mut Findings, name: &str, result: Result<()>| match result {
        Err(AdError::Arity { inputs: 10, outputs: 5, .. }) => {}
        other => findings.add(
            format!("`{name}` of a 5 × 10 function"),
            format!("expected `Arity`, got {other:?}"),
        ),
    };
    let Some(mut prepared) = findings.expect("fjac", subject.prepare(&case.f)) else {
        return findings.done();
    };
    for (name, call) in CALLS {
        expect(&mut findings, name, call(&mut *prepared, &case));
    }
    let b = &subject.backend;
    expect(&mut findings, "lazy_gradient", b.lazy_gradient(&case.f, &case.x).map(drop));
    expect(&mut findings, "lazy_derivative", b.lazy_derivative(&case.f, case.x[0]).map(drop));
    expect(&mut findings, "lazy_hessian", b.lazy_hessian(&case.f, &case.x).map(drop));
    let third = b.third_derivative(crate::curve::Curve::TenToFive, 0.5);
    expect(&mut findings, "third_derivative", third.map(drop));
    findings.done()
}

/// No inputs, no outputs, neither.
pub(crate) fn handles_empty(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let constant = || Program::from_ops(0, vec![crate::Op::Constant(3.0)], vec![0]);
    let functions = [
        ("number to nothing", Program::from_ops(1, vec![crate::Op::Input(0)], vec![]), 1, 0),
        ("three to nothing", Program::from_ops(3, vec![], vec![]), 3, 0),
        ("nothing to a constant", constant(), 0, 1),
        ("nothing to nothing", Program::from_ops(0, vec![], vec![]), 0, 0),
    ];
    for (name, program, n, m) in functions {
        let f = Counted::new(program);
        let result = empty(subject, &f, n, m);
        if let Some(wrong) = findings.expect(name, result) {
            wrong.into_iter().for_each(|wrong| findings.add(name, wrong));
        }
    }
    findings.done()
}

/// Every operation of a function with `n` inputs and `m` outputs, one of them 0.
fn empty(subject: &Subject, f: &Probe, n: usize, m: usize) -> Result<Vec<String>> {
    let mut p = subject.prepare(f)?;
    let (x, v, w) = (vec![0.5; n], vec![1.0; n], vec![1.0; m]);
    let value = if m == 1 { vec![3.0] } else { vec![] };
    let mut wrong = Vec::new();
    let mut expect = |what: &str, found: &[f64], expected: &[f64]| {
        if found != expected {
            wrong.push(format!("{what} is {found:?}, expected {expected:?}"));
        }
    };
    expect("value", p.value(&x)?.as_slice(), &value);
    let (y, y_dot) = p.value_and_pushforward(&x, &v)?;
    expect("value of pushforward", y.as_slice(), &value);
    expect("pushforward", y_dot.as_slice(), &vec![0.0; m]);
    let (y, x_bar) = p.value_and_pullback(&x, &w)?;
    expect("value of pullback", y.as_slice(), &value);
    expect("pullback", x_bar.as_slice(), &vec![0.0; n]);
    let (y, j) = p.value_and_jacobian(&x)?;
    expect("value of jacobian", y.as_slice(), &value);
    expect("size of jacobian", &[j.nrows() as f64, j.ncols() as f64], &[m as f64, n as f64]);
    let h = p.weighted_hessian(&x, &w)?;
    expect("weighted hessian", h.as_slice(), &vec![0.0; n * n]);
    let (mut gradient, mut hv) = (vec![f64::NAN; n], vec![f64::NAN; n]);
    let weighted = p.value_gradient_and_weighted_hvp_into(&x, &w, &v, &mut gradient, &mut hv)?;
    expect("weighted value", &[weighted], &[value.iter().sum()]);
    expect("weighted gradient", &gradient, &vec![0.0; n]);
    expect("weighted hvp", &hv, &vec![0.0; n]);
    if n == 1 {
        p.derivative_into(0.5, &mut [])?;
        p.second_derivative_into(0.5, &mut [])?;
    }
    if m == 1 {
        let (value, gradient) = p.value_and_gradient(&x)?;
        expect("value of gradient", &[value], &[3.0]);
        expect("gradient", gradient.as_slice(), &[]);
        expect("hessian", p.hessian(&x)?.as_slice(), &[]);
        expect("hvp", p.hvp(&x, &v)?.as_slice(), &[]);
    }
    let (y, operator) = subject.backend.linearize(f, &x)?;
    expect("value of linearize", y.as_slice(), &value);
    let product = ad_api::LinearOperator::apply(&operator, &v)?;
    expect("linearized product", product.as_slice(), &vec![0.0; m]);
    Ok(wrong)
}

/// Identity, sum and copy: the smallest functions, whose result *is* an input.
pub(crate) fn handles_trivial_functions(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let programs: [(&str, Program); 4] = [
        ("identity", Program::new(1, |x| vec![x[0]])),
        ("sum", Program::new(4, |x| vec![x.iter().copied().sum()])),
        ("copy", Program::new(4, |x| x.to_vec())),
        ("the same input twice", Program::new(2, |x| vec![x[1], x[1], x[0]])),
    ];
    for (name, program) in programs {
        let f = Counted::new(program);
        let n = ad_api::Function::inputs(&f);
        let m = ad_api::Function::outputs(&f);
        let x: Vec<f64> = (0..n).map(|i| 1.0 + i as f64).collect();
        let expected = DMatrix::from_fn(m, n, |i, j| match name {
            "sum" => 1.0,
            "the same input twice" => f64::from(u8::from((i < 2) == (j == 1))),
            _ => f64::from(u8::from(i == j)),
        });
        let result = subject.prepare(&f).and_then(|mut p| {
            let (v, w) = (vec![2.0; n], vec![3.0; m]);
            Ok((p.jacobian(&x)?, p.pushforward(&x, &v)?, p.pullback(&x, &w)?))
        });
        let Some((j, y_dot, x_bar)) = findings.expect(name, result) else { continue };
        let allowed = 10.0 * subject.tolerance(1);
        let row_sums: Vec<f64> = expected.column_sum().iter().map(|s| 2.0 * s).collect();
        let column_sums: Vec<f64> = expected.row_sum().iter().map(|s| 3.0 * s).collect();
        for (what, found, expected) in [
            ("jacobian", j.as_slice(), expected.as_slice()),
            ("pushforward", y_dot.as_slice(), &row_sums[..]),
            ("pullback", x_bar.as_slice(), &column_sums[..]),
        ] {
            let wrong = crate::subject::differ(found, expected, allowed);
            findings.note(format!("{name}, {what}"), wrong);
        }
    }
    findings.done()
}

/// The inputs of the large function.
const MANY: usize = 100_000;
/// The most evaluations of it that the check spends.
const BUDGET: usize = 16;

/// `Σ xᵢ² + sin x₀` of 10⁵ inputs: products with few evaluations, whichever the engine has.
pub(crate) fn handles_many_inputs(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let f = Counted::new(Program::new(MANY, |x| {
        let squares: Node<'_> = x.iter().map(|&x| x * x).sum();
        vec![x[0].sin() + squares]
    }));
    let x: Vec<f64> = (0..MANY).map(|i| (i % 10) as f64 / 10.0).collect();
    let gradient: Vec<f64> =
        x.iter().enumerate().map(|(i, x)| if i == 0 { 1.0 } else { 2.0 * x }).collect();
    let shape = Shape { inputs: MANY, outputs: 1 };
    let affordable = |operation| {
        let cost = subject.backend.capability(operation, shape).evaluations();
        cost.is_some_and(|cost| cost.bound() <= BUDGET)
    };
    let result = subject.prepare(&f).map(|mut prepared| {
        let plain = f.function().value(&x).unwrap_or_default();
        if let Some(y) = findings.expect("value", prepared.value(&x)) {
            let wrong = (y.as_slice() != plain).then(|| format!("{y}, expected {plain:?}"));
            findings.note("value", wrong);
        }
        if affordable(Operation::Pushforward) {
            let mut v = vec![0.0; MANY];
            (v[0], v[MANY - 1]) = (2.0, 1.0);
            let expected = 2.0 * gradient[0] + gradient[MANY - 1];
            if let Some(y_dot) = findings.expect("pushforward", prepared.pushforward(&x, &v)) {
                let allowed =
                    subject.tolerance(1) * if subject.is_exact() { 10.0 } else { plain[0] };
                let wrong = crate::subject::differ(y_dot.as_slice(), &[expected], allowed);
                findings.note("pushforward", wrong);
            }
        }
        if affordable(Operation::Gradient)
            && let Some(found) = findings.expect("gradient", prepared.gradient(&x))
        {
            let allowed = subject.tolerance(1) * if subject.is_exact() { 2.0 } else { plain[0] };
            findings.note("gradient", crate::subject::differ(found.as_slice(), &gradient, allowed));
        }
    });
    findings.expect("10⁵ inputs", result);
    findings.done()
}
