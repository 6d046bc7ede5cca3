use flowcore::task;

type Outcome<T> = flowcore::Result<T>;
type Checked = std::result::Result<u8, String>;

#[task]
async fn fetch(url: String) -> Outcome<String> {
    Ok(url)
}

#[task]
async fn check() -> Checked {
    Ok(1)
}

fn main() {}
