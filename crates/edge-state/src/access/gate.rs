//! Which self-hosted applications stand before a hostname: `gate:{hostname}`.

use serde::{Deserialize, Serialize};

use crate::{Hostname, Key, Record};

/// The doors of one hostname, or of all hostnames one label below a domain (`*.example.com`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GateRecord {
    /// The hostname, or the wildcard under which all patterns for the first label are kept.
    pub hostname: Hostname,
    /// In no order: the most specific one that matches counts.
    pub doors: Vec<Door>,
}

/// One public destination of an application.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Door {
    /// Its [`super::ApplicationRecord`].
    pub application_id: String,
    /// Whose application it is: it stands before hostnames of this account alone. `None`: a record
    /// from before this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The hostname as the destination spells it; `*` in its first label stands for any characters
    /// of a label.
    pub host_pattern: String,
    /// The path as the destination spells it, without the slash in front; empty: every path.
    /// `*` stands for any characters. What is below a path belongs to it.
    pub path_pattern: String,
}

impl Record for GateRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Gate(self.hostname.clone())
    }
}
