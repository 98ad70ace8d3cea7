//! Differentiable functions of several structured arguments.
//!
//! [`macro@differentiable`] on a plain generic function lets it be differentiated with respect to any
//! of its arguments, and [`macro@Params`] lets a struct be such an argument. The function stays an
//! ordinary function; its derivatives come back in the types of its arguments, under their names:
//!
//! ```
//! use ad_api::{Constant, Scalar};
//! use ad_derive::{Params, differentiable};
//! use ad_dual::Dual;
//!
//! #[derive(Debug, Clone, PartialEq, Params)]
//! struct Bond<S> {
//!     coupon: S,
//!     fees: Vec<S>,
//!     #[params(constant)]
//!     name: String,
//! }
//!
//! #[differentiable]
//! fn price<S: Scalar>(bond: &Bond<S>, curve: &[S], face: S) -> S {
//!     let coupons: S = curve.iter().map(|&discount| bond.coupon * discount).sum();
//!     face * (coupons + curve[curve.len() - 1]) - bond.fees.iter().copied().sum::<S>()
//! }
//!
//! let bond = Bond { coupon: 0.05, fees: vec![0.5, 0.25], name: "10y".into() };
//! let curve = [0.9, 0.8];
//! // It is still a function.
//! assert_eq!(price(&bond, &curve, 100.0), 100.0 * (0.05 * 1.7 + 0.8) - 0.75);
//!
//! // `at` takes the same arguments; what is in `Constant` is not differentiated.
//! let gradient = price::at(&bond, &curve, Constant(100.0)).gradient(&Dual::default())?;
//! assert_eq!(gradient.bond.fees, [-1.0, -1.0]);
//! assert_eq!(gradient.bond.name, "10y"); // constant fields are copied
//! assert_eq!(gradient.curve, [5.0, 105.0]);
//! assert_eq!(gradient.face, ());
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! Results may be scalars, arrays, vectors and structs, and a function may fail:
//!
//! ```
//! use ad_api::{AdError, Failure, Scalar};
//! use ad_derive::differentiable;
//! use ad_dual::Dual;
//! use nalgebra::{DVector, dvector};
//!
//! #[differentiable]
//! fn normalized<S: Scalar>(x: &DVector<S>) -> Result<DVector<S>, Failure> {
//!     let norm = x.norm();
//!     if norm == 0.0 { Err(Failure::new("no direction")) } else { Ok(x / norm) }
//! }
//!
//! let at = normalized::at(&dvector![3.0, 4.0]);
//! let along = at.pushforward(&Dual::default(), &normalized { x: dvector![3.0, 4.0] })?;
//! assert!(along.norm() < 1e-15);
//! assert_eq!(at.jacobian(&Dual::default())?.shape(), (2, 2));
//!
//! let failed = normalized::at(&dvector![0.0, 0.0]).jacobian(&Dual::default());
//! assert!(matches!(failed, Err(AdError::Function(_))));
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! All operations are methods of `ad_api::typed::At` and, for loops, of
//! `ad_api::typed::PreparedAt`; `At::function` is the plain `ad_api::Function` of the active
//! scalars, for any solver.

mod crate_path;
mod differentiable;
mod params;
mod scalar;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Implements `ad_api::Params` for a struct that is generic in its scalar.
///
/// The scalar is the type parameter bounded by `Scalar` (or `RealField`), or else the only one.
/// The fields may be scalars, arrays, `Vec`s, `Option`s, tuples, nalgebra's vectors and matrices,
/// and other structs with `Params`. The struct must be `Clone`.
///
/// | attribute | on | meaning |
/// |---|---|---|
/// | `#[params(constant)]` | a field | not differentiated: cloned into gradients and other number types |
/// | `#[params(crate = "path")]` | the struct | where `ad_api` is, if not found in `Cargo.toml` |
///
/// A field whose type does not mention the scalar must be marked, so that nothing is left out of a
/// gradient by accident.
///
/// ```
/// use ad_api::Params;
/// use ad_derive::Params;
///
/// #[derive(Debug, Clone, PartialEq, Params)]
/// struct Leg<S> {
///     rates: Vec<S>,
///     notional: S,
///     #[params(constant)]
///     months: usize,
/// }
///
/// #[derive(Debug, Clone, PartialEq, Params)]
/// struct Swap<S>([Leg<S>; 2]);
///
/// let leg = Leg { rates: vec![0.01, 0.02], notional: 100.0, months: 6 };
/// let swap = Swap([leg.clone(), leg]);
/// assert_eq!(swap.flatten(), [0.01, 0.02, 100.0, 0.01, 0.02, 100.0]);
/// let zero = Leg { rates: vec![0.0; 2], notional: 0.0, months: 6 };
/// assert_eq!(swap.unflatten(&[0.0; 6])?, Swap([zero.clone(), zero]));
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[proc_macro_derive(Params, attributes(params))]
pub fn derive_params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    params::derive(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Lets a generic function be differentiated with respect to any of its arguments.
///
/// The function `f<S: Scalar>` stays as it is. Beside it, the attribute puts a struct `f` with one
/// field for each argument that mentions `S`: the type of points, gradients and tangents. Its
/// constructor `f::at` takes the arguments of the function and returns an `ad_api::typed::At`,
/// whose methods are the derivatives. `use path::f` brings both.
///
/// | the function takes | `at` takes, active or in `Constant` | the field is |
/// |---|---|---|
/// | `S`, `&S` | `f64` or `&f64` | `f64` |
/// | `&[S]`, `&[Bond<S>]` | a slice, array or `Vec` by reference, or a `Vec` | `Vec<f64>`, `Vec<Bond<f64>>` |
/// | `[S; N]`, `Vec<S>`, `DVector<S>`, `SMatrix<S, R, C>`, `Bond<S>`, `(S, Bond<S>)`, or a reference | the same over `f64`, by value or reference | the same over `f64` |
/// | a type without `S`: `usize`, `&[f64]`, `&str`, `Arc<Table>` | the same; always constant | none |
///
/// The field of an argument in `Constant` is `()`, so a derivative that was not computed cannot be
/// read. Types that do not mention `S` are kept by value, references by `ToOwned`; large tables are
/// best given in an `Arc`.
///
/// The result is an `S`, an array, `Vec`, nalgebra vector or matrix, tuple or struct of them, or a
/// `Result` of one with an error that converts into `ad_api::Failure`. `gradient` and `hessian`
/// exist where the result is an `S`.
///
/// Functions bounded by nalgebra's `RealField` are taken too, and functions with `const`
/// parameters. The name must be free among types, modules and crates.
///
/// | option | meaning |
/// |---|---|
/// | `precision = 1e-8` | the relative accuracy of the values, where they come from an iteration: it sets the steps of finite differences |
/// | `crate = "path"` | where `ad_api` is, if it is neither a dependency itself nor under the facade `ad` |
///
/// ```
/// use ad_api::{Constant, Scalar};
/// use ad_derive::differentiable;
/// use ad_dual::Dual;
///
/// /// The position of a projectile without drag.
/// #[differentiable]
/// fn position<S: Scalar>(velocity: [S; 2], time: S, gravity: f64) -> [S; 2] {
///     [velocity[0] * time, velocity[1] * time - time * time * (0.5 * gravity)]
/// }
///
/// let backend = Dual::default();
/// let at = position::at([3.0, 4.0], 2.0, 10.0);
/// assert_eq!(at.value()?, position([3.0, 4.0], 2.0, 10.0));
///
/// // With respect to the arguments together: a row for each result, a column for each scalar.
/// let blocks = at.jacobian_blocks(&backend)?;
/// assert_eq!(blocks.velocity, nalgebra::dmatrix![2.0, 0.0; 0.0, 2.0]);
/// assert_eq!(blocks.time, nalgebra::dmatrix![3.0; -16.0]);
///
/// // Along a tangent, which is written with the names of the arguments.
/// let along = position { velocity: [1.0, 0.0], time: 0.5 };
/// assert_eq!(at.pushforward(&backend, &along)?, [3.5, -8.0]);
///
/// // With respect to one scalar.
/// let at = position::at(Constant([3.0, 4.0]), 2.0, 10.0);
/// assert_eq!(at.derivative(&backend)?, [3.0, -16.0]);
/// assert_eq!(at.second_derivative(&backend)?, [0.0, -10.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[proc_macro_attribute]
pub fn differentiable(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    differentiable::expand(attribute.into(), &function).into()
}
