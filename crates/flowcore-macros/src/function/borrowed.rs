//! Finds borrows and opaque types in the type of a parameter or result.

use crate::errors::Errors;
use quote::ToTokens;
use syn::{GenericArgument, Lifetime, PathArguments, Type, TypeReference};

/// Where a type stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Argument,
    Result,
}

/// Reports what is borrowed or opaque in a type, at its place; `noun` names the task or flow.
pub(super) fn refuse(place: Place, noun: &str, ty: &Type, errors: &mut Errors) {
    match ty {
        Type::Reference(reference) => errors.at(reference, borrowed(place, reference)),
        Type::ImplTrait(opaque) => errors.at(
            opaque,
            match place {
                Place::Argument => {
                    format!("a {noun} is defined once and cannot be generic: name the type instead of `impl Trait`")
                }
                Place::Result => {
                    format!("the result of a {noun} is kept and read back: name its type instead of `impl Trait`")
                }
            },
        ),
        Type::Ptr(pointer) => {
            errors.at(pointer, "a pointer can be neither kept nor sent to another thread: use an owned value")
        }
        Type::Slice(slice) => errors.at(slice, "a slice has no size of its own: use a `Vec`"),
        Type::Array(array) => refuse(place, noun, &array.elem, errors),
        Type::Group(group) => refuse(place, noun, &group.elem, errors),
        Type::Paren(inner) => refuse(place, noun, &inner.elem, errors),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|ty| refuse(place, noun, ty, errors)),
        Type::Path(path) => {
            for segment in &path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &segment.arguments {
                    arguments.args.iter().for_each(|argument| refuse_in(place, noun, argument, errors));
                }
            }
        }
        _ => {}
    }
}

fn refuse_in(place: Place, noun: &str, argument: &GenericArgument, errors: &mut Errors) {
    match argument {
        GenericArgument::Type(Type::Reference(reference)) if is_static(reference.lifetime.as_ref()) => {}
        // What holds it gives it a size: `Arc<[T]>`, `Box<[T]>`.
        GenericArgument::Type(Type::Slice(slice)) => refuse(place, noun, &slice.elem, errors),
        GenericArgument::Type(ty) => refuse(place, noun, ty, errors),
        GenericArgument::Lifetime(lifetime) if !is_static(Some(lifetime)) => errors.at(
            lifetime,
            match place {
                Place::Argument => "arguments are kept and may be sent to another thread: they cannot borrow; use an owned type, or `'static`",
                Place::Result => "results are kept after the function has returned: they cannot borrow; use an owned type, or `'static`",
            },
        ),
        _ => {}
    }
}

fn is_static(lifetime: Option<&Lifetime>) -> bool {
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

fn borrowed(place: Place, reference: &TypeReference) -> String {
    let owned = owned(&reference.elem);
    match place {
        Place::Argument => format!("take {owned}: arguments are kept and may be sent to another thread"),
        Place::Result => format!("return {owned}: results are kept after the function has returned"),
    }
}

/// Names the owned type to use instead of a reference to this one.
fn owned(ty: &Type) -> String {
    match ty {
        Type::Path(path) if path.path.is_ident("str") => "a `String`".to_owned(),
        Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Path") => {
            "a `PathBuf`".to_owned()
        }
        Type::Slice(slice) => format!("a `Vec<{}>`", text(&slice.elem)),
        Type::TraitObject(object) => format!("an `Arc<{}>`", text(object)),
        other => format!("`{}` itself", text(other)),
    }
}

/// Writes a type as a programmer would.
fn text(ty: &impl ToTokens) -> String {
    let text = ty.to_token_stream().to_string();
    [(" < ", "<"), (" > ", ">"), (" >", ">"), (" :: ", "::"), (" ,", ","), ("& ", "&")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}
