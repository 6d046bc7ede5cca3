//! Benchmarks: `cargo xtask bench NAME [--json]`. Each figure is printed beside its floor, measured in the same run: on a
//! noisy machine only the ratio says something.

mod embedded;
mod floors;
mod limits;
mod report;
mod work;

use report::Report;

fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let json = names.iter().position(|name| name == "--json").map(|at| names.remove(at)).is_some();
    let mut report = Report::new(json);
    match names.first().map(String::as_str) {
        Some("embedded") => embedded::run(&mut report, names.get(1).map(String::as_str)),
        other => {
            let wrong = other.map(|name| format!("there is no benchmark `{name}`; ")).unwrap_or_default();
            eprintln!("{wrong}usage: cargo xtask bench embedded [overhead|recorded|committed|flows|limits] [--json]");
            std::process::exit(2);
        }
    }
    report.finish();
}
