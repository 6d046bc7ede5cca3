//! Texts and bodies from anybody, made by chance: whatever comes is answered, soon, and never by a failure of the server's.
//!
//! Bodies follow the server's own document, so that most of them get past the first look; what they are made of shrinks, since
//! it is a list of bytes.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::world::World;

/// Within what everything has to be answered.
const SOON: Duration = Duration::from_secs(5);

/// Tries a request for each of many things, and shrinks what fails.
fn try_many<T: std::fmt::Debug>(
    cases: u32,
    things: impl Strategy<Value = T>,
    each: impl AsyncFn(T) -> Result<(), TestCaseError>,
) {
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let handle = Handle::current();
    // The same things each time, so that a test does not fail by chance.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let tried = tokio::task::block_in_place(|| runner.run(&things, |thing| handle.block_on(each(thing))));
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

impl World {
    /// Asks with what nobody has looked at, and gives the answer if it came as it should.
    async fn stands(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), TestCaseError> {
        let asked = || format!("{method} {path} {body:?}");
        let answer = tokio::time::timeout(SOON, self.ask(method.clone(), path, body.clone())).await;
        let answer = answer.map_err(|_| TestCaseError::fail(format!("no answer: {}", asked())))?;
        if answer.0.is_server_error() {
            return Err(TestCaseError::fail(format!("{answer:?}: {}", asked())));
        }
        Ok(answer)
    }
}

/// Texts of all kinds, and such as look like what is asked for.
fn texts(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let part = proptest::sample::select(parts).prop_map(str::to_owned);
    let noise =
        prop_oneof![Just("\u{0}"), Just("'"), Just("\u{1f6a2}"), Just("-"), Just("9"), Just("99999999999999999999")];
    let piece = prop_oneof![4 => part, 1 => noise.prop_map(str::to_owned), 1 => "\\PC{0,3}"];
    prop_oneof![9 => proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()), 1 => "\\PC{0,60}"]
}

/// Makes a value that a schema describes, or nearly, by what the bytes say.
struct Maker<'a> {
    bytes: std::slice::Iter<'a, u8>,
    schemas: &'a Value,
}

impl Maker<'_> {
    fn choose(&mut self, among: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % among.max(1)
    }

    fn make(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > 12 || self.bytes.len() == 0 {
            return Value::Null;
        }
        if self.choose(12) == 11 {
            return self.anything();
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.make(&self.schemas[name], depth + 1);
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            if let Some(parts) = schema[several].as_array() {
                let part = self.choose(parts.len());
                return self.make(parts.get(part).unwrap_or(&Value::Null), depth + 1);
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return values[self.choose(values.len())].clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[self.choose(kinds.len())].as_str(),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => self.object(schema, depth),
            Some("array") => {
                let length = self.choose(4);
                (0..length).map(|_| self.make(&schema["items"], depth + 1)).collect()
            }
            Some("string") if schema["format"] == "uuid" => Uuid::from_u128(self.choose(3) as u128).to_string().into(),
            Some("string") if schema["format"] == "date-time" => {
                ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "2026-02-30"]
                    [self.choose(4)]
                .into()
            }
            Some("boolean") => (self.choose(2) == 1).into(),
            Some("null") => Value::Null,
            _ => self.anything(),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let mut fields = Map::new();
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            if self.choose(3) > 0 {
                fields.insert(name.clone(), self.make(part, depth + 1));
            }
        }
        Value::Object(fields)
    }

    fn anything(&mut self) -> Value {
        let long = "a\u{e4}%_\\'\"".repeat(100);
        [
            json!(0),
            json!("x"),
            json!(-1),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e300),
            json!(long),
            json!("\u{0}"),
            json!(""),
            json!([]),
            json!({}),
            json!([[[{"a": [null]}]]]),
        ][self.choose(12)]
        .clone()
    }
}

pub(crate) async fn filters_of_every_kind_are_answered(world: Arc<World>) {
    let document = world.get("/openapi.json").await;
    let schemas = &document["components"]["schemas"];
    let flow = world.flow("etl").await;
    world.flow_run(json!({"flow_id": flow})).await;
    let mut asking: Vec<(String, Value)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let last = path.rsplit('/').next().unwrap();
        if ["filter", "count", "paginate", "history", "lateness"].contains(&last) && !methods["post"].is_null() {
            let body = methods["post"]["requestBody"]["content"]["application/json"]["schema"].clone();
            asking.push((path.replace("{work_pool_name}", "none").replace("{id}", &Uuid::nil().to_string()), body));
        }
    }
    assert!(asking.len() > 25, "{}", asking.len());
    let whats = (proptest::sample::select(asking), proptest::collection::vec(any::<u8>(), 0..200));
    try_many(600, whats, async |((path, schema), bytes)| {
        let body = Maker { bytes: bytes.iter(), schemas }.make(&schema, 0);
        world.stands(Method::POST, &path, Some(body)).await.map(drop)
    });
}

pub(crate) async fn times_come_back_as_they_are(world: Arc<World>) {
    let seconds = -62_135_596_800_i64..253_402_300_800;
    try_many(100, (seconds, 0..1_000_000_u32, -1439..1440_i32), async |(seconds, micros, offset)| {
        let time = chrono::DateTime::from_timestamp(seconds, micros * 1000).unwrap();
        let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
        let run = Uuid::new_v4().to_string();
        let line = json!({"name": "a", "level": 20, "message": "m", "flow_run_id": run,
            "timestamp": time.with_timezone(&zone).to_rfc3339()});
        let (status, _) = world.stands(Method::POST, "/logs/", Some(json!([line]))).await?;
        if status == StatusCode::CREATED {
            let found = world.post("/logs/filter", json!({"logs": {"flow_run_id": {"any_": [run]}}})).await;
            let back = found[0]["timestamp"].as_str().unwrap();
            proptest::prop_assert_eq!(chrono::DateTime::parse_from_rfc3339(back).unwrap(), time);
        }
        Ok(())
    });
    const PARTS: &[&str] =
        &["2026", "-", "02", "29", "T", " ", ":", "59", "60", ".", "123456789", "Z", "+", "23:59", "z", "now", "1e9"];
    try_many(200, texts(PARTS), async |text| {
        let body = json!({"logs": {"timestamp": {"after_": text}}});
        world.stands(Method::POST, "/logs/filter", Some(body)).await.map(drop)
    });
}

pub(crate) async fn schedules_of_every_kind_are_bounded(world: Arc<World>) {
    let flow = world.flow("etl").await;
    let made = world.post("/deployments/", json!({"flow_id": flow, "name": "it"})).await;
    let path = format!("/deployments/{}", made["id"].as_str().unwrap());
    const CRON: &[&str] = &[
        "*",
        " ",
        "0",
        "5",
        "59",
        "29 2",
        "/",
        "-",
        ",",
        "?",
        "L",
        "W",
        "#",
        "MON",
        "feb",
        "@yearly",
        "H",
        "R",
        " * * *",
        "0 0 30 2 *",
    ];
    const RRULE: &[&str] = &[
        "FREQ=",
        "YEARLY",
        "DAILY",
        "SECONDLY",
        ";",
        "BYDAY=",
        "MO",
        "-1SU",
        ",",
        "BYMONTHDAY=",
        "31",
        "BYMONTH=",
        "2",
        "BYSETPOS=",
        "-1",
        "COUNT=",
        "INTERVAL=",
        "0",
        "UNTIL=",
        "20260101T000000Z",
        "\n",
        "DTSTART:",
        "RRULE:",
        "EXDATE:",
        "BYWEEKNO=",
        "53",
        "BYYEARDAY=366",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "BYEASTER=",
        "WKST=MO",
    ];
    const ZONES: &[&str] = &["UTC", "Europe/Berlin", "America/", "New_York", "+", "01:00", "Etc/GMT", "../", "x"];
    let numbers = prop_oneof![any::<f64>(), Just(1e-9), Just(0.0), Just(-1.0), Just(1e18), (1.0..1e6)];
    let schedules = prop_oneof![
        (texts(CRON), texts(ZONES)).prop_map(|(cron, zone)| json!({"cron": cron, "timezone": zone})),
        texts(CRON).prop_map(|cron| json!({"cron": cron, "day_or": false})),
        (texts(RRULE), texts(ZONES)).prop_map(|(rule, zone)| json!({"rrule": rule, "timezone": zone})),
        texts(RRULE).prop_map(|rule| json!({"rrule": format!("FREQ=DAILY;{rule}")})),
        (numbers, texts(ZONES)).prop_map(|(interval, zone)| json!({"interval": interval, "timezone": zone})),
        any::<f64>()
            .prop_map(|interval| json!({"interval": interval.abs(), "anchor_date": "0001-01-01T00:00:00+23:59"})),
    ];
    try_many(300, schedules, async |schedule| {
        let body = json!([{"schedule": schedule, "active": true, "max_scheduled_runs": 3}]);
        let (status, made) = world.stands(Method::POST, &format!("{path}/schedules"), Some(body)).await?;
        if status != StatusCode::CREATED {
            return Ok(());
        }
        let known = made[0]["schedule"].as_object().unwrap();
        for part in ["cron", "rrule", "timezone"] {
            if let (Some(given), Some(known)) = (schedule[part].as_str(), known.get(part)) {
                // A rule that does not say when it begins is told when.
                let known = known.as_str().unwrap_or_default();
                proptest::prop_assert!(known.contains(given.trim()), "{part}: {known} of {given}");
            }
        }
        world.stands(Method::POST, &format!("{path}/schedule"), Some(json!({"max_runs": 5}))).await?;
        let gone = format!("{path}/schedules/{}", made[0]["id"].as_str().unwrap());
        world.stands(Method::DELETE, &gone, None).await.map(drop)
    });
}

pub(crate) async fn templates_are_bounded(world: Arc<World>) {
    const PARTS: &[&str] = &[
        "{{",
        "}}",
        "{%",
        "%}",
        " for a in ",
        "range(",
        "999999999",
        ")",
        " if ",
        "else",
        "endfor",
        "|upper",
        "event",
        ".resource",
        "[",
        "]",
        "'",
        "{#",
        "#}",
        "raw",
        "-",
        "(((((((((((((((((((((",
        "~",
        "**",
        "set x = ",
        "macro m()",
        "include 'x'",
        "\n",
        "{{ a }}",
        "$",
    ];
    try_many(300, texts(PARTS), async |template| {
        world.stands(Method::POST, "/templates/validate", Some(json!(template))).await?;
        let values = json!({"a": {"__prefect_kind": "jinja", "template": template}, "b": {"__prefect_kind": template}});
        world.stands(Method::POST, "/ui/schemas/validate", Some(json!({"schema": {}, "values": values}))).await?;
        let pool = json!({"job_configuration": {"x": template, "y": [{"z": template}]}, "variables": {"properties": {"a": {}}}});
        let pool = json!({"name": Uuid::new_v4(), "base_job_template": pool});
        world.stands(Method::POST, "/work_pools/", Some(pool)).await.map(drop)
    });
    let deep = "(".repeat(100_000);
    for template in [format!("{{{{ {deep}"), "{% if a %}".repeat(20_000), "{{".repeat(50_000)] {
        world.stands(Method::POST, "/templates/validate", Some(json!(template))).await.unwrap();
    }
}

/// What a schema is made of, so that values and schemas meet.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        proptest::sample::select(vec!["string", "integer", "number", "boolean", "null", "array", "object", "nothing"])
            .prop_map(|kind| json!({"type": kind})),
        proptest::sample::select(vec![
            "#",
            "#/definitions/A",
            "#/definitions/A/properties/a",
            "http://x/y",
            "#/%zz",
            ""
        ])
        .prop_map(|to| json!({"$ref": to})),
        Just(json!({"enum": [1, 1.0, "a", null]})),
        Just(json!({"pattern": "(a*)*b|[", "minLength": -1})),
        Just(json!({"pattern": "(a|aa)+$"})),
        Just(json!({"multipleOf": 0, "minimum": "x"})),
        Just(json!(true)),
        Just(json!(false)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (proptest::sample::select(vec!["anyOf", "oneOf", "allOf"]), proptest::collection::vec(inner.clone(), 0..3))
                .prop_map(|(kind, parts)| json!({kind: parts})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({
                "type": "object", "required": ["a", 1], "properties": {"a": a, "b": b}, "additionalProperties": false
            })),
            inner.clone().prop_map(|items| json!({"type": "array", "items": items, "uniqueItems": true})),
            inner.clone().prop_map(|part| json!({"definitions": {"A": part}, "$ref": "#/definitions/A"})),
            inner.prop_map(|part| json!({"not": part, "patternProperties": {"^a": part}})),
        ]
    })
}

pub(crate) async fn values_and_schemas_are_bounded(world: Arc<World>) {
    let validate = async |schema: &Value, values: &Value| {
        world.stands(Method::POST, "/ui/schemas/validate", Some(json!({"schema": schema, "values": values}))).await
    };
    let values = || {
        let bytes = proptest::collection::vec(any::<u8>(), 0..30);
        bytes.prop_map(|bytes| {
            let mut maker = Maker { bytes: bytes.iter(), schemas: &Value::Null };
            json!({"a": maker.anything(), "b": [maker.anything(), maker.anything()], "": {"a": maker.anything()}})
        })
    };
    try_many(300, (schemas(), values()), async |(schema, values)| validate(&schema, &values).await.map(drop));
    // Each part is looked at twice for one of the part before.
    let mut definitions = Map::new();
    for number in 0..60 {
        let next = json!({"$ref": format!("#/definitions/{}", number + 1)});
        definitions.insert(number.to_string(), json!({"anyOf": [next, next]}));
    }
    definitions.insert("60".to_owned(), json!(false));
    let (status, said) =
        validate(&json!({"$ref": "#/definitions/0", "definitions": definitions}), &json!({})).await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
    let many: Vec<u32> = (0..100_000).collect();
    let unique = json!({"properties": {"a": {"uniqueItems": true}}});
    let (status, said) = validate(&unique, &json!({"a": many})).await.unwrap();
    assert_eq!((status, &said["valid"]), (StatusCode::OK, &json!(true)));
}

pub(crate) async fn page_tokens_are_ours_or_refused(world: Arc<World>) {
    let event = |name: &str| {
        json!({"id": Uuid::new_v4(), "occurred": chrono::Utc::now(), "event": name,
            "resource": {"prefect.resource.id": "shop.1"}})
    };
    world.post("/events", json!([event("a.1"), event("a.2"), event("a.3")])).await;
    let first = world.post("/events/filter", json!({"limit": 1})).await;
    let next = first["next_page"].as_str().unwrap();
    let (address, token) = next.split_once("page-token=").unwrap();
    assert!(address.ends_with("/events/filter/next?"));
    let token = token.to_owned();
    let changed = (0..token.len(), any::<u8>()).prop_map({
        let token = token.clone();
        move |(place, byte)| {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = b"abcXYZ019-_="[usize::from(byte) % 12];
            String::from_utf8(bytes).unwrap()
        }
    });
    try_many(200, prop_oneof![changed, "[A-Za-z0-9_=-]{0,80}"], async |token| {
        let path = format!("/events/filter/next?page-token={token}");
        let (status, answer) = world.stands(Method::GET, &path, None).await?;
        let known = [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::UNPROCESSABLE_ENTITY];
        proptest::prop_assert!(known.contains(&status), "{} {}", status, answer);
        Ok(())
    });
    let (status, second) =
        world.stands(Method::GET, &format!("/events/filter/next?page-token={token}"), None).await.unwrap();
    assert_eq!((status, &second["events"][0]["event"]), (StatusCode::OK, &json!("a.2")));
}
