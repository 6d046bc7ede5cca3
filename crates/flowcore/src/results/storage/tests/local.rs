use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn local() -> (TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::local(folder.path()).unwrap();
    (folder, storage)
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn every_file_is_in_the_folder_and_bears_its_own_key() {
    let (folder, storage) = local();
    let long = "long/".repeat(1_000);
    let similar = format!("{long}.");
    let mut keys = ["", ".", "..", "../up", "/root", "a", "A", "a/b", "a=2fb", "a b", "ключ", "\0\n", &long, &similar];
    for (number, key) in keys.iter().enumerate() {
        put(&storage, key, &number.to_string()).await;
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(payload_at(&storage, key).await.unwrap(), number.to_string().as_bytes(), "{key:?}");
    }
    assert_eq!(files(&folder).len(), keys.len());
    assert!(files(&folder).iter().all(|file| file.is_file()));
    keys.sort_unstable();
    assert_eq!(storage.list("").await.unwrap(), keys);
    assert_eq!(storage.list("long/l").await.unwrap(), [long, similar]);
    assert_eq!(storage.list("a").await.unwrap(), ["a", "a b", "a/b", "a=2fb"]);
}

#[tokio::test]
async fn a_damaged_file_is_told_and_can_be_replaced() {
    let (folder, storage) = local();
    let whole = put(&storage, "key", "[1,2,3]").await;
    let file = folder.path().join("key");
    let bytes = std::fs::read(&file).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&bytes[..bytes.len() - 1], &bytes[..10], &[], &flipped] {
        std::fs::write(&file, damaged).unwrap();
        let lookup = storage.read("key", now()).await;
        assert!(matches!(lookup, Lookup::Damaged { .. }), "{lookup:?}");
        assert!(matches!(storage.read_record(&whole, now()).await, Lookup::Damaged { .. }));
    }
    put(&storage, "key", "[1,2,3]").await;
    assert!(matches!(storage.read_record(&whole, now()).await, Lookup::Found { .. }));
}

#[tokio::test]
async fn a_record_under_the_name_of_another_key_is_not_given() {
    let (folder, storage) = local();
    put(&storage, "one", "1").await;
    std::fs::copy(folder.path().join("one"), folder.path().join("two")).unwrap();
    let lookup = storage.read("two", now()).await;
    assert!(matches!(&lookup, Lookup::Damaged { reason } if reason.contains("`one`")), "{lookup:?}");
}

#[tokio::test]
async fn opening_the_address_finds_the_records_however_it_is_spelled() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("new/a b%20#ü?");
    let storage = Storage::local(&odd).unwrap();
    let metadata = put(&storage, "k", "1").await;
    assert!(metadata.storage.starts_with("file:///") && metadata.storage.ends_with("/a%20b%2520%23%C3%BC%3F"));
    let plain = odd.join("../a b%20#ü?");
    for url in [metadata.storage.as_str(), odd.to_str().unwrap(), plain.to_str().unwrap()] {
        let again = Storage::from_url(url, &S3Settings::default()).unwrap();
        assert_eq!(again.url(), storage.url());
        assert!(matches!(again.read_record(&metadata, now()).await, Lookup::Found { .. }), "{url}");
    }
    assert_eq!(format!("{storage:?}"), format!("Storage({:?})", storage.url()));
}

#[tokio::test]
async fn durable_writes_are_the_same_records() {
    let (_folder, storage) = local();
    let durable = storage.durable();
    put(&durable, "k", "1").await;
    assert_eq!(durable.url(), storage.url());
    assert_eq!(payload_at(&storage, "k").await.unwrap(), b"1");
}

#[tokio::test]
async fn a_folder_that_vanished_is_a_miss_and_comes_back_with_the_next_write() {
    let (folder, storage) = local();
    put(&storage, "k", "1").await;
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(storage.read("k", now()).await, Lookup::Missing);
    assert_eq!(storage.list("").await.unwrap(), Vec::<String>::new());
    storage.delete("k").await.unwrap();
    put(&storage, "k", "2").await;
    assert_eq!(payload_at(&storage, "k").await.unwrap(), b"2");
}

#[tokio::test]
async fn what_cannot_be_written_or_read_says_what_to_check() {
    let (folder, storage) = local();
    // A folder in the record's place cannot be replaced by a file, nor read as one, whoever runs the test.
    std::fs::create_dir_all(folder.path().join("k/inside")).unwrap();
    let error = storage.write("k", Serializer::JSON, "1", None).await.unwrap_err();
    assert!(error.to_string().contains("check the folder's permissions"), "{error}");
    assert!(error.to_string().contains(storage.url()), "{error}");
    assert_eq!(files(&folder).len(), 1, "the unfinished file is gone");

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Storage::local(file.join("below")).unwrap_err();
    assert!(matches!(&error, ResultError::Open { .. }) && error.to_string().contains("check the path"), "{error}");
}

#[tokio::test]
async fn foreign_files_are_passed_over_by_lists() {
    let (folder, storage) = local();
    put(&storage, "k", "1").await;
    std::fs::write(folder.path().join("README"), "").unwrap();
    std::fs::write(folder.path().join("k#1"), "left by a write that was killed").unwrap();
    std::fs::write(folder.path().join(format!("x=={}", "0".repeat(64))), "no record").unwrap();
    std::fs::create_dir(folder.path().join("locks")).unwrap();
    assert_eq!(storage.list("").await.unwrap(), ["k"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_one_whole_record_or_another_while_it_is_replaced() {
    let (folder, storage) = local();
    let writer = |digit: u8| {
        let storage = storage.clone();
        async move {
            let payload = vec![digit; 100_000];
            for _ in 0..20 {
                storage.write("k", Serializer::JSON, payload.clone(), None).await.unwrap();
            }
        }
    };
    writer(b'0').await;
    let writers = [tokio::spawn(writer(b'1')), tokio::spawn(writer(b'2'))];
    let mut reads = 0;
    while reads < 50 || writers.iter().any(|writer| !writer.is_finished()) {
        let payload = payload_at(&storage, "k").await.unwrap();
        assert_eq!(payload, vec![payload[0]; 100_000]);
        reads += 1;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(files(&folder).len(), 1);
}
