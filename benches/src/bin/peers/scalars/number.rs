//! What the problems need of a number.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of any library, as far as the problems need it.
///
/// `plus` and `times` take a constant by the operation that the library has for it.
pub(crate) trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    fn constant(value: f64) -> Self;
    fn value(self) -> f64;
    fn plus(self, constant: f64) -> Self;
    fn times(self, constant: f64) -> Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn tanh(self) -> Self;
    fn sqrt(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn recip(self) -> Self;
}

/// A number that carries `N` tangents.
pub(crate) trait Seeded<const N: usize>: Number {
    /// A number whose derivative is the `i`-th unit vector.
    fn seeded(value: f64, i: usize) -> Self;

    fn tangents(&self) -> [f64; N];
}

/// Implements [`Number`] for a type: the functions are those of a trait, or of the type itself, which
/// take the number or a reference to it; `|c| operand` is what the operators take for a constant.
macro_rules! number {
    (
        [$($generics:tt)*] $Number:ty, $functions:ident ($($reference:tt)?),
        $constant:expr, $value:expr, |$c:ident| $operand:expr
    ) => {
        impl<$($generics)*> $crate::scalars::Number for $Number {
            #[inline]
            fn constant(value: f64) -> Self {
                $constant(value)
            }
            #[inline]
            fn value(self) -> f64 {
                $value(self)
            }
            #[inline]
            fn plus(self, $c: f64) -> Self {
                self + $operand
            }
            #[inline]
            fn times(self, $c: f64) -> Self {
                self * $operand
            }
            #[inline]
            fn exp(self) -> Self {
                $functions::exp($($reference)? self)
            }
            #[inline]
            fn ln(self) -> Self {
                $functions::ln($($reference)? self)
            }
            #[inline]
            fn tanh(self) -> Self {
                $functions::tanh($($reference)? self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                $functions::sqrt($($reference)? self)
            }
            #[inline]
            fn sin(self) -> Self {
                $functions::sin($($reference)? self)
            }
            #[inline]
            fn cos(self) -> Self {
                $functions::cos($($reference)? self)
            }
            #[inline]
            fn recip(self) -> Self {
                $functions::recip($($reference)? self)
            }
        }
    };
}
pub(super) use number;

number!([] f64, f64 (), |c| c, |x| x, |c| c);
