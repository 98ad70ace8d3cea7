//! placeholder

mod crate_path;
mod differentiable;
mod params;
mod scalar;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Params
#[proc_macro_derive(Params, attributes(params))]
pub fn derive_params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    params::derive(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// differentiable
#[proc_macro_attribute]
pub fn differentiable(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    differentiable::expand(attribute.into(), &function).into()
}
