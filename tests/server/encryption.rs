//! Keys for what is secret: they are noticed to be wrong, and they can be changed.

use std::path::Path;

use flowcore_server::{KeyError, KeySource, Server, ServerError};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

use crate::world::{World, text};

const OLD: &str = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2w=";
const NEW: &str = "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU=";

async fn start(folder: &TempDir, keys: &KeySource) -> Result<Server, ServerError> {
    Server::open(&database(folder)).await?.with_keys(keys).await
}

fn database(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("server.db").display())
}

fn given(keys: &str) -> KeySource {
    KeySource::Text(keys.to_owned())
}

#[tokio::test]
async fn a_key_is_made_in_a_file_that_only_its_owner_reads() {
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("home");
    let source = KeySource::Folder(home.clone());
    start(&folder, &source).await.unwrap();
    let file = home.join("encryption.key");
    let made = std::fs::read_to_string(&file).unwrap();
    #[cfg(unix)]
    assert_eq!(mode(&file), 0o600);
    // It is the same one from then on, and can be given as a text as well.
    start(&folder, &source).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), made);
    start(&folder, &given(&made)).await.unwrap();
    // What is encrypted is lost with it: no other one is made.
    std::fs::remove_file(&file).unwrap();
    let error = start(&folder, &source).await.err().unwrap();
    assert!(matches!(&error, ServerError::Keys(KeyError::Missing(missing)) if *missing == file), "{error}");
    assert!(!file.exists());
}

#[cfg(unix)]
fn mode(file: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions()) & 0o777
}

#[tokio::test]
async fn a_wrong_key_is_noticed_and_a_new_one_takes_over() {
    let folder = TempDir::new().unwrap();
    start(&folder, &given(OLD)).await.unwrap();
    let error = start(&folder, &given(NEW)).await.err().unwrap();
    assert!(error.to_string().contains("FLOWCORE_ENCRYPTION_KEY"), "{error}");
    start(&folder, &given(&format!("{NEW},{OLD}"))).await.unwrap();
    start(&folder, &given(NEW)).await.unwrap();
    assert!(start(&folder, &given(OLD)).await.is_err());
}

#[tokio::test]
async fn secrets_are_encrypted_and_go_over_to_a_new_key() {
    let folder = TempDir::new().unwrap();
    let world = World::start_with_keys(&database(&folder), OLD).await;
    let schemas = world.post("/block_schemas/filter", json!({})).await;
    let is_secret = |schema: &&Value| schema["block_type"]["slug"] == "secret";
    let schema = schemas.as_array().unwrap().iter().find(is_secret).unwrap();
    let body = json!({"name": "door", "block_type_id": schema["block_type_id"], "block_schema_id": schema["id"],
        "data": {"value": "sesame"}});
    let path =
        format!("/block_documents/{}?include_secrets=true", text(&world.post("/block_documents/", body).await["id"]));
    world.stop().await;
    let before = kept_of_blocks(&folder).await;
    assert!(before.iter().all(|kept| !kept.windows(6).any(|part| part == b"sesame")));

    for keys in [&*format!("{NEW}, {OLD}"), NEW] {
        let world = World::start_with_keys(&database(&folder), keys).await;
        assert_eq!(world.get(&path).await["data"]["value"], "sesame");
        world.stop().await;
        assert_ne!(kept_of_blocks(&folder).await, before);
    }
}

/// Reads what the database has of blocks.
async fn kept_of_blocks(folder: &TempDir) -> Vec<Vec<u8>> {
    let mut connection = SqliteConnection::connect(&database(folder)).await.unwrap();
    let rows = sqlx::query("SELECT data FROM block_documents").fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
