//! Websockets, spoken as Prefect's clients speak them.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::world::World;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) const EVENTS_IN: &str = "/events/in";

/// Connects as Prefect's clients do.
pub(crate) async fn connect(world: &World, path: &str) -> Socket {
    let mut request = format!("{}{path}", world.api.replacen("http", "ws", 1)).into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "prefect".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    send(&mut socket, &json!({"type": "auth", "token": null})).await;
    assert_eq!(hear(&mut socket).await, json!({"type": "auth_success"}));
    socket
}

pub(crate) async fn send(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// Waits for the next message, but not for ever.
pub(crate) async fn hear(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("a message");
        match message.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => panic!("the server ends the connection: {frame:?}"),
            _ => {}
        }
    }
}

/// Waits for the server to end the connection, and gives the code.
pub(crate) async fn closed(socket: &mut Socket) -> u16 {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("an end");
        if let Message::Close(frame) = message.unwrap().unwrap() {
            return frame.unwrap().code.into();
        }
    }
}

/// Sends a ping and waits for its answer: what was sent before is committed then.
pub(crate) async fn flush(socket: &mut Socket) {
    socket.send(Message::Ping("x".into())).await.unwrap();
    loop {
        if let Message::Pong(_) = socket.next().await.unwrap().unwrap() {
            return;
        }
    }
}
