//! What a run leaves for people: log lines, events, names, tags; and the hooks that are told of it.

use std::sync::{Arc, Mutex};

use flowcore::model::{EventFilter, LogLevel, Page};
use flowcore::store::Store;
use flowcore::{Error, HookEvent, Result, current, flow, task};

use crate::world::World;

pub(crate) async fn log_lines_are_kept_with_their_runs(store: Arc<dyn Store>) {
    #[derive(Debug)]
    #[expect(dead_code, reason = "shown")]
    struct Shown(u8);

    #[task]
    async fn talk() {
        tracing::error!(target: "loud", code = 7, half = 0.5, nan = f64::NAN, no = false, name = "x", shown = ?Shown(1), "it is {}", "said");
        tracing::warn!("warned");
        tokio::spawn(async { tracing::warn!("outside of everything") }).await.unwrap();
    }

    #[task]
    fn talk_plainly() {
        tracing::trace!("traced");
        tracing::debug!("debugged");
    }

    #[flow]
    async fn talking() -> Result<()> {
        tracing::info!("informed");
        talk().await?;
        talk_plainly().submit().await?;
        Ok(())
    }

    let world = World::on(store);
    talking().on(&world.engine).await.unwrap();
    tracing::warn!("after the run");
    let run = world.flow_run("talking").await;
    let (talk, plain) = (world.task_run("talk-0").await.id, world.task_run("talk_plainly-0").await.id);
    let lines = world.logs().await;
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.level, line.message.as_str(), line.task_run_id, line.flow_run_id == Some(run.id)))
        .collect();
    let begin = format!("Beginning flow run '{}' of flow 'talking'", run.name);
    assert_eq!(
        seen,
        [
            (LogLevel::Info, &*begin, None, true),
            (LogLevel::Info, "informed", None, true),
            (LogLevel::Error, "it is said", Some(talk), true),
            (LogLevel::Warning, "warned", Some(talk), true),
            (LogLevel::Trace, "traced", Some(plain), true),
            (LogLevel::Debug, "debugged", Some(plain), true),
            (LogLevel::Info, "Finished in state Completed", None, true),
        ]
    );
    assert_eq!((&*lines[2].logger, &*lines[1].logger), ("loud", module_path!()));
    let fields =
        serde_json::json!({ "code": 7, "half": 0.5, "name": "x", "nan": "NaN", "no": false, "shown": "Shown(1)" });
    assert_eq!(serde_json::Value::Object(lines[2].fields.clone()), fields);
    assert_eq!(lines[2].text(), "it is said code=7 half=0.5 name=x nan=NaN no=false shown=Shown(1)");
    assert!(lines[1].fields.is_empty());
}

#[task]
async fn once_bad(name: String) -> Result<String> {
    if current::attempt() == Some(1) { Err(Error::msg("bad")) } else { Ok(name) }
}

pub(crate) async fn every_change_of_state_is_an_event(store: Arc<dyn Store>) {
    #[flow]
    async fn eventful() -> Result<String> {
        Ok(once_bad("x").retries(1).await?)
    }

    let world = World::on(store);
    eventful().on(&world.engine).await.unwrap();
    let run = world.flow_run("eventful").await;
    let filter = EventFilter { flow_run_id: Some(run.id), page: Page::ALL, ..EventFilter::default() };
    let events = world.client.events(&filter).await.unwrap();
    let of = |what: &str| {
        let names = events.iter().filter_map(|event| event.event.strip_prefix(what));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("prefect.flow-run."), ["Pending", "Running", "Completed"]);
    assert_eq!(of("prefect.task-run."), ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]);
    assert_eq!(events.len(), 8);
    let states = world.task_states("once_bad-0").await;
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert!(states.iter().all(|state| ids.contains(&state.id.0)), "each event has its state's id");
    assert!(events.iter().all(|event| event.resource.contains_key("prefect.resource.id")));
}

/// What hooks were told, in order.
type Heard = Arc<Mutex<Vec<String>>>;

fn hear(hook: &'static str, heard: &Heard) -> impl Fn(HookEvent) -> std::future::Ready<()> + use<> {
    let heard = heard.clone();
    move |event| {
        let what = if event.task_run_id.is_some() { "task" } else { "flow" };
        let HookEvent { name, run_name, state, .. } = event;
        heard.lock().unwrap().push(format!("{hook}: {what} {name} {run_name} {}", state.name));
        std::future::ready(())
    }
}

#[tokio::test]
async fn hooks_are_called_in_order() {
    #[flow(flow_run_name = "today")]
    async fn with_hooks(ends_well: bool, #[resource] heard: Heard) -> Result<()> {
        let call = once_bad("x").retries(u32::from(ends_well)).task_run_name("{name}");
        let call = call.on_running(hear("running", &heard)).on_completion(hear("first", &heard));
        call.on_completion(hear("second", &heard)).on_failure(hear("failure", &heard)).await?;
        Ok(())
    }

    let world = World::memory();
    let run = async |ends_well: bool| {
        let heard = Heard::default();
        let call = with_hooks(ends_well, heard.clone()).on(&world.engine).on_running(hear("running", &heard));
        let call = call.on_completion(hear("completion", &heard)).on_failure(hear("failure", &heard));
        let call = call.on_cancellation(hear("cancellation", &heard)).on_crashed(hear("crashed", &heard));
        assert_eq!(call.await.is_ok(), ends_well);
        Arc::into_inner(heard).map(|heard| heard.into_inner().unwrap())
    };
    let good = [
        "running: flow with-hooks today Running",
        "running: task once_bad x Running",
        "running: task once_bad x Retrying",
        "first: task once_bad x Completed",
        "second: task once_bad x Completed",
        "completion: flow with-hooks today Completed",
    ];
    assert_eq!(run(true).await.unwrap(), good);
    let bad = [
        "running: flow with-hooks today Running",
        "running: task once_bad x Running",
        "failure: task once_bad x Failed",
        "failure: flow with-hooks today Failed",
    ];
    assert_eq!(run(false).await.unwrap(), bad);
}

pub(crate) async fn runs_have_the_names_and_tags_they_are_given(store: Arc<dyn Store>) {
    #[task(tags = ["a"], version = "1", task_run_name = "{name} of {flow_run_name} by {task_name}")]
    async fn named(name: String) -> Vec<String> {
        drop(name);
        current::tags()
    }

    /// Says what is around it.
    #[flow(tags = ["f"], version = "2", flow_run_name = "{flow_name} for {day}")]
    async fn naming(day: u8) -> Result<Vec<String>> {
        assert_eq!(current::parameter::<u8>("day")?, day);
        assert_eq!(current::flow_name().as_deref(), Some("naming"));
        let name = current::flow_run_name().unwrap_or_default();
        named("x").await?;
        let tags = named("y").name("other").version("3").tags(["b"]).await?;
        once_bad("z").return_state().await;
        Ok([name].into_iter().chain(tags).collect())
    }

    let world = World::on(store);
    let seen = naming(3u8).tags(["g"]).on(&world.engine).await.unwrap();
    assert_eq!(seen, ["naming for 3", "a", "b", "f", "g"]);
    let run = world.flow_run("naming").await;
    assert_eq!((run.name.as_str(), run.flow_version.as_deref()), ("naming for 3", Some("2")));
    assert_eq!((run.tags, run.parameters.get()), (vec!["f".to_owned(), "g".to_owned()], "{\"day\":3}"));
    let (x, y) =
        (world.task_run("x of naming for 3 by named").await, world.task_run("y of naming for 3 by other").await);
    assert_eq!((x.task_version.as_deref(), y.task_version.as_deref()), (Some("1"), Some("3")));
    assert_eq!(x.tags, ["a", "f", "g"]);
    assert_eq!(y.tags, ["a", "b", "f", "g"]);
    assert!(x.task_key.ends_with("::named") && x.task_key == y.task_key);
    assert_eq!(world.task_run("once_bad-0").await.tags, ["f", "g"]);
}
