//! `flowcore server`: starting, finding and ending a server, and its database.

use crate::world::World;

#[tokio::test]
async fn a_server_in_the_background_is_found_and_ended() {
    let world = World::new().await;
    let status = world.flowcore("server status");
    assert_eq!((status.code, &*status.out), (Some(1), "No server runs with this home folder.\n"));
    let started = world.flowcore("server start --background --port 0");
    assert_eq!(started.code, Some(0), "{started}");
    let status = world.flowcore("server status");
    assert!(status.code == Some(0) && status.out.contains("listens on http://127.0.0.1:"), "{status}");
    let again = world.flowcore("server start --background --port 0");
    assert!(again.code == Some(1) && again.err.contains("a server runs with this home folder"), "{again}");
    let port = status.out.trim().trim_end_matches("/api").rsplit(':').next().unwrap().to_owned();
    let taken = world.flowcore(&format!("server start --port {port}"));
    assert!(taken.code == Some(1) && taken.err.contains("choose another --port, or server.port"), "{taken}");
    let stopped = world.flowcore("server stop");
    assert_eq!((stopped.code, &*stopped.out), (Some(0), "The server has ended.\n"), "{stopped}");
    assert_eq!(world.flowcore("server status").code, Some(1));
    assert_eq!(world.flowcore("server stop").code, Some(1));
}

#[tokio::test]
async fn a_server_that_cannot_start_in_the_background_says_why() {
    let world = World::new().await;
    let lost = [("FLOWCORE_DATABASE_URL", "sqlite:///proc/nowhere/flowcore.db")];
    let failed = world.flowcore_with(&lost, "server start --background --port 0");
    assert!(failed.code == Some(1) && failed.err.contains("database.url"), "{failed}");
}

#[tokio::test]
async fn a_server_that_asks_nobody_stays_on_its_machine() {
    let world = World::new().await;
    let refused = world.flowcore("server start --host 0.0.0.0 --port 0");
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.err.contains("server.api.auth_string") && refused.err.contains("--insecure"), "{refused}");
    for (variables, line) in [
        (&[("PREFECT_SERVER_API_AUTH_STRING", "admin:pass")][..], "server start --host 0.0.0.0 --port 0 --background"),
        (&[], "server start --host 0.0.0.0 --port 0 --background --insecure"),
    ] {
        let started = world.flowcore_with(variables, line);
        assert_eq!(started.code, Some(0), "{started}");
        assert_eq!(world.flowcore("server stop").code, Some(0));
    }
}

#[tokio::test]
async fn a_servers_database_is_looked_after() {
    let world = World::new().await;
    world.flowcore("variable set colour blue");
    let upgraded = world.flowcore("server database upgrade");
    assert!(upgraded.code == Some(0) && upgraded.out.contains("is at version"), "{upgraded}");
    let refused = world.flowcore("server database downgrade");
    assert!(refused.code == Some(1) && refused.err.contains("cannot be brought back"), "{refused}");
    assert_eq!(world.flowcore("server database reset").code, Some(2), "it has to be confirmed");
    assert_eq!(world.flowcore("variable get colour").code, Some(0));
    let reset = world.flowcore("server database reset --yes");
    assert_eq!(reset.code, Some(0), "{reset}");
    assert_eq!(world.flowcore("variable get colour").code, Some(1));
}

#[tokio::test]
async fn requests_are_logged_as_objects() {
    let world = World::new().await;
    let json = [("FLOWCORE_LOGGING_FORMAT", "JSON")];
    let started = world.flowcore_with(&json, "server start --background --port 0 --log-level DEBUG");
    assert_eq!(started.code, Some(0), "{started}");
    let api = started.out.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    let address = api.trim_start_matches("http://").trim_end_matches("/api");
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let request = "GET /api/health?secret=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
    std::io::read_to_string(&mut socket).unwrap();
    assert_eq!(world.flowcore("server stop").code, Some(0));
    let log = std::fs::read_to_string(world.home.path().join("server.log")).unwrap();
    let line = log.lines().find(|line| line.contains("/api/health")).unwrap_or_else(|| panic!("{log}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["method"], &line["path"], &line["status"]), (&"GET".into(), &"/api/health".into(), &200.into()));
    assert_eq!((&line["request_id"], &line["level"]), (&"mine".into(), &"DEBUG".into()));
    assert!(line["duration_ms"].is_number() && !log.contains("secret"), "{log}");
}

#[tokio::test]
async fn services_are_listed_with_what_switches_them_off() {
    let world = World::new().await;
    let listed = world.flowcore_with(&[("PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED", "false")], "server services ls");
    assert_eq!(listed.code, Some(0), "{listed}");
    let line = |name: &str| listed.out.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("scheduler").contains(" no ") && line("scheduler").contains("SCHEDULER_ENABLED=false"), "{listed}");
    assert!(line("zombies").contains(" yes "), "{listed}");
    let json = world.flowcore("server services ls -o json").json();
    assert!(json.as_array().unwrap().iter().any(|one| one["name"] == "db_vacuum" && one["enabled"] == true), "{json}");
}

#[cfg(unix)]
#[tokio::test]
async fn services_apart_from_the_server_do_their_work_and_end() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let world = World::new().await;
    let none: Vec<String> = world
        .flowcore("server services ls -o json")
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["off"].as_str().unwrap().to_owned())
        .collect();
    let none: Vec<(&str, &str)> = none.iter().map(|off| off.split_once('=').unwrap()).collect();
    let refused = world.flowcore_with(&none, "server services start");
    assert!(refused.code == Some(1) && refused.err.contains("switched off"), "{refused}");

    world.begin(crate::history::new_run(1, "etl", "late-otter")).await;
    let mut services = world.command("server services start --log-level DEBUG");
    let mut child = services.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("Services on ") && line.contains("scheduler, late_runs"), "{line}");
    let number = child.id().to_string();
    assert!(std::process::Command::new("/bin/kill").args(["-TERM", &number]).status().unwrap().success());
    let code = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(code.success() && said.contains("The services have ended."), "{code} {said}");
}
