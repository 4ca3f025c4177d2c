//! The life of a custom hostname and of its certificates, without any I/O: events go in, a new
//! state and effects come out. Time and dice are arguments.
//!
//! - [`hostname`], [`certificate`]: the two state machines
//! - [`status`]: `ssl.status`, from all certificates of a hostname
//! - [`validation`]: which token goes where
//! - [`problem`]: what can go wrong, each with its cause and its remedy
//! - [`name`]: which names may become custom hostnames
//! - [`authority`]: which certificate authority to order from
//! - [`renewal`]: when a certificate is renewed
//! - [`backoff`]: the documented schedules
//! - [`timestamp`]: the one representation of time
//!
//! The caller keeps one rule: a machine's new state, what its effects write, and its next step as a
//! job are one commit. Each step is then performed at least once, and its result comes back as an
//! event; a result that the machine no longer waits for changes nothing.

pub mod authority;
pub mod backoff;
pub mod certificate;
pub mod hostname;
pub mod name;
pub mod problem;
pub mod renewal;
pub mod status;
pub mod timestamp;
pub mod validation;

pub use authority::Authority;
pub use backoff::Schedule;
pub use problem::Problem;
pub use timestamp::Timestamp;

/// What the machines are told beside the event.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// Whom to order from, the preferred first. Never empty in a working configuration.
    pub authorities: &'a [Authority],
    /// How long to wait between tries.
    pub schedule: Schedule,
    /// Uniform in `0.0..1.0`: spreads what would otherwise happen at the same moment.
    pub dice: f64,
}
