//! Zones: the domains of SaaS companies, with what all their custom hostnames share.

use super::{Sql, Tx, on, sql};

/// A row of `zones`.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct ZoneRow {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub account_id: String,
    /// The domain.
    pub name: String,
    /// What customers point their CNAME at.
    pub cname_target: String,
    /// JSON: the settings that were changed, by setting id.
    pub settings: String,
    /// As sent by the client.
    pub fallback_origin: Option<String>,
    /// Unix milliseconds.
    pub fallback_origin_created_at: Option<i64>,
    /// Unix milliseconds.
    pub fallback_origin_updated_at: Option<i64>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// Adds a zone; `false`: its name is taken.
pub async fn insert(tx: &mut Tx, row: &ZoneRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn))
        .bind(&row.id).bind(&row.account_id).bind(&row.name).bind(&row.cname_target)
        .bind(&row.settings).bind(row.created_at)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// By id.
pub async fn find(tx: &mut Tx, id: &str) -> sqlx::Result<Option<ZoneRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(id).fetch_optional(&mut **conn).await)
}

/// By id, and nobody else changes it before this transaction ends.
pub async fn find_for_update(tx: &mut Tx, id: &str) -> sqlx::Result<Option<ZoneRow>> {
    on!(tx, conn => sqlx::query_as(FIND_FOR_UPDATE.on(conn)).bind(id).fetch_optional(&mut **conn).await)
}

/// All zones, or those with one name or of one account, by name.
pub async fn list(
    tx: &mut Tx,
    name: Option<&str>,
    account_id: Option<&str>,
) -> sqlx::Result<Vec<ZoneRow>> {
    on!(tx, conn => sqlx::query_as(LIST.on(conn)).bind(name).bind(account_id)
        .fetch_all(&mut **conn).await)
}

/// Replaces the changed settings.
pub async fn set_settings(tx: &mut Tx, id: &str, settings: &str, now: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_SETTINGS.on(conn)).bind(id).bind(settings).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// Replaces what customers point their CNAME at.
pub async fn set_cname_target(tx: &mut Tx, id: &str, target: &str, now: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_CNAME_TARGET.on(conn)).bind(id).bind(target).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// Sets or, with `None`, unsets the fallback origin. The first time of setting is kept.
pub async fn set_fallback_origin(
    tx: &mut Tx,
    id: &str,
    origin: Option<&str>,
    now: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_FALLBACK_ORIGIN.on(conn)).bind(id).bind(origin).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// Deletes a zone that has no custom hostnames; `false`: it has some, or it is not there.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(DELETE.on(conn)).bind(id)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

const INSERT: Sql = sql!(
    "INSERT INTO zones (id, account_id, name, cname_target, settings, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (name) DO NOTHING"
);
const FIND: Sql = sql!("SELECT * FROM zones WHERE id = $1");
const FIND_FOR_UPDATE: Sql = sql!("SELECT * FROM zones WHERE id = $1", postgres: " FOR UPDATE", "");
const LIST: Sql = sql!(
    "SELECT * FROM zones WHERE ($1 IS NULL OR name = $1) AND ($2 IS NULL OR account_id = $2)
     ORDER BY name, id"
);
const SET_SETTINGS: Sql = sql!("UPDATE zones SET settings = $2, updated_at = $3 WHERE id = $1");
const SET_CNAME_TARGET: Sql =
    sql!("UPDATE zones SET cname_target = $2, updated_at = $3 WHERE id = $1");
const SET_FALLBACK_ORIGIN: Sql = sql!(
    "UPDATE zones SET fallback_origin = $2,
         fallback_origin_created_at =
             CASE WHEN $2 IS NULL THEN NULL ELSE COALESCE(fallback_origin_created_at, $3) END,
         fallback_origin_updated_at = CASE WHEN $2 IS NULL THEN NULL ELSE $3 END,
         updated_at = $3
     WHERE id = $1"
);
const DELETE: Sql = sql!(
    "DELETE FROM zones WHERE id = $1
     AND NOT EXISTS (SELECT 1 FROM custom_hostnames WHERE zone_id = $1)"
);
