//! How generated code names the interface crate.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::Span;
use syn::{Ident, LitStr, Path, Result, meta::ParseNestedMeta, parse_quote};

/// The interface crate as the crate being compiled knows it: by its own dependency on `ad-api`, or
/// through the facade `ad`.
pub(crate) fn interface() -> Path {
    // `Itself` is a test, example or doctest of the crate, where its own name is in scope.
    let name = |package: &str, own: &str| match crate_name(package) {
        Ok(FoundCrate::Name(name)) => Some(Ident::new(&name, Span::call_site())),
        Ok(FoundCrate::Itself) => Some(Ident::new(own, Span::call_site())),
        Err(_) => None,
    };
    if let Some(api) = name("ad-api", "ad_api") {
        parse_quote!(::#api)
    } else if let Some(facade) = name("ad", "ad") {
        parse_quote!(::#facade::api)
    } else {
        parse_quote!(::ad_api)
    }
}

/// Reads `crate = "path"`, which overrides [`interface`]; `false` if `meta` is something else.
pub(crate) fn parse_crate(meta: &ParseNestedMeta, path: &mut Option<Path>) -> Result<bool> {
    if !meta.path.is_ident("crate") {
        return Ok(false);
    }
    *path = Some(meta.value()?.parse::<LitStr>()?.parse()?);
    Ok(true)
}
