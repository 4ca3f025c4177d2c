//! Mailed codes.

use super::{Sql, Tx, on, sql};

/// A code to be remembered.
#[derive(Clone, Copy, Debug)]
pub struct NewPin<'a> {
    /// The team domain.
    pub auth_domain: &'a str,
    /// The attempt that it is good for.
    pub attempt: &'a str,
    /// Hash of the browser's secret.
    pub browser: &'a str,
    /// Where it is mailed to.
    pub email: &'a str,
    /// Keyed hash of the code.
    pub code: &'a [u8],
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// A try that was counted.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct Tried {
    /// Where the code was mailed to.
    pub email: String,
    /// With this one.
    pub tries: i64,
    /// It was the right one, and is used up.
    pub used: bool,
}

/// Remembers a code; an attempt's earlier one is forgotten.
pub async fn insert(tx: &mut Tx, pin: NewPin<'_>) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(INSERT.on(conn)).bind(pin.auth_domain).bind(pin.attempt)
        .bind(pin.browser).bind(pin.email).bind(pin.code).bind(pin.expires_at)
        .execute(&mut **conn).await.map(drop))
}

/// Counts a try and judges it, in one statement: however many come at once, no more than
/// `most_tries` are judged. `None`: there is no such code to be tried (any more).
pub async fn attempt(
    tx: &mut Tx,
    (auth_domain, attempt, browser): (&str, &str, &str),
    code: &[u8],
    most_tries: i64,
    now: i64,
) -> sqlx::Result<Option<Tried>> {
    on!(tx, conn => sqlx::query_as(ATTEMPT.on(conn)).bind(auth_domain).bind(attempt).bind(browser)
        .bind(code).bind(most_tries).bind(now).fetch_optional(&mut **conn).await)
}

/// Forgets at most `limit` codes that are too old.
pub async fn forget(tx: &mut Tx, now: i64, limit: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(now).bind(limit)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))
}

const INSERT: Sql = sql!(
    "INSERT INTO access_pins
         (auth_domain, attempt, browser, email, code, tries, used, expires_at)
     VALUES ($1, $2, $3, $4, $5, 0, FALSE, $6)
     ON CONFLICT (auth_domain, attempt) DO UPDATE SET browser = excluded.browser,
         email = excluded.email, code = excluded.code, tries = 0, used = FALSE,
         expires_at = excluded.expires_at"
);
// The codes are keyed hashes: how long their comparison takes tells nothing.
const ATTEMPT: Sql = sql!(
    "UPDATE access_pins SET tries = tries + 1, used = (code = $4)
     WHERE auth_domain = $1 AND attempt = $2 AND browser = $3 AND NOT used AND tries < $5
         AND expires_at > $6
     RETURNING email, tries, used"
);
const FORGET: Sql = sql!(
    "DELETE FROM access_pins WHERE (auth_domain, attempt) IN
         (SELECT auth_domain, attempt FROM access_pins WHERE expires_at <= $1
          ORDER BY expires_at LIMIT $2)"
);
