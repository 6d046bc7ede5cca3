//! The steps that are carried out without Python.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::carry_out::{Program, Steps};
use super::files::Files;
use super::ignore::Ignore;
use super::inputs::Inputs;
use super::{code, git, python, s3, shell};

/// The modules whose steps these are, as files name them.
const MODULES: &[&str] = &[
    "",
    "flowcore.deployments.steps",
    "prefect.deployments.steps",
    "prefect.deployments.steps.core",
    "prefect.deployments.steps.pull",
    "prefect.deployments.steps.utility",
    "prefect.projects.steps",
    "prefect_aws.deployments.steps",
    "prefect_aws.projects.steps",
];

/// What has become of a step.
pub(super) enum Known {
    Done(Map<String, Value>),
    /// It is none of these.
    Other,
}

/// Carries out a step in a folder, which it may leave for another one.
pub(super) async fn carry_out(
    steps: &Steps,
    name: &str,
    inputs: &Map<String, Value>,
    at: &mut PathBuf,
) -> Result<Known, String> {
    let (module, step) = name.rsplit_once('.').unwrap_or(("", name));
    if !MODULES.contains(&module) {
        return Ok(Known::Other);
    }
    let read = |known: &[&str]| Inputs::new(inputs.clone(), known);
    let outputs = match step {
        "set_working_directory" => {
            let inputs = read(&["directory"])?;
            let directory = at.join(inputs.needed("directory")?);
            *at = directory
                .canonicalize()
                .ok()
                .filter(|directory| directory.is_dir())
                .ok_or_else(|| format!("there is no folder {}", directory.display()))?;
            outputs([("directory", json!(at))])
        }
        "run_shell_script" => {
            let inputs = read(shell::INPUTS)?;
            shell::run_shell_script(&inputs, at, &steps.report, steps.inherited.as_ref()).await?
        }
        "git_clone" => {
            // Two runs that clone into one folder would find each other's half.
            let _alone = steps.cloning.lock().await;
            git::git_clone(&read(git::INPUTS)?, at, steps.inherited.as_ref()).await?
        }
        "pip_install_requirements" => python::pip_install_requirements(&read(python::INPUTS)?, at, steps).await?,
        "push_to_s3" => {
            let inputs = read(s3::INPUTS)?;
            let ignore = ignore(&inputs, at)?;
            s3::named(&inputs, &steps.s3)?.push(at, &ignore).await?;
            same(&inputs, &["bucket", "folder"])?
        }
        "pull_from_s3" => {
            let inputs = read(s3::INPUTS)?;
            s3::named(&inputs, &steps.s3)?.pull(at).await?;
            let mut outputs = same(&inputs, &["bucket", "folder"])?;
            outputs.insert("directory".to_owned(), json!(at));
            outputs
        }
        "push_to_local" => {
            let inputs = read(&["folder", "ignore_file"])?;
            let folder = at.join(inputs.needed("folder")?);
            let ignore = ignore(&inputs, at)?;
            Files::local(&folder)?.push(at, &ignore).await?;
            outputs([("folder", json!(folder))])
        }
        "pull_from_local" => {
            let inputs = read(&["folder"])?;
            let folder = at.join(inputs.needed("folder")?);
            Files::local(&folder)?.pull(at).await?;
            outputs([("folder", json!(folder)), ("directory", json!(at))])
        }
        "pull_from_remote_storage" => {
            // What else stands there is for the storage.
            let inputs = read(&[])?;
            remote(steps, &inputs, inputs.needed("url")?)?.pull(at).await?;
            outputs([("directory", json!(at))])
        }
        "pull_with_block" => {
            let inputs = read(&["block_type_slug", "block_document_name"])?;
            let (kind, block) = (inputs.needed("block_type_slug")?, inputs.needed("block_document_name")?);
            with_block(steps, kind, block).await?.pull(at).await?;
            outputs([("directory", json!(at))])
        }
        "push_code" => {
            let inputs = read(&["id", "storage", "files", "credentials", "client_parameters"])?;
            let mut files: Vec<PathBuf> = inputs.texts("files")?.into_iter().map(PathBuf::from).collect();
            files.extend(steps.program.as_ref().map(|Program(path)| path.clone()));
            if files.is_empty() {
                return Err("it has no `files`, and the deployment's entrypoint is no program".to_owned());
            }
            files.sort();
            files.dedup();
            let hash = code::push(&remote(steps, &inputs, inputs.needed("storage")?)?, at, &files).await?;
            outputs([("hash", json!(hash))])
        }
        "pull_code" => {
            let inputs = read(&["storage", "hash", "credentials", "client_parameters"])?;
            let storage = remote(steps, &inputs, inputs.needed("storage")?)?;
            let directory = code::pull(&storage, inputs.needed("hash")?, &steps.cache).await?;
            outputs([("directory", json!(directory))])
        }
        _ => return Ok(Known::Other),
    };
    Ok(Known::Done(outputs))
}

fn outputs<const N: usize>(outputs: [(&str, Value); N]) -> Map<String, Value> {
    outputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn same(inputs: &Inputs, names: &[&str]) -> Result<Map<String, Value>, String> {
    names.iter().map(|name| Ok(((*name).to_owned(), json!(inputs.text(name)?)))).collect()
}

fn ignore(inputs: &Inputs, at: &Path) -> Result<Ignore, String> {
    let file = at.join(inputs.text("ignore_file")?.unwrap_or(".prefectignore"));
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Ignore::parse(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ignore::default()),
        Err(error) => Err(format!("{} cannot be read: {error}", file.display())),
    }
}

/// Opens the storage behind an address: `s3://bucket/folder`, `file:///folder`, or a folder.
fn remote(steps: &Steps, inputs: &Inputs, address: &str) -> Result<Files, String> {
    if let Some(rest) = address.strip_prefix("s3://") {
        let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let mut settings = s3::with_inputs(&steps.s3, inputs)?;
        // What fsspec calls the same.
        if let (Some(key), Some(secret)) = (inputs.text("key")?, inputs.text("secret")?) {
            (settings.access_key_id, settings.secret_access_key) = (Some(key.to_owned()), Some(secret.to_owned()));
        }
        if let Some(endpoint) = inputs.text("endpoint_url")? {
            settings.endpoint = Some(endpoint.to_owned());
        }
        return s3::folder(bucket, folder, &settings);
    }
    match address.split_once("://") {
        Some(("file", folder)) => Files::local(Path::new(folder)),
        None => Files::local(Path::new(address)),
        Some((scheme, _)) => Err(format!("storages of the kind `{scheme}` are not known: there are s3:// and file://")),
    }
}

/// Opens the storage of a block.
async fn with_block(steps: &Steps, kind: &str, name: &str) -> Result<Files, String> {
    let placeholder = json!(format!("{{{{ prefect.blocks.{kind}.{name} }}}}"));
    let block = steps.resolver.resolve(&placeholder).await.map_err(|error| error.to_string())?;
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match kind {
        "local-file-system" => Files::local(Path::new(text("basepath"))),
        "s3-bucket" => {
            let credentials = block.get("credentials").and_then(Value::as_object).cloned().unwrap_or_default();
            let settings = s3::with_credentials(&steps.s3, &credentials, &Map::new());
            s3::folder(text("bucket_name"), text("bucket_folder"), &settings)
        }
        _ => Err(format!(
            "code cannot be pulled with a block of the type `{kind}`: there are local-file-system and s3-bucket"
        )),
    }
}
