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

/// Writes the user's function, as the user wrote it. Owned arguments, a `Result`, `async` and a place in an `impl` are
/// what the macro asks for, needed or not.
fn user_function(function: &Function) -> TokenStream {
    let (name, mut signature, body) = (function.generated_name(), function.signature.clone(), &function.body);
    signature.ident = names::body(function);
    let (lints, attributes) = (&function.attributes.lints, &function.attributes.body);
    let not_the_users_choice = [
        quote!(clippy::missing_const_for_fn),
        quote!(clippy::needless_pass_by_value),
        quote!(clippy::new_ret_no_self),
        quote!(clippy::unnecessary_wraps),
        quote!(clippy::unused_async),
    ];
    quote! {
        impl #name {
            #[allow(dead_code)]
            #[allow(#(#not_the_users_choice),*)]
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
        #[allow(clippy::too_many_arguments, clippy::used_underscore_binding)]
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
        #[allow(dead_code, clippy::too_many_arguments, clippy::used_underscore_binding)]
        #(#lints)*
        #call
    }
}
