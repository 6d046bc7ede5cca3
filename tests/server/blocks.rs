//! Blocks: types, schemas and documents.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

const HIDDEN: &str = "********";

async fn kind(world: &World, name: &str) -> String {
    let slug = name.to_lowercase();
    text(&world.post("/block_types/", json!({"name": name, "slug": slug})).await["id"])
}

/// Makes a schema of a type, and gives its id and checksum.
async fn schema(world: &World, kind: &str, fields: Value) -> (String, Value) {
    let made = world.post("/block_schemas/", json!({"block_type_id": kind, "fields": fields})).await;
    (text(&made["id"]), made["checksum"].clone())
}

async fn block(world: &World, kind: &str, schema: &str, name: &str, data: Value) -> String {
    let body = json!({"block_type_id": kind, "block_schema_id": schema, "name": name, "data": data});
    text(&world.post("/block_documents/", body).await["id"])
}

async fn refusal(world: &World, method: Method, path: &str, body: Value) -> (u16, String) {
    let (status, answer) = world.ask(method, path, Some(body)).await;
    (status.as_u16(), answer["detail"].as_str().unwrap_or_default().to_owned())
}

fn inner_fields() -> Value {
    json!({
        "title": "Inner", "type": "object", "block_type_slug": "inner", "block_schema_references": {},
        "properties": {"word": {"type": "string"}}, "secret_fields": ["word", "more.*"]
    })
}

pub(crate) async fn block_types_are_kept_and_protected(world: Arc<World>) {
    let body = json!({"name": "One", "slug": "one", "description": "a <b> & c", "code_example": "x < y"});
    let made = world.post("/block_types/", body.clone()).await;
    assert_eq!(made["description"], "a &lt;b&gt; &amp; c");
    let path = format!("/block_types/{}", text(&made["id"]));
    assert_eq!(world.get(&path).await, made);
    assert_eq!(world.get("/block_types/slug/one").await, made);
    let taken = (409, "Block type with name \"One\" already exists".to_owned());
    assert_eq!(refusal(&world, Method::POST, "/block_types/", body).await, taken);
    for (name, slug, status) in [("Prefect's", "x", 403), ("a/b", "x", 422), ("", "x", 422), ("x", "X y", 422)] {
        let (found, _) = refusal(&world, Method::POST, "/block_types/", json!({"name": name, "slug": slug})).await;
        assert_eq!(found, status, "{name} {slug}");
    }
    let update = json!({"description": "<i>", "logo_url": null});
    assert_eq!(world.ask(Method::PATCH, &path, Some(update.clone())).await.0, StatusCode::NO_CONTENT);
    let now = world.get(&path).await;
    assert_eq!((&now["description"], &now["code_example"]), (&json!("<i>"), &json!("x &lt; y")));
    // What says nothing new changes nothing.
    world.ask(Method::PATCH, &path, Some(update)).await;
    assert_eq!(world.get(&path).await, now);

    let (schema_id, _) = schema(&world, &text(&made["id"]), json!({"title": "One"})).await;
    let document = block(&world, &text(&made["id"]), &schema_id, "a", json!({})).await;
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    for gone in [path, format!("/block_schemas/{schema_id}"), format!("/block_documents/{document}")] {
        assert_eq!(world.ask(Method::GET, &gone, None).await.0, StatusCode::NOT_FOUND, "{gone}");
    }

    world.post("/block_types/install_system_block_types", json!({})).await;
    world.post("/block_types/install_system_block_types", json!({})).await;
    let secret = world.get("/block_types/slug/secret").await;
    assert_eq!(secret["is_protected"], true);
    let path = format!("/block_types/{}", text(&secret["id"]));
    let refused = (403, "protected block types cannot be deleted.".to_owned());
    assert_eq!(refusal(&world, Method::DELETE, &path, Value::Null).await, refused);
    let of_secret = json!({"block_schemas": {"block_type_id": {"any_": [secret["id"]]}}});
    let schemas = world.post("/block_schemas/filter", of_secret).await;
    let path = format!("/block_schemas/{}", text(&schemas[0]["id"]));
    assert_eq!(refusal(&world, Method::DELETE, &path, Value::Null).await.0, 403);
    let types = async |filter: Value| {
        let found = world.post("/block_types/filter", filter).await;
        found.as_array().unwrap().iter().map(|kind| text(&kind["slug"])).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(types(json!({"block_types": {"name": {"like_": "SEC"}}})).await, "secret");
    assert_eq!(types(json!({"block_types": {"slug": {"any_": ["webhook", "secret"]}}})).await, "secret webhook");
    let writes = json!({"block_schemas": {"block_capabilities": {"all_": ["write-path", "read-path"]}}});
    assert_eq!(types(writes).await, "local-file-system remote-file-system smb");
    let slugs = json!({"slug": {"any_": ["local-file-system", "secret", "webhook"]}});
    assert_eq!(types(json!({"block_types": slugs, "limit": 1, "offset": 1})).await, "secret");
}

pub(crate) async fn a_schema_is_known_by_its_checksum(world: Arc<World>) {
    let (inner, outer) = (kind(&world, "Inner").await, kind(&world, "Outer").await);
    // What Prefect's client computes for the same fields.
    let known = "sha256:d9851c29dac34443fcb3128d4ced8a9c5171a72b7901adce206b0356857fb068";
    let fields = json!({
        "title": "Inner", "type": "object", "block_type_slug": "inner", "properties": {"s": {"type": "string"}},
        "secret_fields": ["s", "d.*"], "block_schema_references": {}
    });
    let outer_fields = json!({
        "title": "Outer", "type": "object", "block_type_slug": "outer", "secret_fields": ["i.s"],
        "properties": {"i": {"$ref": "#/definitions/Inner"}, "k": {"$ref": "#/definitions/Other"}},
        "block_schema_references": {"i": {"block_type_slug": "inner", "block_schema_checksum": known}},
        "definitions": {"Other": {"title": "Other", "type": "object"}, "Inner": fields.clone()}
    });
    let body = json!({"block_type_id": outer, "fields": outer_fields, "capabilities": ["a", "b"]});
    // The inner one is made of what the outer one says of it.
    let made = world.post("/block_schemas/", body.clone()).await;
    assert_eq!(made["checksum"], "sha256:adbb7ed9c911e8adf6f596d4f60f2fc7edfdc6ad2ee8353f347b05f29b6e04b3");
    assert_eq!(made["fields"], outer_fields);
    assert_eq!(made["block_type"]["slug"], "outer");
    let nested = world.get(&format!("/block_schemas/checksum/{known}")).await;
    assert_eq!((&nested["fields"], &nested["block_type_id"]), (&fields, &json!(inner)));
    assert_eq!(world.ask(Method::POST, "/block_schemas/", Some(body.clone())).await, (StatusCode::OK, made.clone()));
    // Another version of the same is another schema, and the newest is found without one.
    let mut versioned = body.clone();
    versioned["version"] = "2".into();
    let newer = world.post("/block_schemas/", versioned).await;
    let by_checksum = format!("/block_schemas/checksum/{}", text(&made["checksum"]));
    assert_eq!(world.get(&by_checksum).await["id"], newer["id"]);
    assert_eq!(world.get(&format!("{by_checksum}?version=non-versioned")).await["id"], made["id"]);
    assert_eq!(world.ask(Method::GET, &format!("{by_checksum}?version=3"), None).await.0, StatusCode::NOT_FOUND);
    let found = async |filter: Value| {
        let found = world.post("/block_schemas/filter", json!({"block_schemas": filter})).await;
        found.as_array().unwrap().iter().map(|schema| schema["id"].clone()).collect::<Vec<_>>()
    };
    let of_both = json!({"block_type_id": {"any_": [inner, outer]}});
    assert_eq!(found(of_both).await, [&newer["id"], &made["id"], &nested["id"]].map(Clone::clone));
    assert_eq!(found(json!({"version": {"any_": ["2"]}})).await, [newer["id"].clone()]);
    assert_eq!(found(json!({"id": {"any_": [nested["id"]]}})).await, [nested["id"].clone()]);
    assert_eq!(found(json!({"block_capabilities": {"all_": ["b"]}})).await.len(), 2);
    let either = json!({"operator": "or_", "version": {"any_": ["2"]}, "block_type_id": {"any_": [inner]}});
    assert_eq!(found(either).await.len(), 2);
    let capabilities = world.get("/block_capabilities/").await;
    assert_eq!(capabilities.as_array().unwrap()[..3], ["a", "b", "get-directory"].map(Value::from));

    let unknown = json!({"block_type_id": outer, "fields": {"title": "x", "properties": {"i": {}},
        "block_schema_references": {"i": {"block_type_slug": "none", "block_schema_checksum": "sha256:0"}}}});
    assert_eq!(refusal(&world, Method::POST, "/block_schemas/", unknown).await.0, 409);
    let of_nobody = json!({"block_type_id": made["id"], "fields": {}});
    assert_eq!(refusal(&world, Method::POST, "/block_schemas/", of_nobody).await.0, 404);
    let path = format!("/block_schemas/{}", text(&made["id"]));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn blocks_stand_in_blocks_and_hide_secrets(world: Arc<World>) {
    let (inner, outer) = (kind(&world, "Inner").await, kind(&world, "Outer").await);
    let (inner_schema, checksum) = schema(&world, &inner, inner_fields()).await;
    let fields = json!({"title": "Outer", "properties": {"i": {"$ref": "#/definitions/Inner"}},
        "block_schema_references": {"i": {"block_type_slug": "inner", "block_schema_checksum": checksum}},
        "definitions": {"Inner": inner_fields()}});
    let (outer_schema, _) = schema(&world, &outer, fields).await;
    let secrets = json!({"word": "hush", "more": {"a": 1, "b": {"c": null}}, "open": [1]});
    let a = block(&world, &inner, &inner_schema, "a", secrets.clone()).await;
    let refers = |id: &str| json!({"$ref": {"block_document_id": id}});
    let b = block(&world, &outer, &outer_schema, "b", json!({"i": refers(&a), "n": 1})).await;

    let hidden = json!({"word": HIDDEN, "more": {"a": HIDDEN, "b": {"c": HIDDEN}}, "open": [1]});
    let read = async |id: &str, secrets: &str| world.get(&format!("/block_documents/{id}{secrets}")).await;
    let shown = read(&b, "").await;
    assert_eq!(shown["data"], json!({"i": hidden, "n": 1}));
    let reference = &shown["block_document_references"]["i"]["block_document"];
    assert_eq!((&reference["id"], &reference["block_type"]["slug"]), (&json!(a), &json!("inner")));
    assert_eq!((&shown["block_type"]["name"], &shown["block_type_name"]), (&json!("Outer"), &json!("Outer")));
    assert_eq!(read(&b, "?include_secrets=true").await["data"], json!({"i": secrets, "n": 1}));
    let of_type = "/block_types/slug/outer/block_documents";
    assert_eq!(world.get(of_type).await, json!([shown]));
    assert_eq!(world.get(&format!("{of_type}/name/b?include_secrets=true")).await["data"]["i"]["word"], "hush");
    assert_eq!(world.ask(Method::GET, &format!("{of_type}/name/c"), None).await.0, StatusCode::NOT_FOUND);

    let patch =
        async |id: &str, body: Value| refusal(&world, Method::PATCH, &format!("/block_documents/{id}"), body).await.0;
    // What was shown does not replace the secrets, and what is not named stays.
    assert_eq!(patch(&a, json!({"data": {"word": HIDDEN, "more": {"a": HIDDEN, "b": 2}}})).await, 204);
    let now = read(&a, "?include_secrets=true").await["data"].clone();
    assert_eq!(now, json!({"word": "hush", "more": {"a": 1, "b": 2}, "open": [1]}));
    assert_eq!(patch(&a, json!({"data": {"word": "new"}, "merge_existing_data": false})).await, 204);
    assert_eq!(read(&b, "?include_secrets=true").await["data"]["i"], json!({"word": "new"}));
    // No block stands in itself, and none is missing.
    assert_eq!(patch(&a, json!({"data": {"x": refers(&b)}})).await, 400);
    assert_eq!(patch(&a, json!({"data": {"x": refers(&inner)}})).await, 400);
    assert_eq!(patch(&a, json!({"data": {"x": {"$ref": {}}}})).await, 400);
    assert_eq!(patch(&a, json!({"block_schema_id": outer_schema})).await, 400);
    assert_eq!(patch(&inner, json!({"data": {}})).await, 404);
    assert_eq!(read(&a, "?include_secrets=true").await["data"], json!({"word": "new"}));
    assert_eq!(world.ask(Method::DELETE, &format!("/block_documents/{a}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(read(&b, "").await["data"], json!({"n": 1}));
    assert_eq!(world.ask(Method::DELETE, &format!("/block_documents/{a}"), None).await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn blocks_have_names_and_are_found(world: Arc<World>) {
    let (one, two) = (kind(&world, "One").await, kind(&world, "Two").await);
    let (of_one, _) = schema(&world, &one, json!({"title": "One"})).await;
    let (of_two, _) = schema(&world, &two, json!({"title": "Two", "secret_fields": ["s"]})).await;
    let b = block(&world, &one, &of_one, "b", json!({})).await;
    let ids = [b, block(&world, &two, &of_two, "a", json!({"s": "x"})).await];
    block(&world, &two, &of_two, "b", json!({})).await;
    let anonymous = json!({"block_type_id": one, "block_schema_id": of_one, "is_anonymous": true});
    let made = world.post("/block_documents/", anonymous).await;
    assert!(text(&made["name"]).starts_with("anonymous-"));
    for (name, status) in [(json!("b"), 409), (json!("B"), 422), (json!("a_b"), 422), (json!(null), 422)] {
        let body = json!({"block_type_id": one, "block_schema_id": of_one, "name": name});
        assert_eq!(refusal(&world, Method::POST, "/block_documents/", body).await.0, status, "{name}");
    }
    for (kind, schema) in [(&of_one, &of_one), (&one, &one)] {
        let body = json!({"block_type_id": kind, "block_schema_id": schema, "name": "new"});
        assert_eq!(refusal(&world, Method::POST, "/block_documents/", body).await.0, 404);
    }
    for (filter, expected) in [
        (json!({}), "b a b"),
        (json!({"block_documents": {"id": {"any_": ids}}}), "b a"),
        (json!({"block_documents": {"name": {"any_": ["b"]}}}), "b b"),
        (json!({"block_documents": {"name": {"like_": "A"}}}), "a"),
        (json!({"block_documents": {"block_type_id": {"any_": [two]}}}), "a b"),
        (json!({"block_documents": {"is_anonymous": {"eq_": true}}}), "anonymous"),
        (json!({"block_documents": {"is_anonymous": null, "block_type_id": {"any_": [one]}}}), "anonymous b"),
        (json!({"block_types": {"slug": {"any_": ["one"]}}}), "b"),
        (json!({"block_schemas": {"id": {"any_": [of_two]}}}), "a b"),
    ] {
        let mut request = filter.clone();
        request["sort"] = "BLOCK_TYPE_AND_NAME_ASC".into();
        let found = world.post("/block_documents/filter", request).await;
        let name = |block: &Value| text(&block["name"]).split('-').next().unwrap().to_owned();
        let names: Vec<String> = found.as_array().unwrap().iter().map(name).collect();
        assert_eq!(names.join(" "), expected, "{filter}");
        assert_eq!(world.post("/block_documents/count", filter.clone()).await, names.len(), "{filter}");
    }
    let page = json!({"sort": "NAME_ASC", "limit": 1, "include_secrets": true});
    assert_eq!(world.post("/block_documents/filter", page).await[0]["data"], json!({"s": "x"}));
}
