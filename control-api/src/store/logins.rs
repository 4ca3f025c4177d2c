//! The login log.

use sqlx::QueryBuilder;

use super::{Sql, Tx, on, sql};

/// A row of `access_logins`.
#[derive(Clone, Debug, Default, Eq, PartialEq, sqlx::FromRow)]
pub struct LoginRow {
    /// UUID, from the edge.
    pub id: String,
    /// Whose organisation it was in.
    pub account_id: String,
    /// The team domain.
    pub auth_domain: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// `login`, `logout`, `bypass`, ..
    pub action: String,
    /// What was decided.
    pub allowed: bool,
    /// Application.
    pub app_uid: Option<String>,
    /// Its `domain`, or its name.
    pub app_domain: Option<String>,
    /// Its `type`.
    pub app_type: Option<String>,
    /// Provider.
    pub identity_provider_id: Option<String>,
    /// Its `type`.
    pub connection: Option<String>,
    /// Who.
    pub user_email: Option<String>,
    /// Who.
    pub user_id: Option<String>,
    /// Which machine.
    pub non_identity: Option<String>,
    /// From where.
    pub ip_address: Option<String>,
    /// From where.
    pub country: Option<String>,
    /// The request.
    pub ray_id: String,
    /// The policy that decided.
    pub policy_id: Option<String>,
    /// Why.
    pub reason: String,
    /// As the person saw it.
    pub code: Option<String>,
    /// What the person gave as purpose.
    pub justification: Option<String>,
    /// [`edge_state::access::Identity`] as JSON.
    pub identity: Option<String>,
}

/// How a value is compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// It is this.
    Is(String),
    /// It is not this; nothing at all is not this either.
    IsNot(String),
    /// This is a part of it.
    Has(String),
    /// This is no part of it.
    HasNot(String),
}

/// Which lines.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Columns, by the names of [`COLUMNS`], and what must hold of them.
    pub columns: Vec<(&'static str, Match)>,
    /// What was decided.
    pub allowed: Option<bool>,
    /// Whether it was a machine.
    pub machine: Option<bool>,
    /// Unix milliseconds, inclusive.
    pub since: Option<i64>,
    /// Unix milliseconds, inclusive.
    pub until: Option<i64>,
}

/// Which part of the lines, and in which order.
#[derive(Clone, Debug)]
pub struct Part {
    /// Oldest first.
    pub ascending: bool,
    /// Only what comes after the line of this time and id.
    pub after: Option<(i64, String)>,
    /// At most this many ..
    pub limit: i64,
    /// .. after so many.
    pub offset: i64,
}

/// What [`Filter::columns`] may name.
pub const COLUMNS: [&str; 11] = [
    "user_email",
    "user_id",
    "app_uid",
    "app_type",
    "country",
    "identity_provider_id",
    "connection",
    "non_identity",
    "ray_id",
    "policy_id",
    "code",
];

/// Adds a line, unless it is there already.
pub async fn insert(tx: &mut Tx, row: &LoginRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(&row.id).bind(&row.account_id)
        .bind(&row.auth_domain).bind(row.created_at).bind(&row.action).bind(row.allowed)
        .bind(&row.app_uid).bind(&row.app_domain).bind(&row.app_type)
        .bind(&row.identity_provider_id).bind(&row.connection).bind(&row.user_email)
        .bind(&row.user_id).bind(&row.non_identity).bind(&row.ip_address).bind(&row.country)
        .bind(&row.ray_id).bind(&row.policy_id).bind(&row.reason).bind(&row.code)
        .bind(&row.justification).bind(&row.identity)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Appends the conditions of a filter to a statement of either dialect.
macro_rules! restrict {
    ($query:ident, $account_id:expr, $filter:expr) => {{
        $query.push(" WHERE account_id = ").push_bind($account_id);
        for (column, value) in &$filter.columns {
            // Nothing that a client sent becomes part of the text.
            let Some(column) = COLUMNS.iter().find(|known| *known == column) else { continue };
            let (negation, comparison, value) = match value {
                Match::Is(value) => (false, " = ", value.clone()),
                Match::IsNot(value) => (true, " <> ", value.clone()),
                Match::Has(part) => (false, " LIKE ", super::containing(part)),
                Match::HasNot(part) => (true, " NOT LIKE ", super::containing(part)),
            };
            $query.push(" AND (").push(column).push(comparison).push_bind(value);
            if comparison.ends_with("LIKE ") {
                $query.push(super::ESCAPE);
            }
            if negation {
                $query.push(" OR ").push(column).push(" IS NULL");
            }
            $query.push(")");
        }
        if let Some(allowed) = $filter.allowed {
            $query.push(" AND allowed = ").push_bind(allowed);
        }
        match $filter.machine {
            Some(true) => drop($query.push(" AND non_identity IS NOT NULL")),
            Some(false) => drop($query.push(" AND non_identity IS NULL")),
            None => {}
        }
        if let Some(since) = $filter.since {
            $query.push(" AND created_at >= ").push_bind(since);
        }
        if let Some(until) = $filter.until {
            $query.push(" AND created_at <= ").push_bind(until);
        }
    }};
}

/// Lines of an account.
pub async fn list(
    tx: &mut Tx,
    account_id: &str,
    filter: &Filter,
    part: &Part,
) -> sqlx::Result<Vec<LoginRow>> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT * FROM access_logins");
        restrict!(query, account_id, filter);
        let (comparison, order) = if part.ascending {
            (" AND (created_at, id) > (", " ORDER BY created_at, id LIMIT ")
        } else {
            (" AND (created_at, id) < (", " ORDER BY created_at DESC, id DESC LIMIT ")
        };
        if let Some((at, id)) = &part.after {
            query.push(comparison).push_bind(at).push(", ").push_bind(id).push(")");
        }
        query.push(order).push_bind(part.limit).push(" OFFSET ").push_bind(part.offset);
        query.build_query_as().fetch_all(&mut **conn).await
    })
}

/// How many lines [`list`] has in all.
pub async fn count(tx: &mut Tx, account_id: &str, filter: &Filter) -> sqlx::Result<i64> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM access_logins");
        restrict!(query, account_id, filter);
        query.build_query_scalar().fetch_one(&mut **conn).await
    })
}

/// Forgets at most `limit` lines from before `before`.
pub async fn forget(tx: &mut Tx, before: i64, limit: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(before).bind(limit)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

const INSERT: Sql = sql!(
    "INSERT INTO access_logins
         (id, account_id, auth_domain, created_at, action, allowed, app_uid, app_domain, app_type,
          identity_provider_id, connection, user_email, user_id, non_identity, ip_address, country,
          ray_id, policy_id, reason, code, justification, identity)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, $22)
     ON CONFLICT DO NOTHING"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_logins WHERE id IN
         (SELECT id FROM access_logins WHERE created_at < $1 ORDER BY created_at LIMIT $2)"
);
