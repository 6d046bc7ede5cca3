//! A road to a server on which an answer gets lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Opens a road to this API on which the answer to the first request that holds `what` gets lost: the server has done what it was asked
/// for, and the connection breaks. Gives the URL at its beginning, and what tells whether an answer was lost.
pub(crate) async fn lossy(api: &str, what: &'static str) -> (String, Arc<AtomicBool>) {
    let server = api.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = api.replace(&server, &listener.local_addr().unwrap().to_string());
    let is_lost = Arc::new(AtomicBool::new(false));
    let lost = is_lost.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(carry(client, server, what, lost.clone()));
        }
    });
    (url, is_lost)
}

/// Carries bytes both ways until one side hangs up, or an answer is to be lost.
async fn carry(mut client: TcpStream, mut server: TcpStream, what: &'static str, is_lost: Arc<AtomicBool>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_to_be_lost = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                if String::from_utf8_lossy(&asked[..read]).contains(what) && !is_lost.swap(true, Ordering::SeqCst) {
                    is_to_be_lost = true;
                }
                if server.write_all(&asked[..read]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if is_to_be_lost || client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
