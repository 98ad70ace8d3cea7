//! Functions of several structured arguments: what `#[differentiable]` builds on.
//!
//! `#[differentiable]` of `ad-derive` leaves a generic function as it is and adds a type of the same
//! name, whose fields are the differentiable arguments. `price::at(...)` takes the arguments of
//! `price` and gives [`At`], the function at a point; [`At::prepare`] gives [`PreparedAt`] for loops.
//! Derivatives come back as that type, so they have the names of the arguments:
//!
//! ```
//! use ad_api::{Constant, Params, Scalar};
//! use ad_derive::{Params, differentiable};
//! use ad_dual::Dual;
//!
//! #[derive(Debug, Clone, Params)]
//! struct Bond<S> {
//!     coupon: S,
//!     #[params(constant)]
//!     years: u8,
//! }
//!
//! #[differentiable]
//! fn price<S: Scalar>(bond: &Bond<S>, curve: &[S], face: S) -> S {
//!     let discount = |year: u8| (-curve[usize::from(year) - 1] * f64::from(year)).exp();
//!     let coupons: S = (1..=bond.years).map(discount).sum();
//!     face * (bond.coupon * coupons + discount(bond.years))
//! }
//!
//! let (bond, curve) = (Bond { coupon: 0.05, years: 2 }, [0.02, 0.03]);
//! let gradient = price::at(&bond, &curve, Constant(100.0)).gradient(&Dual::default())?;
//! let discount = [(-0.02_f64).exp(), (-0.06_f64).exp()];
//! assert!((gradient.bond.coupon - 100.0 * (discount[0] + discount[1])).abs() < 1e-12);
//! assert!((gradient.curve[1] + 2.0 * 105.0 * discount[1]).abs() < 1e-12);
//! assert_eq!(gradient.face, ()); // held constant
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! | given to `at` | is |
//! |---|---|
//! | the argument itself, as the function takes it | active: differentiated |
//! | [`Constant`] of it | constant for this call |
//! | an argument whose type does not mention the scalar | always constant |
//!
//! The same compiled function serves every choice: a constant argument is lifted into the scalar type
//! without derivatives, and takes no part in the number of inputs.

mod argument;
mod at;
mod pool;
mod prepared;
mod program;
mod slot;

pub use argument::{Argument, Constant};
pub use at::At;
pub use prepared::PreparedAt;
pub use program::{Inputs, Program, Slice, TypedFunction, recycle};
pub use slot::Slot;
