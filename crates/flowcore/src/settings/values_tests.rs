#![expect(clippy::unwrap_used, reason = "tests")]

use std::env;

use super::*;

fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Settings::from_lookup(&lookup)
}

fn listed(settings: &Settings) -> Vec<String> {
    let entries = settings.entries().into_iter();
    entries.map(|entry| format!("{}={} ({})", entry.name, entry.value, entry.source)).collect()
}

#[test]
fn a_home_is_enough() {
    let settings = load(&[("FLOWCORE_HOME", "/srv/flow core")]).unwrap();
    assert_eq!(
        listed(&settings),
        [
            "FLOWCORE_HOME=/srv/flow core (environment, FLOWCORE_HOME)",
            if cfg!(feature = "sqlite") {
                "FLOWCORE_DATABASE_URL=sqlite:///srv/flow core/flowcore.db (default)"
            } else {
                "FLOWCORE_DATABASE_URL=memory: (default)"
            },
            "FLOWCORE_API_OUTBOX_LIMIT=1073741824 (default)",
            "FLOWCORE_SQLITE_SYNCHRONOUS=FULL (default)",
            if cfg!(feature = "results") {
                "FLOWCORE_RESULT_STORAGE=file:///srv/flow core/results (default)"
            } else {
                "FLOWCORE_RESULT_STORAGE=memory: (default)"
            },
            "FLOWCORE_LOGGING_LEVEL=INFO (default)",
            "FLOWCORE_INLINE_RESULT_LIMIT=16384 (default)",
            "FLOWCORE_TASK_LIMIT=256 (default)",
            "FLOWCORE_SERVER_HOST=127.0.0.1 (default)",
            "FLOWCORE_SERVER_PORT=4200 (default)",
            "FLOWCORE_SERVER_BLOCKS_REGISTER_ON_START=true (default)",
            "FLOWCORE_SERVER_API_BASE_PATH=/api (default)",
            "FLOWCORE_SERVER_CORS_ALLOWED_ORIGINS=* (default)",
            "FLOWCORE_SERVER_CORS_ALLOWED_METHODS=* (default)",
            "FLOWCORE_SERVER_CORS_ALLOWED_HEADERS=* (default)",
            "FLOWCORE_SERVER_CSRF_PROTECTION_ENABLED=false (default)",
            "FLOWCORE_SERVER_CSRF_TOKEN_EXPIRATION=3600 (default)",
            "FLOWCORE_SERVER_ALLOW_DATABASE_CLEAR=false (default)",
            "FLOWCORE_LOGGING_FORMAT=TEXT (default)",
            "FLOWCORE_SERVER_SERVICES_SCHEDULER_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_LATE_RUNS_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_FOREMAN_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS=15 (default)",
            "FLOWCORE_SERVER_SERVICES_ZOMBIES_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_ZOMBIES_AFTER_SECONDS=75 (default)",
            "FLOWCORE_SERVER_SERVICES_REPOSSESSOR_ENABLED=true (default)",
            "FLOWCORE_SERVER_SERVICES_DB_VACUUM_ENABLED=events (default)",
            "FLOWCORE_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS=3600 (default)",
            "FLOWCORE_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE=200 (default)",
            "FLOWCORE_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD=90d (default)",
            "FLOWCORE_SERVER_SERVICES_DB_VACUUM_LOG_RETENTION_PERIOD=90d (default)",
            "FLOWCORE_SERVER_EVENTS_RETENTION_PERIOD=7d (default)",
        ]
    );
}

#[test]
fn what_is_removed_is_said_in_prefects_words_and_more() {
    let kinds = |text| {
        let set = load(&[("HOME", "/srv"), ("PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED", text)]);
        set.ok().map(|settings| {
            let retention = settings.server.services.retention;
            (retention.events, retention.flow_runs, retention.logs)
        })
    };
    for (text, wanted) in [
        ("events", (true, false, false)),
        ("flow_runs, logs", (false, true, true)),
        (r#"["events", "orphans"]"#, (true, false, false)),
        ("true", (true, true, true)),
        ("false", (true, false, false)),
        ("none", (false, false, false)),
    ] {
        assert_eq!(kinds(text), Some(wanted), "{text}");
    }
    assert_eq!(kinds("everything"), None);
    let soon = [("HOME", "/srv"), ("FLOWCORE_SERVER_EVENTS_RETENTION_PERIOD", "60")];
    assert!(load(&soon).is_err(), "what happens now is not old");
}

#[test]
fn what_is_set_counts_and_says_by_what() {
    let settings = load(&[
        ("FLOWCORE_HOME", "/srv"),
        ("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://ann:hush@db/flows"),
        ("FLOWCORE_SQLITE_SYNCHRONOUS", "normal"),
        ("FLOWCORE_RESULT_STORAGE", "s3://bucket/prefix"),
        ("PREFECT_LOGGING_LEVEL", "warning"),
        ("FLOWCORE_INLINE_RESULT_LIMIT", "2KiB"),
        ("FLOWCORE_TASK_LIMIT", " 8 "),
        ("PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS", "5"),
        ("PREFECT_DEFAULT_WORK_POOL_NAME", "default"),
        ("PREFECT_SERVER_API_HOST", "localhost"),
        ("FLOWCORE_SERVER_PORT", "4300"),
        ("PREFECT_API_BLOCKS_REGISTER_ON_START", "false"),
        ("FLOWCORE_ENCRYPTION_KEY", "hush"),
        ("AWS_REGION", "eu-north-1"),
        ("FLOWCORE_S3_SECRET_ACCESS_KEY", "hush"),
    ])
    .unwrap();
    let mut set = listed(&settings);
    set.retain(|entry| !entry.ends_with("(default)"));
    assert_eq!(
        set,
        [
            "FLOWCORE_HOME=/srv (environment, FLOWCORE_HOME)",
            "FLOWCORE_DATABASE_URL=postgresql+asyncpg://ann:***@db/flows (environment, PREFECT_API_DATABASE_CONNECTION_URL)",
            "FLOWCORE_SQLITE_SYNCHRONOUS=NORMAL (environment, FLOWCORE_SQLITE_SYNCHRONOUS)",
            "FLOWCORE_RESULT_STORAGE=s3://bucket/prefix (environment, FLOWCORE_RESULT_STORAGE)",
            "FLOWCORE_LOGGING_LEVEL=WARNING (environment, PREFECT_LOGGING_LEVEL)",
            "FLOWCORE_INLINE_RESULT_LIMIT=2048 (environment, FLOWCORE_INLINE_RESULT_LIMIT)",
            "FLOWCORE_TASK_LIMIT=8 (environment, FLOWCORE_TASK_LIMIT)",
            "FLOWCORE_AGENT_MAX_CONCURRENT_FLOW_RUNS=5 (environment, PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS)",
            "FLOWCORE_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME=default (environment, PREFECT_DEFAULT_WORK_POOL_NAME)",
            "FLOWCORE_ENCRYPTION_KEY=*** (environment, FLOWCORE_ENCRYPTION_KEY)",
            "FLOWCORE_S3_REGION=eu-north-1 (environment, AWS_REGION)",
            "FLOWCORE_S3_SECRET_ACCESS_KEY=*** (environment, FLOWCORE_S3_SECRET_ACCESS_KEY)",
            "FLOWCORE_SERVER_HOST=localhost (environment, PREFECT_SERVER_API_HOST)",
            "FLOWCORE_SERVER_PORT=4300 (environment, FLOWCORE_SERVER_PORT)",
            "FLOWCORE_SERVER_BLOCKS_REGISTER_ON_START=false (environment, PREFECT_API_BLOCKS_REGISTER_ON_START)",
        ]
    );
    assert_eq!(settings.database_url, "postgresql+asyncpg://ann:hush@db/flows");
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn own_variables_count_more_than_aliases_and_empty_ones_not_at_all() {
    let both = [("PREFECT_LOGGING_LEVEL", "ERROR"), ("FLOWCORE_LOGGING_LEVEL", "DEBUG"), ("HOME", "/home/ann")];
    assert_eq!(load(&both).unwrap().log_level, LogLevel::Debug);
    let empty = [("PREFECT_LOGGING_LEVEL", "ERROR"), ("FLOWCORE_LOGGING_LEVEL", " "), ("HOME", "/home/ann")];
    assert_eq!(load(&empty).unwrap().log_level, LogLevel::Error);
}

#[test]
fn without_a_home_the_error_says_what_to_set() {
    let error = load(&[]).unwrap_err();
    assert_eq!(error.problems(), [SettingsProblem::NoHome]);
    assert!(error.to_string().contains("set FLOWCORE_HOME"));
}

#[test]
fn a_wrong_value_is_refused_with_what_is_allowed() {
    for (variable, value) in [
        ("FLOWCORE_SQLITE_SYNCHRONOUS", "off"),
        ("FLOWCORE_LOGGING_LEVEL", "LOUD"),
        ("PREFECT_LOGGING_LEVEL", "LOUD"),
        ("FLOWCORE_INLINE_RESULT_LIMIT", "-1"),
        ("FLOWCORE_INLINE_RESULT_LIMIT", "1GB"),
        ("FLOWCORE_INLINE_RESULT_LIMIT", "99999999999999999MiB"),
        ("FLOWCORE_TASK_LIMIT", "0"),
        ("FLOWCORE_TASK_LIMIT", "many"),
        ("FLOWCORE_DATABASE_URL", "mysql://db/flows"),
        ("FLOWCORE_RESULT_STORAGE", "gs://bucket"),
        ("AWS_ALLOW_HTTP", "perhaps"),
    ] {
        let error = load(&[("FLOWCORE_HOME", "/srv"), (variable, value)]).unwrap_err().to_string();
        let begin = format!("{variable} is `{value}`, which is not allowed: set it to ");
        assert!(error.starts_with(&begin) && error.len() > begin.len(), "{error}");
    }
    let secret = load(&[("FLOWCORE_HOME", "/srv"), ("FLOWCORE_DATABASE_URL", "mysql://ann:hush@db/x")]);
    assert!(!secret.unwrap_err().to_string().contains("hush"));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let wrong = [("FLOWCORE_TASK_LIMIT", "0"), ("PREFECT_LOGGING_LEVEL", "LOUD"), ("FLOWCORE_S3_PATH_STYLE", "so")];
    let error = load(&wrong).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems().len(), 4, "{text}");
    assert!(text.starts_with("4 settings are wrong:\n  there is no home directory"), "{text}");
    assert!(wrong.iter().all(|(variable, _)| text.contains(&format!("\n  {variable} is `"))), "{text}");
}

#[test]
fn flags_have_several_words() {
    let flag = |text| load(&[("HOME", "/srv"), ("FLOWCORE_S3_PATH_STYLE", text)]).unwrap().s3.path_style;
    for (text, value) in
        [("TRUE", Some(true)), ("1", Some(true)), ("off", Some(false)), ("no", Some(false)), ("", None)]
    {
        assert_eq!(flag(text), value, "{text}");
    }
}

#[test]
fn what_a_program_assigns_is_listed_as_its_own() {
    let mut settings = load(&[("HOME", "/srv"), ("FLOWCORE_TASK_LIMIT", "8")]).unwrap();
    settings.task_limit = 9;
    settings.s3.secret_access_key = Some("hush".to_owned());
    let listed = listed(&settings);
    assert!(listed.contains(&"FLOWCORE_TASK_LIMIT=9 (code)".to_owned()), "{listed:?}");
    assert!(listed.contains(&"FLOWCORE_S3_SECRET_ACCESS_KEY=*** (code)".to_owned()), "{listed:?}");
    assert!(listed.contains(&"FLOWCORE_LOGGING_LEVEL=INFO (default)".to_owned()), "{listed:?}");
}

#[test]
fn relative_paths_become_absolute() {
    let here = env::current_dir().unwrap();
    let here = here.to_str().unwrap();
    let load = |variable, value| load(&[("FLOWCORE_HOME", "data"), (variable, value)]).unwrap();
    assert_eq!(load("HOME", "").home, Path::new(here).join("data"));
    for (url, expected) in [
        ("runs.db", format!("sqlite://{here}/runs.db")),
        ("sqlite:runs.db?mode=ro", format!("sqlite://{here}/runs.db?mode=ro")),
        ("sqlite://runs.db", format!("sqlite://{here}/runs.db")),
        ("sqlite+aiosqlite:////srv/runs.db", "sqlite+aiosqlite:////srv/runs.db".to_owned()),
        ("/srv/a:b.db", "sqlite:///srv/a:b.db".to_owned()),
        ("/srv/what?.db", "/srv/what?.db".to_owned()),
        ("memory:", "memory:".to_owned()),
    ] {
        assert_eq!(load("FLOWCORE_DATABASE_URL", url).database_url, expected);
    }
    let storage = load("FLOWCORE_RESULT_STORAGE", "50%").result_storage;
    assert_eq!(storage, format!("file://{here}/50%25"));
}

#[test]
fn the_store_is_told_how_to_synchronize() {
    let url = |url, synchronous| {
        let variables =
            [("HOME", "/srv"), ("FLOWCORE_DATABASE_URL", url), ("FLOWCORE_SQLITE_SYNCHRONOUS", synchronous)];
        load(&variables).unwrap().store_url()
    };
    assert_eq!(url("sqlite:///a.db", "FULL"), "sqlite:///a.db");
    assert_eq!(url("sqlite:///a.db", "NORMAL"), "sqlite:///a.db?synchronous=normal");
    assert_eq!(url("sqlite:///a.db?x=1", "NORMAL"), "sqlite:///a.db?x=1&synchronous=normal");
    assert_eq!(url("sqlite:///a.db?synchronous=full", "NORMAL"), "sqlite:///a.db?synchronous=full");
    assert_eq!(url("postgres://db/x", "NORMAL"), "postgres://db/x");
}
