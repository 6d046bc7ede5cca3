//! Questions about events that are there.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use flowcore::model::{Event, Order, Page, Timestamp};
use flowcore::store::{ServerStore, StoreError};
use uuid::Uuid;

use super::complete::complete;
use crate::filter::EventFilter;

/// Reads a page of events.
pub(crate) async fn page(
    store: &dyn ServerStore,
    filter: &EventFilter,
    page: Page,
    now: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let mut events: Vec<Event> = if filter.distinct() {
        let first = first_of_each(store, filter).await?.into_iter();
        first.skip(page.offset as usize).take(page.limit as usize).collect()
    } else {
        store.events(&filter.selecting(page)).await?
    };
    complete(store, now, &mut events).await?;
    Ok(events)
}

/// Up to how many events are counted. States of runs are not rows of their own, so that they are counted by reading them.
const MOST_COUNTED: u64 = 10_000;

/// Counts events, up to [`MOST_COUNTED`] of them.
pub(crate) async fn count(store: &dyn ServerStore, filter: &EventFilter) -> Result<u64, StoreError> {
    if filter.distinct() {
        return Ok(first_of_each(store, filter).await?.len() as u64);
    }
    let mut count = 0;
    let visit = &mut |_| {
        count += 1;
        if count < MOST_COUNTED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    store.visit_events(&filter.selecting(Page::ALL), visit).await?;
    Ok(count)
}

/// Finds of each resource the event that comes first in the order.
async fn first_of_each(store: &dyn ServerStore, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
    let filter = filter.selecting(Page::ALL);
    let mut first: BTreeMap<String, Event> = BTreeMap::new();
    let place = |event: &Event| (event.occurred, event.id);
    let visit = &mut |event: Event| {
        let is_first = first.get(event.resource_id()).is_none_or(|known| match filter.order {
            Order::OldestFirst => place(&event) < place(known),
            Order::NewestFirst => place(&event) > place(known),
        });
        if is_first {
            first.insert(event.resource_id().to_owned(), event);
        }
        ControlFlow::Continue(())
    };
    store.visit_events(&filter, visit).await?;
    let mut events: Vec<((Timestamp, Uuid), Event)> = first.into_values().map(|event| (place(&event), event)).collect();
    events.sort_unstable_by_key(|(place, _)| *place);
    if filter.order == Order::NewestFirst {
        events.reverse();
    }
    Ok(events.into_iter().map(|(_, event)| event).collect())
}
