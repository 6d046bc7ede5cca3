//! Whom the server answers: everything is closed to who does not prove who he is, but what the table of routes opens.

mod admission;
mod credentials;
mod csrf;
mod pages;
mod requests;
mod run_tokens;
mod version;

pub(crate) use admission::{Admission, admit};
pub(crate) use credentials::Credentials;
pub(crate) use csrf::{Csrf, CsrfToken};
pub(crate) use pages::pages_of_other_sites;
pub(crate) use requests::log;
pub(crate) use run_tokens::RunTokens;
