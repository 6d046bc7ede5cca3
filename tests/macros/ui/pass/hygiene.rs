//! The user's crate calls its own things as the standard library does.
#![deny(warnings, missing_docs, unreachable_pub, unused, clippy::all, clippy::pedantic)]

mod std {}
mod core {}
mod alloc {}
mod serde {}

#[expect(dead_code)]
mod shadows {
    pub(super) struct String;
    pub(super) struct Option;
    pub(super) struct Box;
    pub(super) struct Vec;
    pub(super) trait Into {}
    pub(super) trait From {}
    pub(super) trait Clone {}
    pub(super) trait Send {}
    pub(super) trait Future {}
    pub(super) struct Input;
    pub(super) struct TaskCall;
    pub(super) struct Error;
    pub(super) const INPUTS: u8 = 1;
    pub(super) struct Some;
    pub(super) struct None;
    pub(super) struct Ok;
    pub(super) struct Err;
}

#[expect(unused_imports)]
use shadows::{Box, Clone, Err, Error, From, Future, INPUTS, Input, Into, None, Ok, Option, Send, Some, String, TaskCall, Vec};

type Result<T> = ::flowcore::Result<T>;
type Text = ::std::string::String;

macro_rules! assert { () => { () } }
macro_rules! concat { () => { () } }
macro_rules! file { () => { () } }
macro_rules! line { () => { () } }
macro_rules! module_path { () => { () } }

#[::flowcore::task(cache = INPUTS, retry_delay = exponential(1, 10), durability = Committed, retries = 2)]
async fn fetch(url: Text, definition: u8, parameters: u8, #[resource] values: ::std::sync::Arc<Text>) -> Result<Text> {
    let _ = (definition, parameters, values);
    ::std::result::Result::Ok(url)
}

#[::flowcore::task]
fn plain(data: ::std::option::Option<u8>) -> u8 {
    data.unwrap_or_default()
}

#[::flowcore::flow(retries = 2)]
async fn report(day: Text, #[default("x")] parameters: Text, #[resource] flow: ::std::sync::Arc<Text>) -> Result<Text> {
    let _ = (parameters, INPUTS);
    let pages = fetch::map(::std::vec![day], unmapped(1), unmapped(2), flow.clone()).await?;
    let first = fetch("a", 1, 2, flow).submit();
    plain(::std::option::Option::None).await?;
    let _ = pages;
    ::std::result::Result::Ok(first.await?)
}

use ::flowcore::unmapped;

fn main() {
    let _ = (report::definition().name(), fetch::definition().name(), assert!(), concat!(), file!(), line!(), module_path!());
    let _ = report("a", "b", ::std::sync::Arc::new("c".to_owned()));
}
