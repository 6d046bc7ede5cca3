//! Names of generated items.

use proc_macro2::Span;
use quote::format_ident;
use syn::Ident;

use crate::function::Function;

/// The name of the user's function inside the type of the task or flow: its own, unless that is taken.
pub(super) fn body(function: &Function) -> Ident {
    let taken = ["map", "definition", "deployment"].iter().any(|taken| function.name == taken);
    if taken { format_ident!("__{}", function.name_text(), span = function.name.span()) } else { function.name.clone() }
}

/// The name of the function that gives a parameter's default.
pub(super) fn default_of(parameter: &str) -> Ident {
    Ident::new(&format!("__default_{parameter}"), Span::call_site())
}
