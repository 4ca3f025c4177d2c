//! API tokens. Their values are nowhere, only hashes.

use super::{Sql, Tx, on, sql};

/// A row of `api_tokens`.
#[derive(Clone, sqlx::FromRow)]
pub struct TokenRow {
    /// 32 hexadecimal digits.
    pub id: String,
    /// For people.
    pub name: String,
    /// SHA-256 of the value.
    pub hash: Vec<u8>,
    /// JSON.
    pub policies: String,
    /// `None`: the token belongs to the user.
    pub account_id: Option<String>,
    /// `active` or `disabled`.
    pub status: String,
    /// Unix milliseconds.
    pub not_before: Option<i64>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// Adds a token.
pub async fn insert(tx: &mut Tx, row: &TokenRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(INSERT.on(conn))
        .bind(&row.id).bind(&row.name).bind(&row.hash).bind(&row.policies).bind(&row.account_id)
        .bind(&row.status).bind(row.not_before).bind(row.expires_at).bind(row.created_at)
        .execute(&mut **conn).await.map(drop))
}

/// By the hash of its value.
pub async fn find_by_hash(tx: &mut Tx, hash: &[u8]) -> sqlx::Result<Option<TokenRow>> {
    on!(tx, conn => sqlx::query_as(FIND_BY_HASH.on(conn)).bind(hash).fetch_optional(&mut **conn).await)
}

/// By id, among those of an account or, with `None`, of the user.
pub async fn find(
    tx: &mut Tx,
    id: &str,
    account_id: Option<&str>,
) -> sqlx::Result<Option<TokenRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(id).bind(account_id)
        .fetch_optional(&mut **conn).await)
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_for_update(
    tx: &mut Tx,
    id: &str,
    account_id: Option<&str>,
) -> sqlx::Result<Option<TokenRow>> {
    on!(tx, conn => sqlx::query_as(FIND_FOR_UPDATE.on(conn)).bind(id).bind(account_id)
        .fetch_optional(&mut **conn).await)
}

/// A page of the tokens of an account or, with `None`, of the user, by age.
pub async fn list(
    tx: &mut Tx,
    account_id: Option<&str>,
    descending: bool,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<TokenRow>> {
    let list = if descending { LIST_DESCENDING } else { LIST };
    on!(tx, conn => sqlx::query_as(list.on(conn)).bind(account_id).bind(limit).bind(offset)
        .fetch_all(&mut **conn).await)
}

/// How many tokens [`list`] has.
pub async fn count(tx: &mut Tx, account_id: Option<&str>) -> sqlx::Result<i64> {
    on!(tx, conn => sqlx::query_scalar(COUNT.on(conn)).bind(account_id).fetch_one(&mut **conn).await)
}

/// Replaces what an update may change: name, policies, status and validity.
pub async fn update(tx: &mut Tx, row: &TokenRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(UPDATE.on(conn))
        .bind(&row.id).bind(&row.name).bind(&row.policies).bind(&row.status)
        .bind(row.not_before).bind(row.expires_at).bind(row.updated_at).bind(&row.hash)
        .execute(&mut **conn).await.map(drop))
}

/// Deletes a token.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(DELETE.on(conn)).bind(id).execute(&mut **conn).await.map(drop))
}

const INSERT: Sql = sql!(
    "INSERT INTO api_tokens
         (id, name, hash, policies, account_id, status, not_before, expires_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
);
const FIND_BY_HASH: Sql = sql!("SELECT * FROM api_tokens WHERE hash = $1");
const FIND: Sql =
    sql!("SELECT * FROM api_tokens WHERE id = $1 AND COALESCE(account_id, '') = COALESCE($2, '')");
const FIND_FOR_UPDATE: Sql = sql!(
    "SELECT * FROM api_tokens WHERE id = $1 AND COALESCE(account_id, '') = COALESCE($2, '')",
    postgres: " FOR UPDATE",
    ""
);
const LIST: Sql = sql!(
    "SELECT * FROM api_tokens WHERE COALESCE(account_id, '') = COALESCE($1, '')
     ORDER BY created_at, id LIMIT $2 OFFSET $3"
);
const LIST_DESCENDING: Sql = sql!(
    "SELECT * FROM api_tokens WHERE COALESCE(account_id, '') = COALESCE($1, '')
     ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
);
const COUNT: Sql =
    sql!("SELECT COUNT(*) FROM api_tokens WHERE COALESCE(account_id, '') = COALESCE($1, '')");
const UPDATE: Sql = sql!(
    "UPDATE api_tokens SET name = $2, policies = $3, status = $4, not_before = $5, expires_at = $6,
         updated_at = $7, hash = $8
     WHERE id = $1"
);
const DELETE: Sql = sql!("DELETE FROM api_tokens WHERE id = $1");
