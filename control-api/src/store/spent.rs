//! What counts once.

use super::{Sql, Tx, on, sql};

/// Uses something up; `false`: it was used before. `until` and `now` are Unix seconds: something
/// whose time has passed is refused by whoever asks, so it need not be remembered.
pub async fn spend(tx: &mut Tx, digest: &[u8], until: i64) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(SPEND.on(conn)).bind(digest).bind(until)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Forgets at most `limit` things whose time ended before `before` (Unix seconds).
pub async fn forget(tx: &mut Tx, before: i64, limit: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(before).bind(limit)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

const SPEND: Sql =
    sql!("INSERT INTO access_spent (digest, until) VALUES ($1, $2) ON CONFLICT DO NOTHING");
const FORGET: Sql = sql!(
    "DELETE FROM access_spent WHERE digest IN
         (SELECT digest FROM access_spent WHERE until < $1 ORDER BY until LIMIT $2)"
);
