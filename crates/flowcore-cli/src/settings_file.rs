//! Changing a settings file: what is not meant stays as it is, comments too, and a reader finds the old file or the new
//! one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::failure::Failure;
use crate::settings_table::assign;

/// A settings file that is about to change.
pub(crate) struct SettingsFile {
    path: PathBuf,
    /// Whether only its owner may read it.
    private: bool,
    pub(crate) document: DocumentMut,
}

impl SettingsFile {
    /// Reads a file, which need not exist.
    pub(crate) fn open(path: &Path, private: bool) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::new(format!("{} cannot be read: {error}", path.display()))),
        };
        let parsed: Result<DocumentMut, _> = text.parse();
        let document = parsed.map_err(|error: toml_edit::TomlError| {
            // The parser's own text shows the line, which may hold a secret.
            let line =
                error.span().map_or(1, |span| text.get(..span.start).map_or(1, |text| text.matches('\n').count() + 1));
            Failure::new(format!("{}:{line}: this is not TOML: {}", path.display(), error.message()))
        })?;
        // A link stays a link: what it points to changes.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(SettingsFile { path, private, document })
    }

    /// Replaces the file.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.replace().map_err(|error| Failure::new(format!("{} cannot be written: {error}", self.path.display())))
    }

    fn replace(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let new = folder.join(format!(".{name}.{}.new", std::process::id()));
        let written = self.write(&new).and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            // What went wrong first is what has to be said.
            let _ = fs::remove_file(&new);
        }
        written
    }

    fn write(&self, new: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if self.private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file: File = options.open(new)?;
        if let (false, Ok(former)) = (self.private, fs::metadata(&self.path)) {
            file.set_permissions(former.permissions())?;
        }
        file.write_all(self.document.to_string().as_bytes())?;
        file.sync_all()
    }

    /// Lists the profiles of a file of profiles, which is a table that is made if need be.
    pub(crate) fn profiles(&mut self) -> Result<&mut dyn TableLike, Failure> {
        let not_a_table = format!("{}: profiles is not a table: make it one", self.path.display());
        let profiles = self.document.entry("profiles").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        profiles.as_table_like_mut().ok_or_else(|| Failure::new(not_a_table))
    }

    /// Gives a profile's table.
    pub(crate) fn profile(&mut self, name: &str) -> Result<&mut dyn TableLike, Failure> {
        let missing = format!(
            "there is no profile `{name}` in {}: `flowcore profile create {name}` creates it",
            self.path.display()
        );
        let profile = self.profiles()?.get_mut(name).and_then(Item::as_table_like_mut);
        profile.ok_or_else(|| Failure::new(missing))
    }

    /// Says which profile is active.
    pub(crate) fn activate(&mut self, name: &str) {
        assign(self.document.entry("active").or_insert(Item::None), Value::from(name));
    }
}

#[cfg(test)]
#[path = "settings_file_tests.rs"]
mod tests;
