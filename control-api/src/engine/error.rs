//! Why the engine wrote nothing.

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The machine refused the event: a defect of the caller.
    #[error("{0}")]
    Illegal(String),
    /// A stored state is of another version, or was changed by hand.
    #[error("the stored state of {subject} is not readable: {error}")]
    State {
        /// A certificate's or custom hostname's id.
        subject: String,
        /// What is wrong with it.
        error: String,
    },
    /// A private key could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] crate::vault::Error),
    /// Nothing to order from.
    #[error("no certificate authority is configured: set LINTEL_ACME_AUTHORITIES")]
    NoAuthority,
    /// No such custom hostname.
    #[error("there is no such custom hostname")]
    NotFound,
}

pub(super) fn unreadable(subject: &str, error: &serde_json::Error) -> EngineError {
    EngineError::State { subject: subject.to_owned(), error: error.to_string() }
}
