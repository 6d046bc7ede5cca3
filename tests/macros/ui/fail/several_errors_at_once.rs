use flowcore::task;

#[task(retrys = 3, tags = "net", timeout = -1)]
unsafe fn fetch<T>(url: &str, handle: impl Clone) -> &T {
    todo!()
}

fn main() {}
