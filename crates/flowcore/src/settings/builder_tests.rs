#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::settings::SettingsWarning;

/// A home folder, and a project with a folder in it.
struct World {
    folder: TempDir,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "project/inner"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let world = World { folder };
        files.iter().for_each(|(name, text)| world.write(name, text));
        world
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Reads in the inner folder of the project.
    fn builder(&self, variables: &[(&str, &str)]) -> SettingsBuilder {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let home = [("FLOWCORE_HOME".to_owned(), self.path("home"))];
        Settings::builder().environment(variables.chain(home)).folder(self.path("project/inner"))
    }

    fn load(&self, variables: &[(&str, &str)]) -> Settings {
        self.builder(variables).load().unwrap()
    }

    /// Says what is wrong, with paths from the world's folder.
    fn problems(&self, variables: &[(&str, &str)]) -> Vec<String> {
        let error = self.builder(variables).load().unwrap_err();
        error.problems().iter().map(|problem| self.short(problem)).collect()
    }

    fn warnings(&self, variables: &[(&str, &str)]) -> Vec<String> {
        self.load(variables).warnings().iter().map(|warning| self.short(warning)).collect()
    }

    /// Says where a setting came from, with paths from the world's folder.
    fn source(&self, settings: &Settings, key: &str) -> String {
        self.short(&settings.entries().into_iter().find(|entry| entry.key == key).unwrap().source)
    }

    fn short(&self, text: &impl ToString) -> String {
        text.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn each_source_counts_more_than_the_next() {
    let world = World::new(&[
        ("project/inner/.env", "\nFLOWCORE_TASK_LIMIT=3\n"),
        ("project/flowcore.toml", "# The project's.\ntask_limit = 4\n"),
        ("home/profiles.toml", "active = 'dev'\n[profiles.dev]\nFLOWCORE_TASK_LIMIT = 5\n"),
    ]);
    let found = |settings: Settings| (settings.task_limit, world.source(&settings, "task_limit"));
    let environment = [("FLOWCORE_TASK_LIMIT", "2")];
    let code = world.builder(&environment).set("task_limit", 9).set("FLOWCORE_TASK_LIMIT", 1).load().unwrap();
    assert_eq!(found(code), (1, "code".to_owned()));
    assert_eq!(found(world.load(&environment)), (2, "environment, FLOWCORE_TASK_LIMIT".to_owned()));
    assert_eq!(found(world.load(&[])), (3, "project/inner/.env:2".to_owned()));
    world.write("project/inner/.env", "");
    assert_eq!(found(world.load(&[])), (4, "project/flowcore.toml:2".to_owned()));
    world.write("project/flowcore.toml", "");
    assert_eq!(found(world.load(&[])), (5, "profile dev, home/profiles.toml:3".to_owned()));
    world.write("home/profiles.toml", "");
    assert_eq!(found(world.load(&[])), (256, "default".to_owned()));
    // None of the files counts when files do not.
    world.write("project/flowcore.toml", "task_limit = 4");
    assert_eq!(found(world.builder(&[]).without_files().load().unwrap()), (256, "default".to_owned()));
}

#[test]
fn the_nearest_project_file_counts_alone() {
    let world = World::new(&[
        ("flowcore.toml", "task_limit = 1\ninline_result_limit = 1"),
        ("project/flowcore.toml", "task_limit = 2"),
    ]);
    let limits = || {
        let settings = world.load(&[]);
        (settings.task_limit, settings.inline_result_limit)
    };
    assert_eq!(limits(), (2, 16 * 1024));
    // A folder of that name is no file.
    fs::remove_file(world.path("project/flowcore.toml")).unwrap();
    fs::create_dir(world.path("project/inner/flowcore.toml")).unwrap();
    assert_eq!(limits(), (1, 1));
}

#[test]
fn keys_may_be_written_in_many_ways() {
    for text in [
        "[database]\nurl = 'memory:'",
        "database.url = 'memory:'",
        "database_url = 'memory:'",
        "database = { url = 'memory:' }",
        "FLOWCORE_DATABASE_URL = 'memory:'",
        "[server.database]\nconnection_url = 'memory:'",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL = 'memory:'",
    ] {
        let world = World::new(&[("project/flowcore.toml", text)]);
        assert_eq!(world.load(&[]).database_url, "memory:", "{text}");
    }
    let world = World::new(&[("project/flowcore.toml", "[s3]\nallow_http = true\nregion = 7")]);
    let s3 = world.load(&[]).s3;
    assert_eq!((s3.allow_http, s3.region.as_deref()), (Some(true), Some("7")));
}

#[test]
fn relative_paths_begin_in_the_folder_of_their_file() {
    let world =
        World::new(&[("project/flowcore.toml", "home = 'data'\ndatabase.url = 'runs.db'\nresult_storage = 'r'")]);
    let settings = world.builder(&[("FLOWCORE_HOME", "")]).environment([("HOME", "/home/ann")]).load().unwrap();
    assert_eq!(settings.home, Path::new(&world.path("project/data")));
    assert_eq!(settings.database_url, format!("sqlite://{}", world.path("project/runs.db")));
    assert_eq!(settings.result_storage, format!("file://{}", world.path("project/r")));
}

#[test]
fn a_profile_is_chosen_by_code_variable_project_or_its_file() {
    let world = World::new(&[
        ("project/flowcore.toml", "profile = 'b'"),
        (
            "home/profiles.toml",
            "active = 'a'\nprofiles.a = {}\n[profiles.b]\ntask_limit = 2\n[profiles.c]\ntask_limit = 3\n[profiles.d]\ntask_limit = 4\n",
        ),
    ]);
    let c = [("FLOWCORE_PROFILE", "c")];
    let chosen = |settings: Settings| {
        (settings.profile.clone().unwrap(), settings.task_limit, world.source(&settings, "profile"))
    };
    let expected = |name: &str, limit, source: &str| (name.to_owned(), limit, source.to_owned());
    assert_eq!(chosen(world.builder(&c).profile("d").load().unwrap()), expected("d", 4, "code"));
    assert_eq!(chosen(world.load(&c)), expected("c", 3, "environment, FLOWCORE_PROFILE"));
    assert_eq!(chosen(world.load(&[])), expected("b", 2, "project/flowcore.toml:1"));
    world.write("project/flowcore.toml", "");
    assert_eq!(chosen(world.load(&[])), expected("a", 256, "home/profiles.toml:1"));
}

#[test]
fn a_profile_that_is_not_there_is_refused() {
    let world = World::new(&[("home/profiles.toml", "active = 'gone'\n[profiles.local]\n")]);
    assert_eq!(
        world.problems(&[("FLOWCORE_PROFILE", "locl")]),
        ["there is no profile `locl` in home/profiles.toml, which FLOWCORE_PROFILE asks for: did you mean local?"]
    );
    assert_eq!(
        world.problems(&[]),
        ["there is no profile `gone` in home/profiles.toml, which home/profiles.toml:1: active asks for: \
          `flowcore profile ls` lists those that are there"]
    );
    // Where things are is known all the same.
    assert_eq!(world.builder(&[]).places().unwrap().profile.unwrap().0, "gone");
    fs::remove_file(world.path("home/profiles.toml")).unwrap();
    assert_eq!(world.problems(&[("FLOWCORE_PROFILE", "x")]).len(), 1);
}

#[test]
fn values_may_stand_in_files() {
    let world = World::new(&[
        ("secret", "hush\n"),
        ("project/token", "psst"),
        ("project/flowcore.toml", "[s3]\nsession_token_file = 'token'\nregion = 'x'"),
    ]);
    let secret = world.path("secret");
    let settings = world.load(&[("FLOWCORE_S3_SECRET_ACCESS_KEY_FILE", &secret), ("PREFECT_LOGGING_LEVEL_FILE", "")]);
    assert_eq!(settings.s3.secret_access_key.as_deref(), Some("hush"));
    assert_eq!(settings.s3.session_token.as_deref(), Some("psst"));
    assert_eq!(world.source(&settings, "s3.secret_access_key"), "environment, FLOWCORE_S3_SECRET_ACCESS_KEY_FILE");
    assert!(!format!("{settings:?}").contains("hush") && !format!("{settings:?}").contains("psst"));
    // The variable itself counts more than the file's, and a file of a variable more than a further variable.
    let own = [("FLOWCORE_S3_SESSION_TOKEN", "own")];
    assert_eq!(world.load(&own).s3.session_token.as_deref(), Some("own"));
    let alias = [("FLOWCORE_S3_SESSION_TOKEN_FILE", &*secret), ("AWS_SESSION_TOKEN", "alias")];
    assert_eq!(world.load(&alias).s3.session_token.as_deref(), Some("hush"));
    assert_eq!(
        world.problems(&[("FLOWCORE_S3_SESSION_TOKEN_FILE", &world.path("none")), ("FLOWCORE_TASK_LIMIT", "0")]),
        [
            "FLOWCORE_S3_SESSION_TOKEN_FILE names the file none, which cannot be read: it is not there",
            "FLOWCORE_TASK_LIMIT is `0`, which is not allowed: set it to a number of tasks, at least 1",
        ]
    );
}

#[test]
fn a_value_and_its_file_exclude_each_other() {
    let world = World::new(&[("secret", "hush")]);
    let both = [("FLOWCORE_DATABASE_URL", "memory:"), ("FLOWCORE_DATABASE_URL_FILE", &*world.path("secret"))];
    let expected = "FLOWCORE_DATABASE_URL_FILE sets what FLOWCORE_DATABASE_URL sets as well: remove one of them";
    assert_eq!(world.problems(&both), [expected]);
    let text = "database_url = 'memory:'\n[database]\nurl_file = '../secret'\n[server.database]\nconnection_url = 'x'";
    world.write("project/flowcore.toml", text);
    let other = "project/flowcore.toml:1: database_url";
    assert_eq!(
        world.problems(&[]),
        [
            format!("project/flowcore.toml:3: database.url_file sets what {other} sets as well: remove one of them"),
            format!(
                "project/flowcore.toml:5: server.database.connection_url sets what {other} sets as well: remove one of them"
            ),
        ]
    );
}

#[test]
fn every_wrong_value_is_told_with_its_place() {
    let world = World::new(&[
        ("project/inner/.env", "FLOWCORE_SQLITE_SYNCHRONOUS=off"),
        (
            "project/flowcore.toml",
            "task_limit = -1\ninline_result_limit = [{}]\n\n[logging]\nlevel = 'LOUD'\n[database.url]\n",
        ),
        (
            "home/profiles.toml",
            "active = 'a'\n[profiles.a]\nhome = '/srv'\nprofile = 'b'\nFLOWCORE_RESULT_STORAGE = 'gs://ann:hush@b'\ns3.path_style = 'so'\n",
        ),
    ]);
    let problems = world.problems(&[]);
    let begins: Vec<&str> = problems.iter().map(|problem| problem.split(": set it to ").next().unwrap()).collect();
    assert_eq!(
        begins,
        [
            "project/flowcore.toml:2: inline_result_limit is a table, or a list of tables",
            "project/flowcore.toml:6: database.url is a table, or a list of tables",
            "home/profiles.toml:3: home cannot be set in a profile: set the variable FLOWCORE_HOME instead",
            "home/profiles.toml:4: profile cannot be set in a profile: set the variable FLOWCORE_PROFILE instead",
            "project/inner/.env:1: FLOWCORE_SQLITE_SYNCHRONOUS is `off`, which is not allowed",
            "home/profiles.toml:5: FLOWCORE_RESULT_STORAGE is `gs://ann:***@b`, which is not allowed",
            "project/flowcore.toml:5: logging.level is `LOUD`, which is not allowed",
            "project/flowcore.toml:1: task_limit is `-1`, which is not allowed",
            "home/profiles.toml:6: s3.path_style is `so`, which is not allowed",
        ]
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let world = World::new(&[("project/flowcore.toml", "task_limit = 8\ntask_limit 9\n"), ("home/profiles.toml", "[")]);
    let problems = world.problems(&[]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("project/flowcore.toml:2:12: this is not TOML: "), "{problems:?}");
    assert!(problems[1].starts_with("home/profiles.toml:1:2: this is not TOML: "), "{problems:?}");
    assert!(world.builder(&[]).places().is_err());
    fs::write(world.path("project/flowcore.toml"), b"a = '\xff'").unwrap();
    assert_eq!(world.problems(&[])[0], "project/flowcore.toml cannot be read: it is not UTF-8");
}

#[test]
fn what_sets_nothing_is_warned_of_with_the_nearest_name() {
    let world = World::new(&[
        ("project/inner/.env", "OTHER=1\nFLOWCORE_TASK_LIMTI=2"),
        ("project/flowcore.toml", "task_limits = 8\n[databse]\nurl = 'memory:'\n[zebra]\ncrossing = 2026-01-01\n"),
        (
            "home/profiles.toml",
            "activ = 'a'\n[profiles.a]\nnonsense = 1\n[profiles.b]\nFLOWCORE_LOGING_LEVEL = 'INFO'\n",
        ),
    ]);
    let no_dates = world.problems(&[("FLOWCORE_PROFILE", "b")]);
    assert!(no_dates.len() == 1 && no_dates[0].starts_with("project/flowcore.toml:5:"), "{no_dates:?}");
    world.write("project/flowcore.toml", "task_limits = 8\n[databse]\nurl = 'memory:'\n[zebra]\ncrossing = 1\n");
    assert_eq!(
        world.warnings(&[("FLOWCORE_PROFILE", "b"), ("FLOWCORE_HOM", "/")]),
        [
            "FLOWCORE_HOM is not a setting and changes nothing: did you mean FLOWCORE_HOME?",
            "project/inner/.env:2: FLOWCORE_TASK_LIMTI is not a setting and changes nothing: did you mean FLOWCORE_TASK_LIMIT?",
            "project/flowcore.toml:1: task_limits is not a setting and changes nothing: did you mean task_limit?",
            "project/flowcore.toml:3: databse.url is not a setting and changes nothing: did you mean database.url?",
            "project/flowcore.toml:5: zebra.crossing is not a setting and changes nothing: remove it",
            "home/profiles.toml:1: activ is not a setting and changes nothing: did you mean active?",
            "home/profiles.toml:5: FLOWCORE_LOGING_LEVEL is not a setting and changes nothing: did you mean FLOWCORE_LOGGING_LEVEL?",
        ]
    );
    let load = world.builder(&[]).set("task_limits", 1).load();
    assert_eq!(load.unwrap_err().to_string(), "task_limits is not a setting: did you mean task_limit?");
    assert!(matches!(world.load(&[]).warnings()[0], SettingsWarning::UnknownKey { line: 2, .. }));
}

#[test]
fn a_profile_is_listed_without_secrets() {
    let text = "active = 'a'\n[profiles.a]\nFLOWCORE_S3_SECRET_ACCESS_KEY = 'hush'\nPREFECT_API_DATABASE_CONNECTION_URL = 'postgres://u:hush@db/x'\n[profiles.'b c']\ntask_limit = 0\n";
    let world = World::new(&[("home/profiles.toml", text)]);
    let profiles = Profiles::read(Path::new(&world.path("home"))).unwrap();
    assert_eq!((profiles.active(), profiles.names()), (Some("a"), &["a".to_owned(), "b c".to_owned()][..]));
    let listed: Vec<String> = profiles.inspect("a").unwrap().iter().map(|s| format!("{}={}", s.key, s.value)).collect();
    assert_eq!(listed, ["database.url=postgres://u:***@db/x", "s3.secret_access_key=***"]);
    assert!(profiles.inspect("b c").unwrap_err().to_string().contains("profiles.toml:6: task_limit is `0`"));
    assert!(profiles.inspect("c").is_err());
}

#[test]
fn a_value_is_checked_before_it_is_written() {
    let world = World::new(&[("secret", "8\n")]);
    let folder = world.folder.path();
    let check = |name: &str, value: &str| {
        let checked = find_setting(name).unwrap().check(value, folder);
        checked.map(|setting| setting.value).map_err(|error| error.to_string())
    };
    assert_eq!(check("task_limit", "8").as_deref(), Ok("8"));
    assert_eq!(check("TASK_LIMIT_FILE", "secret").as_deref(), Ok("8"));
    assert_eq!(check("database.url", "runs.db"), Ok(format!("sqlite://{}", world.path("runs.db"))));
    assert_eq!(check("s3.secret_access_key", "hush").as_deref(), Ok("***"));
    assert_eq!(check("home", "/srv").as_deref(), Ok("/srv"));
    for (name, value) in [("task_limit", "many"), ("task_limit", " "), ("task_limit_file", "none")] {
        assert!(check(name, value).unwrap_err().starts_with(&name.to_lowercase()), "{name} {value}");
    }
}
