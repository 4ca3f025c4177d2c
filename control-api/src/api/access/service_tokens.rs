//! `/access/service_tokens`: machines' own way in. A secret is told once and kept as a hash.

use axum::extract::{Path, State};
use edge_state::Key;
use edge_state::access::ServiceTokenRecord;
use edge_state::access::service_token::SecretHash;
use edge_state::key::given_client_id;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent, invalid};
use super::object::{Change, Context, Draft, Kind, ObjectPath, kind, owned, shown};
use super::publish;
use super::secret::Secret;
use crate::api::auth::{AccessServiceTokens, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope, new_id};
use crate::clock::{parse_rfc3339, rfc3339};
use crate::duration;
use crate::store::access::objects::{self, ObjectRow};

/// A service token.
pub struct ServiceToken;

impl Kind for ServiceToken {
    const KIND: &'static str = kind::SERVICE_TOKEN;
    const TAG: &'static str = "access service tokens";
    const PATH: &'static str = "/access/service_tokens";
    const SCOPE: Scope = Scope::AccountAndZone;
    const DELETED: StatusCode = StatusCode::OK;
    const FIELDS: Fields = Fields {
        required: &["name"],
        optional: &["duration", "enabled", VERSION, PREVIOUS],
        read_only: &[
            "id",
            "client_id",
            "client_secret",
            "expires_at",
            "created_at",
            "updated_at",
            "last_seen_at",
        ],
        rules: &[],
        zero_is_unset: &[VERSION],
    };
    type Permission = AccessServiceTokens;

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        mut sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        sent.switch("enabled")?;
        let length = lifetime(&sent)?;
        let previous_ends = previous_end(&sent)?;
        if sent.value("duration").is_none() {
            sent.set("duration", DURATION);
        }
        let version = sent.integer(VERSION, 1, i64::MAX)?;
        let mut owned = before.map(owned).transpose()?.unwrap_or_default();
        let known = owned.get(VERSION).and_then(Value::as_i64).unwrap_or(1);
        let mut once = Map::new();
        match before {
            None => {
                owned.insert("client_id".to_owned(), given_client_id(&new_id()).into());
                new_secret(&mut owned, &mut once, None, cx.now)?;
                set_end(&mut owned, length, cx.now);
            }
            Some(before) => {
                if version.is_some_and(|version| version < known) {
                    let message = format!("{VERSION} is {known}; a higher one makes a new secret");
                    return Err(invalid(VERSION, message));
                }
                if version.is_some_and(|version| version > known) {
                    new_secret(&mut owned, &mut once, previous_ends, cx.now)?;
                }
                if Sent::read(&before.body)?.value("duration") != sent.value("duration") {
                    set_end(&mut owned, length, cx.now);
                }
            }
        }
        owned.insert(VERSION.to_owned(), version.unwrap_or(known).into());
        let handle = owned.get("client_id").and_then(Value::as_str).map(str::to_owned);
        Ok(Draft { name, handle, sent, owned, once, ..Draft::default() })
    }

    async fn show(_: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        let mut answer = shown(row)?;
        answer.insert("client_id".to_owned(), row.handle.clone().into());
        if let Some(end) = end(&owned(row)?) {
            answer.insert("expires_at".to_owned(), rfc3339(end).into());
        }
        Ok(answer)
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        match (change.after, change.before) {
            (Some(row), _) => publish_one(cx, row).await,
            (None, Some(row)) => publish::gone(cx, &key(row)).await,
            (None, None) => Ok(()),
        }
    }
}

/// The routes beside those that every kind has.
pub fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new(ServiceToken::TAG, summary);
    [
        Described::at(Scope::Account, "/access/service_tokens/{id}/refresh").on(
            Method::Post,
            operation("Lets a service token live a year longer."),
            axum::routing::post(refresh),
        ),
        Described::at(Scope::Account, "/access/service_tokens/{id}/rotate").on(
            Method::Post,
            operation("Makes a new secret, which is answered this once.").takes(ROTATE_FIELDS),
            axum::routing::post(rotate),
        ),
    ]
}

/// Writes every service token's record anew: the team domain stands in it.
pub(super) async fn publish_all(cx: &mut Context<'_>) -> Result<(), ApiError> {
    for row in objects::all(cx.tx, cx.account_id, kind::SERVICE_TOKEN).await? {
        publish_one(cx, &row).await?;
    }
    Ok(())
}

async fn publish_one(cx: &mut Context<'_>, row: &ObjectRow) -> Result<(), ApiError> {
    let Some(auth_domain) = publish::settled_auth_domain(cx).await? else {
        return publish::gone(cx, &key(row)).await;
    };
    let (sent, owned) = (Sent::read(&row.body)?, owned(row)?);
    let record = ServiceTokenRecord {
        client_id: row.handle.clone().unwrap_or_default(),
        id: row.id.clone(),
        auth_domain,
        name: row.name.clone(),
        enabled: sent.switch("enabled")?.unwrap_or(true),
        expires_at: end(&owned).map(|millis| millis / 1000),
        secrets: secrets(&owned),
    };
    publish::put(cx, &record).await
}

fn key(row: &ObjectRow) -> Key {
    Key::ServiceToken(row.handle.clone().unwrap_or_default())
}

async fn refresh(
    State(app): State<App>,
    access: ForAccess<AccessServiceTokens>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.find_for_update(kind::SERVICE_TOKEN, &path.id).await?;
    let mut facts = owned(&row)?;
    if let Some(end) = end(&facts) {
        facts.insert(END.to_owned(), (end.max(cx.now) + YEAR).into());
    }
    let answer = write(&mut cx, row, facts, Map::new()).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn rotate(
    State(app): State<App>,
    access: ForAccess<AccessServiceTokens>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let previous_ends = previous_end(&ROTATE_FIELDS.whole(body)?)?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.find_for_update(kind::SERVICE_TOKEN, &path.id).await?;
    let (mut facts, mut once) = (owned(&row)?, Map::new());
    new_secret(&mut facts, &mut once, previous_ends, cx.now)?;
    let answer = write(&mut cx, row, facts, once).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn write(
    cx: &mut Context<'_>,
    mut row: ObjectRow,
    owned: Map<String, Value>,
    once: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    row.owned = Value::Object(owned).to_string();
    row.updated_at = cx.now;
    objects::update(cx.tx, &row).await?;
    let mut answer = ServiceToken::show(cx, &row).await?;
    answer.extend(once);
    publish_one(cx, &row).await?;
    Ok(answer)
}

/// Puts a new secret first. Those before count until `previous_ends` (Unix milliseconds), or not at
/// all any more.
fn new_secret(
    owned: &mut Map<String, Value>,
    once: &mut Map<String, Value>,
    previous_ends: Option<i64>,
    now: i64,
) -> Result<(), ApiError> {
    let secret = Secret::service_token()?;
    let mut kept = vec![json!({"sha256": secret.hash()})];
    if let Some(end) = previous_ends.filter(|end| *end > now) {
        for old in secrets(owned) {
            let end = old.expires_at.unwrap_or(i64::MAX).min(end / 1000);
            if end > now / 1000 {
                kept.push(json!({"sha256": old.sha256, "expires_at": end}));
            }
        }
    }
    kept.truncate(MAX_SECRETS);
    owned.insert(SECRETS.to_owned(), Value::Array(kept));
    once.insert("client_secret".to_owned(), secret.text().into());
    Ok(())
}

fn secrets(owned: &Map<String, Value>) -> Vec<SecretHash> {
    let stored = owned.get(SECRETS).cloned().unwrap_or_default();
    serde_json::from_value(stored).unwrap_or_default()
}

/// Milliseconds; `None`: for ever.
fn lifetime(sent: &Sent) -> Result<Option<i64>, ApiError> {
    let text = sent.text("duration")?.unwrap_or(DURATION);
    if text == "forever" {
        return Ok(None);
    }
    let length = duration::parse(text)
        .map_err(|error| invalid("duration", format!("duration: {error}, or forever")))?;
    if length.is_zero() {
        return Err(invalid("duration", "duration must be longer than nothing".to_owned()));
    }
    Ok(Some(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
}

fn previous_end(sent: &Sent) -> Result<Option<i64>, ApiError> {
    let Some(text) = sent.text(PREVIOUS)? else { return Ok(None) };
    let wrong = || invalid(PREVIOUS, format!("{PREVIOUS} must be a time, as 2026-11-21T11:05:00Z"));
    parse_rfc3339(text).map(Some).ok_or_else(wrong)
}

fn set_end(owned: &mut Map<String, Value>, length: Option<i64>, now: i64) {
    match length {
        Some(length) => drop(owned.insert(END.to_owned(), now.saturating_add(length).into())),
        None => drop(owned.remove(END)),
    }
}

/// Unix milliseconds.
fn end(owned: &Map<String, Value>) -> Option<i64> {
    owned.get(END).and_then(Value::as_i64)
}

const DURATION: &str = "8760h";
const YEAR: i64 = 8760 * 60 * 60 * 1000;
const VERSION: &str = "client_secret_version";
const PREVIOUS: &str = "previous_client_secret_expires_at";
const SECRETS: &str = "secrets";
const END: &str = "expires_at";
const MAX_SECRETS: usize = 10;
const ROTATE_FIELDS: Fields =
    Fields { required: &[], optional: &[PREVIOUS], read_only: &[], rules: &[], zero_is_unset: &[] };
