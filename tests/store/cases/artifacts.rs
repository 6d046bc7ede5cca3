//! Artifacts: versions of a key, changes, ends.

use std::sync::Arc;

use flowcore::model::{
    Artifact, ArtifactFilter, ArtifactId, ArtifactKind, ArtifactOrder, ArtifactSelector, ArtifactUpdate, IdRange, Page,
};
use flowcore::store::Store;
use serde_json::json;

use crate::model::{artifact, at, flow_run_id, id, task_run_id};

async fn put(store: &Arc<dyn Store>, rows: &[Artifact]) {
    for row in rows {
        store.put_artifact(row.clone()).await.unwrap();
    }
}

async fn listed(store: &Arc<dyn Store>, filter: ArtifactFilter) -> Vec<u64> {
    let artifacts = store.artifacts(&filter).await.unwrap();
    artifacts.into_iter().map(|artifact| artifact.id.0.as_u64_pair().1 & 0xffff).collect()
}

fn artifact_id(number: u64) -> ArtifactId {
    ArtifactId(id(7, number))
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

pub(crate) async fn artifacts_are_listed_newest_first(store: Arc<dyn Store>) {
    let rows = [
        artifact(1, Some("rows"), Some(1)),
        artifact(2, Some("rows"), Some(2)),
        artifact(3, Some("plot"), Some(1)),
        artifact(4, None, Some(1)),
        artifact(5, None, None),
    ];
    put(&store, &rows).await;
    let none = ArtifactFilter::default;
    assert_eq!(listed(&store, none()).await, [5, 4, 3, 2, 1]);
    assert_eq!(listed(&store, ArtifactFilter { page: Page { limit: 2, offset: 1 }, ..none() }).await, [4, 3]);
    assert_eq!(listed(&store, ArtifactFilter::of_key("rows")).await, [2, 1]);
    assert_eq!(store.artifacts(&ArtifactFilter { page: Page::first(1), ..none() }).await.unwrap(), [rows[4].clone()]);
}

pub(crate) async fn an_artifact_is_replaced(store: Arc<dyn Store>) {
    let mut new = artifact(1, Some("progress"), None);
    put(&store, &[new.clone()]).await;
    new.data = json!(0.75);
    new.updated = at(1000);
    put(&store, &[new.clone()]).await;
    assert_eq!(store.artifacts(&ArtifactFilter::default()).await.unwrap(), [new]);
}

pub(crate) async fn artifacts_are_found_by_ids(store: Arc<dyn Store>) {
    put(&store, &[1, 2, 3, 4].map(|number| artifact(number, Some("rows"), Some(1)))).await;
    let range = |from, to| Some(IdRange { from: id(7, from), to: id(7, to) });
    let none = ArtifactFilter::default;
    assert_eq!(listed(&store, ArtifactFilter { id_range: range(2, 3), ..none() }).await, [3, 2]);
    assert_eq!(listed(&store, ArtifactFilter { id_range: range(5, 9), ..none() }).await, [0; 0]);
    let ids = Some(vec![artifact_id(4), artifact_id(1), artifact_id(9)]);
    assert_eq!(listed(&store, ArtifactFilter { ids, ..none() }).await, [4, 1]);
    assert_eq!(listed(&store, ArtifactFilter::of_id(artifact_id(2))).await, [2]);
}

pub(crate) async fn artifacts_are_filtered(store: Arc<dyn Store>) {
    let of_task = |row: Artifact| Artifact { task_run_id: Some(task_run_id(1)), ..row };
    let rows = [
        artifact(1, Some("report-a"), Some(1)),
        of_task(artifact(2, Some("report-b"), Some(2))),
        Artifact { kind: ArtifactKind::Image, ..artifact(3, None, Some(3)) },
        Artifact { kind: ArtifactKind::Progress, ..of_task(artifact(4, Some("plot"), None)) },
    ];
    put(&store, &rows).await;
    let none = ArtifactFilter::default;
    let keys = texts(&["plot", "report-a", "none"]);
    assert_eq!(listed(&store, ArtifactFilter { keys, ..none() }).await, [4, 1]);
    assert_eq!(listed(&store, ArtifactFilter { key_like: Some("PORT-".into()), ..none() }).await, [2, 1]);
    assert_eq!(listed(&store, ArtifactFilter { keyed: Some(true), ..none() }).await, [4, 2, 1]);
    assert_eq!(listed(&store, ArtifactFilter { keyed: Some(false), ..none() }).await, [3]);
    let flow_run_ids = Some(vec![flow_run_id(3), flow_run_id(1)]);
    assert_eq!(listed(&store, ArtifactFilter { flow_run_ids, ..none() }).await, [3, 1]);
    let task_run_ids = Some(vec![task_run_id(1)]);
    assert_eq!(listed(&store, ArtifactFilter { task_run_ids, ..none() }).await, [4, 2]);
    let some = || Some(vec![ArtifactKind::Image, ArtifactKind::Table]);
    assert_eq!(listed(&store, ArtifactFilter { kinds: some(), ..none() }).await, [3, 2, 1]);
    assert_eq!(listed(&store, ArtifactFilter { not_kinds: some(), ..none() }).await, [4]);
    let both = ArtifactFilter { kinds: some(), key_like: Some("b".into()), ..none() };
    assert_eq!(listed(&store, both).await, [2]);
}

pub(crate) async fn the_latest_is_the_newest_of_all(store: Arc<dyn Store>) {
    let rows = [
        artifact(1, Some("rows"), Some(1)),
        artifact(2, Some("rows"), Some(2)),
        artifact(3, Some("plot"), Some(1)),
        artifact(4, None, Some(1)),
        // Made at one time: the ids decide.
        artifact(7, Some("twice"), None),
        Artifact { id: artifact_id(6), ..artifact(7, Some("twice"), None) },
    ];
    put(&store, &rows).await;
    let latest = || ArtifactFilter { latest: true, ..ArtifactFilter::default() };
    assert_eq!(listed(&store, latest()).await, [7, 3, 2]);
    assert_eq!(listed(&store, ArtifactFilter { keys: texts(&["rows"]), ..latest() }).await, [2]);
    let of_one = ArtifactFilter { flow_run_ids: Some(vec![flow_run_id(1)]), ..latest() };
    assert_eq!(listed(&store, of_one).await, [3], "its version of `rows` is not the latest");
    // An earlier version does not become the latest by being changed.
    let update = ArtifactUpdate { data: Some(json!([])), description: None };
    assert!(store.update_artifact(artifact_id(1), update, at(99)).await.unwrap().is_some());
    assert_eq!(listed(&store, latest()).await, [7, 3, 2]);
    // It does when the later ones are gone.
    assert_eq!(store.delete_artifacts(&artifact_id(2).into()).await.unwrap(), 1);
    assert_eq!(listed(&store, latest()).await, [7, 3, 1]);
}

pub(crate) async fn artifacts_are_ordered(store: Arc<dyn Store>) {
    let rows = [
        Artifact { created: at(9), updated: at(20), ..artifact(1, Some("b"), None) },
        Artifact { updated: at(30), ..artifact(2, Some("a"), None) },
        Artifact { updated: at(20), ..artifact(3, None, None) },
        Artifact { updated: at(10), ..artifact(4, Some("b"), None) },
    ];
    put(&store, &rows).await;
    let by = |order| ArtifactFilter { order, ..ArtifactFilter::default() };
    assert_eq!(listed(&store, by(ArtifactOrder::Newest)).await, [1, 4, 3, 2]);
    assert_eq!(listed(&store, by(ArtifactOrder::LastUpdated)).await, [2, 1, 3, 4]);
    assert_eq!(listed(&store, by(ArtifactOrder::IdReversed)).await, [4, 3, 2, 1]);
    assert_eq!(listed(&store, by(ArtifactOrder::Key)).await, [2, 1, 4, 3]);
    assert_eq!(listed(&store, by(ArtifactOrder::KeyReversed)).await, [1, 4, 2, 3]);
}

pub(crate) async fn an_artifact_is_changed(store: Arc<dyn Store>) {
    let (first, other) = (artifact(1, Some("rows"), Some(1)), artifact(2, Some("rows"), Some(1)));
    put(&store, &[first.clone(), other.clone()]).await;
    let update = ArtifactUpdate { data: Some(json!(null)), description: None };
    let changed = Artifact { data: json!(null), updated: at(50), ..first.clone() };
    assert_eq!(store.update_artifact(first.id, update, at(50)).await.unwrap(), Some(changed.clone()));
    let update = ArtifactUpdate { data: None, description: Some("Done".into()) };
    let changed = Artifact { description: Some("Done".into()), updated: at(60), ..changed };
    assert_eq!(store.update_artifact(first.id, update.clone(), at(60)).await.unwrap(), Some(changed.clone()));
    assert_eq!(store.update_artifact(artifact_id(9), update, at(60)).await.unwrap(), None);
    assert_eq!(store.artifacts(&ArtifactFilter::default()).await.unwrap(), [other, changed]);
}

pub(crate) async fn artifacts_are_deleted_by_id_and_by_key(store: Arc<dyn Store>) {
    let rows = [(1, Some("rows")), (2, Some("rows")), (3, None), (4, Some("plot")), (5, Some("rows"))];
    put(&store, &rows.map(|(number, key)| artifact(number, key, Some(1)))).await;
    assert_eq!(store.delete_artifacts(&ArtifactSelector::Id(artifact_id(2))).await.unwrap(), 1);
    assert_eq!(store.delete_artifacts(&ArtifactSelector::Id(artifact_id(2))).await.unwrap(), 0);
    assert_eq!(listed(&store, ArtifactFilter::default()).await, [5, 4, 3, 1]);
    assert_eq!(store.delete_artifacts(&"rows".into()).await.unwrap(), 2);
    assert_eq!(store.delete_artifacts(&"rows".into()).await.unwrap(), 0);
    assert_eq!(listed(&store, ArtifactFilter::default()).await, [4, 3]);
}
