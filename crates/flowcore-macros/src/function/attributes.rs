//! Sorts the attributes of the user's function to the generated items that they belong on.

use crate::documentation::is_doc;
use syn::Attribute;

/// The user's attributes by where they go.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Conditions: on every generated item.
    pub(crate) conditions: Vec<Attribute>,
    /// Documentation and deprecation: on what users of the task or flow name.
    pub(crate) public: Vec<Attribute>,
    /// Levels of lints: on what users name, and on the user's function.
    pub(crate) lints: Vec<Attribute>,
    /// Everything else, such as `#[tracing::instrument]`: on the user's function.
    pub(crate) body: Vec<Attribute>,
}

impl Attributes {
    /// Sorts them.
    pub(super) fn sort(attributes: &[Attribute]) -> Self {
        let mut sorted = Attributes::default();
        for attribute in attributes {
            let is = |name: &str| attribute.path().is_ident(name);
            let place = if is("cfg") {
                &mut sorted.conditions
            } else if is_doc(attribute) || is("deprecated") {
                &mut sorted.public
            } else if ["allow", "warn", "deny", "forbid"].iter().any(|level| is(level)) {
                &mut sorted.lints
            } else {
                &mut sorted.body
            };
            place.push(attribute.clone());
        }
        sorted
    }

    /// Gives the documentation without the rest of what is public.
    pub(crate) fn docs(&self) -> impl Iterator<Item = &Attribute> {
        self.public.iter().filter(|attribute| is_doc(attribute))
    }
}
