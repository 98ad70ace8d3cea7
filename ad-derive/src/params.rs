//! `#[derive(Params)]`: from the struct to a model of it, and from there to the implementation.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericParam, Generics, Ident, Member, Path, Result,
    Type, parse_quote,
};

use crate::crate_path::{interface, parse_crate};
use crate::scalar::{check_owned, mentions, private, refuse_lifetimes, scalar_parameters};

/// A struct of parameters.
struct Struct {
    name: Ident,
    generics: Generics,
    scalar: Ident,
    fields: Vec<ParamsField>,
    api: Path,
}

/// A field of it.
struct ParamsField {
    member: Member,
    ty: Type,
    /// Copied along instead of differentiated.
    constant: bool,
}

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    Ok(emit(&parse(input)?))
}

fn parse(input: DeriveInput) -> Result<Struct> {
    let Data::Struct(data) = input.data else {
        let message = "`Params` can be derived for structs only";
        return Err(Error::new_spanned(input.ident, message));
    };
    refuse_lifetimes(&input.generics, "a struct of parameters owns its data: no lifetimes")?;
    let scalar = scalar(&input.ident, &input.generics)?;
    let mut api = None;
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("params")) {
        attribute.parse_nested_meta(|meta| {
            if parse_crate(&meta, &mut api)? {
                return Ok(());
            }
            Err(meta.error("expected `crate = \"path\"`; `constant` belongs to a field"))
        })?;
    }
    Ok(Struct {
        fields: fields(data.fields, &scalar)?,
        name: input.ident,
        generics: input.generics,
        scalar,
        api: api.unwrap_or_else(interface),
    })
}

/// The parameter bounded by `Scalar`, or else the only one.
fn scalar(name: &Ident, generics: &Generics) -> Result<Ident> {
    let bounded = scalar_parameters(generics);
    let all: Vec<_> = generics.type_params().collect();
    match (bounded.as_slice(), all.as_slice()) {
        ([scalar], _) | ([], [scalar]) => Ok(scalar.ident.clone()),
        ([], []) => {
            let message = format!("`{name}` must be generic over its scalar: `struct {name}<S>`");
            Err(Error::new_spanned(name, message))
        }
        ([], [_, second, ..]) => {
            let message = "which type parameter is the scalar? Bound it: `S: Scalar`";
            Err(Error::new_spanned(second, message))
        }
        ([_, second, ..], _) => Err(Error::new_spanned(second, "a second scalar parameter")),
    }
}

fn fields(fields: Fields, scalar: &Ident) -> Result<Vec<ParamsField>> {
    let mut errors: Option<Error> = None;
    let mut parsed = Vec::new();
    for (member, field) in fields.members().zip(&fields) {
        match parse_field(member, field, scalar) {
            Ok(field) => parsed.push(field),
            Err(error) => match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            },
        }
    }
    errors.map_or(Ok(parsed), Err)
}

fn parse_field(member: Member, field: &Field, scalar: &Ident) -> Result<ParamsField> {
    let mut constant = false;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("params")) {
        attribute.parse_nested_meta(|meta| {
            constant = true;
            let known = meta.path.is_ident("constant");
            if known { Ok(()) } else { Err(meta.error("expected `constant`")) }
        })?;
    }
    let ty = field.ty.clone();
    match (constant, mentions(&ty, scalar)) {
        (true, true) => {
            let message = format!("a constant field cannot contain the scalar `{scalar}`");
            Err(Error::new_spanned(ty, message))
        }
        (false, false) => {
            let message = format!(
                "this field does not depend on the scalar `{scalar}`: mark it \
                 `#[params(constant)]`"
            );
            Err(Error::new_spanned(ty, message))
        }
        (false, true) => {
            check_owned(&ty)?;
            Ok(ParamsField { member, ty, constant })
        }
        (true, false) => Ok(ParamsField { member, ty, constant }),
    }
}

fn emit(input: &Struct) -> TokenStream {
    let Struct { name, scalar, api, .. } = input;
    let generics = bounded_generics(input);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let target = private("Target");
    let rebound = input.generics.params.iter().map(|parameter| match parameter {
        GenericParam::Type(parameter) if parameter.ident == *scalar => quote!(#target),
        GenericParam::Type(parameter) => {
            let ident = &parameter.ident;
            quote!(#ident)
        }
        GenericParam::Const(parameter) => {
            let ident = &parameter.ident;
            quote!(#ident)
        }
        GenericParam::Lifetime(lifetime) => quote!(#lifetime),
    });
    let rebound = quote!(#name<#(#rebound),*>);
    let trait_ = quote!(#api::Params);
    let mapped = quote!(&mut impl ::core::ops::FnMut(#scalar) -> #target);

    let template = if input.fields.iter().any(|field| field.constant) {
        quote!(::core::option::Option::None)
    } else {
        let parts = each(
            input,
            |member, ty| quote_spanned!(ty.span()=> #member: <#ty as #trait_>::template()?),
        );
        quote!(::core::option::Option::Some(#name { #(#parts),* }))
    };
    let lengths = each(input, |member, ty| {
        let field = match member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(index) => format!("{}", index.index),
        };
        quote_spanned!(ty.span()=> #trait_::for_each_length(&self.#member, #field, visit))
    });
    let scalars = each(
        input,
        |member, ty| quote_spanned!(ty.span()=> #trait_::for_each_scalar(&self.#member, visit)),
    );
    let scalars_mut = each(
        input,
        |member, ty| quote_spanned!(ty.span()=> #trait_::for_each_scalar_mut(&mut self.#member, visit)),
    );
    let map = input.fields.iter().map(|ParamsField { member, ty, constant }| {
        if *constant {
            quote_spanned!(ty.span()=> #member: ::core::clone::Clone::clone(&self.#member))
        } else {
            quote_spanned!(ty.span()=> #member: #trait_::map_scalars(&self.#member, map))
        }
    });
    let map_into = input.fields.iter().map(|ParamsField { member, ty, constant }| {
        if *constant {
            quote_spanned! {ty.span()=>
                ::core::clone::Clone::clone_from(&mut out.#member, &self.#member)
            }
        } else {
            quote_spanned! {ty.span()=>
                #trait_::map_scalars_into(&self.#member, map, &mut out.#member)
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics #trait_ for #name #type_generics #where_clause {
            type Scalar = #scalar;
            type Rebind<#target: #api::Scalar> = #rebound;

            fn template() -> ::core::option::Option<Self> {
                #template
            }

            fn for_each_length(
                &self,
                _name: &'static ::core::primitive::str,
                visit: &mut impl ::core::ops::FnMut(
                    &'static ::core::primitive::str,
                    ::core::primitive::usize,
                ),
            ) {
                #(#lengths;)*
            }

            fn for_each_scalar(&self, visit: &mut impl ::core::ops::FnMut(#scalar)) {
                #(#scalars;)*
            }

            fn for_each_scalar_mut(&mut self, visit: &mut impl ::core::ops::FnMut(&mut #scalar)) {
                #(#scalars_mut;)*
            }

            fn map_scalars<#target: #api::Scalar>(&self, map: #mapped) -> #rebound {
                #name { #(#map),* }
            }

            fn map_scalars_into<#target: #api::Scalar>(&self, map: #mapped, out: &mut #rebound) {
                #(#map_into;)*
            }
        }
    }
}

/// The tokens of each differentiable field.
fn each(
    input: &Struct,
    tokens: impl Fn(&Member, &Type) -> TokenStream,
) -> impl Iterator<Item = TokenStream> {
    let differentiable = input.fields.iter().filter(|field| !field.constant);
    differentiable.map(move |field| tokens(&field.member, &field.ty))
}

/// The struct's generics, with the bounds that the trait asks for and without defaults.
fn bounded_generics(input: &Struct) -> Generics {
    let mut generics = input.generics.clone();
    let api = &input.api;
    for parameter in generics.type_params_mut() {
        if parameter.ident == input.scalar {
            parameter.bounds.push(parse_quote!(#api::Scalar));
        } else {
            parameter.bounds.push(parse_quote!(::core::clone::Clone));
            parameter.bounds.push(parse_quote!(::core::marker::Send));
            parameter.bounds.push(parse_quote!(::core::marker::Sync));
            parameter.bounds.push(parse_quote!('static));
        }
    }
    generics
}
