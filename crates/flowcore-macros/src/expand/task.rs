//! What only tasks have.

use super::calls::{make_call, value_type};
use super::parameters::list;
use crate::function::Function;
use proc_macro2::TokenStream;
use quote::quote;

/// Writes `map`, if there is anything to map over.
pub(super) fn map(function: &Function) -> TokenStream {
    if function.data().next().is_none() {
        return TokenStream::new();
    }
    let visibility = &function.visibility;
    let wrapper = quote!(::flowcore::__private::MapInput);
    let (parameters, call) = (list(function, &wrapper), make_call(function, "map", &wrapper));
    let value = value_type(function);
    quote! {
        /// Calls the task once for each value of the lists among the arguments.
        #visibility fn map(#parameters) -> ::flowcore::__private::MapCall<#value> {
            #call
        }
    }
}
