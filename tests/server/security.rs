//! Whom the server answers, and what it says about itself.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::world::World;

pub(crate) const GUARDED: &[(&str, &str)] = &[("PREFECT_SERVER_API_AUTH_STRING", "admin:pass")];

/// Writes something that stands for each parameter in a path.
fn filled(path: &str) -> String {
    let part =
        |part: &str| if part.starts_with('{') { "00000000-0000-0000-0000-000000000000" } else { part }.to_owned();
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Lists every operation and websocket of the route table, as the server's own document tells it.
async fn table(world: &World) -> (Vec<(Method, String)>, Vec<String>) {
    let document = world.request(Method::GET, "/openapi.json").basic_auth("admin", Some("pass"));
    let document: Value = document.send().await.unwrap().json().await.unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        operations.extend(methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone())));
    }
    let websockets = document["x-websockets"].as_array().unwrap();
    (operations, websockets.iter().map(|path| path.as_str().unwrap().to_owned()).collect())
}

pub(crate) async fn a_run_proves_itself_until_it_has_ended(world: Arc<World>) {
    let asked = async |method: Method, path: &str, who: (&str, &str), body: Value| {
        let answer = world.request(method, path).basic_auth(who.0, Some(who.1)).json(&body).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap_or_default())
    };
    let admin = ("admin", "pass");
    let flow = asked(Method::POST, "/flows/", admin, json!({"name": "f"})).await.1;
    let made =
        asked(Method::POST, "/flow_runs/", admin, json!({"flow_id": flow["id"], "state": {"type": "PENDING"}})).await.1;
    let path = format!("/flow_runs/{}", made["id"].as_str().unwrap());
    let (status, token) = asked(Method::POST, &format!("{path}/token"), admin, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{token}");
    let (name, password) = token["auth_string"].as_str().unwrap().split_once(':').unwrap();
    let run = (name, password);
    assert_eq!(asked(Method::GET, &path, run, json!(null)).await.0, StatusCode::OK);
    let set = |state: &str| json!({"state": {"type": state}});
    assert_eq!(asked(Method::POST, &format!("{path}/set_state"), run, set("RUNNING")).await.0, StatusCode::CREATED);
    for (method, path) in [
        (Method::POST, format!("{path}/token")),
        (Method::DELETE, path.clone()),
        (Method::POST, "/work_pools/".to_owned()),
        (Method::GET, "/admin/settings".to_owned()),
    ] {
        let (status, _) = asked(method.clone(), &path, run, json!({"name": "x"})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let other = name.replace(['0', '1'], "2");
    assert_eq!(asked(Method::GET, &path, (&other, password), json!(null)).await.0, StatusCode::UNAUTHORIZED);
    let listens = async |token: &str, path: &str| {
        let mut request = format!("{}{path}", world.api.replace("http", "ws")).into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "prefect".parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        socket.send(Message::text(json!({"type": "auth", "token": token}).to_string())).await.unwrap();
        matches!(socket.next().await, Some(Ok(Message::Text(_))))
    };
    let token = token["auth_string"].as_str().unwrap();
    assert!(listens(token, "/events/in").await && !listens(token, "/work_pools/p/workers/connect").await);

    // Its last words are heard, and then no more: what is gone has no rights.
    assert_eq!(asked(Method::POST, &format!("{path}/set_state"), run, set("COMPLETED")).await.0, StatusCode::CREATED);
    assert_eq!(asked(Method::GET, &path, run, json!(null)).await.0, StatusCode::OK);
    let gone = asked(Method::POST, "/flow_runs/", admin, json!({"flow_id": flow["id"]})).await.1;
    let gone = format!("/flow_runs/{}", gone["id"].as_str().unwrap());
    let token = asked(Method::POST, &format!("{gone}/token"), admin, json!({})).await.1;
    let (name, password) = token["auth_string"].as_str().unwrap().split_once(':').unwrap();
    asked(Method::DELETE, &gone, admin, json!(null)).await;
    assert_eq!(asked(Method::GET, "/version", (name, password), json!(null)).await.0, StatusCode::UNAUTHORIZED);
}

pub(crate) async fn nothing_is_answered_without_the_password(world: Arc<World>) {
    let (operations, websockets) = table(&world).await;
    assert!(operations.len() > 20 && !websockets.is_empty());
    let mut open = Vec::new();
    for (method, path) in operations {
        let request = || world.request(method.clone(), &filled(&path)).body("{}");
        let refused = [request(), request().basic_auth("admin", Some("wrong")), request().bearer_auth("admin:pass")];
        for request in refused {
            let answer = request.send().await.unwrap();
            if answer.status() != StatusCode::UNAUTHORIZED {
                open.push(format!("{method} {path}"));
                continue;
            }
            assert_eq!(answer.text().await.unwrap(), r#"{"exception_message":"Unauthorized"}"#);
        }
        let known = request().basic_auth("admin", Some("pass")).send().await.unwrap();
        assert_ne!(known.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    open.dedup();
    assert_eq!(open, ["GET /health", "GET /ready"]);
    for path in ["/nothing", "/openapi.json", "/health/", "/../docs", "/../openapi.json"] {
        let status = world.request(Method::POST, path).send().await.unwrap().status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in websockets {
        let address = format!("{}{}", world.api.replace("http", "ws"), filled(&path));
        assert!(connect_async(address.clone()).await.is_err(), "{path} is open to who does not speak the subprotocol");
        for token in [json!(null), json!("wrong"), json!("")] {
            let mut request = address.clone().into_client_request().unwrap();
            request.headers_mut().insert("Sec-WebSocket-Protocol", "prefect".parse().unwrap());
            let (mut socket, _) = connect_async(request).await.unwrap();
            let first = json!({"type": "auth", "token": token}).to_string();
            socket.send(Message::text(first)).await.unwrap();
            let answer = socket.next().await;
            assert!(matches!(answer, Some(Ok(Message::Close(Some(_))))), "{path} {token}: {answer:?}");
        }
        let mut request = address.into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "prefect".parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        socket.send(Message::text(r#"{"type":"auth","token":"admin:pass"}"#)).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer.to_text().unwrap(), r#"{"type":"auth_success"}"#, "{path}");
    }
}

pub(crate) const PROTECTED: &[(&str, &str)] = &[
    ("PREFECT_SERVER_CSRF_PROTECTION_ENABLED", "true"),
    ("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "https://ui.example.org"),
];

pub(crate) async fn changes_need_a_token_where_that_is_set(world: Arc<World>) {
    let make = |name: &str| world.request(Method::POST, "/flows/").json(&json!({"name": name}));
    let refused = make("a").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<Value>().await.unwrap()["detail"], "Missing CSRF token.");
    let token = world.get("/csrf-token?client=me").await;
    assert_eq!(token["client"], "me");
    let text = token["token"].as_str().unwrap();
    for (client, status) in [("me", StatusCode::CREATED), ("you", StatusCode::FORBIDDEN)] {
        let request = make("a").header("Prefect-Csrf-Token", text).header("Prefect-Csrf-Client", client);
        assert_eq!(request.send().await.unwrap().status(), status, "{client}");
    }
    // Another process on the same database knows the token.
    let other = world.replica_set(PROTECTED).await;
    let request = other.request(Method::POST, "/flows/").json(&json!({"name": "b"}));
    let request = request.header("Prefect-Csrf-Token", text).header("Prefect-Csrf-Client", "me");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    other.stop().await;
    for (origin, allowed) in [("https://ui.example.org", true), ("https://evil.example.org", false)] {
        let answer = world.request(Method::GET, "/health").header("Origin", origin).send().await.unwrap();
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), allowed, "{origin}");
    }
}

pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("PREFECT_SERVER_API_BASE_PATH", "/flows/api"),
    ("PREFECT_UI_API_URL", "https://example.org/flows/api"),
    ("FLOWCORE_SERVER_ALLOW_DATABASE_CLEAR", "true"),
    ("FLOWCORE_S3_SECRET_ACCESS_KEY", "geheim"),
];

pub(crate) async fn the_server_tells_of_itself(world: Arc<World>) {
    assert!(world.api.ends_with("/flows/api"), "{}", world.api);
    for (path, expected) in [
        ("/health", json!(true)),
        ("/ready", json!({"message": "OK"})),
        ("/hello", json!("👋")),
        ("/version", json!("0.8.4")),
        ("/admin/version", json!("3.8.8")),
    ] {
        assert_eq!(world.get(path).await, expected, "{path}");
    }
    let settings = world.get("/admin/settings").await;
    assert_eq!(settings["server"]["api"]["base_path"], "/flows/api");
    assert!(!settings.to_string().contains("geheim"), "{settings}");
    assert_eq!(world.get("/openapi.json").await["servers"], json!([{"url": "https://example.org/flows/api"}]));
    let page = world.request(Method::GET, "/../../docs").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<title>") && !page.contains("://"), "the page loads nothing from elsewhere");
    for (version, status) in
        [("0.8.4", StatusCode::OK), ("0.7.0", StatusCode::BAD_REQUEST), ("x", StatusCode::BAD_REQUEST)]
    {
        let answer =
            world.request(Method::GET, "/hello").header("X-PREFECT-API-VERSION", version).send().await.unwrap();
        assert_eq!(answer.status(), status, "{version}");
        assert!(answer.headers().contains_key("x-request-id"));
    }
    let workers = world.get("/collections/views/aggregate-worker-metadata").await;
    assert_eq!(workers["prefect"]["process"]["type"], "process");
    let (status, _) = world.ask(Method::GET, "/collections/views/nothing", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

pub(crate) async fn the_database_is_cleared_where_that_is_allowed(world: Arc<World>) {
    let flow = world.flow("etl").await;
    world.flow_run(json!({"flow_id": flow})).await;
    let clear = "/admin/database/clear";
    let (status, _) = world.ask(Method::POST, clear, Some(json!({}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "it has to be confirmed");
    assert_eq!(world.post("/flows/count", json!({})).await, 1);
    let (status, _) = world.ask(Method::POST, clear, Some(json!({"confirm": true}))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    for path in ["/flows/count", "/flow_runs/count"] {
        assert_eq!(world.post(path, json!({})).await, 0, "{path}");
    }
    world.flow("etl").await;
    // What the server has made when it started is there again, and what it keeps from now on is still guarded by its key.
    let kind = world.get("/block_types/slug/secret").await;
    assert_eq!(kind["is_protected"], true);
    let schemas = world.post("/block_schemas/filter", json!({})).await;
    let schema = schemas.as_array().unwrap().iter().find(|schema| schema["block_type_id"] == kind["id"]).unwrap();
    let secret = json!({"name": "mine", "data": {"value": "hush"}, "block_type_id": kind["id"], "block_schema_id": schema["id"]});
    world.post("/block_documents/", secret).await;
    assert!(world.refuses_other_keys().await);
}

pub(crate) async fn the_database_is_not_cleared_otherwise(world: Arc<World>) {
    world.flow("etl").await;
    let (status, _) = world.ask(Method::POST, "/admin/database/clear", Some(json!({"confirm": true}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(world.post("/flows/count", json!({})).await, 1);
}
