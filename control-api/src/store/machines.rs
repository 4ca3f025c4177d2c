//! Custom hostnames as the engine sees them: the machine, and what it and its edge record need.

use super::{Sql, Tx, on, sql};

/// A custom hostname with what it takes from its zone.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HostnameRow {
    /// A UUID.
    pub id: String,
    /// Its zone.
    pub zone_id: String,
    /// The name.
    pub hostname: String,
    /// JSON: what the client set.
    pub requested: String,
    /// A UUID.
    pub ownership_token: String,
    /// The machine, JSON of [`lifecycle::hostname::Hostname`].
    pub state: String,
    /// `None`: created without `ssl`.
    pub ssl_id: Option<String>,
    /// The zone's: what the hostname should be a CNAME to.
    pub cname_target: String,
    /// The zone's.
    pub fallback_origin: Option<String>,
}

/// What is derived from the machines, for answers and filters.
#[derive(Clone, Copy, Debug)]
pub struct Derived<'a> {
    /// Of the hostname's machine.
    pub status: &'a str,
    /// All of the hostname's machine.
    pub state: &'a str,
    /// `ssl.status`.
    pub ssl_status: Option<&'a str>,
    /// The authority in use; `None` leaves what is known.
    pub certificate_authority: Option<&'a str>,
}

/// Reads a custom hostname, and nobody else changes it or its certificates before this transaction
/// ends: every writer of a machine begins here.
pub async fn lock(tx: &mut Tx, id: &str) -> sqlx::Result<Option<HostnameRow>> {
    on!(tx, conn => sqlx::query_as(LOCK.on(conn)).bind(id).fetch_optional(&mut **conn).await)
}

/// Reads a custom hostname.
pub async fn find(tx: &mut Tx, id: &str) -> sqlx::Result<Option<HostnameRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(id).fetch_optional(&mut **conn).await)
}

/// Writes what the machines came to.
pub async fn update(tx: &mut Tx, id: &str, derived: Derived<'_>, now: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(UPDATE.on(conn)).bind(id)
        .bind(derived.status).bind(derived.state).bind(derived.ssl_status)
        .bind(derived.certificate_authority).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// Removes a custom hostname whose certificates are gone already.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(DELETE.on(conn)).bind(id).execute(&mut **conn).await.map(drop))
}

/// How many custom hostnames there are with each `ssl.status`.
pub async fn count_by_ssl_status(tx: &mut Tx) -> sqlx::Result<Vec<(String, i64)>> {
    on!(tx, conn => sqlx::query_as(COUNT.on(conn)).fetch_all(&mut **conn).await)
}

const COUNT: Sql = sql!(
    "SELECT ssl_status, COUNT(*) FROM custom_hostnames WHERE ssl_status IS NOT NULL
     GROUP BY ssl_status"
);
const FIND: Sql = sql!(
    "SELECT h.id, h.zone_id, h.hostname, h.requested, h.ownership_token, h.state, h.ssl_id,
            z.cname_target, z.fallback_origin
     FROM custom_hostnames h JOIN zones z ON z.id = h.zone_id WHERE h.id = $1"
);
const LOCK: Sql = sql!(
    "SELECT h.id, h.zone_id, h.hostname, h.requested, h.ownership_token, h.state, h.ssl_id,
            z.cname_target, z.fallback_origin
     FROM custom_hostnames h JOIN zones z ON z.id = h.zone_id WHERE h.id = $1",
    postgres: " FOR UPDATE OF h",
    ""
);
const UPDATE: Sql = sql!(
    "UPDATE custom_hostnames SET status = $2, state = $3, ssl_status = $4,
         certificate_authority = COALESCE($5, certificate_authority), updated_at = $6
     WHERE id = $1"
);
const DELETE: Sql = sql!("DELETE FROM custom_hostnames WHERE id = $1");
