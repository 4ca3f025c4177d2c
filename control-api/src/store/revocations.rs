//! Whose tokens do not count any more.

use super::{Sql, Tx, on, sql};

/// One revocation.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct RevocationRow {
    /// `user` or `application`.
    pub kind: String,
    /// The user's id, or the application's `aud`.
    pub subject: String,
    /// Unix seconds.
    pub not_after: i64,
    /// A user who may not sign in again.
    pub disabled: bool,
}

/// Of users.
pub const USER: &str = "user";
/// Of applications.
pub const APPLICATION: &str = "application";

/// Revokes what was issued until `not_after` (Unix seconds); never less than before.
pub async fn put(
    tx: &mut Tx,
    account_id: &str,
    (kind, subject): (&str, &str),
    not_after: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT.on(conn)).bind(account_id).bind(kind).bind(subject)
        .bind(not_after).execute(&mut **conn).await.map(drop))
}

/// Says whether a user is shut out altogether.
pub async fn set_disabled(
    tx: &mut Tx,
    account_id: &str,
    user_id: &str,
    disabled: bool,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_DISABLED.on(conn)).bind(account_id).bind(user_id)
        .bind(disabled).execute(&mut **conn).await.map(drop))
}

/// All of an account.
pub async fn list(tx: &mut Tx, account_id: &str) -> sqlx::Result<Vec<RevocationRow>> {
    on!(tx, conn => sqlx::query_as(LIST.on(conn)).bind(account_id).fetch_all(&mut **conn).await)
}

/// Forgets at most `limit` revocations that no token can be older than; the accounts that they
/// were of.
pub async fn forget(tx: &mut Tx, before: i64, limit: i64) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = on!(tx, conn => sqlx::query_as(FORGET.on(conn)).bind(before)
        .bind(limit).fetch_all(&mut **conn).await?);
    Ok(rows.into_iter().map(|(account_id,)| account_id).collect())
}

const PUT: Sql = sql!(
    "INSERT INTO access_revocations (account_id, kind, subject, not_after, disabled)
     VALUES ($1, $2, $3, $4, FALSE)
     ON CONFLICT (account_id, kind, subject) DO UPDATE SET not_after = CASE
         WHEN excluded.not_after > access_revocations.not_after THEN excluded.not_after
         ELSE access_revocations.not_after END"
);
const SET_DISABLED: Sql = sql!(
    "UPDATE access_revocations SET disabled = $3
     WHERE account_id = $1 AND kind = 'user' AND subject = $2"
);
const LIST: Sql = sql!(
    "SELECT kind, subject, not_after, disabled FROM access_revocations WHERE account_id = $1
     ORDER BY kind, subject"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_revocations WHERE (account_id, kind, subject) IN
         (SELECT account_id, kind, subject FROM access_revocations
          WHERE not_after < $1 AND NOT disabled ORDER BY not_after LIMIT $2)
     RETURNING account_id"
);
