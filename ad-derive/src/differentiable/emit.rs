//! What is added to a function: the type of its arguments by name, and the function as a program.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Path, Type};

use super::model::{Argument, Kind, Model, Passing, as_argument};
use crate::scalar::{in_f64, private};

/// A differentiable argument, as the generated type sees it.
struct SlotModel<'a> {
    name: &'a Ident,
    /// The type parameter of its field.
    parameter: Ident,
    /// The argument over `f64`, owned.
    point: Type,
}

pub(super) fn emit(model: &Model, api: &Path) -> TokenStream {
    let slots: Vec<_> = slots(model).collect();
    let parts = [
        arguments_type(model, &slots),
        slot_impl(model, &slots, api),
        constructor(model, &slots, api),
        program(model, api),
    ];
    let cfgs = &model.cfgs;
    // Every part is one or two items; `const _` would hide the types.
    let items = parts.into_iter().flatten().map(|item| quote!(#(#cfgs)* #item));
    quote!(#(#items)*)
}

fn slots(model: &Model) -> impl Iterator<Item = SlotModel<'_>> {
    model.arguments.iter().filter_map(|argument| match &argument.kind {
        Kind::Differentiable { owned, .. } => Some(SlotModel {
            name: &argument.name,
            parameter: format_ident!("{}Slot", camel(&argument.name), span = argument.name.span()),
            point: in_f64(owned, &model.scalar),
        }),
        Kind::Constant { .. } => None,
    })
}

/// `face_value` as `FaceValue`.
fn camel(name: &Ident) -> String {
    let words = name.unraw().to_string();
    let capitalize = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    words.split('_').filter_map(capitalize).collect()
}

/// The type named like the function, with a field for each differentiable argument.
fn arguments_type(model: &Model, slots: &[SlotModel<'_>]) -> Vec<TokenStream> {
    let Model { name, visibility, .. } = model;
    let consts = model.consts();
    let parameters =
        slots.iter().map(|SlotModel { parameter, point, .. }| quote!(#parameter = #point));
    let fields = slots.iter().map(|SlotModel { name, parameter, .. }| {
        let doc = format!("The argument `{}`, or the derivative with respect to it.", name.unraw());
        quote!(#[doc = #doc] pub #name: #parameter)
    });
    let doc = format!(
        "The differentiable arguments of [`{0}`](fn@{0}) by name: a point, a gradient or a \
         tangent. The field of a constant argument is `()`.",
        name.unraw(),
    );
    vec![quote! {
        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code, reason = "named like the function")]
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::cmp::PartialEq,
        )]
        #visibility struct #name<#(#consts,)* #(#parameters),*> {
            #(#fields),*
        }
    }]
}

fn slot_impl(model: &Model, slots: &[SlotModel<'_>], api: &Path) -> Vec<TokenStream> {
    let name = &model.name;
    let consts: Vec<_> = model.consts().collect();
    let const_names: Vec<_> = consts.iter().map(|c| &c.ident).collect();
    let parameters: Vec<_> = slots.iter().map(|slot| &slot.parameter).collect();
    let fields: Vec<_> = slots.iter().map(|slot| slot.name).collect();
    let names = fields.iter().map(|field| field.unraw().to_string());
    let slot = quote!(#api::typed::Slot);
    let visit = quote!(&mut impl ::core::ops::FnMut);
    let length = quote!(&'static ::core::primitive::str, ::core::primitive::usize);
    let float = quote!(::core::primitive::f64);
    let matrix = quote!(#api::__private::nalgebra::DMatrix<#float>);
    vec![quote! {
        #[automatically_derived]
        impl<#(#consts,)* #(#parameters: #slot),*> #slot
            for #name<#(#const_names,)* #(#parameters),*>
        {
            type Block = #name<#(#const_names,)* #(#parameters::Block),*>;

            fn for_each_length(
                &self,
                _name: &'static ::core::primitive::str,
                visit: #visit(#length),
            ) {
                #(#slot::for_each_length(&self.#fields, #names, visit);)*
            }

            fn for_each_scalar(&self, visit: #visit(#float)) {
                #(#slot::for_each_scalar(&self.#fields, visit);)*
            }

            fn for_each_scalar_mut(&mut self, visit: #visit(&mut #float)) {
                #(#slot::for_each_scalar_mut(&mut self.#fields, visit);)*
            }

            fn block(&self, columns: #visit(::core::primitive::usize) -> #matrix) -> Self::Block {
                #name { #(#fields: #slot::block(&self.#fields, columns)),* }
            }
        }
    }]
}

/// `at`, which takes the arguments of the function.
fn constructor(model: &Model, slots: &[SlotModel<'_>], api: &Path) -> Vec<TokenStream> {
    let name = &model.name;
    let consts: Vec<_> = model.consts().collect();
    let const_names: Vec<_> = consts.iter().map(|c| &c.ident).collect();
    let unit = slots.iter().map(|_| quote!(()));
    let argument_trait = |slot: &SlotModel<'_>| {
        let point = &slot.point;
        quote_spanned!(point.span()=> #api::typed::Argument<#point>)
    };
    let parameters = slots.iter().map(|slot| {
        let (parameter, bound) = (&slot.parameter, argument_trait(slot));
        quote!(#parameter: #bound)
    });
    let taken = model.arguments.iter().map(|Argument { name, ty, kind }| match kind {
        Kind::Constant { .. } => quote!(#name: #ty),
        Kind::Differentiable { .. } => {
            let slot = slots.iter().find(|slot| slot.name == name).map(|slot| &slot.parameter);
            quote!(#name: #slot)
        }
    });
    let slot_types = slots.iter().map(|slot| {
        let (parameter, bound) = (&slot.parameter, argument_trait(slot));
        quote!(<#parameter as #bound>::Slot)
    });
    let active = slots.iter().map(|slot| {
        let (parameter, bound) = (&slot.parameter, argument_trait(slot));
        quote!(<#parameter as #bound>::ACTIVE)
    });
    let slot_names: Vec<_> = slots.iter().map(|slot| slot.name).collect();
    let slot_values: Vec<_> = slot_names.iter().map(|name| local(name, "slot")).collect();
    let split = slots.iter().zip(&slot_values).map(|(slot, value)| {
        let (name, bound) = (slot.name, argument_trait(slot));
        let parameter = &slot.parameter;
        quote!(let (#name, #value) = <#parameter as #bound>::split(#name);)
    });
    let program = program_name(model);
    let stored = model.arguments.iter().map(|Argument { name, kind, .. }| match kind {
        Kind::Constant { referent: Some(referent) } => {
            quote!(#name: <#referent as ::std::borrow::ToOwned>::to_owned(#name))
        }
        _ => quote!(#name),
    });
    let doc = format!(
        "[`{0}`](fn@{0}) at these arguments, to be differentiated with respect to all but those \
         in `Constant`.",
        name.unraw(),
    );
    vec![quote! {
        impl<#(#consts),*> #name<#(#const_names,)* #(#unit),*> {
            #[doc = #doc]
            #[allow(dead_code, clippy::too_many_arguments, clippy::type_complexity,
                reason = "the arguments are those of the function")]
            pub fn at<#(#parameters),*>(
                #(#taken),*
            ) -> #api::typed::At<#program<#(#const_names),*>,
                #name<#(#const_names,)* #(#slot_types),*>>
            {
                #(#split)*
                #api::typed::At::new(
                    #program { #(#stored),* },
                    &[#(#active),*],
                    #name { #(#slot_names: #slot_values),* },
                )
            }
        }
    }]
}

/// The function with values for all its arguments.
fn program(model: &Model, api: &Path) -> Vec<TokenStream> {
    let Model { name, visibility, scalar, arguments, output, .. } = model;
    let program = program_name(model);
    let consts: Vec<_> = model.consts().collect();
    let const_names: Vec<_> = consts.iter().map(|c| &c.ident).collect();
    let fields = arguments.iter().map(|Argument { name, ty, kind }| {
        let stored = match kind {
            Kind::Constant { referent: Some(referent) } => {
                quote_spanned!(ty.span()=> <#referent as ::std::borrow::ToOwned>::Owned)
            }
            Kind::Constant { referent: None } => ty.to_token_stream(),
            Kind::Differentiable { owned, .. } => in_f64(owned, scalar).to_token_stream(),
        };
        quote!(#name: #stored)
    });
    let inputs = private("inputs");
    let read = arguments.iter().filter_map(|Argument { name, ty, kind }| match kind {
        Kind::Constant { .. } => None,
        Kind::Differentiable { passing, .. } => {
            let local = local(name, "argument");
            let method = match passing {
                Passing::Slice => quote!(slice),
                Passing::Value | Passing::Reference => quote!(value),
            };
            Some(quote_spanned!(ty.span()=> let #local = #inputs.#method(&self.#name);))
        }
    });
    let passed = arguments.iter().map(|Argument { name, kind, .. }| {
        let local = local(name, "argument");
        match kind {
            Kind::Constant { referent: Some(referent) } => {
                quote!(::core::borrow::Borrow::<#referent>::borrow(&self.#name))
            }
            Kind::Constant { referent: None } => {
                quote!(::core::clone::Clone::clone(&self.#name))
            }
            Kind::Differentiable { passing: Passing::Value, .. } => quote!(#local),
            Kind::Differentiable { .. } => quote!(&#local),
        }
    });
    let recycled = arguments.iter().filter_map(|Argument { name, kind, .. }| {
        let local = local(name, "argument");
        match kind {
            Kind::Differentiable { passing: Passing::Slice, .. } => Some(quote!(#local.recycle();)),
            Kind::Differentiable { passing: Passing::Reference, .. } => {
                Some(quote!(#api::typed::recycle(#local);))
            }
            _ => None,
        }
    });
    let generics = model.generics.params.iter().map(as_argument);
    let result = private("result");
    let returned = if model.fallible {
        quote!(#result.map_err(#api::Failure::from))
    } else {
        quote!(::core::result::Result::Ok(#result))
    };
    let allowed = quote!(#[allow(non_camel_case_types, dead_code, reason = "generated")]);
    vec![
        quote! {
            #[doc(hidden)]
            #allowed
            #[derive(::core::clone::Clone)]
            #visibility struct #program<#(#consts),*> { #(#fields),* }
        },
        quote! {
            #[automatically_derived]
            impl<#(#consts),*> #api::typed::Program for #program<#(#const_names),*> {
                type Output<#scalar: #api::Scalar> = #output;

                fn run<#scalar: #api::Scalar>(
                    &self,
                    mut #inputs: #api::typed::Inputs<'_, #scalar>,
                ) -> ::core::result::Result<#output, #api::Failure> {
                    #(#read)*
                    let #result = #name::<#(#generics),*>(#(#passed),*);
                    #(#recycled)*
                    #returned
                }
            }
        },
    ]
}

fn program_name(model: &Model) -> Ident {
    format_ident!("__{}_program", model.name.unraw(), span = model.name.span())
}

/// A variable that belongs to an argument and meets no name of the user's.
fn local(argument: &Ident, what: &str) -> Ident {
    private(&format!("{}_{what}", argument.unraw()))
}
