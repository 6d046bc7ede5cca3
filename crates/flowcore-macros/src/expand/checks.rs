//! The one place at which each type of the user is checked, so that a type which does not fit is one error, at the
//! type.

use super::calls::value_type;
use super::parameters::{data_types, resource_types};
use crate::function::{Function, Returned};
use crate::kind::Kind;
use crate::options::Options;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

/// Gives the place of a type, as the macro's own words there.
pub(super) fn place(ty: &Type) -> Span {
    ty.span().resolved_at(Span::call_site())
}

/// Writes the checks that no other generated code makes on the way: of a flow, parameters and handles are checked
/// where its stored parameters are read.
pub(super) fn of_arguments(kind: Kind, function: &Function) -> TokenStream {
    if kind == Kind::Flow || function.parameters.is_empty() {
        return TokenStream::new();
    }
    let data = data_types(function).map(|ty| quote_spanned!(place(ty)=> ::flowcore::__private::argument::<#ty>();));
    let resources =
        resource_types(function).map(|ty| quote_spanned!(place(ty)=> ::flowcore::__private::handle::<#ty>();));
    quote! {
        fn __arguments() {
            #(#data)*
            #(#resources)*
        }
    }
}

/// Writes the codec of the result, which is where the type of the result is checked.
pub(super) fn codec(function: &Function, options: &Options) -> TokenStream {
    let codec = match (&function.returned, options.keeps_result) {
        _ if function.yields().is_some() => yielded_codec(function, options),
        (Returned::Unit, true) => quote!(::flowcore::__private::Some(::flowcore::__private::Codec::of::<()>())),
        (Returned::Unit, false) => quote!(::flowcore::__private::None),
        (Returned::Plain(ty), true) => plain_codec(ty),
        (Returned::Plain(ty), false) => quote_spanned!(place(ty)=> ::flowcore::__private::not_kept::<#ty>()),
        (Returned::Fallible { ty, place: value }, true) => quote_spanned!(place(value)=>
            ::flowcore::__private::Some(::flowcore::__private::Codec::of::<<#ty as ::flowcore::__private::AnyResult>::Value>())
        ),
        (Returned::Fallible { ty, place: value }, false) => quote_spanned!(place(value)=>
            ::flowcore::__private::not_kept::<<#ty as ::flowcore::__private::AnyResult>::Value>()
        ),
    };
    quote! {
        fn __codec() -> ::flowcore::__private::Option<::flowcore::__private::Codec> {
            #codec
        }
    }
}

/// Writes the codec of the list of what a function yields.
fn yielded_codec(function: &Function, options: &Options) -> TokenStream {
    let values = value_type(function);
    let place = function.yields().map_or_else(Span::call_site, |parameter| place(&parameter.ty));
    if options.keeps_result {
        quote_spanned!(place=> ::flowcore::__private::Some(::flowcore::__private::Codec::of::<#values>()))
    } else {
        quote_spanned!(place=> ::flowcore::__private::not_kept::<#values>())
    }
}

/// Writes the codec of a result whose type is not called `Result`; [`returned`] reports it if it is one after all, and
/// then it need not be a type that can be kept.
fn plain_codec(ty: &Type) -> TokenStream {
    quote_spanned!(place(ty)=> {
        use ::flowcore::__private::NotResult as _;
        ::flowcore::__private::ReturnType::<#ty>::codec()
    })
}

/// Writes the check that a type which is not called `Result` is none.
pub(super) fn returned(function: &Function) -> TokenStream {
    let Returned::Plain(ty) = &function.returned else { return TokenStream::new() };
    let message = "write the return type as `Result<..>`: under another name, its error would count as a value";
    quote_spanned! {place(ty)=>
        const _: () = {
            use ::flowcore::__private::NotResult as _;
            ::flowcore::__private::assert!(!::flowcore::__private::ReturnType::<#ty>::IS_RESULT, #message)
        };
    }
}
