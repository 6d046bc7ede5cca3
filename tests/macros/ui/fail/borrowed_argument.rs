use flowcore::{flow, task};
use std::borrow::Cow;
use std::path::Path;

#[task]
async fn read(_url: &str, _parts: Option<&[u8]>) {}

#[flow]
async fn report(_path: &Path, _title: Cow<'_, str>) {}

#[task]
async fn last(words: &[String]) -> Option<&str> {
    words.last().map(String::as_str)
}

fn main() {
    let _ = (read("a", None), last(&[]));
}
