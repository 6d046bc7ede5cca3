//! Many clients for a long time: nothing fails, and the server's memory does not grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::embedded::Failed;
use crate::report::Report;

use super::child::Server;
use super::http::Http;
use super::load::{Work, do_once, prepare};

/// How many clients there are.
const CLIENTS: usize = 64;

/// In how many parts the memory is told.
const PARTS: u32 = 10;

/// Lets all clients work for so many minutes on a fresh SQLite database, each in turn at a kind of work.
pub(crate) async fn run(report: &Report, minutes: f64) -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let server =
        Server::start(folder.path(), &format!("sqlite://{}", folder.path().join("server.db").display())).await?;
    let (flow, run) = prepare(&server.api).await?;
    let time = Duration::from_secs_f64(60.0 * minutes);
    let (begin, done) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let lanes: Vec<_> = (0..CLIENTS)
        .map(|lane| {
            let (api, flow, run, done) = (server.api.clone(), flow.clone(), run.clone(), done.clone());
            tokio::spawn(async move {
                let mut http = Http::connect(&api).await?;
                let works = [Work::Lifecycle, Work::Lifecycle, Work::Read, Work::Filter, Work::Logs];
                for work in works.iter().cycle().skip(lane) {
                    if begin.elapsed() >= time {
                        break;
                    }
                    do_once(&mut http, *work, &flow, &run).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failed>(())
            })
        })
        .collect();
    for part in 1..=PARTS {
        tokio::time::sleep_until((begin + time * part / PARTS).into()).await;
        let done = done.load(Ordering::Relaxed);
        report.remark(&format!(
            "{:>6.0} s: {done:>9} done, {:>6.1} MB",
            begin.elapsed().as_secs_f64(),
            server.memory_mb()?
        ));
    }
    for lane in lanes {
        // Any answer that is no success ends a lane, and so the soak.
        lane.await??;
    }
    report.remark("every request was answered with success");
    Ok(())
}
