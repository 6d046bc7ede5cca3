//! Variables as programs use them: in runs, outside of them, in plain functions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowcore::model::{VariableFilter, VariableRefusal};
use flowcore::store::Store;
use flowcore::variable::VariableError;
use flowcore::{Result, flow, task, variable};

use crate::world::World;

#[task]
fn plain_page_size() -> Result<Option<u32>> {
    Ok(variable::get("page-size").blocking()?)
}

#[flow]
async fn paging() -> Result<u32> {
    let size = plain_page_size().await?.unwrap_or(20);
    variable::set("pages", BTreeMap::from([("size", size)])).tags(["report", "daily"]).await?;
    Ok(size)
}

pub(crate) async fn variables_are_set_and_read_in_runs_and_outside(store: Arc<dyn Store>) {
    let world = World::on(store);
    let engine = &world.engine;
    assert_eq!(paging().on(engine).await.unwrap(), 20);
    let set = variable::set("page-size", 50).on(engine).await.unwrap();
    assert_eq!((&*set.name, set.value.get(), set.tags.len()), ("page-size", "50", 0));
    assert!(variable::unset("pages").on(engine).await.unwrap());
    assert!(!variable::unset("pages").on(engine).await.unwrap());
    assert_eq!(paging().on(engine).await.unwrap(), 50);
    let pages = variable::get::<BTreeMap<String, u32>>("pages").on(engine).await.unwrap();
    assert_eq!(pages, Some(BTreeMap::from([("size".to_owned(), 50)])));
    let daily = VariableFilter { tags: Some(vec!["daily".into()]), ..VariableFilter::default() };
    let found = variable::list(daily).on(engine).await.unwrap();
    assert_eq!(found.iter().map(|found| &*found.name).collect::<Vec<_>>(), ["pages"]);
    assert_eq!(variable::get::<u8>("none").on(engine).await.unwrap(), None);
}

pub(crate) async fn a_taken_name_is_kept_unless_it_is_overwritten(store: Arc<dyn Store>) {
    let world = World::on(store);
    let engine = &world.engine;
    let made = variable::set("owner", "Ada").tags(["people"]).on(engine).await.unwrap();
    let error = variable::set("owner", "Grace").on(engine).await.unwrap_err();
    assert!(matches!(&error, VariableError::Refused(VariableRefusal::Exists(name)) if name == "owner"));
    assert!(error.to_string().contains("overwrite it"), "{error}");
    world.clock.advance(Duration::from_secs(1));
    let changed = variable::set("owner", "Grace").overwrite().on(engine).await.unwrap();
    assert_eq!((changed.id, changed.created, &changed.tags), (made.id, made.created, &made.tags));
    assert!(changed.updated > made.updated);
    assert_eq!(variable::get::<String>("owner").on(engine).await.unwrap().as_deref(), Some("Grace"));
    let untagged = variable::set("owner", "Grace").tags([""; 0]).overwrite().on(engine).await.unwrap();
    assert_eq!(untagged.tags, [""; 0]);
}

#[tokio::test]
async fn a_value_of_another_type_is_told_with_what_it_is() {
    let world = World::memory();
    variable::set("size", "ten").on(&world.engine).await.unwrap();
    let error = variable::get::<Vec<u32>>("size").on(&world.engine).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the variable `size` is wanted as Vec<u32>, and holds a text: invalid type: string \"ten\", expected a sequence \
         at line 1 column 5; `flowcore variable set size VALUE --overwrite` changes it"
    );
    variable::set("size", None::<u32>).overwrite().on(&world.engine).await.unwrap();
    assert_eq!(variable::get::<Option<u32>>("size").on(&world.engine).await.unwrap(), Some(None));
    assert!(variable::get::<u32>("size").on(&world.engine).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_a_variable_is_refused() {
    let world = World::memory();
    let engine = &world.engine;
    let errors = [
        variable::set("Page Size", 1).on(engine).await.map(drop).unwrap_err(),
        variable::get::<u32>("Page Size").on(engine).await.map(drop).unwrap_err(),
        variable::unset("Page Size").on(engine).await.map(drop).unwrap_err(),
        variable::set("a", 1).tags(["\0"]).on(engine).await.map(drop).unwrap_err(),
        variable::set("a", BTreeMap::from([((), 1)])).on(engine).await.map(drop).unwrap_err(),
    ]
    .map(|error| error.to_string());
    assert!(errors[..3].iter().all(|error| error.starts_with("`Page Size` cannot name a variable")), "{errors:?}");
    assert!(errors[3].contains("character NUL") && errors[4].contains("cannot be written as JSON"), "{errors:?}");
    assert!(variable::list(VariableFilter::default()).on(engine).await.unwrap().is_empty());
}
