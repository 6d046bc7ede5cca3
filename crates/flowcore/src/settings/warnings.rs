//! What about settings is worth a warning: they are no mistakes, but rarely what is meant.

use super::known;
use super::value::Source;
use super::values::Settings;

impl Settings {
    /// Says what should be warned of: variables that begin with `FLOWCORE_` and set nothing, and data that are not kept since
    /// nothing else was asked for. Whoever loads settings should print it once.
    ///
    /// Only [`Settings::load`] can know the variables.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.unknown_variables().iter().map(ToString::to_string).collect();
        let of_itself =
            |known: &known::Known, value: &str| value.starts_with("memory") && self.source(known) == Source::Default;
        let name = known::DATABASE_URL.name();
        if of_itself(&known::DATABASE_URL, &self.database_url) {
            warnings.push(format!(
                "nothing is kept when this process ends, as flowcore was built without a database: add its feature `sqlite`, \
                 or set {name}"
            ));
        } else if of_itself(&known::RESULT_STORAGE, &self.result_storage) {
            let name = known::RESULT_STORAGE.name();
            warnings.push(format!(
                "large results are not kept when this process ends, as flowcore was built without a storage for them: add its \
                 feature `results`, or set {name}"
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_warned_of_where_nobody_asked_for_it() {
        let load = |database: &str| {
            let lookup = |name: &str| match name {
                "FLOWCORE_HOME" => Some("/srv".to_owned()),
                "FLOWCORE_DATABASE_URL" => Some(database.to_owned()),
                "FLOWCORE_RESULT_STORAGE" => Some("memory:".to_owned()),
                _ => None,
            };
            Settings::from_lookup(&lookup)
        };
        assert!(load("memory:").is_ok_and(|settings| settings.warnings().is_empty()));
        let told =
            load("").is_ok_and(|settings| settings.warnings().iter().any(|warning| warning.contains("`sqlite`")));
        assert_eq!(told, !cfg!(feature = "sqlite"));
    }
}
