//! The functions that make calls, and the one that runs the body.

use super::parameters::{data_names, data_types, inputs, inputs_type, list, resource_names, resource_types};
use super::{checks, names};
use crate::function::{Function, Parameter, Returned};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

/// Writes the type of the value that the function returns.
pub(super) fn value_type(function: &Function) -> TokenStream {
    if let Some(Parameter { ty, .. }) = function.yields() {
        return quote_spanned!(checks::place(ty)=> ::flowcore::__private::Yielded<#ty>);
    }
    match &function.returned {
        Returned::Unit => quote!(()),
        Returned::Plain(ty) => quote!(#ty),
        Returned::Fallible { ty, .. } => quote!(<#ty as ::flowcore::__private::AnyResult>::Value),
    }
}

/// Writes the expression that makes a call: `constructor` is what `Calls` has for it, `wrapper` what arguments are
/// wrapped in.
pub(super) fn make_call(function: &Function, constructor: &str, wrapper: &TokenStream) -> TokenStream {
    let name = function.generated_name();
    let constructor = Ident::new(constructor, Span::call_site());
    let (inputs, inputs_type) = (inputs(function, wrapper), inputs_type(function, wrapper));
    let (resources, resource_types) = (resource_names(function), resource_types(function));
    let value = value_type(function);
    quote! {
        use ::flowcore::__private::Unchecked as _;
        ::flowcore::__private::Calls::<#inputs_type, (#(#resource_types,)*), #value>::#constructor(
            #name::definition(),
            #inputs,
            (#(#resources,)*),
            #name::__run,
            #name::__codec(),
        )
    }
}

/// Writes the function of the user's name.
pub(super) fn call_function(function: &Function, call: &str, constructor: &str) -> TokenStream {
    let Function { visibility, name, .. } = function;
    let wrapper = quote!(::flowcore::__private::Input);
    let (parameters, body) = (list(function, &wrapper), make_call(function, constructor, &wrapper));
    if let Some(Parameter { ty, .. }) = function.yields() {
        let item = quote_spanned!(checks::place(ty)=> <#ty as ::flowcore::__private::YieldTo>::Item);
        return quote! {
            #visibility fn #name(#parameters) -> ::flowcore::__private::StreamCall<#item> {
                ::flowcore::__private::StreamCall::new({ #body })
            }
        };
    }
    let call = Ident::new(call, Span::call_site());
    let value = value_type(function);
    quote! {
        #visibility fn #name(#parameters) -> ::flowcore::__private::#call<#value> {
            #body
        }
    }
}

/// Writes the function that runs the user's with all its arguments, and erases its error. That the future can be sent
/// to another thread is said here, once.
pub(super) fn run(function: &Function) -> TokenStream {
    let (data, data_types) = (data_names(function), data_types(function));
    let (resources, resource_types) = (resource_names(function), resource_types(function));
    let value = value_type(function);
    let body = run_body(function);
    let place = function.name.span().resolved_at(Span::call_site());
    let future = quote_spanned! {place=>
        impl ::flowcore::__private::Future<Output = ::flowcore::__private::Result<#value, ::flowcore::__private::Error>>
            + ::flowcore::__private::Send + 'static
    };
    quote! {
        fn __run((#(#data,)*): (#(#data_types,)*), (#(#resources,)*): (#(#resource_types,)*)) -> #future {
            #body
        }
    }
}

fn run_body(function: &Function) -> TokenStream {
    let (name, body) = (function.generated_name(), names::body(function));
    let arguments = function.parameters.iter().map(|parameter| &parameter.name);
    let call = quote!(#name::#body(#(#arguments),*));
    let running = if function.is_async {
        let result = into_result(function, &quote!(#call.await));
        quote!(async move { #result })
    } else {
        let result = into_result(function, &call);
        quote!(::flowcore::__private::blocking(move || { #result }))
    };
    match function.yields() {
        Some(Parameter { name, ty, .. }) => quote!(::flowcore::__private::yielding(move |#name: #ty| #running)),
        None => running,
    }
}

/// Turns what the user's function returns into a result with the engine's error.
fn into_result(function: &Function, returned: &TokenStream) -> TokenStream {
    match &function.returned {
        Returned::Unit => quote!(#returned; ::flowcore::__private::Ok(())),
        Returned::Plain(_) => quote!(::flowcore::__private::Ok(#returned)),
        Returned::Fallible { ty, .. } => {
            quote_spanned!(checks::place(ty)=> <#ty as ::flowcore::__private::Fallible>::erase(#returned))
        }
    }
}
