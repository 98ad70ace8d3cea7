//! `#[differentiable]`: from the function to a model of it, and from there to what is added.

mod emit;
mod model;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{Expr, ItemFn, Path, Result};

use crate::crate_path::{interface, parse_crate};

/// What is in the parentheses of the attribute.
struct Options {
    /// The path of the interface crate.
    api: Path,
    /// The relative accuracy of the function's values, if stated.
    precision: Option<Expr>,
}

pub(crate) fn expand(attribute: TokenStream, function: &ItemFn) -> TokenStream {
    let added = parse_attribute(attribute)
        .and_then(|options| Ok(emit::emit(&model::parse(function)?, &options)))
        .unwrap_or_else(|error| error.to_compile_error());
    // The function itself always stays, so that an error here brings no others elsewhere.
    let function = function.to_token_stream();
    quote!(#function #added)
}

fn parse_attribute(attribute: TokenStream) -> Result<Options> {
    let (mut api, mut precision) = (None, None);
    let parser = syn::meta::parser(|meta| {
        if parse_crate(&meta, &mut api)? {
            Ok(())
        } else if meta.path.is_ident("precision") {
            precision = Some(meta.value()?.parse()?);
            Ok(())
        } else {
            let expected = "expected `precision = 1e-8` or `crate = \"path\"`; which arguments are \
                            active is chosen per call";
            Err(meta.error(expected))
        }
    });
    parser.parse2(attribute)?;
    Ok(Options { api: api.unwrap_or_else(interface), precision })
}
