//! Policy tests: what policies would have said about everybody who ever signed in.

use crate::store::{Sql, Tx, on, sql};

/// Keeps a test; the account's oldest beyond `kept` are forgotten.
pub async fn insert(
    tx: &mut Tx,
    (id, account_id): (&str, &str),
    result: &str,
    now: i64,
    kept: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => {
        sqlx::query(INSERT.on(conn)).bind(id).bind(account_id).bind(result).bind(now)
            .execute(&mut **conn).await?;
        sqlx::query(FORGET.on(conn)).bind(account_id).bind(kept).execute(&mut **conn).await?;
        Ok(())
    })
}

/// The result of a test.
pub async fn find(tx: &mut Tx, account_id: &str, id: &str) -> sqlx::Result<Option<String>> {
    let row: Option<(String,)> = on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(account_id)
        .bind(id).fetch_optional(&mut **conn).await)?;
    Ok(row.map(|(result,)| result))
}

const INSERT: Sql = sql!(
    "INSERT INTO access_policy_tests (id, account_id, result, created_at) VALUES ($1, $2, $3, $4)"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_policy_tests WHERE account_id = $1 AND id NOT IN (
         SELECT id FROM access_policy_tests WHERE account_id = $1
         ORDER BY created_at DESC, id LIMIT $2)"
);
const FIND: Sql = sql!("SELECT result FROM access_policy_tests WHERE account_id = $1 AND id = $2");
