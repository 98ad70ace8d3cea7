//! Rules for the suite: `(a, b) ↦ a² b`, with derivatives stated three ways.

use std::sync::{Arc, OnceLock};

use ad_api::{Failure, Rule, RuleCotangent, RuleTangent, RuleValue, Scalar};

/// Which derivatives a rule of the suite states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stated {
    /// `J v` only.
    Tangent,
    /// `Jᵀ w` only.
    Cotangent,
    /// Both.
    Both,
}

/// The one instance of a rule, so that applying it allocates nothing.
macro_rules! shared {
    ($Rule:ident) => {{
        static RULE: OnceLock<Arc<$Rule>> = OnceLock::new();
        RULE.get_or_init(|| Arc::new($Rule))
    }};
}
/// Applies the rule to two scalars.
pub(crate) fn apply<S: Scalar>(stated: Stated, a: S, b: S) -> Result<S, Failure> {
    let mut y = [S::from(0.0)];
    match stated {
        Stated::Tangent => shared!(ByTangent).apply(&[a, b], &mut y)?,
        Stated::Cotangent => shared!(ByCotangent).apply(&[a, b], &mut y)?,
        Stated::Both => shared!(ByBoth).apply(&[a, b], &mut y)?,
    }
    Ok(y[0])
}

macro_rules! value {
    ($Rule:ident) => {
        struct $Rule;
        impl RuleValue for $Rule {
            fn inputs(&self) -> usize {
                2
            }
            fn outputs(&self) -> usize {
                1
            }
            fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
                y[0] = x[0] * x[0] * x[1];
                Ok(())
            }
        }
    };
}

macro_rules! tangent {
    ($Rule:ident) => {
        impl RuleTangent for $Rule {
            fn tangent<S: Scalar>(
                self: &Arc<Self>,
                x: &[S],
                x_dot: &[S],
                y_dot: &mut [S],
            ) -> Result<(), Failure> {
                y_dot[0] = x[0] * x[1] * x_dot[0] * 2.0 + x[0] * x[0] * x_dot[1];
                Ok(())
            }
        }
    };
}

macro_rules! cotangent {
    ($Rule:ident) => {
        impl RuleCotangent for $Rule {
            fn cotangent<S: Scalar>(
                self: &Arc<Self>,
                x: &[S],
                y_bar: &[S],
                x_bar: &mut [S],
            ) -> Result<(), Failure> {
                x_bar[0] = x[0] * x[1] * y_bar[0] * 2.0;
                x_bar[1] = x[0] * x[0] * y_bar[0];
                Ok(())
            }
        }
    };
}

value!(ByTangent);
tangent!(ByTangent);
ad_api::rule!(ByTangent: tangent);

value!(ByCotangent);
cotangent!(ByCotangent);
ad_api::rule!(ByCotangent: cotangent);

value!(ByBoth);
tangent!(ByBoth);
cotangent!(ByBoth);
ad_api::rule!(ByBoth: tangent, cotangent);
