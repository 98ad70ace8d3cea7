//! Rules as data: what is left of a rule where its type is unknown.

use std::any::type_name;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use super::jet::Jet;
use crate::{AdError, Failure, Result, Rule, RuleValue, Scalar, scratch};

/// A rule whose derivatives are rules of the same kind: what a [`Program`](super::Program) holds of a
/// [`Rule`], whose methods are generic and so cannot be called without its type.
///
/// Every rule is one, by [`Rule::erased`], to the third derivative. A rule that can derive itself as
/// data, as a program that knows its derivative programs can, implements this trait and overrides
/// [`Rule::erased`]; then there is no such bound.
///
/// # Laws
///
/// The derivatives are those of a function: the derivative of the tangent is symmetric. What states a
/// derivative that no function has (a straight-through estimator, say) has no second derivative
/// here.
pub trait DynRule: RuleValue {
    /// The map `(x, x_dot) ↦ J(x) x_dot`, of `2n` inputs and `m` outputs.
    ///
    /// # Errors
    ///
    /// [`AdError::Rule`] if there is none.
    fn tangent(&self) -> Result<Arc<dyn DynRule>>;

    /// The map `(x, y_bar) ↦ J(x)ᵀ y_bar`, of `n + m` inputs and `n` outputs.
    ///
    /// # Errors
    ///
    /// As [`tangent`](Self::tangent).
    fn cotangent(&self) -> Result<Arc<dyn DynRule>>;
}

/// A [`DynRule`] as a [`Rule`] again, whose derivatives are those that the data give, in any scalar.
pub struct ErasedRule {
    rule: Arc<dyn DynRule>,
    tangent: OnceLock<Result<Arc<ErasedRule>>>,
    cotangent: OnceLock<Result<Arc<ErasedRule>>>,
}

impl ErasedRule {
    /// The rule that `rule` describes.
    pub fn new(rule: Arc<dyn DynRule>) -> Arc<Self> {
        Arc::new(ErasedRule { rule, tangent: OnceLock::new(), cotangent: OnceLock::new() })
    }

    /// The map `(x, x_dot) ↦ J(x) x_dot`; see [`DynRule::tangent`]. Derived once.
    ///
    /// # Errors
    ///
    /// As [`DynRule::tangent`].
    pub fn tangent_rule(&self) -> Result<&Arc<ErasedRule>> {
        let derived = self.tangent.get_or_init(|| self.rule.tangent().map(ErasedRule::new));
        derived.as_ref().map_err(AdError::clone)
    }

    /// The map `(x, y_bar) ↦ J(x)ᵀ y_bar`; see [`DynRule::cotangent`]. Derived once.
    ///
    /// # Errors
    ///
    /// As [`DynRule::cotangent`].
    pub fn cotangent_rule(&self) -> Result<&Arc<ErasedRule>> {
        let derived = self.cotangent.get_or_init(|| self.rule.cotangent().map(ErasedRule::new));
        derived.as_ref().map_err(AdError::clone)
    }
}

/// A rule equals itself and no other.
impl PartialEq for ErasedRule {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Debug for ErasedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErasedRule({} -> {})", self.rule.inputs(), self.rule.outputs())
    }
}

impl RuleValue for ErasedRule {
    fn inputs(&self) -> usize {
        self.rule.inputs()
    }

    fn outputs(&self) -> usize {
        self.rule.outputs()
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        self.rule.value(x, y)
    }
}

impl Rule for ErasedRule {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        let rule = self.tangent_rule()?;
        pair(x, x_dot, &mut |arguments| rule.apply(arguments, y_dot))
    }

    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        y_bar: &[S],
        x_bar: &mut [S],
    ) -> Result<(), Failure> {
        let rule = self.cotangent_rule()?;
        pair(x, y_bar, &mut |arguments| rule.apply(arguments, x_bar))
    }

    fn erased(self: &Arc<Self>) -> Arc<dyn DynRule> {
        Arc::clone(&self.rule)
    }
}

/// Calls `body` with `a` and `b`, one after the other.
fn pair<S: Scalar>(
    a: &[S],
    b: &[S],
    body: &mut dyn FnMut(&[S]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    scratch::with(a.len() + b.len(), |pair: &mut [S]| {
        pair[..a.len()].copy_from_slice(a);
        pair[a.len()..].copy_from_slice(b);
        body(pair)
    })
}

/// `rule` without its type: the default of [`Rule::erased`].
pub(crate) fn erase<R: Rule>(rule: &Arc<R>) -> Arc<dyn DynRule> {
    Typed::<R, Derivable<Derivable<Derivable<Exhausted>>>>::erase(Arc::clone(rule))
}

/// A rule whose derivatives are taken in the numbers of [`Jet`], as often as `L` says.
struct Typed<R, L> {
    rule: Arc<R>,
    level: PhantomData<fn() -> L>,
}

impl<R: Rule, L: Level> Typed<R, L> {
    fn erase(rule: Arc<R>) -> Arc<dyn DynRule> {
        Arc::new(Typed::<R, L> { rule, level: PhantomData })
    }
}

impl<R: Rule, L: Level> RuleValue for Typed<R, L> {
    fn inputs(&self) -> usize {
        self.rule.inputs()
    }

    fn outputs(&self) -> usize {
        self.rule.outputs()
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        self.rule.value(x, y)
    }
}

impl<R: Rule, L: Level> DynRule for Typed<R, L> {
    fn tangent(&self) -> Result<Arc<dyn DynRule>> {
        L::tangent(&self.rule)
    }

    fn cotangent(&self) -> Result<Arc<dyn DynRule>> {
        L::cotangent(&self.rule)
    }
}

/// How many more derivatives there are. A type and not a number: each derivative of a rule is another
/// type, and the compiler must come to an end.
trait Level: Send + Sync + 'static {
    fn tangent<R: Rule>(rule: &Arc<R>) -> Result<Arc<dyn DynRule>>;
    fn cotangent<R: Rule>(rule: &Arc<R>) -> Result<Arc<dyn DynRule>>;
}

/// One more than `L`.
struct Derivable<L>(PhantomData<fn() -> L>);

impl<L: Level> Level for Derivable<L> {
    fn tangent<R: Rule>(rule: &Arc<R>) -> Result<Arc<dyn DynRule>> {
        Ok(Typed::<_, L>::erase(Arc::new(TangentOf(Arc::clone(rule)))))
    }

    fn cotangent<R: Rule>(rule: &Arc<R>) -> Result<Arc<dyn DynRule>> {
        Ok(Typed::<_, L>::erase(Arc::new(CotangentOf(Arc::clone(rule)))))
    }
}

/// None.
struct Exhausted;

impl Exhausted {
    fn error<R>() -> AdError {
        let reason =
            "a recorded program derives a rule three times at most, unless the rule is data \
                      that derives itself (`Rule::erased`)"
                .into();
        AdError::Rule { rule: type_name::<R>(), reason }
    }
}

impl Level for Exhausted {
    fn tangent<R: Rule>(_: &Arc<R>) -> Result<Arc<dyn DynRule>> {
        Err(Self::error::<R>())
    }

    fn cotangent<R: Rule>(_: &Arc<R>) -> Result<Arc<dyn DynRule>> {
        Err(Self::error::<R>())
    }
}

/// `(x, v) ↦ J(x) v` of a rule.
struct TangentOf<R>(Arc<R>);

impl<R: Rule> RuleValue for TangentOf<R> {
    fn inputs(&self) -> usize {
        2 * self.0.inputs()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn value(&self, arguments: &[f64], y_dot: &mut [f64]) -> Result<(), Failure> {
        let (x, v) = arguments.split_at(self.0.inputs());
        self.0.tangent(x, v, y_dot)
    }
}

impl<R: Rule> Rule for TangentOf<R> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        arguments: &[S],
        arguments_dot: &[S],
        out: &mut [S],
    ) -> Result<(), Failure> {
        along(arguments, arguments_dot, out, None, &mut |arguments, y_dot| {
            let (x, v) = arguments.split_at(self.0.inputs());
            self.0.tangent(x, v, y_dot)
        })
    }

    /// `wᵀ J(x) v` has the gradient `Jᵀ w` with respect to `v`, and with respect to `x` the derivative
    /// of that along `v`, for mixed second derivatives commute.
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        arguments: &[S],
        w: &[S],
        out: &mut [S],
    ) -> Result<(), Failure> {
        let n = self.0.inputs();
        let (x, v) = arguments.split_at(n);
        let (x_bar, v_bar) = out.split_at_mut(n);
        pair(x, w, &mut |arguments| {
            along(arguments, v, x_bar, Some(v_bar), &mut |arguments, pulled| {
                let (x, w) = arguments.split_at(n);
                self.0.cotangent(x, w, pulled)
            })
        })
    }
}

/// `(x, w) ↦ J(x)ᵀ w` of a rule.
struct CotangentOf<R>(Arc<R>);

impl<R: Rule> RuleValue for CotangentOf<R> {
    fn inputs(&self) -> usize {
        self.0.inputs() + self.0.outputs()
    }

    fn outputs(&self) -> usize {
        self.0.inputs()
    }

    fn value(&self, arguments: &[f64], x_bar: &mut [f64]) -> Result<(), Failure> {
        let (x, w) = arguments.split_at(self.0.inputs());
        self.0.cotangent(x, w, x_bar)
    }
}

impl<R: Rule> Rule for CotangentOf<R> {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        arguments: &[S],
        arguments_dot: &[S],
        out: &mut [S],
    ) -> Result<(), Failure> {
        along(arguments, arguments_dot, out, None, &mut |arguments, x_bar| {
            let (x, w) = arguments.split_at(self.0.inputs());
            self.0.cotangent(x, w, x_bar)
        })
    }

    /// `uᵀ J(x)ᵀ w` has the gradient `J u` with respect to `w`, and with respect to `x` the derivative
    /// of `Jᵀ w` along `u`, for mixed second derivatives commute.
    fn cotangent<S: Scalar>(
        self: &Arc<Self>,
        arguments: &[S],
        u: &[S],
        out: &mut [S],
    ) -> Result<(), Failure> {
        let n = self.0.inputs();
        let (x_bar, w_bar) = out.split_at_mut(n);
        along(arguments, u, x_bar, None, &mut |arguments, pulled| {
            let (x, w) = arguments.split_at(n);
            self.0.cotangent(x, w, pulled)
        })?;
        self.0.tangent(&arguments[..n], u, w_bar)
    }
}

/// A map in the numbers of [`Jet`].
type JetMap<'a, S> = dyn FnMut(&[Jet<S>], &mut [Jet<S>]) -> Result<(), Failure> + 'a;

/// Writes the derivative of `map` at `x` along `x_dot`, zero in what `x` has beyond it, and the value
/// where it is asked for.
fn along<S: Scalar>(
    x: &[S],
    x_dot: &[S],
    derivative: &mut [S],
    value: Option<&mut [S]>,
    map: &mut JetMap<'_, S>,
) -> Result<(), Failure> {
    scratch::with(x.len() + derivative.len(), |jets: &mut [Jet<S>]| {
        let (input, output) = jets.split_at_mut(x.len());
        input.iter_mut().zip(x).for_each(|(jet, &x)| jet.re = x);
        input.iter_mut().zip(x_dot).for_each(|(jet, &x_dot)| jet.eps = x_dot);
        map(input, output)?;
        derivative.iter_mut().zip(&*output).for_each(|(derivative, jet)| *derivative = jet.eps);
        let value = value.into_iter().flatten();
        value.zip(output).for_each(|(value, jet)| *value = jet.re);
        Ok(())
    })
}
