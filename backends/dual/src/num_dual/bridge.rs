//! Every `Scalar` as a `num_dual::DualNum`.

use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use ad_api::Scalar;
use nalgebra::ComplexField;
use num_dual::{DualNum, DualStruct, Mappable};
use num_traits::{FromPrimitive, Inv, Num, One, Signed, Zero};

/// A [`Scalar`] as num-dual's [`DualNum`]: the number that a function written against that trait is
/// evaluated in, and the part that num-dual's own types are built of.
///
/// The elementary functions are those of the scalar, not num-dual's.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Bridge<S>(pub S);

/// Operators between two bridges, with the right side by value and by reference, and with `f64`.
macro_rules! operators {
    ($($Op:ident $op:ident $OpAssign:ident $op_assign:ident, |$a:ident, $c:ident| $constant:expr;)*) => {$(
        impl<S: Scalar> $Op for Bridge<S> {
            type Output = Self;
            #[inline]
            fn $op(self, rhs: Self) -> Self { Bridge(self.0.$op(rhs.0)) }
        }
        impl<S: Scalar> $Op<&Self> for Bridge<S> {
            type Output = Self;
            #[inline]
            fn $op(self, rhs: &Self) -> Self { Bridge(self.0.$op(rhs.0)) }
        }
        impl<S: Scalar> $Op<f64> for Bridge<S> {
            type Output = Self;
            #[inline]
            fn $op(self, $c: f64) -> Self { let $a = self.0; Bridge($constant) }
        }
        impl<S: Scalar> $OpAssign for Bridge<S> {
            #[inline]
            fn $op_assign(&mut self, rhs: Self) { *self = (*self).$op(rhs); }
        }
        impl<S: Scalar> $OpAssign<f64> for Bridge<S> {
            #[inline]
            fn $op_assign(&mut self, rhs: f64) { *self = (*self).$op(rhs); }
        }
    )*};
}

operators! {
    Add add AddAssign add_assign, |a, c| a + c;
    Sub sub SubAssign sub_assign, |a, c| a - c;
    Mul mul MulAssign mul_assign, |a, c| a * c;
    Div div DivAssign div_assign, |a, c| a / c;
    Rem rem RemAssign rem_assign, |a, c| a % S::from(c);
}

impl<S: Scalar> Neg for Bridge<S> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Bridge(-self.0)
    }
}

impl<S: Scalar> Sum for Bridge<S> {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        Bridge(terms.map(|term| term.0).sum())
    }
}

impl<'a, S: Scalar> Sum<&'a Self> for Bridge<S> {
    fn sum<I: Iterator<Item = &'a Self>>(terms: I) -> Self {
        terms.copied().sum()
    }
}

impl<S: Scalar> Product for Bridge<S> {
    fn product<I: Iterator<Item = Self>>(factors: I) -> Self {
        Bridge(factors.map(|factor| factor.0).product())
    }
}

impl<'a, S: Scalar> Product<&'a Self> for Bridge<S> {
    fn product<I: Iterator<Item = &'a Self>>(factors: I) -> Self {
        factors.copied().product()
    }
}

impl<S: Scalar> From<f64> for Bridge<S> {
    #[inline]
    fn from(value: f64) -> Self {
        Bridge(S::from(value))
    }
}

impl<S: Scalar> fmt::Display for Bridge<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<S: Scalar> PartialEq<f64> for Bridge<S> {
    fn eq(&self, rhs: &f64) -> bool {
        self.0 == *rhs
    }
}

impl<S: Scalar> PartialOrd<f64> for Bridge<S> {
    fn partial_cmp(&self, rhs: &f64) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(rhs)
    }
}

impl<S: Scalar> Zero for Bridge<S> {
    #[inline]
    fn zero() -> Self {
        Self::from(0.0)
    }
    #[inline]
    fn is_zero(&self) -> bool {
        self.0 == 0.0
    }
}

impl<S: Scalar> One for Bridge<S> {
    #[inline]
    fn one() -> Self {
        Self::from(1.0)
    }
}

impl<S: Scalar> Num for Bridge<S> {
    type FromStrRadixErr = <f64 as Num>::FromStrRadixErr;
    fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        <f64 as Num>::from_str_radix(text, radix).map(Self::from)
    }
}

impl<S: Scalar> Signed for Bridge<S> {
    fn abs(&self) -> Self {
        Bridge(ComplexField::abs(self.0))
    }
    fn abs_sub(&self, other: &Self) -> Self {
        Bridge(Signed::abs_sub(&self.0, &other.0))
    }
    fn signum(&self) -> Self {
        Bridge(ComplexField::signum(self.0))
    }
    fn is_positive(&self) -> bool {
        self.0 > 0.0
    }
    fn is_negative(&self) -> bool {
        self.0 < 0.0
    }
}

impl<S: Scalar> FromPrimitive for Bridge<S> {
    fn from_i64(n: i64) -> Option<Self> {
        f64::from_i64(n).map(Self::from)
    }
    fn from_u64(n: u64) -> Option<Self> {
        f64::from_u64(n).map(Self::from)
    }
    fn from_f64(value: f64) -> Option<Self> {
        Some(Self::from(value))
    }
}

impl<S: Scalar> Inv for Bridge<S> {
    type Output = Self;
    fn inv(self) -> Self {
        Bridge(self.0.recip())
    }
}

impl<S: Scalar> DualStruct for Bridge<S> {
    type Real = f64;
    type Inner = Self;
    fn re(&self) -> f64 {
        self.0.primal()
    }
    fn from_inner(inner: &Self) -> Self {
        *inner
    }
}

impl<S: Scalar> Mappable<Self> for Bridge<S> {
    type Output<O> = O;
    fn map_dual<M: Fn(Self) -> O, O>(self, map: M) -> O {
        map(self)
    }
}

/// Methods that the scalar has under the same name.
macro_rules! elementary {
    ($($name:ident)*) => {$(
        #[inline]
        fn $name(&self) -> Self { Bridge(ComplexField::$name(self.0)) }
    )*};
}

impl<S: Scalar> DualNum for Bridge<S> {
    type Primitive = f64;
    const NDERIV: usize = S::DEPTH;
    type InnerDual = Self;

    elementary! {
        recip sqrt cbrt exp exp2 exp_m1 ln log2 log10 ln_1p
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    }

    fn from_re(re: Self) -> Self {
        re
    }
    #[inline]
    fn scale(self, factor: &Self) -> Self {
        self * factor
    }
    #[inline]
    fn powi(&self, n: i32) -> Self {
        Bridge(self.0.powi(n))
    }
    #[inline]
    fn powf(&self, n: f64) -> Self {
        Bridge(self.0.pow(n))
    }
    #[inline]
    fn powd(&self, exponent: Self) -> Self {
        Bridge(self.0.powf(exponent.0))
    }
    #[inline]
    fn log(&self, base: f64) -> Self {
        Bridge(self.0.log(S::from(base)))
    }
    #[inline]
    fn sin_cos(&self) -> (Self, Self) {
        let (sin, cos) = self.0.sin_cos();
        (Bridge(sin), Bridge(cos))
    }
    #[inline]
    fn atan2(&self, other: Self) -> Self {
        Bridge(self.0.atan2(other.0))
    }
    #[inline]
    fn mul_add(&self, a: Self, b: Self) -> Self {
        Bridge(self.0.mul_add(a.0, b.0))
    }
    fn sph_j0(&self) -> Self {
        Bridge(self.0.sinc())
    }
    fn sph_j1(&self) -> Self {
        Bridge(spherical_bessel(self.0, 1))
    }
    fn sph_j2(&self) -> Self {
        Bridge(spherical_bessel(self.0, 2))
    }
}

/// The spherical Bessel function of the first kind of order 1 or 2.
///
/// For `|x| ≤ 1` by the ascending series (NIST Digital Library of Mathematical Functions, 10.53.1),
/// whose derivatives are right at 0 too; the closed forms would cancel there.
fn spherical_bessel<S: Scalar>(x: S, order: u32) -> S {
    let square = x * x;
    if x.primal().abs() > 1.0 {
        let (sin, cos) = x.sin_cos();
        return match order {
            1 => (sin / x - cos) / x,
            _ => ((S::from(3.0) / square - 1.0) * sin - cos * 3.0 / x) / x,
        };
    }
    // xⁿ/(2n+1)!! Σ (-x²/2)ᵏ / (k! (2n+3)(2n+5)...(2n+2k+1)), summed from the smallest term.
    let n = f64::from(order);
    let series = (1..=10).rev().fold(S::from(1.0), |sum, k| {
        let k = f64::from(k);
        sum * square / (-2.0 * k * (2.0 * (n + k) + 1.0)) + 1.0
    });
    if order == 1 { x * series / 3.0 } else { square * series / 15.0 }
}
