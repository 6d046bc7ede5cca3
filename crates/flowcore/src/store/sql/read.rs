//! Readers' connections: opened when they are needed, kept for the next, never in the writer's way.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::store::StoreError;

use super::dialect::Dialect;
use super::driver::{Connection, Row, Source, Statement};
use super::failure::Failure;

/// How many questions are answered at once.
const CONNECTIONS: usize = 4;

/// The connections of readers.
#[derive(Clone)]
pub(super) struct Readers {
    shared: Arc<Shared>,
    /// The runtime that connections belong to, or none: they work from any.
    home: Option<Handle>,
}

struct Shared {
    source: Source,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Makes readers without a connection yet.
    pub(super) fn new(source: Source, home: Option<Handle>) -> Self {
        let shared = Shared { source, permits: Semaphore::new(CONNECTIONS), idle: Mutex::default() };
        Readers { shared: Arc::new(shared), home }
    }

    /// Tells which SQL is understood.
    pub(super) fn dialect(&self) -> Dialect {
        self.shared.source.dialect()
    }

    /// Asks.
    pub(super) async fn fetch(&self, question: impl Fn(Dialect) -> Statement) -> Result<Vec<Row>, StoreError> {
        match self.ask(question(self.dialect())).await {
            // The server was restarted while the connection was idle: once more, with a new one.
            Err(Failure::Lost(_)) => {
                self.shared.lock().clear();
                Ok(self.ask(question(self.dialect())).await?)
            }
            other => Ok(other?),
        }
    }

    /// Gives up the connections; later questions fail.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.shared.permits.close();
        let idle = std::mem::take(&mut *self.shared.lock());
        for connection in idle {
            connection.close().await?;
        }
        Ok(())
    }

    async fn ask(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        let work = self.shared.clone().ask(statement);
        match &self.home {
            None => work.await,
            Some(home) => home.spawn(work).await.map_err(|_| Failure::Final(StoreError::Closed))?,
        }
    }
}

impl Shared {
    fn ask(self: Arc<Self>, statement: Statement) -> Pin<Box<dyn Future<Output = Result<Vec<Row>, Failure>> + Send>> {
        Box::pin(async move {
            let _permit = self.permits.acquire().await.map_err(|_| Failure::Final(StoreError::Closed))?;
            let idle = self.lock().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.source.connect().await?,
            };
            // A connection that is dropped here, by a failure or by a caller that gave up, is not used again.
            let outcome = connection.run(statement).await?.pop().unwrap_or_default();
            if !self.permits.is_closed() {
                self.lock().push(connection);
            }
            Ok(outcome.rows)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
