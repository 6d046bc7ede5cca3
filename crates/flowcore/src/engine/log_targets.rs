//! Whose log lines are those of a run.
//!
//! By default those of the program: of the crates that its flows are in, of that of the task around, and of flowcore. Libraries
//! are opted in by the setting `logging.extra_targets`. What counts is the crate that an event stands in, whatever target it
//! was given; for those that are opted in also the target.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::context::Around;
use super::core::DefaultEngine;
use super::definition::flows;

static KEPT: LazyLock<Kept> = LazyLock::new(|| {
    let extra = inventory::iter::<DefaultEngine>.into_iter().next().map_or(&[][..], |own| (own.log_extra_targets)());
    Kept { own: flows().map(|flow| crate_of(flow.site().key)).chain(["flowcore"]).collect(), extra }
});

/// Tells whether what is said inside of a run is kept with it: at a place in the code, to a target.
pub(super) fn is_kept(place: Option<&str>, target: &str, around: &Around) -> bool {
    KEPT.has(place, target)
        || around.task.as_ref().is_some_and(|task| task.is_in_crate(crate_of(place.unwrap_or(target))))
}

struct Kept {
    /// The crates of the program.
    own: BTreeSet<&'static str>,
    /// What is opted in.
    extra: &'static [String],
}

impl Kept {
    fn has(&self, place: Option<&str>, target: &str) -> bool {
        let is_below = |name: &str, of: &str| {
            name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('.'))
        };
        let opted_in = |extra: &String| {
            extra == "*" || [Some(target), place].into_iter().flatten().any(|name| is_below(name, extra))
        };
        // What flowcore says for those who look into it, such as its statements, has another target than what it says of runs.
        let speaker = place.filter(|place| crate_of(place) != "flowcore").unwrap_or(target);
        self.own.contains(crate_of(speaker)) || self.extra.iter().any(opted_in)
    }
}

/// Gives the name of the crate that a path in the code begins with.
pub(super) fn crate_of(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_libraries_are_opted_in() {
        let none = Kept { own: BTreeSet::from(["app"]), extra: &[] };
        assert!(
            none.has(Some("app::etl"), "app::etl") && none.has(Some("app"), "anything") && none.has(None, "app::x")
        );
        assert!(!none.has(Some("sqlx::query"), "sqlx::query") && !none.has(Some("application"), "app"));
        let extra = ["sqlx".to_owned(), "hyper::client".to_owned(), "audit.log".to_owned()].to_vec();
        let some = Kept { own: BTreeSet::from(["app"]), extra: extra.leak() };
        assert!(some.has(Some("sqlx_core::logger"), "sqlx::query") && some.has(Some("hyper::client::pool"), "pool"));
        assert!(some.has(None, "audit.log.write") && some.has(Some("app"), "app"));
        assert!(!some.has(Some("sqlx_core"), "sqlx_core") && !some.has(Some("hyper"), "hyper::server"));
        let all = Kept { own: BTreeSet::new(), extra: vec!["*".to_owned()].leak() };
        assert!(all.has(None, "anything"));
    }
}
