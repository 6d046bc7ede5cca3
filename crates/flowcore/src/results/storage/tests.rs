#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::TimeDelta;

use super::*;

fn now() -> Timestamp {
    "2024-05-01T12:00:00Z".parse().unwrap()
}

async fn payload_at(storage: &Storage, key: &str) -> Option<Vec<u8>> {
    match storage.read(key, now()).await {
        Lookup::Found { payload, .. } => Some(payload),
        Lookup::Missing => None,
        other => panic!("{key:?}: {other:?}"),
    }
}

async fn put(storage: &Storage, key: &str, payload: &str) -> ResultMetadata {
    storage.write(key, Serializer::JSON, payload, None).await.unwrap()
}

#[tokio::test]
async fn memory_keeps_replaces_lists_and_deletes() {
    let storage = Storage::memory();
    assert_eq!(storage.read("a", now()).await, Lookup::Missing);
    let metadata = put(&storage, "a", "1").await;
    assert_eq!(metadata.storage, storage.url());
    assert_eq!((metadata.storage_key.as_str(), metadata.serializer.as_str(), metadata.size), ("a", "json", 1));
    let found = Lookup::Found { metadata: metadata.clone(), payload: b"1".to_vec() };
    assert_eq!(storage.read("a", now()).await, found);
    assert_eq!(storage.clone().read_record(&metadata, now()).await, found);
    put(&storage, "a", "22").await;
    assert_eq!(payload_at(&storage, "a").await.unwrap(), b"22");
    assert!(matches!(storage.read_record(&metadata, now()).await, Lookup::Damaged { .. }));
    assert!(storage.exists("a").await.unwrap());
    assert_eq!(storage.list("").await.unwrap(), ["a"]);
    storage.delete("a").await.unwrap();
    storage.delete("a").await.unwrap();
    assert!(!storage.exists("a").await.unwrap());
    assert_eq!(storage.list("").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn memory_is_found_by_its_address_and_is_otherwise_its_own() {
    let settings = S3Settings::default();
    let storage = Storage::memory();
    put(&storage, "a", "1").await;
    let again = Storage::from_url(storage.url(), &settings).unwrap();
    assert_eq!(payload_at(&again, "a").await.unwrap(), b"1");
    assert_eq!(payload_at(&Storage::memory(), "a").await, None);

    let url = "memory:of-this-test";
    put(&Storage::from_url(url, &settings).unwrap(), "a", "2").await;
    let named = Storage::from_url(url, &settings).unwrap();
    assert_eq!(named.url(), url);
    assert_eq!(payload_at(&named, "a").await.unwrap(), b"2");
    assert_eq!(Storage::from_url("memory://of-this-test", &settings).unwrap().url(), url);
    assert_eq!(Storage::from_url("memory:", &settings).unwrap().url(), "memory:");
}

#[tokio::test]
async fn an_expired_record_stays_but_is_not_given() {
    let storage = Storage::memory();
    let soon = now() + TimeDelta::seconds(1);
    let metadata = storage.write("a", Serializer::JSON, "1", Some(soon)).await.unwrap();
    assert!(matches!(storage.read("a", now()).await, Lookup::Found { .. }));
    assert_eq!(storage.read("a", soon).await, Lookup::Expired);
    assert_eq!(storage.read_record(&metadata, soon).await, Lookup::Expired);
    assert!(storage.exists("a").await.unwrap());
}

#[test]
fn addresses_that_make_no_sense_are_explained() {
    for (url, part) in [
        ("", "empty"),
        ("gs://bucket", "scheme `gs`"),
        ("file:relative", "absolute"),
        ("file://host/folder", "absolute"),
        ("file:///a%2", "%"),
        ("file:///a%FF", "%"),
    ] {
        let error = Storage::from_url(url, &S3Settings::default()).unwrap_err();
        assert!(matches!(error, ResultError::Address { .. }), "{url}: {error}");
        assert!(error.to_string().contains(part) && error.to_string().contains("s3://BUCKET/PREFIX"), "{error}");
    }
}

#[cfg(not(feature = "results"))]
#[test]
fn a_folder_names_the_feature_that_is_off() {
    for url in ["file:///tmp/results", "results"] {
        let error = Storage::from_url(url, &S3Settings::default()).unwrap_err();
        assert!(matches!(error, ResultError::FeatureOff { feature: "results", .. }), "{error}");
    }
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_bucket_names_the_feature_that_is_off() {
    let error = Storage::from_url("s3://bucket", &S3Settings::default()).unwrap_err();
    assert!(matches!(error, ResultError::FeatureOff { feature: "s3", .. }), "{error}");
    assert!(error.to_string().contains("feature `s3`"), "{error}");
}

#[cfg(feature = "results")]
mod local;
