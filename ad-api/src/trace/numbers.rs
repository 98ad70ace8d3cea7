//! The operators and functions of the numbers of this module, in a file of their own for one lint.
#![allow(unsafe_code, reason = "simba declares two safe methods of one lane as unsafe")]

use super::Traced;
use super::jet::Jet;
use crate::{Scalar, scalar};

scalar!([] Traced);
scalar!([S: Scalar] Jet<S>);
