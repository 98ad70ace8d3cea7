//! `#[differentiable]`: from the function to a model of it, and from there to what is added.

mod emit;
mod model;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{ItemFn, Path, Result};

use crate::crate_path::{interface, parse_crate};

pub(crate) fn expand(attribute: TokenStream, function: &ItemFn) -> TokenStream {
    let added = parse_attribute(attribute)
        .and_then(|api| Ok(emit::emit(&model::parse(function)?, &api)))
        .unwrap_or_else(|error| error.to_compile_error());
    // The function itself always stays, so that an error here brings no others elsewhere.
    let function = function.to_token_stream();
    quote!(#function #added)
}

fn parse_attribute(attribute: TokenStream) -> Result<Path> {
    let mut api = None;
    let parser = syn::meta::parser(|meta| {
        if parse_crate(&meta, &mut api)? {
            return Ok(());
        }
        Err(meta.error("expected `crate = \"path\"`; activity is chosen per call"))
    });
    parser.parse2(attribute)?;
    Ok(api.unwrap_or_else(interface))
}
