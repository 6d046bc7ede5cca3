//! The definition: where the function is and what its attribute says.

use super::parameters;
use crate::function::Function;
use crate::kind::Kind;
use crate::options::Options;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

/// Writes `definition()`; `more` are the arguments of its constructor beside the site and the options.
pub(super) fn definition(kind: Kind, function: &Function, options: &Options, more: &TokenStream) -> TokenStream {
    let visibility = &function.visibility;
    let (site, options) = (site(function), options.to_expression(kind));
    let ty = match kind {
        Kind::Task => quote!(::flowcore::__private::TaskDefinition),
        Kind::Flow => quote!(::flowcore::__private::FlowDefinition),
    };
    let summary = format!("Gives the definition of the {}.", kind.noun());
    quote! {
        #[doc = #summary]
        #visibility fn definition() -> &'static #ty {
            static DEFINITION: ::flowcore::__private::LazyLock<#ty> =
                ::flowcore::__private::LazyLock::new(|| #ty::new(#site, #options #more));
            &DEFINITION
        }
    }
}

fn site(function: &Function) -> TokenStream {
    let Function { documentation, source_hash, .. } = function;
    let name = function.name_text();
    let parameters = parameters::data_names(function).map(|name| name.unraw().to_string());
    quote! {
        ::flowcore::__private::Site {
            key: ::flowcore::__private::concat!(::flowcore::__private::module_path!(), "::", #name),
            name: #name,
            file: ::flowcore::__private::file!(),
            line: ::flowcore::__private::line!(),
            source_hash: #source_hash,
            parameters: &[#(#parameters),*],
            documentation: #documentation,
        }
    }
}
