//! Golden files of expansions; in them `~` stands for `::flowcore::__private::`.

#![expect(clippy::expect_used, reason = "tests")]

mod pretty;

use super::expand;
use crate::kind::Kind;
use pretty::pretty;
use proc_macro2::TokenStream;
use quote::quote;

fn expanded(kind: Kind, arguments: TokenStream, item: TokenStream) -> String {
    let code = expand(kind, arguments, item);
    syn::parse2::<syn::File>(code.clone()).expect("an expansion is code");
    pretty(code)
}

#[test]
fn a_task() {
    let code = expanded(
        Kind::Task,
        quote!(
            retries = 3,
            retry_delay = [1, 10.5],
            timeout = 30,
            tags = ["net"],
            cache = INPUTS + TASK_SOURCE,
            on_rollback = [forget, |event| async move { drop(event) }]
        ),
        quote! {
            /// Fetches a page.
            pub async fn fetch(url: String, #[resource] http: Client) -> flowcore::Result<Page> {
                http.get(url).await
            }
        },
    );
    insta::assert_snapshot!(code);
}

#[test]
fn a_plain_function_without_parameters() {
    let code = expanded(
        Kind::Task,
        quote!(persist_result = false),
        quote! {
            #[cfg(unix)]
            #[tracing::instrument]
            #[allow(clippy::pedantic)]
            fn read() -> u8 {
                1
            }
        },
    );
    insta::assert_snapshot!(code);
}

#[test]
fn a_task_that_yields() {
    let code = expanded(
        Kind::Task,
        quote!(),
        quote! {
            fn lines(path: String, #[yields] lines: Yields<Line>, #[resource] files: Files) -> Result<()> {
                Ok(lines.blocking_send_all(files.open(path))?)
            }
        },
    );
    insta::assert_snapshot!(code);
}

#[test]
fn a_flow() {
    let code = expanded(
        Kind::Flow,
        quote!(
            flow_run_name = "report {path}",
            on_failure = [notify, |event| async move { drop(event) }],
            task_limit = 4
        ),
        quote! {
            pub(crate) async fn report(
                path: PathBuf,
                /// How many.
                #[default(10)] mut limit: u32,
                #[default("daily")] title: String,
                until: Option<u32>,
                #[resource] db: Pool,
            ) -> Result<Report> {
                limit += 1;
                unreachable!()
            }
        },
    );
    insta::assert_snapshot!(code);
}

#[test]
fn a_flow_without_a_result() {
    let code = expanded(
        Kind::Flow,
        quote!(),
        quote!(
            async fn nightly() {}
        ),
    );
    insta::assert_snapshot!(code);
}

#[test]
fn patterns_and_names_that_are_taken() {
    let code = expanded(
        Kind::Task,
        quote!(),
        quote!(
            async fn map((a, b): (u8, u8), _: u8, r#type: u8) -> u8 {
                a + b
            }
        ),
    );
    insta::assert_snapshot!(code);
}

#[test]
fn after_mistakes_in_options_the_function_is_there() {
    let code = expanded(
        Kind::Task,
        quote!(retrys = 3, version = "1"),
        quote!(
            async fn fetch(url: String) {}
        ),
    );
    assert!(code.starts_with("::core::compile_error!{"), "{code}");
    assert!(code.contains("fn fetch(url: impl ~Into<~Input<String>>)"), "{code}");
    assert!(code.contains(".version(\"1\")"), "{code}");
}

#[test]
fn after_mistakes_in_the_signature_the_function_is_there_as_written() {
    let item = quote!(
        async fn fetch<T>(url: &str, #[resource] http: Client) -> T {
            unreachable!()
        }
    );
    let code = expanded(Kind::Task, quote!(retrys = 3), item);
    assert_eq!(code.matches("compile_error!{").count(), 3, "{code}");
    assert!(code.contains("fn fetch<T>(url: &str, http: Client)"), "{code}");
}

#[test]
fn what_is_no_function_stays_as_it_is() {
    let code = expanded(
        Kind::Flow,
        quote!(),
        quote!(
            struct Report {
                day: String,
            }
        ),
    );
    assert!(code.contains("#[flow] goes on a function"), "{code}");
    assert!(code.contains("struct Report {"), "{code}");
}
