//! Events that programs tell of, inside of runs and outside.

use std::sync::Arc;

use chrono::TimeDelta;
use flowcore::model::{Event, EventFilter, EventNames, Page, Resource};
use flowcore::store::Store;
use flowcore::testing::StoreFault;
use flowcore::{Error, EventError, Result, event, flow, task};
use serde_json::json;
use uuid::Uuid;

use crate::broken::faulty;
use crate::world::World;

/// Reads the events whose names begin so, oldest first.
pub(crate) async fn events(world: &World, prefix: &str) -> Vec<Event> {
    world.engine.flush().await.unwrap();
    kept(world, prefix).await
}

/// The same without a flush.
async fn kept(world: &World, prefix: &str) -> Vec<Event> {
    let event = EventNames { prefixes: vec![prefix.to_owned()], ..EventNames::default() };
    world.client.events(&EventFilter { event, page: Page::ALL, ..EventFilter::default() }).await.unwrap()
}

/// Writes what an event is related to, as `role id name`.
pub(crate) fn related(event: &Event) -> Vec<String> {
    let label = |resource: &Resource, label: &str| resource.get(label).cloned().unwrap_or_default();
    let line = |resource| {
        let parts = ["prefect.resource.role", "prefect.resource.id", "prefect.resource.name"];
        parts.map(|part| label(resource, part)).join(" ").trim_end().to_owned()
    };
    event.related.iter().map(line).collect()
}

pub(crate) async fn events_are_related_to_the_run_around(store: Arc<dyn Store>) {
    #[task(tags = ["till"])]
    fn sell(order: u32) -> Result<()> {
        let own = [("prefect.resource.id", "shop"), ("prefect.resource.role", "place"), ("city", "Delft")];
        event("order.sold")
            .resource(format!("shop.order.{order}"))
            .label("shop.currency", "EUR")
            .related("prefect.tag.till", "own-tag")
            .related_resource(own.map(|(label, value)| (label.to_owned(), value.to_owned())).into())
            .payload(json!({ "amount": 30 }))
            .emit()?;
        Ok(())
    }

    #[flow(tags = ["daily", "all"])]
    async fn selling() -> Result<()> {
        let opened = event("shop.opened").resource("shop").emit()?;
        sell(17u32).await?;
        event("shop.closed").resource("shop").follows(&opened).emit()?;
        let run = flowcore::current::flow_run_id().unwrap();
        event("shop.rested").resource(format!("prefect.flow-run.{run}")).emit()?;
        Ok(())
    }

    let world = World::on(store);
    selling().on(&world.engine).await.unwrap();
    // They are there when the run has ended.
    let run = world.flow_run("selling").await;
    let told = kept(&world, "shop.").await;
    let names: Vec<_> = told.iter().map(|event| &*event.event).collect();
    assert_eq!(names, ["shop.opened", "shop.closed", "shop.rested"]);
    let of_flow = [
        format!("flow-run prefect.flow-run.{} {}", run.id, run.name),
        format!("flow prefect.flow.{} selling", run.flow_id),
        "tag prefect.tag.all".to_owned(),
        "tag prefect.tag.daily".to_owned(),
    ];
    assert_eq!(related(&told[0]), of_flow);
    assert_eq!((told[0].follows, told[1].follows), (None, Some(told[0].id)));
    assert_eq!((&told[0].payload, told[0].received), (&json!({}), told[0].occurred));
    assert_eq!(related(&told[2]), of_flow[1..], "it is not related to what it happened to");
    let sold = kept(&world, "order.").await.remove(0);
    let task_run = world.task_run("sell-0").await;
    assert_eq!(
        related(&sold),
        [
            "own-tag prefect.tag.till".to_owned(),
            "place shop".to_owned(),
            of_flow[0].clone(),
            format!("task-run prefect.task-run.{} sell-0", task_run.id),
            of_flow[1].clone(),
            of_flow[2].clone(),
            of_flow[3].clone(),
        ]
    );
    assert_eq!((sold.resource_id(), &*sold.resource["shop.currency"]), ("shop.order.17", "EUR"));
    assert_eq!((&sold.payload, &*sold.related[1]["city"]), (&json!({ "amount": 30 }), "Delft"));
}

#[tokio::test]
async fn events_are_told_of_outside_of_runs_and_in_order() {
    let world = World::memory();
    let early = event("bell.rang").resource("bell").on(&world.engine).emit().unwrap();
    // Behind all others of its time.
    let once = Uuid::max();
    for nth in 0..2 {
        event(format!("bell.{nth}")).resource("bell").id(once).on(&world.engine).emit().unwrap();
    }
    let at = early.occurred - TimeDelta::hours(1);
    let past = event("bell.cast").resource("bell").occurred(at).follows(&early).on(&world.engine).emit().unwrap();
    assert_eq!((past.occurred, past.follows), (at, None), "they are too far apart to follow one another");
    let told = events(&world, "bell.").await;
    let names: Vec<_> = told.iter().map(|event| &*event.event).collect();
    assert_eq!(names, ["bell.cast", "bell.rang", "bell.0"], "an id is kept once");
    assert!(told.iter().all(|event| event.related.is_empty() && event.received >= event.occurred));
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let world = World::memory();
    let emit = |event: flowcore::NewEvent| event.on(&world.engine).emit().unwrap_err();
    assert_eq!(emit(event("").resource("bell")), EventError::NoName);
    assert_eq!(emit(event("bell.rang")), EventError::NoResource("bell.rang".into()));
    assert_eq!(emit(event("bell.rang").resource("")), EventError::NoResource("bell.rang".into()));
    let related = event("bell.rang").resource("bell").related("tower", "");
    assert_eq!(emit(related), EventError::IncompleteRelated("bell.rang".into()));
    let payload = emit(event("bell.rang").resource("bell").payload(7));
    assert_eq!(payload.to_string(), "the payload of event `bell.rang` has to be a JSON object: it is 7");
    assert!(events(&world, "bell.").await.is_empty());
}

/// Events of a failed attempt stay: they have happened.
#[tokio::test]
async fn events_outlast_the_failure_of_their_run_and_of_the_store() {
    #[flow]
    async fn telling_and_failing() -> Result<()> {
        event("try.begun").resource("try").emit()?;
        Err(Error::msg("no"))
    }

    let mut ended = 0;
    for nth in 1..12 {
        let store = faulty();
        store.inject(StoreFault::calls().nth(nth));
        let world = World::on(store.clone());
        if telling_and_failing().on(&world.engine).return_state().await.state.is_none() {
            continue;
        }
        ended += 1;
        // One of these may be the call that fails.
        drop(world.engine.flush().await);
        world.engine.flush().await.unwrap();
        store.heal();
        let own = EventNames { prefixes: vec!["try.".to_owned()], ..EventNames::default() };
        let filter = EventFilter { event: own, ..EventFilter::default() };
        let told = match store.events(&filter).await {
            Ok(told) => told,
            Err(_) => store.events(&filter).await.unwrap(),
        };
        assert_eq!(told.len(), 1, "call {nth} failed");
    }
    assert!(ended > 5, "{ended}");
}
