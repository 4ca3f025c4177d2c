//! Fresh databases for tests: SQLite always, PostgreSQL where a server is at hand. One suite runs on each.

#![allow(
    clippy::expect_used,
    clippy::match_wild_err_arm,
    dead_code,
    reason = "a test fails by panicking, and takes what it needs"
)]

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

/// An empty database of its own, gone with the test.
pub struct Fresh {
    /// For messages: which of the two it is.
    pub name: &'static str,
    /// For `Db::open` and `DATABASE_URL`.
    pub url: String,
    _folder: Option<TempDir>,
}

/// One of each kind. `make test` names a PostgreSQL server in `LINTEL_TEST_POSTGRES_URL`; without
/// it, by hand, a suite runs on SQLite alone and says so.
pub async fn fresh() -> Vec<Fresh> {
    let mut databases = vec![sqlite()];
    match std::env::var("LINTEL_TEST_POSTGRES_URL") {
        Ok(server) => databases.push(postgres(&server).await),
        Err(_) if std::env::var_os("CI").is_some() => {
            panic!("LINTEL_TEST_POSTGRES_URL is not set: in CI both databases are tested")
        }
        Err(_) => eprintln!("LINTEL_TEST_POSTGRES_URL is not set: SQLite alone is tested"),
    }
    databases
}

/// A file in a folder of its own.
pub fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("control.db").display());
    Fresh { name: "SQLite", url, _folder: Some(folder) }
}

/// A database of its own on the server that `server` names.
pub async fn postgres(server: &str) -> Fresh {
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(server).await.expect("PostgreSQL answers");
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(statement).execute(&mut connection).await.expect("a new database");
    let (base, _) = server.rsplit_once('/').expect("a URL with a database");
    Fresh { name: "PostgreSQL", url: format!("{base}/{name}"), _folder: None }
}
