//! What only flows have: the schema of the parameters, starting from stored parameters, the registration.

use super::checks::place;
use super::names;
use crate::function::{Data, Function, Parameter, Role};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, ExprLit, Lit, Type};

/// Writes the associated functions.
pub(super) fn functions(function: &Function) -> TokenStream {
    let defaults = function.data().filter_map(|(parameter, data)| Some(default(parameter, data.default.as_ref()?)));
    let (schema, start, deployment) = (schema(function), start(function), deployment(function));
    quote!(#(#defaults)* #schema #start #deployment)
}

/// Writes the function that makes deployments.
fn deployment(function: &Function) -> TokenStream {
    let (visibility, flow) = (&function.visibility, function.generated_name());
    quote! {
        /// Makes a deployment of the flow. The name is unique among those of the flow.
        #visibility fn deployment(
            name: impl ::flowcore::__private::Into<::flowcore::__private::String>,
        ) -> ::flowcore::__private::Deployment {
            #flow::definition().deployment(name)
        }
    }
}

/// Writes the entry in the registry.
pub(super) fn registration(function: &Function) -> TokenStream {
    let name = function.generated_name();
    quote! {
        ::flowcore::__private::inventory::submit! {
            ::flowcore::__private::FlowRegistration { definition: #name::definition }
        }
    }
}

/// Writes the function that gives a default, for the schema and for runs whose parameters leave it out.
fn default(parameter: &Parameter, value: &Expr) -> TokenStream {
    let (function, ty) = (names::default_of(&parameter.name_text()), &parameter.ty);
    let value = if is_text(value) { quote!(::flowcore::__private::Into::into(#value)) } else { quote!(#value) };
    quote! {
        fn #function() -> #ty {
            #value
        }
    }
}

fn schema(function: &Function) -> TokenStream {
    let parameters = function.data().map(|(parameter, data)| parameter_schema(function, parameter, data));
    quote! {
        fn __schema() -> ::flowcore::__private::serde_json::Value {
            ::flowcore::__private::parameters_schema(&[#(#parameters),*])
        }
    }
}

fn parameter_schema(function: &Function, parameter: &Parameter, data: &Data) -> TokenStream {
    let flow = function.generated_name();
    let (name, ty, documentation) = (parameter.name_text(), &parameter.ty, &data.documentation);
    let optional = data.default.is_some() || is_option(ty);
    let default = match &data.default {
        Some(_) => {
            let default = names::default_of(&name);
            quote! {{
                use ::flowcore::__private::SchemaFallback as _;
                ::flowcore::__private::SchemaProbe::<#ty>::default_json(#flow::#default)
            }}
        }
        None if optional => quote!(::flowcore::__private::Some(::flowcore::__private::serde_json::Value::Null)),
        None => quote!(::flowcore::__private::None),
    };
    quote! {
        ::flowcore::__private::ParameterSchema {
            name: #name,
            documentation: #documentation,
            optional: #optional,
            default: || #default,
            schema: |schemas| {
                use ::flowcore::__private::SchemaFallback as _;
                ::flowcore::__private::SchemaProbe::<#ty>::schema(schemas)
            },
        }
    }
}

fn start(function: &Function) -> TokenStream {
    let name = function.generated_name();
    let arguments = function.parameters.iter().map(|parameter| stored_argument(function, parameter));
    quote! {
        fn __start(
            parameters: &::flowcore::__private::Parameters,
        ) -> ::flowcore::__private::Result<::flowcore::__private::AnyFlowCall, ::flowcore::__private::ParameterError> {
            ::flowcore::__private::Ok(::flowcore::__private::AnyFlowCall::from(#name(#(#arguments),*)))
        }
    }
}

/// Writes how an argument is found for a run that is started by name; here its type is checked.
fn stored_argument(function: &Function, parameter: &Parameter) -> TokenStream {
    let flow = function.generated_name();
    let (name, ty, flow_name) = (parameter.name_text(), &parameter.ty, function.name_text());
    let place = place(ty);
    let read = match &parameter.role {
        // No flow yields: that was refused before.
        Role::Resource | Role::Yields => {
            quote_spanned!(place=> ::flowcore::__private::resource::<#ty>(#flow_name, #name))
        }
        Role::Data(Data { default: None, .. }) => {
            quote_spanned!(place=> ::flowcore::__private::parameter::<#ty>(parameters, #name))
        }
        Role::Data(Data { default: Some(_), .. }) => {
            let default = names::default_of(&name);
            quote_spanned!(place=> ::flowcore::__private::parameter_or::<#ty>(parameters, #name, #flow::#default))
        }
    };
    quote!(#read?)
}

/// Tells whether a type is written as an `Option`.
fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "Option"),
        Type::Group(group) => is_option(&group.elem),
        Type::Paren(inner) => is_option(&inner.elem),
        _ => false,
    }
}

/// Tells whether a default is a text as it stands: then it is converted into the type of the parameter.
fn is_text(value: &Expr) -> bool {
    matches!(value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }))
}
