//! What an isolate keeps from one request for the next ones. All of it is bounded, and nothing is
//! wrong when it is gone.
//!
//! - [`documents`]: what providers answered: discovery documents, key sets
//! - [`verdicts`]: signatures that were right; [`signatures`]: those that were made here
//! - [`spent`]: what counted once, and has
//! - [`outbox`]: login events that the control plane does not have yet

pub mod documents;
pub mod outbox;
pub mod signatures;
pub mod spent;
pub mod verdicts;

pub use documents::Documents;
pub use outbox::Outbox;
pub use signatures::Signatures;
pub use spent::Spent;
pub use verdicts::Verdicts;
