//! What can go wrong with a store, each with what to do about it.

/// A failure of a store. Nothing of the failed call was kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened or reached.
    #[error("cannot open the database {url}: {reason}; check FLOWCORE_DATABASE_URL and FLOWCORE_HOME")]
    Open {
        /// The database's address, without a password.
        url: String,
        /// What the driver said.
        reason: String,
    },
    /// A newer flowcore has migrated the database.
    #[error(
        "the database {url} has schema version {found}, and this flowcore knows versions up to {known}: use the flowcore that wrote it, or a newer one"
    )]
    NewerSchema {
        /// The database's address, without a password.
        url: String,
        /// The version found there.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The disk or the database's quota is full.
    #[error(
        "the database cannot grow, the disk is full: free some space; nothing that was acknowledged is lost ({reason})"
    )]
    Full {
        /// What the driver said.
        reason: String,
    },
    /// The database may not be written.
    #[error("the database may not be written: check the permissions of its file and folder ({reason})")]
    ReadOnly {
        /// What the driver said.
        reason: String,
    },
    /// The database's file is damaged or is no database.
    #[error(
        "the database file is damaged or is not a database: restore it from a backup, or move it away to begin anew ({reason})"
    )]
    Damaged {
        /// What the driver said.
        reason: String,
    },
    /// A new row has the id of one that is kept already.
    #[error("{0} exists already: give a new one a new id")]
    Exists(String),
    /// A row holds what flowcore did not write.
    #[error("a row of the database cannot be read: {0}")]
    Row(String),
    /// The store was closed, or its runtime has gone.
    #[error("the database is closed")]
    Closed,
    /// Anything else that the driver reports.
    #[error("the database failed: {0}")]
    Other(String),
    /// The kind of database is not compiled in.
    #[error(
        "flowcore was built without the feature `{feature}` that {url} needs: add it to the features of flowcore in Cargo.toml"
    )]
    FeatureOff {
        /// The feature's name.
        feature: &'static str,
        /// The address that asked for it, without a password.
        url: String,
    },
}
