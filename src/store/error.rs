//! Why a verb did not succeed. Nothing was written then.

/// Nothing was written, whatever the reason; `Unavailable` alone is worth another try.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Cannot write now: disk full, locked, shutting down. Worth trying again.
    #[error("the store cannot write now: {0}")]
    Unavailable(String),
    /// Somebody else moved the incident, or the lease is lost: read again.
    #[error("the incident was moved by somebody else")]
    Conflict,
    /// The data is not what this version wrote.
    #[error("the store holds what this version cannot read: {0}")]
    Corrupt(String),
    /// Another server holds this data directory.
    #[error("another reclose server holds {0}")]
    Held(String),
    /// Test-only: the simulated process ended here.
    #[error("the process ended")]
    Crashed,
}
