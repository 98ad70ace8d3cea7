//! Functions written against num-dual's `DualNum`.

use ad_api::{Failure, Function, Scalar, scratch};
use num_dual::DualNum;

use super::Bridge;

/// A function `f: ℝⁿ → ℝᵐ` written over num-dual's numbers; [`FromDualNum`] makes it a
/// [`Function`] for every backend.
///
/// ```
/// use ad_api::{Differentiate, Failure};
/// use ad_dual::{Dual, DualNumFunction, FromDualNum, NumDual};
/// use num_dual::DualNum;
///
/// // As it is found in a crate that uses num-dual.
/// fn pressure<D: DualNum<Primitive = f64> + Copy>(temperature: D, volume: D) -> D {
///     temperature * 8.0 / (volume * 3.0 - 1.0) - (volume * volume).recip() * 3.0
/// }
///
/// #[derive(Clone)]
/// struct VanDerWaals;
/// impl DualNumFunction for VanDerWaals {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<D: DualNum<Primitive = f64> + Copy>(
///         &self, x: &[D], y: &mut [D],
///     ) -> Result<(), Failure> {
///         y[0] = pressure(x[0], x[1]);
///         Ok(())
///     }
/// }
/// let f = FromDualNum(VanDerWaals);
/// assert_eq!(NumDual::default().gradient(&f, &[1.0, 1.0])?.as_slice(), [4.0, 0.0]);
/// assert_eq!(Dual::default().gradient(&f, &[1.0, 1.0])?.as_slice(), [4.0, 0.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
pub trait DualNumFunction: Clone + Send + Sync + 'static {
    /// The number `n` of inputs.
    fn inputs(&self) -> usize;

    /// The number `m` of outputs.
    fn outputs(&self) -> usize;

    /// Writes `f(x)` into `y`. `x: n`, `y: m`.
    ///
    /// # Errors
    ///
    /// As [`Function::eval`].
    fn eval<D: DualNum<Primitive = f64> + Copy>(
        &self,
        x: &[D],
        y: &mut [D],
    ) -> Result<(), Failure>;

    /// As [`Function::precision`].
    fn precision(&self) -> f64 {
        f64::EPSILON
    }
}

/// A [`DualNumFunction`] as a [`Function`]: evaluated in [`Bridge`]d scalars, so that every backend
/// differentiates it and num-dual's numerical holes stay out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromDualNum<F>(pub F);

impl<F: DualNumFunction> Function for FromDualNum<F> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut buffer: Vec<Bridge<S>> = scratch::take();
        buffer.extend(x.iter().copied().map(Bridge));
        buffer.resize(x.len() + y.len(), Bridge(S::zero()));
        let (input, output) = buffer.split_at_mut(x.len());
        let result = self.0.eval(input, output);
        y.iter_mut().zip(output).for_each(|(y, output)| *y = output.0);
        scratch::give(buffer);
        result
    }

    fn precision(&self) -> f64 {
        self.0.precision()
    }
}

/// Makes a type whose value is a [`Function`] out of a body over num-dual's numbers.
///
/// The body sees `x: &[D]` and `y: &mut [D]` for any `D: DualNum<Primitive = f64> + Copy`, and may
/// leave early with `?`.
///
/// ```
/// use ad_api::Differentiate;
/// use ad_dual::NumDual;
/// use nalgebra::SVector;
/// use num_dual::DualNum;
///
/// fn energy<D: DualNum<Primitive = f64> + Copy>(x: SVector<D, 2>) -> D {
///     (x[0] * x[1]).sin()
/// }
/// ad_dual::dual_num_function!(Energy: 2 => 1, |x, y| y[0] = energy(SVector::from([x[0], x[1]])));
///
/// assert_eq!(NumDual::default().gradient(&Energy, &[0.0, 2.0])?.as_slice(), [2.0, 0.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[macro_export]
macro_rules! dual_num_function {
    ($(#[$attribute:meta])* $visibility:vis $Name:ident: $inputs:expr => $outputs:expr,
        |$x:ident, $y:ident| $body:expr) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility struct $Name;

        impl $crate::DualNumFunction for $Name {
            fn inputs(&self) -> usize { $inputs }
            fn outputs(&self) -> usize { $outputs }
            fn eval<DualType: $crate::__private::num_dual::DualNum<Primitive = f64> + Copy>(
                &self, $x: &[DualType], $y: &mut [DualType],
            ) -> ::std::result::Result<(), $crate::__private::ad_api::Failure> {
                $body;
                Ok(())
            }
        }

        impl $crate::__private::ad_api::Function for $Name {
            fn inputs(&self) -> usize { $inputs }
            fn outputs(&self) -> usize { $outputs }
            fn eval<ScalarType: $crate::__private::ad_api::Scalar>(
                &self, x: &[ScalarType], y: &mut [ScalarType],
            ) -> ::std::result::Result<(), $crate::__private::ad_api::Failure> {
                $crate::__private::ad_api::Function::eval(&$crate::FromDualNum(*self), x, y)
            }
        }
    };
}
