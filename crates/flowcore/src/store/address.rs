//! Database addresses: which kind of store one means, and how it is shown without its password.

use std::path::PathBuf;

use super::StoreError;

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `memory:`
    Memory,
    /// A file, by its path or as a `sqlite:` URL.
    Sqlite(SqliteAddress),
    /// A server, as a `postgres:` URL without the name of a Python driver.
    Postgres(Redacted),
}

/// A database file and how to open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SqliteAddress {
    /// The file.
    pub(super) path: PathBuf,
    /// How far a commit reaches.
    pub(super) synchronous: Synchronous,
    /// `mode=ro`: the file is only read, and must exist.
    pub(super) read_only: bool,
}

/// What a commit has survived when it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Synchronous {
    /// A power failure.
    Full,
    /// The process's death; a power failure can undo the newest commits, and damages nothing.
    Normal,
}

/// A URL that shows itself without its password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Redacted(pub(super) String);

impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl Address {
    /// Reads an address: `memory:`, a path, `sqlite:///path`, `postgres://..`, each also in SQLAlchemy's form.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
            return Ok(Address::Sqlite(SqliteAddress::at(url)));
        };
        match scheme.split('+').next() {
            Some("memory") => Ok(Address::Memory),
            Some("sqlite") => Ok(Address::Sqlite(SqliteAddress::parse(url, rest)?)),
            Some("postgres" | "postgresql") => Ok(Address::Postgres(Redacted(format!("postgres:{rest}")))),
            _ => Err(refused(url, "there is no such kind of database; use sqlite:///path, postgres://.. or memory:")),
        }
    }
}

impl SqliteAddress {
    fn at(path: &str) -> Self {
        SqliteAddress { path: PathBuf::from(path), synchronous: Synchronous::Full, read_only: false }
    }

    fn parse(url: &str, rest: &str) -> Result<Self, StoreError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        // SQLAlchemy writes an absolute path behind a fourth slash, and a Windows path behind a third.
        let drive = path.as_bytes().get(2) == Some(&b':');
        let path = if path.starts_with("//") || drive { &path[1..] } else { path };
        if path.is_empty() || path.ends_with(":memory:") {
            return Err(refused(url, "the URL names no file; use memory: for a store without one"));
        }
        let mut address = SqliteAddress::at(path);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.to_ascii_lowercase().as_str() {
                "synchronous=full" => address.synchronous = Synchronous::Full,
                "synchronous=normal" => address.synchronous = Synchronous::Normal,
                "mode=ro" => address.read_only = true,
                "mode=rw" | "mode=rwc" => address.read_only = false,
                _ => {
                    let known = "synchronous=full, synchronous=normal, mode=ro and mode=rwc";
                    return Err(refused(url, &format!("the URL's `{parameter}` is not known; known are {known}")));
                }
            }
        }
        Ok(address)
    }
}

/// Hides the password of a URL, wherever one can stand: behind the user's name and among the parameters.
///
/// What it cannot tell apart it hides: better too little shown than too much.
pub(super) fn redact(url: &str) -> String {
    let scheme = url.split(':').next().filter(|scheme| scheme.len() < url.len() && is_scheme(scheme));
    let Some(scheme) = scheme else { return url.to_owned() };
    let (colon, rest) = match url[scheme.len()..].strip_prefix("://") {
        Some(rest) => ("://", rest),
        None => (":", &url[scheme.len() + 1..]),
    };
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user.split(':').next().unwrap_or_default()), place),
        None => (None, rest),
    };
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    let mut shown = format!("{scheme}{colon}");
    if let Some(user) = user {
        let hidden = if rest.contains(&format!("{user}:")) { ":***" } else { "" };
        shown.extend([user, hidden, "@"]);
    }
    shown.push_str(place);
    for (number, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if number == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => shown.extend([name, "=***"]),
            _ => shown.push_str(parameter),
        }
    }
    shown
}

/// A single letter before a colon is a Windows drive, and a path may hold a colon too.
fn is_scheme(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
}

fn refused(url: &str, reason: &str) -> StoreError {
    StoreError::Open { url: redact(url), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Address, Synchronous, redact};

    fn path(url: &str) -> String {
        match Address::parse(url).unwrap() {
            Address::Sqlite(address) => address.path.to_str().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_and_urls_name_files() {
        assert_eq!(path("/var/lib/flowcore.db"), "/var/lib/flowcore.db");
        assert_eq!(path("data/runs.db"), "data/runs.db");
        assert_eq!(path(r"C:\data\runs.db"), r"C:\data\runs.db");
        assert_eq!(path("sqlite:///var/lib/flowcore.db"), "/var/lib/flowcore.db");
        assert_eq!(path("sqlite:////var/lib/flowcore.db"), "/var/lib/flowcore.db");
        assert_eq!(path("sqlite+aiosqlite:///var/lib/flowcore.db"), "/var/lib/flowcore.db");
        assert_eq!(path("sqlite:///C:/data/runs.db"), "C:/data/runs.db");
        assert_eq!(path("sqlite:runs.db?synchronous=normal"), "runs.db");
    }

    #[test]
    fn parameters_choose_how_a_file_is_opened() {
        let Address::Sqlite(address) = Address::parse("sqlite:///a.db?synchronous=NORMAL&mode=ro").unwrap() else {
            panic!("not a file")
        };
        assert_eq!(address.synchronous, Synchronous::Normal);
        assert!(address.read_only);
        let message = Address::parse("sqlite:///a.db?sync=off").unwrap_err().to_string();
        assert!(message.contains("`sync=off` is not known"), "{message}");
    }

    #[test]
    fn other_kinds_are_told_apart() {
        assert_eq!(Address::parse("memory:").unwrap(), Address::Memory);
        for url in ["postgres://h/d", "postgresql://h/d", "postgresql+asyncpg://h/d"] {
            let Address::Postgres(parsed) = Address::parse(url).unwrap() else { panic!("{url}") };
            assert_eq!(parsed.0, "postgres://h/d");
        }
        let message = Address::parse("mysql://u:secret@h/d").unwrap_err().to_string();
        assert!(message.contains("mysql://u:***@h/d") && !message.contains("secret"), "{message}");
        assert!(Address::parse("sqlite:///:memory:").is_err());
    }

    #[test]
    fn passwords_are_hidden_wherever_they_stand() {
        assert_eq!(redact("postgres://me:secret@host:5432/db"), "postgres://me:***@host:5432/db");
        assert_eq!(redact("postgres://me:se@c/r?e@t@host/db"), "postgres://me:***@host/db");
        assert_eq!(redact("postgres://host/db?user=me&password=secret"), "postgres://host/db?user=me&password=***");
        assert_eq!(redact("postgres://me@host/db"), "postgres://me@host/db");
        assert_eq!(redact("postgres:me:secret@host/db"), "postgres:me:***@host/db");
        assert_eq!(redact("/var/lib/a.db"), "/var/lib/a.db");
        let address = Address::parse("postgres://me:secret@host/db").unwrap();
        assert!(!format!("{address:?}").contains("secret"));
    }
}
