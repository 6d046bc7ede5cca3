//! How the program is called: by Prefect's name, on a terminal, for help.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::history::new_run;
use crate::world::{World, binary};

#[cfg(unix)]
#[tokio::test]
async fn called_as_prefect_it_is_the_same_program() {
    let world = World::new().await;
    let link = world.home.path().join("prefect");
    std::os::unix::fs::symlink(binary(), &link).unwrap();
    let prefect = |line: &str| {
        let mut command = Command::new(&link);
        command.args(line.split_whitespace()).env_clear().env("FLOWCORE_HOME", world.home.path());
        world.transcript(line, &command.output().unwrap())
    };
    for (line, usage) in [("--help", "Usage: prefect "), ("variable set --help", "Usage: prefect variable set ")] {
        let help = prefect(line);
        assert!(help.code == Some(0) && help.out.contains(usage), "{help}");
        assert!(!help.out.contains("`flowcore "), "{help}");
    }
    assert_eq!(prefect("--no-prompt variable set colour blue").code, Some(0));
    assert_eq!(world.flowcore("variable get colour").out, "blue\n");
    assert!(prefect("completion bash").out.contains("prefect"));
    // Advice of the command, of the library, and of the server's rules.
    world.begin(new_run(1, "etl", "calm-heron")).await;
    for (line, advice) in [
        ("variable get nothing", "list them with `prefect variable ls`"),
        ("concurrency inspect nothing", "`prefect concurrency ls` lists those that there are"),
        ("block ls", "start one with `prefect server start`"),
        ("flow-run why calm-heron", "`prefect flow-run "),
        ("profile create mine", "`prefect profile use mine`"),
    ] {
        let said = prefect(line).to_string();
        assert!(said.contains(advice) && !said.contains("`flowcore "), "{said}");
    }
}

#[tokio::test]
async fn help_is_a_command_too() {
    let world = World::new().await;
    for line in ["", "deployment", "deployment schedule create", "gcl ls"] {
        let asked = world.flowcore(&format!("help {line}"));
        let flag = world.flowcore(&format!("{line} --help"));
        assert_eq!((asked.code, asked.out.trim()), (Some(0), flag.out.trim()), "{line}");
    }
    let wrong = world.flowcore("help deployment fly");
    assert!(wrong.code == Some(2) && wrong.err.contains("there is no command `deployment fly`"), "{wrong}");
}

#[tokio::test]
async fn plurals_are_understood() {
    let world = World::new().await;
    for line in
        ["flows ls", "flow-runs ls", "task-runs ls", "events ls", "profiles ls", "flow-runs ls --state-type FAILED"]
    {
        let done = world.flowcore(line);
        assert_eq!(done.code, Some(0), "{done}");
    }
}

/// Runs a command on a terminal where somebody types an answer. None: this machine has nothing to make a terminal with.
#[cfg(unix)]
fn on_a_terminal(world: &World, line: &str, answer: &str) -> Option<(Option<i32>, String)> {
    let mut script = Command::new("/usr/bin/script");
    script.args(["-qec", &format!("{} {line}", binary().display()), "/dev/null"]);
    script.env_clear().env("FLOWCORE_HOME", world.home.path()).env("SHELL", "/bin/sh");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    writeln!(child.stdin.as_mut().unwrap(), "{answer}").unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(unix)]
#[tokio::test]
async fn a_person_is_asked_before_something_is_deleted() {
    let world = World::new().await;
    world.flowcore("variable set colour blue");
    let Some((code, said)) = on_a_terminal(&world, "variable unset colour", "n") else {
        eprintln!("without the program `script` there is no terminal to ask on");
        return;
    };
    assert!(code == Some(1) && said.contains("Delete the variable 'colour'? [y/N]"), "{code:?} {said}");
    assert!(said.contains("nothing was deleted"), "{said}");
    assert_eq!(world.flowcore("variable get colour").out, "blue\n");
    let asked = on_a_terminal(&world, "variable unset colour", "y").unwrap();
    assert_eq!(asked.0, Some(0), "{}", asked.1);
    for quiet in ["--no-prompt variable unset colour", "variable unset colour --no-prompt", "variable unset -y colour"]
    {
        world.flowcore("variable set colour blue");
        let (code, said) = on_a_terminal(&world, quiet, "n").unwrap();
        assert!(code == Some(0) && !said.contains("[y/N]"), "{quiet}: {said}");
    }
}
