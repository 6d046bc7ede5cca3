//! Variables.

use std::sync::Arc;

use flowcore::client::ClientError;
use flowcore::model::{NewVariable, Page, VariableFilter, VariableOrder, VariableRefusal};
use serde_json::{Value, json};

use super::Subject;
use super::rows::raw;

fn new(name: &str, value: &Value) -> NewVariable {
    NewVariable { name: name.to_owned(), value: raw(value), tags: None, overwrite: false }
}

pub(super) async fn a_variable_is_set_once_and_overwritten(subject: Arc<Subject>) {
    let client = &subject.client;
    let value = json!({"sizes": [1, 2.5, null], "name": "é"});
    let tags = Some(vec!["prod".to_owned()]);
    let made = client.set_variable(NewVariable { tags: tags.clone(), ..new("page-size", &value) }).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(made.value.get()).unwrap(), value);
    let refusals = [
        (new("page-size", &json!(1)), VariableRefusal::Exists("page-size".to_owned())),
        (new("Page Size", &json!(1)), VariableRefusal::Name("Page Size".to_owned())),
    ];
    for (new, expected) in refusals {
        let refused = client.set_variable(new).await.unwrap_err();
        assert!(matches!(&refused, ClientError::Variable(refusal) if *refusal == expected), "{refused:?}");
    }
    let changed = client.set_variable(NewVariable { overwrite: true, ..new("page-size", &json!(null)) }).await.unwrap();
    assert_eq!((changed.id, changed.value.get(), Some(changed.tags)), (made.id, "null", tags), "it keeps its tags");
    let untagged = NewVariable { overwrite: true, tags: Some(Vec::new()), ..new("page-size", &json!("x")) };
    assert!(client.set_variable(untagged).await.unwrap().tags.is_empty());
    let read = client.variables(&VariableFilter::named("page-size")).await.unwrap();
    assert_eq!(read.iter().map(|variable| variable.value.get()).collect::<Vec<_>>(), ["\"x\""]);
    assert!(client.delete_variable("page-size").await.unwrap());
    assert!(!client.delete_variable("page-size").await.unwrap());
}

pub(super) async fn variables_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let tags = |tags: &[&str]| Some(tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<String>>());
    let mut ids = Vec::new();
    for (name, with) in [("size-b", &["prod", "eu"][..]), ("size-a", &["prod"]), ("other", &[])] {
        let made = client.set_variable(NewVariable { tags: tags(with), ..new(name, &json!(1)) }).await.unwrap();
        ids.push(made.id);
    }
    client.set_variable(NewVariable { overwrite: true, ..new("size-b", &json!(2)) }).await.unwrap();
    let all = VariableFilter::default;
    for (filter, expected) in [
        (all(), &["other", "size-a", "size-b"][..]),
        (VariableFilter { order: VariableOrder::NameReversed, ..all() }, &["size-b", "size-a", "other"]),
        (VariableFilter { order: VariableOrder::Newest, ..all() }, &["other", "size-a", "size-b"]),
        (VariableFilter { order: VariableOrder::LastUpdated, ..all() }, &["size-b", "other", "size-a"]),
        (VariableFilter { names: tags(&["size-a", "none"]), ..all() }, &["size-a"]),
        (VariableFilter { name_like: Some("size".to_owned()), ..all() }, &["size-a", "size-b"]),
        (VariableFilter { tags: tags(&["prod", "eu"]), ..all() }, &["size-b"]),
        (VariableFilter { tagged: Some(false), ..all() }, &["other"]),
        (VariableFilter { tagged: Some(true), ..all() }, &["size-a", "size-b"]),
        (VariableFilter { ids: Some(vec![ids[1]]), ..all() }, &["size-a"]),
        (VariableFilter { page: Page { limit: 1, offset: 1 }, ..all() }, &["size-a"]),
    ] {
        let found = client.variables(&filter).await.unwrap();
        assert_eq!(found.iter().map(|variable| &*variable.name).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}
