//! `#[flowcore::main]`: an async `main` on a runtime.

use crate::errors::Errors;
use crate::options::{Argument, Arguments, closest};
use proc_macro2::{Delimiter, Group, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, Lit, Signature, Visibility, parse2};

struct Main {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    signature: Signature,
    body: Group,
}

impl Parse for Main {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Main {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

/// Expands the attribute. The body stays in an async function of its own, so that the types of its errors are known.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match parse2::<Main>(item.clone()) {
        Ok(main) if main.body.delimiter() == Delimiter::Brace => expand_main(arguments, main),
        Ok(main) => {
            let error =
                syn::Error::new(main.body.span(), "expected the body of the function in braces").into_compile_error();
            quote!(#error #item)
        }
        Err(_) => {
            let error =
                syn::Error::new_spanned(&item, "`#[flowcore::main]` goes on `async fn main`").into_compile_error();
            quote!(#error #item)
        }
    }
}

fn expand_main(arguments: TokenStream, main: Main) -> TokenStream {
    let mut errors = Errors::default();
    check(&main.signature, &mut errors);
    let threads = worker_threads(arguments, &mut errors);
    let Main { attributes, visibility, mut signature, body } = main;
    let is_sound = errors.count() == 0;
    let errors = errors.into_tokens();
    let inner = quote!(#signature #body);
    signature.asyncness = None;
    if !is_sound {
        // The program still has a `main`, so that this is not reported as missing.
        let name = &signature.ident;
        return quote!(#errors #visibility fn #name() { #[allow(dead_code)] #inner });
    }
    let name = &signature.ident;
    quote! {
        #(#attributes)*
        #visibility #signature {
            #[allow(clippy::unused_async)]
            #inner
            ::flowcore::__private::block_on_main(#threads, #name())
        }
    }
}

fn check(signature: &Signature, errors: &mut Errors) {
    if signature.asyncness.is_none() {
        errors.at(&signature.fn_token, "`#[flowcore::main]` runs an async function: write `async fn`");
    }
    if !signature.inputs.is_empty() {
        errors.at(&signature.inputs, "`main` has no parameters: read the command line with `std::env::args`");
    }
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, "`main` cannot be generic");
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(clause, "`main` is not generic, and a `where` clause has nothing to say: remove it");
    }
}

/// Reads `worker_threads = N`.
fn worker_threads(arguments: TokenStream, errors: &mut Errors) -> TokenStream {
    const EXAMPLE: &str = "worker_threads = 4";
    let arguments = parse2::<Arguments>(arguments).unwrap_or_else(|error| {
        errors.push(error);
        Arguments::default()
    });
    let mut threads: Option<Expr> = None;
    for Argument { key, value } in arguments.into_list(errors) {
        if key != "worker_threads" {
            let slip = closest(&key.to_string(), ["worker_threads"].into_iter()).is_some();
            let question = if slip { "; did you mean `worker_threads`?" } else { "" };
            errors.at(&key, format!("`#[flowcore::main]` has no option `{key}`{question}: it has `{EXAMPLE}`"));
        } else if threads.is_some() {
            errors.at(&key, format!("`{key}` is given twice"));
        } else if let Some(value) = value {
            check_number(&value, errors);
            threads = Some(value);
        } else {
            errors.at(&key, format!("say the value, such as `{EXAMPLE}`"));
        }
    }
    match threads {
        Some(threads) => quote!(::flowcore::__private::Some(#threads)),
        None => quote!(::flowcore::__private::None),
    }
}

fn check_number(value: &Expr, errors: &mut Errors) {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.base10_digits() == "0" => {
            errors.at(value, "a runtime has at least one thread: write `worker_threads = 1`, or leave it out");
        }
        Expr::Lit(ExprLit { lit: Lit::Int(_), .. }) => {}
        Expr::Lit(_) | Expr::Unary(_) => {
            errors.at(value, "`worker_threads` is a number of threads, such as `worker_threads = 4`");
        }
        _ => {}
    }
}
