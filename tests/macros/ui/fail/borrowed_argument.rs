use flowcore::{flow, task};
use std::borrow::Cow;
use std::path::Path;

#[task]
async fn read(url: &str, parts: Option<&[u8]>) {}

#[flow]
async fn report(path: &Path, title: Cow<'_, str>) {}

#[task]
async fn last() -> Option<&str> {
    None
}

fn main() {
    let _ = (read("a", None), last());
}
