//! Spans of runs as OpenTelemetry exports them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use flowcore::{Engine, Error, Result, current, each, flow, task};
use opentelemetry::trace::{SpanId, Status, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Gives the exporter that all spans of this program go to.
fn exporter() -> &'static InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("flowcore"));
        tracing_subscriber::registry().with(layer).init();
        exporter
    })
}

/// Lists the spans of the trace that the span of this flow is in, by their names.
fn spans(flow: &str) -> BTreeMap<String, SpanData> {
    let all = exporter().get_finished_spans().unwrap();
    let trace = all.iter().find(|span| attribute(span, "prefect.flow.name") == flow).unwrap().span_context.trace_id();
    let of_trace = all.into_iter().filter(|span| span.span_context.trace_id() == trace);
    of_trace.map(|span| (span.name.to_string(), span)).collect()
}

fn attribute(span: &SpanData, name: &str) -> String {
    span.attributes.iter().find(|pair| pair.key.as_str() == name).map(|pair| pair.value.to_string()).unwrap_or_default()
}

fn parent<'a>(spans: &'a BTreeMap<String, SpanData>, name: &str) -> &'a str {
    let id = spans[name].parent_span_id;
    if id == SpanId::INVALID {
        return "";
    }
    spans.iter().find(|(_, span)| span.span_context.span_id() == id).map_or("?", |(name, _)| name)
}

#[task(tags = ["t"])]
async fn leaf(name: String) -> Result<String> {
    tracing::info!("inside of a leaf");
    if name == "bad" { Err(Error::msg("it is bad")) } else { Ok(name) }
}

#[task]
fn plain() {
    let _own = tracing::info_span!("own").entered();
    tracing::info!("on a thread");
}

#[tokio::test]
async fn runs_are_spans_with_their_ends_inside_of_one_another() {
    #[task]
    async fn branch() -> Result<()> {
        leaf("awaited").task_run_name("awaited").await?;
        Ok(leaf("below").task_run_name("below").submit().await.map(drop)?)
    }

    #[flow(flow_run_name = "subflow")]
    async fn inner() -> Result<()> {
        plain().task_run_name("plain").await?;
        current::spawn(async { leaf("spawned").task_run_name("spawned").await }).await??;
        Ok(())
    }

    #[flow(flow_run_name = "trunk", tags = ["f"])]
    async fn traced() -> Result<()> {
        branch().task_run_name("branch").submit().await?;
        leaf::map(each(["one".to_owned(), "two".to_owned()])).task_run_name("mapped {name}").await?;
        inner().await?;
        assert!(leaf("bad").task_run_name("bad").retries(2).await.is_err());
        Ok(())
    }

    exporter();
    let run = async {
        let span = tracing::info_span!("request");
        tracing::Instrument::instrument(traced().on(&Engine::memory()).into_future(), span).await
    };
    run.await.unwrap();
    let spans = spans("traced");
    let parents = [
        ("trunk", "request"),
        ("branch", "trunk"),
        ("awaited", "branch"),
        ("below", "branch"),
        ("mapped one", "trunk"),
        ("mapped two", "trunk"),
        ("subflow", "trunk"),
        ("plain", "subflow"),
        ("own", "plain"),
        ("spawned", "subflow"),
        ("bad", "trunk"),
        ("request", ""),
    ];
    for (name, above) in parents {
        assert_eq!(parent(&spans, name), above, "{name}");
    }
    assert_eq!(spans.len(), parents.len(), "{:?}", spans.keys());
    for name in ["trunk", "subflow", "branch", "plain", "spawned"] {
        assert_eq!(spans[name].status, Status::Ok, "{name}");
    }
    let bad = &spans["bad"];
    assert!(matches!(&bad.status, Status::Error { description } if description.starts_with("Failed: ")), "{bad:?}");
    let of = |span: &SpanData| ["type", "count"].map(|name| attribute(span, &format!("prefect.run.{name}")));
    assert_eq!((of(bad), of(&spans["trunk"])), (["task", "3"].map(str::to_owned), ["flow", "1"].map(str::to_owned)));
    assert_eq!(attribute(bad, "prefect.tags"), "t,f");
    assert_eq!(bad.events.iter().filter(|event| event.name == "inside of a leaf").count(), 3, "one an attempt");
    assert!(attribute(&spans["trunk"], "prefect.run.id").len() == 36);
}

#[tokio::test]
async fn a_flow_that_fails_is_a_span_that_says_so() {
    #[flow(flow_run_name = "stump")]
    async fn traced_failing() -> Result<()> {
        Err(Error::msg("no tree"))
    }

    exporter();
    traced_failing().retries(1).on(&Engine::memory()).await.unwrap_err();
    let spans = spans("traced-failing");
    let stump = &spans["stump"];
    assert!(matches!(&stump.status, Status::Error { description } if description.contains("no tree")), "{stump:?}");
    assert_eq!((attribute(stump, "prefect.run.count"), parent(&spans, "stump")), ("2".to_owned(), ""));
}
