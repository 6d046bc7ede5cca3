//! The layers of the library: which module may import which.

use super::finding::Finding;
use super::imports::{Import, imports};
use super::lexer::{self, Token};
use super::source::Source;
use super::test_code::without_tests;

/// What the files of one top-level module may name of the others.
struct Layer {
    module: &'static str,
    may: May,
    /// Exceptions from `may`.
    never: &'static [&'static str],
    why: &'static str,
}

enum May {
    Anything,
    /// Modules, and of some modules only these items.
    Only(&'static [&'static str]),
}

use May::{Anything, Only};

/// The table. A new top-level module of the library needs a row here.
const LAYERS: &[Layer] = &[
    // Pure data that everything else speaks, so it can know nothing else.
    Layer { module: "model", may: Only(&[]), never: &[], why: "the model is pure data" },
    // Time is an argument everywhere; a timestamp is part of the model.
    Layer { module: "clock", may: Only(&["model"]), never: &[], why: "a clock only tells time" },
    // Settings are read before anything is opened.
    Layer { module: "settings", may: Only(&["model"]), never: &[], why: "settings are plain values" },
    // A store keeps what it is given, in memory or in a database. Decisions are made above it.
    Layer { module: "store", may: Only(&["model", "clock"]), never: &[], why: "a store keeps and does not decide" },
    // The rules and the orchestrator see the store by its traits, so that they hold for each of them.
    Layer {
        module: "orchestration",
        may: Only(&["model", "clock", "store"]),
        never: &["store::sql", "store::memory"],
        why: "rules see the store by its traits only",
    },
    // The bodies of the API, which server and client over HTTP share: the model in another form.
    Layer { module: "wire", may: Only(&["model"]), never: &[], why: "bodies are the model in another form" },
    // Values are kept beside the runs; the records of where they are belong to the model.
    Layer {
        module: "results",
        may: Only(&["model", "clock", "settings"]),
        never: &[],
        why: "results are kept without knowing about runs",
    },
    // The only way to create or change a run. It names the store for the errors of the client in this process, and the bodies
    // of the API for the client over HTTP.
    Layer {
        module: "client",
        may: Only(&["model", "clock", "orchestration", "store", "wire"]),
        never: &["store::sql", "store::memory"],
        why: "a client passes on to the orchestrator",
    },
    // Runs the user's code. Of the orchestration it uses the pure rules for task runs, and the data that a client takes and
    // gives; flow runs are reached by a client, so that the same code works with a server.
    Layer {
        module: "engine",
        may: Only(&[
            "model",
            "clock",
            "client",
            "results",
            "orchestration::govern",
            "orchestration::Facts",
            "orchestration::Governed",
            "orchestration::Decision",
            "orchestration::TASK_POLICY",
            "orchestration::NewFlowRun",
            "orchestration::Executor",
            "orchestration::RunDecision",
            "orchestration::Probe",
            "orchestration::Liveness",
            "orchestration::InputProblem",
            "orchestration::Resumption",
            "orchestration::SlotsBack",
            "orchestration::ask_for_slots",
            "orchestration::waited_for",
        ]),
        never: &[],
        why: "the engine reaches runs through a client only",
    },
    // The composition root puts the layers together.
    Layer { module: "connect", may: Anything, never: &[], why: "" },
    // Puts engines for tests together, as the composition root does for programs.
    Layer { module: "testing", may: Anything, never: &["store::sql"], why: "tests run on any store" },
    // What the expansions of the macros name.
    Layer { module: "private", may: Anything, never: &[], why: "" },
];

/// Checks the imports of one file of the library.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let Some(module) = source.module().filter(|_| !source.is_test()) else {
        return Vec::new();
    };
    // The root re-exports what is public.
    let Some(top) = module.first() else {
        return Vec::new();
    };
    let Some(layer) = LAYERS.iter().find(|layer| layer.module == *top) else {
        let message = format!("`{top}` is not in the table of layers; add a row to xtask/src/tidy/layers.rs");
        return vec![Finding::error(&source.path, message)];
    };
    let Only(may) = layer.may else {
        return Vec::new();
    };
    let tokens = without_tests(&lexer::tokens(&source.text));
    let complaints = imports(&tokens, &module).into_iter().filter_map(|import| {
        complaint(layer, may, &import).map(|message| Finding::error(source.at(import.line), message))
    });
    complaints.chain(shortened(layer, &tokens, source)).collect()
}

/// Finds forbidden parts of a module that are named by way of the module: `use crate::store;` and then `store::sql`.
fn shortened(layer: &Layer, tokens: &[Token<'_>], source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (rule, (top, part)) in layer.never.iter().filter_map(|rule| Some((rule, rule.split_once("::")?))) {
        let mut before = "";
        for window in tokens.windows(3) {
            if let [first, colons, last] = window
                && (first.text, colons.text, last.text) == (top, "::", part)
                && before != "::"
            {
                let message = format!("`{}` may not import `{rule}`: {}", layer.module, layer.why);
                findings.push(Finding::error(source.at(first.line), message));
            }
            before = window.first().map_or("", |token| token.text);
        }
    }
    findings
}

/// Says what is wrong with an import, if something is.
fn complaint(layer: &Layer, may: &[&str], import: &Import<'_>) -> Option<String> {
    let Layer { module, never, why, .. } = layer;
    let (path, top) = (import.path.join("::"), *import.path.first()?);
    if top == *module {
        return None;
    }
    if !LAYERS.iter().any(|layer| layer.module == top) {
        return Some(format!("`crate::{path}` hides its layer: import it from the module that defines it"));
    }
    let within = |rule: &&str| path == **rule || path.starts_with(&format!("{rule}::"));
    if let Some(rule) = never.iter().find(|rule| within(rule)) {
        return Some(format!("`{module}` may not import `{rule}`: {why}"));
    }
    if may.iter().any(within) {
        return None;
    }
    let allowed = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
    // Where some items of a module are allowed, the item that is not is named.
    let named = if may.iter().any(|rule| rule.starts_with(&format!("{top}::"))) { &path } else { top };
    Some(format!("`{module}` may not import `{named}`: {why} (it may import {allowed})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_at(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: format!("crates/flowcore/src/{path}"), text: text.to_owned() };
        check(&source).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn allowed_imports_pass() {
        for (path, text) in [
            ("clock.rs", "use crate::model::Timestamp;"),
            ("model/run.rs", "use super::state::State; use crate::model::ids::RunId;"),
            ("store/sql/mod.rs", "use crate::{model, store::{Store, sql::dialect}};"),
            ("orchestration/policy.rs", "use crate::store::Store;"),
            ("engine/task.rs", "use crate::{client::Client, orchestration::{Decision, govern}, results};"),
            ("connect.rs", "use crate::{store::sql, engine};"),
            ("lib.rs", "pub use crate::engine::Flow;"),
            ("model/run.rs", "#[cfg(test)] mod tests { use crate::store::memory; }"),
            ("model/tests.rs", "use crate::store::memory;"),
            ("model/tests/run.rs", "use crate::store::memory;"),
        ] {
            assert_eq!(check_at(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }

    #[test]
    fn forbidden_imports_are_found() {
        for (path, text, rule) in [
            ("model/run.rs", "use crate::clock::Clock;", "`model` may not import `clock`"),
            ("model/run.rs", "use super::super::store;", "`model` may not import `store`"),
            ("store/mod.rs", "use crate::{model, orchestration::Rule};", "`store` may not import `orchestration`"),
            (
                "orchestration/x.rs",
                "use crate::store::{Store, sql::Db};",
                "`orchestration` may not import `store::sql`",
            ),
            ("orchestration/x.rs", "use crate::store; fn f(db: store::sql::Db) {}", "may not import `store::sql`"),
            ("results.rs", "fn f(x: crate::store::Store) {}", "`results` may not import `store`"),
            ("client/local.rs", "use crate::engine::Run;", "`client` may not import `engine`"),
            ("engine/flow.rs", "use crate::store::Error;", "`engine` may not import `store`"),
            (
                "engine/flow.rs",
                "use crate::orchestration::Orchestrator;",
                "may not import `orchestration::Orchestrator`",
            ),
            ("engine/flow.rs", "use crate::orchestration;", "`engine` may not import `orchestration`"),
            ("engine/flow.rs", "use crate::Flow;", "`crate::Flow` hides its layer"),
            ("engine/flow.rs", "use crate::*;", "`crate::*` hides its layer"),
            ("settings.rs", "use crate::connect;", "`settings` may not import `connect`"),
            ("surprise.rs", "", "`surprise` is not in the table of layers"),
        ] {
            let found = check_at(path, text);
            assert!(found.len() == 1 && found.iter().all(|finding| finding.contains(rule)), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_finding_names_file_line_and_rule() {
        assert_eq!(
            check_at("model/run.rs", "//! Docs.\n\nuse crate::{\n    store::Store,\n};\n"),
            [
                "error: crates/flowcore/src/model/run.rs:4: `model` may not import `store`: the model is pure data (it may \
             import nothing)"
            ]
        );
    }
}
