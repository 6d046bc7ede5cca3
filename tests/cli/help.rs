//! What `--help` says, everywhere.

use std::process::Command;

use crate::world::binary;

const COMMANDS: &[&str] = &[
    "",
    "flow",
    "flow ls",
    "flow serve",
    "flow-run",
    "flow-run ls",
    "flow-run inspect",
    "flow-run logs",
    "flow-run retry",
    "flow-run cancel",
    "flow-run resume",
    "flow-run watch",
    "flow-run why",
    "flow-run delete",
    "flow-run sweep",
    "task-run",
    "task-run ls",
    "task-run inspect",
    "task-run logs",
    "cache",
    "cache ls",
    "cache clear",
    "cache explain",
    "result",
    "result inspect",
    "concurrency",
    "concurrency ls",
    "concurrency inspect",
    "concurrency create",
    "concurrency update",
    "concurrency enable",
    "concurrency disable",
    "concurrency delete",
    "variable",
    "variable get",
    "variable set",
    "variable ls",
    "variable inspect",
    "variable unset",
    "artifact",
    "artifact ls",
    "artifact inspect",
    "artifact delete",
    "event",
    "event ls",
    "event stream",
    "event emit",
    "init",
    "deploy",
    "deployment",
    "deployment ls",
    "deployment inspect",
    "deployment run",
    "deployment pause",
    "deployment resume",
    "deployment delete",
    "deployment schedule",
    "deployment schedule create",
    "deployment schedule ls",
    "deployment schedule pause",
    "deployment schedule resume",
    "deployment schedule delete",
    "deployment schedule clear",
    "deployment set-schedule",
    "deployment clear-schedule",
    "work-pool",
    "work-pool ls",
    "work-pool create",
    "work-pool inspect",
    "work-pool update",
    "work-pool preview",
    "work-pool slots",
    "work-pool pause",
    "work-pool resume",
    "work-pool set-concurrency-limit",
    "work-pool clear-concurrency-limit",
    "work-pool get-default-base-job-template",
    "work-pool delete",
    "work-queue",
    "work-queue ls",
    "work-queue create",
    "work-queue inspect",
    "work-queue pause",
    "work-queue resume",
    "work-queue set-concurrency-limit",
    "work-queue clear-concurrency-limit",
    "work-queue preview",
    "work-queue read-runs",
    "work-queue slots",
    "work-queue delete",
    "worker",
    "worker start",
    "agent",
    "agent start",
    "block",
    "block ls",
    "block inspect",
    "block delete",
    "block type",
    "block type ls",
    "block type inspect",
    "block type delete",
    "automation",
    "automation ls",
    "automation inspect",
    "automation create",
    "automation update",
    "automation pause",
    "automation resume",
    "automation delete",
    "api",
    "server",
    "server start",
    "server stop",
    "server status",
    "server services",
    "server services ls",
    "server services start",
    "server database",
    "server database upgrade",
    "server database downgrade",
    "server database reset",
    "config",
    "config view",
    "config set",
    "config unset",
    "config validate",
    "profile",
    "profile ls",
    "profile create",
    "profile use",
    "profile inspect",
    "profile rename",
    "profile delete",
    "completion",
    "help",
    "version",
    "nonsense",
];

fn help(command: &str) -> String {
    let output = Command::new(binary()).args(command.split_whitespace()).arg("--help").env_clear().output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    format!("$ flowcore {command} --help\n{}", String::from_utf8(text).unwrap())
}

#[test]
fn every_command_explains_itself() {
    let texts: Vec<String> = COMMANDS.iter().map(|command| help(command)).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

/// A command that is missing above would go unread.
#[test]
fn every_command_is_in_the_list() {
    for group in COMMANDS.iter().filter(|command| **command != "nonsense") {
        let text = help(group);
        let Some((_, commands)) = text.split_once("Commands:\n") else { continue };
        let listed = commands.lines().take_while(|line| !line.is_empty());
        for name in listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()) {
            let full = format!("{group} {name}");
            assert!(COMMANDS.contains(&full.trim()), "`{full}` is not in the list");
        }
    }
}
