//! Executing the runs that a server has for somebody, each at its time: the loop that serving and workers have in common.
//!
//! Runs are asked for a little before they are due, and begun at their time to the millisecond. What comes up at short
//! notice (a run that somebody makes now, a retry) is announced by events; that the server is asked every few seconds as
//! well makes up for announcements that were missed.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;
use tokio::task::JoinSet;

use super::due::Due;
use crate::client::{Client, ClientError, Heard};
use crate::clock::Clock;
use crate::model::{FlowRunId, Timestamp};

/// How often the server is asked though nothing was heard.
const PERIOD: Duration = Duration::from_secs(5);

/// How long before their time runs are asked for. More than the period, so that none is late for want of a question.
const AHEAD: TimeDelta = TimeDelta::seconds(15);

/// How long a server that has failed once is left alone, and one that goes on failing.
const SHORTEST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// How long a run that could not be begun is left alone.
const AGAIN: TimeDelta = TimeDelta::seconds(5);

/// How few waiting runs are left when more are asked for, if there were more than one answer holds.
const FEW: usize = 50;

/// Runs that wait to be executed.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Each with its time, the soonest first.
    pub runs: Vec<(FlowRunId, Timestamp)>,
    /// Whether there are no more.
    pub is_complete: bool,
}

/// What a [`Runner`] works on: where its runs come from, and how one is executed.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// Gives Prefect's filter of the events that tell of these runs.
    fn news(&self) -> Value;

    /// Lists the runs that are due until then and that nobody has begun.
    async fn waiting(&self, until: Timestamp) -> Result<Listed, ClientError>;

    /// Executes a run to its end. False: it could not be begun now.
    async fn execute(self: Arc<Self>, id: FlowRunId) -> bool;

    /// Looks at an event before the runner does.
    fn heard(&self, _event: &Value) {}
}

/// Executes runs as they are due.
pub struct Runner {
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    limit: usize,
    ahead: TimeDelta,
    once: bool,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("limit", &self.limit).finish_non_exhaustive()
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<Listed, ClientError>> + Send>>;

impl Runner {
    /// Makes a runner that executes so many runs at once at most.
    pub fn new(client: Arc<dyn Client>, clock: Arc<dyn Clock>, limit: usize) -> Self {
        Runner { client, clock, limit: limit.max(1), ahead: AHEAD, once: false }
    }

    /// Sets how long before their time runs are asked for.
    #[must_use]
    pub fn ahead(self, ahead: Duration) -> Self {
        Runner { ahead: TimeDelta::from_std(ahead).unwrap_or(AHEAD), ..self }
    }

    /// Asks once, executes what is due then, and ends.
    #[must_use]
    pub fn once(self) -> Self {
        Runner { once: true, ..self }
    }

    /// Executes runs until `stop` is ready; then it begins no more, and returns when those under way have ended. While the
    /// server is away it waits. So it does when a server that has answered once refuses: what it works for may have been taken
    /// away for a while.
    ///
    /// # Errors
    ///
    /// There is no server, or it refuses the first request.
    pub async fn run_until(self, work: Arc<dyn Work>, stop: impl Future<Output = ()>) -> Result<(), ClientError> {
        let Runner { client, clock, limit, ahead, once } = self;
        let mut news = work.news();
        let mut feed = client.listen(news.clone()).await?;
        let (mut due, mut running) = (Due::default(), JoinSet::new());
        let mut questions = Questions::new(clock.now(), ahead);
        let mut stop = std::pin::pin!(stop);
        let result = loop {
            let now = clock.now();
            while running.len() < limit
                && let Some(id) = due.take(now)
            {
                // In a task of its own, so that a panic is known to be of this run.
                let executed = tokio::spawn(work.clone().execute(id));
                running.spawn(async move { (id, executed.await.unwrap_or(false)) });
            }
            let has_asked = once && questions.has_answered;
            if has_asked && due.waiting() == 0 && running.is_empty() {
                break Ok(());
            }
            if due.waiting() < FEW {
                questions.few_are_left();
            }
            if !has_asked {
                questions.ask(&work, now);
            }
            let news_now = work.news();
            if news_now != news {
                feed = client.listen(news_now.clone()).await?;
                news = news_now;
            }
            let due_next = due.next().filter(|_| running.len() < limit);
            tokio::select! {
                biased;
                () = &mut stop => break Ok(()),
                Some(Ok((id, executed))) = running.join_next() => {
                    if executed || once {
                        due.ended(id);
                    } else {
                        due.rest(id, clock.now() + AGAIN);
                        questions.at = questions.at.min(clock.now() + AGAIN);
                    }
                }
                () = until(&*clock, [due_next, questions.next().filter(|_| !has_asked)]) => {}
                answer = answered(&mut questions.asking) => match questions.answered(answer, clock.now()) {
                    Ok(listed) => {
                        if listed.is_complete {
                            due.keep(&listed.runs.iter().map(|(id, _)| *id).collect::<Vec<_>>());
                        }
                        for (id, at) in listed.runs {
                            due.add(id, at);
                        }
                    }
                    Err(error) => break Err(error),
                },
                heard = feed.next() => match heard {
                    Some(Heard::Connected) => questions.wanted(clock.now()),
                    Some(Heard::Event(event)) => {
                        work.heard(&event);
                        let state = event["resource"]["prefect.state-type"].as_str();
                        if state.is_none_or(|state| state == "SCHEDULED") {
                            questions.wanted(clock.now());
                        }
                    }
                    None => break Err(ClientError::closed()),
                },
            }
        };
        while running.join_next().await.is_some() {}
        result
    }
}

/// When the server is asked for runs.
struct Questions {
    asking: Option<Asking>,
    /// How far ahead.
    ahead: TimeDelta,
    /// When it is asked next.
    at: Timestamp,
    /// Whether something was heard since it was asked.
    is_stale: bool,
    /// Whether it has more than it told of.
    has_more: bool,
    /// How long it is left alone after it has failed.
    rest: Duration,
    /// Whether it has ever given an answer.
    has_answered: bool,
    /// Why it gave none last, so that the same is not said again and again.
    trouble: Option<String>,
}

impl Questions {
    fn new(now: Timestamp, ahead: TimeDelta) -> Self {
        Questions {
            asking: None,
            ahead,
            at: now,
            is_stale: false,
            has_more: false,
            rest: Duration::ZERO,
            has_answered: false,
            trouble: None,
        }
    }

    /// Asks, if it is time to.
    fn ask(&mut self, work: &Arc<dyn Work>, now: Timestamp) {
        if self.asking.is_none() && self.at <= now {
            let (work, until) = (work.clone(), now + self.ahead);
            self.asking = Some(Box::pin(async move { work.waiting(until).await }));
            self.is_stale = false;
            self.at = now + PERIOD;
        }
    }

    /// Tells when it is to be asked; not while an answer is waited for.
    fn next(&self) -> Option<Timestamp> {
        self.asking.is_none().then_some(self.at)
    }

    /// Asks as soon as may be: there may be another run.
    fn wanted(&mut self, now: Timestamp) {
        self.is_stale = true;
        if self.asking.is_none() && self.rest.is_zero() {
            self.at = now;
        }
    }

    /// Asks for those that did not fit into the last answer.
    fn few_are_left(&mut self) {
        if std::mem::take(&mut self.has_more) {
            self.at = Timestamp::UNIX_EPOCH;
        }
    }

    fn answered(&mut self, answer: Result<Listed, ClientError>, now: Timestamp) -> Result<Listed, ClientError> {
        match answer {
            Ok(listed) => {
                if self.trouble.take().is_some() {
                    tracing::info!(target: "flowcore", "the server says again which runs are due");
                }
                (self.rest, self.has_answered) = (Duration::ZERO, true);
                self.has_more = !listed.is_complete;
                if self.is_stale {
                    self.at = now;
                }
                Ok(listed)
            }
            Err(ClientError::Server(error)) if self.has_answered || error.is_passing() => {
                let trouble = error.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::warn!(target: "flowcore", "{error}; it is asked again, and runs are begun when it answers");
                    self.trouble = Some(trouble);
                }
                self.rest = (self.rest * 2).clamp(SHORTEST_REST, LONGEST_REST);
                self.at = now + TimeDelta::from_std(self.rest).unwrap_or_default();
                // Nothing is known to have changed.
                Ok(Listed::default())
            }
            Err(error) => Err(error),
        }
    }
}

/// Waits until the first of these times.
async fn until(clock: &dyn Clock, times: [Option<Timestamp>; 2]) {
    match times.into_iter().flatten().min() {
        Some(at) => clock.sleep((at - clock.now()).to_std().unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

/// Waits for an answer, if one is waited for.
async fn answered(asking: &mut Option<Asking>) -> Result<Listed, ClientError> {
    match asking {
        Some(answer) => {
            let answer = answer.await;
            *asking = None;
            answer
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ServerError;

    fn refused() -> Result<Listed, ClientError> {
        let (what, detail) = ("list the runs that are due".to_owned(), "Not found.".to_owned());
        Err(ServerError::Refused { what, status: 404, detail }.into())
    }

    #[test]
    fn only_the_first_refusal_is_the_end() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut questions = Questions::new(begin, AHEAD);
        assert!(questions.answered(refused(), begin).is_err());
        assert!(questions.answered(Ok(Listed::default()), begin).is_ok());
        assert!(questions.answered(refused(), begin).is_ok_and(|listed| listed.runs.is_empty()));
        assert_eq!(questions.rest, SHORTEST_REST);
        for _ in 0..20 {
            assert!(questions.answered(refused(), begin).is_ok());
        }
        let rest = TimeDelta::from_std(LONGEST_REST).unwrap_or_default();
        assert_eq!((questions.rest, questions.at), (LONGEST_REST, begin + rest));
        assert!(questions.trouble.as_ref().is_some_and(|trouble| trouble.contains("Not found.")));
        assert!(questions.answered(Ok(Listed::default()), begin).is_ok());
        assert!(questions.rest.is_zero() && questions.trouble.is_none());
    }
}
