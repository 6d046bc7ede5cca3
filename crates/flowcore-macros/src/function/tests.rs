use super::*;
use quote::quote;

fn read(kind: Kind, item: proc_macro2::TokenStream) -> (Option<Function>, Vec<String>) {
    let source = Source::parse(kind, item).unwrap_or_else(|error| panic!("{error}"));
    let mut errors = Errors::default();
    let function = Function::read(kind, &source, &mut errors);
    (function, errors.messages())
}

fn mistake(item: proc_macro2::TokenStream) -> String {
    let (function, mut all) = read(Kind::Task, item.clone());
    assert_eq!(all.len(), 1, "{item}: {all:?}");
    assert!(function.is_none());
    all.remove(0)
}

#[test]
fn borrowed_arguments_are_refused() {
    let why = "arguments are kept and may be sent to another thread";
    assert_eq!(
        mistake(quote!(
            fn f(a: &str) {}
        )),
        format!("take a `String`: {why}")
    );
    assert_eq!(
        mistake(quote!(
            fn f(a: &'static str) {}
        )),
        format!("take a `String`: {why}")
    );
    assert_eq!(
        mistake(quote!(
            fn f(a: &Path) {}
        )),
        format!("take a `PathBuf`: {why}")
    );
    assert_eq!(
        mistake(quote!(
            fn f(a: &[u8]) {}
        )),
        format!("take a `Vec<u8>`: {why}")
    );
    assert_eq!(
        mistake(quote!(
            fn f(a: &mut Vec<Page>) {}
        )),
        format!("take `Vec<Page>` itself: {why}")
    );
    assert_eq!(
        mistake(quote!(
            fn f(a: Option<&str>) {}
        )),
        format!("take a `String`: {why}")
    );
    assert_eq!(
        mistake(quote!(
            fn f(a: &dyn Read) {}
        )),
        format!("take an `Arc<dyn Read>`: {why}")
    );
    assert!(
        mistake(quote!(
            fn f(a: Cow<'_, str>) {}
        ))
        .contains("or `'static`")
    );
    assert!(
        read(
            Kind::Task,
            quote!(
                fn f(a: Cow<'static, str>, b: Option<&'static str>) {}
            )
        )
        .0
        .is_some()
    );
}

#[test]
fn borrowed_and_opaque_results_are_refused() {
    assert_eq!(
        mistake(quote!(
            fn f() -> &str {}
        )),
        "return a `String`: results are kept after the function has returned"
    );
    assert!(
        mistake(quote!(
            fn f() -> Result<&str> {}
        ))
        .starts_with("return a `String`")
    );
    assert!(
        mistake(quote!(
            fn f() -> impl Display {}
        ))
        .contains("name its type")
    );
    assert!(
        mistake(quote!(
            fn f() -> ! {}
        ))
        .contains("a run ends with a result")
    );
}

#[test]
fn other_signatures_are_refused() {
    let cases = [
        (
            quote!(
                fn f<T>(a: T) {}
            ),
            "cannot be generic",
        ),
        (
            quote!(
                fn f<'a>(a: u8) {}
            ),
            "remove the lifetime",
        ),
        (
            quote!(
                fn f<const N: usize>() {}
            ),
            "cannot be generic",
        ),
        (
            quote!(
                fn f(a: impl Display) {}
            ),
            "name the type",
        ),
        (
            quote!(
                fn f()
                where
                    u8: Copy,
                {
                }
            ),
            "`where`",
        ),
        (
            quote!(
                fn f(self) {}
            ),
            "no `self`",
        ),
        (
            quote!(
                unsafe fn f() {}
            ),
            "remove `unsafe`",
        ),
        (
            quote!(
                const fn f() {}
            ),
            "remove `const`",
        ),
        (
            quote!(
                extern "C" fn f() {}
            ),
            "remove `extern`",
        ),
        (
            quote!(
                async fn main() {}
            ),
            "#[flowcore::main]",
        ),
        (
            quote!(
                fn f(#[default(1)] a: u8) {}
            ),
            "parameters of flows",
        ),
        (
            quote!(
                fn f(
                    #[resource]
                    #[resource]
                    a: u8,
                ) {
                }
            ),
            "given twice",
        ),
        (
            quote!(
                fn f(#[cfg(unix)] a: u8) {}
            ),
            "same parameters in every build",
        ),
    ];
    for (item, part) in cases {
        let message = mistake(item);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_flow_names_its_parameters_and_defaults() {
    let (_, all) = read(
        Kind::Flow,
        quote!(
            fn f(
                (a, b): (u8, u8),
                #[default] c: u8,
                #[resource]
                #[default(1)]
                d: u8,
            ) {
            }
        ),
    );
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn twelve_arguments_are_enough() {
    let arguments = |count: usize| {
        let names = (0..count).map(|index| quote::format_ident!("a{index}"));
        quote!(fn f(#(#names: u8),*) {})
    };
    assert!(read(Kind::Task, arguments(12)).0.is_some());
    assert!(mistake(arguments(14)).contains("at most 12 parameters: group some of them into a struct"));
}

#[test]
fn all_mistakes_are_found_at_once() {
    let (_, all) = read(
        Kind::Task,
        quote!(
            const unsafe fn f<T>(self, a: &str, b: impl Display) -> &T {}
        ),
    );
    assert_eq!(all.len(), 7, "{all:?}");
}

#[test]
fn return_types_are_told_apart() {
    let returned = |item| read(Kind::Task, item).0.unwrap_or_else(|| panic!("a task")).returned;
    assert!(matches!(
        returned(quote!(
            fn f() {}
        )),
        Returned::Unit
    ));
    assert!(matches!(
        returned(quote!(
            fn f() -> u8 {}
        )),
        Returned::Plain(_)
    ));
    assert!(matches!(
        returned(quote!(
            fn f() -> std::io::Result<u8> {}
        )),
        Returned::Fallible { .. }
    ));
    assert!(matches!(
        returned(quote!(
            fn f() -> Results<u8> {}
        )),
        Returned::Plain(_)
    ));
}

#[test]
fn a_body_that_does_not_parse_is_left_to_the_compiler() {
    let (function, all) = read(Kind::Task, quote!(fn f() { let = ; }));
    assert!(function.is_some() && all.is_empty());
}
