//! Global sessions.

use super::{Sql, Tx, on, sql};

/// A row of `access_sessions`.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct SessionRow {
    /// `identity_nonce`
    pub nonce: String,
    /// Whose organisation it is in.
    pub account_id: String,
    /// The team domain.
    pub auth_domain: String,
    /// Whose it is.
    pub user_id: String,
    /// By which provider they came.
    pub identity_provider_id: String,
    /// The provider's own name for them.
    pub subject: String,
    /// [`edge_state::access::SessionRecord`] as JSON.
    pub record: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// Unix milliseconds; `None`: it goes on.
    pub ended_at: Option<i64>,
}

/// Adds a session; `false`: there is one of this nonce.
pub async fn insert(tx: &mut Tx, row: &SessionRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(&row.nonce).bind(&row.account_id)
        .bind(&row.auth_domain).bind(&row.user_id).bind(&row.identity_provider_id)
        .bind(&row.subject).bind(&row.record).bind(row.created_at).bind(row.expires_at)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// By nonce, also if it has ended.
pub async fn find(tx: &mut Tx, nonce: &str) -> sqlx::Result<Option<SessionRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(nonce).fetch_optional(&mut **conn).await)
}

/// A user's sessions that go on, newest first, at most `limit`.
pub async fn active(
    tx: &mut Tx,
    user_id: &str,
    now: i64,
    limit: i64,
) -> sqlx::Result<Vec<SessionRow>> {
    on!(tx, conn => sqlx::query_as(ACTIVE.on(conn)).bind(user_id).bind(now).bind(limit)
        .fetch_all(&mut **conn).await)
}

/// Ends one session; whether it had been going on.
pub async fn end(tx: &mut Tx, nonce: &str, now: i64) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(END.on(conn)).bind(nonce).bind(now)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Ends all sessions of a user; their nonces.
pub async fn end_all(tx: &mut Tx, user_id: &str, now: i64) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = on!(tx, conn => sqlx::query_as(END_ALL.on(conn)).bind(user_id)
        .bind(now).fetch_all(&mut **conn).await?);
    Ok(rows.into_iter().map(|(nonce,)| nonce).collect())
}

/// Forgets at most `limit` sessions that expired before `before`; their nonces.
pub async fn forget(tx: &mut Tx, before: i64, limit: i64) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = on!(tx, conn => sqlx::query_as(FORGET.on(conn)).bind(before)
        .bind(limit).fetch_all(&mut **conn).await?);
    Ok(rows.into_iter().map(|(nonce,)| nonce).collect())
}

/// How many go on, everywhere.
pub async fn count(tx: &mut Tx, now: i64) -> sqlx::Result<i64> {
    let (count,): (i64,) = on!(tx, conn => sqlx::query_as(COUNT.on(conn)).bind(now)
        .fetch_one(&mut **conn).await?);
    Ok(count)
}

const INSERT: Sql = sql!(
    "INSERT INTO access_sessions
         (nonce, account_id, auth_domain, user_id, identity_provider_id, subject, record,
          created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
);
const FIND: Sql = sql!("SELECT * FROM access_sessions WHERE nonce = $1");
const ACTIVE: Sql = sql!(
    "SELECT * FROM access_sessions WHERE user_id = $1 AND expires_at > $2 AND ended_at IS NULL
     ORDER BY created_at DESC, nonce LIMIT $3"
);
const END: Sql =
    sql!("UPDATE access_sessions SET ended_at = $2 WHERE nonce = $1 AND ended_at IS NULL");
const END_ALL: Sql = sql!(
    "UPDATE access_sessions SET ended_at = $2
     WHERE user_id = $1 AND expires_at > $2 AND ended_at IS NULL RETURNING nonce"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_sessions WHERE nonce IN
         (SELECT nonce FROM access_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
     RETURNING nonce"
);
const COUNT: Sql =
    sql!("SELECT COUNT(*) FROM access_sessions WHERE expires_at > $1 AND ended_at IS NULL");
