//! A Redis Stream that is collected into files, batch by batch and round by round, without a line lost or written twice,
//! whenever the program is killed.
//!
//! ```text
//! redis-cli XADD readings '*' sensor north value 21.5
//! REDIS_URL=redis://127.0.0.1/ cargo run --example redis_stream readings FOLDER 12 300   # every 5 minutes for an hour
//! flowcore flow-run retry ID                                                             # goes on behind a kill
//! ```
//!
//! Why that holds: an entry that was delivered stays with the consumer until it is acknowledged, and that is done only when
//! its file is complete and the task's completion is committed. Who is killed before gets the same batch again, and writes
//! the same file, which is named by the batch's first entry; who is killed behind it acknowledges once more.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flowcore::{Error, Result, flow, sleep_for, task};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, Client, RedisError};
use serde::{Deserialize, Serialize};

/// The consumer group, and this program's name in it. A second program beside it needs a name of its own.
const GROUP: &str = "flowcore";
const CONSUMER: &str = "collector";

/// How many entries one file holds at most.
const BATCH: usize = 50;

/// Where a batch was written, and what it was of. The entries themselves do not go through flowcore's database.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Batch {
    file: PathBuf,
    ids: Vec<String>,
}

/// Takes the next batch of the stream and writes its file. Returns when the completion is committed; none when the stream
/// holds nothing new.
#[task(retries = 3, retry_delay = [1, 10], durability = Committed)]
async fn save_batch(stream: String, folder: PathBuf) -> Result<Option<Batch>> {
    let mut redis = connect().await?;
    // What was delivered and not acknowledged comes first: it is the batch that a killed attempt had begun.
    let mut entries = read(&mut redis, &stream, "0").await?;
    if entries.is_empty() {
        entries = read(&mut redis, &stream, ">").await?;
    }
    let Some(first) = entries.first() else { return Ok(None) };
    let file = folder.join(format!("{}.jsonl", first.id));
    write_lines(&file, &entries)?;
    Ok(Some(Batch { file, ids: entries.into_iter().map(|entry| entry.id).collect() }))
}

/// Tells Redis that a batch is safe.
#[task(retries = 3, retry_delay = [1, 10])]
async fn acknowledge(stream: String, batch: Batch) -> Result<()> {
    let mut redis = connect().await?;
    Ok(redis.xack::<_, _, _, ()>(stream, GROUP, &batch.ids).await?)
}

/// Collects what the stream holds, and again after each pause, in seconds.
#[flow(flow_run_name = "collect {stream}")]
async fn collect(stream: String, folder: PathBuf, rounds: u32, pause: f64) -> Result<usize> {
    make_group(&stream).await?;
    std::fs::create_dir_all(&folder)?;
    let mut lines = 0;
    for round in 1..=rounds {
        // Each call is a run of its own, which a resumed attempt finds by its place among the equal ones.
        while let Some(batch) = save_batch(stream.clone(), folder.clone()).await? {
            lines += batch.ids.len();
            acknowledge(stream.clone(), batch).await?;
        }
        if round < rounds {
            sleep_for(pause).await?;
        }
    }
    println!("{lines} lines");
    Ok(lines)
}

/// Connects anew for each task, which bears a server that was restarted. The address may hold a password, and is therefore
/// no parameter of the flow, which would be recorded.
async fn connect() -> Result<MultiplexedConnection> {
    let url = std::env::var("REDIS_URL").map_err(|_| Error::msg("set REDIS_URL, as in redis://127.0.0.1/"))?;
    Ok(Client::open(url)?.get_multiplexed_async_connection().await?)
}

/// Makes the consumer group from the beginning of the stream, and the stream if there is none yet.
async fn make_group(stream: &str) -> Result<()> {
    let made: Result<(), RedisError> = connect().await?.xgroup_create_mkstream(stream, GROUP, "0").await;
    match made {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads a batch: of what this consumer has not acknowledged (`0`), or of what nobody has got yet (`>`).
async fn read(redis: &mut MultiplexedConnection, stream: &str, from: &str) -> Result<Vec<StreamId>> {
    let options = StreamReadOptions::default().group(GROUP, CONSUMER).count(BATCH);
    let reply: Option<StreamReadReply> = redis.xread_options(&[stream], &[from], &options).await?;
    Ok(reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect())
}

/// Writes a line of JSON for each entry. The file appears complete, or not at all.
fn write_lines(path: &Path, entries: &[StreamId]) -> Result<()> {
    let unfinished = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&unfinished)?);
    for entry in entries {
        let fields = entry.map.keys().filter_map(|name| Some((name.as_str(), entry.get::<String>(name)?)));
        serde_json::to_writer(&mut file, &(&entry.id, fields.collect::<BTreeMap<_, _>>()))?;
        writeln!(file)?;
    }
    file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(std::fs::rename(unfinished, path)?)
}

#[flowcore::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stream, folder, rounds, pause] = &arguments[..] else {
        return Err(Error::msg("redis_stream STREAM FOLDER ROUNDS SECONDS"));
    };
    collect(stream.clone(), PathBuf::from(folder), rounds.parse::<u32>()?, pause.parse::<f64>()?).await?;
    Ok(())
}
