//! Telling whoever watches over a worker whether it still asks for runs: over HTTP, at `/health`, as Prefect's workers do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// How long a worker that is well may ask for nothing. It asks every few seconds, also of a server that does not answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// How long a question may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a worker has last asked for runs.
pub(crate) struct Health(Mutex<Instant>);

impl Health {
    pub(crate) fn new() -> Self {
        Health(Mutex::new(Instant::now()))
    }

    /// Notes that it asks now.
    pub(crate) fn asks(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_good(&self, now: Instant) -> bool {
        now.duration_since(*self.0.lock().unwrap_or_else(PoisonError::into_inner)) < LONGEST_SILENCE
    }
}

/// Tells it until this is dropped.
pub(crate) struct Healthcheck(AbortHandle);

impl Drop for Healthcheck {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Healthcheck {
    /// Begins to listen at an address.
    pub(crate) async fn start(address: &str, health: Arc<Health>) -> Result<Self, String> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| {
            format!("its health cannot be told at {address}: {error}; FLOWCORE_WORKER_WEBSERVER_HOST and .._PORT name another place")
        })?;
        let listening = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let health = health.clone();
                        tokio::spawn(async move { tokio::time::timeout(PATIENCE, answer(stream, &health)).await });
                    }
                    // There may be no file left for a moment.
                    Err(_) => tokio::time::sleep(PATIENCE).await,
                }
            }
        });
        Ok(Healthcheck(listening.abort_handle()))
    }
}

/// Answers one request.
async fn answer(mut stream: TcpStream, health: &Health) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    let (status, body) = match first.split(' ').nth(1) {
        Some("/health") if health.is_good(Instant::now()) => ("200 OK", r#"{"message":"OK"}"#),
        Some("/health") => ("503 Service Unavailable", r#"{"message":"Worker may be unresponsive at this time"}"#),
        _ => ("404 Not Found", r#"{"detail":"Not Found"}"#),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    write.write_all(head.as_bytes()).await?;
    write.write_all(body.as_bytes()).await?;
    write.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_nothing_is_not_well() {
        let health = Health::new();
        health.asks();
        assert!(health.is_good(Instant::now()) && !health.is_good(Instant::now() + LONGEST_SILENCE * 2));
    }
}
