//! Parses the function as far as the macro looks at it.

use crate::kind::Kind;
use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens, TokenStreamExt};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Item, Signature, Visibility};

/// A function as written. The body stays unparsed: mistakes in it are the compiler's to report.
pub(crate) struct Source {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Source {
    /// Parses the item under the attribute.
    pub(crate) fn parse(kind: Kind, item: TokenStream) -> syn::Result<Self> {
        syn::parse2(item.clone()).map_err(|error| match syn::parse2::<Item>(item) {
            // It is sound, and not a function.
            Ok(other) if !matches!(other, Item::Fn(_) | Item::Verbatim(_)) => {
                syn::Error::new_spanned(other, format!("{} goes on a function", kind.attribute()))
            }
            _ => error,
        })
    }
}

impl Parse for Source {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        if input.is_empty() || input.peek(syn::Token![;]) {
            return Err(syn::Error::new_spanned(&signature, "the function has no body"));
        }
        let body: Group = input.parse()?;
        if body.delimiter() != Delimiter::Brace {
            return Err(syn::Error::new(body.span(), "expected the body of the function in braces"));
        }
        Ok(Source { attributes, visibility, signature, body })
    }
}

impl ToTokens for Source {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attributes);
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}
