//! Elementary functions of any number type that carries derivatives, from three hooks.
//!
//! An engine's number type wraps an *inner* scalar and implements [`Lift`]: how to make a constant,
//! and how to attach the partial derivatives of a unary and of a binary operation. Every elementary
//! function is then its value and partials, computed once here in the inner type, and
//! [`scalar!`](crate::scalar!) writes the operator and nalgebra traits. Since the partials are inner
//! numbers, types nest to any depth.

use std::sync::Arc;

use nalgebra::ComplexField;

use crate::{Binary, Failure, Relation, Rule, Scalar, Unary};

/// A number that wraps an inner [`Scalar`] and carries derivatives: the hooks of
/// [`scalar!`](crate::scalar!).
///
/// # Laws
///
/// `lift_unary` and `lift_binary` keep `value` as it is. A partial that multiplies a derivative that
/// [vanishes](Scalar::vanishes) contributes nothing, even where it is infinite or NaN; nor does a
/// vanishing partial. The ring operations must agree with their defaults; overriding them only
/// saves work.
pub trait Lift: Copy + Send + Sync + 'static {
    /// The type one level in.
    type Inner: Scalar;

    /// A number without derivatives.
    fn constant(value: Self::Inner) -> Self;

    /// The value one level in, without the derivatives of this level.
    fn inner(self) -> Self::Inner;

    /// Whether the number is known to carry no derivative at this level.
    fn is_constant(self) -> bool {
        false
    }

    /// `value = φ(self)` with the partial `d = φ'(self)`.
    fn lift_unary(self, value: Self::Inner, d: Self::Inner) -> Self;

    /// `value = φ(self, rhs)` with its two partials.
    fn lift_binary(
        self,
        rhs: Self,
        value: Self::Inner,
        d_self: Self::Inner,
        d_rhs: Self::Inner,
    ) -> Self;

    /// Applies a rule: see [`Scalar::apply_rule`].
    ///
    /// # Errors
    ///
    /// As [`Scalar::apply_rule`].
    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure>;

    /// Whether value and derivatives are all zero: see [`Scalar::vanishes`].
    fn lift_vanishes(self) -> bool {
        self.is_constant() && self.inner().vanishes()
    }

    /// As [`lift_unary`](Self::lift_unary), and says which function `φ` is: for engines that record
    /// programs.
    #[inline]
    fn lift_elementary(self, function: Unary, value: Self::Inner, d: Self::Inner) -> Self {
        let _ = function;
        self.lift_unary(value, d)
    }

    /// A step function of the number: constant almost everywhere, so that no derivative remains.
    #[inline]
    fn lift_step(self, function: Unary, value: Self::Inner) -> Self {
        let _ = function;
        Self::constant(value)
    }

    /// As [`lift_binary`](Self::lift_binary), and says which function `φ` is.
    #[inline]
    fn lift_elementary_binary(
        self,
        rhs: Self,
        function: Binary,
        value: Self::Inner,
        d_self: Self::Inner,
        d_rhs: Self::Inner,
    ) -> Self {
        let _ = function;
        self.lift_binary(rhs, value, d_self, d_rhs)
    }

    /// The result of a function that hands on an operand chosen by the primals; an engine that
    /// records programs replaces it by the function.
    #[inline]
    fn lift_choice(self, rhs: Self, function: Binary, chosen: Self) -> Self {
        let _ = (rhs, function);
        chosen
    }

    /// Whether the primals are so related. Every comparison of two numbers of this type asks here.
    #[inline]
    fn lift_holds(self, relation: Relation, rhs: Self) -> bool {
        relation.holds(&self.inner(), &rhs.inner())
    }

    /// The innermost value. See [`Scalar::primal`].
    #[inline]
    fn lift_primal(self) -> f64 {
        self.inner().primal()
    }

    /// The number without derivatives: see [`Scalar::detached`].
    #[inline]
    fn lift_detached(self) -> Self {
        Self::constant(self.inner().detached())
    }

    /// Whether a product needs no care: see [`Scalar::is_regular`].
    #[inline]
    fn lift_is_regular(self) -> bool {
        self.inner().is_regular()
    }

    /// `self + rhs`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_add(self, rhs: Self) -> Self {
        let one = one::<Self>();
        self.lift_binary(rhs, self.inner() + rhs.inner(), one, one)
    }

    /// `self - rhs`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_sub(self, rhs: Self) -> Self {
        let one = one::<Self>();
        self.lift_binary(rhs, self.inner() - rhs.inner(), one, -one)
    }

    /// `self * rhs`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_mul(self, rhs: Self) -> Self {
        let (a, b) = (self.inner(), rhs.inner());
        self.lift_binary(rhs, a * b, b, a)
    }

    /// `self / rhs`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_div(self, rhs: Self) -> Self {
        let (a, b) = (self.inner(), rhs.inner());
        let (value, d) = (a / b, b.recip());
        self.lift_binary(rhs, value, d, -value * d)
    }

    /// `-self`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_neg(self) -> Self {
        self.lift_unary(-self.inner(), -one::<Self>())
    }

    /// `self a + b`, rounded once.
    #[inline]
    fn lift_mul_add(self, a: Self, b: Self) -> Self {
        let value = self.inner().mul_add(a.inner(), b.inner());
        let product = self.lift_binary(a, value, a.inner(), self.inner());
        product.lift_binary(b, value, one::<Self>(), one::<Self>())
    }

    /// `self + c`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_add_constant(self, c: f64) -> Self {
        self.lift_unary(self.inner() + c, one::<Self>())
    }

    /// `self * c`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_mul_constant(self, c: f64) -> Self {
        self.lift_unary(self.inner() * c, Self::Inner::from(c))
    }

    /// `self / c`.
    #[cfg_attr(debug_assertions, inline)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lift_div_constant(self, c: f64) -> Self {
        // The quotient keeps the rounding of `f64` code; its partial may round once more.
        self.lift_unary(self.inner() / c, Self::Inner::from(c.recip()))
    }
}

fn one<L: Lift>() -> L::Inner {
    L::Inner::from(1.0)
}

fn zero<L: Lift>() -> L::Inner {
    L::Inner::from(0.0)
}

/// One `pub fn name(x)` for each `name(Function): |x, value| derivative`, with `value = x.name()`.
macro_rules! unary {
    ($($name:ident($function:ident): |$x:ident, $value:ident| $d:expr;)*) => {$(
        #[doc = concat!("`", stringify!($name), "` with its derivative.")]
        #[inline]
        pub fn $name<L: Lift>(x: L) -> L {
            let $x = x.inner();
            let $value = $x.$name();
            x.lift_elementary(Unary::$function, $value, $d)
        }
    )*};
}

/// One `pub fn name(x)` for each `name(Function)`, with derivative 0 everywhere.
macro_rules! steps {
    ($($name:ident($function:ident);)*) => {$(
        #[doc = concat!("`", stringify!($name), "`, with derivative 0 everywhere.")]
        #[inline]
        pub fn $name<L: Lift>(x: L) -> L {
            x.lift_step(Unary::$function, x.inner().$name())
        }
    )*};
}

/// The elementary functions that [`scalar!`](crate::scalar!) delegates to.
pub mod elementary {
    use super::{Lift, one, zero};
    use crate::{Binary, Relation, Scalar, Unary};
    use nalgebra::{ComplexField, RealField};
    use std::ops::Not;

    unary! {
        sin(Sin): |x, _value| x.cos();
        cos(Cos): |x, _value| -x.sin();
        tan(Tan): |_x, value| value * value + 1.0;
        asin(Asin): |x, _value| ((one::<L>() - x) * (x + 1.0)).sqrt().recip();
        acos(Acos): |x, _value| -((one::<L>() - x) * (x + 1.0)).sqrt().recip();
        atan(Atan): |x, _value| (x * x + 1.0).recip();
        sinh(Sinh): |x, _value| x.cosh();
        cosh(Cosh): |x, _value| x.sinh();
        tanh(Tanh): |_x, value| (one::<L>() - value) * (value + 1.0);
        asinh(Asinh): |x, _value| x.hypot(one::<L>()).recip();
        acosh(Acosh): |x, _value| ((x - 1.0).sqrt() * (x + 1.0).sqrt()).recip();
        atanh(Atanh): |x, _value| ((one::<L>() - x) * (x + 1.0)).recip();
        exp(Exp): |_x, value| value;
        exp2(Exp2): |_x, value| value * std::f64::consts::LN_2;
        exp_m1(ExpM1): |x, _value| x.exp();
        ln(Ln): |x, _value| x.recip();
        ln_1p(Ln1p): |x, _value| (x + 1.0).recip();
        log2(Log2): |x, _value| x.recip() * std::f64::consts::LOG2_E;
        log10(Log10): |x, _value| x.recip() * std::f64::consts::LOG10_E;
        sqrt(Sqrt): |_x, value| value.recip() * 0.5;
        cbrt(Cbrt): |_x, value| (value * value * 3.0).recip();
        recip(Recip): |_x, value| -value * value;
        fract(Fract): |_x, _value| one::<L>();
        erf(Erf): |x, _value| (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI;
    }

    steps! {
        floor(Floor);
        ceil(Ceil);
        round(Round);
        trunc(Trunc);
        signum(Signum);
    }

    /// `|x|`, with derivative 0 at 0.
    #[inline]
    pub fn abs<L: Lift>(x: L) -> L {
        let inner = x.inner();
        x.lift_elementary(Unary::Abs, inner.abs(), signum_or_zero(inner))
    }

    /// The sign of the primal, 0 at 0: `f64::signum(0.0)` is 1, which is no subgradient to prefer.
    fn signum_or_zero<S: Scalar>(x: S) -> S {
        if x == 0.0 { S::from(0.0) } else { x.signum() }
    }

    /// `x` to an integer power; `0⁰ = 1`.
    #[inline]
    pub fn powi<L: Lift>(x: L, n: i32) -> L {
        let inner = x.inner();
        let d = match n {
            0 => zero::<L>(),
            1 => one::<L>(),
            2 => inner * 2.0,
            _ => inner.powi(n - 1) * f64::from(n),
        };
        x.lift_elementary(Unary::Powi(n), inner.powi(n), d)
    }

    /// `x` to the power of `p`. For `x = 0`, `p > 0` the partial with respect to `p` is its limit 0.
    #[inline]
    pub fn powf<L: Lift>(x: L, p: L) -> L {
        let (a, b) = (x.inner(), p.inner());
        let value = a.powf(b);
        // x⁰ is 1 everywhere, also at x = 0, where p xᵖ⁻¹ would be 0 · ∞.
        let d_x = if b == 0.0 && a == 0.0 { zero::<L>() } else { b * a.powf(b - 1.0) };
        let d_p =
            if p.is_constant() || (a == 0.0 && b > 0.0) { zero::<L>() } else { value * a.ln() };
        x.lift_elementary_binary(p, Binary::Powf, value, d_x, d_p)
    }

    /// `x a + b` with the single rounding of the inner type.
    #[inline]
    pub fn mul_add<L: Lift>(x: L, a: L, b: L) -> L {
        x.lift_mul_add(a, b)
    }

    /// The logarithm of `x` to a base.
    #[inline]
    pub fn log<L: Lift>(x: L, base: L) -> L {
        ln(x).lift_div(ln(base))
    }

    /// `√(x² + y²)` without overflow, with derivative 0 at the origin.
    #[inline]
    pub fn hypot<L: Lift>(x: L, y: L) -> L {
        let (a, b) = (x.inner(), y.inner());
        let value = a.hypot(b);
        if value == 0.0 {
            return x.lift_elementary_binary(y, Binary::Hypot, value, zero::<L>(), zero::<L>());
        }
        x.lift_elementary_binary(y, Binary::Hypot, value, a / value, b / value)
    }

    /// The angle of the point `(x, y)`.
    #[inline]
    pub fn atan2<L: Lift>(y: L, x: L) -> L {
        let (b, a) = (y.inner(), x.inner());
        let r = a.hypot(b);
        y.lift_elementary_binary(x, Binary::Atan2, b.atan2(a), a / r / r, -(b / r / r))
    }

    /// The remainder of the division, with the sign of `x`.
    #[inline]
    pub fn rem<L: Lift>(x: L, y: L) -> L {
        let (a, b) = (x.inner(), y.inner());
        x.lift_elementary_binary(y, Binary::Rem, a % b, one::<L>(), -(a / b).trunc())
    }

    fn is_nan<S: Scalar>(x: S) -> bool {
        Relation::Equal.holds(&x, &x).not()
    }

    /// The larger of the two, the first on a tie; NaN loses.
    #[inline]
    pub fn max<L: Lift>(x: L, y: L) -> L {
        if x.is_constant() && y.is_constant() {
            return L::constant(RealField::max(x.inner(), y.inner()));
        }
        let (a, b) = (x.inner(), y.inner());
        x.lift_choice(y, Binary::Max, if b > a || is_nan(a) { y } else { x })
    }

    /// The smaller of the two, the first on a tie; NaN loses.
    #[inline]
    pub fn min<L: Lift>(x: L, y: L) -> L {
        if x.is_constant() && y.is_constant() {
            return L::constant(RealField::min(x.inner(), y.inner()));
        }
        let (a, b) = (x.inner(), y.inner());
        x.lift_choice(y, Binary::Min, if b < a || is_nan(a) { y } else { x })
    }

    /// `x` with the sign of `sign`.
    #[inline]
    pub fn copysign<L: Lift>(x: L, sign: L) -> L {
        let same = x.inner().is_sign_positive() == sign.inner().is_sign_positive();
        x.lift_choice(sign, Binary::Copysign, if same { x } else { x.lift_neg() })
    }

    /// `sin(x)/x`, 1 at 0.
    #[inline]
    pub fn sinc<L: Lift>(x: L) -> L {
        let a = x.inner();
        let (value, far) = (a.sinc(), ComplexField::abs(a) > 0.5);
        let d = if far { (a.cos() - value) / a } else { sinc_slope(a, -1.0) };
        x.lift_elementary(Unary::Sinc, value, d)
    }

    /// `sinh(x)/x`, 1 at 0.
    #[inline]
    pub fn sinhc<L: Lift>(x: L) -> L {
        let a = x.inner();
        let (value, far) = (a.sinhc(), ComplexField::abs(a) > 0.5);
        let d = if far { (a.cosh() - value) / a } else { sinc_slope(a, 1.0) };
        x.lift_elementary(Unary::Sinhc, value, d)
    }

    /// The derivative of `Σ signᵏ x²ᵏ/(2k+1)!` for small `x`, where the quotients cancel: 8 terms.
    fn sinc_slope<S: Scalar>(x: S, sign: f64) -> S {
        let square = x * x * sign;
        let sum = (1..=7).rev().fold(S::from(1.0), |sum, k| {
            let k = f64::from(k);
            sum * square / (2.0 * k * (2.0 * k + 3.0)) + 1.0
        });
        x * sum * (sign / 3.0)
    }
}

/// Makes a type that implements [`Lift`](crate::Lift) a full [`Scalar`](crate::Scalar).
///
/// Generic parameters go in brackets in front of the type. The type itself must be `Copy`, `Debug`
/// and 64 bits or more of plain data; everything else is written here: the operators, `num_traits`,
/// `approx`, `simba` and nalgebra's `ComplexField` and `RealField`.
///
/// ```text
/// ad_api::scalar!([S: Scalar, const N: usize] Dual<S, N>);
/// ```
#[macro_export]
macro_rules! scalar {
    ([$($generics:tt)*] $T:ty) => {
        $crate::scalar!(@with [$crate::lift::elementary] [$($generics)*] $T);
    };

    // The elementary functions may come from another module, with the same names.
    (@with [$($elementary:tt)*] [$($generics:tt)*] $T:ty) => {
        const _: () = {
            use $($elementary)* as elementary;
            use $crate::{Lift as _, Relation};
            use $crate::__private::{approx, nalgebra, num_traits, simba};
            use ::std::cmp::Ordering;
            use ::std::ops;

            type Inner<L> = <L as $crate::Lift>::Inner;

            impl<$($generics)*> $crate::Scalar for $T {
                const DEPTH: usize = 1 + <Inner<$T> as $crate::Scalar>::DEPTH;
                #[inline]
                fn primal(self) -> f64 { self.lift_primal() }
                #[inline]
                fn detached(self) -> Self { self.lift_detached() }
                #[inline]
                fn vanishes(self) -> bool { self.lift_vanishes() }
                #[inline]
                fn is_regular(self) -> bool { self.lift_is_regular() }
                fn apply_rule<RuleType: $crate::Rule>(
                    rule: &::std::sync::Arc<RuleType>, x: &[Self], y: &mut [Self],
                ) -> ::std::result::Result<(), $crate::Failure> {
                    <Self as $crate::Lift>::lift_rule(rule, x, y)
                }
                #[inline]
                fn erf(self) -> Self { elementary::erf(self) }
            }

            impl<$($generics)*> From<f64> for $T {
                #[inline]
                fn from(value: f64) -> Self { Self::constant(<Inner<$T>>::from(value)) }
            }
            impl<$($generics)*> ::std::fmt::Display for $T {
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                    ::std::fmt::Display::fmt(&self.inner(), f)
                }
            }
            impl<$($generics)*> PartialEq for $T {
                #[inline]
                fn eq(&self, rhs: &Self) -> bool { self.lift_holds(Relation::Equal, *rhs) }
            }
            impl<$($generics)*> PartialEq<f64> for $T {
                #[inline]
                fn eq(&self, rhs: &f64) -> bool { *self == Self::from(*rhs) }
            }
            impl<$($generics)*> PartialOrd for $T {
                #[inline]
                fn partial_cmp(&self, rhs: &Self) -> Option<Ordering> {
                    Relation::order(|relation| self.lift_holds(relation, *rhs))
                }
                #[inline]
                fn lt(&self, rhs: &Self) -> bool { self.lift_holds(Relation::Less, *rhs) }
                #[inline]
                fn le(&self, rhs: &Self) -> bool { self.lift_holds(Relation::LessOrEqual, *rhs) }
                #[inline]
                fn gt(&self, rhs: &Self) -> bool { self.lift_holds(Relation::Greater, *rhs) }
                #[inline]
                fn ge(&self, rhs: &Self) -> bool { self.lift_holds(Relation::GreaterOrEqual, *rhs) }
            }
            impl<$($generics)*> PartialOrd<f64> for $T {
                #[inline]
                fn partial_cmp(&self, rhs: &f64) -> Option<Ordering> {
                    PartialOrd::partial_cmp(self, &Self::from(*rhs))
                }
                #[inline]
                fn lt(&self, rhs: &f64) -> bool { *self < Self::from(*rhs) }
                #[inline]
                fn le(&self, rhs: &f64) -> bool { *self <= Self::from(*rhs) }
                #[inline]
                fn gt(&self, rhs: &f64) -> bool { *self > Self::from(*rhs) }
                #[inline]
                fn ge(&self, rhs: &f64) -> bool { *self >= Self::from(*rhs) }
            }

            // Operators with itself and with `f64`. PERF: numbers of more than two words are handed to
            // a function through memory, which takes longer than most operations.
            impl<$($generics)*> ops::Neg for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn neg(self) -> Self { self.lift_neg() }
            }
            impl<$($generics)*> ops::Add for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn add(self, rhs: Self) -> Self { self.lift_add(rhs) }
            }
            impl<$($generics)*> ops::Sub for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn sub(self, rhs: Self) -> Self { self.lift_sub(rhs) }
            }
            impl<$($generics)*> ops::Mul for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn mul(self, rhs: Self) -> Self { self.lift_mul(rhs) }
            }
            impl<$($generics)*> ops::Div for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn div(self, rhs: Self) -> Self { self.lift_div(rhs) }
            }
            impl<$($generics)*> ops::Rem for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn rem(self, rhs: Self) -> Self { elementary::rem(self, rhs) }
            }
            impl<$($generics)*> ops::Add<f64> for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn add(self, rhs: f64) -> Self { self.lift_add_constant(rhs) }
            }
            impl<$($generics)*> ops::Sub<f64> for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn sub(self, rhs: f64) -> Self { self.lift_add_constant(-rhs) }
            }
            impl<$($generics)*> ops::Mul<f64> for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn mul(self, rhs: f64) -> Self { self.lift_mul_constant(rhs) }
            }
            impl<$($generics)*> ops::Div<f64> for $T {
                type Output = Self;
                #[cfg_attr(debug_assertions, inline)]
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn div(self, rhs: f64) -> Self { self.lift_div_constant(rhs) }
            }
            $crate::scalar!(@assign [$($generics)*] $T, Self, AddAssign add_assign +);
            $crate::scalar!(@assign [$($generics)*] $T, Self, SubAssign sub_assign -);
            $crate::scalar!(@assign [$($generics)*] $T, Self, MulAssign mul_assign *);
            $crate::scalar!(@assign [$($generics)*] $T, Self, DivAssign div_assign /);
            $crate::scalar!(@assign [$($generics)*] $T, Self, RemAssign rem_assign %);
            $crate::scalar!(@assign [$($generics)*] $T, f64, AddAssign add_assign +);
            $crate::scalar!(@assign [$($generics)*] $T, f64, SubAssign sub_assign -);
            $crate::scalar!(@assign [$($generics)*] $T, f64, MulAssign mul_assign *);
            $crate::scalar!(@assign [$($generics)*] $T, f64, DivAssign div_assign /);

            impl<$($generics)*> ::std::iter::Sum for $T {
                fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                    terms.reduce(|a, b| a + b).unwrap_or_else(|| Self::from(0.0))
                }
            }
            impl<'sum, $($generics)*> ::std::iter::Sum<&'sum Self> for $T {
                fn sum<I: Iterator<Item = &'sum Self>>(terms: I) -> Self { terms.copied().sum() }
            }
            impl<$($generics)*> ::std::iter::Product for $T {
                fn product<I: Iterator<Item = Self>>(factors: I) -> Self {
                    factors.reduce(|a, b| a * b).unwrap_or_else(|| Self::from(1.0))
                }
            }
            impl<'product, $($generics)*> ::std::iter::Product<&'product Self> for $T {
                fn product<I: Iterator<Item = &'product Self>>(factors: I) -> Self {
                    factors.copied().product()
                }
            }

            // num-traits.
            impl<$($generics)*> num_traits::Zero for $T {
                #[inline]
                fn zero() -> Self { Self::from(0.0) }
                #[inline]
                fn is_zero(&self) -> bool { *self == 0.0 }
            }
            impl<$($generics)*> num_traits::One for $T {
                #[inline]
                fn one() -> Self { Self::from(1.0) }
            }
            impl<$($generics)*> num_traits::Num for $T {
                type FromStrRadixErr = <f64 as num_traits::Num>::FromStrRadixErr;
                fn from_str_radix(
                    text: &str, radix: u32,
                ) -> ::std::result::Result<Self, Self::FromStrRadixErr> {
                    <f64 as num_traits::Num>::from_str_radix(text, radix).map(Self::from)
                }
            }
            impl<$($generics)*> num_traits::FromPrimitive for $T {
                fn from_i64(n: i64) -> Option<Self> { <f64 as num_traits::FromPrimitive>::from_i64(n).map(Self::from) }
                fn from_u64(n: u64) -> Option<Self> { <f64 as num_traits::FromPrimitive>::from_u64(n).map(Self::from) }
                fn from_f64(n: f64) -> Option<Self> { Some(Self::from(n)) }
            }
            impl<$($generics)*> num_traits::Signed for $T {
                fn abs(&self) -> Self { elementary::abs(*self) }
                fn abs_sub(&self, other: &Self) -> Self {
                    if *self <= *other { Self::from(0.0) } else { *self - *other }
                }
                fn signum(&self) -> Self { elementary::signum(*self) }
                fn is_positive(&self) -> bool { *self > 0.0 }
                fn is_negative(&self) -> bool { *self < 0.0 }
            }

            // approx: on primals.
            impl<$($generics)*> approx::AbsDiffEq for $T {
                type Epsilon = Self;
                fn default_epsilon() -> Self { Self::from(f64::EPSILON) }
                fn abs_diff_eq(&self, other: &Self, epsilon: Self) -> bool {
                    use $crate::Scalar as _;
                    self.primal().abs_diff_eq(&other.primal(), epsilon.primal())
                }
            }
            impl<$($generics)*> approx::RelativeEq for $T {
                fn default_max_relative() -> Self { Self::from(f64::EPSILON) }
                fn relative_eq(&self, other: &Self, epsilon: Self, max_relative: Self) -> bool {
                    use $crate::Scalar as _;
                    self.primal().relative_eq(&other.primal(), epsilon.primal(), max_relative.primal())
                }
            }
            impl<$($generics)*> approx::UlpsEq for $T {
                fn default_max_ulps() -> u32 { <f64 as approx::UlpsEq>::default_max_ulps() }
                fn ulps_eq(&self, other: &Self, epsilon: Self, max_ulps: u32) -> bool {
                    use $crate::Scalar as _;
                    self.primal().ulps_eq(&other.primal(), epsilon.primal(), max_ulps)
                }
            }

            // simba.
            impl<$($generics)*> simba::scalar::Field for $T {}
            impl<$($generics)*> simba::simd::SimdValue for $T {
                const LANES: usize = 1;
                type Element = Self;
                type SimdBool = bool;
                #[inline]
                fn splat(value: Self) -> Self { value }
                #[inline]
                fn extract(&self, _: usize) -> Self { *self }
                #[inline]
                unsafe fn extract_unchecked(&self, _: usize) -> Self { *self }
                #[inline]
                fn replace(&mut self, _: usize, value: Self) { *self = value; }
                #[inline]
                unsafe fn replace_unchecked(&mut self, _: usize, value: Self) { *self = value; }
                #[inline]
                fn select(self, condition: bool, other: Self) -> Self {
                    if condition { self } else { other }
                }
            }
            impl<$($generics)*> simba::scalar::SubsetOf<$T> for $T {
                fn to_superset(&self) -> Self { *self }
                fn from_superset_unchecked(value: &Self) -> Self { *value }
                fn is_in_subset(_: &Self) -> bool { true }
            }
            impl<$($generics)*> simba::scalar::SubsetOf<$T> for f64 {
                fn to_superset(&self) -> $T { <$T>::from(*self) }
                fn from_superset_unchecked(value: &$T) -> f64 { $crate::Scalar::primal(*value) }
                fn is_in_subset(_: &$T) -> bool { true }
            }
            impl<$($generics)*> simba::scalar::SubsetOf<$T> for f32 {
                fn to_superset(&self) -> $T { <$T>::from(f64::from(*self)) }
                #[allow(clippy::cast_possible_truncation, reason = "what the conversion asks for")]
                fn from_superset_unchecked(value: &$T) -> f32 { $crate::Scalar::primal(*value) as f32 }
                fn is_in_subset(_: &$T) -> bool { true }
            }

            $crate::scalar!(@complex [$($generics)*] $T,
                unary: recip sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
                    ln ln_1p log2 log10 sqrt exp exp2 exp_m1 cbrt fract abs
                    floor ceil round trunc signum;
                constants: pi two_pi frac_pi_2 frac_pi_3 frac_pi_4 frac_pi_6 frac_pi_8
                    frac_1_pi frac_2_pi frac_2_sqrt_pi e log2_e log10_e ln_2 ln_10);
        };
    };

    (@assign [$($generics:tt)*] $T:ty, $Rhs:ty, $Trait:ident $method:ident $op:tt) => {
        impl<$($generics)*> ops::$Trait<$Rhs> for $T {
            #[cfg_attr(debug_assertions, inline)]
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $method(&mut self, rhs: $Rhs) { *self = *self $op rhs; }
        }
    };

    (@complex [$($generics:tt)*] $T:ty, unary: $($unary:ident)*; constants: $($constant:ident)*) => {
        impl<$($generics)*> nalgebra::ComplexField for $T {
            type RealField = Self;
            $(
                #[inline]
                fn $unary(self) -> Self { elementary::$unary(self) }
            )*
            #[inline]
            fn from_real(re: Self) -> Self { re }
            #[inline]
            fn real(self) -> Self { self }
            #[inline]
            fn imaginary(self) -> Self { Self::from(0.0) }
            #[inline]
            fn modulus(self) -> Self { elementary::abs(self) }
            #[inline]
            fn modulus_squared(self) -> Self { self * self }
            fn argument(self) -> Self {
                if self < 0.0 { Self::from(::std::f64::consts::PI) } else { Self::from(0.0) }
            }
            #[inline]
            fn norm1(self) -> Self { elementary::abs(self) }
            #[inline]
            fn scale(self, factor: Self) -> Self { self * factor }
            #[inline]
            fn unscale(self, factor: Self) -> Self { self / factor }
            fn to_exp(self) -> (Self, Self) {
                if self < 0.0 { (-self, Self::from(-1.0)) } else { (self, Self::from(1.0)) }
            }
            #[inline]
            fn mul_add(self, a: Self, b: Self) -> Self { elementary::mul_add(self, a, b) }
            #[inline]
            fn hypot(self, other: Self) -> Self { elementary::hypot(self, other) }
            #[inline]
            fn conjugate(self) -> Self { self }
            #[inline]
            fn sin_cos(self) -> (Self, Self) { (elementary::sin(self), elementary::cos(self)) }
            fn sinc(self) -> Self { elementary::sinc(self) }
            fn sinhc(self) -> Self { elementary::sinhc(self) }
            #[inline]
            fn log(self, base: Self) -> Self { elementary::log(self, base) }
            #[inline]
            fn powi(self, n: i32) -> Self { elementary::powi(self, n) }
            #[inline]
            fn powf(self, n: Self) -> Self { elementary::powf(self, n) }
            #[inline]
            fn powc(self, n: Self) -> Self { elementary::powf(self, n) }
            fn is_finite(&self) -> bool { $crate::Scalar::primal(*self).is_finite() }
            fn try_sqrt(self) -> Option<Self> {
                if self >= 0.0 { Some(elementary::sqrt(self)) } else { None }
            }
        }

        impl<$($generics)*> nalgebra::RealField for $T {
            fn is_sign_positive(&self) -> bool { $crate::Scalar::primal(*self).is_sign_positive() }
            fn is_sign_negative(&self) -> bool { $crate::Scalar::primal(*self).is_sign_negative() }
            #[inline]
            fn copysign(self, sign: Self) -> Self { elementary::copysign(self, sign) }
            #[inline]
            fn max(self, other: Self) -> Self { elementary::max(self, other) }
            #[inline]
            fn min(self, other: Self) -> Self { elementary::min(self, other) }
            #[inline]
            fn clamp(self, min: Self, max: Self) -> Self {
                if self < min { min } else if self > max { max } else { self }
            }
            #[inline]
            fn atan2(self, other: Self) -> Self { elementary::atan2(self, other) }
            fn min_value() -> Option<Self> { Some(Self::from(f64::MIN)) }
            fn max_value() -> Option<Self> { Some(Self::from(f64::MAX)) }
            $(
                #[inline]
                fn $constant() -> Self { Self::from(<f64 as nalgebra::RealField>::$constant()) }
            )*
        }
    };
}
