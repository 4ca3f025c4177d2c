//! Metadata of SAML peers that is fetched: its last good version, and when it is fetched again.

use crate::store::{Sql, Tx, on, sql};

/// A row of `access_saml_metadata`.
#[derive(Clone, Debug, Default, Eq, PartialEq, sqlx::FromRow)]
pub struct MetadataRow {
    /// The application or identity provider whose peer it is.
    pub object_id: String,
    /// Whose object.
    pub account_id: String,
    /// `identity_provider` or `service_provider`.
    pub role: String,
    /// Where it is fetched from.
    pub url: String,
    /// The entity that it speaks of.
    pub entity_id: String,
    /// JSON: the keys that it must be signed by.
    pub pins: String,
    /// Whether its signature may rest on SHA-1.
    pub allow_sha1: bool,
    /// The last good version.
    pub document: String,
    /// `ETag` of it.
    pub etag: Option<String>,
    /// `Last-Modified` of it.
    pub last_modified: Option<String>,
    /// When it was last seen, or seen not to have changed. Unix milliseconds, as all that follow.
    pub fetched_at: i64,
    /// Since when it is as it is.
    pub changed_at: i64,
    /// Until when it says to hold.
    pub valid_until: Option<i64>,
    /// When it is fetched again.
    pub due_at: i64,
    /// Until when it is being fetched.
    pub leased_until: i64,
    /// Fencing token.
    pub attempt: i64,
    /// In a row.
    pub failures: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When that was.
    pub failed_at: Option<i64>,
}

/// Writes the first version, or one from another address.
pub async fn put(tx: &mut Tx, row: &MetadataRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT.on(conn)).bind(&row.object_id).bind(&row.account_id)
        .bind(&row.role).bind(&row.url).bind(&row.entity_id).bind(&row.pins).bind(row.allow_sha1)
        .bind(&row.document).bind(&row.etag).bind(&row.last_modified).bind(row.fetched_at)
        .bind(row.changed_at).bind(row.valid_until).bind(row.due_at)
        .execute(&mut **conn).await.map(drop))
}

/// Of one object.
pub async fn find(tx: &mut Tx, object_id: &str) -> sqlx::Result<Option<MetadataRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(object_id).fetch_optional(&mut **conn).await)
}

/// Says anew whether signatures may rest on SHA-1.
pub async fn allow_sha1(tx: &mut Tx, object_id: &str, allowed: bool) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(ALLOW_SHA1.on(conn)).bind(object_id).bind(allowed)
        .execute(&mut **conn).await.map(drop))
}

/// The object takes its peer from elsewhere.
pub async fn forget(tx: &mut Tx, object_id: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(object_id).execute(&mut **conn).await.map(drop))
}

/// Leases what is due, at most `limit`; no two instances get the same. Accounts take turns, each
/// with what has waited longest: however many peers one has, another's next waits for one turn.
pub async fn lease(
    tx: &mut Tx,
    (now, until): (i64, i64),
    limit: i64,
) -> sqlx::Result<Vec<MetadataRow>> {
    on!(tx, conn => sqlx::query_as(LEASE.on(conn)).bind(now).bind(until).bind(limit)
        .fetch_all(&mut **conn).await)
}

/// Leases one, due or not; whoever holds it has lost it.
pub async fn take(tx: &mut Tx, object_id: &str, until: i64) -> sqlx::Result<Option<MetadataRow>> {
    on!(tx, conn => sqlx::query_as(TAKE.on(conn)).bind(object_id).bind(until)
        .fetch_optional(&mut **conn).await)
}

/// Writes what came of an attempt; `false`: it is not the caller's any more, and nothing is written.
#[must_use = "a result that came too late must not be published"]
pub async fn finish(tx: &mut Tx, row: &MetadataRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(FINISH.on(conn)).bind(&row.object_id).bind(row.attempt)
        .bind(&row.entity_id).bind(&row.pins).bind(&row.document).bind(&row.etag)
        .bind(&row.last_modified).bind(row.fetched_at).bind(row.changed_at).bind(row.valid_until)
        .bind(row.due_at).bind(row.failures).bind(&row.error).bind(row.failed_at)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// How many could not be fetched when that was last tried.
pub async fn count_failing(tx: &mut Tx) -> sqlx::Result<i64> {
    let (count,): (i64,) =
        on!(tx, conn => sqlx::query_as(COUNT_FAILING.on(conn)).fetch_one(&mut **conn).await?);
    Ok(count)
}

const PUT: Sql = sql!(
    "INSERT INTO access_saml_metadata
         (object_id, account_id, role, url, entity_id, pins, allow_sha1, document, etag,
          last_modified, fetched_at, changed_at, valid_until, due_at, leased_until, attempt,
          failures)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, 0)
     ON CONFLICT (object_id) DO UPDATE SET url = excluded.url, entity_id = excluded.entity_id,
         pins = excluded.pins, allow_sha1 = excluded.allow_sha1, document = excluded.document,
         etag = excluded.etag, last_modified = excluded.last_modified,
         fetched_at = excluded.fetched_at, changed_at = excluded.changed_at,
         valid_until = excluded.valid_until, due_at = excluded.due_at, leased_until = 0,
         attempt = access_saml_metadata.attempt + 1, failures = 0, error = NULL, failed_at = NULL"
);
const FIND: Sql = sql!("SELECT * FROM access_saml_metadata WHERE object_id = $1");
const ALLOW_SHA1: Sql =
    sql!("UPDATE access_saml_metadata SET allow_sha1 = $2 WHERE object_id = $1");
const FORGET: Sql = sql!("DELETE FROM access_saml_metadata WHERE object_id = $1");
// Rows cannot be locked where they are numbered, so they are chosen a second time: what another
// instance has leased meanwhile is seen then.
const LEASE: Sql = sql!(
    "WITH turns AS (
         SELECT object_id, due_at AS since,
             ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY due_at, object_id) AS turn
         FROM access_saml_metadata WHERE due_at <= $1 AND leased_until < $1
     ), chosen AS (SELECT object_id FROM turns ORDER BY turn, since, object_id LIMIT $3)
     UPDATE access_saml_metadata SET leased_until = $2, attempt = attempt + 1
     WHERE object_id IN (SELECT object_id FROM access_saml_metadata
                         WHERE object_id IN (SELECT object_id FROM chosen)
                             AND due_at <= $1 AND leased_until < $1 ",
    postgres: "FOR UPDATE SKIP LOCKED", // SQLite: the one writer holds the lock already.
    ") RETURNING *"
);
const TAKE: Sql = sql!(
    "UPDATE access_saml_metadata SET leased_until = $2, attempt = attempt + 1
     WHERE object_id = $1 RETURNING *"
);
const FINISH: Sql = sql!(
    "UPDATE access_saml_metadata SET entity_id = $3, pins = $4, document = $5, etag = $6,
         last_modified = $7, fetched_at = $8, changed_at = $9, valid_until = $10, due_at = $11,
         leased_until = 0, failures = $12, error = $13, failed_at = $14
     WHERE object_id = $1 AND attempt = $2"
);
const COUNT_FAILING: Sql = sql!("SELECT COUNT(*) FROM access_saml_metadata WHERE failures > 0");
