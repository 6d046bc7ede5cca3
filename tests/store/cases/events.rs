//! Events of many task runs: pages of them, from either end, are those of the whole history.

use std::sync::Arc;

use flowcore::model::{
    Event, EventFilter, EventNames, FlowRunId, Order, Page, ResourceFilter, State, StateId, StateType, TaskRunId,
    TaskRunRecord, Timestamp, related_resource,
};
use flowcore::store::Store;
use uuid::Uuid;

use super::flow_runs::{advance, insert};
use crate::model::{at, event, flow_run, flow_run_id, task_record};

/// When an event was, its id, and the flow run that it is of.
type Known = (Timestamp, Uuid, Option<FlowRunId>);

const RUNS: u64 = 700;

/// Makes a task run, its id as of a millisecond, with states at these microseconds behind it.
fn record(number: u64, of: Option<(FlowRunId, i32)>, millis: i64, states: &[i64]) -> TaskRunRecord {
    let made = at(0).timestamp_millis() + millis;
    let mut record = task_record(number, of, &vec![StateType::Running; states.len()]);
    record.run.id = TaskRunId(Uuid::from_u64_pair(made.unsigned_abs() << 16 | 0x7000, 0x8000_0000_0000_0000 | number));
    record.states = (0..).zip(states).map(|(place, behind)| state(number * 10 + place, made * 1000 + behind)).collect();
    record.run.state = record.states.last().unwrap().clone();
    record
}

fn state(number: u64, micros: i64) -> State {
    let time = chrono::DateTime::from_timestamp_micros(micros).unwrap();
    // Against the order of time, so that nothing but time can be what they are put in order by.
    State::new(StateType::Running, StateId(Uuid::from_u128(u128::MAX - u128::from(number))), time)
}

/// Fills a store with quick runs, slow ones, one that was open for the whole time, and one whose clock went back; four
/// a millisecond, in two flow runs and in none.
async fn fill(store: &Arc<dyn Store>) -> Vec<Known> {
    let mut runs = vec![None];
    for number in [1, 2] {
        insert(store, &flow_run(number)).await;
        let run = advance(store, &flow_run(number), StateType::Running, 1).await;
        runs.push(Some((run.id, run.times.run_count)));
    }
    let mut records = Vec::new();
    for number in 0..RUNS {
        let of = runs[number as usize % runs.len()];
        let states: &[i64] = match number {
            3 => &[0, 5, 650_000],
            4 => &[0, 5, 300_000_000],
            450 => &[-200_000, 0, 10],
            _ if number % 50 == 0 => &[0, 10, 40_000 + 7 * number as i64],
            _ if number % 7 == 0 => &[0, 9_990],
            _ => &[0, 1, 1],
        };
        records.push(record(number, of, number as i64 / 4, states));
    }
    // In parts, so that runs are known as strays from a first record, from a later one, or from both.
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for record in &records {
        let mut begin = record.clone();
        begin.states.truncate(1 + record.states.len() % 2);
        begin.history_len = begin.states.len() as i32;
        begin.run.state = begin.states.last().unwrap().clone();
        first.push(begin);
        let mut rest = record.clone();
        rest.states.drain(..first.last().unwrap().states.len());
        second.extend((!rest.states.is_empty()).then_some(rest));
    }
    for part in [first, second] {
        assert!(store.record_task_runs(part).await.unwrap().refused.is_empty());
    }
    let mut known = Vec::new();
    for number in [1, 2] {
        let states = store.flow_run_states(flow_run_id(number)).await.unwrap();
        known.extend(states.iter().map(|state| (state.timestamp, state.id.0, Some(flow_run_id(number)))));
    }
    let of_record = |record: &TaskRunRecord| {
        let flow_run = record.run.flow_run_id;
        record.states.iter().map(move |state| (state.timestamp, state.id.0, flow_run)).collect::<Vec<_>>()
    };
    known.extend(records.iter().flat_map(of_record));
    known.sort_unstable();
    known
}

fn expected(known: &[Known], filter: &EventFilter) -> Vec<(Timestamp, Uuid)> {
    let selected = |(time, _, flow_run): &&Known| {
        filter.flow_run_id.is_none_or(|id| *flow_run == Some(id))
            && filter.since.is_none_or(|since| *time >= since)
            && filter.until.is_none_or(|until| *time < until)
    };
    let mut selected: Vec<_> = known.iter().filter(selected).map(|(time, id, _)| (*time, *id)).collect();
    if filter.order == Order::NewestFirst {
        selected.reverse();
    }
    selected.into_iter().skip(filter.page.offset as usize).take(filter.page.limit as usize).collect()
}

pub(crate) async fn pages_of_events_are_those_of_the_whole(store: Arc<dyn Store>) {
    let known = fill(&store).await;
    let spans =
        [(None, None), (Some(50), None), (None, Some(50)), (Some(113), Some(114)), (Some(150), Some(90_000_000))];
    let pages = [
        Page { limit: 3, offset: 0 },
        Page { limit: 9, offset: 16 },
        Page { limit: 10, offset: 35 },
        Page { limit: 400, offset: 0 },
        Page::ALL,
    ];
    let millis = |millis: Option<i64>| millis.map(|millis| at(millis * 1000));
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for (since, until) in spans {
            for page in pages {
                for flow_run_id in [None, Some(flow_run_id(1))] {
                    let (since, until) = (millis(since), millis(until));
                    let filter = EventFilter { flow_run_id, since, until, order, page, ..EventFilter::default() };
                    let events = store.events(&filter).await.unwrap();
                    let events: Vec<_> = events.into_iter().map(|event| (event.occurred, event.id)).collect();
                    assert_eq!(events, expected(&known, &filter), "{filter:?}");
                }
            }
        }
    }
}

pub(crate) async fn ended_runs_are_among_the_newest_events(store: Arc<dyn Store>) {
    let known = fill(&store).await;
    let (end, now) = (StateType::Crashed, at(400_000_000));
    let ended = store.end_task_runs(flow_run_id(1), 1, State::new(end, StateId(Uuid::nil()), now), now).await.unwrap();
    let newest =
        EventFilter { order: Order::NewestFirst, page: Page::first(1 + ended as u32), ..EventFilter::default() };
    let events = store.events(&newest).await.unwrap();
    let crashed = events.iter().take_while(|event| event.event == "prefect.task-run.Crashed").count();
    assert_eq!(crashed as u64, ended);
    assert_eq!(events.last().map(|event| event.occurred), known.last().map(|(time, ..)| *time));
}

/// Tells of 2,000 orders in three shops, one a microsecond, among the histories of runs.
async fn told(store: &Arc<dyn Store>) -> Vec<Event> {
    fill(store).await;
    let event = |number: u64| {
        let mut event = event(number, number as i64, number.is_multiple_of(100).then_some(1));
        event.event = ["order.placed", "order.paid", "parcel.\"sent\""][number as usize % 3].to_owned();
        event.resource.insert("prefect.resource.id".into(), format!("shop-{}.order.{number}", number % 7));
        event.related.push(related_resource(format!("customer.{}", number % 10), "buyer", Some("Ada")));
        event
    };
    let events: Vec<_> = (1..=2000).map(event).collect();
    store.append_events(events.clone()).await.unwrap();
    events
}

/// What a filter selects is what it says of each event, whichever page and order.
pub(crate) async fn events_are_filtered(store: Arc<dyn Store>) {
    let own = told(&store).await;
    let all = store.events(&EventFilter { page: Page::ALL, ..EventFilter::default() }).await.unwrap();
    assert!(own.iter().all(|event| all.contains(event)));
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let names = |names: EventNames| EventFilter { event: names, ..EventFilter::default() };
    let prefixes = |list: &[&str]| EventNames { prefixes: texts(list), ..EventNames::default() };
    let exact = |list: &[&str]| EventNames { names: texts(list), ..EventNames::default() };
    let ids = |list: &[&str]| ResourceFilter { ids: texts(list), ..ResourceFilter::default() };
    let task_run = all.iter().find(|event| event.event.starts_with("prefect.task-run.")).unwrap().resource_id();
    let one = format!("prefect.flow-run.{}", flow_run_id(1));
    let excluding = EventNames { excluded_names: texts(&["order.paid"]), ..prefixes(&["order.", "parcel."]) };
    let filters = [
        (names(prefixes(&["order."])), 1333),
        (names(prefixes(&["parcel.\"s"])), 667),
        (names(prefixes(&["ORDER."])), 0),
        (names(prefixes(&["parcel.", "prefect.flow-run.Run"])), 669),
        (names(exact(&["order.paid"])), 667),
        (names(exact(&["order.pai"])), 0),
        (names(excluding), 1333),
        (names(EventNames { excluded_prefixes: texts(&["order.", "prefect."]), ..EventNames::default() }), 667),
        (EventFilter { resource: ResourceFilter::id_prefix("shop-3."), ..EventFilter::default() }, 286),
        (EventFilter { resource: ids(&["shop-3.order.3", "shop-3.order.4"]), ..EventFilter::default() }, 1),
        (EventFilter { resource: ids(&[task_run]), ..EventFilter::default() }, 3),
        (EventFilter { related: vec![ids(&["customer.4"])], ..EventFilter::default() }, 200),
        (EventFilter { related: vec![ids(&["customer.0"]), ids(&[&one])], ..EventFilter::default() }, 20),
        (EventFilter { any_resource: vec![ids(&["shop-3.order.3"])], ..EventFilter::default() }, 1),
        (EventFilter { ids: vec![own[4].id, own[7].id], ..EventFilter::default() }, 2),
        (EventFilter { flow_run_id: Some(flow_run_id(1)), ..names(prefixes(&["order.", "parcel."])) }, 20),
    ];
    for (filter, count) in filters {
        let expected: Vec<_> = all.iter().filter(|event| filter.selects(event)).collect();
        if filter.flow_run_id.is_none() {
            assert_eq!(expected.len(), count, "{filter:?}");
        }
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let whole = EventFilter { order, page: Page::ALL, ..filter.clone() };
            let mut whole = store.events(&whole).await.unwrap();
            let middle = EventFilter { order, page: Page { limit: 15, offset: 3 }, ..filter.clone() };
            let middle = store.events(&middle).await.unwrap();
            assert_eq!(middle, whole.iter().skip(3).take(15).cloned().collect::<Vec<_>>(), "{filter:?}");
            if order == Order::NewestFirst {
                whole.reverse();
            }
            assert_eq!(whole.len(), count, "{filter:?}");
            assert!(whole.iter().all(|event| expected.contains(&event)), "{filter:?}");
        }
    }
}
