#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;
use crate::results::{Lookup, Serializer, Storage};

fn settings(endpoint: Option<String>) -> S3Settings {
    S3Settings {
        endpoint,
        access_key_id: Some("key".to_owned()),
        secret_access_key: Some("hush".to_owned()),
        ..S3Settings::default()
    }
}

fn open_error(url: &str, settings: &S3Settings) -> ResultError {
    Storage::from_url(url, settings).unwrap_err()
}

#[test]
fn what_is_missing_is_named() {
    let all = settings(Some("http://127.0.0.1:9000".to_owned()));
    let cases = [
        ("FLOWCORE_S3_ACCESS_KEY_ID", S3Settings { access_key_id: None, ..all.clone() }),
        ("FLOWCORE_S3_SECRET_ACCESS_KEY", S3Settings { secret_access_key: None, ..all.clone() }),
        ("FLOWCORE_S3_REGION", S3Settings { endpoint: None, ..all.clone() }),
        ("FLOWCORE_S3_ENDPOINT", S3Settings { endpoint: Some("localhost:9000".to_owned()), ..all.clone() }),
        ("FLOWCORE_S3_ALLOW_HTTP", S3Settings { allow_http: Some(false), ..all.clone() }),
    ];
    for (name, settings) in cases {
        let error = open_error("s3://bucket/prefix", &settings);
        assert!(matches!(&error, ResultError::Setting { setting, .. } if *setting == name), "{name}: {error}");
        assert!(error.to_string().contains("s3://bucket/prefix"), "{error}");
    }
    for url in ["s3://", "s3:///prefix", "s3://b?c/x", "s3://bucket/../x", "s3://bucket/a//b"] {
        assert!(matches!(open_error(url, &all), ResultError::Address { .. }), "{url}");
    }
}

#[test]
fn the_address_is_the_bucket_and_prefix_without_secrets() {
    let settings = settings(Some("http://127.0.0.1:9000/".to_owned()));
    for (url, expected) in
        [("s3://bucket", "s3://bucket"), ("s3://bucket/", "s3://bucket"), ("s3://bucket/a/b/", "s3://bucket/a/b")]
    {
        let storage = Storage::from_url(url, &settings).unwrap();
        assert_eq!(storage.url(), expected);
        assert_eq!(format!("{storage:?}"), format!("Storage({expected:?})"));
    }
}

/// Takes one connection, and returns the beginning of what it says.
fn first_words(listener: TcpListener) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut words = [0; 4096];
        let (mut connection, _) = listener.accept().unwrap();
        let length = connection.read(&mut words).unwrap();
        String::from_utf8_lossy(&words[..length]).into_owned()
    })
}

async fn asked(scheme: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("{scheme}://{}", listener.local_addr().unwrap());
    let words = first_words(listener);
    let storage = Storage::from_url("s3://bucket/pre", &settings(Some(endpoint))).unwrap();
    let lookup = storage.read("key", chrono::DateTime::UNIX_EPOCH).await;
    let Lookup::Unreachable { reason } = lookup else { panic!("{lookup:?}") };
    assert!(reason.contains("check FLOWCORE_S3_ENDPOINT") && !reason.contains("hush"), "{reason}");
    words.join().unwrap()
}

#[tokio::test]
async fn the_bucket_is_in_the_path_by_default() {
    let words = asked("http").await;
    assert!(words.starts_with("GET /bucket/pre/key HTTP/1.1\r\n"), "{words}");
}

#[test]
fn the_bucket_is_in_the_host_where_that_is_chosen() {
    assert_eq!(with_bucket("https://s3.example.com", "bucket", false), "https://bucket.s3.example.com");
    assert_eq!(with_bucket("https://s3.example.com", "bucket", true), "https://s3.example.com");
}

#[tokio::test]
async fn an_encrypted_endpoint_is_spoken_to_in_tls() {
    let words = asked("https").await;
    // A record of type 22, which is a handshake, of version 3.
    assert!(words.starts_with("\u{16}\u{3}"), "{words:?}");
}

/// Amazon's answer to any request about a bucket that does not exist. Servers for tests tend to make the bucket instead.
#[tokio::test]
async fn an_absent_bucket_is_told_by_reads_writes_and_lists() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        for connection in listener.incoming().take(3) {
            let mut connection = connection.unwrap();
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let length = connection.read(&mut part).unwrap();
                request.extend_from_slice(&part[..length]);
            }
            let body = "<Error><Code>NoSuchBucket</Code></Error>";
            let head = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length";
            write!(connection, "{head}: {}\r\n\r\n{body}", body.len()).unwrap();
            // Closing with something unread would reset the connection, perhaps before the answer has been read.
            connection.shutdown(std::net::Shutdown::Write).unwrap();
            std::io::copy(&mut connection, &mut std::io::sink()).unwrap();
        }
    });
    let storage = Storage::from_url("s3://absent", &settings(Some(endpoint))).unwrap();
    let lookup = storage.read("key", chrono::DateTime::UNIX_EPOCH).await;
    let Lookup::Unreachable { reason } = lookup else { panic!("{lookup:?}") };
    let listed = storage.list("").await.unwrap_err();
    let written = storage.write("key", Serializer::JSON, "", None).await.unwrap_err();
    for text in [reason, listed.to_string(), written.to_string()] {
        assert!(text.contains("create the bucket"), "{text}");
    }
    answering.join().unwrap();
}
