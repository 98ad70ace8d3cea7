//! The type parameter that stands for the scalar, and the types that mention it.

use proc_macro2::Span;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Error, GenericParam, Generics, Ident, Lifetime, Result, Type, TypeParam, TypeParamBound,
    TypePath, TypeReference, WherePredicate, parse_quote,
};

/// The type parameters that are bounded by `Scalar`, or by nalgebra's `RealField`, which it implies.
pub(crate) fn scalar_parameters(generics: &Generics) -> Vec<&TypeParam> {
    generics.type_params().filter(|parameter| is_scalar(parameter, generics)).collect()
}

fn is_scalar(parameter: &TypeParam, generics: &Generics) -> bool {
    let bounds_of = |predicate: &WherePredicate| match predicate {
        WherePredicate::Type(predicate) if is_just(&predicate.bounded_ty, &parameter.ident) => {
            predicate.bounds.iter().any(names_scalar)
        }
        _ => false,
    };
    let clause = generics.where_clause.as_ref();
    parameter.bounds.iter().any(names_scalar)
        || clause.is_some_and(|clause| clause.predicates.iter().any(bounds_of))
}

fn names_scalar(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Scalar" || last.ident == "RealField"),
        _ => false,
    }
}

/// Whether `ty` is the type parameter itself.
pub(crate) fn is_just(ty: &Type, parameter: &Ident) -> bool {
    matches!(ty, Type::Path(TypePath { qself: None, path }) if path.is_ident(parameter))
}

/// Whether the type parameter occurs in `ty`.
pub(crate) fn mentions(ty: &Type, parameter: &Ident) -> bool {
    let mut replace = Replace { parameter, with: None, found: false };
    replace.visit_type_mut(&mut ty.clone());
    replace.found
}

/// `ty` with `f64` for the type parameter.
pub(crate) fn in_f64(ty: &Type, parameter: &Ident) -> Type {
    let mut ty = ty.clone();
    let with = Some(parse_quote!(::core::primitive::f64));
    Replace { parameter, with, found: false }.visit_type_mut(&mut ty);
    ty
}

struct Replace<'a> {
    parameter: &'a Ident,
    with: Option<Type>,
    found: bool,
}

impl VisitMut for Replace<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if is_just(ty, self.parameter) {
            self.found = true;
            if let Some(with) = &self.with {
                *ty = with.clone();
            }
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// The types that a scalar program cannot keep between evaluations, or cannot take.
pub(crate) fn check_owned(ty: &Type) -> Result<()> {
    let mut check = CheckOwned(None);
    check.visit_type_mut(&mut ty.clone());
    check.0.map_or(Ok(()), Err)
}

struct CheckOwned(Option<Error>);

impl CheckOwned {
    fn refuse(&mut self, at: impl ToTokens, message: &str) {
        self.0.get_or_insert_with(|| Error::new_spanned(at, message));
    }
}

impl VisitMut for CheckOwned {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::ImplTrait(_) | Type::TraitObject(_) | Type::BareFn(_) => {
                self.refuse(ty, "unsupported type: a function, trait object or `impl Trait`");
            }
            Type::Ptr(_) | Type::Never(_) | Type::Infer(_) => self.refuse(ty, "unsupported type"),
            _ => visit_mut::visit_type_mut(self, ty),
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        self.refuse(reference, "unsupported type: borrowed data inside of another type");
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        self.refuse(lifetime, "unsupported type: borrowed data inside of another type");
    }
}

/// The error at the place of a generic parameter that cannot be there, if there is one.
pub(crate) fn refuse_lifetimes(generics: &Generics, message: &str) -> Result<()> {
    match generics.params.iter().find(|p| matches!(p, GenericParam::Lifetime(_))) {
        Some(lifetime) => Err(Error::new_spanned(lifetime, message)),
        None => Ok(()),
    }
}

/// An identifier that user code does not contain.
pub(crate) fn private(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}
