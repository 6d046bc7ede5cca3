//! Ctrl-C and SIGTERM: the first asks runs to end and report, the second ends the process at once.

use std::io::Read as _;
use std::sync::Once;

use super::core::Engine;

/// The exit code of a process that a signal ended, as shells tell it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;

/// Listens on a thread of its own, so that user code which never awaits cannot delay it.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let thread = std::thread::Builder::new().name("flowcore-signals".into()).spawn(|| {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let Ok(mut signals) = Signals::new() else { return };
                signals.next().await;
                match Engine::made() {
                    Some(engine) => {
                        eprintln!("flowcore: ending the runs; once more to leave at once");
                        engine.cancel_all();
                    }
                    // Nothing runs that could report anything.
                    None => std::process::exit(INTERRUPTED),
                }
                let code = signals.next().await;
                std::process::exit(code);
            });
        });
        // Without the thread signals do what they do by default.
        drop(thread);
    });
}

/// Asks the engine's runs to end once something comes on standard input.
pub(super) fn listen_to_input(engine: &Engine) {
    let engine = engine.clone();
    // Without the thread nobody can ask, but the run is executed.
    let _ = std::thread::Builder::new().name("flowcore-input".into()).spawn(move || {
        if let Ok(1..) = std::io::stdin().read(&mut [0]) {
            engine.cancel_all();
        }
    });
}

/// What asks a process to end.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for a signal, and gives the exit code that it stands for.
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}

/// Waits until the process is asked to end. Where signals cannot be heard they do what they do by default.
pub(super) async fn asked_to_end() {
    match Signals::new() {
        Ok(mut signals) => drop(signals.next().await),
        Err(_) => std::future::pending().await,
    }
}

/// What asks a process to end.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Signals)
    }

    pub(super) async fn next(&mut self) -> i32 {
        let _ = TERMINATED;
        // When the console cannot be listened to, nothing ever comes.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPTED
    }
}
