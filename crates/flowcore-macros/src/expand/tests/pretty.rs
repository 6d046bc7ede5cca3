//! Writes tokens so that a person can read them: one statement a line, and short paths.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Writes an expansion.
pub(super) fn pretty(tokens: TokenStream) -> String {
    let mut printer = Printer { text: String::new(), depth: 0, joint: true, inline: 0 };
    printer.stream(tokens);
    let text = printer.text.replace("::flowcore::__private::", "~").replace(" !", "!");
    space(&text).lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Sets spaces where a short path now touches what is before it, and takes them away where generic arguments end.
fn space(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for letter in text.chars() {
        let follows_word = spaced.ends_with(|before: char| before.is_alphanumeric() || ":>=+,|}".contains(before));
        if letter == '~' && follows_word && !spaced.ends_with("::") {
            spaced.push(' ');
        } else if letter == '(' && spaced.ends_with("> ") && !spaced.ends_with("-> ") && !spaced.ends_with("=> ") {
            spaced.pop();
        }
        spaced.push(letter);
    }
    spaced
}

struct Printer {
    text: String,
    depth: usize,
    /// Whether the next token touches the last one.
    joint: bool,
    /// How many lists of arguments are around.
    inline: usize,
}

impl Printer {
    fn line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"    ".repeat(self.depth));
        self.joint = true;
    }

    fn word(&mut self, word: &str) {
        if !self.joint {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self.joint = false;
    }

    fn stream(&mut self, stream: TokenStream) {
        let mut tokens = stream.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Punct(punct) => self.punct(punct.as_char(), punct.spacing()),
                TokenTree::Group(group) => {
                    self.group(group.delimiter(), group.stream());
                    let continues =
                        matches!(tokens.peek(), Some(TokenTree::Punct(next)) if ".,;?:".contains(next.as_char()));
                    if group.delimiter() == Delimiter::Brace && !continues && self.inline == 0 {
                        self.line();
                    }
                }
            }
        }
    }

    fn punct(&mut self, punct: char, spacing: Spacing) {
        let touches_left = ",;.?:<>".contains(punct) && !self.text.ends_with(['-', '=']) && !self.text.ends_with(' ');
        let touches_right = ".:<&#!|".contains(punct) || spacing == Spacing::Joint;
        self.joint |= touches_left || self.text.ends_with(['-', '=']);
        let mut bytes = [0; 4];
        self.word(punct.encode_utf8(&mut bytes));
        self.joint = touches_right;
        if punct == ':' && !self.text.ends_with("::") && spacing == Spacing::Alone {
            self.joint = false;
        }
        if punct == ';' && self.inline == 0 {
            self.line();
        }
    }

    fn group(&mut self, delimiter: Delimiter, stream: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => return self.block(stream),
            Delimiter::None => return self.stream(stream),
        };
        let is_attribute = delimiter == Delimiter::Bracket && self.text.ends_with('#');
        self.joint |= !self.text.ends_with([',', '=', '>', ':']) || is_attribute;
        self.word(open);
        self.joint = true;
        self.inline += 1;
        self.stream(stream);
        self.inline -= 1;
        self.joint = true;
        self.word(close);
        if is_attribute && self.inline == 0 {
            self.line();
        }
    }

    fn block(&mut self, stream: TokenStream) {
        self.word("{");
        let outside = std::mem::take(&mut self.inline);
        if stream.is_empty() {
            self.text.push('}');
        } else {
            self.depth += 1;
            self.line();
            self.stream(stream);
            self.depth -= 1;
            self.line();
            self.text.push('}');
        }
        self.inline = outside;
        self.joint = false;
    }
}
