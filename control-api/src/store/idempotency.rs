//! First answers to requests with an `Idempotency-Key`.

use super::{Sql, Tx, on, sql};

/// A first answer.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct AnswerRow {
    /// SHA-256 of the request.
    pub request_hash: Vec<u8>,
    /// HTTP status. NULL only inside the transaction that is still working on it.
    pub status: Option<i64>,
    /// The whole body, sealed.
    pub body: Option<String>,
}

/// Claims a key; `false`: another request has it. Waits for one that is still working on it, so
/// that of many equal requests at once exactly one goes on.
pub async fn claim(
    tx: &mut Tx,
    token_id: &str,
    key: &str,
    request_hash: &[u8],
    now: i64,
) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(CLAIM.on(conn)).bind(token_id).bind(key).bind(request_hash)
        .bind(now).execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// The first answer under a key.
pub async fn find(tx: &mut Tx, token_id: &str, key: &str) -> sqlx::Result<Option<AnswerRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(token_id).bind(key)
        .fetch_optional(&mut **conn).await)
}

/// Stores the answer in the transaction that has its effect: both are there or none.
pub async fn record(
    tx: &mut Tx,
    token_id: &str,
    key: &str,
    status: i64,
    body: &str,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(RECORD.on(conn)).bind(token_id).bind(key).bind(status).bind(body)
        .execute(&mut **conn).await.map(drop))
}

/// Forgets answers older than `before`.
pub async fn forget(tx: &mut Tx, before: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(before)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

const CLAIM: Sql = sql!(
    "INSERT INTO idempotency_keys (api_token_id, idempotency_key, request_hash, created_at)
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
);
const FIND: Sql = sql!(
    "SELECT request_hash, status, body FROM idempotency_keys
     WHERE api_token_id = $1 AND idempotency_key = $2"
);
const RECORD: Sql = sql!(
    "UPDATE idempotency_keys SET status = $3, body = $4 WHERE api_token_id = $1 AND idempotency_key = $2"
);
const FORGET: Sql = sql!("DELETE FROM idempotency_keys WHERE created_at < $1");
