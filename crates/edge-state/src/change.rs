//! The feed from control plane to points of presence (`/edge/v1`).
//!
//! Each key has one row with the sequence of its last change, so a reader that asks for what came
//! after `since` gets every key's newest state once, in order, however long it was away. Only
//! tombstones are forgotten in time; a reader older than that starts from a snapshot.

use serde::{Deserialize, Serialize};

/// One record's newest state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Change {
    /// Grows with every commit; no commit becomes visible before a smaller one.
    pub sequence: i64,
    /// [`crate::Key`] as text: a reader passes over kinds that it does not know.
    pub key: String,
    /// [`crate::Record::encode`]'s text; absent: the record is gone (a tombstone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// `GET /edge/v1/changes?since=N[&limit=L][&wait=SECONDS]`
///
/// Answers at once if there is something, else waits. `410 Gone`: `since` is older than the
/// forgotten tombstones, or newer than anything that this control plane ever said (it was restored
/// from a backup): start from a snapshot.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Changes {
    /// By sequence.
    pub changes: Vec<Change>,
    /// What to ask with next; equals `since` if nothing happened.
    pub next: i64,
}

/// `GET /edge/v1/snapshot[?after=KEY][&limit=L]`: all records, by key.
///
/// Pages are not of one moment. The reader notes the *first* page's `sequence`, takes all pages,
/// and then follows the changes since that sequence.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SnapshotPage {
    /// The newest sequence when this page was read.
    pub sequence: i64,
    /// No tombstones.
    pub records: Vec<Change>,
    /// The `after` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `PUT /edge/v1/points_of_presence/{name}`: a point of presence makes itself known, at start and
/// whenever its addresses change. `DELETE` (an operator's) takes it out of what must be seen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PointOfPresence {
    /// `host:port` where a handshake shows what visitors see.
    pub https_address: String,
    /// `host:port` where challenges are answered.
    pub http_address: String,
}
