use flowcore::flow;

#[derive(Clone, serde::Serialize)]
struct Window {
    days: u32,
}

#[flow]
async fn report(day: String, #[default(Window { days: 1 })] window: Window) -> u32 {
    let _ = day;
    window.days
}

fn main() {
    let _ = report("today", Window { days: 2 });
}
