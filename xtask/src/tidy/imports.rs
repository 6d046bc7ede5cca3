//! Finding the paths by which a file names other modules of its crate.

use super::lexer::Token;

/// A path from the root of the crate.
#[derive(Debug, PartialEq)]
pub(super) struct Import<'a> {
    pub(super) line: usize,
    pub(super) path: Vec<&'a str>,
}

/// The crate's own name, by which it can name itself as well.
const CRATE: &str = "flowcore";

/// Lists the paths that start with `crate`, `super`, `self` or the crate's own name, each leaf of a braced list as its
/// own. They are complete: `super` is resolved by `module`, the path of the file's module.
pub(super) fn imports<'a>(tokens: &[Token<'a>], module: &[&'a str]) -> Vec<Import<'a>> {
    let mut scope = Scope::new(module);
    let mut imports = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        scope.step(tokens, at);
        let next = tokens.get(at + 1).map_or("", |token| token.text);
        let base = match token.text {
            "crate" => Some(Vec::new()),
            CRATE if is_first(tokens, at) => Some(Vec::new()),
            "self" => Some(scope.module()),
            "super" => Some(parent(scope.module())),
            _ => None,
        };
        match base {
            // `pub(in crate::a)` is no import, but it only names a parent, which is always allowed.
            Some(base) if next == "::" => at = tree(tokens, at + 2, &base, &mut imports),
            _ => at += 1,
        }
    }
    imports
}

/// Tells whether a name starts its path, also as `::name`.
fn is_first(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    before(1).is_none_or(|token| token.text != "::")
        || before(2).is_none_or(|token| !token.is_word() && token.text != ">")
        || before(2).is_some_and(|token| token.text == "use")
}

fn parent(mut module: Vec<&str>) -> Vec<&str> {
    module.pop();
    module
}

/// Reads what follows a `::`, adds its leaves, and returns the position behind it.
fn tree<'a>(tokens: &[Token<'a>], mut at: usize, base: &[&'a str], imports: &mut Vec<Import<'a>>) -> usize {
    let mut path = base.to_vec();
    let mut line = None;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => return list(tokens, at + 1, &path, imports),
            "super" => path = parent(path),
            "self" => {}
            "*" => path.push("*"),
            _ if token.is_word() => path.push(token.text),
            // A turbofish or something that does not compile.
            _ => break,
        }
        line = line.or(Some(token.line));
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    if let Some(line) = line {
        imports.push(Import { line, path });
    }
    at
}

/// Reads a braced list up to its end.
fn list<'a>(tokens: &[Token<'a>], mut at: usize, base: &[&'a str], imports: &mut Vec<Import<'a>>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "}" => return at + 1,
            "," => at += 1,
            // `name as other` names nothing new.
            "as" => at += 2,
            _ => at = tree(tokens, at, base, imports).max(at + 1),
        }
    }
    at
}

/// The module in which a token stands: that of the file and the modules written within it.
struct Scope<'a> {
    file: Vec<&'a str>,
    inner: Vec<(&'a str, usize)>,
    depth: usize,
}

impl<'a> Scope<'a> {
    fn new(file: &[&'a str]) -> Self {
        Self { file: file.to_vec(), inner: Vec::new(), depth: 0 }
    }

    fn module(&self) -> Vec<&'a str> {
        self.file.iter().copied().chain(self.inner.iter().map(|(name, _)| *name)).collect()
    }

    fn step(&mut self, tokens: &[Token<'a>], at: usize) {
        let text = |at: usize| tokens.get(at).map(|token| token.text);
        match text(at) {
            Some("{") => {
                self.depth += 1;
                let head = at.checked_sub(2).and_then(text);
                if let (Some("mod"), Some(name)) = (head, at.checked_sub(1).and_then(text)) {
                    self.inner.push((name, self.depth));
                }
            }
            Some("}") => {
                self.inner.pop_if(|(_, depth)| *depth == self.depth);
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;

    fn found(source: &str, module: &[&str]) -> Vec<(usize, String)> {
        let tokens = lexer::tokens(source);
        imports(&tokens, module).into_iter().map(|import| (import.line, import.path.join("::"))).collect()
    }

    fn paths(source: &str, module: &[&str]) -> Vec<String> {
        found(source, module).into_iter().map(|(_, path)| path).collect()
    }

    #[test]
    fn single_and_braced_uses() {
        assert_eq!(paths("use crate::model::State;", &[]), ["model::State"]);
        assert_eq!(
            paths("use crate::{model::{State, ids::{self, RunId as Id}}, store, clock::*};", &[]),
            ["model::State", "model::ids", "model::ids::RunId", "store", "clock::*"]
        );
        assert_eq!(paths("use crate::{self as root, engine};", &[]), ["", "engine"]);
    }

    #[test]
    fn each_leaf_has_its_own_line() {
        assert_eq!(
            found("use crate::{\n  model::A,\n  store::{\n    B,\n  },\n};", &[]),
            [(2, "model::A".to_owned()), (4, "store::B".to_owned())]
        );
    }

    #[test]
    fn paths_in_expressions_types_and_macros() {
        assert_eq!(
            paths("fn f(s: &crate::model::State) { crate::store::open::<T>(s) }", &[]),
            ["model::State", "store::open"]
        );
        assert_eq!(paths("let a = crate::model::State { name: b };", &[]), ["model::State"]);
        assert_eq!(paths("macro_rules! m { () => { $crate::engine::run() } }", &[]), ["engine::run"]);
        assert_eq!(
            paths("::flowcore::store::A; flowcore::engine::B; use ::flowcore::model;", &[]),
            ["store::A", "engine::B", "model"]
        );
    }

    #[test]
    fn relative_paths_are_resolved() {
        assert_eq!(paths("use super::store::A;", &["clock"]), ["store::A"]);
        assert_eq!(paths("use super::{super::engine, State};", &["model", "run"]), ["engine", "model::State"]);
        assert_eq!(paths("use super::super::engine::B;", &["model", "run"]), ["engine::B"]);
        assert_eq!(paths("use self::inner::C;", &["model", "run"]), ["model::run::inner::C"]);
        assert_eq!(paths("mod inner { use super::super::engine; } use super::store;", &["model"]), ["engine", "store"]);
    }

    #[test]
    fn what_is_no_path_of_the_crate_is_not_found() {
        let source = "pub(crate) fn f(self) {} // crate::engine\n/// [x](crate::engine)\nlet s = \"crate::engine\"; \
                      use std::crates::a; other::flowcore::b; self.store; let flowcore = 1;";
        assert_eq!(paths(source, &[]), Vec::<String>::new());
    }
}
