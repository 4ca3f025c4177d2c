//! Custom hostnames as clients see them: made, listed, found, changed. Their machines are written
//! by the engine, through [`super::machines`].

use sqlx::QueryBuilder;

use super::{Sql, Tx, on, sql};

/// A row of `custom_hostnames`.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct HostnameRow {
    /// A UUID.
    pub id: String,
    /// Its zone.
    pub zone_id: String,
    /// The name.
    pub hostname: String,
    /// JSON: what the client set.
    pub requested: String,
    /// A UUID.
    pub ownership_token: String,
    /// Of the machine.
    pub status: String,
    /// JSON: the machine.
    pub state: String,
    /// Derived from the certificates; `None`: it is to have none.
    pub ssl_status: Option<String>,
    /// A UUID; `None` as above.
    pub ssl_id: Option<String>,
    /// The authority in use.
    pub certificate_authority: Option<String>,
    /// For the filter.
    pub custom_origin_server: Option<String>,
    /// For the filter.
    pub wildcard: bool,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// Which custom hostnames of a zone. Texts about hostnames are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Exactly this id.
    pub id: Option<String>,
    /// Exactly this name.
    pub hostname: Option<String>,
    /// A part of the name.
    pub contain: Option<String>,
    /// The beginning of the name.
    pub starts_with: Option<String>,
    /// Hostname status.
    pub status: Option<String>,
    /// `ssl.status`.
    pub ssl_status: Option<String>,
    /// Whether it is to have certificates.
    pub ssl: Option<bool>,
    /// The authority that is answered.
    pub certificate_authority: Option<String>,
    /// As sent.
    pub custom_origin_server: Option<String>,
    /// Whether `ssl.wildcard` is set.
    pub wildcard: Option<bool>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// The other way round.
    pub descending: bool,
}

/// What a list is ordered by, and then by age.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OrderBy {
    /// Age alone.
    #[default]
    Age,
    /// Those with certificates first.
    Ssl,
    /// `ssl.status`.
    SslStatus,
}

/// Adds a custom hostname; `false`: somebody has that name.
pub async fn insert(tx: &mut Tx, row: &HostnameRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn))
        .bind(&row.id).bind(&row.zone_id).bind(&row.hostname).bind(&row.requested)
        .bind(&row.ownership_token).bind(&row.status).bind(&row.state)
        .bind(&row.ssl_status).bind(&row.ssl_id).bind(&row.certificate_authority)
        .bind(&row.custom_origin_server).bind(row.wildcard).bind(row.created_at)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// By id, in its zone.
pub async fn find(tx: &mut Tx, zone_id: &str, id: &str) -> sqlx::Result<Option<HostnameRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(zone_id).bind(id)
        .fetch_optional(&mut **conn).await)
}

/// By name, in whatever zone.
pub async fn find_by_name(tx: &mut Tx, hostname: &str) -> sqlx::Result<Option<HostnameRow>> {
    on!(tx, conn => sqlx::query_as(FIND_BY_NAME.on(conn)).bind(hostname)
        .fetch_optional(&mut **conn).await)
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_for_update(
    tx: &mut Tx,
    zone_id: &str,
    id: &str,
) -> sqlx::Result<Option<HostnameRow>> {
    on!(tx, conn => sqlx::query_as(FIND_FOR_UPDATE.on(conn)).bind(zone_id).bind(id)
        .fetch_optional(&mut **conn).await)
}

/// Writes what the client set, and what follows from it for filters.
pub async fn set_requested(tx: &mut Tx, row: &HostnameRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(SET_REQUESTED.on(conn)).bind(&row.id).bind(&row.requested)
        .bind(&row.custom_origin_server).bind(row.wildcard).bind(&row.ssl_id).bind(&row.ssl_status)
        .bind(row.updated_at).execute(&mut **conn).await.map(drop))
}

/// Appends the conditions of a filter to a statement of either dialect.
macro_rules! restrict {
    ($query:ident, $authority:expr, $zone_id:expr, $filter:expr) => {{
        $query.push(" WHERE zone_id = ").push_bind($zone_id);
        for (condition, text) in [
            (" AND id = ", &$filter.id),
            (" AND hostname = ", &$filter.hostname),
            (" AND status = ", &$filter.status),
            (" AND ssl_status = ", &$filter.ssl_status),
            (" AND custom_origin_server = ", &$filter.custom_origin_server),
        ] {
            if let Some(text) = text {
                $query.push(condition).push_bind(text);
            }
        }
        if let Some(authority) = &$filter.certificate_authority {
            $query.push(" AND ").push($authority).push(" = ").push_bind(authority);
        }
        if let Some(part) = &$filter.contain {
            $query.push(LIKE).push_bind(format!("%{}%", escape(part))).push(ESCAPE);
        }
        if let Some(beginning) = &$filter.starts_with {
            $query.push(LIKE).push_bind(format!("{}%", escape(beginning))).push(ESCAPE);
        }
        if let Some(wildcard) = $filter.wildcard {
            $query.push(" AND wildcard = ").push_bind(wildcard);
        }
        match $filter.ssl {
            Some(true) => drop($query.push(" AND ssl_id IS NOT NULL")),
            Some(false) => drop($query.push(" AND ssl_id IS NULL")),
            None => {}
        }
    }};
}

/// A page of a zone's custom hostnames.
pub async fn list(
    tx: &mut Tx,
    zone_id: &str,
    filter: &Filter,
    order: Order,
    (limit, offset): (i64, i64),
) -> sqlx::Result<Vec<HostnameRow>> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT * FROM custom_hostnames");
        restrict!(query, AUTHORITY.on(conn), zone_id, filter);
        query.push(order.text()).push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
        query.build_query_as().fetch_all(&mut **conn).await
    })
}

/// How many custom hostnames [`list`] has on all pages.
pub async fn count(tx: &mut Tx, zone_id: &str, filter: &Filter) -> sqlx::Result<i64> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM custom_hostnames");
        restrict!(query, AUTHORITY.on(conn), zone_id, filter);
        query.build_query_scalar().fetch_one(&mut **conn).await
    })
}

impl Order {
    fn text(self) -> &'static str {
        match (self.by, self.descending) {
            (OrderBy::Age, false) => " ORDER BY created_at, id",
            (OrderBy::Age, true) => " ORDER BY created_at DESC, id DESC",
            (OrderBy::Ssl, false) => " ORDER BY ssl_id IS NULL, created_at, id",
            (OrderBy::Ssl, true) => " ORDER BY ssl_id IS NULL DESC, created_at DESC, id DESC",
            // NULL is first in one database and last in the other.
            (OrderBy::SslStatus, false) => " ORDER BY COALESCE(ssl_status, ''), created_at, id",
            (OrderBy::SslStatus, true) => {
                " ORDER BY COALESCE(ssl_status, '') DESC, created_at DESC, id DESC"
            }
        }
    }
}

/// Takes the meaning from characters that have one in LIKE.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

const LIKE: &str = " AND hostname LIKE ";
const ESCAPE: &str = " ESCAPE '\\'";

/// The authority that is answered: the one that the client named, else the one in use.
const AUTHORITY: Sql = Sql {
    sqlite: "COALESCE(json_extract(requested, '$.ssl.certificate_authority'), certificate_authority)",
    // PostgreSQL reads no JSON with NUL in it, and metadata may have one.
    postgres: r"COALESCE(replace(requested, '\u0000', '\u0001')::json #>> '{ssl,certificate_authority}',
                         certificate_authority)",
};
const INSERT: Sql = sql!(
    "INSERT INTO custom_hostnames
         (id, zone_id, hostname, requested, ownership_token, status, state, ssl_status, ssl_id,
          certificate_authority, custom_origin_server, wildcard, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
     ON CONFLICT (hostname) DO NOTHING"
);
const FIND: Sql = sql!("SELECT * FROM custom_hostnames WHERE zone_id = $1 AND id = $2");
const FIND_BY_NAME: Sql = sql!("SELECT * FROM custom_hostnames WHERE hostname = $1");
const FIND_FOR_UPDATE: Sql = sql!(
    "SELECT * FROM custom_hostnames WHERE zone_id = $1 AND id = $2",
    postgres: " FOR UPDATE",
    ""
);
const SET_REQUESTED: Sql = sql!(
    "UPDATE custom_hostnames SET requested = $2, custom_origin_server = $3, wildcard = $4, ssl_id = $5,
         ssl_status = $6, updated_at = $7
     WHERE id = $1"
);
