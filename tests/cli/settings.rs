//! Settings in files and profiles: what counts, what is written, what is refused.

use std::fs;

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::world::{Transcript, World};

/// A world whose commands run in a project's folder.
struct Project {
    world: World,
    folder: TempDir,
}

impl Project {
    async fn new() -> Self {
        Project { world: World::new().await, folder: tempfile::tempdir().unwrap() }
    }

    fn flowcore(&self, line: &str) -> Transcript {
        self.flowcore_with(&[], line)
    }

    fn flowcore_with(&self, variables: &[(&str, &str)], line: &str) -> Transcript {
        let inner = self.folder.path().join("inner");
        fs::create_dir_all(&inner).unwrap();
        let mut command = self.world.command(line);
        let output = command.current_dir(&inner).envs(variables.iter().copied()).output().unwrap();
        let mut transcript = self.world.transcript(line, &output);
        let folder = self.folder.path().to_str().unwrap();
        transcript.out = transcript.out.replace(folder, "[project]");
        transcript.err = transcript.err.replace(folder, "[project]");
        transcript
    }

    /// Carries out commands one after the other.
    fn session(&self, lines: &[&str]) -> String {
        lines.iter().map(|line| self.flowcore(line).to_string()).collect()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn profiles(&self) -> String {
        fs::read_to_string(self.world.home.path().join("profiles.toml")).unwrap()
    }
}

#[tokio::test]
async fn sources_are_shown_and_the_first_counts() {
    let project = Project::new().await;
    project.write("flowcore.toml", "task_limit = 1\ninline_result_limit = '1KiB'\ndatabase.url = 'runs.db'\n");
    project.write("token", "hush\n");
    fs::write(
        project.world.home.path().join("profiles.toml"),
        "active = 'dev'\n[profiles.dev]\nFLOWCORE_TASK_LIMIT = 2\nFLOWCORE_LOGGING_LEVEL = 'DEBUG'\n[profiles.other]\n",
    )
    .unwrap();
    let variables = [("FLOWCORE_S3_SESSION_TOKEN_FILE", "../token"), ("FLOWCORE_INLINE_RESULT_LIMIT", "5")];
    let view = "config view --show-sources --hide-defaults";
    let shown = project.flowcore_with(&variables, view);
    assert!(!shown.to_string().contains("hush"), "{shown}");
    assert_snapshot!(shown);
    assert_snapshot!(project.flowcore(&format!("--profile other {view}")));
    // What a command does depends on it: the database is the project's.
    assert_eq!(project.flowcore("flow-run ls").code, Some(0));
    assert!(project.folder.path().join("runs.db").is_file());
}

#[tokio::test]
async fn settings_are_set_and_removed_in_profiles() {
    let project = Project::new().await;
    let told = project.session(&[
        "profile ls",
        "config set task_limit=8 FLOWCORE_LOGGING_LEVEL=debug s3.secret_access_key=hush",
        "profile create prod --from default",
        "profile ls",
        "profile use prod",
        "config set PREFECT_LOGGING_LEVEL=ERROR",
        "config unset task_limit",
        "profile inspect",
        "profile inspect default -o json",
        "profile delete prod",
        "profile delete default --yes",
        "profile rename prod live",
        "profile ls -o json",
        "config unset task_limit",
    ]);
    let answers = told.lines().filter(|line| !line.starts_with('$'));
    assert!(!answers.into_iter().any(|line| line.contains("hush")), "{told}");
    assert_snapshot!(told);
    assert_eq!(
        project.profiles(),
        "active = \"live\"\n\n[profiles.live]\nFLOWCORE_LOGGING_LEVEL = \"ERROR\"\nFLOWCORE_S3_SECRET_ACCESS_KEY = \"hush\"\n"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = project.world.home.path().join("profiles.toml");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn settings_are_set_and_removed_in_the_projects_file() {
    let project = Project::new().await;
    // A new file is made here, a found one is changed where it is.
    assert_eq!(project.flowcore("config set --project task_limit=8").code, Some(0));
    assert_eq!(project.read("inner/flowcore.toml"), "task_limit = 8\n");
    fs::remove_file(project.folder.path().join("inner/flowcore.toml")).unwrap();
    project.write("flowcore.toml", "# The project's.\n\n[database] # where runs are\nurl = 'a.db' # for now\n");
    let told = project.session(&[
        "config set --project FLOWCORE_DATABASE_URL=b.db logging.level=INFO s3.path_style=true",
        "config unset --project logging.level",
    ]);
    assert_snapshot!(told);
    assert_eq!(
        project.read("flowcore.toml"),
        "# The project's.\n\n[database] # where runs are\nurl = \"b.db\" # for now\n\n[s3]\npath_style = true\n"
    );
}

#[tokio::test]
async fn what_cannot_be_set_is_refused_and_nothing_is_written() {
    let project = Project::new().await;
    let told = project.session(&[
        "config set task_limit=8 task_limits=9",
        "config set task_limit=8 logging.level=LOUD",
        "config set task_limit",
        "config set home=/srv",
        "config set s3.region_file=none",
        "config unset databse.url",
        "--profile gone config set task_limit=8",
        "profile use gone",
        "profile create a/b",
    ]);
    assert_snapshot!(told);
    assert!(!project.world.home.path().join("profiles.toml").exists());
}

#[tokio::test]
async fn what_counts_more_is_said() {
    let project = Project::new().await;
    let variables = [("FLOWCORE_TASK_LIMIT", "1"), ("FLOWCORE_PROFILE", "a")];
    assert_eq!(project.flowcore("profile create a").code, Some(0));
    assert_eq!(project.flowcore("profile create b").code, Some(0));
    assert_snapshot!(format!(
        "{}{}",
        project.flowcore_with(&variables, "config set task_limit=8"),
        project.flowcore_with(&variables, "profile use b")
    ));
}

#[tokio::test]
async fn validate_says_all_that_is_wrong_everywhere() {
    let project = Project::new().await;
    assert_snapshot!(project.flowcore("config validate"));
    project.write("flowcore.toml", "task_limit = 0\ndatabse.url = 'x'\n[s3]\nallow_http = 'perhaps'\n");
    fs::write(
        project.world.home.path().join("profiles.toml"),
        "active = 'a'\n[profiles.a]\n[profiles.b]\nFLOWCORE_DATABASE_URL = 'mysql://ann:hush@db/x'\n",
    )
    .unwrap();
    let wrong = project.flowcore("config validate");
    assert_snapshot!(wrong);
    // All at once also where the settings are only used.
    let used = project.flowcore("flow ls");
    assert_eq!((used.code, used.err.lines().count()), (Some(1), 4), "{used}");
    project.write("flowcore.toml", "databse.url = 'x'\n");
    let json = project.flowcore("config validate -o json");
    assert_eq!(json.code, Some(1));
    let verdict: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(verdict["valid"], false);
    assert!(verdict["errors"][0].as_str().unwrap().contains("`mysql://ann:***@db/x`"), "{json}");
    assert!(verdict["warnings"][0].as_str().unwrap().ends_with("did you mean database.url?"), "{json}");
    // A file of the wrong form is named with the place.
    project.write("flowcore.toml", "task_limit 8");
    let broken = project.flowcore("config view");
    assert!(
        broken.code == Some(1) && broken.err.contains("[project]/flowcore.toml:1:12: this is not TOML"),
        "{broken}"
    );
}
