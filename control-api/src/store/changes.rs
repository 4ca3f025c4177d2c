//! What the edge must know: the outbox that feeds points of presence and publishers.

use std::sync::Arc;

use edge_state::change::PointOfPresence;
use edge_state::{Change, Key};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::{Tx, on, sql};
use crate::store::Sql;

/// Rung after a commit that wrote changes, so that long polls and publishers of this process need
/// not wait until they look again.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes everyone who listens.
    pub fn ring(&self) {
        self.0.notify_waiters();
    }

    /// Hears every ring from now on; take it before looking at the database.
    pub fn listen(&self) -> OwnedNotified {
        self.0.clone().notified_owned()
    }
}

/// What came after a sequence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Since {
    /// In order, tombstones among them; empty: nothing yet.
    Changes(Vec<Change>),
    /// What was asked for is not known any more, or not yet: start from a snapshot.
    Gone,
}

/// A point of presence as it made itself known.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct RegisteredPoint {
    /// Its name, from its own configuration.
    pub name: String,
    /// `host:port` where a handshake shows what visitors see.
    pub https_address: String,
    /// `host:port` where challenges are answered.
    pub http_address: String,
    /// It has applied every change up to this one.
    pub sequence: i64,
    /// Unix milliseconds.
    pub last_seen_at: i64,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// From here to the commit no one else can write a change: what is read now is what is published.
///
/// # Errors
/// The database failed.
pub async fn lock(tx: &mut Tx) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(LOCK.on(conn)).execute(&mut **conn).await.map(drop))
}

/// Writes a record's newest state; `None` takes it off the edge. A value that the edge has already
/// is no change. `now` is Unix milliseconds.
///
/// The last statement before commit: from here to the commit no one else can write a change, which
/// is why sequences become visible in their order.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, key: &Key, value: Option<&str>, now: i64) -> sqlx::Result<()> {
    let key = key.to_string();
    on!(tx, conn => {
        // Locked first: what is compared must not change before the commit.
        sqlx::query(LOCK.on(conn)).execute(&mut **conn).await?;
        let known: Option<(Option<String>,)> =
            sqlx::query_as(VALUE.on(conn)).bind(&key).fetch_optional(&mut **conn).await?;
        if known.and_then(|(text,)| text).as_deref() == value {
            return Ok(());
        }
        let (sequence,): (i64,) = sqlx::query_as(NEXT.on(conn)).fetch_one(&mut **conn).await?;
        sqlx::query(PUT.on(conn)).bind(&key).bind(sequence).bind(value).bind(now)
            .execute(&mut **conn).await?;
        Ok(())
    })
}

/// A record as the edge has it, or will have it soon. `None`: there is none.
///
/// # Errors
/// The database failed.
pub async fn value(tx: &mut Tx, key: &Key) -> sqlx::Result<Option<String>> {
    let row: Option<(Option<String>,)> = on!(tx, conn => sqlx::query_as(VALUE.on(conn))
        .bind(key.to_string()).fetch_optional(&mut **conn).await?);
    Ok(row.and_then(|(text,)| text))
}

/// The changes after `since`, at most `limit`.
///
/// # Errors
/// The database failed.
pub async fn since(tx: &mut Tx, since: i64, limit: i64) -> sqlx::Result<Since> {
    // Changes first: a purge between the two statements then answers `Gone`, and never a gap.
    let rows: Vec<(i64, String, Option<String>)> = on!(tx, conn => sqlx::query_as(SINCE.on(conn))
        .bind(since).bind(limit).fetch_all(&mut **conn).await?);
    let (newest, forgotten) = horizon(tx).await?;
    if since < forgotten || since > newest {
        return Ok(Since::Gone);
    }
    let change = |(sequence, key, value)| Change { sequence, key, value };
    Ok(Since::Changes(rows.into_iter().map(change).collect()))
}

/// The newest sequence; what a snapshot page, read afterwards in the same transaction, shows at
/// least.
///
/// # Errors
/// The database failed.
pub async fn newest(tx: &mut Tx) -> sqlx::Result<i64> {
    Ok(horizon(tx).await?.0)
}

/// The records whose keys come after `after`, by key, at most `limit`; no tombstones.
///
/// # Errors
/// The database failed.
pub async fn page(tx: &mut Tx, after: &str, limit: i64) -> sqlx::Result<Vec<Change>> {
    let rows: Vec<(i64, String, Option<String>)> = on!(tx, conn => sqlx::query_as(PAGE.on(conn))
        .bind(after).bind(limit).fetch_all(&mut **conn).await?);
    Ok(rows.into_iter().map(|(sequence, key, value)| Change { sequence, key, value }).collect())
}

/// Forgets tombstones that were written before `before` (Unix milliseconds) and that every
/// publisher seen since has passed on; answers how many. Whoever was away for longer starts from a
/// snapshot.
///
/// # Errors
/// The database failed.
pub async fn purge(tx: &mut Tx, before: i64) -> sqlx::Result<usize> {
    on!(tx, conn => {
        sqlx::query(LOCK.on(conn)).execute(&mut **conn).await?;
        let gone: Vec<(i64,)> =
            sqlx::query_as(PURGE.on(conn)).bind(before).fetch_all(&mut **conn).await?;
        if let Some((newest,)) = gone.iter().max() {
            sqlx::query(FORGET.on(conn)).bind(newest).execute(&mut **conn).await?;
        }
        Ok(gone.len())
    })
}

/// Takes or keeps the right to pass changes on to a target until `until`; how far it has come. `None`:
/// another instance has that right.
///
/// # Errors
/// The database failed.
pub async fn lease_publisher(
    tx: &mut Tx,
    publisher: &str,
    worker: &str,
    (now, until): (i64, i64),
) -> sqlx::Result<Option<i64>> {
    let row: Option<(i64,)> = on!(tx, conn => sqlx::query_as(LEASE.on(conn)).bind(publisher)
        .bind(worker).bind(now).bind(until).fetch_optional(&mut **conn).await?);
    Ok(row.map(|(sequence,)| sequence))
}

/// Notes that everything up to `to` was passed on. Whoever lost the lease meanwhile may have put an
/// old value over a newer one: then the target's cursor goes back to `from`, and this answers
/// `false`.
///
/// # Errors
/// The database failed.
pub async fn advance(
    tx: &mut Tx,
    publisher: &str,
    worker: &str,
    (from, to): (i64, i64),
    now: i64,
) -> sqlx::Result<bool> {
    on!(tx, conn => {
        let advanced = sqlx::query(ADVANCE.on(conn)).bind(publisher).bind(worker).bind(from)
            .bind(to).bind(now).execute(&mut **conn).await?.rows_affected() > 0;
        if !advanced {
            sqlx::query(REWIND.on(conn)).bind(publisher).bind(from).execute(&mut **conn).await?;
        }
        Ok(advanced)
    })
}

/// Makes a point of presence known, or its new addresses.
///
/// # Errors
/// The database failed.
pub async fn register(
    tx: &mut Tx,
    name: &str,
    point: &PointOfPresence,
    now: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(REGISTER.on(conn)).bind(name).bind(&point.https_address)
        .bind(&point.http_address).bind(now).execute(&mut **conn).await.map(drop))
}

/// Notes that a point of presence asked for what comes after `sequence`; an unknown name is
/// nobody.
///
/// # Errors
/// The database failed.
pub async fn seen(tx: &mut Tx, name: &str, sequence: i64, now: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SEEN.on(conn)).bind(name).bind(sequence).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// All points of presence, by name: where a certificate must be seen before it is `active`.
///
/// # Errors
/// The database failed.
pub async fn points(tx: &mut Tx) -> sqlx::Result<Vec<RegisteredPoint>> {
    on!(tx, conn => sqlx::query_as(POINTS.on(conn)).fetch_all(&mut **conn).await)
}

/// Takes a point of presence out; whether it was there.
///
/// # Errors
/// The database failed.
pub async fn remove_point(tx: &mut Tx, name: &str) -> sqlx::Result<bool> {
    Ok(on!(tx, conn => sqlx::query(REMOVE_POINT.on(conn)).bind(name).execute(&mut **conn).await?
        .rows_affected())
        > 0)
}

/// The newest sequence, and the newest that is forgotten.
async fn horizon(tx: &mut Tx) -> sqlx::Result<(i64, i64)> {
    on!(tx, conn => sqlx::query_as(HORIZON.on(conn)).fetch_one(&mut **conn).await)
}

// SQLite's writer holds the whole database already.
const LOCK: Sql =
    sql!("SELECT value FROM edge_sequence WHERE id = 'edge'", postgres: " FOR UPDATE", "");
const VALUE: Sql = sql!("SELECT value FROM edge_changes WHERE key = $1");
const NEXT: Sql =
    sql!("UPDATE edge_sequence SET value = value + 1 WHERE id = 'edge' RETURNING value");
const PUT: Sql = sql!(
    "INSERT INTO edge_changes (key, sequence, value, changed_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence, value = excluded.value,
         changed_at = excluded.changed_at"
);
const SINCE: Sql = sql!(
    "SELECT sequence, key, value FROM edge_changes WHERE sequence > $1 ORDER BY sequence LIMIT $2"
);
const PAGE: Sql = sql!(
    "SELECT sequence, key, value FROM edge_changes WHERE value IS NOT NULL AND key > $1
     ORDER BY key LIMIT $2"
);
const HORIZON: Sql = sql!("SELECT value, forgotten FROM edge_sequence WHERE id = 'edge'");
const PURGE: Sql = sql!(
    "DELETE FROM edge_changes WHERE value IS NULL AND changed_at < $1
     AND NOT EXISTS (SELECT 1 FROM publishers WHERE publishers.sequence < edge_changes.sequence
                     AND publishers.updated_at >= $1)
     RETURNING sequence"
);
const FORGET: Sql =
    sql!("UPDATE edge_sequence SET forgotten = $1 WHERE id = 'edge' AND forgotten < $1");
const LEASE: Sql = sql!(
    "INSERT INTO publishers (name, sequence, updated_at, worker, leased_until)
     VALUES ($1, 0, $3, $2, $4)
     ON CONFLICT (name) DO UPDATE SET worker = excluded.worker,
         leased_until = excluded.leased_until, updated_at = excluded.updated_at
     WHERE publishers.leased_until < $3 OR publishers.worker = excluded.worker
     RETURNING sequence"
);
const ADVANCE: Sql = sql!(
    "UPDATE publishers SET sequence = $4, updated_at = $5
     WHERE name = $1 AND worker = $2 AND sequence = $3"
);
const REWIND: Sql = sql!("UPDATE publishers SET sequence = $2 WHERE name = $1 AND sequence > $2");
const REGISTER: Sql = sql!(
    "INSERT INTO points_of_presence
         (name, https_address, http_address, sequence, last_seen_at, created_at)
     VALUES ($1, $2, $3, 0, $4, $4)
     ON CONFLICT (name) DO UPDATE SET https_address = excluded.https_address,
         http_address = excluded.http_address, last_seen_at = excluded.last_seen_at"
);
const SEEN: Sql =
    sql!("UPDATE points_of_presence SET sequence = $2, last_seen_at = $3 WHERE name = $1");
const POINTS: Sql = sql!(
    "SELECT name, https_address, http_address, sequence, last_seen_at, created_at
     FROM points_of_presence ORDER BY name"
);
const REMOVE_POINT: Sql = sql!("DELETE FROM points_of_presence WHERE name = $1");

#[cfg(test)]
mod tests;
