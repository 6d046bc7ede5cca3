//! Where events and log lines are found that others have written.

use std::sync::Arc;
use std::time::Duration;

use flowcore::clock::Clock;
use flowcore::model::{Event, EventFilter, LogLine, Order, Page, Timestamp};
use flowcore::store::{ServerStore, StoreError};
use uuid::Uuid;

use super::Source;
use crate::events::complete;

/// The events of a database.
pub(crate) struct NewEvents {
    pub(crate) store: Arc<dyn ServerStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The log lines of a database.
pub(crate) struct NewLogs {
    pub(crate) store: Arc<dyn ServerStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

fn before(clock: &dyn Clock, window: Duration) -> Timestamp {
    clock.now().checked_sub_signed(chrono::Duration::from_std(window).unwrap_or_default()).unwrap_or_default()
}

impl Source for NewEvents {
    type Thing = Event;

    /// States are committed within milliseconds of their times; clocks of several machines differ a little.
    const WINDOW: Duration = Duration::from_secs(3);

    fn id(event: &Event) -> Uuid {
        event.id
    }

    async fn recent(&self) -> Result<Vec<Event>, StoreError> {
        let since = before(&*self.clock, Self::WINDOW);
        let filter =
            EventFilter { since: Some(since), order: Order::OldestFirst, page: Page::ALL, ..EventFilter::default() };
        let mut events = self.store.events(&filter).await?;
        // What was told of late occurred before.
        events.extend(self.store.events_received(since).await?.into_iter().filter(|event| event.occurred < since));
        complete(&*self.store, self.clock.now(), &mut events).await?;
        Ok(events)
    }
}

impl Source for NewLogs {
    type Thing = LogLine;

    /// Clients send lines in batches, every few seconds.
    const WINDOW: Duration = Duration::from_secs(10);

    fn id(line: &LogLine) -> Uuid {
        line.id.0
    }

    async fn recent(&self) -> Result<Vec<LogLine>, StoreError> {
        self.store.logs_made(before(&*self.clock, Self::WINDOW)).await
    }
}
