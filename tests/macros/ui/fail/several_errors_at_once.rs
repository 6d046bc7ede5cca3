use flowcore::task;

#[task(retrys = 3, tags = "net", timeout = -1)]
unsafe fn fetch<T>(_url: &str, _handle: impl Clone) -> &T {
    unreachable!()
}

fn main() {}
