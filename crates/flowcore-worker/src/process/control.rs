//! Telling Prefect's engine why it is asked to end.
//!
//! A signal alone is a crash to the engine, which then says so of a run that was cancelled, and carries out the wrong hooks. It
//! therefore connects to whoever started it, by the port and with the token of two variables, and before the signal a byte
//! tells it that the signal is a cancellation.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use uuid::Uuid;

/// The byte that tells of a cancellation, and the one that accepts it.
const CANCEL: u8 = b'c';
const ACCEPTED: u8 = b'a';

/// What an engine begins with that would also tell of its outcome: these bytes, a version and a number of abilities. The answer
/// that there are none lets it go on without a wait.
const HELLO: [u8; 3] = *b"\0PF";
const NO_MORE: [u8; 5] = *b"\0PF\x01\0";

/// How long an engine may take to accept what it is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest first line that is read: the token and its end.
const LONGEST: u64 = 64;

/// Listens for the engine of one run, until it is dropped.
pub(super) struct Control {
    port: u16,
    token: String,
    asks: mpsc::Sender<oneshot::Sender<()>>,
    listening: AbortHandle,
}

impl Control {
    /// Begins to listen. Without it a run is ended by a signal alone.
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (port, token) = (listener.local_addr()?.port(), Uuid::new_v4().simple().to_string());
        let (asks, asked) = mpsc::channel(1);
        let listening = tokio::spawn(listen(listener, token.clone(), asked)).abort_handle();
        Ok(Control { port, token, asks, listening })
    }

    /// Gives the variables by which an engine finds it.
    pub(super) fn variables(&self) -> [(&'static str, String); 2] {
        [("PREFECT__CONTROL_PORT", self.port.to_string()), ("PREFECT__CONTROL_TOKEN", self.token.clone())]
    }

    /// Tells the engine that it is cancelled, and tells whether it has understood. One that has not connected yet has not.
    pub(super) async fn cancel(&self) -> bool {
        let (accepted, answer) = oneshot::channel();
        self.asks.try_send(accepted).is_ok() && matches!(tokio::time::timeout(PATIENCE, answer).await, Ok(Ok(())))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Takes the first connection that shows the token, and passes on what is asked.
async fn listen(listener: TcpListener, token: String, mut asks: mpsc::Receiver<oneshot::Sender<()>>) {
    loop {
        let engine = tokio::select! {
            engine = connected(&listener, &token) => engine,
            // Nobody is there to be told: who asks is answered by the end of the question.
            Some(_) = asks.recv() => continue,
        };
        let Some((mut read, mut write)) = engine else { continue };
        let mut waiting: Option<oneshot::Sender<()>> = None;
        loop {
            tokio::select! {
                byte = read.read_u8() => match byte {
                    Ok(ACCEPTED) => {
                        if let Some(waiting) = waiting.take() {
                            let _ = waiting.send(());
                        }
                    }
                    Ok(first) if first == HELLO[0] => {
                        // The rest of the greeting comes with it.
                        let mut rest = [0; 4];
                        if read.read_exact(&mut rest).await.is_err() || write.write_all(&NO_MORE).await.is_err() {
                            break;
                        }
                    }
                    _ => break,
                },
                Some(asked) = asks.recv() => {
                    waiting = Some(asked);
                    if write.write_all(&[CANCEL]).await.is_err() {
                        break;
                    }
                }
            }
        }
    }
}

/// Waits for a connection; gives it if it shows the token.
async fn connected(listener: &TcpListener, token: &str) -> Option<(BufReader<OwnedReadHalf>, OwnedWriteHalf)> {
    let (stream, _) = listener.accept().await.ok()?;
    tokio::time::timeout(PATIENCE, shown(stream, token)).await.ok()?
}

async fn shown(stream: TcpStream, token: &str) -> Option<(BufReader<OwnedReadHalf>, OwnedWriteHalf)> {
    let (read, write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    (&mut read).take(LONGEST).read_line(&mut line).await.ok()?;
    (line.trim_end() == token).then_some((read, write))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Connects as an engine does, and greets.
    async fn engine(control: &Control, token: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", control.port)).await.unwrap();
        stream.write_all(format!("{token}\n").as_bytes()).await.unwrap();
        stream.write_all(b"\0PF\x02\x01").await.unwrap();
        stream
    }

    #[tokio::test]
    async fn an_engine_is_told_that_it_is_cancelled() {
        let control = Control::start().await.unwrap();
        assert!(!control.cancel().await, "nobody is there");
        let stranger = engine(&control, "guessed").await;
        let mut engine = engine(&control, &control.token).await;
        let mut answer = [0; 5];
        engine.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, NO_MORE);
        let told = async {
            assert_eq!(engine.read_u8().await.unwrap(), CANCEL);
            engine.write_all(&[ACCEPTED]).await.unwrap();
        };
        let (accepted, ()) = tokio::join!(control.cancel(), told);
        assert!(accepted);
        let mut heard = Vec::new();
        assert_eq!(tokio::io::AsyncReadExt::read_to_end(&mut { stranger }, &mut heard).await.unwrap_or(0), 0);
    }
}
