//! Refuses signatures that a task or flow cannot have.

use crate::errors::Errors;
use crate::kind::Kind;
use syn::{GenericParam, Safety, Signature};

/// Checks everything but the parameters and the return type.
pub(super) fn check(kind: Kind, signature: &Signature, errors: &mut Errors) {
    let noun = kind.noun();
    if let Some(token) = &signature.constness {
        errors.at(token, format!("a {noun} runs at run time: remove `const`"));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, format!("a {noun} is called by the engine, which cannot keep an unsafe contract: keep the `unsafe` block inside the function, and remove `unsafe` here"));
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, format!("a {noun} is a Rust function: remove `extern`"));
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, format!("a {noun} has a fixed number of parameters: take a `Vec`"));
    }
    if signature.ident == "main" {
        errors.at(
            &signature.ident,
            format!("`main` cannot be a {noun}: put `#[flowcore::main]` on `main`, and call a {noun} of another name from it"),
        );
    }
    check_generics(kind, signature, errors);
}

fn check_generics(kind: Kind, signature: &Signature, errors: &mut Errors) {
    let noun = kind.noun();
    for parameter in &signature.generics.params {
        let what = match parameter {
            GenericParam::Lifetime(_) => format!(
                "a {noun} cannot borrow, as its arguments are kept and may be sent to another thread: remove the lifetime, and take owned values"
            ),
            GenericParam::Type(_) | GenericParam::Const(_) => format!(
                "a {noun} is defined once, under one name, and cannot be generic: use concrete types, and call a generic function from the body"
            ),
        };
        errors.at(parameter, what);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(clause, format!("a {noun} is not generic, and a `where` clause has nothing to say: remove it"));
    }
}
