//! Certificates of custom hostnames: a row is one machine with its key and, later, its chain.

use edge_state::seal::Sealed;

use super::{Sql, Tx, on, sql};

/// A row of `certificates`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CertificateRow {
    /// A UUID.
    pub id: String,
    /// Whose it is.
    pub custom_hostname_id: String,
    /// The one name in it.
    pub hostname: String,
    /// [`edge_state::KeyType`] as text.
    pub key_type: String,
    /// Of the machine.
    pub status: String,
    /// The machine, JSON of [`lifecycle::certificate::Certificate`].
    pub state: String,
    /// Whom it is, or is to be, ordered from.
    pub authority: String,
    /// PKCS#8, sealed. Stored before its order exists.
    pub private_key: Option<String>,
    /// PEM, leaf first; this and what follows is known once it is issued.
    pub chain: Option<String>,
    /// Lower-case hexadecimal.
    pub serial: Option<String>,
    /// Organization of the issuer.
    pub issuer: Option<String>,
    /// Algorithm of the signature.
    pub signature: Option<String>,
    /// Lower-case hexadecimal.
    pub fingerprint_sha256: Option<String>,
    /// Unix milliseconds.
    pub not_before: Option<i64>,
    /// Unix milliseconds.
    pub not_after: Option<i64>,
    /// Unix milliseconds; known while it is active.
    pub renew_at: Option<i64>,
    /// Unix milliseconds; orders the certificates of a hostname, and no two are equal there.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// A machine as it begins.
#[derive(Clone, Copy, Debug)]
pub struct NewCertificate<'a> {
    /// A UUID.
    pub id: &'a str,
    /// Whose it is.
    pub custom_hostname_id: &'a str,
    /// The one name in it.
    pub hostname: &'a str,
    /// [`edge_state::KeyType`] as text.
    pub key_type: &'a str,
    /// Greater than that of every older certificate of the hostname.
    pub created_at: i64,
}

/// Where a machine stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its name.
    pub status: &'a str,
    /// All of it.
    pub state: &'a str,
    /// Whom it is ordered from; `None` leaves what is known.
    pub authority: Option<&'a str>,
    /// When it is renewed.
    pub renew_at: Option<i64>,
}

/// What is known of an issued certificate.
#[derive(Clone, Debug)]
pub struct IssuedChain {
    /// PEM, leaf first.
    pub chain: String,
    /// Lower-case hexadecimal.
    pub serial: String,
    /// Organization of the issuer.
    pub issuer: String,
    /// Algorithm of the signature.
    pub signature: String,
    /// Lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// Unix milliseconds.
    pub not_before: i64,
    /// Unix milliseconds.
    pub not_after: i64,
}

/// All certificates of a custom hostname, the oldest first.
pub async fn of_hostname(tx: &mut Tx, id: &str) -> sqlx::Result<Vec<CertificateRow>> {
    on!(tx, conn => sqlx::query_as(OF_HOSTNAME.on(conn)).bind(id).fetch_all(&mut **conn).await)
}

/// All certificates of several custom hostnames, those of one together and the oldest first.
pub async fn of_hostnames(tx: &mut Tx, ids: &[&str]) -> sqlx::Result<Vec<CertificateRow>> {
    let ids = sqlx::types::Json(ids);
    on!(tx, conn => sqlx::query_as(OF_HOSTNAMES.on(conn)).bind(ids).fetch_all(&mut **conn).await)
}

/// Adds a row.
pub async fn insert(
    tx: &mut Tx,
    new: NewCertificate<'_>,
    standing: Standing<'_>,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(INSERT.on(conn))
        .bind(new.id).bind(new.custom_hostname_id).bind(new.hostname).bind(new.key_type)
        .bind(standing.status).bind(standing.state).bind(standing.authority.unwrap_or_default())
        .bind(standing.renew_at).bind(new.created_at)
        .execute(&mut **conn).await.map(drop))
}

/// Writes where the machine stands now.
pub async fn update(tx: &mut Tx, id: &str, standing: Standing<'_>, now: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(UPDATE.on(conn)).bind(id)
        .bind(standing.status).bind(standing.state).bind(standing.authority)
        .bind(standing.renew_at).bind(now)
        .execute(&mut **conn).await.map(drop))
}

/// Stores the key of an order in the commit that stores the order.
pub async fn set_key(tx: &mut Tx, id: &str, key: &Sealed) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_KEY.on(conn)).bind(id).bind(key.as_str())
        .execute(&mut **conn).await.map(drop))
}

/// Stores what the authority issued.
pub async fn set_chain(tx: &mut Tx, id: &str, issued: &IssuedChain) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_CHAIN.on(conn)).bind(id)
        .bind(&issued.chain).bind(&issued.serial).bind(&issued.issuer).bind(&issued.signature)
        .bind(&issued.fingerprint_sha256).bind(issued.not_before).bind(issued.not_after)
        .execute(&mut **conn).await.map(drop))
}

/// Removes a row, its key with it.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(DELETE.on(conn)).bind(id).execute(&mut **conn).await.map(drop))
}

/// Whether P-256 certificates wait at this authority because it limits how often it issues.
pub async fn first_ones_wait(tx: &mut Tx, authority: &str) -> sqlx::Result<bool> {
    let row: Option<(i64,)> = on!(tx, conn => sqlx::query_as(FIRST_ONES_WAIT.on(conn))
        .bind(authority).fetch_optional(&mut **conn).await?);
    Ok(row.is_some())
}

/// How many certificates there are in each state.
pub async fn count_by_status(tx: &mut Tx) -> sqlx::Result<Vec<(String, i64)>> {
    on!(tx, conn => sqlx::query_as(COUNT.on(conn)).fetch_all(&mut **conn).await)
}

const OF_HOSTNAME: Sql =
    sql!("SELECT * FROM certificates WHERE custom_hostname_id = $1 ORDER BY created_at, id");
const OF_HOSTNAMES: Sql = Sql {
    sqlite: "SELECT * FROM certificates
             WHERE custom_hostname_id IN (SELECT value FROM json_each($1))
             ORDER BY custom_hostname_id, created_at, id",
    postgres: "SELECT * FROM certificates
               WHERE custom_hostname_id IN (SELECT jsonb_array_elements_text($1))
               ORDER BY custom_hostname_id, created_at, id",
};
const INSERT: Sql = sql!(
    "INSERT INTO certificates
         (id, custom_hostname_id, hostname, key_type, status, state, authority, renew_at,
          created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
);
const UPDATE: Sql = sql!(
    "UPDATE certificates SET status = $2, state = $3, authority = COALESCE($4, authority),
         renew_at = $5, updated_at = $6
     WHERE id = $1"
);
const SET_KEY: Sql = sql!("UPDATE certificates SET private_key = $2 WHERE id = $1");
const SET_CHAIN: Sql = sql!(
    "UPDATE certificates SET chain = $2, serial = $3, issuer = $4, signature = $5,
         fingerprint_sha256 = $6, not_before = $7, not_after = $8
     WHERE id = $1"
);
const DELETE: Sql = sql!("DELETE FROM certificates WHERE id = $1");
const FIRST_ONES_WAIT: Sql = sql!(
    "SELECT created_at FROM certificates
     WHERE status = 'initializing' AND key_type = 'p256' AND authority = $1
         AND state LIKE '%\"problem\":\"rate_limited\"%' LIMIT 1"
);
const COUNT: Sql =
    sql!("SELECT status, COUNT(*) FROM certificates GROUP BY status ORDER BY status");
