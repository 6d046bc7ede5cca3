//! A Docker engine, and what is asked of it.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary, NetworkConnectRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::container::{Pull, Wanted};

/// Where the engine of this machine listens.
const SOCKET: &str = "unix:///var/run/docker.sock";

/// How long a request may take, in seconds; a pull or a wait is as long as it goes on.
const PATIENCE: u64 = 120;

/// The status of what is not there, and of a name that is taken.
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;

/// An engine.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    pub(super) docker: Docker,
    /// Where it listens.
    pub(super) place: String,
}

impl Engine {
    /// Finds the engine that `DOCKER_HOST` names, or else that of this machine, and agrees with it on a version.
    pub(super) async fn find() -> Result<Self, String> {
        let place = std::env::var("DOCKER_HOST").ok().filter(|place| !place.is_empty());
        let place = place.unwrap_or_else(|| SOCKET.to_owned());
        let away = |error: Error| {
            format!(
                "the Docker engine at {place} cannot be reached: {error}; start it, or name another one by DOCKER_HOST"
            )
        };
        let version = bollard::API_DEFAULT_VERSION;
        let docker = match place.split_once("://") {
            Some(("unix", path)) => Docker::connect_with_unix(path, PATIENCE, version),
            Some(("tcp" | "http", _)) => Docker::connect_with_http(&place, PATIENCE, version),
            _ => return Err(format!("DOCKER_HOST is `{place}`: write unix://PATH or tcp://HOST:PORT")),
        };
        let docker = docker.map_err(away)?.negotiate_version().await.map_err(away)?;
        Ok(Engine { docker, place: place.clone() })
    }

    /// Sees to it that an image is there.
    pub(super) async fn provide(&self, wanted: &Wanted) -> Result<(), String> {
        let image = &wanted.image;
        let is_there = async || match self.docker.inspect_image(image).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(NOT_FOUND) => Ok(false),
            Err(error) => Err(format!("the image `{image}` cannot be looked at: {error}")),
        };
        match wanted.pull {
            Pull::Never => return Ok(()),
            Pull::IfNotPresent if is_there().await? => return Ok(()),
            _ => {}
        }
        tracing::info!(target: "flowcore", "pulling the image `{image}`");
        let options = CreateImageOptionsBuilder::default().from_image(&with_tag(image)).build();
        let pulled =
            self.docker.create_image(Some(options), None, wanted.registry.clone()).try_for_each(|_| async { Ok(()) });
        match pulled.await {
            Ok(()) => Ok(()),
            Err(error) if wanted.pull == Pull::IfPossible && is_there().await? => {
                tracing::warn!(target: "flowcore", "the image `{image}` cannot be pulled ({error}): the one that is here is taken");
                Ok(())
            }
            Err(error) => Err(format!("the image `{image}` cannot be pulled: {error}")),
        }
    }

    /// Makes a container, and gives its id. If its name is taken, it gets one like it.
    pub(super) async fn make(&self, wanted: &Wanted) -> Result<String, String> {
        let mut name = wanted.name.clone();
        loop {
            // A name has two characters at least; without any the engine finds one.
            let options = (name.len() > 1).then(|| CreateContainerOptionsBuilder::default().name(&name).build());
            match self.docker.create_container(options, wanted.body.clone()).await {
                Ok(made) => {
                    self.join(&made.id, &wanted.networks).await?;
                    return Ok(made.id);
                }
                Err(error) if status(&error) == Some(CONFLICT) && name == wanted.name => {
                    name = format!("{name}-{}", Uuid::new_v4().simple());
                }
                Err(error) => return Err(format!("no container of the image `{}` can be made: {error}", wanted.image)),
            }
        }
    }

    async fn join(&self, id: &str, networks: &[String]) -> Result<(), String> {
        for network in networks {
            let request = NetworkConnectRequest { container: id.to_owned(), ..NetworkConnectRequest::default() };
            if let Err(error) = self.docker.connect_network(network, request).await {
                self.remove(id).await;
                return Err(format!("its container cannot join the network `{network}`: {error}"));
            }
        }
        Ok(())
    }

    /// Starts a container; one that cannot be started is removed.
    pub(super) async fn start(&self, id: &str) -> Result<(), String> {
        let started = self.docker.start_container(id, None::<StartContainerOptions>).await;
        if let Err(error) = started {
            self.remove(id).await;
            return Err(format!("its container cannot be started: {error}"));
        }
        Ok(())
    }

    /// Asks a container to end, and ends it after so many seconds.
    pub(super) async fn stop(&self, id: &str, seconds: u64) -> Result<(), Error> {
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        self.docker.stop_container(id, Some(StopContainerOptionsBuilder::default().t(seconds).build())).await
    }

    /// Looks at a container. None: it is gone.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<ContainerInspectResponse>, Error> {
        match self.docker.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if status(&error) == Some(NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a container, whatever it does.
    pub(super) async fn remove(&self, id: &str) {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        if let Err(error) = self.docker.remove_container(id, Some(options)).await {
            tracing::warn!(target: "flowcore", "the container {id} cannot be removed: {error}");
        }
    }

    /// Lists containers with a label, ended ones too.
    pub(super) async fn labelled(&self, label: String) -> Result<Vec<ContainerSummary>, String> {
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.docker.list_containers(Some(options)).await;
        found.map_err(|error| format!("containers cannot be listed: {error}"))
    }
}

/// Gives the status of an answer that the engine refused with.
fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Without a tag, all of them would be pulled.
fn with_tag(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}
