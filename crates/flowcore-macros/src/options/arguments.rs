//! Parses `key = expression, key = expression` and goes on after mistakes.

use crate::errors::Errors;
use proc_macro2::TokenTree;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, Token};

/// One `key = expression`.
pub(crate) struct Argument {
    pub(crate) key: Ident,
    /// The value, or none if only the key is there.
    pub(crate) value: Option<Expr>,
}

/// The arguments of an attribute.
#[derive(Default)]
pub(crate) struct Arguments {
    list: Vec<Argument>,
    mistakes: Vec<syn::Error>,
}

impl Arguments {
    /// Reports the mistakes and gives what was sound.
    pub(crate) fn into_list(self, errors: &mut Errors) -> Vec<Argument> {
        self.mistakes.into_iter().for_each(|mistake| errors.push(mistake));
        self.list
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Arguments::default();
        while !input.is_empty() {
            match input.call(argument) {
                Ok(argument) => arguments.list.push(argument),
                Err(mistake) => {
                    arguments.mistakes.push(mistake);
                    skip_to_comma(input)?;
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

fn argument(input: ParseStream<'_>) -> syn::Result<Argument> {
    let key = Ident::parse_any(input)
        .map_err(|error| syn::Error::new(error.span(), "expected an option, such as `retries = 3`"))?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Argument { key, value: None });
    }
    input.parse::<Token![=]>()?;
    let value = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Argument { key, value: Some(value) });
    }
    Err(input.error("expected a comma and the next option"))
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
