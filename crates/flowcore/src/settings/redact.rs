//! Addresses as they may be shown.

pub(super) const HIDDEN: &str = "***";

/// Writes an address without its password: what stands between the user's name and the `@`, and the values of
/// parameters that are named like secrets, become `***`.
///
/// Where an address is malformed, more is hidden rather than less.
pub fn redact_url(url: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let mut shown = redact_password(base);
    if let Some(query) = query {
        let parameters: Vec<String> = query.split('&').map(redact_parameter).collect();
        shown.push('?');
        shown.push_str(&parameters.join("&"));
    }
    // A password with a question mark in it makes the `@` part of what looks like parameters.
    if query.is_some_and(|query| query.contains('@')) && !is_path(base) { redact_password(url) } else { shown }
}

/// Splits an address at the colon behind its scheme. A path has no scheme, nor has a Windows drive.
pub(super) fn split_scheme(url: &str) -> Option<(&str, &str)> {
    url.split_once(':').filter(|(scheme, _)| {
        scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
    })
}

/// Tells whether a file is meant, whose path may hold what would be a password elsewhere.
fn is_path(base: &str) -> bool {
    split_scheme(base).is_none_or(|(_, rest)| rest.strip_prefix("//").unwrap_or(rest).starts_with('/'))
}

fn redact_password(url: &str) -> String {
    let Some((scheme, rest)) = split_scheme(url).filter(|_| !is_path(url)) else {
        return url.to_owned();
    };
    let (slashes, rest) = rest.strip_prefix("//").map_or(("", rest), |rest| ("//", rest));
    match rest.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}:{slashes}{name}:{HIDDEN}@{host}")
        }
        _ => url.to_owned(),
    }
}

fn redact_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret(name) => format!("{name}={HIDDEN}"),
        _ => parameter.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token", "passphrase"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_secrets_stay() {
        for url in [
            "sqlite:///home/a:b@c/flowcore.db",
            "postgres://localhost/flowcore",
            "postgres://ann@localhost:5432/flowcore?sslmode=require",
            "memory:",
            "/srv/a:b@c.db",
            "/var/lib/flowcore.db",
            "",
        ] {
            assert_eq!(redact_url(url), url);
        }
    }

    #[test]
    fn secrets_are_hidden() {
        for (url, expected) in [
            ("postgresql+asyncpg://ann:hush@db:5432/flows", "postgresql+asyncpg://ann:***@db:5432/flows"),
            ("postgres://ann:hush@hush/hush:hush@db/flows", "postgres://ann:***@db/flows"),
            ("postgres://ann:hu?sh@db/flows", "postgres://ann:***@db/flows"),
            ("postgres:ann:hush@db/flows", "postgres:ann:***@db/flows"),
            ("postgres://ann:@db/flows", "postgres://ann:***@db/flows"),
            ("postgres://db/flows?user=ann&password=hush&x=1", "postgres://db/flows?user=ann&password=***&x=1"),
            ("postgres://ann:hush@db/flows?sslPassword=hush", "postgres://ann:***@db/flows?sslPassword=***"),
        ] {
            assert_eq!(redact_url(url), expected);
        }
    }
}
