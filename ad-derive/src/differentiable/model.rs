//! What the attribute understands of a function.

use quote::ToTokens;
use syn::{
    Attribute, ConstParam, Error, FnArg, GenericArgument, GenericParam, Generics, Ident, ItemFn,
    Pat, PatIdent, PathArguments, Result, ReturnType, Signature, Type, TypePath, Visibility,
    parse_quote,
};

use crate::scalar::{check_owned, is_just, mentions, refuse_lifetimes, scalar_parameters};

/// A generic function that can be differentiated.
pub(super) struct Model {
    pub(super) name: Ident,
    pub(super) visibility: Visibility,
    /// The `cfg` attributes, which hold for what is added too.
    pub(super) cfgs: Vec<Attribute>,
    pub(super) generics: Generics,
    /// The type parameter that stands for the scalar.
    pub(super) scalar: Ident,
    pub(super) arguments: Vec<Argument>,
    /// The type of a value.
    pub(super) output: Type,
    /// Whether the function returns a `Result` of it.
    pub(super) fallible: bool,
}

impl Model {
    pub(super) fn consts(&self) -> impl Iterator<Item = &ConstParam> {
        self.generics.const_params()
    }
}

/// An argument of the function.
pub(super) struct Argument {
    pub(super) name: Ident,
    /// As the function takes it.
    pub(super) ty: Type,
    pub(super) kind: Kind,
}

/// What becomes of an argument.
pub(super) enum Kind {
    /// Its type does not mention the scalar. `referent` is set if it is a reference.
    Constant { referent: Option<Type> },
    /// It can be active; kept as an `owned`.
    Differentiable { owned: Type, passing: Passing },
}

/// How the function takes a differentiable argument.
pub(super) enum Passing {
    Value,
    Reference,
    /// A slice of scalars, which needs no copy.
    Slice,
}

pub(super) fn parse(function: &ItemFn) -> Result<Model> {
    let signature = &function.sig;
    refuse_qualifiers(signature)?;
    let scalar = scalar(signature)?;
    let arguments = arguments(signature, &scalar)?;
    let (output, fallible) = output(signature, &scalar)?;
    Ok(Model {
        name: signature.ident.clone(),
        visibility: function.vis.clone(),
        cfgs: function.attrs.iter().filter(|a| a.path().is_ident("cfg")).cloned().collect(),
        generics: signature.generics.clone(),
        scalar,
        arguments,
        output,
        fallible,
    })
}

fn refuse_qualifiers(signature: &Signature) -> Result<()> {
    let refuse = |qualifier: Option<&dyn ToTokens>, what: &str| match qualifier {
        Some(tokens) => Err(Error::new_spanned(tokens, format!("{what} cannot be differentiated"))),
        None => Ok(()),
    };
    let Signature { constness, asyncness, unsafety, abi, variadic, .. } = signature;
    refuse(constness.as_ref().map(|t| t as _), "a `const fn`")?;
    refuse(asyncness.as_ref().map(|t| t as _), "an `async fn`")?;
    refuse(unsafety.as_ref().map(|t| t as _), "an `unsafe fn`")?;
    refuse(abi.as_ref().map(|t| t as _), "an `extern fn`")?;
    refuse(variadic.as_ref().map(|t| t as _), "a variadic function")
}

/// The one type parameter.
fn scalar(signature: &Signature) -> Result<Ident> {
    let (name, generics) = (&signature.ident, &signature.generics);
    refuse_lifetimes(
        generics,
        "lifetimes are not supported here: elide them; a result owns what it returns",
    )?;
    let scalars = scalar_parameters(generics);
    let Some(scalar) = scalars.first() else {
        let message = format!("`{name}` must be generic over its scalar: `fn {name}<S: Scalar>`");
        return Err(Error::new_spanned(name, message));
    };
    if let Some(second) = scalars.get(1) {
        let message = "a second scalar parameter: all arguments are over the same scalar";
        return Err(Error::new_spanned(second, message));
    }
    if let Some(other) = generics.type_params().find(|other| other.ident != scalar.ident) {
        let message = "only the scalar may be a type parameter (and there may be `const` ones)";
        return Err(Error::new_spanned(other, message));
    }
    Ok(scalar.ident.clone())
}

fn arguments(signature: &Signature, scalar: &Ident) -> Result<Vec<Argument>> {
    let (mut arguments, mut errors) = (Vec::new(), Vec::new());
    for input in &signature.inputs {
        match argument(input, scalar) {
            Ok(argument) => arguments.push(argument),
            Err(error) => errors.push(error),
        }
    }
    let combined = errors.into_iter().reduce(|mut errors, error| {
        errors.combine(error);
        errors
    });
    combined.map_or(Ok(()), Err)?;
    if arguments.iter().any(|argument| matches!(argument.kind, Kind::Differentiable { .. })) {
        return Ok(arguments);
    }
    let message = format!("`{}` has no argument in the scalar `{scalar}`", signature.ident);
    Err(Error::new_spanned(&signature.ident, message))
}

fn argument(input: &FnArg, scalar: &Ident) -> Result<Argument> {
    let typed = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            let message = "a method cannot be differentiated: write a function that takes the \
                           value as its first argument";
            return Err(Error::new_spanned(receiver, message));
        }
    };
    let Pat::Ident(PatIdent { ident, subpat: None, by_ref: None, .. }) = &*typed.pat else {
        let message = "the argument needs a name: it becomes the field of a gradient";
        return Err(Error::new_spanned(&typed.pat, message));
    };
    let ty = (*typed.ty).clone();
    let kind = kind(&ty, scalar)?;
    Ok(Argument { name: ident.clone(), ty, kind })
}

fn kind(ty: &Type, scalar: &Ident) -> Result<Kind> {
    let referent = match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let message = "unsupported type: a function returns its results; it cannot write them";
            return Err(Error::new_spanned(ty, message));
        }
        Type::Reference(reference) => Some(&*reference.elem),
        _ => None,
    };
    let inner = referent.unwrap_or(ty);
    check_owned(inner)?;
    if !mentions(ty, scalar) {
        return Ok(Kind::Constant { referent: referent.cloned() });
    }
    let (owned, passing) = match (inner, referent) {
        (Type::Slice(slice), _) => {
            let element = &slice.elem;
            let just = is_just(element, scalar);
            let passing = if just { Passing::Slice } else { Passing::Reference };
            (parse_quote!(::std::vec::Vec<#element>), passing)
        }
        (_, Some(_)) => (inner.clone(), Passing::Reference),
        (_, None) => (inner.clone(), Passing::Value),
    };
    Ok(Kind::Differentiable { owned, passing })
}

/// The type of a value, and whether it is wrapped in a `Result`.
fn output(signature: &Signature, scalar: &Ident) -> Result<(Type, bool)> {
    let ReturnType::Type(_, ty) = &signature.output else {
        let message = format!("`{}` returns nothing to differentiate", signature.ident);
        return Err(Error::new_spanned(&signature.ident, message));
    };
    let (value, fallible) = match result_value(ty) {
        Some(value) => (value, true),
        None => (&**ty, false),
    };
    if !mentions(value, scalar) {
        let message = format!("the result does not depend on the scalar `{scalar}`");
        return Err(Error::new_spanned(value, message));
    }
    check_owned(value)?;
    Ok((value.clone(), fallible))
}

/// The `T` of a `Result<T, E>`, or of an alias called `Result`.
fn result_value(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { path, .. }) = ty else { return None };
    let last = path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// A generic parameter as an argument: `S`, `N`.
pub(super) fn as_argument(parameter: &GenericParam) -> &Ident {
    match parameter {
        GenericParam::Type(parameter) => &parameter.ident,
        GenericParam::Const(parameter) => &parameter.ident,
        GenericParam::Lifetime(parameter) => &parameter.lifetime.ident,
    }
}
