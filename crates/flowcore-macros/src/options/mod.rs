//! The options in an attribute: `#[task(retries = 3, tags = ["net"])]`.
//!
//! [`arguments`] parses the list, [`table`] knows the options, [`value`] checks what was written, [`template`] checks
//! names of runs. What comes out is the setters to call.

mod arguments;
mod number;
mod suggestion;
mod table;
mod template;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use arguments::{Argument, Arguments};
pub(crate) use suggestion::closest;

use crate::errors::Errors;
use crate::kind::Kind;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::HashSet;
use syn::{Expr, Ident};
use table::{Known, On, lookup, names};
use value::Setter;

/// What an attribute says, checked.
#[derive(Default)]
pub(crate) struct Options {
    setters: Vec<(Ident, Setter)>,
    /// Whether results are kept; false only where that is written as it is.
    pub(crate) keeps_result: bool,
}

impl Options {
    /// Reads an attribute. Options with mistakes are left out.
    pub(crate) fn read(kind: Kind, arguments: Arguments, parameters: Option<&[String]>, errors: &mut Errors) -> Self {
        let mut seen = HashSet::new();
        let mut options = Options { setters: Vec::new(), keeps_result: true };
        for Argument { key, value } in arguments.into_list(errors) {
            if !seen.insert(key.to_string()) {
                errors.at(&key, format!("`{key}` is given twice"));
                continue;
            }
            let known = match find(kind, &key) {
                Ok(known) => known,
                Err(message) => {
                    errors.at(&key, message);
                    continue;
                }
            };
            let Some(value) = value else {
                errors.at(&key, format!("say the value, such as `{}`", known.example));
                continue;
            };
            options.keeps_result &= !(key == "persist_result" && value::is_false(&value));
            options.add(kind, known, key, &value, parameters, errors);
        }
        options
    }

    fn add(
        &mut self,
        kind: Kind,
        known: &Known,
        key: Ident,
        value: &Expr,
        parameters: Option<&[String]>,
        errors: &mut Errors,
    ) {
        let before = errors.count();
        let setters = value::check(known, value, errors);
        if let Some(reserved) = known.template
            && let Some(parameters) = parameters
        {
            value::texts(value).into_iter().for_each(|text| template::check(kind, reserved, text, parameters, errors));
        }
        if errors.count() == before {
            self.setters.extend(setters.into_iter().map(|setter| (key.clone(), setter)));
        }
    }

    /// Writes the options as an expression.
    pub(crate) fn to_expression(&self, kind: Kind) -> TokenStream {
        let new = match kind {
            Kind::Task => quote!(::flowcore::__private::TaskOptions::new()),
            Kind::Flow => quote!(::flowcore::__private::FlowOptions::new()),
        };
        let setters = self.setters.iter().map(|(key, setter)| quote!(.#key(#setter)));
        quote!(#new #(#setters)*)
    }
}

/// Finds an option, or says what there is instead.
fn find(kind: Kind, key: &Ident) -> Result<&'static Known, String> {
    let key = key.to_string();
    match lookup(&key) {
        Some(known) if known.on.includes(kind) => Ok(known),
        Some(known) => Err(elsewhere(kind, known)),
        None => Err(unknown(kind, &key)),
    }
}

fn elsewhere(kind: Kind, known: &Known) -> String {
    let other = if known.on == On::Task { Kind::Task } else { Kind::Flow };
    let instead = known.elsewhere.map(|name| format!("; for a {} it is `{name}`", kind.noun())).unwrap_or_default();
    format!("`{}` belongs to {}{instead}", known.name, other.attribute())
}

fn unknown(kind: Kind, key: &str) -> String {
    let names: Vec<&str> = names(kind).collect();
    let attribute = kind.attribute();
    if let Some(instead) = suggestion::for_prefect(key).filter(|instead| names.contains(instead)) {
        return format!("Prefect's `{key}` is `{instead}` here");
    }
    let suggestion =
        closest(key, names.iter().copied()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let separator = if suggestion.is_empty() { "; " } else { " " };
    format!("{attribute} has no option `{key}`{suggestion}{separator}it has: {}", names.join(", "))
}
