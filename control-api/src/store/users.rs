//! People who sign in, and how each is recognised.

use sqlx::QueryBuilder;

use super::{Sql, Tx, on, sql};

/// A row of `access_users`.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct UserRow {
    /// `sub` of tokens: UUID.
    pub id: String,
    /// Whose organisation they are in.
    pub account_id: String,
    /// Lower case.
    pub email: String,
    /// What people call them.
    pub name: Option<String>,
    /// Whether they may sign in.
    pub enabled: bool,
    /// UUID.
    pub seat_uid: String,
    /// Whether they count as using Access.
    pub access_seat: bool,
    /// Whether they count as using Gateway.
    pub gateway_seat: bool,
    /// `low`, `medium`, `high`; `None`: unscored.
    pub risk_score: Option<String>,
    /// Unix milliseconds.
    pub last_login_at: Option<i64>,
    /// [`edge_state::access::Identity`] as JSON, of the last sign-in.
    pub last_identity: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// Which users.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Exactly this address.
    pub email: Option<String>,
    /// Exactly this name.
    pub name: Option<String>,
    /// A part of address or name.
    pub search: Option<String>,
}

/// How somebody is recognised: by address, with `""` as provider, or by a provider's own subject.
#[derive(Clone, Copy, Debug)]
pub struct IdentityKey<'a> {
    /// In which account.
    pub account_id: &'a str,
    /// Provider, or `""`.
    pub identity_provider_id: &'a str,
    /// Address or subject.
    pub subject: &'a str,
}

/// Adds a user.
pub async fn insert(tx: &mut Tx, row: &UserRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(&row.id).bind(&row.account_id)
        .bind(&row.email).bind(&row.name).bind(row.enabled).bind(&row.seat_uid)
        .bind(row.access_seat).bind(row.gateway_seat).bind(&row.risk_score).bind(row.created_at)
        .execute(&mut **conn).await.map(drop))
}

/// Writes what may change.
pub async fn update(tx: &mut Tx, row: &UserRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(UPDATE.on(conn)).bind(&row.id).bind(&row.email).bind(&row.name)
        .bind(row.enabled).bind(row.access_seat).bind(row.gateway_seat).bind(&row.risk_score)
        .bind(row.last_login_at).bind(&row.last_identity).bind(row.updated_at)
        .execute(&mut **conn).await.map(drop))
}

/// By id.
pub async fn find(tx: &mut Tx, account_id: &str, id: &str) -> sqlx::Result<Option<UserRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(account_id).bind(id)
        .fetch_optional(&mut **conn).await)
}

/// By id, and nobody else changes it before this transaction ends.
pub async fn find_for_update(
    tx: &mut Tx,
    account_id: &str,
    id: &str,
) -> sqlx::Result<Option<UserRow>> {
    on!(tx, conn => sqlx::query_as(FIND_FOR_UPDATE.on(conn)).bind(account_id).bind(id)
        .fetch_optional(&mut **conn).await)
}

/// Ids of all users of this address and id, as far as each is said; nobody else changes them before
/// this transaction ends.
pub async fn matching(
    tx: &mut Tx,
    account_id: &str,
    email: Option<&str>,
    id: Option<&str>,
) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = on!(tx, conn => sqlx::query_as(MATCHING.on(conn)).bind(account_id)
        .bind(email).bind(id).fetch_all(&mut **conn).await?);
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// By seat, and nobody else changes it before this transaction ends.
pub async fn find_seat_for_update(
    tx: &mut Tx,
    account_id: &str,
    seat_uid: &str,
) -> sqlx::Result<Option<UserRow>> {
    on!(tx, conn => sqlx::query_as(FIND_SEAT.on(conn)).bind(account_id).bind(seat_uid)
        .fetch_optional(&mut **conn).await)
}

/// Deletes a user and all ways to recognise them.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    on!(tx, conn => {
        sqlx::query(DELETE_IDENTITIES.on(conn)).bind(id).execute(&mut **conn).await?;
        sqlx::query(DELETE.on(conn)).bind(id).execute(&mut **conn).await.map(drop)
    })
}

/// Whether another user of the account has had this address for as long as this one, which has it
/// from `now` on if it has another until now.
pub async fn had_before(
    tx: &mut Tx,
    account_id: &str,
    (id, email): (&str, &str),
    now: i64,
) -> sqlx::Result<bool> {
    let (others,): (i64,) = on!(tx, conn => sqlx::query_as(HAD_BEFORE.on(conn)).bind(account_id)
        .bind(id).bind(email).bind(now).fetch_one(&mut **conn).await?);
    Ok(others > 0)
}

/// Whom `key` names. If it names nobody, it names `user_id` from now on; of several at once that
/// ask so, one is first and all get its answer.
pub async fn claim(tx: &mut Tx, key: IdentityKey<'_>, user_id: &str) -> sqlx::Result<String> {
    let (user_id,): (String,) = on!(tx, conn => sqlx::query_as(CLAIM.on(conn)).bind(key.account_id)
        .bind(key.identity_provider_id).bind(key.subject).bind(user_id)
        .fetch_one(&mut **conn).await?);
    Ok(user_id)
}

/// Whom `key` names.
pub async fn identified(tx: &mut Tx, key: IdentityKey<'_>) -> sqlx::Result<Option<String>> {
    let row: Option<(String,)> = on!(tx, conn => sqlx::query_as(IDENTIFIED.on(conn))
        .bind(key.account_id).bind(key.identity_provider_id).bind(key.subject)
        .fetch_optional(&mut **conn).await?);
    Ok(row.map(|(user_id,)| user_id))
}

/// Takes the name from whom it names.
pub async fn unclaim(tx: &mut Tx, key: IdentityKey<'_>) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(UNCLAIM.on(conn)).bind(key.account_id)
        .bind(key.identity_provider_id).bind(key.subject).execute(&mut **conn).await.map(drop))
}

macro_rules! restrict {
    ($query:ident, $account_id:expr, $filter:expr) => {{
        $query.push(" WHERE account_id = ").push_bind($account_id);
        if let Some(email) = &$filter.email {
            $query.push(" AND email = ").push_bind(email);
        }
        if let Some(name) = &$filter.name {
            $query.push(" AND name = ").push_bind(name);
        }
        if let Some(part) = &$filter.search {
            let part = super::containing(&part.to_lowercase());
            $query.push(" AND (email LIKE ").push_bind(part.clone()).push(super::ESCAPE);
            $query.push(" OR LOWER(name) LIKE ").push_bind(part).push(super::ESCAPE).push(")");
        }
    }};
}

/// A page of users, by age.
pub async fn list(
    tx: &mut Tx,
    account_id: &str,
    filter: &Filter,
    (limit, offset): (i64, i64),
) -> sqlx::Result<Vec<UserRow>> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT * FROM access_users");
        restrict!(query, account_id, filter);
        query.push(" ORDER BY created_at, id LIMIT ").push_bind(limit).push(" OFFSET ")
            .push_bind(offset);
        query.build_query_as().fetch_all(&mut **conn).await
    })
}

/// How many users [`list`] has on all pages.
pub async fn count(tx: &mut Tx, account_id: &str, filter: &Filter) -> sqlx::Result<i64> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM access_users");
        restrict!(query, account_id, filter);
        query.build_query_scalar().fetch_one(&mut **conn).await
    })
}

/// Takes the seats of users who have not signed in since `before` (Unix milliseconds); how many.
pub async fn take_idle_seats(
    tx: &mut Tx,
    account_id: &str,
    before: i64,
    now: i64,
) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(TAKE_IDLE_SEATS.on(conn)).bind(account_id).bind(before).bind(now)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

/// How many seats are taken, everywhere.
pub async fn count_seats(tx: &mut Tx) -> sqlx::Result<i64> {
    let (count,): (i64,) =
        on!(tx, conn => sqlx::query_as(COUNT_SEATS.on(conn)).fetch_one(&mut **conn).await?);
    Ok(count)
}

const INSERT: Sql = sql!(
    "INSERT INTO access_users
         (id, account_id, email, name, enabled, seat_uid, access_seat, gateway_seat, risk_score,
          created_at, updated_at, email_since)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)"
);
const UPDATE: Sql = sql!(
    "UPDATE access_users SET
         email_since = CASE WHEN email = $2 THEN email_since ELSE $10 END, email = $2, name = $3, enabled = $4, access_seat = $5,
         gateway_seat = $6, risk_score = $7, last_login_at = $8, last_identity = $9,
         updated_at = $10
     WHERE id = $1"
);
const HAD_BEFORE: Sql = sql!(
    "SELECT COUNT(*) FROM access_users AS other JOIN access_users AS mine ON mine.id = $2
     WHERE other.account_id = $1 AND other.email = $3 AND other.id <> mine.id
         AND other.email_since <= CASE WHEN mine.email = $3 THEN mine.email_since ELSE $4 END"
);
const FIND: Sql = sql!("SELECT * FROM access_users WHERE account_id = $1 AND id = $2");
const FIND_FOR_UPDATE: Sql = sql!(
    "SELECT * FROM access_users WHERE account_id = $1 AND id = $2",
    postgres: " FOR UPDATE",
    ""
);
const MATCHING: Sql = sql!(
    "SELECT id FROM access_users WHERE account_id = $1 AND ($2 IS NULL OR email = $2)
         AND ($3 IS NULL OR id = $3) ORDER BY id",
    postgres: " FOR UPDATE",
    ""
);
const FIND_SEAT: Sql = sql!(
    "SELECT * FROM access_users WHERE account_id = $1 AND seat_uid = $2",
    postgres: " FOR UPDATE",
    ""
);
const DELETE: Sql = sql!("DELETE FROM access_users WHERE id = $1");
const DELETE_IDENTITIES: Sql = sql!("DELETE FROM access_identities WHERE user_id = $1");
// The update changes nothing, but lets the row that is there be returned.
const CLAIM: Sql = sql!(
    "INSERT INTO access_identities (account_id, identity_provider_id, subject, user_id)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (account_id, identity_provider_id, subject)
     DO UPDATE SET user_id = access_identities.user_id
     RETURNING user_id"
);
const IDENTIFIED: Sql = sql!(
    "SELECT user_id FROM access_identities
     WHERE account_id = $1 AND identity_provider_id = $2 AND subject = $3"
);
const UNCLAIM: Sql = sql!(
    "DELETE FROM access_identities
     WHERE account_id = $1 AND identity_provider_id = $2 AND subject = $3"
);
const TAKE_IDLE_SEATS: Sql = sql!(
    "UPDATE access_users SET access_seat = FALSE, gateway_seat = FALSE, updated_at = $3
     WHERE account_id = $1 AND (access_seat OR gateway_seat)
         AND COALESCE(last_login_at, created_at) < $2"
);
const COUNT_SEATS: Sql = sql!("SELECT COUNT(*) FROM access_users WHERE access_seat");
