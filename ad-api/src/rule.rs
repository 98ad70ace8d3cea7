//! Opaque differentiable maps: derivatives that somebody states instead of an engine finding them.

use std::any::{TypeId, type_name};
use std::sync::Arc;

use crate::trace::{self, DynRule};
use crate::{AdError, Backend, Failure, Function, Scalar, scratch};

/// A map `ℝⁿ → ℝᵐ` whose value is computed in `f64`, by any code, and whose derivatives are stated.
///
/// Every scalar type can apply one ([`Scalar::apply_rule`]): `f64` calls [`value`](RuleValue::value), a
/// dual number calls [`tangent`](Self::tangent) on what it carries, a tape records one node that will
/// call [`cotangent`](Self::cotangent). Inside a [`Function`], [`Rule::apply`] does it.
///
/// The derivatives are generic in `S`, since an outer engine may differentiate them again. Written in
/// `S`'s arithmetic, or through rules applied in `S`, they nest to any order; where only `f64` code
/// exists, [`opaque`] calls it and reports an error beyond first order.
///
/// One of the two derivatives is enough: `rule!(MyRule: tangent)` writes the [`Rule`] of a type that
/// implements [`RuleTangent`], `rule!(MyRule: cotangent)` that of one with [`RuleCotangent`], and
/// `rule!(MyRule: tangent, cotangent)` that of one with both.
///
/// ```
/// use std::sync::Arc;
/// use ad_api::{Differentiate, Failure, Function, Rule, RuleTangent, RuleValue, Scalar};
/// use ad_native_reverse::NativeReverse;
///
/// /// `exp`, with the derivative stated in terms of the rule itself.
/// struct Exp;
/// impl RuleValue for Exp {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
///         y[0] = x[0].exp();
///         Ok(())
///     }
/// }
/// impl RuleTangent for Exp {
///     fn tangent<S: Scalar>(
///         self: &Arc<Self>, x: &[S], x_dot: &[S], y_dot: &mut [S],
///     ) -> Result<(), Failure> {
///         self.apply(x, y_dot)?;
///         y_dot[0] *= x_dot[0];
///         Ok(())
///     }
/// }
/// ad_api::rule!(Exp: tangent);
///
/// #[derive(Clone)]
/// struct Model(Arc<Exp>);
/// impl Function for Model {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         self.0.apply(&[x[0] * 2.0], y)
///     }
/// }
/// // The pullback of the tape is derived from the tangent; second order works by itself.
/// let (model, e) = (Model(Arc::new(Exp)), 1f64.exp());
/// assert_eq!(NativeReverse::default().gradient(&model, &[0.5])?[0], 2.0 * e);
/// assert_eq!(NativeReverse::default().second_derivative(&model, 0.5)?, 4.0 * e);
/// # Ok::<(), ad_api::AdError>(())
/// ```
pub trait Rule: RuleValue {
    /// Writes `J(x) v` into `y_dot`. `x, x_dot: n`, `y_dot: m`.
    ///
    /// # Errors
    ///
    /// Whatever makes the derivative fail.
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure>;

    /// Writes `J(x)ᵀ w` into `x_bar`. `x, x_bar: n`, `y_bar: m`.
    ///
    /// # Errors
    ///
    /// As [`tangent`](Self::tangent).
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure>;

    /// The map in the numbers of an engine, inside a [`Function`].
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for wrong lengths, and what value and derivatives report.
    fn apply<S: Scalar>(self: &Arc<Self>, x: &[S], y: &mut [S]) -> Result<(), Failure>
    where
        Self: Sized,
    {
        AdError::check_len("x", x.len(), self.inputs(), "the inputs of the rule")?;
        AdError::check_len("y", y.len(), self.outputs(), "the outputs of the rule")?;
        S::apply_rule(self, x, y)
    }

    /// The rule as data, for engines that record programs: see [`trace`].
    ///
    /// Default: the derivatives above, three times over. A rule that is data already and knows its
    /// derivatives as data overrides this, and has no such bound.
    fn erased(self: &Arc<Self>) -> Arc<dyn DynRule>
    where
        Self: Sized,
    {
        trace::erase(self)
    }
}

/// The value of a [`Rule`].
pub trait RuleValue: Send + Sync + 'static {
    /// The number `n` of inputs.
    fn inputs(&self) -> usize;

    /// The number `m` of outputs.
    fn outputs(&self) -> usize;

    /// Writes the value at `x: n` into `y: m`.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if there is none; it reaches the caller of the derivative.
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure>;
}

/// A rule that states its tangent; see [`Rule::tangent`].
pub trait RuleTangent: RuleValue {
    /// As [`Rule::tangent`].
    ///
    /// # Errors
    ///
    /// As [`Rule::tangent`].
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure>;
}

/// A rule that states its cotangent; see [`Rule::cotangent`].
pub trait RuleCotangent: RuleValue {
    /// As [`Rule::cotangent`].
    ///
    /// # Errors
    ///
    /// As [`Rule::tangent`].
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure>;
}

/// Writes the [`Rule`] of a type from the derivatives it states: `tangent`, `cotangent` or both.
///
/// A missing cotangent takes `n` tangents (one for each input), a missing tangent `m` cotangents.
/// Generic parameters go in brackets in front of the type.
#[macro_export]
macro_rules! rule {
    ([$($generics:tt)*] $R:ty: tangent) => {
        $crate::rule!(@impl [$($generics)*] $R, |this, x, v, out| $crate::RuleTangent::tangent(this, x, v, out),
            |this, x, w, out| $crate::rules::cotangent_from_tangent(this, x, w, out));
    };
    ([$($generics:tt)*] $R:ty: cotangent) => {
        $crate::rule!(@impl [$($generics)*] $R, |this, x, v, out| $crate::rules::tangent_from_cotangent(this, x, v, out),
            |this, x, w, out| $crate::RuleCotangent::cotangent(this, x, w, out));
    };
    ([$($generics:tt)*] $R:ty: tangent, cotangent) => {
        $crate::rule!(@impl [$($generics)*] $R, |this, x, v, out| $crate::RuleTangent::tangent(this, x, v, out),
            |this, x, w, out| $crate::RuleCotangent::cotangent(this, x, w, out));
    };
    (@impl [$($generics:tt)*] $R:ty, |$this:ident, $x:ident, $v:ident, $out:ident| $tangent:expr,
        |$this2:ident, $x2:ident, $w:ident, $out2:ident| $cotangent:expr) => {
        impl<$($generics)*> $crate::Rule for $R {
            fn tangent<ScalarType: $crate::Scalar>(
                self: &::std::sync::Arc<Self>, $x: &[ScalarType], $v: &[ScalarType],
                $out: &mut [ScalarType],
            ) -> ::std::result::Result<(), $crate::Failure> {
                let $this = self;
                $tangent
            }
            fn cotangent<ScalarType: $crate::Scalar>(
                self: &::std::sync::Arc<Self>, $x2: &[ScalarType], $w: &[ScalarType],
                $out2: &mut [ScalarType],
            ) -> ::std::result::Result<(), $crate::Failure> {
                let $this2 = self;
                $cotangent
            }
        }
    };
    ($R:ty: $($given:ident),+) => { $crate::rule!([] $R: $($given),+); };
}

/// One derivative of a rule from the other, for [`rule!`](crate::rule!).
pub mod rules {
    use super::{Arc, Failure, RuleCotangent, RuleTangent, Scalar, scratch};

    /// `J(x)ᵀ w` from `n` tangents.
    ///
    /// # Errors
    ///
    /// Those of the tangent.
    pub fn cotangent_from_tangent<R: RuleTangent, S: Scalar>(
        rule: &Arc<R>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        basis_sweep(y_bar, x_bar, |unit, column| rule.tangent(x, unit, column))
    }

    /// `J(x) v` from `m` cotangents.
    ///
    /// # Errors
    ///
    /// Those of the cotangent.
    pub fn tangent_from_cotangent<R: RuleCotangent, S: Scalar>(
        rule: &Arc<R>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        basis_sweep(x_dot, y_dot, |unit, row| rule.cotangent(x, unit, row))
    }

    /// `out[i] = ⟨seed, product(e_i)⟩`: the transposed product with `seed`.
    fn basis_sweep<S: Scalar>(
        seed: &[S],
        out: &mut [S],
        mut product: impl FnMut(&[S], &mut [S]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        scratch::with(out.len(), |unit: &mut [S]| {
            scratch::with(seed.len(), |line: &mut [S]| {
                for i in 0..out.len() {
                    unit[i] = S::one();
                    product(unit, line)?;
                    unit[i] = S::zero();
                    out[i] = seed.iter().zip(&*line).map(|(&s, &d)| s.strong_mul(d)).sum();
                }
                Ok(())
            })
        })
    }
}

/// Calls derivative code that exists in `f64` only, as a rule's derivative in `S`.
///
/// `code` gets the two arguments as `f64`; `rule` names the rule in the error.
///
/// # Errors
///
/// [`AdError::Rule`] if `S` carries derivatives, since those of `code` are unknown; what `code`
/// returns.
pub fn opaque<S: Scalar>(
    rule: &'static str,
    arguments: (&[S], &[S]),
    out: &mut [S],
    code: impl FnOnce(&[f64], &[f64], &mut [f64]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if TypeId::of::<S>() != TypeId::of::<f64>() {
        let reason = format!(
            "its derivatives are opaque `f64` code, and an outer engine asks to differentiate them \
             in {}; state them over `S: Scalar`, or put finite differences outside",
            type_name::<S>()
        );
        return Err(AdError::Rule { rule, reason }.into());
    }
    let to_f64 = |from: &[S], to: &mut [f64]| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.primal());
    };
    scratch::with(arguments.0.len(), |a: &mut [f64]| {
        scratch::with(arguments.1.len(), |b: &mut [f64]| {
            scratch::with(out.len(), |result: &mut [f64]| {
                to_f64(arguments.0, a);
                to_f64(arguments.1, b);
                code(a, b, result)?;
                out.iter_mut().zip(&*result).for_each(|(out, &value)| *out = S::from(value));
                Ok(())
            })
        })
    })
}

/// A function that a backend of its own differentiates, whatever engine runs around it.
///
/// To the engine outside it is opaque: the value is one plain evaluation, its derivatives are the
/// pushforward and the pullback of `backend`. Since backends are generic in their base scalar, all
/// orders work.
///
/// ```
/// use ad_api::{DifferentiateWith, Differentiate};
/// use ad_dual::Dual;
/// use ad_native_reverse::NativeReverse;
/// # use ad_api::{Failure, Function, Scalar};
/// # #[derive(Clone)] struct Square;
/// # impl Function for Square {
/// #     fn inputs(&self) -> usize { 1 }
/// #     fn outputs(&self) -> usize { 1 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[0]; Ok(())
/// #     }
/// # }
/// let inside = DifferentiateWith::new(Dual::default(), Square);
/// assert_eq!(NativeReverse::default().value_and_derivative(&inside, 3.0)?, (9.0, 6.0));
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug)]
pub struct DifferentiateWith<B, F>(Arc<With<B, F>>);

#[derive(Debug)]
struct With<B, F> {
    backend: B,
    f: F,
}

impl<B, F> Clone for DifferentiateWith<B, F> {
    fn clone(&self) -> Self {
        DifferentiateWith(Arc::clone(&self.0))
    }
}

impl<B: Backend, F: Function> DifferentiateWith<B, F> {
    /// `f`, differentiated by `backend`.
    pub fn new(backend: B, f: F) -> Self {
        DifferentiateWith(Arc::new(With { backend, f }))
    }
}

impl<B: Backend, F: Function> Function for DifferentiateWith<B, F> {
    fn inputs(&self) -> usize {
        self.0.f.inputs()
    }

    fn outputs(&self) -> usize {
        self.0.f.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        S::apply_rule(&self.0, x, y)
    }

    fn precision(&self) -> f64 {
        self.0.f.precision()
    }
}

impl<B: Backend, F: Function> RuleValue for With<B, F> {
    fn inputs(&self) -> usize {
        self.f.inputs()
    }

    fn outputs(&self) -> usize {
        self.f.outputs()
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        self.f.eval(x, y)
    }
}

impl<B: Backend, F: Function> Rule for With<B, F> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        scratch::with(y_dot.len(), |y| {
            Ok(self.backend.pushforward_sweep(&self.f, x, x_dot, y, y_dot)?)
        })
    }

    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        scratch::with(y_bar.len(), |y| {
            Ok(self.backend.pullback_sweep(&self.f, x, y_bar, y, x_bar)?)
        })
    }
}
