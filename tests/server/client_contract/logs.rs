//! Log lines.

use std::sync::Arc;

use chrono::TimeDelta;
use flowcore::model::{FlowRunId, LogFilter, LogId, LogLevel, LogLine, Order, Page, TaskRunId};
use serde_json::{Map, json};

use super::Subject;
use super::rows::{id, now};

fn line(level: LogLevel, message: &str) -> LogLine {
    LogLine {
        id: LogId(id()),
        timestamp: now(),
        level,
        logger: "etl::load".to_owned(),
        message: message.to_owned(),
        fields: Map::new(),
        flow_run_id: None,
        task_run_id: None,
    }
}

pub(super) async fn log_lines_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let (run, task) = (FlowRunId(id()), TaskRunId(id()));
    let begun = now();
    let words = [
        (LogLevel::Debug, "one", Some(run), None),
        (LogLevel::Info, "two", Some(run), Some(task)),
        (LogLevel::Warning, "three", None, Some(task)),
        (LogLevel::Error, "four", Some(run), None),
    ];
    let lines = words.into_iter().zip(0..).map(|((level, message, flow_run_id, task_run_id), number)| LogLine {
        timestamp: begun + TimeDelta::milliseconds(number),
        flow_run_id,
        task_run_id,
        ..line(level, message)
    });
    client.append_logs(lines.collect()).await.unwrap();
    let all = LogFilter::default;
    for (filter, expected) in [
        (all(), &["one", "two", "three", "four"][..]),
        (LogFilter { flow_run_id: Some(run), ..all() }, &["one", "two", "four"]),
        (LogFilter { task_run_id: Some(task), ..all() }, &["two", "three"]),
        (LogFilter { level: Some(LogLevel::Warning), ..all() }, &["three", "four"]),
        (LogFilter { order: Order::NewestFirst, page: Page { limit: 2, offset: 1 }, ..all() }, &["three", "two"]),
    ] {
        let found = client.logs(&filter).await.unwrap();
        assert_eq!(found.iter().map(|line| &*line.message).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

pub(super) async fn what_a_line_says_is_kept(subject: Arc<Subject>) {
    let client = &subject.client;
    let mut said = line(LogLevel::Other(25), "all of it: é \u{1f980} \" \\ \n");
    said.flow_run_id = Some(FlowRunId(id()));
    said.fields.insert("rows".to_owned(), json!(7));
    client.append_logs(vec![said.clone()]).await.unwrap();
    let [kept] = <[_; 1]>::try_from(client.logs(&LogFilter::default()).await.unwrap()).unwrap();
    assert_eq!((kept.level, &kept.logger, kept.timestamp), (said.level, &said.logger, said.timestamp));
    assert_eq!((kept.flow_run_id, kept.text()), (said.flow_run_id, said.text()));
    // Prefect's API has no fields, so that they are written behind the message; and a server names the lines.
    assert_eq!(kept.fields == said.fields && kept.id == said.id, !subject.is_server());
    let long = line(LogLevel::Info, &"a".repeat(2_000_000));
    client.append_logs(vec![long.clone()]).await.unwrap();
    let all = LogFilter { level: Some(LogLevel::Info), page: Page::ALL, ..LogFilter::default() };
    let kept = client.logs(&all).await.unwrap();
    let kept = kept.iter().find(|line| line.message.starts_with("aaa")).unwrap();
    // A server takes no line of more than a million bytes.
    assert_eq!(kept.message == long.message, !subject.is_server());
    assert!(kept.message.len() > 800_000 && (!subject.is_server() || kept.message.ends_with("(truncated)")));
}
