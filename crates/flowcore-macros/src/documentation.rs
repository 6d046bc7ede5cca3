//! The text of doc comments.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Tells whether an attribute is a line of a doc comment.
pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

/// Joins the lines of doc comments, without the space that follows `///` and without empty lines around them.
pub(crate) fn text_of(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line_of).collect();
    let text: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split('\n'))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    text.join("\n").trim().to_owned()
}

/// Reads `#[doc = "..."]`; `#[doc(hidden)]` and `#[doc = include_str!(..)]` have no text here.
fn line_of(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if is_doc(attribute) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn lines_are_joined_without_their_indentation() {
        let function: syn::ItemFn = parse_quote! {
            /// Fetches a page.
            ///
            ///     indented
            #[inline]
            #[doc(hidden)]
            fn fetch() {}
        };
        assert_eq!(text_of(&function.attrs), "Fetches a page.\n\n    indented");
    }
}
