//! Which policies decide about which application, in which order.

use super::objects::ObjectRow;
use crate::store::{Sql, Tx, on, sql};

/// One policy of one application.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct LinkRow {
    /// The application.
    pub application_id: String,
    /// The policy.
    pub policy_id: String,
    /// As the client numbered it.
    pub precedence: i64,
    /// Where two have one number: as they stood in the list.
    pub position: i64,
}

/// A policy, as it stands in an application.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct AttachedRow {
    /// Its number there.
    pub precedence: i64,
    /// The policy itself.
    #[sqlx(flatten)]
    pub policy: ObjectRow,
}

/// Adds or renumbers one policy of an application.
pub async fn put(tx: &mut Tx, row: &LinkRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT.on(conn)).bind(&row.application_id).bind(&row.policy_id)
        .bind(row.precedence).bind(row.position).execute(&mut **conn).await.map(drop))
}

/// Takes one policy out of an application; `false`: it was not there.
pub async fn remove(tx: &mut Tx, application_id: &str, policy_id: &str) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(REMOVE.on(conn)).bind(application_id).bind(policy_id)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Takes all policies out of an application.
pub async fn clear(tx: &mut Tx, application_id: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(CLEAR.on(conn)).bind(application_id)
        .execute(&mut **conn).await.map(drop))
}

/// The policies of an application, in the order in which they are asked.
pub async fn attached(tx: &mut Tx, application_id: &str) -> sqlx::Result<Vec<AttachedRow>> {
    on!(tx, conn => sqlx::query_as(ATTACHED.on(conn)).bind(application_id)
        .fetch_all(&mut **conn).await)
}

/// The applications that a policy decides about.
pub async fn applications(tx: &mut Tx, policy_id: &str) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = on!(tx, conn => sqlx::query_as(APPLICATIONS.on(conn))
        .bind(policy_id).fetch_all(&mut **conn).await)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Where the next policy of an application goes: after the last number and the last place.
pub async fn end(tx: &mut Tx, application_id: &str) -> sqlx::Result<(i64, i64)> {
    on!(tx, conn => sqlx::query_as(END.on(conn)).bind(application_id)
        .fetch_one(&mut **conn).await)
}

const PUT: Sql = sql!(
    "INSERT INTO access_application_policies (application_id, policy_id, precedence, position)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (application_id, policy_id)
     DO UPDATE SET precedence = excluded.precedence, position = excluded.position"
);
const REMOVE: Sql =
    sql!("DELETE FROM access_application_policies WHERE application_id = $1 AND policy_id = $2");
const CLEAR: Sql = sql!("DELETE FROM access_application_policies WHERE application_id = $1");
const ATTACHED: Sql = sql!(
    "SELECT link.precedence, policy.id, policy.account_id, policy.kind, policy.parent_id,
         policy.name, policy.handle, policy.body, policy.owned, policy.position, policy.revision,
         policy.created_at, policy.updated_at
     FROM access_application_policies AS link
     JOIN access_objects AS policy ON policy.id = link.policy_id
     WHERE link.application_id = $1
     ORDER BY link.precedence, link.position, policy.id"
);
const APPLICATIONS: Sql = sql!(
    "SELECT application_id FROM access_application_policies WHERE policy_id = $1
     ORDER BY application_id"
);
const END: Sql = sql!(
    "SELECT COALESCE(MAX(precedence), 0) + 1, COALESCE(MAX(position), 0) + 1
     FROM access_application_policies WHERE application_id = $1"
);
