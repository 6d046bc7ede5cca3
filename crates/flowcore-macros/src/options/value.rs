//! Checks the value of an option as far as it is a literal; what else it may be, the compiler checks.

use super::number::Number;
use super::table::{Known, Value};
use crate::errors::Errors;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprArray, ExprLit, Lit, LitStr};

/// The argument of one call of a setter.
pub(crate) struct Setter(TokenStream);

impl ToTokens for Setter {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// Checks a value and gives the calls of the setter.
pub(super) fn check(known: &Known, value: &Expr, errors: &mut Errors) -> Vec<Setter> {
    let value = peel(value);
    match (known.value, value) {
        (kind @ (Value::Names | Value::Assets), Expr::Array(list)) => {
            let each = if kind == Value::Names { Value::Name } else { kind };
            list.elems.iter().for_each(|element| check_literal(known, each, element, errors));
            // An empty list has no type.
            if list.elems.is_empty() { Vec::new() } else { vec![setter(known, value)] }
        }
        (Value::Times, Expr::Array(list)) => {
            if list.elems.is_empty() {
                errors.at(list, format!("give at least one number of seconds, such as `{}`", known.example));
            }
            list.elems.iter().for_each(|element| check_literal(known, Value::Time, element, errors));
            vec![times(known, list)]
        }
        (kind @ (Value::Hooks | Value::TransactionHooks), Expr::Array(list)) => {
            list.elems.iter().for_each(|element| check_literal(known, kind, element, errors));
            list.elems.iter().map(|element| hook(kind, element)).collect()
        }
        // One text is no list.
        (Value::Assets, value) if text(value).is_some() => {
            wrong(known, value, errors);
            Vec::new()
        }
        (kind, value) => {
            check_literal(known, kind, value, errors);
            vec![match kind {
                Value::Hooks | Value::TransactionHooks => hook(kind, value),
                Value::Fraction | Value::Time | Value::Times => time(known, value),
                _ => setter(known, value),
            }]
        }
    }
}

/// Gives the texts of a literal: of itself, or of those in a list.
pub(super) fn texts(value: &Expr) -> Vec<&LitStr> {
    match peel(value) {
        Expr::Array(list) => list.elems.iter().filter_map(text).collect(),
        value => text(value).into_iter().collect(),
    }
}

fn text(value: &Expr) -> Option<&LitStr> {
    match peel(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

/// Tells whether a value is written `false`.
pub(super) fn is_false(value: &Expr) -> bool {
    matches!(peel(value), Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. }) if !flag.value)
}

/// Takes away parentheses, and the invisible ones around what a macro was given.
fn peel(value: &Expr) -> &Expr {
    match value {
        Expr::Paren(inner) => peel(&inner.expr),
        Expr::Group(inner) => peel(&inner.expr),
        value => value,
    }
}

/// Refuses a literal of the wrong kind.
fn check_literal(known: &Known, kind: Value, value: &Expr, errors: &mut Errors) {
    let value = peel(value);
    if let Some(number) = Number::read(value) {
        return check_number(known, kind, value, &number, errors);
    }
    let Expr::Lit(ExprLit { lit, .. }) = value else {
        return if matches!(value, Expr::Array(_)) && !matches!(kind, Value::Expression) {
            wrong(known, value, errors);
        };
    };
    match (kind, lit) {
        (Value::Text, Lit::Str(_)) | (Value::Flag, Lit::Bool(_)) => {}
        (Value::Name | Value::Names, Lit::Str(text)) if text.value().trim().is_empty() => {
            errors.at(value, format!("`{}` is empty: say something, such as `{}`", known.name, known.example));
        }
        (Value::Name, Lit::Str(_)) => {}
        (Value::Assets, Lit::Str(text)) if is_uri(&text.value()) => {}
        _ => wrong(known, value, errors),
    }
}

/// Tells whether a text begins with a scheme as the keys of assets have. Its other letters are seen when templates are filled.
fn is_uri(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(is_letter))
}

fn check_number(known: &Known, kind: Value, value: &Expr, number: &Number<'_>, errors: &mut Errors) {
    let name = known.name;
    match (kind, number.literal) {
        (Value::Count | Value::Limit, Lit::Int(_)) | (Value::Time | Value::Times | Value::Fraction, _)
            if number.is_negative =>
        {
            errors
                .at(value, format!("`{name}` cannot be negative: write {}, such as `{}`", known.means, known.example));
        }
        (Value::Limit, Lit::Int(limit)) if limit.base10_digits() == "0" => {
            errors.at(value, format!("with `{name} = 0` nothing would ever start: write at least 1"));
        }
        (Value::Count | Value::Limit, Lit::Int(_)) | (Value::Time | Value::Times | Value::Fraction, _) => {}
        _ => wrong(known, value, errors),
    }
}

fn wrong(known: &Known, value: &Expr, errors: &mut Errors) {
    errors.at(value, format!("`{}` is {}, such as `{}`", known.name, known.means, known.example));
}

/// Gives the value as it is, with the words of the option in scope.
fn setter(known: &Known, value: &Expr) -> Setter {
    let used = words_in(value.to_token_stream(), known.words);
    if used.is_empty() {
        return Setter(value.to_token_stream());
    }
    let used = used.iter().map(|word| format_ident!("{word}"));
    Setter(quote!({ use ::flowcore::__private::option_names::{#(#used),*}; #value }))
}

/// Gives a number with a decimal point, so that none is too large and all in a list have one type.
fn time(known: &Known, value: &Expr) -> Setter {
    match Number::read(value) {
        Some(number) => Setter(number.as_float().to_token_stream()),
        None => setter(known, value),
    }
}

/// Gives a list of such numbers.
fn times(known: &Known, list: &ExprArray) -> Setter {
    let numbers: Option<Vec<_>> = list.elems.iter().map(|element| Number::read(peel(element))).collect();
    match numbers {
        Some(numbers) => {
            let numbers = numbers.iter().map(Number::as_float);
            Setter(quote!([#(#numbers),*]))
        }
        None => setter(known, &Expr::Array(list.clone())),
    }
}

/// Gives a hook; the type of a closure's argument is not known unless something says it.
fn hook(kind: Value, value: &Expr) -> Setter {
    match peel(value) {
        closure @ Expr::Closure(_) if kind == Value::TransactionHooks => {
            Setter(quote!(::flowcore::__private::transaction_hook(#closure)))
        }
        closure @ Expr::Closure(_) => Setter(quote!(::flowcore::__private::hook(#closure))),
        value => Setter(value.to_token_stream()),
    }
}

/// Finds the words that an expression uses by themselves or at the beginning of a path.
fn words_in(tokens: TokenStream, words: &[&'static str]) -> Vec<&'static str> {
    let mut used = Vec::new();
    let mut follows_path = false;
    for token in tokens {
        let found = match &token {
            TokenTree::Ident(ident) if !follows_path => words.iter().copied().filter(|word| ident == word).collect(),
            TokenTree::Group(group) => words_in(group.stream(), words),
            _ => Vec::new(),
        };
        for word in found {
            if !used.contains(&word) {
                used.push(word);
            }
        }
        follows_path = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), ':' | '.'));
    }
    used
}
