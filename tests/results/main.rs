//! Proves every result storage with one suite: in memory, in a folder, and in a bucket of an S3 server that is started
//! here on a loopback port.
#![expect(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod server;
mod wire;

use flowcore::results::Storage;
use flowcore::settings::Settings;

/// Runs each test of the suite as a test of its own on each storage.
macro_rules! conforms {
    ($($test:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                crate::conformance::$test(super::Storage::memory()).await;
            })*
        }
        mod local {
            $(#[tokio::test]
            async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                crate::conformance::$test(super::Storage::local(folder.path()).unwrap()).await;
            })*
        }
        mod s3 {
            $(#[tokio::test]
            async fn $test() {
                let server = crate::server::S3Server::start().await;
                let storage = super::Storage::from_url("s3://results/of/tests", &server.settings()).unwrap();
                crate::conformance::$test(storage).await;
            })*
        }
    };
}

conforms! {
    keeps_what_was_written
    replaces_a_record_as_a_whole
    expires_when_told_to
    takes_any_text_as_a_key
    keeps_eight_mebibytes
    gives_one_whole_record_to_readers_of_concurrent_writers
    deletes_and_lists
    reads_every_serializer
}

#[tokio::test]
async fn storages_at_two_prefixes_of_a_bucket_know_nothing_of_each_other() {
    let server = server::S3Server::start().await;
    let [one, two, whole] = ["s3://results/one", "s3://results/two", "s3://results"]
        .map(|url| Storage::from_url(url, &server.settings()).unwrap());
    conformance::put(&one, "k", "1").await;
    conformance::put(&two, "k", "2").await;
    assert_eq!(conformance::payload(&one, "k").await.unwrap(), b"1");
    assert_eq!(conformance::payload(&two, "k").await.unwrap(), b"2");
    assert_eq!(whole.list("").await.unwrap(), Vec::<String>::new());
    assert_eq!(Storage::from_url(one.url(), &server.settings()).unwrap().list("").await.unwrap(), ["k"]);
    // The settings are found in the environment's words as well.
    let settings = Settings::from_lookup(&|name| server.variable(name)).unwrap();
    let found = Storage::from_url(one.url(), &settings.s3).unwrap();
    assert_eq!(conformance::payload(&found, "k").await.unwrap(), b"1");
    // Another one is opened with the same.
    let found = found.another(two.url()).unwrap();
    assert_eq!(conformance::payload(&found, "k").await.unwrap(), b"2");
}
