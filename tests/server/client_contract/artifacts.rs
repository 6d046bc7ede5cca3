//! Artifacts.

use std::sync::Arc;

use flowcore::model::{
    Artifact, ArtifactFilter, ArtifactId, ArtifactKind, ArtifactOrder, ArtifactUpdate, FlowRunId, Page, TaskRunId,
};
use serde_json::json;

use super::Subject;
use super::rows::{id, now};

fn artifact(key: Option<&str>, kind: ArtifactKind, text: &str) -> Artifact {
    Artifact {
        id: ArtifactId(id()),
        key: key.map(str::to_owned),
        kind,
        description: Some(text.to_owned()),
        data: json!(text),
        flow_run_id: None,
        task_run_id: None,
        created: now(),
        updated: now(),
    }
}

pub(super) async fn an_artifact_is_kept_changed_and_deleted(subject: Arc<Subject>) {
    let client = &subject.client;
    let mut made = artifact(Some("report"), ArtifactKind::Markdown, "# One");
    (made.flow_run_id, made.task_run_id) = (Some(FlowRunId(id())), Some(TaskRunId(id())));
    client.put_artifact(made.clone()).await.unwrap();
    let by_id = ArtifactFilter { ids: Some(vec![made.id]), ..ArtifactFilter::default() };
    let [kept] = <[_; 1]>::try_from(client.artifacts(&by_id).await.unwrap()).unwrap();
    assert_eq!((&kept.key, kept.kind, &kept.description), (&made.key, made.kind, &made.description));
    assert_eq!((&kept.data, kept.flow_run_id, kept.task_run_id), (&made.data, made.flow_run_id, made.task_run_id));
    // A server gives the ids of artifacts itself; who made one finds it by its own.
    assert_eq!(kept.id == made.id, !subject.is_server());
    let update = ArtifactUpdate { data: Some(json!("# Two")), description: None };
    let changed = client.update_artifact(made.id, update.clone()).await.unwrap().unwrap();
    assert_eq!((changed.data, changed.description), (json!("# Two"), made.description.clone()));
    // Put once more it is replaced.
    client.put_artifact(Artifact { data: json!("# Three"), ..made.clone() }).await.unwrap();
    assert_eq!(client.artifacts(&by_id).await.unwrap()[0].data, json!("# Three"));
    assert_eq!(client.artifacts(&ArtifactFilter::default()).await.unwrap().len(), 1);
    assert!(client.update_artifact(ArtifactId(id()), update).await.unwrap().is_none());

    assert_eq!(client.delete_artifacts(&made.id.into()).await.unwrap(), 1);
    assert_eq!(client.delete_artifacts(&made.id.into()).await.unwrap(), 0);
    for text in ["a", "b"] {
        client.put_artifact(artifact(Some("report"), ArtifactKind::Markdown, text)).await.unwrap();
    }
    client.put_artifact(artifact(Some("other"), ArtifactKind::Markdown, "c")).await.unwrap();
    assert_eq!(client.delete_artifacts(&"report".into()).await.unwrap(), 2);
    assert_eq!(client.artifacts(&ArtifactFilter::default()).await.unwrap().len(), 1);
}

pub(super) async fn artifacts_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let (run, task) = (FlowRunId(id()), TaskRunId(id()));
    let made = [
        Artifact { flow_run_id: Some(run), ..artifact(Some("day-report"), ArtifactKind::Markdown, "one") },
        Artifact { task_run_id: Some(task), ..artifact(Some("day-report"), ArtifactKind::Markdown, "two") },
        artifact(None, ArtifactKind::Progress, "three"),
        artifact(Some("picture"), ArtifactKind::Image, "four"),
    ];
    for artifact in &made {
        client.put_artifact(artifact.clone()).await.unwrap();
    }
    let all = ArtifactFilter::default;
    for (filter, expected) in [
        (all(), &["four", "three", "two", "one"][..]),
        (ArtifactFilter { page: Page { limit: 2, offset: 1 }, ..all() }, &["three", "two"]),
        (ArtifactFilter { keys: Some(vec!["day-report".to_owned()]), ..all() }, &["two", "one"]),
        (ArtifactFilter { key_like: Some("report".to_owned()), ..all() }, &["two", "one"]),
        (ArtifactFilter { keyed: Some(false), ..all() }, &["three"]),
        // Of one key there is one; what is equal is in the order of the server's.
        (ArtifactFilter { latest: true, order: ArtifactOrder::KeyReversed, ..all() }, &["four", "two"]),
        (ArtifactFilter { latest: true, order: ArtifactOrder::Key, ..all() }, &["two", "four"]),
        (ArtifactFilter { keyed: Some(true), ..all() }, &["four", "two", "one"]),
        (ArtifactFilter { flow_run_ids: Some(vec![run]), ..all() }, &["one"]),
        (ArtifactFilter { task_run_ids: Some(vec![task]), ..all() }, &["two"]),
        (
            ArtifactFilter { kinds: Some(vec![ArtifactKind::Image, ArtifactKind::Progress]), ..all() },
            &["four", "three"],
        ),
        (ArtifactFilter { not_kinds: Some(vec![ArtifactKind::Markdown]), ..all() }, &["four", "three"]),
        (ArtifactFilter { latest: true, ..all() }, &["four", "two"]),
        (ArtifactFilter { latest: true, ids: Some(vec![made[0].id]), ..all() }, &[]),
        (ArtifactFilter { latest: true, ids: Some(vec![made[1].id]), ..all() }, &["two"]),
    ] {
        let found = client.artifacts(&filter).await.unwrap();
        let found: Vec<_> = found.iter().map(|artifact| artifact.data.as_str().unwrap()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
