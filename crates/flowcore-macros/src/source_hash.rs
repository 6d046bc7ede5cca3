//! A hash of a function's code that changes with the code and not with its layout.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Signature;

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Hashes a signature and a body (FNV-1a, 128 bits) as 32 hexadecimal digits.
///
/// Comments and documentation, spaces, the comma that rustfmt leaves at the end of a list, and attributes of the
/// function do not count: a task that was only reformatted keeps its cached results.
pub(crate) fn source_hash(signature: &Signature, body: &TokenStream) -> String {
    let mut hasher = Hasher(OFFSET);
    hasher.stream(signature.to_token_stream());
    hasher.stream(body.clone());
    format!("{:032x}", hasher.0)
}

struct Hasher(u128);

impl Hasher {
    fn text(&mut self, text: &str) {
        // The zero keeps `a b` and `ab` apart.
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }

    fn stream(&mut self, stream: TokenStream) {
        let mut tokens = stream.into_iter().peekable();
        let mut follows_callee = false;
        while let Some(token) = tokens.next() {
            let is_callee = may_be_called(&token);
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' && tokens.peek().is_some_and(is_documentation) => {
                    tokens.next();
                }
                // Spacing is left out: `a = -1` and `a =-1` differ in it.
                TokenTree::Punct(punct) => self.text(punct.as_char().encode_utf8(&mut [0; 4])),
                TokenTree::Ident(ident) => self.text(&ident.to_string()),
                TokenTree::Literal(literal) => self.text(&literal.to_string()),
                TokenTree::Group(group) => self.group(&group, follows_callee),
            }
            follows_callee = is_callee;
        }
    }

    fn group(&mut self, group: &Group, follows_callee: bool) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => return self.stream(group.stream()),
        };
        let may_be_tuple = group.delimiter() == Delimiter::Parenthesis && !follows_callee;
        self.text(open);
        self.stream(without_last_comma(group.stream(), may_be_tuple));
        self.text(close);
    }
}

/// Tells whether parentheses after this token hold arguments, so that `(x,)` is the same as `(x)`.
fn may_be_called(token: &TokenTree) -> bool {
    const BEFORE_A_TUPLE: [&str; 14] =
        ["as", "break", "else", "for", "if", "in", "let", "match", "move", "mut", "ref", "return", "while", "yield"];
    match token {
        TokenTree::Ident(ident) => !BEFORE_A_TUPLE.iter().any(|keyword| ident == keyword),
        TokenTree::Group(group) => group.delimiter() != Delimiter::Brace,
        TokenTree::Punct(punct) => matches!(punct.as_char(), '!' | '?'),
        TokenTree::Literal(_) => false,
    }
}

fn is_documentation(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    group.delimiter() == Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc")
}

/// Takes away the comma that ends a list, unless it makes a tuple of one.
fn without_last_comma(stream: TokenStream, may_be_tuple: bool) -> TokenStream {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let mut tokens: Vec<TokenTree> = stream.into_iter().collect();
    let commas = tokens.iter().filter(|token| is_comma(token)).count();
    if tokens.last().is_some_and(is_comma) && (!may_be_tuple || commas > 1) {
        tokens.pop();
    }
    tokens.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    fn hash(code: &str) -> String {
        let function: syn::ItemFn = syn::parse_str(code).expect("a function");
        source_hash(&function.sig, &function.block.to_token_stream())
    }

    #[test]
    fn layout_comments_and_attributes_do_not_count() {
        let plain = hash("async fn fetch(a: u8, b: u8) -> u8 { sum(a, -b) }");
        let laid_out = "
            /// Documentation.
            #[inline]
            async fn fetch(
                a: u8,
                b: u8,
            ) -> u8 {
                // A comment.
                sum(
                    a,
                    - b,
                )
            }";
        assert_eq!(plain, hash(laid_out));
        assert_eq!(plain.len(), 32);
    }

    #[test]
    fn a_list_of_one_over_several_lines_is_no_tuple() {
        assert_eq!(hash("fn f(a: u8) { g(a) }"), hash("fn f(\na: u8,\n) { g(\na,\n) }"));
        assert_ne!(hash("fn f(a: u8) { return (a) }"), hash("fn f(a: u8) { return (a,) }"));
    }

    #[test]
    fn documentation_inside_does_not_count() {
        assert_eq!(hash("fn f() { struct A; }"), hash("fn f() { /** Text. */ struct A; }"));
    }

    #[test]
    fn code_counts() {
        let base = hash("fn f(a: u8) -> u8 { a + 1 }");
        let others = [
            "fn g(a: u8) -> u8 { a + 1 }",
            "fn f(b: u8) -> u8 { b + 1 }",
            "fn f(a: u8) -> u8 { a + 2 }",
            "fn f(a: u8) -> u8 { a + \"1\" }",
            "async fn f(a: u8) -> u8 { a + 1 }",
            "fn f(a: u8) -> u8 { (a + 1,) }",
            "fn f(a: u8) -> u8 { (a + 1) }",
            "fn f(a: u8) -> u8 { { a + 1 } }",
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(base, hash(other), "{other}");
            for earlier in &others[..index] {
                assert_ne!(hash(earlier), hash(other), "{earlier} and {other}");
            }
        }
    }

    #[test]
    fn it_is_the_published_function() {
        // The reference value of FNV-1a (128 bits) for the single byte "a".
        let mut hasher = Hasher(OFFSET);
        hasher.0 = (hasher.0 ^ u128::from(b'a')).wrapping_mul(PRIME);
        assert_eq!(format!("{:032x}", hasher.0), "d228cb696f1a8caf78912b704e4a8964");
    }
}
