//! A transaction, in as few trips to the driver as can be.
//!
//! SQLite's connections live on threads of their own, and a trip there costs about as much as writing three rows. One
//! text may hold several statements there, so that a small change is one trip: `BEGIN IMMEDIATE; ..; COMMIT`. Large
//! ones are written statement by statement, the first with `BEGIN IMMEDIATE` and the last with `COMMIT`, and while one is
//! executed the arguments of the next are encoded.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::dialect::Dialect;
use super::driver::{Arguments, Connection, Outcome, Statement};
use super::failure::Failure;
use super::template::{Around, Part};

/// Up to how many arguments statements are joined to one text. Each combination of statements is a text that SQLite
/// keeps prepared, and beyond a few rows the trip that is saved is no longer felt.
const JOINED_ARGUMENTS: usize = 160;

/// A transaction that begins with its first statement.
pub(super) struct Transaction<'c> {
    connection: &'c mut Connection,
    open: bool,
    /// A COMMIT was sent: if the connection is lost now, nobody knows what became of it.
    committing: bool,
}

impl<'c> Transaction<'c> {
    /// Takes a connection for a transaction.
    pub(super) fn new(connection: &'c mut Connection) -> Self {
        Transaction { connection, open: false, committing: false }
    }

    /// Tells which SQL the connection understands.
    pub(super) fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    /// Tells whether what was done may have been committed although it failed.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.committing
    }

    /// Runs statements inside the transaction, and commits it behind the `last` ones.
    pub(super) async fn run(&mut self, parts: Vec<Part<'_>>, last: bool) -> Result<Vec<Outcome>, Failure> {
        let arguments: usize = parts.iter().map(|part| part.arguments).sum();
        if self.joins() && arguments <= JOINED_ARGUMENTS {
            self.run_joined(&parts, arguments, last).await
        } else {
            self.run_each(parts, last).await
        }
    }

    /// Runs one statement with numbered parameters inside the transaction.
    pub(super) async fn run_one(&mut self, statement: Statement) -> Result<Outcome, Failure> {
        self.begin().await?;
        self.query(statement).await
    }

    /// Marks the place to which [`undo`](Self::undo) goes back.
    pub(super) async fn mark(&mut self) -> Result<(), Failure> {
        self.begin().await?;
        self.connection.run_text("SAVEPOINT mark").await.map(drop)
    }

    /// Keeps what was done since the mark.
    pub(super) async fn keep(&mut self) -> Result<(), Failure> {
        self.connection.run_text("RELEASE SAVEPOINT mark").await.map(drop)
    }

    /// Undoes what was done since the mark.
    pub(super) async fn undo(&mut self) -> Result<(), Failure> {
        self.connection.run_text("ROLLBACK TO SAVEPOINT mark").await?;
        self.keep().await
    }

    /// Reads: inside the transaction if it is open, else by itself.
    pub(super) async fn query(&mut self, statement: Statement) -> Result<Outcome, Failure> {
        Ok(self.connection.run(statement).await?.pop().unwrap_or_default())
    }

    /// Commits, unless that was done with the last statements.
    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        if self.open {
            self.committing = true;
            self.connection.run_text("COMMIT").await?;
            self.committing = false;
            self.open = false;
        }
        Ok(())
    }

    /// Undoes what was not committed. A failure of this is no news: the connection is no good, or nothing was open.
    pub(super) async fn roll_back(&mut self) {
        if self.open
            && let Err(failure) = self.connection.run_text("ROLLBACK").await
        {
            tracing::debug!(?failure, "nothing to roll back");
        }
        self.open = false;
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        if !self.open {
            self.connection.run_text(self.connection.dialect().begin()).await?;
            self.open = true;
        }
        Ok(())
    }

    fn joins(&self) -> bool {
        match self.dialect() {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => true,
            #[cfg(feature = "postgres")]
            Dialect::Postgres => false,
        }
    }

    async fn run_joined(&mut self, parts: &[Part<'_>], count: usize, last: bool) -> Result<Vec<Outcome>, Failure> {
        if parts.is_empty() {
            return if last { self.commit().await.map(|()| Vec::new()) } else { Ok(Vec::new()) };
        }
        let mut arguments = Arguments::new(self.dialect());
        arguments.reserve(count);
        self.committing = last;
        if let ([part], true, false) = (parts, last, self.open) {
            // A statement by itself is a transaction.
            (part.encode)(&mut arguments);
            let text = part.text(self.dialect(), Around::NOTHING);
            let outcomes = self.connection.run(Statement { text, arguments }).await?;
            self.committing = false;
            return Ok(outcomes);
        }
        let dialect = self.dialect();
        let texts: Vec<_> = parts.iter().map(|part| part.text(dialect, Around::NOTHING)).collect();
        let mut text = String::with_capacity(64 + texts.iter().map(|text| text.len() + 1).sum::<usize>());
        let begins = !self.open;
        if begins {
            text.push_str(self.dialect().begin());
            text.push(';');
        }
        for (part, statement) in parts.iter().zip(&texts) {
            (part.encode)(&mut arguments);
            text.push_str(statement);
            text.push(';');
        }
        if last {
            text.push_str("COMMIT");
        }
        // Set before: what fails may fail halfway, and is rolled back.
        self.open = true;
        let text = Arc::from(text);
        let mut outcomes = self.connection.run(Statement { text, arguments }).await?;
        self.open = !last;
        self.committing = false;
        outcomes.drain(..usize::from(begins));
        outcomes.truncate(parts.len());
        Ok(outcomes)
    }

    async fn run_each(&mut self, parts: Vec<Part<'_>>, last: bool) -> Result<Vec<Outcome>, Failure> {
        let dialect = self.dialect();
        let joins = self.joins();
        if !joins {
            self.begin().await?;
        }
        let mut parts = parts.into_iter();
        let mut outcomes = Vec::with_capacity(parts.len());
        let mut around = self.around(joins, parts.len(), last);
        let mut next = parts.next().map(|part| encoded(dialect, &part, around));
        while let Some(statement) = next {
            let Around { begins, commits } = around;
            // Set before: what fails may fail halfway, and is rolled back.
            self.open = true;
            self.committing = commits;
            around = self.around(joins, parts.len(), last);
            let mut running = pin!(self.connection.run(statement));
            // The first poll hands the statement over; it is executed while the next one is encoded here.
            let early = poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await;
            next = parts.next().map(|part| encoded(dialect, &part, around));
            let done = match early {
                Poll::Ready(done) => done?,
                Poll::Pending => running.await?,
            };
            outcomes.push(done.into_iter().nth(usize::from(begins)).unwrap_or_default());
            self.open = !commits;
            self.committing = false;
        }
        if last {
            self.commit().await?;
        }
        Ok(outcomes)
    }

    /// Tells what goes around the next statement, when it is one of so many left.
    fn around(&self, joins: bool, left: usize, last: bool) -> Around {
        Around { begins: joins && !self.open, commits: joins && last && left == 1 }
    }
}

fn encoded(dialect: Dialect, part: &Part<'_>, around: Around) -> Statement {
    let mut arguments = Arguments::new(dialect);
    arguments.reserve(part.arguments);
    (part.encode)(&mut arguments);
    Statement { text: part.text(dialect, around), arguments }
}
