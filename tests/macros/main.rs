//! What the macros accept and refuse, as the compiler sees it.
//!
//! A new mistake is a file in `ui/fail`, named by the mistake; `TRYBUILD=overwrite cargo test -p flowcore-macro-tests --test
//! macros` writes what the compiler says of it, to be read before it is committed.

#[test]
fn mistakes_are_reported_and_other_code_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
