//! Secrets of Access objects, sealed under the master key.

use edge_state::seal::Sealed;

use crate::store::{Sql, Tx, on, sql};

/// The name of a secret: `{object}:{field}`. It is sealed for this name.
#[must_use]
pub fn id(object_id: &str, field: &str) -> String {
    format!("{object_id}:{field}")
}

/// Keeps a secret, in the place of the one before.
pub async fn put(
    tx: &mut Tx,
    object_id: &str,
    field: &str,
    sealed: &Sealed,
    now: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT.on(conn)).bind(id(object_id, field)).bind(object_id)
        .bind(sealed.as_str()).bind(now).execute(&mut **conn).await.map(drop))
}

/// The secret, if there is one.
pub async fn find(tx: &mut Tx, object_id: &str, field: &str) -> sqlx::Result<Option<Sealed>> {
    let row: Option<(String,)> = on!(tx, conn => sqlx::query_as(FIND.on(conn))
        .bind(id(object_id, field)).fetch_optional(&mut **conn).await?);
    Ok(row.map(|(sealed,)| Sealed::from_text(sealed)))
}

/// Forgets a secret.
pub async fn forget(tx: &mut Tx, object_id: &str, field: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(id(object_id, field))
        .execute(&mut **conn).await.map(drop))
}

const PUT: Sql = sql!(
    "INSERT INTO access_secrets (id, object_id, sealed, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at"
);
const FIND: Sql = sql!("SELECT sealed FROM access_secrets WHERE id = $1");
const FORGET: Sql = sql!("DELETE FROM access_secrets WHERE id = $1");
