//! Events of many task runs: pages of them, from either end, are those of the whole history.

use std::sync::Arc;

use flowcore::model::{
    EventFilter, FlowRunId, Order, Page, State, StateId, StateType, TaskRunId, TaskRunRecord, Timestamp,
};
use flowcore::store::Store;
use uuid::Uuid;

use super::flow_runs::{advance, insert};
use crate::model::{at, flow_run, flow_run_id, task_record};

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
                    let filter = EventFilter { flow_run_id, since: millis(since), until: millis(until), order, page };
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
