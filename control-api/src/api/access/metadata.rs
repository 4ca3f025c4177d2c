//! Metadata of SAML peers, as a part of applications and identity providers: pasted into the object,
//! or fetched from an address that stands in it.
//!
//! An address is asked before the transaction of the change ([`prepare`]), so that a bad one changes
//! nothing; what came is kept in it ([`keep`]), and is the peer from then on ([`entity`]).

use std::time::SystemTime;

use saml::metadata::{Entity, Metadata};
use serde_json::{Value, json};

use super::address;
use super::context::Context;
use super::echo::invalid;
use crate::api::{ApiError, App};
use crate::clock::rfc3339;
use crate::saml_metadata::fetch::{self, Answer};
use crate::saml_metadata::pin::{Expected, Pins};
use crate::saml_metadata::{Keep, Problem, schedule};
use crate::store::access::saml_metadata::{self as stored, MetadataRow};

pub use crate::saml_metadata::{Prepared, Role};

/// Where an object's peer describes itself.
#[derive(Clone, Debug)]
pub struct Source {
    /// The field that holds the address, for people: `config.idp_metadata_url`.
    pub field: &'static str,
    /// The address.
    pub url: String,
    /// What the peer is.
    pub role: Role,
    /// The entity that is meant, where the client says.
    pub entity_id: Option<String>,
    /// The field that holds `certificates`.
    pub certificates_field: &'static str,
    /// By whose keys the metadata must be signed; none: as its first version was.
    pub certificates: Vec<String>,
    /// Whether its signature may rest on SHA-1.
    pub allow_sha1: bool,
}

/// Fetches what an address describes, unless it is known from the same address already. No
/// transaction may be open. `object`: which one is to be changed, if it is not new.
///
/// # Errors
/// The address is none, nothing came, or not what can be believed: a refusal of the field.
pub async fn prepare(
    app: &App,
    account_id: &str,
    object: Option<&str>,
    source: Option<&Source>,
) -> Result<Prepared, ApiError> {
    let Some(source) = source else { return Ok(Prepared::default()) };
    let url = address::judge(&app.config, source.field, &source.url)?;
    let given = Pins::given(&source.certificates).map_err(|problem| match problem {
        Problem::Certificate { index, problem } => {
            let field = format!("{}[{index}]", source.certificates_field);
            invalid(&field, format!("{field}: {problem}"))
        }
        problem => refused(source.certificates_field, &problem),
    })?;
    if let Some(object) = object {
        let mut tx = app.db.read().await?;
        let row = stored::find(&mut tx, object).await?;
        let row = row.filter(|row| row.account_id == account_id && is_known(row, source, &given));
        if let Some(row) = row {
            let entity = Some(read(&row)?);
            let keep = Keep::Known { url: row.url, allow_sha1: source.allow_sha1 };
            return Ok(Prepared { keep, entity });
        }
    }
    let refused = |problem: Problem| refused(source.field, &problem);
    let document = match fetch::get(&app.outside, url, None, None).await.map_err(refused)? {
        Answer::New(document) => document,
        Answer::Same => return Err(ApiError::Internal),
    };
    let now = app.clock.now();
    let expected = Expected {
        role: source.role,
        entity_id: source.entity_id.as_deref(),
        pins: &given,
        allow_sha1: source.allow_sha1,
        now,
    };
    let version = expected.judge(&document.xml).await.map_err(refused)?;
    let millis = app.clock.now_millis();
    let until = version.entity.valid_until;
    let row = MetadataRow {
        account_id: account_id.to_owned(),
        role: source.role.name().to_owned(),
        url: source.url.clone(),
        entity_id: version.entity.entity_id.clone(),
        pins: version.pins.to_json(),
        allow_sha1: source.allow_sha1,
        document: String::from_utf8_lossy(&document.xml).into_owned(),
        etag: document.etag,
        last_modified: document.last_modified,
        fetched_at: millis,
        changed_at: millis,
        valid_until: until.map(unix_millis),
        due_at: millis
            + schedule::after_success(version.cache_duration, until, now, rand::random()),
        ..MetadataRow::default()
    };
    Ok(Prepared { keep: Keep::New(Box::new(row)), entity: Some(version.entity) })
}

/// Keeps what was prepared, after the object itself was written.
///
/// # Errors
/// The object was changed at the same moment.
pub async fn keep(cx: &mut Context<'_>, object: &str, prepared: Prepared) -> Result<(), ApiError> {
    match prepared.keep {
        Keep::Nothing => stored::forget(cx.tx, object).await?,
        Keep::New(mut row) => {
            object.clone_into(&mut row.object_id);
            stored::put(cx.tx, &row).await?;
        }
        Keep::Known { url, allow_sha1 } => {
            let known = stored::find(cx.tx, object).await?;
            if known.is_none_or(|known| known.url != url) {
                let message = "The object was changed at the same moment. Read it, and try again.";
                return Err(ApiError::Conflict(message.to_owned()));
            }
            stored::allow_sha1(cx.tx, object, allow_sha1).await?;
        }
    }
    Ok(())
}

/// The peer of an object, as the address in it last described it. `None`: there is no address.
///
/// # Errors
/// The database failed.
pub async fn entity(cx: &mut Context<'_>, object: &str) -> Result<Option<Entity>, ApiError> {
    let row = stored::find(cx.tx, object).await?;
    row.as_ref().map(read).transpose()
}

/// What went wrong when the address was last asked, for whoever looks at the object.
///
/// # Errors
/// The database failed.
pub async fn remark(cx: &mut Context<'_>, object: &str) -> Result<Option<String>, ApiError> {
    let Some(row) = stored::find(cx.tx, object).await? else { return Ok(None) };
    let Some(error) = &row.error else { return Ok(None) };
    let ended = row.valid_until.is_some_and(|until| until <= cx.now);
    Ok(Some(format!(
        "The metadata of {} has not been renewed since {}: {error}. Its last good version counts{}.",
        row.entity_id,
        rfc3339(row.fetched_at),
        if ended { ", although the time that it was stated for is over" } else { "" }
    )))
}

/// Reads metadata that a client has pasted.
///
/// # Errors
/// It is none, or of no use: a refusal of the field.
pub fn read_upload(
    field: &str,
    xml: &str,
    role: Role,
    entity_id: Option<&str>,
    now: SystemTime,
) -> Result<Entity, ApiError> {
    let metadata = Metadata::parse(xml.trim().as_bytes()).map_err(Problem::Unreadable);
    let entity = metadata.and_then(|metadata| role.choose(metadata, entity_id));
    let entity = entity.and_then(|entity| {
        entity.check_validity(now).map_err(Problem::Unreadable)?;
        Ok(entity)
    });
    entity.map_err(|problem| refused(field, &problem))
}

/// As it is shown.
pub(super) fn shown(row: &MetadataRow) -> Value {
    let pins = Pins::from_json(&row.pins);
    let mut shown = json!({
        "url": row.url,
        "entity_id": row.entity_id,
        "pinned_keys": pins.fingerprints(),
        "fetched_at": rfc3339(row.fetched_at),
        "changed_at": rfc3339(row.changed_at),
        "next_fetch_at": rfc3339(row.due_at),
        "failures": row.failures,
    });
    for (name, value) in [
        ("valid_until", row.valid_until.map(rfc3339)),
        ("failed_at", row.failed_at.map(rfc3339)),
        ("error", row.error.clone()),
    ] {
        if let Some(value) = value {
            shown[name] = value.into();
        }
    }
    shown
}

/// The peer, as it is stored.
pub(super) fn read(row: &MetadataRow) -> Result<Entity, ApiError> {
    let read = || {
        let role = Role::from_name(&row.role)?;
        role.choose(Metadata::parse(row.document.as_bytes()).ok()?, Some(&row.entity_id)).ok()
    };
    read().ok_or_else(|| {
        tracing::error!(object = row.object_id, "stored metadata cannot be read");
        ApiError::Internal
    })
}

/// A refusal of a field that speaks of metadata.
pub(super) fn refused(field: &str, problem: &Problem) -> ApiError {
    invalid(field, format!("{field}: the metadata {problem}"))
}

pub(super) fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn is_known(row: &MetadataRow, source: &Source, given: &Pins) -> bool {
    let pins = Pins::from_json(&row.pins);
    row.url == source.url
        && row.role == source.role.name()
        && source.entity_id.as_ref().is_none_or(|entity_id| *entity_id == row.entity_id)
        && if given.given || pins.given { pins == *given } else { true }
}
