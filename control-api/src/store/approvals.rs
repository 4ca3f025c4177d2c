//! Who asked to be let in for a time, and who agreed.

use super::{Sql, Tx, on, sql};

/// A row of `access_approvals`.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct ApprovalRow {
    /// UUID.
    pub id: String,
    /// Whose organisation it is in.
    pub account_id: String,
    /// The team domain.
    pub auth_domain: String,
    /// For which application.
    pub application_id: String,
    /// For which of its policies.
    pub policy_id: String,
    /// Who asks.
    pub user_id: String,
    /// Who asks.
    pub email: String,
    /// Why.
    pub justification: String,
    /// For how long.
    pub seconds: i64,
    /// `pending`, `approved`, `refused`
    pub state: String,
    /// Unix seconds, where it is approved.
    pub until: Option<i64>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// What somebody decided.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct VoteRow {
    /// Who: their user id.
    pub approver_id: String,
    /// Who: their address at that time.
    pub email: String,
    /// Whether they agreed.
    pub approve: bool,
}

/// Adds a request; `false`: there is one of this id.
pub async fn insert(tx: &mut Tx, row: &ApprovalRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(&row.id).bind(&row.account_id)
        .bind(&row.auth_domain).bind(&row.application_id).bind(&row.policy_id).bind(&row.user_id)
        .bind(&row.email).bind(&row.justification).bind(row.seconds).bind(row.created_at)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// By id, and nobody else changes it before this transaction ends.
pub async fn find_for_update(tx: &mut Tx, id: &str) -> sqlx::Result<Option<ApprovalRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(id).fetch_optional(&mut **conn).await)
}

/// A user's newest request for a policy of an application.
pub async fn newest(
    tx: &mut Tx,
    user_id: &str,
    application_id: &str,
    policy_id: &str,
) -> sqlx::Result<Option<ApprovalRow>> {
    on!(tx, conn => sqlx::query_as(NEWEST.on(conn)).bind(user_id).bind(application_id)
        .bind(policy_id).fetch_optional(&mut **conn).await)
}

/// Writes what was decided in the end.
pub async fn decide(
    tx: &mut Tx,
    id: &str,
    (state, until): (&str, Option<i64>),
    now: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(DECIDE.on(conn)).bind(id).bind(state).bind(until).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// Writes down somebody's decision; they may think again until all is decided.
pub async fn vote(tx: &mut Tx, id: &str, vote: &VoteRow, now: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(VOTE.on(conn)).bind(id).bind(&vote.approver_id).bind(&vote.email)
        .bind(vote.approve).bind(now).execute(&mut **conn).await.map(drop))
}

/// Everybody's decisions.
pub async fn votes(tx: &mut Tx, id: &str) -> sqlx::Result<Vec<VoteRow>> {
    on!(tx, conn => sqlx::query_as(VOTES.on(conn)).bind(id).fetch_all(&mut **conn).await)
}

/// Forgets at most `limit` requests that nothing has happened to since `before`.
pub async fn forget(tx: &mut Tx, before: i64, limit: i64) -> sqlx::Result<u64> {
    on!(tx, conn => {
        let rows: Vec<(String,)> = sqlx::query_as(FORGET.on(conn)).bind(before).bind(limit)
            .fetch_all(&mut **conn).await?;
        for (id,) in &rows {
            sqlx::query(FORGET_VOTES.on(conn)).bind(id).execute(&mut **conn).await?;
        }
        Ok(u64::try_from(rows.len()).unwrap_or(0))
    })
}

const INSERT: Sql = sql!(
    "INSERT INTO access_approvals
         (id, account_id, auth_domain, application_id, policy_id, user_id, email, justification,
          seconds, state, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', $10, $10) ON CONFLICT DO NOTHING"
);
const FIND: Sql = sql!("SELECT * FROM access_approvals WHERE id = $1", postgres: " FOR UPDATE", "");
const NEWEST: Sql = sql!(
    "SELECT * FROM access_approvals
     WHERE user_id = $1 AND application_id = $2 AND policy_id = $3
     ORDER BY created_at DESC, id LIMIT 1"
);
const DECIDE: Sql =
    sql!("UPDATE access_approvals SET state = $2, until = $3, updated_at = $4 WHERE id = $1");
const VOTE: Sql = sql!(
    "INSERT INTO access_approval_votes (approval_id, approver_id, email, approve, created_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (approval_id, approver_id) DO UPDATE SET email = excluded.email,
         approve = excluded.approve, created_at = excluded.created_at"
);
const VOTES: Sql = sql!(
    "SELECT approver_id, email, approve FROM access_approval_votes WHERE approval_id = $1
     ORDER BY created_at, approver_id"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_approvals WHERE id IN
         (SELECT id FROM access_approvals WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)
     RETURNING id"
);
const FORGET_VOTES: Sql = sql!("DELETE FROM access_approval_votes WHERE approval_id = $1");
