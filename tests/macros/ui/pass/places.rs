//! Flows and tasks where functions can be: private types, inside functions, recursive, calling each other.
#![deny(warnings)]

use flowcore::{flow, task};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Private(u8);

#[task]
async fn double(value: Private) -> Private {
    Private(value.0 * 2)
}

/// Calls itself: in its body, its name is the task.
#[task]
async fn countdown(from: u32) -> flowcore::Result<u32> {
    if from == 0 { Ok(0) } else { Ok(countdown(from - 1).await? + 1) }
}

/// Each calls the other.
#[flow]
async fn even(number: u32) -> flowcore::Result<bool> {
    if number == 0 { Ok(true) } else { Ok(odd(number - 1).await?) }
}

#[flow]
async fn odd(number: u32) -> flowcore::Result<bool> {
    if number == 0 { Ok(false) } else { Ok(even(number - 1).await?) }
}

/// Its names are those of what is generated.
#[task]
async fn map(definition: u8, (a, b): (u8, u8), _: u8, whole @ (c, _): (u8, u8), r#type: u8) -> u8 {
    definition + a + b + whole.0 + c + r#type
}

#[task]
async fn definition() {}

#[flow]
async fn r#loop(r#in: u8) -> u8 {
    r#in
}

#[task(persist_result = false)]
fn handle() -> std::io::Result<std::sync::Arc<std::sync::Mutex<u8>>> {
    Ok(std::sync::Arc::new(std::sync::Mutex::new(1)))
}

macro_rules! tasks {
    ($($name:ident: $type:ty = $retries:expr),*) => {$(
        #[task(retries = $retries, tags = ["made"])]
        async fn $name(value: $type) -> flowcore::Result<$type> {
            Ok(value)
        }
    )*};
}

tasks!(first: u8 = 1, second: Option<String> = 2);

fn main() {
    #[flow]
    async fn inside(value: Private) -> flowcore::Result<Private> {
        #[task]
        async fn more_inside(value: Private) -> Private {
            value
        }
        let doubled = double(value).submit();
        Ok(more_inside(doubled).await?)
    }

    let _ = (inside(Private(1)), inside::definition().parameter_schema(), countdown(3), even(4), handle());
    let _ = (map(1, (2, 3), 4, (5, 6), 7), definition(), r#loop(1), first(1), second(None), first::map([1, 2]));
    assert_eq!(r#loop::definition().site().name, "loop");
    assert_eq!(r#loop::definition().site().parameters, ["in"]);
    assert_eq!(inside::definition().site().key.split("::").last(), Some("inside"));
}
