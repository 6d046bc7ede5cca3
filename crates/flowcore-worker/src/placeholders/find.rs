//! Where the placeholders of a text are.

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Block,
    Variable,
    Environment,
    /// The output of a step, or what a job template calls by this name.
    Output,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Placeholder {
        /// As it is written, with its braces.
        written: &'a str,
        kind: Kind,
        /// The name without what tells its kind: `nightly.branch` of `prefect.variables.nightly.branch`.
        name: &'a str,
    },
}

/// Tells whether a text has a placeholder.
pub fn has_placeholder(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Placeholder { .. }))
}

/// Splits a text at its placeholders.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest, mut searched) = (Vec::new(), text, 0);
    while let Some(found) = rest.get(searched..).and_then(|part| part.find("{{")) {
        let begin = searched + found;
        match placeholder(&rest[begin..]) {
            Some((length, name)) => {
                if begin > 0 {
                    pieces.push(Piece::Text(&rest[..begin]));
                }
                let (kind, name) = kind(name);
                pieces.push(Piece::Placeholder { written: &rest[begin..begin + length], kind, name });
                (rest, searched) = (&rest[begin + length..], 0);
            }
            // `{{{ name }}}` has one that begins a brace later.
            None => searched = begin + 1,
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Reads the placeholder that a text begins with: its length in bytes, and its name.
fn placeholder(text: &str) -> Option<(usize, &str)> {
    let inner = text.strip_prefix("{{")?.trim_start();
    let is_of_name = |letter: char| letter.is_alphanumeric() || "_.-[]$".contains(letter);
    let end = inner.find(|letter| !is_of_name(letter))?;
    let (name, behind) = inner.split_at(end);
    let behind = behind.trim_start().strip_prefix("}}")?;
    (!name.is_empty()).then_some((text.len() - behind.len(), name))
}

fn kind(name: &str) -> (Kind, &str) {
    if let Some(name) = name.strip_prefix("prefect.blocks.") {
        (Kind::Block, name)
    } else if let Some(name) = name.strip_prefix("prefect.variables.") {
        (Kind::Variable, name)
    } else if name.starts_with('$') {
        (Kind::Environment, name.trim_start_matches('$'))
    } else {
        (Kind::Output, name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn names(text: &str) -> Vec<(Kind, &str)> {
        let named = |piece: Piece<'static>| match piece {
            Piece::Placeholder { kind, name, .. } => Some((kind, name)),
            Piece::Text(_) => None,
        };
        let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
        pieces(text).into_iter().filter_map(named).collect()
    }

    #[test]
    fn placeholders_are_told_apart_by_their_names() {
        let text = "{{ prefect.blocks.secret.token }}, {{prefect.variables.x}} {{ $HOME }}/{{ build.image[0].tag }}";
        let expected = [
            (Kind::Block, "secret.token"),
            (Kind::Variable, "x"),
            (Kind::Environment, "HOME"),
            (Kind::Output, "build.image[0].tag"),
        ];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn other_braces_are_text() {
        for text in ["", "{{", "{{}}", "{{ }}", "{{ a b }}", "{ {a}}", "{{ a }", "{{ event.id | upper }}"] {
            assert!(!has_placeholder(text), "{text}");
        }
        let Some((Piece::Text(before), rest)) =
            pieces("{{{ a }}}").split_first().map(|(first, rest)| (*first, rest.len()))
        else {
            panic!("it begins with a brace")
        };
        assert_eq!((before, rest), ("{", 2));
    }

    proptest! {
        #[test]
        fn nothing_of_a_text_is_lost(text in any::<String>(), braces in "[{} a.$]{0,40}") {
            let text = format!("{text}{braces}{text}");
            let whole: String = pieces(&text).into_iter().map(|piece| match piece {
                Piece::Text(text) | Piece::Placeholder { written: text, .. } => text,
            }).collect();
            assert_eq!(whole, text);
        }
    }
}
