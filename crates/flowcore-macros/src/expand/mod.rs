//! Writes the code that a task or flow becomes.
//!
//! A function `fetch` becomes a function and a type of that name. The function makes a call; the type holds what
//! belongs to the definition: `fetch::map`, `fetch::definition`, and the user's function as `fetch::fetch`. As an
//! associated function it is not in its own scope, so `fetch(..)` in the body is a call of the task, and it still has
//! its name in traces.
//!
//! Expansions name only `::flowcore::__private`: they compile whatever the user's crate calls its own things, and
//! that crate needs no other dependency. Each type of the user is checked in one place, at which the error appears;
//! the rest of the expansion takes any type (see `Calls` in flowcore), so that one mistake is one error.

mod calls;
mod checks;
mod definition;
mod flow;
mod items;
mod names;
mod parameters;
mod task;

#[cfg(test)]
mod tests;

use crate::errors::Errors;
use crate::function::{Function, Source};
use crate::kind::Kind;
use crate::options::{Arguments, Options};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, parse2};

/// Expands `#[task]` or `#[flow]`.
pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let source = match Source::parse(kind, item.clone()) {
        Ok(source) => source,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let mut errors = Errors::default();
    let function = Function::read(kind, &source, &mut errors);
    let options = read_options(kind, arguments, function.as_ref(), &mut errors);
    let code = match function {
        Some(function) => items::expand(kind, &function, &options),
        None => as_written(source),
    };
    let errors = errors.into_tokens();
    quote!(#errors #code)
}

fn read_options(kind: Kind, arguments: TokenStream, function: Option<&Function>, errors: &mut Errors) -> Options {
    let arguments = parse2::<Arguments>(arguments).unwrap_or_else(|error| {
        errors.push(error);
        Arguments::default()
    });
    // Without the parameters, each name in a template would be a follow-up error.
    let parameters =
        function.map(|function| function.data().map(|(parameter, _)| parameter.name_text()).collect::<Vec<_>>());
    Options::read(kind, arguments, parameters.as_deref(), errors)
}

/// Gives the function as the user wrote it, so that its callers find it.
fn as_written(mut source: Source) -> TokenStream {
    for input in &mut source.signature.inputs {
        if let FnArg::Typed(input) = input {
            let is_ours = |attribute: &Attribute| {
                ["resource", "yields", "default"].iter().any(|name| attribute.path().is_ident(name))
            };
            input.attrs.retain(|attribute| !is_ours(attribute));
        }
    }
    if source.signature.ident != "main" {
        return source.into_token_stream();
    }
    // A `main` that is async would be an error of its own.
    quote!(fn main() { #[allow(dead_code)] #source })
}
