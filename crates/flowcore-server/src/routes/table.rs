//! The table itself.

use axum::Router;
use axum::http::Method;

use super::operation::{Endpoint, Operation, op};
use crate::state::App;

/// Routes below `/api`. Paths are written as Prefect writes them, some with a slash at the end; requests may have one or not.
///
/// ```ignore
/// Routes::new(&["Flows"])
///     .post("/flows/", op("create_flow", create))
///     .get("/flows/{id}", op("read_flow", read))
///     .post("/logs/", op("create_logs", keep).gives(StatusCode::CREATED))
/// ```
#[derive(Default)]
pub(crate) struct Routes {
    tags: &'static [&'static str],
    pub(super) routes: Vec<Route>,
}

pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) tags: &'static [&'static str],
    pub(super) operation: Operation,
    /// Whether it is a websocket, which OpenAPI has no words for.
    pub(super) websocket: bool,
}

impl Routes {
    /// Begins a table of operations that are filed under these tags.
    pub(crate) fn new(tags: &'static [&'static str]) -> Self {
        Routes { tags, routes: Vec::new() }
    }

    fn add(mut self, method: Method, path: &'static str, operation: Operation) -> Self {
        self.routes.push(Route { method, path, tags: self.tags, operation, websocket: false });
        self
    }

    pub(crate) fn get(self, path: &'static str, operation: Operation) -> Self {
        self.add(Method::GET, path, operation)
    }

    pub(crate) fn post(self, path: &'static str, operation: Operation) -> Self {
        self.add(Method::POST, path, operation)
    }

    pub(crate) fn put(self, path: &'static str, operation: Operation) -> Self {
        self.add(Method::PUT, path, operation)
    }

    pub(crate) fn patch(self, path: &'static str, operation: Operation) -> Self {
        self.add(Method::PATCH, path, operation)
    }

    pub(crate) fn delete(self, path: &'static str, operation: Operation) -> Self {
        self.add(Method::DELETE, path, operation)
    }

    /// Adds a websocket.
    pub(crate) fn websocket<M: 'static>(mut self, path: &'static str, open: impl Endpoint<M>) -> Self {
        let (tags, operation) = (self.tags, op("", open));
        self.routes.push(Route { method: Method::GET, path, tags, operation, websocket: true });
        self
    }

    /// Adds the routes of another table, with their own tags.
    pub(crate) fn merge(mut self, other: Routes) -> Self {
        self.routes.extend(other.routes);
        self
    }

    fn paths(&self, which: impl Fn(&Route) -> bool) -> Vec<String> {
        self.routes.iter().filter(|route| which(route)).map(|route| place(route.path)).collect()
    }

    /// Lists what everybody may read.
    pub(crate) fn open_paths(&self) -> Vec<String> {
        self.paths(|route| route.operation.open && !route.websocket)
    }

    /// Lists what clients of any version may ask.
    pub(crate) fn paths_of_any_version(&self) -> Vec<String> {
        self.paths(|route| !route.operation.versioned)
    }

    /// Lists the websockets.
    pub(crate) fn websocket_paths(&self) -> Vec<String> {
        self.paths(|route| route.websocket)
    }

    /// Makes the router.
    pub(crate) fn router(self) -> Router<App> {
        self.routes.into_iter().fold(Router::new(), |router, route| {
            let handlers = (route.operation.handlers)(&route.method);
            router.route(&place(route.path), handlers)
        })
    }
}

/// Writes a path as the router wants it: without a slash at the end, and with parameters named by their positions, since the
/// router wants the same name wherever two paths have a parameter at the same place, and Prefect has different ones.
fn place(path: &str) -> String {
    let mut place = String::new();
    for (position, segment) in path.trim_matches('/').split('/').enumerate() {
        if segment.starts_with('{') {
            place.push_str(&format!("/{{{position}}}"));
        } else {
            place.push('/');
            place.push_str(segment);
        }
    }
    place
}
