//! The service that flows are embedded in: what it answers, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command};

use flowcore::model::{FlowRunFilter, StateType};
use serde_json::{Value, json};

use super::{Home, built};
use crate::world::eventually;

/// The example, started. It is killed when a test fails.
struct Service {
    process: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    fn start(home: &Home, folder: &Path) -> Self {
        let mut process = home.command(&built("examples").join("http_service"), &[folder]).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).trim_end().to_owned();
        Service { process, out, address }
    }

    /// Sends a request; the answer is read later.
    fn send(&self, method: &str, path: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        connection
    }

    fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        answer(self.send(method, path))
    }

    #[cfg(unix)]
    fn terminate(&self) {
        let kill = ["-c", "kill -s TERM \"$1\"", "sh", &self.process.id().to_string()].map(str::to_owned);
        assert!(Command::new("/bin/sh").args(kill).status().unwrap().success());
    }

    /// Waits for its end, and gives what it has printed since it listens.
    fn ended(mut self) -> String {
        let mut printed = String::new();
        self.out.read_to_string(&mut printed).unwrap();
        assert!(self.process.wait().unwrap().success());
        printed
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads an answer: its status and its body.
fn answer(connection: TcpStream) -> (u16, Value) {
    let mut connection = BufReader::new(connection);
    let mut line = || {
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        line.trim_end().to_ascii_lowercase()
    };
    let status = line().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<String> = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty())).collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

#[cfg(unix)]
#[tokio::test]
async fn http_service() {
    let home = Home::new();
    let folder = home.path("reports");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("monday.csv"), "item,price\npen,2\ninkwell,7\n").unwrap();
    let service = Service::start(&home, &folder);

    let (status, made) = service.ask("POST", "/reports/monday");
    assert_eq!((status, &made["outcome"]), (201, &json!({"value": 3})));
    let (status, run) = service.ask("GET", &format!("/runs/{}", made["run"].as_str().unwrap()));
    assert_eq!((status, &run["name"], &run["state"]), (200, &json!("report of monday"), &json!("Completed")));
    let (status, failed) = service.ask("POST", "/reports/tuesday");
    assert_eq!(status, 500);
    assert!(failed["outcome"]["error"].as_str().unwrap().contains("No such file"), "{failed}");
    assert_eq!(service.ask("GET", "/runs/00000000-0000-0000-0000-000000000000").0, 404);

    // Of these days the lines come when the test writes them.
    let pipes = ["wednesday.csv", "thursday.csv"].map(|file| folder.join(file));
    assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
    let (under_way, given_up) = (service.send("POST", "/reports/wednesday"), service.send("POST", "/reports/thursday"));
    let client = home.client().await;
    let running = FlowRunFilter { state_types: Some(vec![StateType::Running]), ..FlowRunFilter::default() };
    eventually("two runs", async || client.flow_runs(&running).await.unwrap().len() == 2).await;
    drop(given_up);
    service.terminate();
    eventually("nobody listens", async || TcpStream::connect(&service.address).is_err()).await;
    assert_eq!(client.flow_runs(&running).await.unwrap().len(), 2);

    std::fs::write(&pipes[0], "item,price\n").unwrap();
    let (status, made) = answer(under_way);
    assert_eq!((status, &made["outcome"]), (201, &json!({"value": 1})));
    std::fs::write(&pipes[1], "item,price\n").unwrap();
    assert_eq!(service.ended(), "closed\n");
    let ends = client.flow_runs(&FlowRunFilter::default()).await.unwrap();
    let completed = ends.iter().filter(|run| run.state.is_completed()).count();
    assert_eq!((ends.len(), completed), (4, 3), "{ends:?}");
    client.close().await.unwrap();
}
