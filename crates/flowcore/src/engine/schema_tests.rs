use super::*;

/// Writes a parameter as `#[flow]` does.
macro_rules! parameter {
    ($name:literal: $type:ty $(= $default:expr)?) => {
        ParameterSchema {
            name: $name,
            documentation: "",
            optional: stringify!($($default)?) != "",
            default: || {
                #[allow(unused_mut, unused_assignments, clippy::allow_attributes, reason = "only some have defaults")]
                let mut default = None;
                $(default = SchemaProbe::<$type>::default_json(|| $default);)?
                default
            },
            schema: |schemas| {
                #[allow(unused_imports, clippy::allow_attributes, reason = "only some fall back")]
                use super::SchemaFallback as _;
                SchemaProbe::<$type>::schema(schemas)
            },
        }
    };
}

/// Has no schema, and cannot be shown as JSON.
struct Opaque;

#[test]
fn a_type_without_a_schema_may_be_anything() {
    let schema = parameters_schema(&[parameter!("anything": Opaque)]);
    assert_eq!(schema["properties"]["anything"], json!({"title": "anything", "position": 0}));
    assert_eq!(schema["required"], json!(["anything"]));
}

#[test]
fn a_default_makes_a_parameter_optional() {
    let schema = parameters_schema(&[parameter!("first": String), parameter!("limit": u32 = 10)]);
    assert_eq!(schema["properties"]["limit"]["default"], 10);
    assert_eq!(schema["properties"]["limit"]["position"], 1);
    assert_eq!(schema["required"], json!(["first"]));
}

#[test]
fn a_default_that_json_cannot_show_still_is_one() {
    let schema = parameters_schema(&[parameter!("opaque": Opaque = Opaque)]);
    assert_eq!(schema["properties"]["opaque"], json!({"title": "opaque", "position": 0}));
    assert_eq!(schema["required"], json!([]));
}

#[cfg(feature = "schema")]
#[test]
fn an_option_may_be_left_out() {
    let schema = parameters_schema(&[parameter!("maybe": Option<u32>)]);
    assert_eq!(schema["properties"]["maybe"]["default"], Value::Null);
    assert_eq!(schema["required"], json!([]));
}

#[test]
fn documentation_becomes_the_description() {
    let documented = ParameterSchema { documentation: "How many.", ..parameter!("limit": u32) };
    let schema = parameters_schema(&[documented]);
    assert_eq!(schema["properties"]["limit"]["description"], "How many.");
}

#[test]
fn no_parameters_are_an_empty_object() {
    let expected =
        json!({"title": "Parameters", "type": "object", "properties": {}, "required": [], "definitions": {}});
    assert_eq!(parameters_schema(&[]), expected);
}

#[cfg(feature = "schema")]
mod with_schemars {
    use super::*;
    use std::collections::BTreeMap;

    /// A page.
    #[derive(Serialize, schemars::JsonSchema)]
    struct Page {
        /// Where it is.
        url: String,
        byte_size: Option<u32>,
        color: Color,
    }

    #[derive(Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        #[expect(dead_code, reason = "only the schema is looked at")]
        Blue,
    }

    /// The expected schema is what `prefect.utilities.callables.parameter_schema` of Prefect 3.8.8 makes of
    ///
    /// ```python
    /// def f(page: Page, when: datetime, id: UUID, pages: list[Page], pair: tuple[int, str],
    ///       need: Optional[int] = None, limit: int = 10, ratio: float = 0.5, tags: list[str] = [],
    ///       by: dict[str, int] = {}, opt: Optional[Page] = None, color: Color = Color.Red, flag: bool = False): ...
    /// ```
    ///
    /// but for the field `byte_size`: that it is unsigned is told as well, and serde has no word for its default.
    #[test]
    fn the_form_is_prefects() {
        let schema = parameters_schema(&[
            parameter!("page": Page),
            parameter!("when": chrono::DateTime<chrono::Utc>),
            parameter!("id": uuid::Uuid),
            parameter!("pages": Vec<Page>),
            parameter!("pair": (i64, String)),
            parameter!("need": Option<i64>),
            parameter!("limit": i32 = 10),
            parameter!("ratio": f64 = 0.5),
            parameter!("tags": Vec<String> = Vec::new()),
            parameter!("by": BTreeMap<String, i64> = BTreeMap::new()),
            parameter!("opt": Option<Page>),
            parameter!("color": Color = Color::Red),
            parameter!("flag": bool = false),
        ]);
        let expected = json!({
            "title": "Parameters",
            "type": "object",
            "properties": {
                "page": {"$ref": "#/definitions/Page", "position": 0, "title": "page"},
                "when": {"format": "date-time", "position": 1, "title": "when", "type": "string"},
                "id": {"format": "uuid", "position": 2, "title": "id", "type": "string"},
                "pages": {"items": {"$ref": "#/definitions/Page"}, "position": 3, "title": "pages", "type": "array"},
                "pair": {
                    "maxItems": 2, "minItems": 2, "position": 4,
                    "prefixItems": [{"type": "integer"}, {"type": "string"}], "title": "pair", "type": "array"
                },
                "need": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null, "position": 5, "title": "need"},
                "limit": {"default": 10, "position": 6, "title": "limit", "type": "integer"},
                "ratio": {"default": 0.5, "position": 7, "title": "ratio", "type": "number"},
                "tags": {"default": [], "items": {"type": "string"}, "position": 8, "title": "tags", "type": "array"},
                "by": {
                    "additionalProperties": {"type": "integer"}, "default": {}, "position": 9, "title": "by",
                    "type": "object"
                },
                "opt": {
                    "anyOf": [{"$ref": "#/definitions/Page"}, {"type": "null"}], "default": null, "position": 10,
                    "title": "opt"
                },
                "color": {"$ref": "#/definitions/Color", "default": "red", "position": 11, "title": "color"},
                "flag": {"default": false, "position": 12, "title": "flag", "type": "boolean"}
            },
            "required": ["page", "when", "id", "pages", "pair"],
            "definitions": {
                "Color": {"enum": ["red", "blue"], "title": "Color", "type": "string"},
                "Page": {
                    "description": "A page.",
                    "properties": {
                        "url": {"description": "Where it is.", "title": "Url", "type": "string"},
                        "byte_size": {
                            "anyOf": [{"minimum": 0, "type": "integer"}, {"type": "null"}], "title": "Byte Size"
                        },
                        "color": {"$ref": "#/definitions/Color"}
                    },
                    "required": ["url", "color"],
                    "title": "Page",
                    "type": "object"
                }
            }
        });
        assert_eq!(schema, expected, "{schema:#}");
    }

    #[test]
    fn numbers_keep_their_bounds_and_lose_their_formats() {
        let schema = parameters_schema(&[parameter!("small": u8), parameter!("nested": Vec<f32>)]);
        let small = json!({"minimum": 0, "maximum": 255, "position": 0, "title": "small", "type": "integer"});
        assert_eq!(schema["properties"]["small"], small);
        assert_eq!(schema["properties"]["nested"]["items"], json!({"type": "number"}));
    }

    #[test]
    fn a_schema_that_allows_everything_is_an_empty_object() {
        let schema = parameters_schema(&[parameter!("any": Value)]);
        assert_eq!(schema["properties"]["any"], json!({"title": "any", "position": 0}));
    }
}
