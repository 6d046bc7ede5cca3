//! A PostgreSQL database that others use as well: Prefect's own server has tables of the same names.

use std::sync::Arc;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::world::{World, text};

/// What is there before: tables of the same names and other shapes, each with a row.
pub(crate) const PREFECTS_TABLES: &str = "
    CREATE TABLE events (id UUID PRIMARY KEY, occurred TIMESTAMPTZ NOT NULL, payload JSONB NOT NULL);
    INSERT INTO events VALUES (gen_random_uuid(), now(), '{\"theirs\": true}');
    CREATE TABLE flow_run (id UUID PRIMARY KEY, name TEXT);
    CREATE TABLE flows (theirs TEXT); INSERT INTO flows VALUES ('kept');
    CREATE TABLE variables (theirs TEXT); INSERT INTO variables VALUES ('kept');
    CREATE INDEX events_occurred ON events (occurred);
";

pub(crate) async fn tables_of_others_stay_as_they_are(world: Arc<World>) {
    let use_all = async |world: &World, round: u32| {
        let flow = world.flow("etl").await;
        let run = world.flow_run(json!({"flow_id": flow})).await;
        world.set_state(&run, json!({"type": "RUNNING"})).await;
        world.set_state(&run, json!({"type": "COMPLETED"})).await;
        world.post("/variables/", json!({"name": format!("v{round}"), "value": 1})).await;
        let told = json!({"event": "shop.opened", "resource": {"prefect.resource.id": "shop.1"}, "occurred": chrono::Utc::now(),
            "id": uuid::Uuid::new_v4()});
        world.post("/events", json!([told])).await;
        let found = world.post("/events/filter", json!({"filter": {"event": {"name": ["shop.opened"]}}})).await;
        assert_eq!(found["total"], round);
        assert_eq!(world.post("/flow_runs/count", json!({})).await, round);
        assert_eq!(text(&world.get(&format!("/variables/name/v{round}")).await["name"]), format!("v{round}"));
    };
    use_all(&world, 1).await;
    // A server that comes later finds what the first one has made.
    let other = world.replica_set(&[("FLOWCORE_SERVER_ALLOW_DATABASE_CLEAR", "true")]).await;
    use_all(&other, 2).await;
    other.post("/admin/database/clear", json!({"confirm": true})).await;
    use_all(&other, 1).await;
    other.stop().await;

    let mut connection = PgConnection::connect(world.database()).await.unwrap();
    for table in ["events", "flows", "variables"] {
        let count = format!("SELECT count(*) FROM public.{table}");
        let row = sqlx::query(AssertSqlSafe(count)).fetch_one(&mut connection).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 1, "{table}");
    }
    let ours = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN \
                ('events', 'flow_run', 'flows', 'variables')";
    assert_eq!(sqlx::query(ours).fetch_one(&mut connection).await.unwrap().get::<i64, _>(0), 0);
}

/// A flowcore of before made its tables where the others are: they go on to be used.
pub(crate) async fn tables_from_before_are_found_where_they_are(world: Arc<World>) {
    world.flow("etl").await;
    let mut connection = PgConnection::connect(world.database()).await.unwrap();
    let tables = sqlx::query("SELECT tablename FROM pg_tables WHERE schemaname = 'flowcore'");
    for table in tables.fetch_all(&mut connection).await.unwrap() {
        let moved = format!("ALTER TABLE flowcore.{} SET SCHEMA public", table.get::<String, _>(0));
        sqlx::query(AssertSqlSafe(moved)).execute(&mut connection).await.unwrap();
    }
    sqlx::query("DROP SCHEMA flowcore").execute(&mut connection).await.unwrap();
    let other = world.replica().await;
    assert_eq!(other.post("/flows/count", json!({})).await, 1);
    other.stop().await;
    let schemas = sqlx::query("SELECT count(*) FROM pg_namespace WHERE nspname = 'flowcore'");
    assert_eq!(schemas.fetch_one(&mut connection).await.unwrap().get::<i64, _>(0), 0);
}

/// Who names a schema in the URL has the tables there.
pub(crate) async fn a_schema_that_the_url_names_is_used(world: Arc<World>) {
    let mut connection = PgConnection::connect(world.database()).await.unwrap();
    sqlx::query("CREATE SCHEMA team").execute(&mut connection).await.unwrap();
    let url = format!("{}?options[search_path]=team", world.database());
    let store = flowcore::store::connect(&url).await.unwrap();
    store.close().await.unwrap();
    let tables = sqlx::query("SELECT count(*) FROM pg_tables WHERE schemaname = 'team' AND tablename = 'flow_runs'");
    assert_eq!(tables.fetch_one(&mut connection).await.unwrap().get::<i64, _>(0), 1);
}
