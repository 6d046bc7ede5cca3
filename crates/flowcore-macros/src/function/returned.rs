//! Reads the return type.

use super::borrowed::{Place, refuse};
use crate::errors::Errors;
use crate::kind::Kind;
use syn::{GenericArgument, PathArguments, ReturnType, Type};

/// What the function returns.
pub(crate) enum Returned {
    /// Nothing.
    Unit,
    /// A value; the function cannot fail.
    Plain(Type),
    /// A `Result`; `place` is the type of its value as far as it is written down.
    Fallible { ty: Type, place: Box<Type> },
}

impl Returned {
    /// Reads the return type.
    pub(super) fn read(kind: Kind, output: &ReturnType, errors: &mut Errors) -> Self {
        let ReturnType::Type(_, ty) = output else { return Returned::Unit };
        refuse(Place::Result, kind.noun(), ty, errors);
        if let Type::Never(never) = &**ty {
            errors.at(never, format!("a run ends with a result: return `()`, or let the {} be cancelled", kind.noun()));
        }
        match value_of(ty) {
            Some(place) => Returned::Fallible { ty: (**ty).clone(), place: Box::new(place) },
            None => Returned::Plain((**ty).clone()),
        }
    }
}

/// Finds the type of the value in a `Result`: its first argument, or the whole type if an alias hides that.
fn value_of(ty: &Type) -> Option<Type> {
    let path = match ty {
        Type::Group(group) => return value_of(&group.elem),
        Type::Paren(inner) => return value_of(&inner.elem),
        Type::Path(path) => path,
        _ => return None,
    };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let written = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty.clone()),
            _ => None,
        }),
        _ => None,
    };
    Some(written.unwrap_or_else(|| ty.clone()))
}
