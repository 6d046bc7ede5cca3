use flowcore::{flow, task};

#[derive(Clone)]
struct Page;

#[task]
async fn plain() -> Page {
    Page
}

#[task]
async fn fallible(url: String) -> flowcore::Result<Page> {
    let _ = url;
    Ok(Page)
}

#[flow]
async fn report() -> flowcore::Result<Vec<Page>> {
    Ok(vec![fallible("a").await?])
}

fn main() {
    let _ = (plain(), report());
}
