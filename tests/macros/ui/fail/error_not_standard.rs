use flowcore::task;

#[derive(Debug)]
enum Failure {
    NotFound,
}

#[task]
async fn fetch(_url: String) -> Result<String, Failure> {
    Err(Failure::NotFound)
}

#[task]
fn size(_path: String) -> Result<u64, Failure> {
    Err(Failure::NotFound)
}

fn main() {
    let _ = (fetch("a"), size("b"));
}
