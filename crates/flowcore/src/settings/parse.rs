//! From texts to the values of settings. What is `None` is not allowed.

use std::path::{Path, PathBuf};

use super::layer::Found;
use super::redact::split_scheme;
use super::server::AuthString;

/// Reads a folder's path.
pub(super) fn folder(found: &Found) -> Option<PathBuf> {
    std::path::absolute(found.folder.join(&found.text)).ok()
}

/// Reads a database's address. What no scheme begins is the path of a SQLite file. Relative paths are made absolute,
/// since the program that retries a run is started in another folder.
pub(super) fn database_url(found: &Found) -> Option<String> {
    let Some((scheme, rest)) = split_scheme(&found.text) else {
        return sqlite_url("sqlite", &found.text, "", &found.folder);
    };
    match scheme.split('+').next()? {
        "memory" | "postgres" | "postgresql" => Some(found.text.clone()),
        "sqlite" => {
            let end = rest.find('?').unwrap_or(rest.len());
            let (path, query) = rest.split_at_checked(end)?;
            sqlite_url(scheme, path.strip_prefix("//").unwrap_or(path), query, &found.folder)
        }
        _ => None,
    }
}

/// Writes the address of a SQLite file. Its path is not escaped, so that one with a question mark is no address and
/// stands for itself.
pub(super) fn sqlite_url(scheme: &str, path: &str, query: &str, folder: &Path) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    // An absolute path stays as it is, which may be behind the further slash of SQLAlchemy's form.
    let path = if path.starts_with('/') { path.to_owned() } else { absolute(path, folder)? };
    Some(if path.contains('?') { path } else { format!("{scheme}://{path}{query}") })
}

/// Reads a result storage's address: what no scheme begins is the path of a folder, and made absolute.
pub(super) fn storage_url(found: &Found) -> Option<String> {
    match split_scheme(&found.text) {
        None => Some(folder_url(&absolute(&found.text, &found.folder)?)),
        Some((scheme, _)) => ["file", "s3", "memory"].contains(&scheme).then(|| found.text.clone()),
    }
}

/// Writes the address of a folder. What would end its path or begin an escape is escaped.
pub(super) fn folder_url(path: &str) -> String {
    format!("file://{}", path.replace('%', "%25").replace('?', "%3F").replace('#', "%23"))
}

/// Reads the address of a server's API.
pub(super) fn http_url(found: &Found) -> Option<String> {
    let (scheme, rest) = split_scheme(&found.text)?;
    let has_host = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    (["http", "https"].contains(&scheme) && has_host).then(|| found.text.trim_end_matches('/').to_owned())
}

/// Reads the number of a port.
pub(super) fn port(found: &Found) -> Option<u16> {
    found.text.parse().ok()
}

/// Reads a name and a password with a colon between.
pub(super) fn auth_string(found: &Found) -> Option<AuthString> {
    let (name, password) = found.text.split_once(':')?;
    (!name.is_empty() && !password.is_empty()).then(|| AuthString::new(&*found.text))
}

/// Reads where an API begins: a path with a slash before, and none behind.
pub(super) fn base_path(found: &Found) -> Option<String> {
    let path = found.text.trim_end_matches('/');
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "/-_.~".contains(letter);
    (path.starts_with('/') && !path.contains("//") && path.chars().all(letter)).then(|| path.to_owned())
}

/// Reads a size: bytes, or KiB or MiB when that stands behind the number.
pub(super) fn bytes(found: &Found) -> Option<u64> {
    let text = &found.text;
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(number.len()..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1024,
        "mib" => 1024 * 1024,
        _ => return None,
    };
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

/// Reads a number of at least one.
pub(super) fn count(found: &Found) -> Option<usize> {
    found.text.parse().ok().filter(|count| *count > 0)
}

/// Reads true or false, in the words that tools have for them.
pub(super) fn flag(found: &Found) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| found.text.eq_ignore_ascii_case(word));
    match (is(["true", "1", "yes", "on"]), is(["false", "0", "no", "off"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Reads names with commas between them.
pub(super) fn names(found: &Found) -> Option<Vec<String>> {
    let names = found.text.split(',').map(str::trim).filter(|name| !name.is_empty());
    Some(names.map(str::to_owned).collect())
}

/// Takes a text as it is.
pub(super) fn text(found: &Found) -> Option<String> {
    Some(found.text.clone())
}

fn absolute(path: &str, folder: &Path) -> Option<String> {
    std::path::absolute(folder.join(path)).ok()?.to_str().map(str::to_owned)
}
