//! The server: opening its database, its routes, serving until it is told to end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Router, middleware};
use flowcore::clock::{Clock, SystemClock};
use flowcore::settings::Settings;
use flowcore::store::{StoreError, sql};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::Layer;
use tower_http::normalize_path::NormalizePathLayer;
use uuid::Uuid;

use crate::access::{Admission, admit, log, pages_of_other_sites};
use crate::config::Config;
use crate::encryption::{self, KeyError, KeySource};
use crate::error::ApiError;
use crate::events::NewEvent;
use crate::routes::Routes;
use crate::state::App;
use crate::{api, blocks, docs, purge, services, ws};

/// How large a body may be, in bytes: results and parameters travel in them.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// For how long requests that are under way hold up the end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server over an open database.
pub struct Server {
    app: App,
    has_services: bool,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no key for what is secret, or the wrong one.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The block types of Prefect's clients cannot be made.
    #[error(
        "the block types of Prefect's clients cannot be made: {0}; the server starts without them where \
         FLOWCORE_SERVER_BLOCKS_REGISTER_ON_START is false"
    )]
    SystemBlocks(String),
    /// The network failed.
    #[error("the server cannot go on: {0}")]
    Network(#[from] std::io::Error),
}

impl Server {
    /// Opens a database and brings its schema up to date: a path, `sqlite:///path` or `postgresql://..`.
    ///
    /// # Errors
    ///
    /// The database cannot be opened or reached, or a newer flowcore has written it.
    pub async fn open(database: &str) -> Result<Self, ServerError> {
        let store = sql::connect_server(database).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Server { app: App::new(store, clock), has_services: false })
    }

    /// Goes by another clock than the machine's. Comes before everything else.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Server { app: App::new(self.app.store, clock), ..self }
    }

    /// Takes keys for what is secret in blocks, if they are the right ones for the database. Without keys a server neither
    /// keeps nor shows blocks. What is encrypted with another key than the first is encrypted anew.
    ///
    /// # Errors
    ///
    /// There is no key, it is the wrong one, or the database fails.
    pub async fn with_keys(mut self, source: &KeySource) -> Result<Self, ServerError> {
        self.app.keys = Some(encryption::adopt(&*self.app.store, source).await?);
        Ok(self)
    }

    /// Makes the block types that Prefect's clients bring along, unless they are there.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub async fn with_system_blocks(mut self) -> Result<Self, ServerError> {
        register(&self.app).await?;
        self.app.system_blocks = true;
        Ok(self)
    }

    /// Answers as the settings say. Without this everybody is answered at `/api`. Comes behind
    /// [`with_keys`](Self::with_keys), if that is called.
    #[must_use]
    pub fn with_settings(mut self, settings: &Settings) -> Self {
        let config = Config::new(&settings.server).showing(settings);
        self.app.config = Arc::new(match &self.app.keys {
            Some(keys) => config.signing_with(keys.signing()),
            None => config,
        });
        self
    }

    /// Does also what nobody asks for when its time comes, as the settings say: makes runs of schedules, tells late ones, ends
    /// pauses, and so on. Any number of servers on one database may do so.
    #[must_use]
    pub fn with_services(mut self) -> Self {
        self.has_services = true;
        self
    }

    /// Tells of something that happens now, as the server does of what its clients change. Gives the event's id.
    pub fn emit(&self, event: NewEvent) -> Uuid {
        self.app.events.emit(event)
    }

    /// Deletes everything in the database.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub async fn clear_database(&self) -> Result<(), ServerError> {
        Ok(self.app.store.clear().await?)
    }

    /// Closes the database without having served.
    ///
    /// # Errors
    ///
    /// What is still to be written cannot be.
    pub async fn close(self) -> Result<(), ServerError> {
        Ok(self.app.store.close().await?)
    }

    /// Answers requests until `end` does, then those that are under way, for half a minute at most, and closes the database.
    ///
    /// # Errors
    ///
    /// The network or the database fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let App { store, events, .. } = self.app.clone();
        purge::begin(store.clone());
        let services = self.has_services.then(|| services::begin(&self.app));
        let service = NormalizePathLayer::trim_trailing_slash().layer(routes(self.app));
        let service = axum::ServiceExt::<Request>::into_make_service(service);
        let (ending, ended) = oneshot::channel::<()>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            end.await;
            drop(ending);
        });
        let patience = async {
            // It is dropped, and never says anything.
            drop(ended.await);
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            served = serving => served?,
            () = patience => tracing::warn!(target: "flowcore_server", "some requests were not answered before the end"),
        }
        if let Some(services) = services {
            end_services(services).await;
        }
        events.flush().await;
        store.close().await?;
        Ok(())
    }
}

impl Server {
    /// Does what nobody asks for, as the settings say, until `end` does, and answers nobody. The turns that are being taken are ended, for half
    /// a minute at most, and the database is closed.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub async fn serve_unasked(self, end: impl Future<Output = ()> + Send) -> Result<(), ServerError> {
        let App { store, events, .. } = self.app.clone();
        let services = services::begin(&self.app);
        end.await;
        end_services(services).await;
        events.flush().await;
        store.close().await?;
        Ok(())
    }
}

async fn end_services(services: services::Running) {
    if tokio::time::timeout(PATIENCE, services.end()).await.is_err() {
        tracing::warn!(target: "flowcore_server", "a service did not end its turn before the end");
    }
}

async fn register(app: &App) -> Result<(), ServerError> {
    blocks::register(app).await.map_err(|error| match error {
        ApiError::Store(error) => error.into(),
        error => ServerError::SystemBlocks(format!("{error:?}")),
    })
}

/// Deletes everything, and makes what the server had made when it started.
pub(crate) async fn clear(app: &App) -> Result<(), ServerError> {
    // What is still to be told of what goes would come back.
    app.events.flush().await;
    app.store.clear().await?;
    if let Some(keys) = &app.keys {
        encryption::prove(&*app.store, keys).await?;
    }
    if app.system_blocks { register(app).await } else { Ok(()) }
}

fn table() -> Routes {
    api::routes().merge(ws::routes())
}

fn routes(app: App) -> Router {
    let (table, document) = (table(), docs::routes(table, &app.config));
    let admission = Arc::new(Admission::new(app.clone(), &table));
    let pages = pages_of_other_sites(&app.config.cors);
    Router::new()
        .nest(&app.config.base_path, table.router())
        .merge(document)
        .fallback(|| async { ApiError::NotFound("Not Found").into_response() })
        .method_not_allowed_fallback(|| async {
            ApiError::Refused(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".to_owned()).into_response()
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(admission, admit))
        .layer(pages)
        .layer(middleware::from_fn_with_state(app.clone(), log))
        .with_state(app)
}
