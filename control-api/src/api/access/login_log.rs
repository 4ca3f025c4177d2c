//! `/access/logs`: who was let in and who was not.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::describe::{Described, Method, Operation, Scope};
use crate::api::auth::{AccessAuditLogs, ForAccess};
use crate::api::error::code;
use crate::api::page::{Params, given, number, one_of};
use crate::api::{ApiError, App, Page};
use crate::clock::{parse_rfc3339, rfc3339};
use crate::store::Db;
use crate::store::logins::{self, Filter, LoginRow, Match, Part};

/// Query parameters of the log, as the contract names them; `code`, `policy_id` and `format` are
/// Lintel's own.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    limit: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
    direction: Option<String>,
    since: Option<String>,
    until: Option<String>,
    email: Option<String>,
    email_exact: Option<String>,
    #[serde(rename = "emailOp")]
    email_op: Option<String>,
    fields: Option<String>,
    allowed: Option<String>,
    #[serde(rename = "allowedOp")]
    allowed_op: Option<String>,
    app_type: Option<String>,
    #[serde(rename = "app_typeOp")]
    app_type_op: Option<String>,
    app_uid: Option<String>,
    #[serde(rename = "app_uidOp")]
    app_uid_op: Option<String>,
    country_code: Option<String>,
    #[serde(rename = "country_codeOp")]
    country_code_op: Option<String>,
    idp: Option<String>,
    #[serde(rename = "idpOp")]
    idp_op: Option<String>,
    non_identity: Option<String>,
    #[serde(rename = "non_identityOp")]
    non_identity_op: Option<String>,
    ray_id: Option<String>,
    #[serde(rename = "ray_idOp")]
    ray_id_op: Option<String>,
    code: Option<String>,
    policy_id: Option<String>,
    format: Option<String>,
}

const PARAMETERS: [&str; 25] = [
    "limit",
    "page",
    "per_page",
    "direction",
    "since",
    "until",
    "email",
    "email_exact",
    "emailOp",
    "fields",
    "allowed",
    "allowedOp",
    "app_type",
    "app_typeOp",
    "app_uid",
    "app_uidOp",
    "country_code",
    "country_codeOp",
    "idp",
    "idpOp",
    "non_identity",
    "non_identityOp",
    "ray_id",
    "ray_idOp",
    "code",
];

/// The routes.
pub(super) fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new("access logs", summary);
    let log = operation(
        "The login log, newest first. With `format=ndjson`, or `Accept: application/x-ndjson`, all \
         that matches, a line each.",
    );
    [
        Described::at(Scope::Account, "/access/logs/access_requests").on(
            Method::Get,
            log.query(&PARAMETERS).query(&["policy_id", "format"]),
            axum::routing::get(list),
        ),
        Described::at(Scope::Account, "/access/logs/scim/updates").on(
            Method::Get,
            operation("Users that were provisioned: none, as there is no provisioning yet.")
                .paged(&[]),
            axum::routing::get(scim),
        ),
    ]
}

/// What was asked for.
struct Asked {
    filter: Filter,
    ascending: bool,
    fields: Option<Vec<String>>,
    per_page: i64,
    page: i64,
    limit: Option<i64>,
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessAuditLogs>,
    Params(query): Params<Query>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = query.judge()?;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let lines = match one_of(query.format.as_deref(), "format", &["json", "ndjson"])? {
        Some(format) => format == "ndjson",
        None => accepts.is_some_and(|accepts| accepts.contains(NDJSON)),
    };
    if lines {
        return Ok(export(app.db, access.account.id, asked));
    }
    let mut tx = app.db.read().await?;
    let account = &access.account.id;
    let total = logins::count(&mut tx, account, &asked.filter).await?;
    let limit = asked.limit.unwrap_or(asked.per_page).min(asked.per_page);
    let offset = (asked.page - 1) * asked.per_page;
    let part = Part { ascending: asked.ascending, after: None, limit, offset };
    let rows = logins::list(&mut tx, account, &asked.filter, &part).await?;
    let shown = rows.into_iter().map(|row| show(row, asked.fields.as_deref())).collect();
    Ok(Page::new(shown, asked.page, asked.per_page, total).into_response())
}

async fn scim(_: ForAccess<AccessAuditLogs>) -> Page<Value> {
    Page::all(Vec::new())
}

/// All that matches, read a little at a time while the client takes it.
fn export(db: Db, account_id: String, asked: Asked) -> Response {
    struct Cursor {
        db: Db,
        account_id: String,
        asked: Asked,
        after: Option<(i64, String)>,
        left: i64,
    }
    let left = asked.limit.unwrap_or(i64::MAX);
    let start = Some(Cursor { db, account_id, asked, after: None, left });
    let lines = stream::try_unfold(start, async |cursor| {
        let Some(mut cursor) = cursor else { return Ok(None) };
        let limit = EXPORT_BATCH.min(cursor.left);
        let after = cursor.after.take();
        let part = Part { ascending: cursor.asked.ascending, after, limit, offset: 0 };
        let mut tx = cursor.db.read().await?;
        let rows = logins::list(&mut tx, &cursor.account_id, &cursor.asked.filter, &part).await?;
        drop(tx);
        let count = i64::try_from(rows.len()).unwrap_or(limit);
        let Some(last) = rows.last() else { return Ok(None) };
        cursor.after = Some((last.created_at, last.id.clone()));
        cursor.left -= count;
        let mut text = String::new();
        for row in rows {
            let row = Value::Object(show(row, cursor.asked.fields.as_deref()));
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{row}");
        }
        let more = count == limit && cursor.left > 0;
        Ok::<_, sqlx::Error>(Some((Bytes::from(text), more.then_some(cursor))))
    });
    let headers = [(header::CONTENT_TYPE, NDJSON), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(lines)).into_response()
}

impl Query {
    fn judge(&self) -> Result<Asked, ApiError> {
        let direction = one_of(self.direction.as_deref(), "direction", &["asc", "desc"])?;
        let limit = number(self.limit.as_deref(), "limit", 1, MAX_LIMIT)?;
        let per_page = number(self.per_page.as_deref(), "per_page", 1, MAX_PER_PAGE)?;
        // `limit` without `per_page` is the length of the page.
        let per_page = per_page.or(limit.map(|limit| limit.min(MAX_PER_PAGE)));
        let page = number(self.page.as_deref(), "page", 1, i64::from(i32::MAX))?;
        let fields = given(self.fields.as_deref()).map(|fields| {
            fields.split(',').map(|field| field.trim().to_owned()).collect::<Vec<_>>()
        });
        Ok(Asked {
            filter: self.filter()?,
            ascending: direction == Some("asc"),
            fields,
            per_page: per_page.unwrap_or(DEFAULT_PER_PAGE),
            page: page.unwrap_or(1),
            limit,
        })
    }

    fn filter(&self) -> Result<Filter, ApiError> {
        let mut filter = Filter {
            since: moment(self.since.as_deref(), "since")?,
            until: moment(self.until.as_deref(), "until")?,
            ..Filter::default()
        };
        let columns = &mut filter.columns;
        if let Some(email) = given(self.email.as_deref()) {
            let operators = ["eq", "neq", "contains"];
            let operator = one_of(self.email_op.as_deref(), "emailOp", &operators)?;
            let exact = switch(self.email_exact.as_deref(), "email_exact")?.unwrap_or(false);
            let email = email.to_ascii_lowercase();
            columns.push((
                "user_email",
                match (operator, exact) {
                    (Some("eq"), _) | (Some("contains") | None, true) => Match::Is(email),
                    (Some("neq"), true) => Match::IsNot(email),
                    (Some("neq"), false) => Match::HasNot(email),
                    _ => Match::Has(email),
                },
            ));
        }
        for (column, value, operator, name) in [
            ("app_type", &self.app_type, &self.app_type_op, "app_typeOp"),
            ("app_uid", &self.app_uid, &self.app_uid_op, "app_uidOp"),
            ("country", &self.country_code, &self.country_code_op, "country_codeOp"),
            ("ray_id", &self.ray_id, &self.ray_id_op, "ray_idOp"),
            ("policy_id", &self.policy_id, &None, ""),
        ] {
            let differs = differs(operator.as_deref(), name)?;
            if let Some(value) = given(value.as_deref()) {
                let value =
                    if column == "country" { value.to_uppercase() } else { value.to_owned() };
                columns
                    .push((column, if differs { Match::IsNot(value) } else { Match::Is(value) }));
            }
        }
        let differs_idp = differs(self.idp_op.as_deref(), "idpOp")?;
        if let Some(idp) = given(self.idp.as_deref()) {
            // By id, or by type, as `connection` in answers.
            let by_id = uuid::Uuid::parse_str(idp).is_ok();
            let column = if by_id { "identity_provider_id" } else { "connection" };
            let value = idp.to_owned();
            columns
                .push((column, if differs_idp { Match::IsNot(value) } else { Match::Is(value) }));
        }
        if let Some(code) = given(self.code.as_deref()) {
            columns.push(("code", Match::Is(read_code(code))));
        }
        let differs_allowed = differs(self.allowed_op.as_deref(), "allowedOp")?;
        let allowed = switch(self.allowed.as_deref(), "allowed")?;
        filter.allowed = allowed.map(|allowed| allowed != differs_allowed);
        let differs_machine = differs(self.non_identity_op.as_deref(), "non_identityOp")?;
        let machine = switch(self.non_identity.as_deref(), "non_identity")?;
        filter.machine = machine.map(|machine| machine != differs_machine);
        Ok(filter)
    }
}

/// A code as people read it aloud: Crockford's letters that look alike are one.
fn read_code(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    let one = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    letters.map(one).collect()
}

fn moment(text: Option<&str>, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = given(text) else { return Ok(None) };
    let message = || format!("{name} must be a time as 2026-11-21T00:00:00Z (RFC 3339)");
    let moment = parse_rfc3339(text);
    moment.map(Some).ok_or_else(|| ApiError::invalid(code::JSON, name, message()))
}

fn switch(text: Option<&str>, name: &str) -> Result<Option<bool>, ApiError> {
    let known = one_of(text, name, &["true", "false", "1", "0"])?;
    Ok(known.map(|text| matches!(text, "true" | "1")))
}

fn differs(operator: Option<&str>, name: &str) -> Result<bool, ApiError> {
    Ok(one_of(operator, name, &["eq", "neq"])? == Some("neq"))
}

/// The contract's members, then Lintel's own; what is not known is absent. What policies saw of a
/// person is answered only if it is asked for by name.
fn show(row: LoginRow, fields: Option<&[String]>) -> Map<String, Value> {
    let wanted = |name: &str| match fields {
        Some(fields) => fields.iter().any(|field| field == name),
        None => name != "identity",
    };
    let identity = row.identity.filter(|_| wanted("identity"));
    let members = [
        ("action", json!(row.action)),
        ("allowed", json!(row.allowed)),
        ("app_domain", json!(row.app_domain)),
        ("app_type", json!(row.app_type)),
        ("app_uid", json!(row.app_uid)),
        ("connection", json!(row.connection)),
        ("country", json!(row.country)),
        ("created_at", json!(rfc3339(row.created_at))),
        ("ip_address", json!(row.ip_address)),
        ("non_identity", json!(row.non_identity)),
        ("purpose_justification_response", json!(row.justification)),
        ("ray_id", json!(row.ray_id)),
        ("user_email", json!(row.user_email)),
        ("user_id", json!(row.user_id)),
        ("code", json!(row.code)),
        ("id", json!(row.id)),
        ("idp_id", json!(row.identity_provider_id)),
        ("policy_id", json!(row.policy_id)),
        ("reason", json!(row.reason)),
        (
            "identity",
            identity.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
        ),
    ];
    let members = members.into_iter().filter(|(name, value)| !value.is_null() && wanted(name));
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

const NDJSON: &str = "application/x-ndjson";
const DEFAULT_PER_PAGE: i64 = 25;
const MAX_PER_PAGE: i64 = 1000;
const MAX_LIMIT: i64 = 1_000_000;
const EXPORT_BATCH: i64 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_as_it_was_read_aloud() {
        assert_eq!(read_code("7q3k-d2mx"), "7Q3KD2MX");
        assert_eq!(read_code("oOiI lL"), "001111");
    }
}
