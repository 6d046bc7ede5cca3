#![expect(clippy::expect_used, reason = "tests")]

use super::*;

fn read(kind: Kind, arguments: TokenStream) -> (String, Vec<String>) {
    let mut errors = Errors::default();
    let arguments: Arguments = syn::parse2(arguments).expect("a list");
    let parameters = ["url".to_owned(), "day".to_owned()];
    let options = Options::read(kind, arguments, Some(&parameters), &mut errors);
    (options.to_expression(kind).to_string().replace(' ', ""), errors.messages())
}

fn mistakes(kind: Kind, arguments: TokenStream) -> Vec<String> {
    read(kind, arguments).1
}

fn mistake(arguments: TokenStream) -> String {
    let mut all = mistakes(Kind::Task, arguments.clone());
    assert_eq!(all.len(), 1, "{arguments}: {all:?}");
    all.remove(0)
}

fn setters(kind: Kind, arguments: TokenStream) -> String {
    let (code, mistakes) = read(kind, arguments);
    assert_eq!(mistakes, Vec::<String>::new());
    code.split_once("::new()").expect("a constructor").1.to_owned()
}

#[test]
fn each_option_is_a_setter() {
    let code =
        setters(Kind::Task, quote!(name = "a", retries = 3, timeout = 30, retry_jitter = 1, refresh_cache = true));
    assert_eq!(code, r#".name("a").retries(3).timeout(30.0).retry_jitter(1.0).refresh_cache(true)"#);
}

#[test]
fn expressions_stay_as_they_are() {
    let code =
        setters(Kind::Task, quote!(retries = RETRIES, timeout = Duration::from_secs(1), name = concat!("a", "b")));
    assert_eq!(code, r#".retries(RETRIES).timeout(Duration::from_secs(1)).name(concat!("a","b"))"#);
}

#[test]
fn words_are_in_scope_where_they_are_used() {
    let code = setters(Kind::Task, quote!(cache = INPUTS + flowcore::CachePolicy::RUN_ID, durability = Committed));
    let names = "use::flowcore::__private::option_names";
    assert_eq!(
        code,
        format!(
            ".cache({{{names}::{{INPUTS}};INPUTS+flowcore::CachePolicy::RUN_ID}}).durability({{{names}::{{Committed}};Committed}})"
        )
    );
}

#[test]
fn hooks_are_one_or_many() {
    let code = setters(Kind::Flow, quote!(on_failure = [a, b], on_crashed = c, on_running = |event| async move {}));
    assert_eq!(
        code,
        ".on_failure(a).on_failure(b).on_crashed(c).on_running(::flowcore::__private::hook(|event|asyncmove{}))"
    );
}

#[test]
fn hooks_of_transactions_are_one_or_many() {
    let code = setters(Kind::Task, quote!(on_rollback = [a, |event| async move {}], on_commit = b));
    assert_eq!(
        code,
        ".on_rollback(a).on_rollback(::flowcore::__private::transaction_hook(|event|asyncmove{})).on_commit(b)"
    );
    assert_eq!(mistakes(Kind::Flow, quote!(on_rollback = a)), ["`on_rollback` belongs to #[task]"]);
}

#[test]
fn an_unknown_option_is_refused_with_what_there_is() {
    let message = mistake(quote!(retrys = 3));
    assert!(
        message.starts_with("#[task] has no option `retrys`; did you mean `retries`? it has: name, description,"),
        "{message}"
    );
    assert_eq!(mistake(quote!(retry_delay_seconds = 3)), "Prefect's `retry_delay_seconds` is `retry_delay` here");
    assert!(mistake(quote!(colour = 3)).contains("no option `colour`; it has:"));
}

#[test]
fn an_option_of_the_other_macro_is_pointed_out() {
    assert_eq!(mistake(quote!(on_crashed = notify)), "`on_crashed` belongs to #[flow]; for a task it is `on_failure`");
    assert_eq!(mistakes(Kind::Flow, quote!(cache = INPUTS)), ["`cache` belongs to #[task]"]);
    assert_eq!(
        mistakes(Kind::Flow, quote!(task_run_name = "a")),
        ["`task_run_name` belongs to #[task]; for a flow it is `flow_run_name`"]
    );
}

#[test]
fn an_option_given_twice_is_refused() {
    assert_eq!(mistake(quote!(retries = 3, name = "a", retries = 4)), "`retries` is given twice");
}

#[test]
fn literals_of_the_wrong_kind_are_refused() {
    let cases = [
        (quote!(retries = "3"), "`retries` is a number of retries, such as `retries = 3`"),
        (quote!(retries = 3.5), "`retries` is a number of retries, such as `retries = 3`"),
        (quote!(retries = -1), "`retries` cannot be negative: write a number of retries, such as `retries = 3`"),
        (quote!(timeout = "30s"), "`timeout` is a number of seconds, or a `Duration`, such as `timeout = 30.0`"),
        (
            quote!(timeout = -1.5),
            "`timeout` cannot be negative: write a number of seconds, or a `Duration`, such as `timeout = 30.0`",
        ),
        (
            quote!(retry_jitter = -0.5),
            "`retry_jitter` cannot be negative: write a fraction, zero or more, such as `retry_jitter = 0.5`",
        ),
        (quote!(retry_delay = []), "give at least one number of seconds, such as `retry_delay = [1, 10]`"),
        (quote!(name = 5), "`name` is a text, such as `name = \"fetch page\"`"),
        (quote!(name = ""), "`name` is empty: say something, such as `name = \"fetch page\"`"),
        (quote!(tags = "net"), "`tags` is a list of texts, such as `tags = [\"net\"]`"),
        (quote!(tags = ["net", 5]), "`tags` is a list of texts, such as `tags = [\"net\"]`"),
        (quote!(refresh_cache = 1), "`refresh_cache` is `true` or `false`, such as `refresh_cache = true`"),
        (quote!(cache = "inputs"), "`cache` is a cache policy, such as `cache = INPUTS + TASK_SOURCE`"),
        (
            quote!(on_failure = "notify"),
            "`on_failure` is a function of an event, or a list of such functions, such as `on_failure = [notify, clean_up]`",
        ),
        (
            quote!(on_commit = 1),
            "`on_commit` is a function of an event, or a list of such functions, such as `on_commit = announce`",
        ),
        (quote!(retries), "say the value, such as `retries = 3`"),
    ];
    for (arguments, message) in cases {
        assert_eq!(mistake(arguments), message);
    }
}

#[test]
fn each_wrong_element_of_a_list_is_refused() {
    assert_eq!(mistakes(Kind::Task, quote!(retry_delay = [1, -2, "3"])).len(), 2);
}

#[test]
fn a_limit_of_nothing_is_refused() {
    assert_eq!(
        mistakes(Kind::Flow, quote!(task_limit = 0)),
        ["with `task_limit = 0` nothing would ever start: write at least 1"]
    );
}

#[test]
fn templates_name_parameters() {
    assert_eq!(
        setters(Kind::Task, quote!(task_run_name = "{url} {{x}} {flow_name}")),
        ".task_run_name(\"{url}{{x}}{flow_name}\")"
    );
    assert_eq!(
        mistake(quote!(task_run_name = "fetch {urls}")),
        "`{urls}` is no parameter; did you mean `{url}`? the parameters are `{url}`, `{day}`; the engine fills in `{flow_name}`, `{flow_run_id}`, `{flow_run_name}`, `{task_name}`"
    );
    assert_eq!(mistake(quote!(task_run_name = "fetch {url")), "`{` is not closed: write `{{` for a brace");
    assert_eq!(mistakes(Kind::Flow, quote!(flow_run_name = "{flow_run_name}")).len(), 1);
    assert_eq!(mistakes(Kind::Flow, quote!(result_storage_key = "{flow_run_name}")).len(), 0);
}

#[test]
fn all_mistakes_are_found_at_once() {
    let all = mistakes(Kind::Task, quote!(retrys = 3, name = 5 6, retries = "3", = 4, tags = ["a"], timeout = -1));
    assert_eq!(all.len(), 5, "{all:?}");
}

#[test]
fn only_a_written_false_keeps_no_result() {
    let keeps = |arguments: TokenStream| {
        let arguments: Arguments = syn::parse2(arguments).expect("a list");
        Options::read(Kind::Task, arguments, None, &mut Errors::default()).keeps_result
    };
    assert!(!keeps(quote!(persist_result = false)));
    assert!(keeps(quote!(persist_result = true)));
    assert!(keeps(quote!(persist_result = KEEP)));
    assert!(keeps(quote!()));
}
