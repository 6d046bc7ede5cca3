//! Reads parameters: their names, types, and whether they are data or handles.

use super::borrowed::{Place, refuse};
use crate::documentation::{is_doc, text_of};
use crate::errors::Errors;
use crate::kind::Kind;
use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, FnArg, Ident, Meta, Pat, PatType, Signature, Type};

/// No call has more arguments of data, or more handles: the engine's tuples end there.
const MOST: usize = 12;

/// A parameter of the user's function.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// What a parameter is.
pub(crate) enum Role {
    Data(Data),
    Resource,
    /// What the function yields to.
    Yields,
}

/// What a flow's definition says of a parameter that is data.
pub(crate) struct Data {
    pub(crate) default: Option<Expr>,
    pub(crate) documentation: String,
}

impl Parameter {
    /// Gives the name as text.
    pub(crate) fn name_text(&self) -> String {
        self.name.unraw().to_string()
    }
}

/// Reads all parameters, and takes the attributes that are the macro's out of the signature.
pub(super) fn read_all(kind: Kind, signature: &mut Signature, errors: &mut Errors) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for (index, input) in signature.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Receiver(receiver) => errors.at(
                receiver,
                format!("a {} is a function of its own and has no `self`: move it out of the `impl` block, and take the value as a parameter", kind.noun()),
            ),
            FnArg::Typed(input) => parameters.push(read(kind, index, input, errors)),
        }
    }
    check_number(kind, &signature.inputs, &parameters, errors);
    parameters
}

fn read(kind: Kind, index: usize, input: &mut PatType, errors: &mut Errors) -> Parameter {
    refuse(Place::Argument, kind.noun(), &input.ty, errors);
    let name = name_of(kind, index, &input.pat, errors);
    let role = role_of(kind, input, errors);
    Parameter { name, ty: (*input.ty).clone(), role }
}

/// Names a parameter: a pattern that has no name is named by its position, as runs record arguments by name.
fn name_of(kind: Kind, index: usize, pattern: &Pat, errors: &mut Errors) -> Ident {
    match pattern {
        Pat::Ident(ident) => ident.ident.clone(),
        other => {
            if kind == Kind::Flow {
                errors.at(other, "a flow's parameter is given by its name: name it, and take it apart in the body");
            }
            Ident::new(
                &format_ident!("argument_{}", index + 1).to_string(),
                other.span().resolved_at(Span::call_site()),
            )
        }
    }
}

fn role_of(kind: Kind, input: &mut PatType, errors: &mut Errors) -> Role {
    let documentation = text_of(&input.attrs);
    let mut resource: Option<Attribute> = None;
    let mut yields: Option<Attribute> = None;
    let mut default: Option<(Attribute, Option<Expr>)> = None;
    for attribute in std::mem::take(&mut input.attrs) {
        if attribute.path().is_ident("resource") {
            mark("resource", &mut resource, attribute, errors);
        } else if attribute.path().is_ident("yields") {
            mark("yields", &mut yields, attribute, errors);
        } else if attribute.path().is_ident("default") {
            if default.is_some() {
                errors.at(&attribute, "`#[default(..)]` is given twice");
            }
            let value = default_value(&attribute, errors);
            default = Some((attribute, value));
        } else if attribute.path().is_ident("cfg") {
            errors.at(
                &attribute,
                format!(
                    "a {} has the same parameters in every build: put `#[cfg]` on two functions instead",
                    kind.noun()
                ),
            );
        } else if !is_doc(&attribute) {
            input.attrs.push(attribute);
        }
    }
    if let Some((attribute, _)) = &default {
        if resource.is_some() {
            errors.at(
                attribute,
                "a resource has no default: a run that is started by name takes it from what the program has provided",
            );
        } else if kind == Kind::Task {
            errors.at(attribute, "`#[default(..)]` is for parameters of flows, which can be left out of stored parameters: a task gets all its arguments from its caller");
        }
    }
    if let Some(attribute) = &yields {
        if kind == Kind::Flow {
            errors.at(attribute, "a flow does not yield: let a task do it, and take its values from `stream()`");
        } else if resource.is_some() {
            errors.at(
                attribute,
                "what a task yields to is made for each call, and is no resource: remove one of the two",
            );
        }
    }
    match (resource, yields) {
        (_, Some(_)) => Role::Yields,
        (Some(_), None) => Role::Resource,
        (None, None) => Role::Data(Data { default: default.and_then(|(_, value)| value), documentation }),
    }
}

/// Notes that a parameter is marked with an attribute.
fn mark(name: &str, marked: &mut Option<Attribute>, attribute: Attribute, errors: &mut Errors) {
    if marked.is_some() {
        errors.at(&attribute, format!("`#[{name}]` is given twice"));
    }
    if !matches!(attribute.meta, Meta::Path(_)) {
        errors.at(&attribute, format!("`#[{name}]` takes no arguments"));
    }
    *marked = Some(attribute);
}

fn default_value(attribute: &Attribute, errors: &mut Errors) -> Option<Expr> {
    match &attribute.meta {
        Meta::List(_) => attribute.parse_args().map_err(|error| errors.push(error)).ok(),
        _ => {
            errors.at(attribute, "say the value in parentheses, such as `#[default(10)]`");
            None
        }
    }
}

fn check_number(kind: Kind, inputs: &Punctuated<FnArg, syn::Token![,]>, parameters: &[Parameter], errors: &mut Errors) {
    let noun = kind.noun();
    let typed = inputs.iter().filter(|input| matches!(input, FnArg::Typed(_))).zip(parameters);
    let (yields, others): (Vec<_>, Vec<_>) = typed.partition(|(_, parameter)| matches!(parameter.role, Role::Yields));
    let (resources, data): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(_, parameter)| matches!(parameter.role, Role::Resource));
    if let Some((second, _)) = yields.get(1) {
        errors.at(second, "a task yields values of one kind: remove one of the parameters, or yield an enum");
    }
    if let Some((first, _)) = data.get(MOST) {
        errors.at(first, format!("a {noun} has at most {MOST} parameters: group some of them into a struct"));
    }
    if let Some((first, _)) = resources.get(MOST) {
        errors.at(first, format!("a {noun} has at most {MOST} resources: group some of them into a struct"));
    }
}
