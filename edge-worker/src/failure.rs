//! What goes wrong in the shell. The platform's errors are texts; they become these where they
//! appear, and say what was being done.

use edge_state::Key;
use routing::Refusal;
use routing::refusal::OriginFault;
use wasm_bindgen::JsValue;

/// Why a decision could not be made or carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// KV does not answer, or holds what this version cannot read.
    #[error("the record {key} could not be read: {cause}")]
    Record {
        /// The record.
        key: Key,
        /// The platform's or the decoder's words.
        cause: String,
    },
    /// `routing` asked for more records than any request depends on.
    #[error("no decision after all records were read")]
    Undecided,
    /// Our own egress did not answer at all.
    #[error("egress did not answer: {0}")]
    Egress(String),
    /// The platform did not reach the origin.
    #[error("the origin did not answer: {0}")]
    Origin(String),
    /// An object of the platform could not be made.
    #[error("{doing} failed: {cause}")]
    Platform {
        /// What was being done.
        doing: &'static str,
        /// The platform's words.
        cause: String,
    },
}

impl Failure {
    /// For `map_err`.
    pub fn platform(doing: &'static str) -> impl FnOnce(JsValue) -> Self {
        move |error| Self::Platform { doing, cause: words(error) }
    }

    /// What the visitor is told.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Origin(_) => Refusal::OriginDown(OriginFault::Connect),
            Self::Record { .. } | Self::Undecided | Self::Egress(_) | Self::Platform { .. } => {
                Refusal::Unavailable
            }
        }
    }
}

/// The message of something thrown.
pub fn words(error: JsValue) -> String {
    worker::Error::from(error).to_string()
}
