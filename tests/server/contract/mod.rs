//! Our OpenAPI document and Prefect's, compared operation by operation.
//!
//! `prefect-3.8.8.json` is Prefect's document without its prose. `not_there_yet.txt` lists the operations that are missing;
//! it may only become shorter. `differences.txt` lists what else differs, each line under a reason. With
//! `INSTA_UPDATE=always` the test brings both up to date: it takes out what is done, and puts what is new under a heading
//! that somebody has to replace by the reason.

mod facts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use self::facts::Document;
use crate::world::World;

const UNEXPLAINED: &str = "# ?";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("server/contract").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

pub(crate) async fn the_contract_is_prefects(world: Arc<World>) {
    let prefects = Document::new(serde_json::from_str::<Value>(&read("prefect-3.8.8.json")).unwrap());
    let ours = Document::new(world.get("/openapi.json").await);
    let missing: BTreeSet<String> = prefects.operations().difference(&ours.operations()).cloned().collect();
    let both = prefects.operations().intersection(&ours.operations()).cloned().collect();
    let (expected, found) = (prefects.facts(&both), ours.facts(&both));
    let lacking = expected.difference(&found).map(|fact| format!("- {fact}"));
    let additional = found.difference(&expected).map(|fact| format!("+ {fact}"));
    let surplus =
        ours.operations().difference(&prefects.operations()).map(|name| format!("+ {name}")).collect::<Vec<_>>();
    let differences: BTreeSet<String> = lacking.chain(additional).chain(surplus).collect();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        update(&missing, &differences);
    }
    let said = read("not_there_yet.txt");
    let said: BTreeSet<String> = said.lines().map(str::to_owned).collect();
    let how = "INSTA_UPDATE=always brings tests/server/contract up to date";
    assert_eq!(missing, said, "other operations are missing than not_there_yet.txt says; {how}");
    let (listed, headings) = sections(&read("differences.txt"));
    assert!(!headings.contains(UNEXPLAINED), "differences.txt has lines without a reason");
    let unlisted: Vec<&String> = differences.difference(&listed).collect();
    assert!(unlisted.is_empty(), "differences.txt does not list these; {how}:\n{unlisted:#?}");
    let gone: Vec<&String> = listed.difference(&differences).collect();
    assert!(gone.is_empty(), "differences.txt lists what does not differ any more; {how}:\n{gone:#?}");
}

/// Reads what is listed, and the reasons.
fn sections(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
    lines.partition(|line| !line.starts_with('#'))
}

/// Takes out what is done, and adds what is not listed.
fn update(missing: &BTreeSet<String>, differences: &BTreeSet<String>) {
    let kept = |line: &&str| missing.contains(*line);
    let list: String = read("not_there_yet.txt").lines().filter(kept).map(|line| format!("{line}\n")).collect();
    std::fs::write(file("not_there_yet.txt"), list).unwrap();
    let text = read("differences.txt");
    let (listed, _) = sections(&text);
    let mut written = String::new();
    for section in text.split("\n\n") {
        let (heading, lines) = section.split_once('\n').unwrap_or((section, ""));
        let lines: Vec<&str> = lines.lines().filter(|line| differences.contains(*line)).collect();
        if !lines.is_empty() {
            write!(written, "{heading}\n{}\n\n", lines.join("\n")).unwrap();
        }
    }
    let unlisted: Vec<&str> = differences.difference(&listed).map(String::as_str).collect();
    if !unlisted.is_empty() {
        write!(written, "{UNEXPLAINED}\n{}\n", unlisted.join("\n")).unwrap();
    }
    std::fs::write(file("differences.txt"), format!("{}\n", written.trim_end())).unwrap();
}
