//! What handlers take out of a request.

mod body;
mod given;
mod paging;
mod path;
mod query;
mod within;

pub(crate) use body::Body;
pub(crate) use given::Given;
pub(crate) use paging::{Limit, Pages, Paginated, Paging, or_default, pages};
pub(crate) use path::{Id, Path};
pub(crate) use query::Query;
pub(crate) use within::within;
