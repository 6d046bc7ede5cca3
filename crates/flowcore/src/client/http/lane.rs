//! A way to the server on which things can wait: what arrives is sent at once while the server is there, and waits on
//! disk while it is not, in order.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::backlog::Backlog;
use super::backoff::Backoff;
use super::thread::Thread;
use crate::client::{ClientError, ServerError};

/// How many things are sent at once, at most.
const TOGETHER: usize = 500;

/// How things get to the server.
#[async_trait]
pub(super) trait Carrier: Send + 'static {
    /// What several of them are called.
    const WHAT: &'static str;

    /// Sends things, each a line of JSON, as many of them as go together; tells how many of them the server has then.
    async fn carry(&mut self, things: &[String]) -> Result<usize, ClientError>;
}

/// Things to be sent, and who waits until they are safe: with the server, or on disk.
struct Order {
    things: Vec<String>,
    safe: oneshot::Sender<Result<(), ClientError>>,
}

/// The lane. Its work is done on the client's thread.
pub(super) struct Lane {
    orders: mpsc::UnboundedSender<Order>,
    /// Whether nothing waits on disk.
    clear: watch::Receiver<bool>,
}

impl Lane {
    pub(super) fn start<C: Carrier>(thread: &Thread, carrier: C, backlog: Backlog) -> Self {
        let (orders, incoming) = mpsc::unbounded_channel();
        let (is_clear, clear) = watch::channel(backlog.is_empty());
        let worker = Worker { carrier, backlog, is_clear, backoff: Backoff::default(), due: Instant::now() };
        thread.spawn(worker.work(incoming));
        Lane { orders, clear }
    }

    /// Hands things over, and waits until they are safe: with the server, or on disk until it is back.
    pub(super) async fn deliver(&self, things: Vec<String>) -> Result<(), ClientError> {
        if things.is_empty() {
            return Ok(());
        }
        let (safe, is_safe) = oneshot::channel();
        self.orders.send(Order { things, safe }).map_err(|_| ClientError::closed())?;
        is_safe.await.unwrap_or_else(|_| Err(ClientError::closed()))
    }

    /// Waits until nothing is left on disk, for so long at most; tells whether that is so.
    pub(super) async fn cleared(&self, within: Duration) -> bool {
        let mut clear = self.clear.clone();
        let cleared = tokio::time::timeout(within, clear.wait_for(|clear| *clear)).await;
        matches!(cleared, Ok(Ok(_)))
    }
}

struct Worker<C> {
    carrier: C,
    backlog: Backlog,
    is_clear: watch::Sender<bool>,
    backoff: Backoff,
    /// When what waits is tried again.
    due: Instant,
}

impl<C: Carrier> Worker<C> {
    /// Works until the client is gone.
    async fn work(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            if self.backlog.is_empty() {
                let Some(order) = orders.recv().await else { return };
                self.take(order).await;
                continue;
            }
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.keep(order),
                    None => return,
                },
                () = tokio::time::sleep_until(self.due) => self.catch_up(&mut orders).await,
            }
        }
    }

    /// Sends things at once, or keeps them if the server is away.
    async fn take(&mut self, order: Order) {
        match send(&mut self.carrier, &order.things).await {
            Ok(()) => drop(order.safe.send(Ok(()))),
            Err(Unsent { from, error }) => {
                tracing::warn!(
                    target: "flowcore",
                    "{error}; until it is back, {} wait in {}", C::WHAT, self.backlog.place().display()
                );
                self.rest(&error);
                self.keep(Order { things: order.things[from..].to_vec(), safe: order.safe });
            }
        }
    }

    fn keep(&mut self, order: Order) {
        let kept = self.backlog.append(&order.things);
        if let Err(error) = &kept {
            // Loudly: what the engine holds in memory instead is bounded as well.
            eprintln!("flowcore: {error}");
        }
        self.is_clear.send_replace(self.backlog.is_empty());
        // Whoever does not wait any more need not know.
        drop(order.safe.send(kept.map_err(ClientError::from)));
    }

    /// Sends the oldest file. What arrives meanwhile is put behind all that waits.
    async fn catch_up(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) {
        let things = self.backlog.oldest();
        let sent = {
            let (carrier, backlog) = (&mut self.carrier, &mut self.backlog);
            let mut sending = std::pin::pin!(send(carrier, &things));
            loop {
                tokio::select! {
                    sent = &mut sending => break sent,
                    Some(order) = orders.recv() => {
                        let kept = backlog.append(&order.things).map_err(ClientError::from);
                        drop(order.safe.send(kept));
                    }
                }
            }
        };
        match sent {
            Ok(()) => {
                self.backlog.sent();
                self.due = Instant::now();
                if self.backlog.is_empty() {
                    self.backoff.reset();
                    self.is_clear.send_replace(true);
                    tracing::info!(target: "flowcore", "the server has all {} that waited for it", C::WHAT);
                }
            }
            Err(Unsent { error, .. }) => self.rest(&error),
        }
    }

    /// Leaves the server alone for a while, and for as long as it wants.
    fn rest(&mut self, error: &ClientError) {
        let wanted = match error {
            ClientError::Server(error) => error.wants_rest().unwrap_or_default(),
            _ => Duration::ZERO,
        };
        self.due = Instant::now() + wanted + self.backoff.next();
    }
}

/// Says that things from this one on were not sent.
struct Unsent {
    from: usize,
    error: ClientError,
}

/// Sends things in portions. What the server refuses is left out, since it would be refused for ever, and said to be.
async fn send<C: Carrier>(carrier: &mut C, things: &[String]) -> Result<(), Unsent> {
    let mut from = 0;
    let mut portion = TOGETHER;
    while from < things.len() {
        let now = &things[from..things.len().min(from + portion)];
        match carrier.carry(now).await {
            Ok(carried) => from += carried,
            Err(error) if is_refusal(&error) && now.len() > 1 => portion = 1,
            Err(error) if is_refusal(&error) => {
                eprintln!("flowcore: one of the {} is lost: {error}", C::WHAT);
                from += 1;
            }
            Err(error) => return Err(Unsent { from, error }),
        }
    }
    Ok(())
}

/// Tells whether the server has looked at things and will not have them.
fn is_refusal(error: &ClientError) -> bool {
    matches!(error, ClientError::Server(ServerError::Refused { status: 400..=499, .. }))
}
