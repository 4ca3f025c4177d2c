//! What applications guard: a host and path is one application's, in all accounts.

use crate::store::{Sql, Tx, on, sql};

/// One door.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct DoorRow {
    /// Lower case; `*` only in the first label.
    pub host_pattern: String,
    /// Without slashes around it; empty: every path.
    pub path_pattern: String,
    /// The hostname, or the wildcard that a pattern is looked up under.
    pub gate: String,
    /// Whose it is.
    pub application_id: String,
}

/// Adds a door; `false`: it is another application's.
pub async fn insert(tx: &mut Tx, row: &DoorRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(&row.host_pattern)
        .bind(&row.path_pattern).bind(&row.gate).bind(&row.application_id)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Takes all doors from an application; the gates that they were in.
pub async fn clear(tx: &mut Tx, application_id: &str) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = on!(tx, conn => sqlx::query_as(CLEAR.on(conn))
        .bind(application_id).fetch_all(&mut **conn).await)?;
    let mut gates: Vec<_> = rows.into_iter().map(|(gate,)| gate).collect();
    gates.sort_unstable();
    gates.dedup();
    Ok(gates)
}

/// All doors of one gate, each with the account whose it is.
pub async fn of_gate(tx: &mut Tx, gate: &str) -> sqlx::Result<Vec<(DoorRow, String)>> {
    let rows: Vec<GateRow> =
        on!(tx, conn => sqlx::query_as(OF_GATE.on(conn)).bind(gate).fetch_all(&mut **conn).await)?;
    Ok(rows.into_iter().map(|row| (row.door, row.account_id)).collect())
}

#[derive(sqlx::FromRow)]
struct GateRow {
    #[sqlx(flatten)]
    door: DoorRow,
    account_id: String,
}

const INSERT: Sql = sql!(
    "INSERT INTO access_doors (host_pattern, path_pattern, gate, application_id)
     VALUES ($1, $2, $3, $4) ON CONFLICT (host_pattern, path_pattern) DO NOTHING"
);
const CLEAR: Sql = sql!("DELETE FROM access_doors WHERE application_id = $1 RETURNING gate");
const OF_GATE: Sql = sql!(
    "SELECT door.*, application.account_id FROM access_doors AS door
     JOIN access_objects AS application ON application.id = door.application_id
     WHERE door.gate = $1 ORDER BY door.host_pattern, door.path_pattern"
);
