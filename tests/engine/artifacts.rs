//! Artifacts as programs use them: in runs, outside of them, in plain functions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowcore::artifact::ArtifactError;
use flowcore::model::{ArtifactFilter, ArtifactId, ArtifactKind};
use flowcore::store::Store;
use flowcore::{Result, artifact, flow, task};

use crate::world::World;

pub(crate) async fn artifacts_of_each_kind_are_kept(store: Arc<dyn Store>) {
    #[derive(serde::Serialize)]
    struct Row {
        name: &'static str,
        size: u8,
    }

    #[task]
    async fn show() -> Result<()> {
        artifact::markdown("# Title").key("text").description("A title.").save().await?;
        artifact::table(&[Row { name: "a", size: 1 }]).key("rows").save().await?;
        artifact::link("https://example.org", "there").key("there").save().await?;
        artifact::progress(12.5).save().await?;
        artifact::image("https://example.org/a.png").key("image-1").save().await?;
        Ok(())
    }

    #[flow]
    async fn showing() -> Result<Vec<String>> {
        show().await?;
        artifact::markdown("of the flow").key("flow").save().await?;
        let bad = [artifact::progress(100.5).save().await, artifact::markdown("").key("Bad Key").save().await];
        Ok(bad.into_iter().map(|result| result.map_or_else(|error| error.to_string(), |id| id.to_string())).collect())
    }

    let world = World::on(store);
    let errors = showing().on(&world.engine).await.unwrap();
    assert!(errors[0].contains("from 0 to 100 percent") && errors[1].contains("no artifact key"), "{errors:?}");
    let (flow, task) = (world.flow_run("showing").await.id, world.task_run("show-0").await.id);
    let kept =
        world.client.artifacts(&ArtifactFilter { flow_run_ids: Some(vec![flow]), ..ArtifactFilter::default() }).await;
    let kept: BTreeMap<_, _> = kept.unwrap().into_iter().map(|kept| (kept.key.clone(), kept)).collect();
    let content: Vec<_> =
        kept.values().map(|kept| (kept.key.as_deref(), kept.kind, kept.data.clone(), kept.task_run_id)).collect();
    let text = |text: &str| serde_json::Value::from(text);
    assert_eq!(
        content,
        [
            (None, ArtifactKind::Progress, 12.5.into(), Some(task)),
            (Some("flow"), ArtifactKind::Markdown, text("of the flow"), None),
            (Some("image-1"), ArtifactKind::Image, text("https://example.org/a.png"), Some(task)),
            (Some("rows"), ArtifactKind::Table, text(r#"[{"name":"a","size":1}]"#), Some(task)),
            (Some("text"), ArtifactKind::Markdown, text("# Title"), Some(task)),
            (Some("there"), ArtifactKind::Markdown, text("[there](https://example.org)"), Some(task)),
        ]
    );
    assert_eq!(kept[&Some("text".to_owned())].description.as_deref(), Some("A title."));
}

/// Works in another run than the one that the artifact is of.
#[task]
fn advance(bar: ArtifactId, percent: f64) -> Result<()> {
    artifact::progress(percent).update(bar).blocking()?;
    Ok(())
}

#[flow]
async fn showing_progress() -> Result<ArtifactId> {
    let bar = artifact::progress(0.0).key("load").description("Loading").save().await?;
    advance(bar, 50.0).await?;
    advance(bar, 75.0).await?;
    Ok(bar)
}

pub(crate) async fn an_artifact_changes_while_it_is_the_same_version(store: Arc<dyn Store>) {
    let world = World::on(store);
    let engine = &world.engine;
    let bar = showing_progress().on(engine).await.unwrap();
    let kept = artifact::latest("load").on(engine).await.unwrap().unwrap();
    assert_eq!((kept.id, &kept.data, kept.description.as_deref()), (bar, &75.0.into(), Some("Loading")));
    assert_eq!((kept.flow_run_id, kept.task_run_id), (Some(world.flow_run("showing-progress").await.id), None));
    world.clock.advance(Duration::from_secs(1));
    let done = artifact::progress(100.0).description("Loaded").update(bar).on(engine).await.unwrap();
    assert_eq!((&done.data, done.description.as_deref(), done.created), (&100.0.into(), Some("Loaded"), kept.created));
    assert!(done.updated > kept.updated);
    assert_eq!(artifact::list(ArtifactFilter::default()).on(engine).await.unwrap(), [done]);
}

pub(crate) async fn artifacts_of_one_key_are_versions(store: Arc<dyn Store>) {
    let world = World::on(store);
    let engine = &world.engine;
    for text in ["first", "second", "third"] {
        // Outside of runs.
        artifact::markdown(text).key("report").save().on(engine).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let other = artifact::markdown("other").save().on(engine).await.unwrap();
    let versions = artifact::list(ArtifactFilter::of_key("report")).on(engine).await.unwrap();
    let texts: Vec<_> = versions.iter().filter_map(|version| version.data.as_str()).collect();
    assert_eq!(texts, ["third", "second", "first"]);
    assert!(versions.iter().all(|version| version.flow_run_id.is_none()));
    assert_eq!(artifact::latest("report").on(engine).await.unwrap().as_ref(), versions.first());
    assert_eq!(artifact::delete(versions[0].id).on(engine).await.unwrap(), 1);
    assert_eq!(artifact::latest("report").on(engine).await.unwrap().as_ref(), versions.get(1));
    assert_eq!(artifact::delete("report").on(engine).await.unwrap(), 2);
    assert_eq!(artifact::latest("report").on(engine).await.unwrap(), None);
    assert_eq!(artifact::delete(other).on(engine).await.unwrap(), 1);
}

#[tokio::test]
async fn what_cannot_be_changed_is_told() {
    let world = World::memory();
    let engine = &world.engine;
    let rows = artifact::table(&[1]).key("rows").save().on(engine).await.unwrap();
    let error = artifact::progress(1.0).update(rows).on(engine).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Kind { id, is: "table", wanted: "progress" } if id == rows));
    let error = artifact::table(&[2]).key("others").update(rows).on(engine).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Rekeyed));
    assert_eq!(artifact::delete(rows).on(engine).await.unwrap(), 1);
    let error = artifact::table(&[2]).update(rows).on(engine).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Missing(id) if id == rows));
}
