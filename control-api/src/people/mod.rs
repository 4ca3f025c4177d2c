//! People who sign in, as far as it must be counted, used once, or remembered: what the edge asks
//! for by `edge_state::access::call`.
//!
//! - [`edge`]: the questions, over HTTP
//! - [`pins`], [`mail`], [`eligible`]: codes by mail, and who may get one
//! - [`sign_in`], [`posture`]: whose identity it is; a session begins
//! - [`revocation`]: sessions end, and tokens count no more
//! - [`approvals`]: somebody is let in for a time
//! - [`login_log`]: what was decided
//! - [`records`]: what the edge knows, which is what is gone by here too
//! - [`housekeeping`]: what is forgotten in time

pub mod approvals;
pub mod edge;
pub mod eligible;
pub mod housekeeping;
pub mod login_log;
pub mod mail;
pub mod pins;
pub mod posture;
pub mod records;
pub mod revocation;
pub mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::config::Config;
use crate::store::Db;
use crate::store::changes::Bell;
use crate::vault::Vault;

/// What every answer is made with. Cheap to clone.
#[derive(Clone)]
pub struct People {
    /// All state.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Seals identities for the edge, and mail for ourselves.
    pub vault: Arc<Vault>,
    /// Rung when the edge has something to learn.
    pub bell: Bell,
    settings: Arc<Settings>,
    mailbag: mail::Mailbag,
    posture: posture::Client,
}

/// What the operator set.
struct Settings {
    codes: pins::CodeKey,
    mail: mail::Means,
    /// Of links in mails.
    https_port: u16,
    /// The one member that every account has.
    operator: Option<String>,
    log_retention: Duration,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// Nothing could be sealed.
    #[error(transparent)]
    Vault(#[from] crate::vault::Error),
    /// A stored record is none.
    #[error("a stored record cannot be read: {0}")]
    Record(#[from] edge_state::DecodeError),
    /// Stored JSON is none.
    #[error("stored JSON cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The question is not one that an edge asks.
    #[error("{0}")]
    Invalid(&'static str),
    /// Too often.
    #[error("too many requests; try again in {retry_after} seconds")]
    TooMany {
        /// Seconds.
        retry_after: u64,
    },
}

impl People {
    /// As the operator set it.
    #[must_use]
    pub fn configured(
        config: &Config,
        db: Db,
        clock: Clock,
        vault: Arc<Vault>,
        bell: Bell,
    ) -> Self {
        let settings = Settings {
            codes: pins::CodeKey::derived(&config.master_key),
            mail: mail::Means::of(config),
            https_port: config.https_port,
            operator: config.operator_email().map(str::to_ascii_lowercase),
            log_retention: config.login_log_retention,
        };
        let posture = posture::Client::configured(config);
        let mailbag = mail::Mailbag::default();
        Self { db, clock, vault, bell, settings: Arc::new(settings), mailbag, posture }
    }

    /// Commits, and wakes who waits for changes of the edge.
    async fn commit(&self, tx: crate::store::Tx) -> Result<(), Error> {
        tx.commit().await?;
        self.bell.ring();
        Ok(())
    }

    /// Unix seconds, as in tokens.
    fn now_seconds(&self) -> i64 {
        self.clock.now_millis().div_euclid(1000)
    }
}

/// One digest of several texts; which text ends where cannot be moved.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// An address in lower case. ASCII case alone is folded, as at the edge: more would make two mailboxes
/// one, and whoever may choose the one would be taken for the other.
fn normalized(email: &str) -> String {
    email.trim().to_ascii_lowercase()
}

/// Whole seconds from `now` to `until` (Unix milliseconds), at least one.
fn seconds_until(until: i64, now: i64) -> u64 {
    u64::try_from((until - now).max(1)).unwrap_or(1).div_ceil(1000)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_mailboxes_become_one() {
        assert_eq!(super::normalized(" Kevin@Corp.COM "), "kevin@corp.com");
        // U+212A, the Kelvin sign, is `k` to Unicode's folding.
        assert_eq!(super::normalized("\u{212A}evin@corp.com"), "\u{212A}evin@corp.com");
    }
}
