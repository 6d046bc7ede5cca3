//! Parameters as the generated functions take them and pass them on.

use crate::function::{Function, Parameter, Role};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

/// Writes the parameters of a function that makes calls: data as anything that converts into `wrapper`, handles as
/// they are, each at its place.
pub(super) fn list(function: &Function, wrapper: &TokenStream) -> TokenStream {
    let parameters = function.parameters.iter().filter_map(|Parameter { name, ty, role }| match role {
        Role::Data(_) => Some(quote!(#name: impl ::flowcore::__private::Into<#wrapper<#ty>>)),
        Role::Resource => Some(quote!(#name: #ty)),
        Role::Yields => None,
    });
    quote!(#(#parameters),*)
}

/// Writes the arguments of data as a tuple of `wrapper`s.
pub(super) fn inputs(function: &Function, wrapper: &TokenStream) -> TokenStream {
    let inputs = function
        .data()
        .map(|(Parameter { name, ty, .. }, _)| quote!(::flowcore::__private::Into::<#wrapper<#ty>>::into(#name)));
    quote!((#(#inputs,)*))
}

/// Writes the type of that tuple.
pub(super) fn inputs_type(function: &Function, wrapper: &TokenStream) -> TokenStream {
    let types = data_types(function);
    quote!((#(#wrapper<#types>,)*))
}

/// Lists the types of the data.
pub(super) fn data_types(function: &Function) -> impl Iterator<Item = &Type> {
    function.data().map(|(parameter, _)| &parameter.ty)
}

/// Lists the names of the data.
pub(super) fn data_names(function: &Function) -> impl Iterator<Item = &Ident> {
    function.data().map(|(parameter, _)| &parameter.name)
}

/// Lists the types of the handles.
pub(super) fn resource_types(function: &Function) -> impl Iterator<Item = &Type> {
    function.resources().map(|parameter| &parameter.ty)
}

/// Lists the names of the handles.
pub(super) fn resource_names(function: &Function) -> impl Iterator<Item = &Ident> {
    function.resources().map(|parameter| &parameter.name)
}
