use flowcore::task;
use std::rc::Rc;

#[task]
async fn other() {}

#[task]
async fn count(words: Vec<String>) -> flowcore::Result<usize> {
    let words = Rc::new(words);
    other().await?;
    Ok(words.len())
}

fn main() {
    let _ = count(Vec::<String>::new());
}
