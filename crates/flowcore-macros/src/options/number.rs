//! Numbers in options.

use proc_macro2::Literal;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

/// A number as written.
pub(super) struct Number<'a> {
    pub(super) literal: &'a Lit,
    pub(super) is_negative: bool,
}

impl<'a> Number<'a> {
    /// Reads a literal number with or without a minus.
    pub(super) fn read(value: &'a Expr) -> Option<Self> {
        match value {
            Expr::Lit(ExprLit { lit: literal @ (Lit::Int(_) | Lit::Float(_)), .. }) => {
                Some(Number { literal, is_negative: false })
            }
            Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => {
                Number::read(expr).map(|number| Number { is_negative: !number.is_negative, ..number })
            }
            _ => None,
        }
    }

    /// Writes it with a decimal point, at its place; a number with a suffix stays as it is.
    pub(super) fn as_float(&self) -> Lit {
        match self.literal {
            Lit::Int(number) if number.suffix().is_empty() => match number.base10_parse::<f64>() {
                Ok(value) => {
                    let mut literal = Literal::f64_unsuffixed(value);
                    literal.set_span(number.span());
                    Lit::new(literal)
                }
                Err(_) => self.literal.clone(),
            },
            _ => self.literal.clone(),
        }
    }
}
