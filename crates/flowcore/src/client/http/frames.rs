//! The frames of websockets (RFC 6455), as far as a client that sends texts needs them.
//!
//! The opening is an HTTP request, which the client of requests makes, with its encryption and its proxies. What is left is
//! less code than a library for it brings crates: whole texts and pings go out, and what comes in is an acknowledgement.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};

/// The largest frame that is taken in: servers send a few words.
const LARGEST: u64 = 1 << 20;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// The last frame of a message.
const FINAL: u8 = 0x80;

/// The frame's payload is masked, as a client's must be.
const MASKED: u8 = 0x80;

/// What the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A text, or a part of one.
    Text(String),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// The end, with the server's reason.
    Close(String),
    /// What a client of events has no use for.
    Other,
}

/// An open websocket.
pub(super) struct Frames<S>(BufStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    pub(super) fn new(stream: S) -> Self {
        Frames(BufStream::new(stream))
    }

    /// Writes a text; it may wait in the buffer for what follows.
    pub(super) async fn text(&mut self, text: &str) -> std::io::Result<()> {
        self.frame(TEXT, text.as_bytes()).await
    }

    /// Writes a ping, and sends everything off.
    pub(super) async fn ping(&mut self, payload: &[u8]) -> std::io::Result<()> {
        self.frame(PING, payload).await?;
        self.0.flush().await
    }

    /// Sends everything off.
    pub(super) async fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush().await
    }

    /// Reads the next frame. Pings are answered.
    pub(super) async fn next(&mut self) -> std::io::Result<Incoming> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).await?;
        let length = match head[1] & !MASKED {
            126 => u64::from(self.0.read_u16().await?),
            127 => self.0.read_u64().await?,
            short => u64::from(short),
        };
        if length > LARGEST || head[1] & MASKED != 0 {
            return Err(std::io::Error::other("the server sends what no client of events expects"));
        }
        let mut payload = vec![0; usize::try_from(length).unwrap_or_default()];
        self.0.read_exact(&mut payload).await?;
        Ok(match head[0] & 0x0f {
            TEXT | CONTINUATION => Incoming::Text(String::from_utf8_lossy(&payload).into_owned()),
            PING => {
                self.frame(PONG, &payload).await?;
                self.0.flush().await?;
                Incoming::Other
            }
            PONG => Incoming::Pong(payload),
            // Two bytes of a code stand before the reason.
            CLOSE => Incoming::Close(String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned()),
            BINARY => Incoming::Other,
            _ => return Err(std::io::Error::other("the server sends an unknown kind of frame")),
        })
    }

    async fn frame(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<()> {
        self.0.write_u8(FINAL | kind).await?;
        match payload.len() {
            short @ 0..126 => self.0.write_u8(MASKED | short.to_le_bytes()[0]).await?,
            medium if u16::try_from(medium).is_ok() => {
                self.0.write_u8(MASKED | 126).await?;
                self.0.write_u16(u16::try_from(medium).unwrap_or_default()).await?;
            }
            long => {
                self.0.write_u8(MASKED | 127).await?;
                self.0.write_u64(long as u64).await?;
            }
        }
        // Against proxies that take a payload for a request. Whoever could choose ours is the program itself, so that a mask
        // need not be one that nobody can guess.
        let mask = fastrand::u32(..).to_ne_bytes();
        self.0.write_all(&mask).await?;
        let masked: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.0.write_all(&masked).await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Reads a masked frame as a server does.
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> (u8, Vec<u8>) {
        let kind = stream.read_u8().await.unwrap();
        let length = match stream.read_u8().await.unwrap() & !MASKED {
            126 => u64::from(stream.read_u16().await.unwrap()),
            127 => stream.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await.unwrap();
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        (kind, payload)
    }

    #[tokio::test]
    async fn texts_of_all_lengths_arrive() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut frames = Frames::new(ours);
        for length in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
            let text = "a".repeat(length);
            frames.text(&text).await.unwrap();
            frames.flush().await.unwrap();
            assert_eq!(read(&mut theirs).await, (FINAL | TEXT, text.into_bytes()), "{length}");
        }
    }

    #[tokio::test]
    async fn pings_are_answered_and_answers_read() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut frames = Frames::new(ours);
        theirs.write_all(&[FINAL | PING, 2, b'h', b'i']).await.unwrap();
        theirs.write_all(&[FINAL | PONG, 1, b'7']).await.unwrap();
        theirs.write_all(&[FINAL | CLOSE, 5, 3, 0xf0, b'b', b'y', b'e']).await.unwrap();
        assert_eq!(frames.next().await.unwrap(), Incoming::Other);
        assert_eq!(read(&mut theirs).await, (FINAL | PONG, b"hi".to_vec()));
        assert_eq!(frames.next().await.unwrap(), Incoming::Pong(b"7".to_vec()));
        assert_eq!(frames.next().await.unwrap(), Incoming::Close("bye".to_owned()));
        theirs.write_all(&[FINAL | TEXT, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
        assert!(frames.next().await.is_err(), "too large");
    }
}
