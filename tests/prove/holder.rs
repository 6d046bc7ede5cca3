//! Programs that take slots of the limit `db`, or a lock on a key, for tests that kill them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use flowcore::{Error, Isolation, Result, concurrency, transaction};

/// Takes slots and says `held`; gives them back when it is told to, by a line or the end of its input, and says `released`.
pub(crate) async fn hold(arguments: &[String]) -> Result<()> {
    let slots = arguments.first().and_then(|slots| slots.parse().ok()).ok_or_else(|| Error::msg("holder SLOTS"))?;
    let guard = concurrency("db", slots).strict().await?;
    say("held")?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    guard.release().await?;
    say("released")
}

/// Holds the key of a transaction and says `held`; commits when it is told to, and says `released`.
pub(crate) async fn lock(arguments: &[String]) -> Result<()> {
    let [key] = arguments else { return Err(Error::msg("locker KEY")) };
    let held = transaction().key(key).isolation(Isolation::Serializable).run(async |_| {
        say("held")?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
        Ok(0)
    });
    held.await?;
    say("released")
}

/// Takes the one slot again and again, each time making a file that must not be there.
pub(crate) async fn contend(arguments: &[String]) -> Result<()> {
    let [file, times] = arguments else { return Err(Error::msg("contender FILE TIMES")) };
    for _ in 0..times.parse::<u32>()? {
        let guard = concurrency("db", 1).strict().await?;
        let inside = OpenOptions::new().create_new(true).write(true).open(Path::new(file));
        inside.map_err(|error| Error::msg(format!("another one has the slot: {error}")))?;
        tokio::task::yield_now().await;
        std::fs::remove_file(file)?;
        drop(guard);
    }
    say("done")
}

fn say(word: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{word}")?;
    Ok(out.flush()?)
}
