//! The migrations of both databases end in the same tables, columns and indexes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/databases.rs"]
mod databases;

use std::collections::BTreeSet;

use control_api::store::Db;

const SQLITE: &str = "
    SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" = 1 THEN ' NOT NULL' ELSE '' END
        || CASE WHEN c.pk > 0 THEN ' KEY' ELSE '' END
    FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'
    UNION SELECT 'index ' || name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";

const POSTGRES: &str = "
    SELECT c.table_name || '.' || c.column_name
        || CASE WHEN c.is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END
        || CASE WHEN k.column_name IS NOT NULL THEN ' KEY' ELSE '' END
    FROM information_schema.columns c
    LEFT JOIN (information_schema.table_constraints t
        JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name))
        ON t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name
        AND k.column_name = c.column_name
    WHERE c.table_schema = 'public' AND c.table_name <> '_sqlx_migrations'
    UNION SELECT 'index ' || indexname FROM pg_indexes i
    WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' AND NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE conname = i.indexname)";

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let mut schemas = Vec::new();
    for database in databases::fresh().await {
        let schema: Vec<String> = match Db::open(&database.url).await.unwrap() {
            Db::Sqlite(pool) => sqlx::query_scalar(SQLITE).fetch_all(&pool).await.unwrap(),
            Db::Postgres(pool) => sqlx::query_scalar(POSTGRES).fetch_all(&pool).await.unwrap(),
        };
        let schema: BTreeSet<String> = schema.into_iter().collect();
        assert!(schema.contains("custom_hostnames.id NOT NULL KEY"), "{schema:#?}");
        schemas.push((database.name, schema));
    }
    for pair in schemas.windows(2) {
        let differing: Vec<_> = pair[0].1.symmetric_difference(&pair[1].1).collect();
        assert!(differing.is_empty(), "{} and {}: {differing:#?}", pair[0].0, pair[1].0);
    }
}

#[tokio::test]
async fn the_schema_is_opened_again_as_it_is() {
    for database in databases::fresh().await {
        Db::open(&database.url).await.unwrap();
        Db::open(&database.url).await.unwrap();
    }
}

#[test]
fn migrations_stand_side_by_side_under_the_same_names() {
    let names = |folder: &str| -> BTreeSet<_> {
        let path = format!("{}/../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(path).unwrap().map(|file| file.unwrap().file_name()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[tokio::test]
async fn a_new_database_is_for_its_owners_eyes_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    let _db = Db::open(&format!("sqlite:{}", folder.join("control.db").display())).await.unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut seen = 0;
    for path in files.chain([folder.clone()]) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
        seen += 1;
    }
    assert!(seen >= 2, "the folder and the database at least");
}
