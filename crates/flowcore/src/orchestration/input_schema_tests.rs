//! What is wrong with inputs, as people are told it.

use serde_json::json;

use super::*;

fn told(schema: &Value, input: Value) -> Vec<String> {
    problems(schema, Some(&input)).iter().map(ToString::to_string).collect()
}

fn approval() -> Value {
    json!({
        "type": "object",
        "properties": {
            "approved": {"type": "boolean"},
            "amount": {"type": "integer", "minimum": 0},
            "reason": {"type": ["string", "null"]},
            "level": {"$ref": "#/$defs/Level"},
            "contacts": {"type": "array", "items": {"type": "object", "properties": {"mail": {"type": "string"}}, "required": ["mail"]}},
        },
        "required": ["approved", "amount"],
        "$defs": {"Level": {"type": "string", "enum": ["low", "high"]}},
    })
}

#[test]
fn what_fits_has_no_problem() {
    let whole = json!({"approved": true, "amount": 3, "reason": null, "level": "low", "contacts": [{"mail": "a"}]});
    assert!(told(&approval(), whole).is_empty());
    assert!(told(&approval(), json!({"approved": true, "amount": 3.0, "unknown": 1})).is_empty());
}

#[test]
fn each_problem_says_where_it_is_and_what_is_expected() {
    let wrong = json!({"approved": "yes", "amount": -1, "reason": 3, "level": "middle", "contacts": [{}, 7]});
    assert_eq!(
        told(&approval(), wrong),
        [
            "amount: expected an integer of at least 0, found -1",
            "approved: expected true or false, found \"yes\"",
            "contacts[0].mail: missing, expected a text",
            "contacts[1]: expected an object, found 7",
            "level: expected one of \"low\", \"high\", found \"middle\"",
            "reason: expected a text or null, found 3",
        ]
    );
    assert_eq!(
        told(&approval(), json!({})),
        ["approved: missing, expected true or false", "amount: missing, expected an integer of at least 0"]
    );
    assert_eq!(told(&approval(), json!([1])), ["the input: expected an object, found [1]"]);
}

#[test]
fn an_absent_input_is_an_object_without_fields_or_null() {
    let missing: Vec<_> = problems(&approval(), None).iter().map(ToString::to_string).collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(problems(&json!({"type": ["string", "null"]}), None).is_empty());
    assert!(problems(&json!({"type": "object", "properties": {"a": {}}}), None).is_empty());
    let text: Vec<_> = problems(&json!({"type": "string"}), None).iter().map(ToString::to_string).collect();
    assert_eq!(text, ["the input: missing, expected a text"]);
}

#[test]
fn of_alternatives_one_has_to_fit() {
    let schema = json!({"oneOf": [
        {"type": "object", "properties": {"Wait": {"type": "integer"}}, "required": ["Wait"], "additionalProperties": false},
        {"type": "string", "enum": ["Go", "Stop"]},
    ]});
    assert!(told(&schema, json!("Go")).is_empty());
    assert!(told(&schema, json!({"Wait": 3})).is_empty());
    assert_eq!(
        told(&schema, json!("Run")),
        ["the input: expected an object or one of \"Go\", \"Stop\", found \"Run\""]
    );
    assert_eq!(told(&schema, json!({"Wait": "long"})), ["Wait: expected an integer, found \"long\""]);
}

#[test]
fn a_schema_that_refers_to_itself_is_followed() {
    let schema = json!({
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}}},
    });
    assert!(told(&schema, json!({"next": {"next": null}})).is_empty());
    assert_eq!(told(&schema, json!({"next": {"next": 1}})), ["next.next: expected an object or null, found 1"]);
    let endless = json!({"$ref": "#"});
    assert!(told(&endless, json!(1)).is_empty());
}

#[test]
fn a_field_that_the_schema_knows_nothing_of_is_not_taken() {
    assert!(takes_input_field(&approval(), "reason") && !takes_input_field(&approval(), "reson"));
    let referred = json!({"$ref": "#/$defs/Own", "$defs": {"Own": {"properties": {"a": {}}}}});
    assert!(takes_input_field(&referred, "a") && !takes_input_field(&referred, "b"));
    let open = json!({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}});
    let flattened = json!({"properties": {"a": {}}, "oneOf": [{"properties": {"b": {}}}]});
    for schema in [open, flattened, Value::Null] {
        assert!(takes_input_field(&schema, "b"), "{schema}");
    }
}

#[test]
fn fields_are_listed_with_what_they_expect() {
    let fields = input_fields(&approval());
    let told: Vec<_> =
        fields.iter().map(|field| (field.name.as_str(), field.expected.as_str(), field.required)).collect();
    assert_eq!(
        told,
        [
            ("amount", "an integer of at least 0", true),
            ("approved", "true or false", true),
            ("contacts", "a list", false),
            ("level", "one of \"low\", \"high\"", false),
            ("reason", "a text or null", false),
        ]
    );
    let whole = InputField { name: String::new(), expected: "an integer".to_owned(), required: true };
    assert_eq!(input_fields(&json!({"type": "integer"})), [whole]);
}

#[test]
fn fields_are_read_as_their_schema_says() {
    let read = |name, text| read_input_field(&approval(), name, text);
    assert_eq!(read("approved", "true"), json!(true));
    assert_eq!(read("amount", "3"), json!(3));
    assert_eq!(read("reason", "3"), json!("3"));
    assert_eq!(read("level", "high"), json!("high"));
    assert_eq!(read("contacts", r#"[{"mail": "a"}]"#), json!([{"mail": "a"}]));
    assert_eq!(read("amount", "many"), json!("many"));
    assert_eq!(read("unknown", "1"), json!(1));
    assert_eq!(read_input_field(&Value::Null, "any", "word"), json!("word"));
}
