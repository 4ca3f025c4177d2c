//! Mail that is to go out: leased, sent, and taken off. Each is sent at least once, unless it grows
//! too old first.

use super::{Sql, Tx, on, sql};

/// A leased mail.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MailRow {
    /// The row.
    pub id: String,
    /// Sealed for [`super::secrets::Place::Mail`].
    pub sealed: String,
    /// Fencing token.
    pub attempt: i64,
}

/// Puts a mail on the list, until `expires_at` at the latest. Times are Unix milliseconds.
pub async fn insert(
    tx: &mut Tx,
    id: &str,
    sealed: &str,
    (now, expires_at): (i64, i64),
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(id).bind(sealed).bind(now).bind(expires_at)
        .execute(&mut **conn).await.map(drop))
}

/// Leases mails that are due; no two processes get the same one.
pub async fn lease(
    tx: &mut Tx,
    (now, until): (i64, i64),
    limit: i64,
) -> sqlx::Result<Vec<MailRow>> {
    on!(tx, conn => sqlx::query_as(LEASE.on(conn)).bind(now).bind(until).bind(limit)
        .fetch_all(&mut **conn).await)
}

/// Whether any mail is due.
pub async fn any_due(tx: &mut Tx, now: i64) -> sqlx::Result<bool> {
    let row: Option<(i64,)> = on!(tx, conn => sqlx::query_as(ANY_DUE.on(conn)).bind(now)
        .fetch_optional(&mut **conn).await?);
    Ok(row.is_some())
}

/// Takes a mail off the list.
pub async fn finish(tx: &mut Tx, mail: &MailRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(FINISH.on(conn)).bind(&mail.id).bind(mail.attempt)
        .execute(&mut **conn).await.map(drop))
}

/// Puts a mail that could not be sent back on the list.
pub async fn put_back(tx: &mut Tx, mail: &MailRow, due_at: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT_BACK.on(conn)).bind(&mail.id).bind(mail.attempt).bind(due_at)
        .execute(&mut **conn).await.map(drop))
}

/// Forgets at most `limit` mails that were never sent and are too old now.
pub async fn forget(tx: &mut Tx, now: i64, limit: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(now).bind(limit)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

const INSERT: Sql = sql!(
    "INSERT INTO access_mails (id, sealed, due_at, leased_until, attempt, expires_at)
     VALUES ($1, $2, $3, 0, 0, $4)"
);
const LEASE: Sql = sql!(
    "WITH due AS (SELECT id FROM access_mails
                  WHERE due_at <= $1 AND leased_until < $1 AND expires_at > $1
                  ORDER BY due_at, id LIMIT $3 ",
    postgres: "FOR UPDATE SKIP LOCKED", // SQLite: the one writer holds the lock already.
    ") UPDATE access_mails SET leased_until = $2, attempt = attempt + 1
       WHERE id IN (SELECT id FROM due) RETURNING id, sealed, attempt"
);
const ANY_DUE: Sql = sql!(
    "SELECT due_at FROM access_mails WHERE due_at <= $1 AND leased_until < $1 AND expires_at > $1
     LIMIT 1"
);
const FINISH: Sql = sql!("DELETE FROM access_mails WHERE id = $1 AND attempt = $2");
const PUT_BACK: Sql =
    sql!("UPDATE access_mails SET due_at = $3, leased_until = 0 WHERE id = $1 AND attempt = $2");
const FORGET: Sql = sql!(
    "DELETE FROM access_mails WHERE id IN
         (SELECT id FROM access_mails WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
);
