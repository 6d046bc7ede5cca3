//! `.prefectignore`: which files are not copied, by the patterns of `.gitignore`.

/// The patterns of a file, the last of which that fits decides.
#[derive(Debug, Default)]
pub(super) struct Ignore(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    /// The parts of the path that it fits, the outermost first; `**` is any number of them.
    parts: Vec<String>,
    /// It takes back what others have said.
    keeps: bool,
    only_folders: bool,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        Ignore(text.lines().filter_map(Pattern::parse).collect())
    }

    /// Tells whether a path below the folder is left out. Nothing below a folder that is left out is asked for.
    pub(super) fn leaves_out(&self, path: &[String], is_folder: bool) -> bool {
        let fits = |pattern: &&Pattern| (is_folder || !pattern.only_folders) && fits(&pattern.parts, path);
        self.0.iter().rev().find(fits).is_some_and(|pattern| !pattern.keeps)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (line, keeps) = line.strip_prefix('!').map_or((line, false), |line| (line, true));
        let (line, only_folders) = line.strip_suffix('/').map_or((line, false), |line| (line, true));
        let line = line.strip_prefix('\\').unwrap_or(line);
        let mut parts: Vec<String> = line.split('/').map(str::to_owned).collect();
        match parts.first().map(String::as_str) {
            Some("") => drop(parts.remove(0)),
            // A name alone fits at any depth.
            Some(_) if parts.len() == 1 => parts.insert(0, "**".to_owned()),
            _ => {}
        }
        parts.iter().any(|part| !part.is_empty()).then_some(Pattern { parts, keeps, only_folders })
    }
}

fn fits(pattern: &[String], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            // At the end it is what is within, of which there must be something.
            let least = usize::from(rest.is_empty());
            (least..=path.len()).any(|skipped| fits(rest, &path[skipped..]))
        }
        (Some((first, rest)), Some((name, below))) => {
            let (first, name): (Vec<char>, Vec<char>) = (first.chars().collect(), name.chars().collect());
            fits_name(&first, &name) && fits(rest, below)
        }
        _ => false,
    }
}

/// Fits a name: `*` is any letters, `?` is one.
fn fits_name(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while at < name.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[at] => (at, in_pattern) = (at + 1, in_pattern + 1),
            // The last star takes one letter more.
            _ => match star {
                Some((place, begin)) => {
                    star = Some((place, begin + 1));
                    (at, in_pattern) = (begin + 1, place + 1);
                }
                None => return false,
            },
        }
    }
    pattern[in_pattern..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_gitignore() {
        let ignore = Ignore::parse("# comment\n\n*.pyc\n__pycache__/\n/target\ndocs/**/draft-?.md\n!keep.pyc\n");
        let left_out = |path: &str| {
            let parts: Vec<String> = path.trim_end_matches('/').split('/').map(str::to_owned).collect();
            ignore.leaves_out(&parts, path.ends_with('/'))
        };
        for path in [
            "a.pyc",
            "x/y/a.pyc",
            "__pycache__/",
            "x/__pycache__/",
            "target/",
            "docs/draft-1.md",
            "docs/a/b/draft-2.md",
        ] {
            assert!(left_out(path), "{path}");
        }
        for path in ["a.py", "keep.pyc", "__pycache__", "x/target/", "docs/draft-10.md", "draft-1.md"] {
            assert!(!left_out(path), "{path}");
        }
    }
}
