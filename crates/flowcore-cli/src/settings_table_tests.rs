#![expect(clippy::unwrap_used, reason = "tests")]

use toml_edit::DocumentMut;

use super::*;

fn changed(text: &str, change: impl FnOnce(&mut dyn TableLike)) -> String {
    let mut document: DocumentMut = text.parse().unwrap();
    change(document.as_table_mut());
    document.to_string()
}

fn with(text: &str, name: &str, value: &str) -> String {
    changed(text, |table| set(table, find_setting(name).unwrap(), value, Spelling::Key))
}

fn without(text: &str, name: &str) -> String {
    changed(text, |table| assert!(unset(table, find_setting(name).unwrap().setting)))
}

#[test]
fn a_new_key_joins_its_table() {
    assert_eq!(with("", "database.url", "memory:"), "[database]\nurl = \"memory:\"\n");
    let text = "# Mine.\n[database]\n# nothing yet\n\n[logging]\nlevel = 'INFO'\n";
    assert_eq!(
        with(text, "FLOWCORE_DATABASE_URL_FILE", "/run/url"),
        "# Mine.\n[database]\n# nothing yet\nurl_file = \"/run/url\"\n\n[logging]\nlevel = 'INFO'\n"
            .replace("# nothing yet\nurl_file = \"/run/url\"\n\n", "url_file = \"/run/url\"\n# nothing yet\n\n")
    );
    assert_eq!(with("[logging]\nlevel = 'INFO'\n", "task_limit", "8"), "task_limit = 8\n[logging]\nlevel = 'INFO'\n");
    assert_eq!(with("s3 = 1\n", "s3.region", "x"), "s3 = 1\ns3_region = \"x\"\n");
}

#[test]
fn what_is_there_is_replaced_in_its_place_and_spelling() {
    assert_eq!(
        with("task_limit = 8 # enough\nhome = '/x'\n", "task_limit", "9"),
        "task_limit = 9 # enough\nhome = '/x'\n"
    );
    assert_eq!(
        with("server.database.connection_url = 'x'\n", "database.url", "y"),
        "server.database.connection_url = \"y\"\n"
    );
    assert_eq!(with("database = { url = 'x' }\n", "database.url", "y"), "database = { url = \"y\" }\n");
    // A value takes the place of the file that it was in, and the other way round.
    assert_eq!(with("[s3]\nregion_file = 'x'\n", "s3.region", "y"), "[s3]\nregion = \"y\"\n");
    assert_eq!(with("s3_region = 'x'\n", "s3.region_file", "y"), "[s3]\nregion_file = \"y\"\n");
}

#[test]
fn a_key_goes_in_all_its_spellings_with_tables_that_are_empty_then() {
    let text = "# Mine.\ntask_limit = 1\n\n[database]\nurl = 'x'\n\n[server.database]\nconnection_url = 'y'\n";
    assert_eq!(without(text, "database.url"), "# Mine.\ntask_limit = 1\n");
    assert_eq!(without("[s3]\nregion = 'x' # there\nallow_http = true\n", "s3.region"), "[s3]\nallow_http = true\n");
    changed("task_limit = 1\n", |table| assert!(!unset(table, find_setting("s3.region").unwrap().setting)));
}

#[test]
fn numbers_and_flags_are_written_as_such_when_nothing_is_lost() {
    for (text, written) in [
        ("8", "8"),
        ("-1", "-1"),
        ("true", "true"),
        ("True", "\"True\""),
        ("007", "\"007\""),
        ("1.50", "\"1.50\""),
        ("99999999999999999999", "\"99999999999999999999\""),
        ("a \"b\"", "'a \"b\"'"),
    ] {
        assert_eq!(value(text).to_string(), written);
    }
}
