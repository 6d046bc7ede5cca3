//! Events: taking them in, finding and counting them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use flowcore::model::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::ApiError;
use crate::events::{
    CountError, Countable, EventBody, EventCount, PageToken, ReceivedEvent, TimeUnit, count, count_by, page,
};
use crate::extract::{Body, Path, Query, within};
use crate::filter::EventFilter;
use crate::recorder::record;
use crate::routes::{Routes, op};
use crate::state::App;

/// How many events a page has at most.
const PAGE: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::new(&["Events"])
        .post("/events", op("create_events", create).gives(StatusCode::NO_CONTENT))
        .post("/events/filter", op("read_events", list))
        .get("/events/filter/next", op("read_account_events_page", next))
        .post("/events/count-by/{countable}", op("count_account_events", count_events))
}

/// Takes events in. When it is answered they are committed.
async fn create(State(app): State<App>, Body(events): Body<Vec<EventBody>>) -> Result<StatusCode, ApiError> {
    record(&app, events).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    filter: Option<EventFilter>,
    #[serde(default = "most", deserialize_with = "a_page")]
    #[schemars(range(min = 0, max = 50))]
    limit: u32,
}

fn most() -> u32 {
    PAGE
}

fn a_page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 0..=PAGE)
}

/// A page of events, and where the next one is.
#[derive(Serialize, JsonSchema)]
struct EventPage {
    events: Vec<ReceivedEvent>,
    total: u64,
    next_page: Option<String>,
}

async fn list(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Body(list): Body<List>,
) -> Result<Json<EventPage>, ApiError> {
    let page_size = list.limit;
    let filter = checked(list.filter.unwrap_or_default())?.fixed(app.now());
    let events = page(&*app.store, &filter, Page::first(page_size), app.now()).await?;
    // A page that is not full has all there is.
    let is_all = events.len() < page_size as usize;
    let count = if is_all { events.len() as u64 } else { count(&*app.store, &filter).await? };
    let next = PageToken { filter, count, page_size, offset: page_size };
    Ok(Json(told(events, next, &uri, &headers)))
}

#[derive(Deserialize, JsonSchema)]
struct Next {
    #[serde(rename = "page-token")]
    token: String,
}

async fn next(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Query(Next { token }): Query<Next>,
) -> Result<Json<EventPage>, ApiError> {
    let Some(token) = PageToken::decode(&token) else {
        return Err(ApiError::Refused(StatusCode::FORBIDDEN, "Forbidden".to_owned()));
    };
    let limit = token.page_size.min(PAGE);
    let events = page(&*app.store, &token.filter, Page { limit, offset: token.offset }, app.now()).await?;
    let next = PageToken { offset: token.offset.saturating_add(limit), ..token };
    Ok(Json(told(events, next, &uri, &headers)))
}

fn told(events: Vec<flowcore::model::Event>, next: PageToken, uri: &Uri, headers: &HeaderMap) -> EventPage {
    let total = next.count;
    let more = next.page_size > 0 && u64::from(next.offset) < total;
    let next_page = more.then(|| next_page(&next, uri, headers)).flatten();
    EventPage { events: events.into_iter().map(ReceivedEvent::from).collect(), total, next_page }
}

/// Makes the address of a page, as the client knows the server.
fn next_page(next: &PageToken, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text("x-forwarded-proto").unwrap_or("http");
    let host = text("x-forwarded-host").or_else(|| text(header::HOST.as_str()))?;
    let path = uri.path().trim_end_matches('/').trim_end_matches("/next");
    Some(format!("{scheme}://{host}{path}/next?page-token={}", next.encode()?))
}

#[derive(Deserialize, JsonSchema)]
struct CountBy {
    filter: EventFilter,
    #[serde(default)]
    time_unit: TimeUnit,
    #[serde(default = "one", deserialize_with = "hundredth")]
    #[schemars(range(min = 0.01))]
    time_interval: f64,
}

fn one() -> f64 {
    1.0
}

fn hundredth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.01..)
}

async fn count_events(
    State(app): State<App>,
    Path(countable): Path<Countable>,
    Body(body): Body<CountBy>,
) -> Result<Json<Vec<EventCount>>, ApiError> {
    let now = app.now();
    let filter = checked(body.filter)?.fixed(now);
    match count_by(&*app.store, &filter, countable, body.time_unit, body.time_interval, now).await {
        Ok(counts) => Ok(Json(counts)),
        Err(CountError::Refused(why)) => Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why)),
        Err(CountError::Store(error)) => Err(error.into()),
    }
}

fn checked(filter: EventFilter) -> Result<EventFilter, ApiError> {
    match filter.problem() {
        None => Ok(filter),
        Some(problem) => {
            let place = ["filter".into(), "text".into(), "query".into()];
            Err(ApiError::invalid("string_too_long", &place, problem, serde_json::Value::Null))
        }
    }
}
