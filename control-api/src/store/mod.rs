//! The database: one SQL text and one body for SQLite and PostgreSQL.
//!
//! A handler or the runner begins one [`Tx`], reads and writes through the functions of the
//! modules below, and commits once: state, jobs and edge changes are never seen apart.

pub mod access;
pub mod accounts;
pub mod approvals;
pub mod certificates;
pub mod changes;
#[cfg(test)]
#[path = "../../tests/support/databases.rs"]
pub(crate) mod databases;
pub mod hostnames;
pub mod idempotency;
pub mod jobs;
pub mod limits;
pub mod logins;
pub mod machines;
pub mod mails;
pub mod pins;
pub mod revocations;
pub mod secrets;
pub mod sessions;
pub mod spent;
#[cfg(test)]
pub(crate) mod testing;
pub mod tokens;
pub mod users;
pub mod zones;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};

/// Compiles one body once per driver: one text, native types, no `sqlx::Any`.
macro_rules! on {
    ($tx:expr, $conn:ident => $body:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite($conn) => $body,
            $crate::store::Tx::Postgres($conn) => $body,
        }
    };
}
pub(crate) use on;

/// A statement; where the databases differ, the difference stands where it is made:
/// `sql!("SELECT ..", postgres: "FOR UPDATE", " LIMIT 1")`.
macro_rules! sql {
    ($($text:literal),+ $(,)?) => {
        $crate::store::Sql { sqlite: concat!($($text),+), postgres: concat!($($text),+) }
    };
    ($before:literal, postgres: $postgres:literal, $after:literal) => {
        $crate::store::Sql { sqlite: concat!($before, $after), postgres: concat!($before, $postgres, $after) }
    };
}
pub(crate) use sql;

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// One statement in both dialects, made by `sql!`.
#[derive(Clone, Copy)]
pub struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// Which dialect a connection speaks.
pub trait Dialect {
    /// The text for this connection.
    fn text(&self, sql: Sql) -> &'static str;
}

impl Dialect for sqlx::Transaction<'static, Sqlite> {
    fn text(&self, sql: Sql) -> &'static str {
        sql.sqlite
    }
}

impl Dialect for sqlx::Transaction<'static, Postgres> {
    fn text(&self, sql: Sql) -> &'static str {
        sql.postgres
    }
}

impl Sql {
    /// The text for this connection.
    pub fn on(self, conn: &impl Dialect) -> &'static str {
        conn.text(self)
    }
}

/// The pool of connections.
#[derive(Clone, Debug)]
pub enum Db {
    /// A file of our own.
    Sqlite(SqlitePool),
    /// `DATABASE_URL`.
    Postgres(PgPool),
}

/// An open transaction. Dropped without [`Tx::commit`], it changes nothing.
pub enum Tx {
    /// On SQLite: the only writer.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On PostgreSQL: read committed.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Db {
    /// Opens `postgres://..`, or `sqlite:path` (made if it is missing), and brings the schema up
    /// to date.
    ///
    /// # Errors
    /// The database cannot be reached or its schema is newer than this program.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let db = if url.starts_with("postgres") {
            let options = PgConnectOptions::from_str(url)?;
            let pool = PgPoolOptions::new().max_connections(16).acquire_timeout(ACQUIRE_TIMEOUT);
            Self::Postgres(pool.connect_with(options).await?)
        } else {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // A commit that was acknowledged survives power loss, as on PostgreSQL.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT);
            create_private(options.get_filename()).map_err(sqlx::Error::Io)?;
            let pool = SqlitePoolOptions::new().max_connections(8).acquire_timeout(BUSY_TIMEOUT);
            Self::Sqlite(pool.connect_with(options).await?)
        };
        match &db {
            Self::Sqlite(pool) => SQLITE.run(pool).await?,
            Self::Postgres(pool) => POSTGRES.run(pool).await?,
        }
        Ok(db)
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// No connection could be had in time.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            // A reader that turns writer can fail half-way in SQLite; taking the lock first cannot.
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads, beside any writer.
    ///
    /// # Errors
    /// No connection could be had in time.
    pub async fn read(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }
}

impl Db {
    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(pool) => sqlx::query("SELECT 1").execute(pool).await.map(drop),
            Self::Postgres(pool) => sqlx::query("SELECT 1").execute(pool).await.map(drop),
        }
    }

    /// Closes every connection, after those in use have come back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes everything in this transaction visible at once.
    ///
    /// # Errors
    /// The database refused or the connection died; then nothing of it is visible, or, where the
    /// connection died during the commit, perhaps all of it: callers must be able to repeat.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        on!(self, conn => conn.commit().await)
    }
}

/// A pattern of LIKE for whatever contains `text`; [`ESCAPE`] comes after it.
pub(crate) fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Says what takes the meaning from characters that have one in LIKE.
pub(crate) const ESCAPE: &str = " ESCAPE '\\'";

/// A disk that takes seconds to sync, for each of those who wait in line, holds them up; it is no
/// reason to refuse them.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// The database holds sealed keys and customers' names: for its owner's eyes only. SQLite gives its
/// other files the permissions of this one.
fn create_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let in_memory = file.as_os_str().is_empty() || file == Path::new(":memory:");
    if in_memory || file.exists() {
        return Ok(());
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file).map(drop)
}
