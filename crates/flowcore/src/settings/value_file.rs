//! Files that hold one value each, as Docker and Vault write secrets.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No value is longer. Who names a device or a log file is told so, instead of being read for ever.
const LIMIT: u64 = 64 * 1024;

/// Reads the value in a file: all of it, but for the end of its last line.
///
/// # Errors
/// When it cannot be read, is empty, too long or no text: a sentence's end, behind the file's name, that says what to do.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("which cannot be read: {}", because(&error)))?;
    if bytes.len() as u64 > LIMIT {
        return Err("which is longer than 64 KiB: name a file that holds the value alone".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "which is not UTF-8: write plain text into it".to_owned())?;
    let value = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
    if value.trim().is_empty() {
        Err("which is empty: write the value into it".to_owned())
    } else {
        Ok(value.to_owned())
    }
}

/// Says in words why a file cannot be used.
pub(super) fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn only_the_last_line_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        for (content, value) in
            [("hush", "hush"), ("hush\n", "hush"), ("hush\r\n", "hush"), (" a \n b \n\n", " a \n b \n")]
        {
            std::fs::write(&file, content).unwrap();
            assert_eq!(read(&file).as_deref(), Ok(value));
        }
    }

    #[test]
    fn what_is_no_value_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        for (content, reason) in [
            (&b"\n"[..], "which is empty"),
            (b"\xff\xfe", "which is not UTF-8"),
            (&[b'x'; 65 * 1024], "which is longer than 64 KiB"),
        ] {
            std::fs::write(&file, content).unwrap();
            assert!(read(&file).unwrap_err().starts_with(reason), "{reason}");
        }
        assert_eq!(read(&folder.path().join("none")), Err("which cannot be read: it is not there".to_owned()));
        assert_eq!(read(folder.path()), Err("which cannot be read: it is a folder".to_owned()));
    }
}
