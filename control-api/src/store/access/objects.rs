//! Objects of Access: one table for all kinds, since what a client wrote is answered as it was
//! written, and what the edge must know of it travels as records.

use sqlx::QueryBuilder;

use crate::store::{Sql, Tx, on, sql};

/// A row of `access_objects`.
#[derive(Clone, Debug, Default, Eq, PartialEq, sqlx::FromRow)]
pub struct ObjectRow {
    /// A UUID.
    pub id: String,
    /// Whose it is.
    pub account_id: String,
    /// `organization`, `group`, ..
    pub kind: String,
    /// The object that it belongs to.
    pub parent_id: Option<String>,
    /// For people.
    pub name: String,
    /// What finds it beside its id; unique within its kind.
    pub handle: Option<String>,
    /// JSON: what the client set.
    pub body: String,
    /// JSON: what the server owns.
    pub owned: String,
    /// Lists are in this order. [`insert`] gives the next one if it is 0.
    pub position: i64,
    /// Grows with every [`update`].
    pub revision: i64,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// Which objects of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Exactly this name.
    pub name: Option<&'a str>,
    /// A part of the name, whatever the case.
    pub search: Option<&'a str>,
    /// Of this object alone; `None`: those that belong to no other object.
    pub parent_id: Option<&'a str>,
}

/// Adds an object; `false`: its handle is taken.
pub async fn insert(tx: &mut Tx, row: &ObjectRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(INSERT.on(conn))
        .bind(&row.id).bind(&row.account_id).bind(&row.kind).bind(&row.parent_id).bind(&row.name)
        .bind(&row.handle).bind(&row.body).bind(&row.owned).bind(row.position).bind(row.created_at)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// By id, of this account and kind.
pub async fn find(
    tx: &mut Tx,
    account_id: &str,
    kind: &str,
    id: &str,
) -> sqlx::Result<Option<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(FIND.on(conn)).bind(account_id).bind(kind).bind(id)
        .fetch_optional(&mut **conn).await)
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_for_update(
    tx: &mut Tx,
    account_id: &str,
    kind: &str,
    id: &str,
) -> sqlx::Result<Option<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(FIND_FOR_UPDATE.on(conn)).bind(account_id).bind(kind).bind(id)
        .fetch_optional(&mut **conn).await)
}

/// By handle, of any account.
pub async fn find_by_handle(
    tx: &mut Tx,
    kind: &str,
    handle: &str,
) -> sqlx::Result<Option<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(FIND_BY_HANDLE.on(conn)).bind(kind).bind(handle)
        .fetch_optional(&mut **conn).await)
}

/// Appends the conditions of a filter to a statement of either dialect.
macro_rules! restrict {
    ($query:ident, $account_id:expr, $kind:expr, $filter:expr) => {{
        $query.push(" WHERE account_id = ").push_bind($account_id);
        $query.push(" AND kind = ").push_bind($kind);
        match $filter.parent_id {
            Some(parent) => drop($query.push(" AND parent_id = ").push_bind(parent)),
            None => drop($query.push(" AND parent_id IS NULL")),
        }
        if let Some(name) = $filter.name {
            $query.push(" AND name = ").push_bind(name);
        }
        if let Some(part) = $filter.search {
            let pattern = format!("%{}%", escape(&part.to_lowercase()));
            $query.push(" AND LOWER(name) LIKE ").push_bind(pattern).push(" ESCAPE '\\'");
        }
    }};
}

/// A page of an account's objects of one kind.
pub async fn list(
    tx: &mut Tx,
    account_id: &str,
    kind: &str,
    filter: Filter<'_>,
    (limit, offset): (i64, i64),
) -> sqlx::Result<Vec<ObjectRow>> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT * FROM access_objects");
        restrict!(query, account_id, kind, filter);
        query.push(" ORDER BY position, created_at, id LIMIT ").push_bind(limit);
        query.push(" OFFSET ").push_bind(offset);
        query.build_query_as().fetch_all(&mut **conn).await
    })
}

/// How many objects [`list`] has on all pages.
pub async fn count(
    tx: &mut Tx,
    account_id: &str,
    kind: &str,
    filter: Filter<'_>,
) -> sqlx::Result<i64> {
    on!(tx, conn => {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM access_objects");
        restrict!(query, account_id, kind, filter);
        query.build_query_scalar().fetch_one(&mut **conn).await
    })
}

/// All objects of one kind in an account, also those that belong to another object, in their order.
pub async fn all(tx: &mut Tx, account_id: &str, kind: &str) -> sqlx::Result<Vec<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(ALL.on(conn)).bind(account_id).bind(kind)
        .fetch_all(&mut **conn).await)
}

/// All objects of one kind that belong to another object, in their order.
pub async fn children(tx: &mut Tx, parent_id: &str, kind: &str) -> sqlx::Result<Vec<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(CHILDREN.on(conn)).bind(parent_id).bind(kind)
        .fetch_all(&mut **conn).await)
}

/// All objects of one kind, in every account.
pub async fn every(tx: &mut Tx, kind: &str) -> sqlx::Result<Vec<ObjectRow>> {
    on!(tx, conn => sqlx::query_as(EVERY.on(conn)).bind(kind).fetch_all(&mut **conn).await)
}

/// The objects of an account in whose body `text` stands somewhere, as an id does.
pub async fn mentioning(tx: &mut Tx, account_id: &str, text: &str) -> sqlx::Result<Vec<ObjectRow>> {
    let pattern = format!("%{}%", escape(text));
    on!(tx, conn => sqlx::query_as(MENTIONING.on(conn)).bind(account_id).bind(&pattern)
        .fetch_all(&mut **conn).await)
}

/// Writes everything that can change; `false`: its handle is taken by another.
pub async fn update(tx: &mut Tx, row: &ObjectRow) -> sqlx::Result<bool> {
    if let Some(handle) = &row.handle
        && let Some(other) = find_by_handle(tx, &row.kind, handle).await?
        && other.id != row.id
    {
        return Ok(false);
    }
    let done = on!(tx, conn => sqlx::query(UPDATE.on(conn)).bind(&row.id).bind(&row.name)
        .bind(&row.handle).bind(&row.body).bind(&row.owned).bind(row.position)
        .bind(row.updated_at).execute(&mut **conn).await.map(drop));
    match done {
        Ok(()) => Ok(true),
        // Somebody took it between the two statements.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes an object, with its secrets; `false`: it was gone.
pub async fn delete(tx: &mut Tx, account_id: &str, kind: &str, id: &str) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(DELETE.on(conn)).bind(account_id).bind(kind).bind(id)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Takes the meaning from characters that have one in LIKE.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

const INSERT: Sql = sql!(
    "INSERT INTO access_objects (id, account_id, kind, parent_id, name, handle, body, owned,
         position, revision, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
         CASE WHEN $9 > 0 THEN $9 ELSE (SELECT COALESCE(MAX(position), 0) + 1 FROM access_objects
             WHERE account_id = $2 AND kind = $3) END,
         1, $10, $10)
     ON CONFLICT DO NOTHING"
);
const FIND: Sql =
    sql!("SELECT * FROM access_objects WHERE account_id = $1 AND kind = $2 AND id = $3");
const FIND_FOR_UPDATE: Sql = sql!(
    "SELECT * FROM access_objects WHERE account_id = $1 AND kind = $2 AND id = $3",
    postgres: " FOR UPDATE",
    ""
);
const FIND_BY_HANDLE: Sql = sql!("SELECT * FROM access_objects WHERE kind = $1 AND handle = $2");
const ALL: Sql = sql!(
    "SELECT * FROM access_objects WHERE account_id = $1 AND kind = $2
     ORDER BY position, created_at, id"
);
const CHILDREN: Sql = sql!(
    "SELECT * FROM access_objects WHERE parent_id = $1 AND kind = $2
     ORDER BY position, created_at, id"
);
const EVERY: Sql =
    sql!("SELECT * FROM access_objects WHERE kind = $1 ORDER BY account_id, position, id");
const MENTIONING: Sql = sql!(
    r"SELECT * FROM access_objects WHERE account_id = $1 AND body LIKE $2 ESCAPE '\'
      ORDER BY kind, position, id"
);
const UPDATE: Sql = sql!(
    "UPDATE access_objects SET name = $2, handle = $3, body = $4, owned = $5, position = $6,
         revision = revision + 1, updated_at = $7
     WHERE id = $1"
);
const DELETE: Sql =
    sql!("DELETE FROM access_objects WHERE account_id = $1 AND kind = $2 AND id = $3");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::accounts::{self, AccountRow};
    use crate::store::testing::databases;

    fn row(id: &str, account_id: &str, name: &str, handle: Option<&str>) -> ObjectRow {
        ObjectRow {
            id: id.to_owned(),
            account_id: account_id.to_owned(),
            kind: "tag".to_owned(),
            name: name.to_owned(),
            handle: handle.map(str::to_owned),
            body: format!(r#"{{"name":"{name}"}}"#),
            owned: "{}".to_owned(),
            revision: 1,
            created_at: 7,
            updated_at: 7,
            ..ObjectRow::default()
        }
    }

    #[tokio::test]
    async fn an_object_reads_back_in_its_account_and_kind_alone() {
        for database in databases().await {
            let mut tx = database.db.begin().await.unwrap();
            for id in ["a", "b"] {
                let row = AccountRow { id: id.to_owned(), name: id.to_owned(), created_at: 1 };
                accounts::insert(&mut tx, &row).await.unwrap();
            }
            let one = row("1", "a", "One_100%", Some("h"));
            assert!(insert(&mut tx, &one).await.unwrap(), "{}", database.name);
            assert!(!insert(&mut tx, &row("2", "b", "Two", Some("h"))).await.unwrap());
            assert!(insert(&mut tx, &row("2", "a", "Two", None)).await.unwrap());
            assert!(insert(&mut tx, &row("3", "a", "Three", None)).await.unwrap());
            let found = find(&mut tx, "a", "tag", "1").await.unwrap().unwrap();
            assert_eq!(found, ObjectRow { position: 1, ..one });
            for (account, kind) in [("b", "tag"), ("a", "group")] {
                assert_eq!(find(&mut tx, account, kind, "1").await.unwrap(), None);
                assert!(!delete(&mut tx, account, kind, "1").await.unwrap());
            }
            let names = async |tx: &mut Tx, filter| -> Vec<String> {
                let rows = list(tx, "a", "tag", filter, (9, 0)).await.unwrap();
                assert_eq!(
                    count(tx, "a", "tag", filter).await.unwrap(),
                    i64::try_from(rows.len()).unwrap()
                );
                rows.into_iter().map(|row| row.name).collect()
            };
            let filter = Filter::default();
            assert_eq!(names(&mut tx, filter).await, ["One_100%", "Two", "Three"]);
            assert_eq!(names(&mut tx, Filter { search: Some("tHr"), ..filter }).await, ["Three"]);
            assert_eq!(names(&mut tx, Filter { search: Some("_1"), ..filter }).await, ["One_100%"]);
            assert!(names(&mut tx, Filter { search: Some("e_"), ..filter }).await.len() == 1);
            assert_eq!(names(&mut tx, Filter { name: Some("Two"), ..filter }).await, ["Two"]);
            assert!(names(&mut tx, Filter { parent_id: Some("1"), ..filter }).await.is_empty());
        }
    }

    #[tokio::test]
    async fn a_change_is_counted_and_takes_no_handle_of_another() {
        for database in databases().await {
            let mut tx = database.db.begin().await.unwrap();
            let account = AccountRow { id: "a".into(), name: "a".into(), created_at: 1 };
            accounts::insert(&mut tx, &account).await.unwrap();
            insert(&mut tx, &row("1", "a", "One", Some("h"))).await.unwrap();
            insert(&mut tx, &row("2", "a", "Two", Some("i"))).await.unwrap();
            let mut two = find(&mut tx, "a", "tag", "2").await.unwrap().unwrap();
            two.handle = Some("h".to_owned());
            assert!(!update(&mut tx, &two).await.unwrap());
            two.handle = Some("j".to_owned());
            assert!(update(&mut tx, &two).await.unwrap());
            let found = find_by_handle(&mut tx, "tag", "j").await.unwrap().unwrap();
            assert_eq!((found.id.as_str(), found.revision), ("2", 2));
            let rows = mentioning(&mut tx, "a", "\"One\"").await.unwrap();
            assert_eq!(rows.len(), 1);
            assert!(delete(&mut tx, "a", "tag", "2").await.unwrap());
            assert_eq!(find_by_handle(&mut tx, "tag", "j").await.unwrap(), None);
        }
    }
}
