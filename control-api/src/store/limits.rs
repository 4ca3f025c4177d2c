//! How often something may be asked for: counted in windows of time, where no client can begin anew.

use super::{Sql, Tx, on, sql};

/// What is counted, how often it may be within a window, and how long that is.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What it is about.
    pub scope: &'static str,
    /// So many times ..
    pub count: i64,
    /// .. in so many milliseconds.
    pub window: i64,
}

/// Counts one more for whom `digest` names; the error is when the window ends (Unix milliseconds),
/// if that is one too many.
pub async fn take(
    tx: &mut Tx,
    limit: &Limit,
    digest: &[u8],
    now: i64,
) -> sqlx::Result<Result<(), i64>> {
    let began_at = now - now.rem_euclid(limit.window);
    let ends_at = began_at + limit.window;
    let counted: Option<(i64,)> = on!(tx, conn => sqlx::query_as(TAKE.on(conn)).bind(limit.scope)
        .bind(digest).bind(began_at).bind(ends_at).bind(limit.count)
        .fetch_optional(&mut **conn).await?);
    Ok(counted.map(drop).ok_or(ends_at))
}

/// Forgets at most `limit` windows that have ended.
pub async fn forget(tx: &mut Tx, now: i64, limit: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(now).bind(limit)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

const TAKE: Sql = sql!(
    "INSERT INTO access_counts (scope, digest, began_at, ends_at, count)
     VALUES ($1, $2, $3, $4, 1)
     ON CONFLICT (scope, digest, began_at) DO UPDATE SET count = access_counts.count + 1
     WHERE access_counts.count < $5
     RETURNING count"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_counts WHERE (scope, digest, began_at) IN
         (SELECT scope, digest, began_at FROM access_counts WHERE ends_at <= $1
          ORDER BY ends_at LIMIT $2)"
);
