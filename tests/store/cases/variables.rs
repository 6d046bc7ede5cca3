//! Variables: values under names.

use std::sync::Arc;

use flowcore::model::{Page, Variable, VariableFilter, VariableId, VariableOrder};
use flowcore::store::{Replace, Store};
use serde_json::value::RawValue;

use crate::model::{at, id};

fn variable(number: u64, name: &str, value: &str, tags: &[&str]) -> Variable {
    Variable {
        id: VariableId(id(8, number)),
        name: name.to_owned(),
        value: RawValue::from_string(value.to_owned()).unwrap(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        created: at(number.cast_signed()),
        updated: at(number.cast_signed() + 1),
    }
}

/// What can be compared of variables.
fn text(variables: &[Variable]) -> String {
    serde_json::to_string(variables).unwrap()
}

async fn insert(store: &Arc<dyn Store>, variable: Variable) {
    assert!(store.put_variable(variable, None).await.unwrap().is_some());
}

async fn listed(store: &Arc<dyn Store>, filter: VariableFilter) -> Vec<String> {
    store.variables(&filter).await.unwrap().into_iter().map(|variable| variable.name).collect()
}

pub(crate) async fn a_variable_is_read_as_it_was_written(store: Arc<dyn Store>) {
    let value = r#"{"b": 1.50, "a": [18446744073709551616, "Ω\u0000", null]}"#;
    let written = variable(1, "page-size_2", value, &["x", "a, \"b\"", "Ω"]);
    let kept = store.put_variable(written.clone(), None).await.unwrap().unwrap();
    assert_eq!(text(&[kept]), text(std::slice::from_ref(&written)));
    let read = store.variables(&VariableFilter::named("page-size_2")).await.unwrap();
    assert_eq!(text(&read), text(&[written]));
    assert_eq!(listed(&store, VariableFilter::named("page-size")).await, [""; 0]);
}

pub(crate) async fn a_taken_name_is_replaced_only_if_that_is_wanted(store: Arc<dyn Store>) {
    let first = variable(1, "size", "1", &["old"]);
    insert(&store, first.clone()).await;
    assert!(store.put_variable(variable(2, "size", "2", &["new"]), None).await.unwrap().is_none());
    let all = VariableFilter::default();
    assert_eq!(text(&store.variables(&all).await.unwrap()), text(std::slice::from_ref(&first)));

    // The id and the time of making stay in any case.
    let second = variable(2, "size", "2", &["new"]);
    let changed = Variable { value: second.value.clone(), updated: second.updated, ..first };
    let kept = store.put_variable(second.clone(), Some(Replace::Value)).await.unwrap().unwrap();
    assert_eq!(text(&[kept]), text(std::slice::from_ref(&changed)));
    let changed = Variable { tags: second.tags.clone(), ..changed };
    let kept = store.put_variable(second, Some(Replace::ValueAndTags)).await.unwrap().unwrap();
    assert_eq!(text(&[kept]), text(std::slice::from_ref(&changed)));
    assert_eq!(text(&store.variables(&all).await.unwrap()), text(&[changed]));

    // A name that is free is taken all the same.
    let other = variable(3, "other", "3", &["x"]);
    let kept = store.put_variable(other.clone(), Some(Replace::Value)).await.unwrap().unwrap();
    assert_eq!(text(&[kept]), text(&[other]));
}

pub(crate) async fn of_many_that_want_a_name_one_gets_it(store: Arc<dyn Store>) {
    let asks: Vec<_> = (1..=20)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.put_variable(variable(number, "lock", "0", &[]), None).await.unwrap() })
        })
        .collect();
    let mut got = Vec::new();
    for ask in asks {
        got.extend(ask.await.unwrap());
    }
    assert_eq!(got.len(), 1);
    assert_eq!(text(&store.variables(&VariableFilter::default()).await.unwrap()), text(&got));
}

pub(crate) async fn variables_are_filtered(store: Arc<dyn Store>) {
    insert(&store, variable(1, "mail-from", "1", &["mail", "daily"])).await;
    insert(&store, variable(2, "mail-to", "2", &["mail"])).await;
    insert(&store, variable(3, "size", "3", &[])).await;
    insert(&store, variable(4, "odd", "4", &["mail,daily", "\"mail\""])).await;
    let none = VariableFilter::default;
    let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let ids = Some([3, 1, 9].map(|number| VariableId(id(8, number))).to_vec());
    assert_eq!(listed(&store, VariableFilter { ids, ..none() }).await, ["mail-from", "size"]);
    let names = texts(&["size", "mail-to", "none"]);
    assert_eq!(listed(&store, VariableFilter { names, ..none() }).await, ["mail-to", "size"]);
    let name_like = Some("L-F".to_owned());
    assert_eq!(listed(&store, VariableFilter { name_like, ..none() }).await, ["mail-from"]);
    let tagged = |tags: &[&str]| VariableFilter { tags: texts(tags), ..none() };
    assert_eq!(listed(&store, tagged(&["mail"])).await, ["mail-from", "mail-to"]);
    assert_eq!(listed(&store, tagged(&["daily", "mail"])).await, ["mail-from"]);
    assert_eq!(listed(&store, tagged(&["\"mail\""])).await, ["odd"]);
    assert_eq!(listed(&store, tagged(&["mail", "none"])).await, [""; 0]);
    assert_eq!(listed(&store, tagged(&[])).await.len(), 4, "no tag is wanted");
    assert_eq!(listed(&store, VariableFilter { tagged: Some(false), ..none() }).await, ["size"]);
    assert_eq!(listed(&store, VariableFilter { tagged: Some(true), ..none() }).await.len(), 3);
    let both = VariableFilter { name_like: Some("to".into()), ..tagged(&["mail"]) };
    assert_eq!(listed(&store, both).await, ["mail-to"]);
}

pub(crate) async fn variables_are_ordered_and_paged(store: Arc<dyn Store>) {
    for (number, name) in [(1, "c"), (2, "a"), (3, "b")] {
        insert(&store, variable(number, name, "0", &[])).await;
    }
    store.put_variable(variable(9, "c", "1", &[]), Some(Replace::Value)).await.unwrap();
    // Made with `b`, and changed with `a`.
    insert(&store, Variable { created: at(3), updated: at(3), ..variable(4, "d", "0", &[]) }).await;
    let by = |order| VariableFilter { order, ..VariableFilter::default() };
    assert_eq!(listed(&store, by(VariableOrder::Name)).await, ["a", "b", "c", "d"]);
    assert_eq!(listed(&store, by(VariableOrder::NameReversed)).await, ["d", "c", "b", "a"]);
    assert_eq!(listed(&store, by(VariableOrder::Newest)).await, ["b", "d", "a", "c"], "b and d are of one time");
    assert_eq!(listed(&store, by(VariableOrder::LastUpdated)).await, ["c", "b", "a", "d"], "a and d are of one time");
    let page = Page { limit: 2, offset: 1 };
    assert_eq!(listed(&store, VariableFilter { page, ..by(VariableOrder::Name) }).await, ["b", "c"]);
}

pub(crate) async fn a_variable_is_deleted_once(store: Arc<dyn Store>) {
    insert(&store, variable(1, "a", "1", &[])).await;
    insert(&store, variable(2, "b", "2", &[])).await;
    assert!(store.delete_variable("a").await.unwrap());
    assert!(!store.delete_variable("a").await.unwrap());
    assert_eq!(listed(&store, VariableFilter::default()).await, ["b"]);
    insert(&store, variable(1, "a", "3", &[])).await;
    assert_eq!(listed(&store, VariableFilter::default()).await, ["a", "b"]);
}
