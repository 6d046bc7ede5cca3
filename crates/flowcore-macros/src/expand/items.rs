//! Puts the generated items together.

use super::{calls, checks, definition, flow, names, task};
use crate::function::Function;
use crate::kind::Kind;
use crate::options::Options;
use proc_macro2::TokenStream;
use quote::quote;

/// Writes everything that a function becomes.
pub(super) fn expand(kind: Kind, function: &Function, options: &Options) -> TokenStream {
    let conditions = &function.attributes.conditions;
    let conditions = quote!(#(#conditions)*);
    let items = [
        type_of_definition(kind, function),
        user_function(function),
        associated_functions(kind, function, options),
        call_function(kind, function),
        checks::returned(function),
        if kind == Kind::Flow { flow::registration(function) } else { TokenStream::new() },
    ];
    let items = items.iter().filter(|item| !item.is_empty());
    quote!(#(#conditions #items)*)
}

/// Writes the type that holds what belongs to the definition. It has braces so that it is no value: the value of this
/// name is the function.
fn type_of_definition(kind: Kind, function: &Function) -> TokenStream {
    let (visibility, name) = (&function.visibility, function.generated_name());
    let mut docs: Vec<_> = function.attributes.docs().map(|doc| quote!(#doc)).collect();
    if docs.is_empty() {
        let summary = format!("Holds the definition of the {} of this name.", kind.noun());
        docs.push(quote!(#[doc = #summary]));
    }
    quote! {
        #(#docs)*
        #[allow(non_camel_case_types, dead_code, unreachable_pub)]
        #visibility struct #name {}
    }
}

/// Writes the user's function, as the user wrote it.
fn user_function(function: &Function) -> TokenStream {
    let (name, mut signature, body) = (function.generated_name(), function.signature.clone(), &function.body);
    signature.ident = names::body(function);
    let (lints, attributes) = (&function.attributes.lints, &function.attributes.body);
    quote! {
        impl #name {
            // Owned arguments, a `Result` and `async` are what the macro asks for, needed or not.
            #[allow(dead_code, clippy::needless_pass_by_value, clippy::unnecessary_wraps, clippy::unused_async)]
            #(#lints)*
            #(#attributes)*
            #signature #body
        }
    }
}

fn associated_functions(kind: Kind, function: &Function, options: &Options) -> TokenStream {
    let name = function.generated_name();
    let specific = match kind {
        Kind::Task => task::map(function),
        Kind::Flow => flow::functions(function),
    };
    let more = match kind {
        Kind::Task => TokenStream::new(),
        Kind::Flow => quote!(, #name::__schema, #name::__start),
    };
    let definition = definition::definition(kind, function, options, &more);
    let (run, codec) = (calls::run(function), checks::codec(function, options));
    let arguments = checks::of_arguments(kind, function);
    quote! {
        #[allow(dead_code, deprecated, unreachable_pub, private_interfaces)]
        impl #name {
            #specific
            #definition
            #run
            #codec
            #arguments
        }
    }
}

fn call_function(kind: Kind, function: &Function) -> TokenStream {
    let call = match kind {
        Kind::Task => calls::call_function(function, "TaskCall", "task"),
        Kind::Flow => calls::call_function(function, "FlowCall", "flow"),
    };
    let (public, lints) = (&function.attributes.public, &function.attributes.lints);
    quote! {
        #(#public)*
        #[allow(dead_code)]
        #(#lints)*
        #call
    }
}
