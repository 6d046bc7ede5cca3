//! Automations.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::Page;
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection, Test, Values};
use flowcore::store::records::Tx;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::automations::{
    AUTOMATION_ID, AUTOMATIONS, Action, Automation, AutomationResource, CREATED, ID, OWNED, RESOURCE_ID, RESOURCES,
    Trigger, loop_of_runs, named,
};
use crate::error::ApiError;
use crate::events::NewEvent;
use crate::extract::{Body, Given, Id, Paging, Path, or_default};
use crate::filter::{AutomationFilter, AutomationSort};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Automation not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Automations"])
        .post("/automations/", op("create_automation", create).gives(StatusCode::CREATED))
        .post("/automations/filter", op("read_automations", list))
        .post("/automations/count", op("count_automations", count))
        .get("/automations/{id}", op("read_automation", read))
        .put("/automations/{id}", op("update_automation", update).gives(StatusCode::NO_CONTENT))
        .patch("/automations/{id}", op("patch_automation", patch).gives(StatusCode::NO_CONTENT))
        .delete("/automations/{id}", op("delete_automation", delete).gives(StatusCode::NO_CONTENT))
        .get("/automations/related-to/{resource_id}", op("read_automations_related_to_resource", related))
        .delete(
            "/automations/owned-by/{resource_id}",
            op("delete_automations_owned_by_resource", delete_owned).gives(StatusCode::ACCEPTED),
        )
}

/// What is said of an automation.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AutomationUpdate {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default = "enabled")]
    enabled: bool,
    #[serde(default)]
    tags: Vec<String>,
    trigger: Trigger,
    actions: Vec<Action>,
    #[serde(default)]
    actions_on_trigger: Vec<Action>,
    #[serde(default)]
    actions_on_resolve: Vec<Action>,
}

/// A new automation.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AutomationCreate {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default = "enabled")]
    enabled: bool,
    #[serde(default)]
    tags: Vec<String>,
    trigger: Trigger,
    actions: Vec<Action>,
    #[serde(default)]
    actions_on_trigger: Vec<Action>,
    #[serde(default)]
    actions_on_resolve: Vec<Action>,
    /// What it belongs to: it goes with that.
    #[serde(default)]
    owner_resource: Option<String>,
}

fn enabled() -> bool {
    true
}

impl AutomationUpdate {
    /// Checks it, and makes an automation of it whose triggers have ids of their own.
    fn into_automation(mut self, app: &App, id: Uuid) -> Result<Automation, ApiError> {
        let lists = [
            ("actions", &self.actions),
            ("actions_on_trigger", &self.actions_on_trigger),
            ("actions_on_resolve", &self.actions_on_resolve),
        ];
        for (field, actions) in lists {
            for (place, action) in actions.iter().enumerate() {
                if let Some(problem) = action.problem() {
                    let body = serde_json::to_value(&self).unwrap_or_default();
                    return Err(ApiError::invalid("value_error", &[field.into(), place.into()], problem, body));
                }
            }
        }
        if self.enabled
            && let Some(problem) = loop_of_runs(&self.trigger, &self.actions)
        {
            let body = serde_json::to_value(&self).unwrap_or_default();
            return Err(ApiError::invalid("value_error", &[], format!("Value error, {problem}"), body));
        }
        self.trigger.rename(&|| app.clock.uuid());
        let now = app.now();
        Ok(Automation {
            id,
            created: now,
            updated: now,
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            tags: self.tags,
            trigger: self.trigger,
            actions: self.actions,
            actions_on_trigger: self.actions_on_trigger,
            actions_on_resolve: self.actions_on_resolve,
        })
    }
}

/// An automation as answers have it.
#[derive(Serialize, JsonSchema)]
struct AutomationBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    name: String,
    description: String,
    enabled: bool,
    tags: Vec<String>,
    trigger: Trigger,
    actions: Vec<Action>,
    actions_on_trigger: Vec<Action>,
    actions_on_resolve: Vec<Action>,
}

impl From<Automation> for AutomationBody {
    fn from(automation: Automation) -> Self {
        AutomationBody {
            id: automation.id,
            created: Some(Moment(automation.created)),
            updated: Some(Moment(automation.updated)),
            name: automation.name,
            description: automation.description,
            enabled: automation.enabled,
            tags: automation.tags,
            trigger: automation.trigger,
            actions: automation.actions,
            actions_on_trigger: automation.actions_on_trigger,
            actions_on_resolve: automation.actions_on_resolve,
        }
    }
}

async fn create(
    State(app): State<App>,
    Body(new): Body<AutomationCreate>,
) -> Result<(StatusCode, Json<AutomationBody>), ApiError> {
    let owner = new.owner_resource;
    let said = AutomationUpdate {
        name: new.name,
        description: new.description,
        enabled: new.enabled,
        tags: new.tags,
        trigger: new.trigger,
        actions: new.actions,
        actions_on_trigger: new.actions_on_trigger,
        actions_on_resolve: new.actions_on_resolve,
    };
    let automation = said.into_automation(&app, app.clock.uuid())?;
    let (row, clock) = (automation.clone(), app.clock.clone());
    let created = app.store.records().transact(move |tx| {
        let (row, owner, clock) = (row.clone(), owner.clone(), clock.clone());
        Box::pin(async move {
            tx.insert(&row).await?;
            if let Some(owner) = owner {
                let (id, automation_id) = (clock.uuid(), row.id);
                tx.insert(&AutomationResource { id, automation_id, resource_id: owner, owned: true }).await?;
            }
            relate(tx, &row, &|| clock.uuid()).await
        })
    });
    created.await.map_err(ApiError::from)?;
    tell(&app, "created", &automation);
    Ok((StatusCode::CREATED, Json(AutomationBody::from(automation))))
}

/// Notes the deployments that an automation names, apart from one that it belongs to.
async fn relate(
    tx: &mut Tx<'_>,
    automation: &Automation,
    new_id: &(dyn Fn() -> Uuid + Sync),
) -> Result<(), StoreError> {
    for resource_id in named(&automation.actions) {
        let (id, automation_id) = (new_id(), automation.id);
        tx.insert_new(&AutomationResource { id, automation_id, resource_id, owned: false }).await?;
    }
    Ok(())
}

async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(given): Body<Given<AutomationUpdate>>,
) -> Result<StatusCode, ApiError> {
    let said = given.body.clone().into_automation(&app, id)?;
    let clock = app.clock.clone();
    let updated = app.store.records().transact(move |tx| {
        let (mut row, given, clock) = (said.clone(), given.clone(), clock.clone());
        Box::pin(async move {
            let Some(known) = tx.lock_first::<Automation>(ID.is(id)).await? else { return Ok(None) };
            row.created = known.created;
            // What is not said stays as it is.
            row.description = if given.has("description") { row.description } else { known.description };
            row.enabled = if given.has("enabled") { row.enabled } else { known.enabled };
            row.tags = if given.has("tags") { row.tags } else { known.tags };
            if !given.has("actions_on_trigger") {
                row.actions_on_trigger = known.actions_on_trigger;
            }
            if !given.has("actions_on_resolve") {
                row.actions_on_resolve = known.actions_on_resolve;
            }
            tx.put(&row).await?;
            tx.delete(RESOURCES, AUTOMATION_ID.is(id).and(OWNED.is(false))).await?;
            relate(tx, &row, &|| clock.uuid()).await?;
            Ok::<_, StoreError>(Some(row))
        })
    });
    let automation = updated.await?.ok_or_else(unknown)?;
    tell(&app, "updated", &automation);
    Ok(StatusCode::NO_CONTENT)
}

fn unknown() -> ApiError {
    ApiError::Unknown("Automation not found".to_owned())
}

/// What changes of an automation that is only switched on or off.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AutomationPartialUpdate {
    #[serde(default = "enabled")]
    enabled: bool,
}

async fn patch(
    State(app): State<App>,
    Id(id): Id,
    Body(said): Body<Given<AutomationPartialUpdate>>,
) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let patched = app.store.records().transact(move |tx| {
        let said = said.clone();
        Box::pin(async move {
            let mut row = tx.lock_first::<Automation>(ID.is(id)).await?.ok_or_else(unknown)?;
            row.updated = now;
            if said.has("enabled") {
                row.enabled = said.body.enabled;
            }
            if row.enabled
                && let Some(problem) = loop_of_runs(&row.trigger, &row.actions)
            {
                let body = serde_json::json!({"enabled": row.enabled});
                return Err(ApiError::invalid("value_error", &[], format!("Value error, {problem}"), body));
            }
            tx.put(&row).await?;
            Ok(row)
        })
    });
    tell(&app, "updated", &patched.await?);
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    match delete_those(&app, vec![id]).await?.is_empty() {
        true => Err(NOT_FOUND),
        false => Ok(StatusCode::NO_CONTENT),
    }
}

/// Deletes automations with what is known of their resources; returns those that there were.
async fn delete_those(app: &App, ids: Vec<Uuid>) -> Result<Vec<Automation>, ApiError> {
    let deleted = app.store.records().transact(move |tx| {
        let ids = Values::Ids(ids.clone());
        Box::pin(async move {
            let known = tx.lock::<Automation>(ID.one_of(ids.clone())).await?;
            tx.delete(RESOURCES, AUTOMATION_ID.one_of(ids.clone())).await?;
            tx.delete(AUTOMATIONS, ID.one_of(ids)).await?;
            Ok::<_, StoreError>(known)
        })
    });
    let deleted = deleted.await?;
    deleted.iter().for_each(|automation| tell(app, "deleted", automation));
    Ok(deleted)
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<AutomationBody>, ApiError> {
    let found = app.store.records().first::<Automation>(ID.is(id)).await?;
    found.map(AutomationBody::from).map(Json).ok_or_else(unknown)
}

#[derive(Deserialize, JsonSchema)]
struct List {
    automations: Option<AutomationFilter>,
    #[serde(default, deserialize_with = "or_default")]
    sort: AutomationSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<AutomationBody>>, ApiError> {
    let page = list.paging.page()?;
    let condition = list.automations.unwrap_or_default().condition();
    let selection = Selection { condition, sort: list.sort.columns(), page };
    let found = app.store.records().list::<Automation>(&selection).await?;
    Ok(Json(found.into_iter().map(AutomationBody::from).collect()))
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    automations: Option<AutomationFilter>,
}

async fn count(State(app): State<App>, Body(count): Body<Count>) -> Result<Json<u64>, ApiError> {
    let condition = count.automations.unwrap_or_default().condition();
    Ok(Json(app.store.records().count(AUTOMATIONS, &condition).await?))
}

async fn related(State(app): State<App>, Path(resource): Path<String>) -> Result<Json<Vec<AutomationBody>>, ApiError> {
    let found = of_resource(&app, RESOURCE_ID.is(resource), Condition::ALWAYS).await?;
    Ok(Json(found.into_iter().map(AutomationBody::from).collect()))
}

async fn delete_owned(State(app): State<App>, Path(resource): Path<String>) -> Result<StatusCode, ApiError> {
    // One that somebody makes meanwhile belongs to what comes next.
    let before = Condition::Column(CREATED, Test::AtMost(app.now().timestamp_micros()));
    let owned = of_resource(&app, RESOURCE_ID.is(resource).and(OWNED.is(true)), before).await?;
    delete_those(&app, owned.into_iter().map(|automation| automation.id).collect()).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn of_resource(app: &App, resource: Condition, automation: Condition) -> Result<Vec<Automation>, ApiError> {
    let records = app.store.records();
    let all = |condition| Selection { condition, sort: Vec::new(), page: Page::ALL };
    let resources = records.list::<AutomationResource>(&all(resource)).await?;
    let ids = Values::Ids(resources.into_iter().map(|resource| resource.automation_id).collect());
    Ok(records.list::<Automation>(&all(ID.one_of(ids).and(automation))).await?)
}

fn tell(app: &App, what: &str, automation: &Automation) {
    let event = NewEvent::of(format!("prefect.automation.{what}"), format!("prefect.automation.{}", automation.id));
    let body = serde_json::to_value(AutomationBody::from(automation.clone())).unwrap_or_default();
    let fields = body.as_object().cloned().unwrap_or_default();
    let event = event.name(&automation.name);
    app.events.emit(fields.into_iter().fold(event, |event, (field, value)| event.payload(&field, value)));
}
