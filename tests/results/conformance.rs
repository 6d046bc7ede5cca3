//! What every result storage does.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use flowcore::model::{ResultMetadata, Timestamp};
use flowcore::results::{Lookup, Serializer, Storage};

pub(crate) fn now() -> Timestamp {
    "2024-05-01T12:00:00Z".parse().unwrap()
}

pub(crate) async fn put(storage: &Storage, key: &str, payload: &str) -> ResultMetadata {
    storage.write(key, Serializer::JSON, payload, None).await.unwrap()
}

/// Reads the payload of a record that must be whole if it is there.
pub(crate) async fn payload(storage: &Storage, key: &str) -> Option<Vec<u8>> {
    match storage.read(key, now()).await {
        Lookup::Found { payload, .. } => Some(payload),
        Lookup::Missing => None,
        other => panic!("{key:?} in {storage:?}: {other:?}"),
    }
}

pub(crate) async fn keeps_what_was_written(storage: Storage) {
    assert_eq!(storage.read("key", now()).await, Lookup::Missing);
    assert!(!storage.exists("key").await.unwrap());
    let metadata = storage.write("key", Serializer::MSGPACK, vec![0, 10, 255], None).await.unwrap();
    assert_eq!(metadata.storage_key, "key");
    assert_eq!(metadata.storage, storage.url());
    assert_eq!((metadata.serializer.as_str(), metadata.size, metadata.expiration), ("msgpack", 3, None));
    let found = Lookup::Found { metadata: metadata.clone(), payload: vec![0, 10, 255] };
    assert_eq!(storage.read("key", now()).await, found);
    assert_eq!(storage.read_record(&metadata, now()).await, found);
    assert!(storage.exists("key").await.unwrap());
    // Nothing is a result as well.
    put(&storage, "nothing", "").await;
    assert_eq!(payload(&storage, "nothing").await.unwrap(), b"");
}

pub(crate) async fn replaces_a_record_as_a_whole(storage: Storage) {
    let first = put(&storage, "key", "[1, 2, 3]").await;
    let second = put(&storage, "key", "4").await;
    assert_ne!(first.checksum, second.checksum);
    assert_eq!(payload(&storage, "key").await.unwrap(), b"4");
    assert!(matches!(storage.read_record(&first, now()).await, Lookup::Damaged { .. }));
    assert!(matches!(storage.read_record(&second, now()).await, Lookup::Found { .. }));
}

pub(crate) async fn expires_when_told_to(storage: Storage) {
    let noon = now();
    let metadata = storage.write("key", Serializer::JSON, "1", Some(noon)).await.unwrap();
    let before = noon - TimeDelta::microseconds(1);
    assert_eq!(metadata.expiration, Some(noon));
    assert!(matches!(storage.read("key", before).await, Lookup::Found { metadata: found, .. } if found == metadata));
    assert_eq!(storage.read("key", noon).await, Lookup::Expired);
    assert_eq!(storage.read_record(&metadata, noon).await, Lookup::Expired);
}

pub(crate) async fn takes_any_text_as_a_key(storage: Storage) {
    let long = "flow/".repeat(500);
    let longer = format!("{long}x");
    let mut keys = [
        "",
        ".",
        "..",
        "../../up",
        "/",
        "/etc/passwd",
        "a",
        "A",
        "a/b",
        "a//b",
        "a=2fb",
        "a%2Fb",
        "a b",
        "a+b",
        "ключ",
        "\0",
        "new\nline",
        "*?<>|:\\\"'",
        &long,
        &longer,
    ];
    for (number, key) in keys.iter().enumerate() {
        let metadata = put(&storage, key, &number.to_string()).await;
        assert_eq!(metadata.storage_key, *key);
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(payload(&storage, key).await.unwrap(), number.to_string().as_bytes(), "{key:?}");
    }
    keys.sort_unstable();
    assert_eq!(storage.list("").await.unwrap(), keys);
}

pub(crate) async fn keeps_eight_mebibytes(storage: Storage) {
    // Bytes that do not repeat, so that a part in another place would be noticed.
    let large: Vec<u8> = (0..2_u32 << 20).flat_map(|number| number.wrapping_mul(0x9e37_79b1).to_le_bytes()).collect();
    assert_eq!(large.len(), 8 << 20);
    let metadata = storage.write("large", Serializer::MSGPACK, large.clone(), None).await.unwrap();
    assert_eq!(metadata.size, 8 << 20);
    let Lookup::Found { payload, .. } = storage.read_record(&metadata, now()).await else { panic!("not found") };
    assert!(payload == large);
}

pub(crate) async fn gives_one_whole_record_to_readers_of_concurrent_writers(storage: Storage) {
    const WRITERS: u8 = 8;
    let write = |writer: u8| {
        let storage = storage.clone();
        async move {
            // Of different lengths, so that a mixture has neither's.
            let text = char::from(b'0' + writer).to_string().repeat(1_000 * usize::from(writer + 1));
            for _ in 0..4 {
                put(&storage, "key", &text).await;
            }
        }
    };
    write(0).await;
    let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(writer))).collect();
    let mut reads = 0;
    while reads < 10 || writers.iter().any(|writer| !writer.is_finished()) {
        let payload = payload(&storage, "key").await.unwrap();
        let writer = payload[0] - b'0';
        assert_eq!(payload, vec![payload[0]; 1_000 * usize::from(writer + 1)]);
        reads += 1;
        // Memory answers without waiting, which would leave the writers no turn.
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(storage.list("").await.unwrap(), ["key"]);
}

pub(crate) async fn deletes_and_lists(storage: Storage) {
    assert_eq!(storage.list("").await.unwrap(), Vec::<String>::new());
    for key in ["tasks/b", "tasks/a", "flows/a", "tasks"] {
        put(&storage, key, "1").await;
    }
    assert_eq!(storage.list("").await.unwrap(), ["flows/a", "tasks", "tasks/a", "tasks/b"]);
    assert_eq!(storage.list("tasks/").await.unwrap(), ["tasks/a", "tasks/b"]);
    storage.delete("tasks/a").await.unwrap();
    storage.delete("tasks/a").await.unwrap();
    assert_eq!(storage.list("tasks/").await.unwrap(), ["tasks/b"]);
    assert_eq!(payload(&storage, "tasks/a").await, None);
    assert_eq!(payload(&storage, "tasks").await.unwrap(), b"1");
}

pub(crate) async fn reads_every_serializer(storage: Storage) {
    let value = BTreeMap::from([("ratio".to_owned(), vec![0.1, 2.5e300]), ("empty".to_owned(), vec![])]);
    for serializer in [Serializer::JSON, Serializer::MSGPACK, Serializer::JSON_GZIP, Serializer::MSGPACK_GZIP] {
        let key = serializer.to_string();
        storage.write(&key, serializer, serializer.encode(&value).unwrap(), None).await.unwrap();
        let Lookup::Found { metadata, payload } = storage.read(&key, now()).await else { panic!("{serializer}") };
        let recorded: Serializer = metadata.serializer.parse().unwrap();
        assert_eq!(recorded, serializer);
        assert_eq!(recorded.decode::<BTreeMap<String, Vec<f64>>>(&payload).unwrap(), value);
    }
}
