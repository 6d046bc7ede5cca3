//! Tests of YAML as a tree with places.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::parse;

fn read(text: &str) -> Value {
    parse(text).unwrap().unwrap().json()
}

fn wrong(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn plain_words_are_what_prefects_parser_makes_of_them() {
    let text = "[yes, 'yes', off, ~, 12, 0x1f, 010, -7, 1_000, 1.5, 1e3, 09, 1.2.3, '*/5 * * * *', 12:30, 2024-01-01, !!str 5]";
    let expected = json!([
        true,
        "yes",
        false,
        null,
        12,
        31,
        8,
        -7,
        1000,
        1.5,
        "1e3",
        "09",
        "1.2.3",
        "*/5 * * * *",
        "12:30",
        "2024-01-01",
        "5"
    ]);
    assert_eq!(read(text), expected);
}

#[test]
fn anchors_aliases_and_merge_keys_are_carried_out() {
    let text = "
definitions:
  pool: &pool
    name: default
    job_variables: {env: {A: '1'}}
  more: &more {work_queue_name: fast, name: other}
deployments:
  - work_pool: *pool
  - work_pool:
      work_queue_name: slow
      <<: [*pool, *more]
";
    let read = read(text);
    let pool = json!({"name": "default", "job_variables": {"env": {"A": "1"}}});
    assert_eq!(read["deployments"][0]["work_pool"], pool);
    let merged = json!({"name": "default", "job_variables": {"env": {"A": "1"}}, "work_queue_name": "slow"});
    assert_eq!(read["deployments"][1]["work_pool"], merged);
}

#[test]
fn what_is_wrong_has_its_place() {
    assert!(wrong("a: 1\nb: [1, 2").starts_with("2:") || wrong("a: 1\nb: [1, 2").starts_with("3:"));
    assert_eq!(wrong("a: 1\nb: 2\na: 3"), "3:1: `a` is given twice, first on line 1");
    assert_eq!(wrong("a:\n  <<: 3"), "2:7: `<<` merges mappings only");
    assert!(wrong("a: !include x").contains("has no meaning here"));
    assert!(wrong("a: 1\n---\nb: 2").contains("second document"));
    assert!(wrong("a: &a [1, *a]").contains("alias"));
    assert_eq!(parse("# nothing\n").unwrap().map(|node| node.json()), None);
}

#[test]
fn a_few_letters_cannot_become_a_huge_tree() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..40 {
        let before = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{before}, {before}, {before}, {before}]\n"));
    }
    assert!(wrong(&text).contains("more than 100000 values"));
    let deep = |levels| format!("a: {}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(wrong(&deep(64)).contains("levels deep"));
    assert!(parse(&deep(63)).is_ok() && parse(&deep(5000)).is_err());
}

proptest! {
    #[test]
    fn no_text_ends_in_a_panic(text in any::<String>(), likely in "([a-z]{1,3}|: |- |\n|  |&a |\\*a|<<: |\\[|\\]|\\{|\\}|'|\"|!!str |#|---\n|\\||>|,){0,60}") {
        for text in [text, likely] {
            if let Ok(Some(node)) = parse(&text) {
                node.json();
            }
        }
    }
}
