//! Buckets of S3 as steps name them, with the credentials of Prefect's blocks.

use std::sync::Arc;

use flowcore::settings::S3Settings;
use object_store::ObjectStore;
use serde_json::{Map, Value};

use super::files::Files;
use super::inputs::Inputs;

pub(super) const INPUTS: &[&str] = &["bucket", "folder", "credentials", "client_parameters", "ignore_file"];

/// Opens the folder of a bucket that the inputs of `push_to_s3` and `pull_from_s3` name.
pub(super) fn named(inputs: &Inputs, settings: &S3Settings) -> Result<Files, String> {
    let settings = with_inputs(settings, inputs)?;
    folder(inputs.needed("bucket")?, inputs.text("folder")?.unwrap_or_default(), &settings)
}

/// Opens a folder of a bucket.
pub(super) fn folder(bucket: &str, folder: &str, settings: &S3Settings) -> Result<Files, String> {
    let store = open(bucket, settings)?;
    Files::new(store, folder, format!("s3://{bucket}/{}", folder.trim_matches('/')))
}

/// Puts what a step says of the server and who asks over what the settings say.
pub(super) fn with_inputs(settings: &S3Settings, inputs: &Inputs) -> Result<S3Settings, String> {
    let nothing = Map::new();
    let credentials = inputs.object("credentials")?.unwrap_or(&nothing);
    let parameters = inputs.object("client_parameters")?.unwrap_or(&nothing);
    Ok(with_credentials(settings, credentials, parameters))
}

/// Reads the blocks `aws-credentials` and `minio-credentials`, or the same fields written out.
pub(super) fn with_credentials(
    settings: &S3Settings,
    credentials: &Map<String, Value>,
    parameters: &Map<String, Value>,
) -> S3Settings {
    let nested = credentials.get("aws_client_parameters").and_then(Value::as_object);
    let text = |of: Option<&Map<String, Value>>, names: &[&str]| {
        let of = of?;
        names.iter().find_map(|name| of.get(*name)?.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let parameter = |names: &[&str]| text(Some(parameters), names).or_else(|| text(nested, names));
    let credential = |names: &[&str]| parameter(names).or_else(|| text(Some(credentials), names));
    let given = S3Settings {
        endpoint: parameter(&["endpoint_url"]),
        region: credential(&["region_name"]),
        access_key_id: credential(&["aws_access_key_id", "minio_root_user"]),
        secret_access_key: credential(&["aws_secret_access_key", "minio_root_password"]),
        session_token: credential(&["aws_session_token"]),
        allow_http: None,
        path_style: None,
    };
    let brings_who_asks = given.access_key_id.is_some();
    S3Settings {
        endpoint: given.endpoint.or_else(|| settings.endpoint.clone()),
        region: given.region.or_else(|| settings.region.clone()),
        access_key_id: given.access_key_id.or_else(|| settings.access_key_id.clone()),
        secret_access_key: given.secret_access_key.or_else(|| settings.secret_access_key.clone()),
        // The token of others would make no sense with these credentials.
        session_token: given.session_token.or_else(|| settings.session_token.clone().filter(|_| !brings_who_asks)),
        allow_http: settings.allow_http,
        path_style: settings.path_style,
    }
}

#[cfg(feature = "s3")]
fn open(bucket: &str, settings: &S3Settings) -> Result<Arc<dyn ObjectStore>, String> {
    flowcore::results::bucket(bucket, settings).map_err(|error| error.to_string())
}

#[cfg(not(feature = "s3"))]
fn open(bucket: &str, _: &S3Settings) -> Result<Arc<dyn ObjectStore>, String> {
    Err(format!("the bucket {bucket} cannot be used: this program was built without the feature `s3`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_of_blocks_go_before_the_settings() {
        let some = |text: &str| Some(text.to_owned());
        let settings = S3Settings {
            region: some("eu-north-1"),
            access_key_id: some("mine"),
            secret_access_key: some("hush"),
            session_token: some("token"),
            ..S3Settings::default()
        };
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let block = object(json!({
            "minio_root_user": "root", "minio_root_password": "pw", "region_name": null,
            "aws_client_parameters": {"endpoint_url": "http://minio:9000", "use_ssl": true},
        }));
        let expected = S3Settings {
            endpoint: some("http://minio:9000"),
            region: some("eu-north-1"),
            access_key_id: some("root"),
            secret_access_key: some("pw"),
            ..S3Settings::default()
        };
        assert_eq!(with_credentials(&settings, &block, &Map::new()), expected);
        assert_eq!(with_credentials(&settings, &Map::new(), &Map::new()), settings);
    }
}
