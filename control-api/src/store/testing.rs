//! Open databases for tests: every store test runs on SQLite and, where there is one, on
//! PostgreSQL.

use super::Db;
use super::databases::{Fresh, fresh};

/// A database of its own, with the schema, that ends with the test.
pub(crate) struct TestDb {
    /// For messages.
    pub(crate) name: &'static str,
    /// The open database.
    pub(crate) db: Db,
    _fresh: Fresh,
}

/// One empty database of each kind.
pub(crate) async fn databases() -> Vec<TestDb> {
    let mut open = Vec::new();
    for fresh in fresh().await {
        open.push(TestDb::open(fresh).await);
    }
    open
}

impl TestDb {
    async fn open(fresh: Fresh) -> Self {
        Self { name: fresh.name, db: Db::open(&fresh.url).await.unwrap(), _fresh: fresh }
    }
}
