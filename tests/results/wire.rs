//! What goes wrong between a storage and its S3 server is told with what to check.

use flowcore::results::{Lookup, ResultError, Serializer, Storage};
use flowcore::settings::S3Settings;

use crate::conformance::{now, put};
use crate::server::{S3Server, SECRET_ACCESS_KEY};

/// Checks that reading is a miss, that writing, listing and asking fail, and that all say `advice` and no secret.
async fn is_unreachable(storage: &Storage, advice: &str) {
    let Lookup::Unreachable { reason } = storage.read("key", now()).await else { panic!("{storage:?} was reached") };
    let written = storage.write("key", Serializer::JSON, "1", None).await.unwrap_err();
    let listed = storage.list("").await.unwrap_err();
    assert!(matches!(&written, ResultError::Unreachable { url, .. } if url == storage.url()), "{written}");
    for text in [reason, written.to_string(), listed.to_string()] {
        assert!(text.contains(advice), "{text}");
        assert!(!text.contains(SECRET_ACCESS_KEY) && !text.contains("a wrong one"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_secret_says_to_check_the_credentials() {
    let server = S3Server::start().await;
    let right = Storage::from_url("s3://results", &server.settings()).unwrap();
    put(&right, "key", "1").await;
    let settings = S3Settings { secret_access_key: Some("a wrong one".to_owned()), ..server.settings() };
    let wrong = Storage::from_url("s3://results", &settings).unwrap();
    is_unreachable(&wrong, "check FLOWCORE_S3_ACCESS_KEY_ID and FLOWCORE_S3_SECRET_ACCESS_KEY").await;
    assert!(wrong.delete("key").await.is_err());
    assert!(wrong.exists("key").await.is_err());
    assert!(right.exists("key").await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_gone_says_to_check_the_endpoint() {
    let server = S3Server::start().await;
    let storage = Storage::from_url("s3://results", &server.settings()).unwrap();
    put(&storage, "key", "1").await;
    server.stop().await;
    is_unreachable(&storage, "check FLOWCORE_S3_ENDPOINT").await;
}

#[tokio::test]
async fn an_altered_object_is_damaged_and_another_object_is_passed_over() {
    let server = S3Server::start().await;
    let storage = Storage::from_url("s3://results/of", &server.settings()).unwrap();
    let metadata = put(&storage, "key", "[1,2,3]").await;
    let file = server.folder.path().join("results/of/key");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    std::fs::write(file.with_file_name("README.md"), "not a result").unwrap();
    let lookup = storage.read_record(&metadata, now()).await;
    assert!(matches!(lookup, Lookup::Damaged { .. }), "{lookup:?}");
    assert_eq!(storage.list("").await.unwrap(), ["key"]);
}
