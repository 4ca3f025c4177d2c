//! `/access/certificates`: CAs whose client certificates hostnames accept.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use edge_state::access::ClientAuthorityRecord;
use edge_state::access::client_authority::ClientAuthority;
use edge_state::{Hostname, Key};
use http::StatusCode;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use uuid::Uuid;

use super::applications::context::owner;
use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent, invalid};
use super::object::{Change, Context, Draft, Kind, kind, owned, shown};
use super::{pem, publish};
use crate::api::auth::{AccessCertificates, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Page};
use crate::clock::rfc3339;
use crate::store::access::objects::{self, ObjectRow};
use crate::store::changes;

/// A CA.
pub struct Certificate;

const HOSTNAMES: &str = "associated_hostnames";
const READ_ONLY: &[&str] =
    &["id", "fingerprint", "expires_on", "created_at", "updated_at", "serial_number"];

impl Kind for Certificate {
    const KIND: &'static str = kind::CERTIFICATE;
    const TAG: &'static str = "access certificates";
    const PATH: &'static str = "/access/certificates";
    const SCOPE: Scope = Scope::AccountAndZone;
    const DELETED: StatusCode = StatusCode::OK;
    const FIELDS: Fields = Fields {
        required: &["name", "certificate"],
        optional: &[HOSTNAMES],
        read_only: READ_ONLY,
        rules: &[],
        zero_is_unset: &[],
    };
    /// `{}` empties the hostnames, and leaves the rest.
    const PUT_FIELDS: Fields = Fields {
        required: &[],
        optional: &["name", "certificate", HOSTNAMES],
        read_only: READ_ONLY,
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = AccessCertificates;

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        mut sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        if let Some(before) = before {
            let known = Sent::read(&before.body)?;
            if sent
                .text("certificate")?
                .is_some_and(|text| known.text("certificate").ok() != Some(Some(text)))
            {
                let message = "certificate cannot change: upload the other one beside it";
                return Err(invalid("certificate", message.to_owned()));
            }
            for kept in ["name", "certificate"] {
                if let (None, Some(value)) = (sent.value(kept), known.value(kept)) {
                    sent.set(kept, value.clone());
                }
            }
        }
        let name = sent.name()?.to_owned();
        let mut owned = before.map(owned).transpose()?.unwrap_or_default();
        if before.is_none() {
            owned = facts(sent.text("certificate")?.unwrap_or_default())?;
        }
        if sent.value(HOSTNAMES).is_none() {
            // The one list that clients want to see empty rather than not at all.
            sent.set(HOSTNAMES, Vec::<Value>::new());
        }
        let names: Vec<String> =
            sent.texts(HOSTNAMES)?.unwrap_or_default().into_iter().map(str::to_owned).collect();
        for (index, name) in names.iter().enumerate() {
            own_hostname(cx, &format!("{HOSTNAMES}[{index}]"), name).await?;
        }
        Ok(Draft { name, sent, owned, ..Draft::default() })
    }

    async fn show(_: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        let mut answer = shown(row)?;
        answer.extend(owned(row)?);
        Ok(answer)
    }

    async fn deletable(_: &mut Context<'_>, row: &ObjectRow) -> Result<(), ApiError> {
        if hostnames_of(row)?.is_empty() {
            return Ok(());
        }
        let message = "access.api.error.conflict: certificate has active associations: \
                       PUT it with no associated_hostnames first";
        Err(ApiError::Conflict(message.to_owned()))
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        let mut names = BTreeSet::new();
        for row in [change.before, change.after].into_iter().flatten() {
            names.extend(hostnames_of(row)?);
        }
        publish_hostnames(cx, names).await
    }
}

/// The routes beside those that every kind has. They come first: `settings` is no id.
pub fn routes() -> [Described; 1] {
    let operation = |summary| Operation::new(Certificate::TAG, summary);
    [Described::at(Scope::AccountAndZone, "/access/certificates/settings")
        .on(
            Method::Get,
            operation("How hostnames treat client certificates."),
            axum::routing::get(settings),
        )
        .on(
            Method::Put,
            operation("Replaces how hostnames treat client certificates.")
                .takes(SETTINGS)
                .answers(202),
            axum::routing::put(update_settings),
        )]
}

/// What is read from the certificate once.
fn facts(text: &str) -> Result<Map<String, Value>, ApiError> {
    let wrong = |problem: String| invalid("certificate", format!("certificate {problem}"));
    let certificates = pem::read(text).map_err(wrong)?;
    if certificates.iter().any(|certificate| !certificate.is_authority) {
        return Err(wrong("must be a CA: what it signs is trusted, and not itself".to_owned()));
    }
    let first = certificates.first().ok_or_else(|| wrong("is empty".to_owned()))?;
    // The contract's fingerprint; it names the certificate and protects nothing.
    let digest = Md5::digest(&first.der);
    let digits: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let fingerprint = format!("MD5 Fingerprint={}", digits.join(":"));
    let expires_on = rfc3339(first.not_after.saturating_mul(1000));
    Ok(Map::from_iter([
        ("fingerprint".to_owned(), fingerprint.into()),
        ("expires_on".to_owned(), expires_on.into()),
    ]))
}

/// A hostname that this account may speak for, as for an application before it.
async fn own_hostname(cx: &mut Context<'_>, field: &str, text: &str) -> Result<(), ApiError> {
    let name = Hostname::parse(text)
        .map_err(|error| invalid(field, format!("{field} is no hostname: {error}")))?;
    if owner(cx, name.as_str()).await?.as_deref() == Some(cx.account_id) {
        Ok(())
    } else {
        Err(invalid(field, format!("{field}: {text} is not of this account")))
    }
}

fn hostnames_of(row: &ObjectRow) -> Result<Vec<String>, ApiError> {
    let sent = Sent::read(&row.body)?;
    let names = sent.texts(HOSTNAMES)?.unwrap_or_default();
    Ok(names.into_iter().map(str::to_ascii_lowercase).collect())
}

/// Writes what these hostnames accept anew.
async fn publish_hostnames(cx: &mut Context<'_>, names: BTreeSet<String>) -> Result<(), ApiError> {
    // Read after this, two changes at once never leave the older one's mixture at the edge.
    changes::lock(cx.tx).await?;
    let rows = objects::all(cx.tx, cx.account_id, kind::CERTIFICATE).await?;
    let forwarded = forwarded(cx).await?;
    for name in names {
        let Ok(hostname) = Hostname::parse(&name) else { continue };
        // A name may have changed hands since it was written down: what its new owner says stays.
        let owner = owner(cx, hostname.as_str()).await?;
        if owner.as_deref().is_some_and(|owner| owner != cx.account_id) {
            continue;
        }
        let mut authorities = Vec::new();
        for row in &rows {
            if owner.is_some() && hostnames_of(row)?.contains(&name) {
                let sent = Sent::read(&row.body)?;
                authorities.push(ClientAuthority {
                    id: row.id.clone(),
                    name: row.name.clone(),
                    certificate: sent.text("certificate")?.unwrap_or_default().to_owned(),
                });
            }
        }
        if authorities.is_empty() {
            publish::gone(cx, &Key::ClientAuthorities(hostname)).await?;
        } else {
            let forward = forwarded.contains(&name);
            publish::put(cx, &ClientAuthorityRecord { hostname, authorities, forward }).await?;
        }
    }
    Ok(())
}

const SETTINGS: Fields = Fields {
    required: &["settings"],
    optional: &[],
    read_only: &[],
    rules: &[],
    zero_is_unset: &[],
};

async fn stored_settings(cx: &mut Context<'_>) -> Result<Option<ObjectRow>, ApiError> {
    let rows = objects::all(cx.tx, cx.account_id, kind::CERTIFICATE_SETTING).await?;
    Ok(rows.into_iter().next())
}

async fn list_of_settings(cx: &mut Context<'_>) -> Result<Vec<Value>, ApiError> {
    let Some(row) = stored_settings(cx).await? else { return Ok(Vec::new()) };
    Ok(Sent::read(&row.body)?.list("settings")?.unwrap_or_default().to_vec())
}

/// The hostnames whose origins are told of certificates.
async fn forwarded(cx: &mut Context<'_>) -> Result<BTreeSet<String>, ApiError> {
    let settings = list_of_settings(cx).await?;
    let forwards = |setting: &&Value| {
        setting.get("client_certificate_forwarding").and_then(Value::as_bool) == Some(true)
    };
    let name = |setting: &Value| Some(setting.get("hostname")?.as_str()?.to_ascii_lowercase());
    Ok(settings.iter().filter(forwards).filter_map(name).collect())
}

async fn settings(
    State(app): State<App>,
    access: ForAccess<AccessCertificates>,
) -> Result<Page<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    list_of_settings(&mut cx).await.map(Page::all)
}

async fn update_settings(
    State(app): State<App>,
    access: ForAccess<AccessCertificates>,
    Json(body): Json<Body>,
) -> Result<Response, ApiError> {
    let sent = SETTINGS.whole(body)?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let list = sent.list("settings")?.unwrap_or_default().to_vec();
    for (index, setting) in list.iter().enumerate() {
        judge_setting(&mut cx, &format!("settings[{index}]"), setting).await?;
    }
    if let Some(mut row) = stored_settings(&mut cx).await? {
        row.body = sent.to_json();
        row.updated_at = cx.now;
        objects::update(cx.tx, &row).await?;
    } else {
        let row = ObjectRow {
            id: Uuid::new_v4().to_string(),
            account_id: cx.account_id.to_owned(),
            kind: kind::CERTIFICATE_SETTING.to_owned(),
            name: "settings".to_owned(),
            handle: Some(cx.account_id.to_owned()),
            body: sent.to_json(),
            owned: "{}".to_owned(),
            created_at: cx.now,
            updated_at: cx.now,
            ..ObjectRow::default()
        };
        if !objects::insert(cx.tx, &row).await? {
            let message = "access.api.error.conflict: previous certificate settings still being \
                           updated";
            return Err(ApiError::Conflict(message.to_owned()));
        }
    }
    let mut names = BTreeSet::new();
    for row in objects::all(cx.tx, cx.account_id, kind::CERTIFICATE).await? {
        names.extend(hostnames_of(&row)?);
    }
    publish_hostnames(&mut cx, names).await?;
    app.commit(tx).await?;
    let mut answer = Page::all(list).into_response();
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

async fn judge_setting(cx: &mut Context<'_>, field: &str, setting: &Value) -> Result<(), ApiError> {
    let Some(members) = setting.as_object() else {
        return Err(invalid(field, format!("{field} must be an object")));
    };
    for (name, value) in members {
        let field = format!("{field}.{name}");
        match name.as_str() {
            "hostname" if value.is_string() => {}
            "china_network" if *value == Value::Bool(false) => {}
            "china_network" => {
                return Err(invalid(&field, format!("{field} must be false: there is none here")));
            }
            "client_certificate_forwarding" if value.is_boolean() => {}
            _ => return Err(invalid(&field, format!("{field} is not known, or not of its type"))),
        }
    }
    match members.get("hostname").and_then(Value::as_str) {
        Some(name) => own_hostname(cx, &format!("{field}.hostname"), name).await,
        None => Err(invalid(&format!("{field}.hostname"), format!("{field}.hostname is required"))),
    }
}
