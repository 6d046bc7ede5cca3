//! What the Rust client makes of a server that is in trouble, or does not want it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flowcore::client::{Client, ClientError, HttpClient, HttpOptions, ServerError};
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{FlowRunFilter, LogFilter, LogId, LogLevel, LogLine};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::security::GUARDED;
use crate::world::on_sqlite_set;

/// A server that gives these answers, one after the other, and the last one for ever.
struct Scripted {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                read_request(&mut stream).await;
                let nth = count.fetch_add(1, Ordering::SeqCst);
                let answer = answers[nth.min(answers.len() - 1)];
                // Who asks may have gone.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Scripted { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn read_request(stream: &mut TcpStream) {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or_default();
        read.extend_from_slice(&buffer[..count]);
        // Who greets in TLS says nothing more before it has an answer.
        if read.first() == Some(&0x16) {
            return;
        }
        let text = String::from_utf8_lossy(&read).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if count == 0 || body.len() >= length.unwrap_or(0) {
            return;
        }
    }
}

const EMPTY_LIST: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BUSY_FOR_A_WHILE: &str =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1.5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const OFF: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const OFF_UNTIL: &str = "HTTP/1.1 503 Service Unavailable\r\ndate: Fri, 29 May 2026 10:00:00 GMT\r\nretry-after: Fri, \
                         29 May 2026 10:00:02 GMT\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

struct Tried {
    client: HttpClient,
    _home: TempDir,
}

fn client(url: &str, change: impl FnOnce(&mut HttpOptions)) -> Tried {
    let home = TempDir::new().unwrap();
    let mut options = HttpOptions {
        url: url.to_owned(),
        key: None,
        auth_string: None,
        home: home.path().to_owned(),
        outbox_limit: 1 << 20,
        patience: Duration::from_secs(20),
    };
    change(&mut options);
    Tried { client: HttpClient::new(options, Arc::new(SystemClock)).unwrap(), _home: home }
}

async fn list(tried: &Tried) -> Result<usize, ClientError> {
    tried.client.flow_runs(&FlowRunFilter::default()).await.map(|runs| runs.len())
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_when_it_wants_that() {
    for (answers, rest) in
        [(&[BUSY, OFF, EMPTY_LIST][..], 0.0), (&[BUSY_FOR_A_WHILE, EMPTY_LIST], 1.5), (&[OFF_UNTIL, EMPTY_LIST], 2.0)]
    {
        let server = Scripted::start(answers).await;
        let tried = client(&server.url, |_| {});
        let begun = Instant::now();
        assert_eq!(list(&tried).await.unwrap(), 0);
        assert_eq!(server.asked(), answers.len());
        assert!(begun.elapsed().as_secs_f64() >= rest, "{:?} of {rest}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_stays_busy_is_given_up_in_time() {
    let server = Scripted::start(&[BUSY_FOR_A_WHILE]).await;
    let tried = client(&server.url, |options| options.patience = Duration::from_secs(1));
    let error = list(&tried).await.unwrap_err().to_string();
    assert!(error.contains("429") && error.contains("FLOWCORE_API_URL"), "{error}");
    assert_eq!(server.asked(), 1, "it would have to wait for longer than it may");
}

#[tokio::test]
async fn a_server_that_fails_is_not_asked_again() {
    let server = Scripted::start(&[BROKEN]).await;
    let error = list(&client(&server.url, |_| {})).await.unwrap_err();
    assert!(matches!(error, ClientError::Server(ServerError::Refused { status: 500, .. })), "{error}");
    assert_eq!(server.asked(), 1);
}

fn line() -> LogLine {
    LogLine {
        id: LogId(SystemClock.uuid()),
        timestamp: SystemClock.now(),
        level: LogLevel::Info,
        logger: "etl".to_owned(),
        message: "a".repeat(700),
        fields: serde_json::Map::new(),
        flow_run_id: None,
        task_run_id: None,
    }
}

#[tokio::test]
async fn log_lines_wait_for_as_long_as_the_server_wants() {
    let server =
        Scripted::start(&[BUSY_FOR_A_WHILE, "HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"])
            .await;
    let tried = client(&server.url, |_| {});
    let begun = Instant::now();
    tried.client.append_logs(vec![line()]).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "they are safe on disk");
    tried.client.close().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_full_outbox_says_so_and_takes_nothing_more() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tried = client(&format!("http://{nobody}/api"), |options| options.outbox_limit = 2000);
    tried.client.append_logs(vec![line(), line()]).await.unwrap();
    let error = tried.client.append_logs(vec![line()]).await.unwrap_err().to_string();
    assert!(error.contains("no more than 2000 are allowed") && error.contains("FLOWCORE_API_OUTBOX_LIMIT"), "{error}");
}

#[tokio::test]
async fn encryption_that_the_server_does_not_speak_is_told() {
    let server = Scripted::start(&[EMPTY_LIST]).await;
    let tried = client(&server.url.replacen("http:", "https:", 1), |options| options.patience = Duration::ZERO);
    let error = list(&tried).await.unwrap_err().to_string();
    assert!(error.contains("it does not speak TLS") && error.contains("instead of https:"), "{error}");
}

#[tokio::test]
async fn an_address_without_the_api_is_told() {
    let server = Scripted::start(&["HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>"]).await;
    let error = list(&client(&server.url, |_| {})).await.unwrap_err().to_string();
    assert!(error.contains("check that FLOWCORE_API_URL ends with /api"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_opens_the_server_and_a_wrong_one_is_told() {
    on_sqlite_set(GUARDED, async |world| {
        let (_, password) = GUARDED.iter().find(|(name, _)| name.ends_with("API_AUTH_STRING")).unwrap();
        let right = client(&world.api, |options| options.auth_string = Some((*password).to_owned()));
        assert_eq!(list(&right).await.unwrap(), 0);
        right.client.append_logs(vec![line()]).await.unwrap();
        assert_eq!(right.client.logs(&LogFilter::default()).await.unwrap().len(), 1);

        let wrong = client(&world.api, |options| options.auth_string = Some("admin:wrong".to_owned()));
        let error = list(&wrong).await.unwrap_err().to_string();
        assert!(error.contains("it does not accept what FLOWCORE_API_AUTH_STRING says"), "{error}");
        let error = list(&client(&world.api, |_| {})).await.unwrap_err().to_string();
        assert!(error.contains("set FLOWCORE_API_AUTH_STRING to `user:password`"), "{error}");
        // What it is to be told is kept until the password is right.
        wrong.client.append_logs(vec![line()]).await.unwrap();
    })
    .await;
    let home = TempDir::new().unwrap();
    let options = HttpOptions {
        url: "http://127.0.0.1:9/api".to_owned(),
        key: None,
        auth_string: Some("no colon".to_owned()),
        home: home.path().to_owned(),
        outbox_limit: 1 << 20,
        patience: Duration::ZERO,
    };
    let error = HttpClient::new(options, Arc::new(SystemClock)).unwrap_err().to_string();
    assert!(error.contains("FLOWCORE_API_AUTH_STRING has no colon"), "{error}");
}
