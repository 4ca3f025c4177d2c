//! Accounts.

use super::{Sql, Tx, on, sql};

/// A row of `accounts`.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct AccountRow {
    /// 32 hexadecimal digits.
    pub id: String,
    /// For people.
    pub name: String,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// Adds an account.
pub async fn insert(tx: &mut Tx, row: &AccountRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(&row.id).bind(&row.name).bind(row.created_at)
        .execute(&mut **conn).await.map(drop))
}

/// By id.
pub async fn find(tx: &mut Tx, id: &str) -> sqlx::Result<Option<AccountRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(id).fetch_optional(&mut **conn).await)
}

/// All accounts, or those with one name, by age.
pub async fn list(tx: &mut Tx, name: Option<&str>) -> sqlx::Result<Vec<AccountRow>> {
    on!(tx, conn => sqlx::query_as(LIST.on(conn)).bind(name).fetch_all(&mut **conn).await)
}

const INSERT: Sql = sql!("INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3)");
const FIND: Sql = sql!("SELECT id, name, created_at FROM accounts WHERE id = $1");
const LIST: Sql = sql!(
    "SELECT id, name, created_at FROM accounts WHERE $1 IS NULL OR name = $1 ORDER BY created_at, id"
);
