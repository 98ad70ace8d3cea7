//! Formulas: precedence, names, functions, errors with their place.

#![allow(clippy::unwrap_used, reason = "a failure of a helper is a failure of its test")]

use ad_cli::formula::{Formula, Program};
use proptest::prelude::*;

/// The value of a formula in `a = 2`, `b = 3`, `x = 5`, where `x` is data.
fn value(text: &str) -> f64 {
    let formula = Formula::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let program = Program::new(&formula, &["a", "b"], &["x"]).unwrap();
    let mut y = [0.0];
    program.bind(1, &[&[5.0]]).eval(&[2.0, 3.0], &mut y);
    y[0]
}

#[test]
fn precedence_and_associativity() {
    for (text, expected) in [
        ("1+2*3", 7.0),
        ("(1+2)*3", 9.0),
        ("[1+2]*3", 9.0),
        ("2*3+4*5", 26.0),
        ("10-4-3", 3.0),
        ("10-(4-3)", 9.0),
        ("24/4/3", 2.0),
        ("24/4*3", 18.0),
        ("2*3/4*5", 7.5),
        ("2^3", 8.0),
        ("2**3", 8.0),
        ("2^3^2", 512.0),
        ("2**3**2", 512.0),
        ("(2^3)^2", 64.0),
        ("-2^2", -4.0),
        ("(-2)^2", 4.0),
        ("-2**2", -4.0),
        ("2^-1", 0.5),
        ("2^-2^2", 1.0 / 16.0),
        ("2**-1*4", 2.0),
        ("-a^b", -8.0),
        ("a^-b", 0.125),
        ("-a*b", -6.0),
        ("a*-b", -6.0),
        ("a - -b", 5.0),
        ("+a", 2.0),
        ("-a-b", -5.0),
        ("3*2^2", 12.0),
        ("2^2*3", 12.0),
        ("18/3^2", 2.0),
        ("1-x^2", -24.0),
        ("(x-a)**2 / b**2", 1.0),
        ("-(x-a)**2 / b**2", -1.0),
        ("a*x+b", 13.0),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn numbers() {
    for (text, expected) in [
        (".5", 0.5),
        ("5.", 5.0),
        ("1E-3", 1e-3),
        ("1e+3", 1e3),
        ("77.6E0", 77.6),
        ("3.e1", 30.0),
        ("1-(1+2*3)**(-.5)", 1.0 - 7.0_f64.powf(-0.5)),
        ("2*pi", std::f64::consts::TAU),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn functions() {
    for (text, expected) in [
        ("exp[-a]", (-2.0_f64).exp()),
        ("expm1(a)", 2.0_f64.exp_m1()),
        ("log(x)", 5.0_f64.ln()),
        ("ln(x)", 5.0_f64.ln()),
        ("log1p(a)", 2.0_f64.ln_1p()),
        ("log10(x)", 5.0_f64.log10()),
        ("log2(x)", 5.0_f64.log2()),
        ("sqrt(a)", 2.0_f64.sqrt()),
        ("cbrt(b)", 3.0_f64.cbrt()),
        ("abs(a-b)", 1.0),
        ("sin(a)", 2.0_f64.sin()),
        ("cos(a)", 2.0_f64.cos()),
        ("tan(a)", 2.0_f64.tan()),
        ("asin(.5)", 0.5_f64.asin()),
        ("arcsin(1/a)", 0.5_f64.asin()),
        ("arccos[1/a]", 0.5_f64.acos()),
        ("acos(.5)", 0.5_f64.acos()),
        ("arctan[b]", 3.0_f64.atan()),
        ("atan(b)", 3.0_f64.atan()),
        ("sinh(a)", 2.0_f64.sinh()),
        ("cosh(a)", 2.0_f64.cosh()),
        ("tanh(a)", 2.0_f64.tanh()),
        ("asinh(a)", 2.0_f64.asinh()),
        ("acosh(a)", 2.0_f64.acosh()),
        ("atanh(1/a)", 0.5_f64.atanh()),
        ("erf(0)", 0.0),
        ("pow(a, b)", 8.0),
        ("atan2(a, -b)", 2.0_f64.atan2(-3.0)),
        ("hypot(a+1, b+1)", 5.0),
        ("min(a, x)", 2.0),
        ("max[a, x]", 5.0),
        ("max(exp(min(a, b)), x)", 2.0_f64.exp()),
    ] {
        let found = value(text);
        assert!((found - expected).abs() <= 2e-16 * expected.abs(), "{text}: {found}, {expected}");
    }
}

/// Every binding time of the operands of a subtraction, division and power.
#[test]
fn constants_data_and_parameters_mix() {
    let numbers = [("7", 7.0), ("x", 5.0), ("a", 2.0), ("(a*x)", 10.0)];
    for (left, l) in numbers {
        for (right, r) in numbers {
            assert_eq!(value(&format!("{left}-{right}")), l - r);
            assert_eq!(value(&format!("{left}+{right}")), l + r);
            assert_eq!(value(&format!("{left}*{right}")), l * r);
            assert_eq!(value(&format!("{left}/{right}")), l / r);
            assert_eq!(value(&format!("max({left},{right})")), l.max(r));
            let power = value(&format!("{left}^{right}"));
            assert!((power / l.powf(r) - 1.0).abs() < 1e-14, "{left}^{right}: {power}");
        }
    }
}

#[test]
fn integer_powers_of_negative_numbers_are_defined() {
    assert_eq!(value("(a-x)^2"), 9.0);
    assert_eq!(value("(a-x)^3"), -27.0);
    assert_eq!(value("(a-x)^(1+2)"), -27.0);
    assert!(value("(a-x)^.5").is_nan());
}

#[test]
fn names() {
    let formula = Formula::parse("b_1*exp(-b2*`time [s]`) + α*exp + b_1").unwrap();
    assert_eq!(formula.names().collect::<Vec<_>>(), ["b_1", "b2", "time [s]", "α", "exp"]);
    let unknown = Program::new(&formula, &["b_1", "b2", "α"], &["exp"]).unwrap_err();
    assert_eq!((unknown.name.as_str(), unknown.column), ("time [s]", 13));
}

#[test]
fn a_formula_without_predictors_has_a_value_at_every_row() {
    let program = Program::new(&Formula::parse("a").unwrap(), &["a"], &[] as &[&str]).unwrap();
    let mut y = [0.0; 3];
    program.bind(3, &[]).eval(&[4.0], &mut y);
    assert_eq!(y, [4.0; 3]);
}

#[test]
fn errors_name_the_column() {
    for (text, column, reason) in [
        ("", 1, "expected a number, a name, a function or an opening bracket, found the end"),
        ("b1*(1-exp(-b2*x)", 17, "found the end"),
        ("b1*(1-exp[-b2*x))", 16, "found `)`"),
        ("b1 * * x", 6, "expected a number, a name, a function or an opening bracket, found `*`"),
        ("2x", 2, "expected an operator, a closing bracket or the end, found `x`"),
        ("a b", 3, "found `b`"),
        ("a+", 3, "found the end"),
        ("a)", 2, "found `)`"),
        ("a $ b", 3, "found `$`"),
        ("--a", 2, "found `-`"),
        ("a + foo(x)", 5, "`foo` is no function; there are exp"),
        ("α + foo(x)", 5, "`foo` is no function"),
        ("sin(a, b)", 1, "`sin` takes 1 argument, found 2"),
        ("1 + pow(a)", 5, "`pow` takes 2 arguments, found 1"),
        ("sin()", 5, "found `)`"),
        ("1e999", 1, "the number is too large"),
        ("a +\n foo(x)", 6, "`foo` is no function"),
    ] {
        let error = Formula::parse(text).expect_err(text);
        assert_eq!(error.column, column, "{error}");
        assert!(error.reason.contains(reason), "{text}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn formulas_that_would_exhaust_the_stack_are_refused() {
    let nested = format!("{}a{}", "(".repeat(65), ")".repeat(65));
    assert_eq!(Formula::parse(&nested).unwrap_err().column, 65);
    assert!(Formula::parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
    assert!(Formula::parse(&"1+".repeat(3000)).unwrap_err().reason.contains("4000 bytes"));
    let longest = format!("{}1", "a^-".repeat(1333));
    assert_eq!(longest.len(), 4000);
    assert!(Formula::parse(&longest).is_ok());
    assert_eq!(value(&format!("{}1", "1+".repeat(1999))), 2000.0);
}

proptest! {
    /// Whatever the text: a formula, or an error that names a column of it on one line.
    #[test]
    fn any_text_is_a_formula_or_has_an_error_at_a_column(
        text in r"([-+*/^().,eEé ]|\[|\]|\*\*|exp|sin|max|pi|[a-c]|[0-9]|\n|`){0,24}"
    ) {
        match Formula::parse(&text) {
            Ok(formula) => prop_assert!(!formula.nodes().is_empty()),
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}");
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }

    /// Brackets around every operation change nothing where they say what precedence says.
    #[test]
    fn precedence_is_that_of_brackets(a in 1..9, b in 1..9, c in 1..4, d in 1..4) {
        let flat = format!("{a}-{b}*{c}^{d}/{a}+-{c}^{d}");
        let bracketed = format!("(({a}-(({b}*({c}^{d}))/{a}))+(-({c}^{d})))");
        prop_assert_eq!(value(&flat), value(&bracketed));
    }
}
