//! One operation: a handler and what is said of it.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::describe::{Description, Input, Output};
use crate::state::App;

/// A handler with its documentation.
pub(crate) struct Operation {
    /// Prefect's name of it, which begins its operation id: `read_flow`.
    pub(super) name: &'static str,
    /// The status of a good answer, if it is not the usual one: 204 without a body, 200 with one.
    pub(super) status: Option<StatusCode>,
    /// Whether the header with the version of the API is looked at.
    pub(super) versioned: bool,
    /// Whether everybody is answered, also who does not say who he is.
    pub(super) open: bool,
    pub(super) describe: fn(&mut Description),
    pub(super) handlers: Handlers,
}

/// Makes the router's part of an operation, of its method.
type Handlers = Box<dyn FnOnce(&Method) -> MethodRouter<App> + Send>;

/// Makes an operation of a handler.
pub(crate) fn op<M: 'static, H: Endpoint<M>>(name: &'static str, handler: H) -> Operation {
    Operation {
        name,
        status: None,
        versioned: true,
        open: false,
        describe: H::describe,
        handlers: Box::new(move |method| match MethodFilter::try_from(method.clone()) {
            Ok(filter) => on(filter, handler),
            // The methods of the table are those that axum knows.
            Err(_) => MethodRouter::new(),
        }),
    }
}

impl Operation {
    /// Says which status a good answer has.
    pub(crate) fn gives(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Says that everybody is answered, also who does not say who he is.
    pub(crate) fn open_to_all(mut self) -> Self {
        self.open = true;
        self
    }

    /// Says that clients of any version may ask it.
    pub(crate) fn of_any_version(mut self) -> Self {
        self.versioned = false;
        self
    }
}

/// A handler all of whose arguments and whose answer are documented.
pub(crate) trait Endpoint<Marker>: Handler<Marker, App> {
    /// Says what it takes and gives.
    fn describe(description: &mut Description);
}

macro_rules! endpoint {
    ([$($argument:ident)*] $marker:ty) => {
        impl<F, Fut, Res, $($argument,)* M> Endpoint<$marker> for F
        where
            F: Handler<$marker, App> + FnOnce($($argument),*) -> Fut,
            Fut: Future<Output = Res>,
            Res: Output,
            $($argument: Input,)*
        {
            fn describe(description: &mut Description) {
                $($argument::describe(description);)*
                Res::describe(description);
            }
        }
    };
}

impl<F, Fut, Res> Endpoint<((),)> for F
where
    F: Handler<((),), App> + FnOnce() -> Fut,
    Fut: Future<Output = Res>,
    Res: Output,
{
    fn describe(description: &mut Description) {
        Res::describe(description);
    }
}

endpoint!([A](M, A,));
endpoint!([A B] (M, A, B,));
endpoint!([A B C] (M, A, B, C,));
endpoint!([A B C D] (M, A, B, C, D,));
endpoint!([A B C D E] (M, A, B, C, D, E,));
