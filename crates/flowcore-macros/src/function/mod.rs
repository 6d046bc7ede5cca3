//! The function under the attribute: read, checked, and in the form that the expansion wants.
//!
//! [`source`] parses, [`signature`] refuses what a task or flow cannot be, [`parameter`] and [`returned`] read the
//! parts, [`attributes`] sorts the user's attributes to where they belong.

mod attributes;
mod borrowed;
mod parameter;
mod returned;
mod signature;
mod source;

#[cfg(test)]
mod tests;

pub(crate) use attributes::Attributes;
pub(crate) use parameter::{Data, Parameter, Role};
pub(crate) use returned::Returned;
pub(crate) use source::Source;

use crate::documentation::text_of;
use crate::errors::Errors;
use crate::kind::Kind;
use crate::source_hash::source_hash;
use proc_macro2::{Group, Span};
use syn::ext::IdentExt;
use syn::{Ident, Signature, Visibility};

/// A function that can be a task or flow.
pub(crate) struct Function {
    pub(crate) attributes: Attributes,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returned: Returned,
    /// The signature as the user wrote it, without the attributes that the macro takes.
    pub(crate) signature: Signature,
    pub(crate) body: Group,
    pub(crate) documentation: String,
    pub(crate) source_hash: String,
}

impl Function {
    /// Reads the function, or gives none after mistakes that make it useless.
    pub(crate) fn read(kind: Kind, source: &Source, errors: &mut Errors) -> Option<Function> {
        let before = errors.count();
        signature::check(kind, &source.signature, errors);
        let mut signature = source.signature.clone();
        let parameters = parameter::read_all(kind, &mut signature, errors);
        let returned = Returned::read(kind, &signature.output, errors);
        let yields = parameters.iter().any(|parameter| matches!(parameter.role, Role::Yields));
        if let (true, Returned::Plain(ty)) = (yields, &returned) {
            errors.at(ty, "the result of a task that yields is what it has yielded: return nothing, or a `Result<()>`");
        }
        let source_hash = source_hash(&signature, &proc_macro2::TokenTree::from(source.body.clone()).into());
        if errors.count() > before {
            return None;
        }
        Some(Function {
            documentation: text_of(&source.attributes),
            attributes: Attributes::sort(&source.attributes),
            visibility: source.visibility.clone(),
            name: signature.ident.clone(),
            is_async: signature.asyncness.is_some(),
            parameters,
            returned,
            source_hash,
            signature,
            body: source.body.clone(),
        })
    }

    /// Goes through the parameters that are data.
    pub(crate) fn data(&self) -> impl Iterator<Item = (&Parameter, &Data)> {
        self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Data(data) => Some((parameter, data)),
            Role::Resource | Role::Yields => None,
        })
    }

    /// Goes through the parameters that are handles.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| matches!(parameter.role, Role::Resource))
    }

    /// Gives the parameter that the function yields to.
    pub(crate) fn yields(&self) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| matches!(parameter.role, Role::Yields))
    }

    /// Gives the name as text.
    pub(crate) fn name_text(&self) -> String {
        self.name.unraw().to_string()
    }

    /// Gives the name at its place in the user's code but as the macro's own word, so that lints on generated items
    /// do not fire.
    pub(crate) fn generated_name(&self) -> Ident {
        let mut name = self.name.clone();
        name.set_span(name.span().resolved_at(Span::call_site()));
        name
    }
}
