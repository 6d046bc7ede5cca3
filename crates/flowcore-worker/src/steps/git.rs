//! `git_clone`.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};
use tokio::fs;
use tokio::process::Command;
use uuid::Uuid;

use super::command::{run, without};
use super::inputs::Inputs;
use crate::environment::Inherited;

pub(super) const INPUTS: &[&str] = &[
    "repository",
    "branch",
    "commit_sha",
    "include_submodules",
    "access_token",
    "credentials",
    "directories",
    "clone_directory_name",
];

/// A repository, and how it is wanted.
struct Clone<'a> {
    repository: &'a str,
    branch: Option<&'a str>,
    commit: Option<&'a str>,
    submodules: bool,
    directories: Vec<String>,
    /// Who asks: `user:password`.
    user: Option<String>,
    inherited: Option<&'a Inherited>,
}

/// Clones a repository into a folder below `at`, or brings the clone that is there up to date.
pub(super) async fn git_clone(
    inputs: &Inputs,
    at: &Path,
    inherited: Option<&Inherited>,
) -> Result<Map<String, Value>, String> {
    let repository = inputs.needed("repository")?;
    let clone = Clone {
        repository,
        branch: inputs.text("branch")?,
        commit: inputs.text("commit_sha")?,
        submodules: inputs.flag("include_submodules", false)?,
        directories: inputs.texts("directories")?,
        user: user(inputs, repository)?,
        inherited,
    };
    if clone.branch.is_some() && clone.commit.is_some() {
        return Err("name either a `branch` or a `commit_sha`".to_owned());
    }
    let folder = at.join(inputs.text("clone_directory_name")?.map_or_else(|| clone.folder(), str::to_owned));
    let secret = clone
        .user
        .as_deref()
        .and_then(|user| user.split_once(':'))
        .map(|(name, password)| if password.is_empty() { name } else { password });
    clone.bring(&folder).await.map_err(|why| without(secret, why))?;
    Ok([("directory".to_owned(), json!(folder))].into_iter().collect())
}

impl Clone<'_> {
    /// The folder that Prefect would choose: the repository's name, and the branch.
    fn folder(&self) -> String {
        let last = self.repository.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(self.repository);
        let name = last.strip_suffix(".git").unwrap_or(last);
        let safe = |text: &str| text.replace(['/', '\\'], "-");
        match self.branch {
            Some(branch) => format!("{}-{}", safe(name), safe(branch)),
            None => safe(name),
        }
    }

    async fn bring(&self, folder: &Path) -> Result<(), String> {
        if !folder.join(".git").exists() {
            self.clone_to(folder).await?;
        } else {
            self.must_be_of(folder).await?;
            if self.renew(folder).await.is_err() {
                self.clone_anew(folder).await?;
            }
        }
        if self.submodules {
            self.git(&["submodule", "update", "--init", "--recursive"], Some(folder)).await?;
        }
        Ok(())
    }

    /// Refuses a clone of another repository, which somebody may want to keep.
    async fn must_be_of(&self, folder: &Path) -> Result<(), String> {
        let origin = self.said(&["config", "--get", "remote.origin.url"], folder).await?;
        let (has, wanted) = (without_user(&origin), without_user(self.repository));
        if has == wanted {
            return Ok(());
        }
        let place = folder.display();
        Err(format!("{place} is a clone of {has} and not of {wanted}: remove it, or set another working directory"))
    }

    /// Brings a clone up to date. It cannot be if its branch was written anew, or is another one than before.
    async fn renew(&self, folder: &Path) -> Result<(), String> {
        self.sparse(folder).await?;
        if let Some(commit) = self.commit {
            return self.fetch(folder, commit).await;
        }
        self.git(&["pull", "--ff-only", "origin", self.branch.unwrap_or("HEAD")], Some(folder)).await?;
        let (here, there) =
            (self.said(&["rev-parse", "HEAD"], folder), self.said(&["rev-parse", "FETCH_HEAD"], folder));
        if here.await? != there.await? {
            return Err("it has commits that the repository has not".to_owned());
        }
        Ok(())
    }

    /// Puts a new clone in the place of one that is of no use any more, which stays if there is no new one to be had.
    async fn clone_anew(&self, folder: &Path) -> Result<(), String> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.with_file_name(format!(".{name}-{}", Uuid::now_v7().simple()));
        if let Err(why) = self.clone_to(&beside).await {
            // What is not there needs no removal.
            let _ = fs::remove_dir_all(&beside).await;
            return Err(why);
        }
        let swapped = async {
            fs::remove_dir_all(folder).await?;
            fs::rename(&beside, folder).await
        };
        swapped.await.map_err(|error| format!("{} cannot be cloned anew: {error}", folder.display()))
    }

    async fn clone_to(&self, folder: &Path) -> Result<(), String> {
        let place = folder.to_string_lossy();
        let mut arguments = vec!["clone"];
        if let Some(branch) = self.branch {
            arguments.extend(["--branch", branch]);
        }
        if !self.directories.is_empty() {
            arguments.push("--sparse");
        }
        match self.commit {
            Some(_) => arguments.extend(["--filter=blob:none", "--no-checkout"]),
            None => arguments.extend(["--depth", "1"]),
        }
        arguments.extend(["--", self.repository, &place]);
        self.git(&arguments, None).await?;
        self.sparse(folder).await?;
        match self.commit {
            Some(commit) => self.fetch(folder, commit).await,
            None => Ok(()),
        }
    }

    async fn sparse(&self, folder: &Path) -> Result<(), String> {
        if self.directories.is_empty() {
            return Ok(());
        }
        let mut arguments = vec!["sparse-checkout", "set", "--"];
        arguments.extend(self.directories.iter().map(String::as_str));
        self.git(&arguments, Some(folder)).await
    }

    async fn fetch(&self, folder: &Path, commit: &str) -> Result<(), String> {
        if commit.starts_with('-') {
            return Err(format!("`{commit}` is no commit"));
        }
        self.git(&["fetch", "origin", commit], Some(folder)).await?;
        self.git(&["checkout", commit], Some(folder)).await
    }

    /// Runs git. Who asks is told by its environment, so that it stands neither in a list of processes nor in the clone.
    async fn git(&self, arguments: &[&str], folder: Option<&Path>) -> Result<(), String> {
        self.ask(arguments, folder).await.map(drop)
    }

    /// Runs git in a clone, and gives what it says.
    async fn said(&self, arguments: &[&str], folder: &Path) -> Result<String, String> {
        Ok(self.ask(arguments, Some(folder)).await?.trim().to_owned())
    }

    async fn ask(&self, arguments: &[&str], folder: Option<&Path>) -> Result<String, String> {
        let mut command = Command::new("git");
        command.args(arguments).env("GIT_TERMINAL_PROMPT", "0");
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        if let (Some(user), Some(origin)) = (&self.user, origin(self.repository)) {
            command
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", format!("http.{origin}/.extraHeader"))
                .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {}", BASE64.encode(user.as_bytes())));
        }
        Ok(run(command, None, self.inherited).await?.stdout)
    }
}

/// Gives a URL without a user.
fn without_user(url: &str) -> String {
    match url.split_once("://").map(|(scheme, rest)| (scheme, rest, rest.split('/').next().unwrap_or(rest))) {
        Some((scheme, rest, host)) if host.contains('@') => {
            let begin = host.rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[begin..])
        }
        _ => url.to_owned(),
    }
}

/// Gives scheme and host of a URL, without a user.
fn origin(repository: &str) -> Option<String> {
    let (scheme, rest) = repository.split_once("://")?;
    let host = rest.split('/').next()?;
    let host = host.rsplit('@').next()?;
    matches!(scheme, "http" | "https").then(|| format!("{scheme}://{host}"))
}

/// Finds out who asks, in the form that the host expects of a token.
fn user(inputs: &Inputs, repository: &str) -> Result<Option<String>, String> {
    let token = inputs.text("access_token")?.map(str::to_owned);
    let credentials = match (&token, inputs.any("credentials")) {
        (Some(_), Some(_)) => return Err("give it an `access_token` or `credentials`, not both".to_owned()),
        (_, None) => None,
        (None, Some(Value::Object(credentials))) => Some(credentials),
        // A block that is nothing but a value.
        (None, Some(Value::String(token))) => return Ok(Some(for_host(token, repository))),
        (None, Some(_)) => return Err("`credentials` is to be a block".to_owned()),
    };
    let field = |name: &str| credentials?.get(name)?.as_str().filter(|text| !text.is_empty());
    let secret =
        token.as_deref().or_else(|| field("token")).or_else(|| field("password")).or_else(|| field("access_token"));
    let Some(secret) = secret else {
        return if credentials.is_some() {
            Err("its credentials have no `token` and no `password`".to_owned())
        } else {
            Ok(None)
        };
    };
    if origin(repository).is_none() {
        return Err("a token is of use with an address that begins with https:// only".to_owned());
    }
    Ok(Some(match field("username") {
        Some(name) => format!("{name}:{secret}"),
        None => for_host(secret, repository),
    }))
}

fn for_host(token: &str, repository: &str) -> String {
    let host = origin(repository).unwrap_or_default();
    match token.contains(':') {
        true => token.to_owned(),
        false if host.contains("gitlab") => format!("oauth2:{token}"),
        false if host.contains("bitbucket") => format!("x-token-auth:{token}"),
        false => format!("{token}:"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn asks(inputs: Value) -> Result<Option<String>, String> {
        let inputs = Inputs::new(inputs.as_object().cloned().unwrap(), INPUTS).unwrap();
        user(&inputs, inputs.needed("repository").unwrap())
    }

    #[test]
    fn tokens_have_the_form_that_their_hosts_expect() {
        let of = |host: &str| asks(json!({"repository": format!("https://{host}/a/b.git"), "access_token": "t"}));
        assert_eq!(of("github.com"), Ok(Some("t:".to_owned())));
        assert_eq!(of("gitlab.example.org"), Ok(Some("oauth2:t".to_owned())));
        assert_eq!(of("bitbucket.org"), Ok(Some("x-token-auth:t".to_owned())));
        let block = json!({"repository": "https://x.org/r", "credentials": {"username": "u", "password": "p"}});
        assert_eq!(asks(block), Ok(Some("u:p".to_owned())));
        assert_eq!(asks(json!({"repository": "/srv/r"})), Ok(None));
        assert!(asks(json!({"repository": "git@x.org:r", "access_token": "t"})).is_err());
        assert!(asks(json!({"repository": "https://x.org/r", "credentials": {}})).is_err());
    }

    #[test]
    fn a_repository_is_the_same_whoever_asks() {
        assert_eq!(without_user("https://u:p@x.org:1/a@b"), "https://x.org:1/a@b");
        for same in ["https://x.org/a@b", "git@x.org:a", "/srv/a", "ssh://x.org"] {
            assert_eq!(without_user(same), same);
        }
    }

    #[test]
    fn clones_are_named_by_repository_and_branch() {
        let folder = |repository, branch| {
            Clone {
                repository,
                branch,
                commit: None,
                submodules: false,
                directories: Vec::new(),
                user: None,
                inherited: None,
            }
            .folder()
        };
        assert_eq!(folder("https://x.org/a/flows.git", None), "flows");
        assert_eq!(folder("git@x.org:flows.git/", Some("feature/one")), "flows-feature-one");
    }
}
