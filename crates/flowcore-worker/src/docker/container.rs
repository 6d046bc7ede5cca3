//! What is asked of the engine for a job.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::auth::DockerCredentials;
use bollard::models::{ContainerCreateBody, HostConfig};
use serde_json::{Map, Value};

use super::command::words;
use super::size::bytes;
use crate::entrypoint::Entrypoint;
use crate::job::Job;

/// The image for flows in Python if none is named, as Prefect's worker has it.
const PREFECT_IMAGE: &str = "prefecthq/prefect:3-latest";

/// What executes a run in such an image.
const PREFECT_COMMAND: [&str; 3] = ["prefect", "flow-run", "execute"];

/// The name of the engine's machine inside of containers, and the engine's word for its address.
const HOST: &str = "host.docker.internal";
const HOST_ADDRESS: &str = "host.docker.internal:host-gateway";

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    Always,
    /// The one that is there will do if none can be had.
    IfPossible,
    IfNotPresent,
    Never,
}

/// A container that is to be made.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) image: String,
    pub(super) pull: Pull,
    pub(super) registry: Option<DockerCredentials>,
    pub(super) name: String,
    /// Networks that it joins beside the first.
    pub(super) networks: Vec<String>,
    pub(super) body: ContainerCreateBody,
}

impl Wanted {
    /// Reads a job, with what else its container is to be labelled.
    pub(super) fn new(job: &Job, labels: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let image = match (job.text("image"), &job.entrypoint) {
            (Some(image), _) => image.to_owned(),
            (None, Entrypoint::Python(_)) => PREFECT_IMAGE.to_owned(),
            (None, Entrypoint::Program { .. }) => {
                return Err("its job names no image: deploy it with `--job-variable image=NAME`".to_owned());
            }
        };
        let directory = directory(job)?;
        let command = match (&job.command, &job.entrypoint) {
            (Some(command), _) => words(command)?,
            (None, Entrypoint::Program { path, .. }) => {
                let directory = directory.as_deref().unwrap_or(Path::new(""));
                vec![directory.join(path).to_string_lossy().into_owned()]
            }
            (None, Entrypoint::Python(_)) => PREFECT_COMMAND.map(str::to_owned).to_vec(),
        };
        let mut networks = texts(job, "networks")?;
        let mode = job.text("network_mode").map(str::to_owned);
        if mode.is_some() && !networks.is_empty() {
            return Err("its job has both `networks` and `network_mode`: take one of them away".to_owned());
        }
        let is_on_host = mode.as_deref() == Some("host");
        let variables = job.variables.iter().map(|(name, value)| {
            let is_url = !is_on_host && (name == "PREFECT_API_URL" || name == "FLOWCORE_API_URL");
            if is_url { format!("{name}={}", from_inside(value)) } else { format!("{name}={value}") }
        });
        let amount = |name: &str| bytes(name, job.settings.get(name).unwrap_or(&Value::Null));
        let mut host = HostConfig {
            binds: Some(texts(job, "volumes")?),
            memory: amount("mem_limit")?,
            memory_swap: amount("memswap_limit")?,
            privileged: Some(job.is_on("privileged", false)),
            network_mode: mode.or_else(|| (!networks.is_empty()).then(|| networks.remove(0))),
            extra_hosts: (!is_on_host).then(|| vec![HOST_ADDRESS.to_owned()]),
            ..HostConfig::default()
        };
        let mut labels: HashMap<String, String> = labels.into_iter().collect();
        labels.extend(job.labels.clone());
        let mut body = ContainerCreateBody {
            image: Some(image.clone()),
            cmd: Some(command),
            env: Some(variables.collect()),
            labels: Some(labels),
            working_dir: directory.map(|directory| directory.to_string_lossy().into_owned()),
            ..ContainerCreateBody::default()
        };
        if let Some(more) = job.settings.get("container_create_kwargs").filter(|more| !more.is_null()) {
            add(more, &mut body, &mut host)?;
        }
        body.host_config = Some(host);
        let name = job.text("name").or_else(|| job.labels.get("prefect.io/flow-run-name").map(String::as_str));
        Ok(Wanted {
            pull: pull(job, &image)?,
            registry: registry(job)?,
            name: tidy(name.unwrap_or("")),
            image,
            networks,
            body,
        })
    }
}

/// Finds the folder inside of the image that the program is in.
fn directory(job: &Job) -> Result<Option<PathBuf>, String> {
    if matches!(job.entrypoint, Entrypoint::Python(_)) {
        // Prefect's command carries the steps out inside of the container.
        return Ok(job.text("working_dir").map(PathBuf::from));
    }
    let mut directory: Option<PathBuf> = None;
    for (name, inputs) in job.pull_steps.iter().flatten() {
        let is_directory = name.rsplit('.').next() == Some("set_working_directory");
        let said = inputs.get("directory").and_then(Value::as_str).filter(|_| is_directory);
        let said = said.ok_or_else(|| {
            format!("the pull step `{name}` is not for programs in images: there is set_working_directory; build the rest into the image")
        })?;
        directory = Some(directory.unwrap_or_default().join(said));
    }
    Ok(directory.or_else(|| job.text("working_dir").map(PathBuf::from)).or_else(|| job.path.clone()))
}

/// Gives a list of texts.
fn texts(job: &Job, name: &str) -> Result<Vec<String>, String> {
    match job.settings.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => read(name, value),
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str, value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("`{name}` is {value}, which cannot be read: {error}"))
}

/// Says when the image is pulled: what is called latest may be another one each time.
fn pull(job: &Job, image: &str) -> Result<Pull, String> {
    let tag = image.rsplit('/').next().and_then(|name| Some(name.split_once(':')?.1));
    match job.text("image_pull_policy") {
        None if image.contains('@') => Ok(Pull::IfNotPresent),
        None if tag.is_none_or(|tag| tag == "latest") => Ok(Pull::Always),
        None | Some("IfNotPresent") => Ok(Pull::IfNotPresent),
        Some("Always") => Ok(Pull::Always),
        Some("IfPossible") => Ok(Pull::IfPossible),
        Some("Never") => Ok(Pull::Never),
        Some(other) => {
            Err(format!("`image_pull_policy` is `{other}`: there are Always, IfNotPresent, IfPossible and Never"))
        }
    }
}

/// Gives what is shown to the registry of images.
fn registry(job: &Job) -> Result<Option<DockerCredentials>, String> {
    let Some(value) = job.settings.get("registry_credentials").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text("username"), text("password")) {
        (Some(username), Some(password)) => Ok(Some(DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress: text("registry_url"),
            ..DockerCredentials::default()
        })),
        _ => Err("`registry_credentials` are no block with `username` and `password`: name one of the type \
                  `docker-registry-credentials`"
            .to_owned()),
    }
}

/// Writes a URL of this machine as it is called inside of a container.
fn from_inside(url: &str) -> String {
    let replaced = ["//localhost", "//127.0.0.1", "//[::1]"].iter().find_map(|local| {
        let (before, behind) = url.split_once(local)?;
        let is_whole = behind.is_empty() || behind.starts_with([':', '/']);
        is_whole.then(|| format!("{before}//{HOST}{behind}"))
    });
    replaced.unwrap_or_else(|| url.to_owned())
}

/// Makes a name of which the engine approves, from any text.
fn tidy(name: &str) -> String {
    let good = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    let name: String = name.chars().map(|character| if good(character) { character } else { '-' }).collect();
    name.trim_start_matches(['_', '.', '-']).chars().take(200).collect()
}

/// Adds further options by the names that they have in Docker's library for Python.
fn add(more: &Value, body: &mut ContainerCreateBody, host: &mut HostConfig) -> Result<(), String> {
    let more: Map<String, Value> = read("container_create_kwargs", more)?;
    for (name, value) in &more {
        match name.as_str() {
            "cap_add" => host.cap_add = Some(read(name, value)?),
            "cap_drop" => host.cap_drop = Some(read(name, value)?),
            "cpu_shares" => host.cpu_shares = Some(read(name, value)?),
            "cpuset_cpus" => host.cpuset_cpus = Some(read(name, value)?),
            "dns" => host.dns = Some(read(name, value)?),
            "entrypoint" => body.entrypoint = Some(text_or_list(name, value)?),
            "extra_hosts" => {
                let hosts: HashMap<String, String> = read(name, value)?;
                let hosts = hosts.into_iter().map(|(host, address)| format!("{host}:{address}"));
                host.extra_hosts.get_or_insert_default().extend(hosts);
            }
            "group_add" => host.group_add = Some(read(name, value)?),
            "hostname" => body.hostname = Some(read(name, value)?),
            "init" => host.init = Some(read(name, value)?),
            "ipc_mode" => host.ipc_mode = Some(read(name, value)?),
            "nano_cpus" => host.nano_cpus = Some(read(name, value)?),
            "pid_mode" => host.pid_mode = Some(read(name, value)?),
            "pids_limit" => host.pids_limit = Some(read(name, value)?),
            "read_only" => host.readonly_rootfs = Some(read(name, value)?),
            "security_opt" => host.security_opt = Some(read(name, value)?),
            "shm_size" => host.shm_size = bytes(name, value)?,
            "tmpfs" => host.tmpfs = Some(read(name, value)?),
            "user" => body.user = Some(read(name, value)?),
            "working_dir" => body.working_dir = Some(read(name, value)?),
            _ => return Err(format!("`container_create_kwargs` has `{name}`, which this worker does not know")),
        }
    }
    Ok(())
}

fn text_or_list(name: &str, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => words(text),
        other => read(name, other),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::job::tests::job;

    fn wanted(entrypoint: &str, variables: &Value) -> Result<Wanted, String> {
        Wanted::new(&job(entrypoint, variables, &Value::Null)?, [])
    }

    #[test]
    fn a_program_is_started_in_its_image() {
        let said = json!({
            "image": "shop:1.2", "env": {"A": 1}, "volumes": ["/data:/data:ro"], "networks": ["one", "two"], "mem_limit": "512m",
            "memswap_limit": -1, "privileged": true, "labels": {"team": "x"}, "name": "Great Run!",
            "container_create_kwargs": {"shm_size": "64m", "extra_hosts": {"db": "10.0.0.1"}, "user": "1000"},
        });
        let wanted = wanted("bin/etl:report", &said).unwrap();
        assert_eq!((&*wanted.image, wanted.pull, &*wanted.name), ("shop:1.2", Pull::IfNotPresent, "Great-Run-"));
        assert_eq!(wanted.networks, ["two"]);
        let (body, host) = (&wanted.body, wanted.body.host_config.as_ref().unwrap());
        assert_eq!(body.cmd.as_deref(), Some(&["/srv/etl/bin/etl".to_owned()][..]));
        assert_eq!((body.working_dir.as_deref(), body.user.as_deref()), (Some("/srv/etl"), Some("1000")));
        let variables = body.env.as_ref().unwrap();
        assert!(variables.contains(&"A=1".to_owned()), "{variables:?}");
        assert!(
            variables.contains(&"PREFECT_API_URL=http://host.docker.internal:4200/api".to_owned()),
            "{variables:?}"
        );
        assert_eq!(body.labels.as_ref().unwrap()["team"], "x");
        assert_eq!((host.memory, host.memory_swap, host.shm_size), (Some(512 << 20), Some(-1), Some(64 << 20)));
        assert_eq!((host.privileged, host.network_mode.as_deref()), (Some(true), Some("one")));
        assert_eq!(host.extra_hosts.as_ref().unwrap()[..], [HOST_ADDRESS.to_owned(), "db:10.0.0.1".to_owned()]);
    }

    #[test]
    fn a_flow_in_python_is_started_by_prefects_command() {
        let plain = wanted("etl.py:report", &json!({"network_mode": "host"})).unwrap();
        assert_eq!((&*plain.image, plain.pull), (PREFECT_IMAGE, Pull::IfNotPresent));
        assert_eq!(plain.body.cmd.unwrap(), PREFECT_COMMAND);
        assert!(plain.body.env.unwrap().contains(&"PREFECT_API_URL=http://127.0.0.1:4200/api".to_owned()));
        assert!(plain.body.working_dir.is_none() && plain.body.host_config.unwrap().extra_hosts.is_none());
        let said = wanted("etl.py:report", &json!({"command": "sh -c 'a b'", "image": "x"})).unwrap();
        assert_eq!(
            (said.body.cmd.unwrap(), said.pull),
            (vec!["sh".to_owned(), "-c".to_owned(), "a b".to_owned()], Pull::Always)
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (said, why) in [
            (json!({}), "no image"),
            (json!({"image": "x", "networks": ["a"], "network_mode": "host"}), "both"),
            (json!({"image": "x", "mem_limit": "much"}), "mem_limit"),
            (json!({"image": "x", "image_pull_policy": "Sometimes"}), "Sometimes"),
            (json!({"image": "x", "volumes": "/a:/b"}), "volumes"),
            (json!({"image": "x", "container_create_kwargs": {"magic": 1}}), "magic"),
            (json!({"image": "x", "registry_credentials": {"$ref": 1}}), "username"),
        ] {
            assert!(wanted("bin/etl:report", &said).is_err_and(|error| error.contains(why)), "{said}");
        }
    }

    #[test]
    fn when_an_image_is_pulled_follows_from_its_tag() {
        let pulled = |image: &str| wanted("etl.py:report", &json!({"image": image})).unwrap().pull;
        assert_eq!(pulled("registry:5000/shop"), Pull::Always);
        assert_eq!(pulled("registry:5000/shop:latest"), Pull::Always);
        assert_eq!(pulled("registry:5000/shop:1"), Pull::IfNotPresent);
        assert_eq!(pulled("shop@sha256:abc"), Pull::IfNotPresent);
    }
}
