//! Tests of steps that follow each other.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use flowcore::connect;
use flowcore::settings::Settings;
use serde_json::{Map, Value, json};

use super::{Carried, Steps};

/// Makes steps that find no blocks and no variables.
pub(crate) async fn steps_without_a_server() -> Steps {
    let lookup = |name: &str| match name {
        "FLOWCORE_HOME" => Some(std::env::temp_dir().to_string_lossy().into_owned()),
        "FLOWCORE_DATABASE_URL" => Some("memory:".to_owned()),
        _ => None,
    };
    Steps::new(connect::client(&Settings::from_lookup(&lookup).unwrap()).await.unwrap())
}

/// Steps without a server, in a folder of their own.
struct Bench {
    folder: tempfile::TempDir,
    steps: Steps,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Bench { steps: steps_without_a_server().await.cache(folder.path().join("cache")), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn carry_out(&self, steps: Value) -> Result<Carried, String> {
        let steps: Vec<Map<String, Value>> = serde_json::from_value(steps).unwrap();
        self.steps.carry_out(&steps, self.folder.path(), Map::new()).await.map_err(|error| error.to_string())
    }

    async fn shell(&self, script: &str) {
        let step = json!([{"run_shell_script": {"script": script, "shell": true}}]);
        self.carry_out(step).await.unwrap();
    }
}

#[tokio::test]
async fn steps_follow_each_other_in_the_folder_that_they_set() {
    let bench = Bench::new().await;
    let carried = bench.carry_out(json!([
        {"prefect.deployments.steps.run_shell_script": {"script": "mkdir -p code/deep\ntouch 'code/a file'"}},
        {"prefect.deployments.steps.set_working_directory": {"directory": "code"}},
        {"prefect.deployments.steps.run_shell_script": {"id": "list", "requires": "x", "script": "ls a* | cat", "shell": true}},
        {"prefect.deployments.steps.run_shell_script": {
            "script": "echo ${GREETING} {{ list.stdout }}", "env": {"GREETING": "hello"}, "expand_env_vars": true,
            "stream_output": false, "directory": "deep",
        }},
    ]));
    let carried = carried.await.unwrap();
    assert_eq!(carried.directory, bench.path("code").canonicalize().unwrap());
    assert_eq!(carried.outputs["list"]["stdout"], "a file");
    assert_eq!(carried.outputs["stdout"], "hello a file");
}

#[tokio::test]
async fn a_step_that_fails_says_so_and_ends_the_rest() {
    let bench = Bench::new().await;
    let why = async |steps: Value| bench.carry_out(steps).await.unwrap_err();
    let script = json!({"script": "echo lost >&2; exit 3", "shell": true});
    let failed = why(json!([{"run_shell_script": script}, {"run_shell_script": {"script": "touch never"}}])).await;
    assert!(failed.contains("lost") && failed.contains("exit status: 3"), "{failed}");
    assert!(!bench.path("never").exists());
    assert!(why(json!([{"set_working_directory": {"directory": "nowhere"}}])).await.contains("no folder"));
    assert!(why(json!([{"run_shell_script": {"scirpt": "x"}}])).await.contains("no input `scirpt`"));
    assert!(why(json!([{"flowcore.deployments.steps.fly": {}}])).await.contains("no step of that name"));
    assert!(why(json!([{"run_shell_script": {"script": "echo 'x"}}])).await.contains("not closed"));
}

#[tokio::test]
async fn a_repository_is_cloned_once_and_then_brought_up_to_date() {
    let bench = Bench::new().await;
    bench
        .shell(
            "git init -q -b main origin && cd origin && git config user.email a@b.c && git config user.name n && mkdir one two && \
             echo 1 > one/file && echo 1 > two/file && git add . && git commit -qm one",
        )
        .await;
    let origin = format!("file://{}", bench.path("origin").display());
    let clone = json!([
        {"prefect.deployments.steps.git_clone": {"id": "clone", "repository": origin, "branch": "main"}},
        {"run_shell_script": {"directory": "{{ clone.directory }}", "script": "cat one/file"}},
    ]);
    let first = bench.carry_out(clone.clone()).await.unwrap();
    assert!(first.directory.ends_with("origin-main") && first.outputs["stdout"] == "1");
    bench.shell("cd origin && echo 2 > one/file && git commit -qam two").await;
    let again = bench.carry_out(clone).await.unwrap();
    assert_eq!((&again.directory, &again.outputs["stdout"]), (&first.directory, &json!("2")));
    bench.shell("cd origin && git rev-parse HEAD~1 > ../commit").await;
    let commit = std::fs::read_to_string(bench.path("commit")).unwrap();
    let old = json!([{"git_clone": {
        "repository": origin, "commit_sha": commit.trim(), "directories": ["one"], "clone_directory_name": "old",
    }}]);
    let old = bench.carry_out(old).await.unwrap().directory;
    assert_eq!(std::fs::read_to_string(old.join("one/file")).unwrap(), "1\n");
    assert!(!old.join("two").exists(), "only one folder is wanted");
}

#[tokio::test]
async fn a_clone_is_of_the_repository_and_the_branch_that_are_asked_for() {
    let bench = Bench::new().await;
    bench
        .shell(
            "for name in a b; do git init -q -b main $name/flows && (cd $name/flows && git config user.email a@b.c && \
             git config user.name n && echo $name > file && git add . && git commit -qm one); done",
        )
        .await;
    let cloned = async |from: &str, branch: Option<&str>| {
        let repository = format!("file://{}", bench.path(from).display());
        let mut inputs = json!({"repository": repository, "clone_directory_name": "clone"});
        if let Some(branch) = branch {
            inputs["branch"] = json!(branch);
        }
        let carried = bench.carry_out(json!([{"git_clone": inputs}])).await?;
        Ok::<_, String>(std::fs::read_to_string(carried.directory.join("file")).unwrap().trim().to_owned())
    };
    assert_eq!(cloned("a/flows", None).await.unwrap(), "a");
    let refused = cloned("b/flows", None).await.unwrap_err();
    assert!(refused.contains("/a/flows and not of"), "{refused}");
    assert!(bench.path("clone/file").is_file(), "somebody may want to keep it");
    bench.shell("rm -r clone").await;
    assert_eq!(cloned("b/flows", None).await.unwrap(), "b");
    // Its history is written anew.
    bench.shell("cd b/flows && echo new > file && git commit -qa --amend -m other").await;
    assert_eq!(cloned("b/flows", None).await.unwrap(), "new");
    bench.shell("cd b/flows && git branch old && echo newer > file && git commit -qam two").await;
    assert_eq!(cloned("b/flows", None).await.unwrap(), "newer");
    assert_eq!(cloned("b/flows", Some("old")).await.unwrap(), "new", "a branch that is behind");
    assert_eq!(cloned("b/flows", None).await.unwrap(), "newer");
    // What cannot be had does not take away what is there.
    bench.shell("mv b gone").await;
    assert!(cloned("b/flows", None).await.is_err());
    assert!(bench.path("clone/file").is_file());
    let left: Vec<_> =
        std::fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".clone")), "{left:?}");
}

#[tokio::test]
async fn folders_and_programs_go_to_a_storage_and_back() {
    let bench = Bench::new().await;
    bench
        .shell("mkdir project && cd project && echo 1 > flow.py && echo x > x.log && echo '*.log' > .prefectignore")
        .await;
    let pushed = bench.carry_out(json!([
        {"set_working_directory": {"directory": "project"}},
        {"flowcore.deployments.steps.push_to_local": {"folder": bench.path("storage")}},
        {"flowcore.deployments.steps.push_code": {"id": "push", "storage": bench.path("code"), "files": ["flow.py"]}},
    ]));
    let pushed = pushed.await.unwrap();
    bench.shell("mkdir run").await;
    let pulled = bench.carry_out(json!([
        {"set_working_directory": {"directory": "run"}},
        {"flowcore.deployments.steps.pull_from_local": {"folder": bench.path("storage")}},
    ]));
    let pulled = pulled.await.unwrap().directory;
    assert!(pulled.ends_with("run") && pulled.join("flow.py").is_file() && !pulled.join("x.log").exists());
    let url = format!("file://{}", bench.path("storage").display());
    bench.shell("mkdir other").await;
    let remote = bench.carry_out(json!([
        {"set_working_directory": {"directory": "other"}},
        {"prefect.deployments.steps.pull_from_remote_storage": {"url": url}},
    ]));
    assert!(remote.await.unwrap().directory.join("flow.py").is_file());
    let hash = &pushed.outputs["push"]["hash"];
    let code = bench
        .carry_out(json!([{"flowcore.deployments.steps.pull_code": {"storage": bench.path("code"), "hash": hash}}]));
    assert_eq!(code.await.unwrap().directory, bench.path("cache").join(hash.as_str().unwrap()));
}
