//! What handlers take out of a request.

mod body;
mod paging;
mod path;
mod query;

pub(crate) use body::Body;
pub(crate) use paging::{Pages, Paginated, Paging, or_default};
pub(crate) use path::Id;
pub(crate) use query::Query;
