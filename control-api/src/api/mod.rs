//! Cloudflare's v4 contract, as its official SDKs speak it.
//!
//! - [`envelope`], [`error`]: what every answer looks like, and the one place where codes are
//! - [`auth`], [`permission`]: who asks, and what they may do
//! - [`access`]: who may sign in where
//! - [`json`], [`page`], [`idempotency`]: reading requests
//! - the rest: one module per resource, each with the handlers that `router.rs` lists

pub mod access;
pub mod accounts;
pub mod auth;
pub mod custom_hostnames;
pub mod dcv_delegation;
pub mod envelope;
pub mod error;
pub mod fallback_origin;
pub mod idempotency;
pub mod json;
pub mod origin;
pub mod page;
pub mod permission;
pub mod points_of_presence;
pub mod settings;
pub mod tokens;
pub mod user;
pub mod zone_record;
pub mod zone_settings;
pub mod zones;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::net::http::Outside;
use crate::store::Db;
use crate::vault::Vault;

pub use envelope::{Envelope, Page};
pub use error::ApiError;

/// What every handler works with.
#[derive(Clone)]
pub struct App {
    /// All state.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// What the operator set.
    pub config: Arc<Config>,
    /// Seals what must not be read in the database.
    pub vault: Arc<Vault>,
    /// Drives the machines of custom hostnames.
    pub engine: Engine,
    /// Asks others' servers.
    pub outside: Outside,
}

impl App {
    /// Commits, and wakes who waits for what was committed.
    pub(crate) async fn commit(&self, tx: crate::store::Tx) -> Result<(), ApiError> {
        tx.commit().await?;
        self.engine.wake();
        Ok(())
    }
}

/// 32 hexadecimal digits: the form of account, zone and token ids.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Whether a text can be an id of [`new_id`].
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
