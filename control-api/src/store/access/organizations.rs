//! The one organisation of an account.

use edge_state::Hostname;

use super::objects::ObjectRow;
use crate::store::{Sql, Tx, on, sql};

/// The organisation, if anybody has written it yet.
pub async fn find(tx: &mut Tx, account_id: &str) -> sqlx::Result<Option<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(account_id)
        .fetch_optional(&mut **conn).await)
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_for_update(tx: &mut Tx, account_id: &str) -> sqlx::Result<Option<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(FIND_FOR_UPDATE.on(conn)).bind(account_id)
        .fetch_optional(&mut **conn).await)
}

/// The team domain of an account, once it has one.
pub async fn auth_domain(tx: &mut Tx, account_id: &str) -> sqlx::Result<Option<Hostname>> {
    let row = find(tx, account_id).await?;
    Ok(row.and_then(|row| Hostname::parse(row.handle.as_deref()?).ok()))
}

/// Whose team domain this is.
pub async fn account_of(tx: &mut Tx, auth_domain: &Hostname) -> sqlx::Result<Option<String>> {
    let row = super::objects::find_by_handle(tx, KIND, auth_domain.as_str()).await?;
    Ok(row.map(|row| row.account_id))
}

const KIND: &str = "organization";
const FIND: Sql =
    sql!("SELECT * FROM access_objects WHERE account_id = $1 AND kind = 'organization'");
const FIND_FOR_UPDATE: Sql = sql!(
    "SELECT * FROM access_objects WHERE account_id = $1 AND kind = 'organization'",
    postgres: " FOR UPDATE",
    ""
);
