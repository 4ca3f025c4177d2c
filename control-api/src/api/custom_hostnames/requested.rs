//! What a client has set on a custom hostname, kept as it was written: every answer repeats it, and
//! says nothing about what was not set.

use std::collections::BTreeMap;

use edge_state::Hostname;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::{Metadata, SettingsBody, SslBody};
use crate::api::ApiError;
use crate::api::error::code;
use crate::api::json::Field;
use crate::store::hostnames::HostnameRow;

/// `custom_hostnames.requested`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Requested {
    /// Values may be any JSON and keep their types and spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_metadata: Option<BTreeMap<String, Box<RawValue>>>,
    /// An origin of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_origin_server: Option<String>,
    /// The server name in the handshake with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_origin_sni: Option<String>,
    /// `None`: no certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl: Option<RequestedSsl>,
}

/// `ssl` as it was set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RequestedSsl {
    /// `http`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `dv`
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `ubiquitous`, `optimal` or `force`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_method: Option<String>,
    /// Key of an authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// `false`, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<bool>,
    /// Of no effect: names stand in the subject's alternative names alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudflare_branding: Option<bool>,
    /// TLS at the edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// `ssl.settings` as they were set.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Settings {
    /// `on` or `off`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http2: Option<String>,
    /// `on` or `off`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_1_3: Option<String>,
    /// `on` or `off`; kept, and without effect at the edge
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_hints: Option<String>,
    /// `1.0` to `1.3`; below 1.2 nothing is spoken all the same
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tls_version: Option<String>,
    /// Kept; the edge offers its own, all of them strong
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphers: Option<Vec<String>>,
}

/// What one request changes. Its fields have been judged one by one.
pub struct Change {
    pub(super) custom_metadata: Field<Metadata>,
    pub(super) custom_origin_server: Field<String>,
    pub(super) custom_origin_sni: Field<String>,
    pub(super) ssl: Field<SslBody>,
    /// Declarative clients send the whole object, `hostname` included, with `ssl`: then metadata and
    /// `ssl` are complete, and what is missing in them is unset.
    pub(super) whole: bool,
}

impl Requested {
    /// What a row holds.
    pub fn from_row(row: &HostnameRow) -> Result<Self, ApiError> {
        serde_json::from_str(&row.requested).map_err(|error| {
            tracing::error!(custom_hostname = row.id, %error, "what was requested cannot be read");
            ApiError::Internal
        })
    }

    /// As stored.
    pub fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|_| ApiError::Internal)
    }

    /// The authority that the client named.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.ssl.as_ref()?.certificate_authority.as_deref()
    }

    /// `ssl.wildcard`
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.ssl.as_ref().and_then(|ssl| ssl.wildcard).unwrap_or(false)
    }
}

impl Change {
    /// Whether `ssl` was sent: then the client wants a check now.
    #[must_use]
    pub fn has_ssl(&self) -> bool {
        matches!(self.ssl, Field::Set(_))
    }

    /// What is set afterwards.
    pub fn apply(self, before: Requested, hostname: &Hostname) -> Result<Requested, ApiError> {
        let mut after = before;
        self.custom_origin_server.merge_into(&mut after.custom_origin_server);
        self.custom_origin_sni.merge_into(&mut after.custom_origin_sni);
        if after.custom_origin_sni.is_some() && after.custom_origin_server.is_none() {
            let message = "custom_origin_sni needs a custom_origin_server";
            return Err(ApiError::invalid(code::ORIGIN, "custom_origin_sni", message));
        }
        match self.custom_metadata {
            Field::Absent => {}
            Field::Null => after.custom_metadata = None,
            Field::Set(metadata) => merge_metadata(&mut after, metadata, self.whole),
        }
        judge_metadata(&after, hostname)?;
        match self.ssl {
            Field::Absent => {}
            Field::Null if after.ssl.is_none() => {}
            Field::Null => {
                let message =
                    "ssl cannot be taken from a custom hostname: delete it and create it without";
                return Err(ApiError::invalid(code::SSL, "ssl", message));
            }
            Field::Set(ssl) => {
                let before = if self.whole { None } else { after.ssl.take() };
                let merged = merge_ssl(before.unwrap_or_default(), ssl);
                lifecycle::name::check_validation(hostname, merged.wildcard == Some(true))
                    .map_err(|error| {
                        ApiError::invalid(error.code(), "ssl.wildcard", error.to_string())
                    })?;
                judge_together(&merged)?;
                after.ssl = Some(merged);
            }
        }
        Ok(after)
    }
}

/// RFC 7396, or the whole map anew; `null` unsets a key in both.
fn merge_metadata(after: &mut Requested, metadata: Metadata, whole: bool) {
    let before = if whole { None } else { after.custom_metadata.take() };
    let mut map = before.unwrap_or_default();
    for (key, value) in metadata {
        match value {
            Some(value) => drop(map.insert(key, value)),
            None => drop(map.remove(&key)),
        }
    }
    after.custom_metadata = Some(map);
}

fn judge_metadata(after: &Requested, hostname: &Hostname) -> Result<(), ApiError> {
    let Some(metadata) = &after.custom_metadata else { return Ok(()) };
    let invalid = |code, message| Err(ApiError::invalid(code, "custom_metadata", message));
    if hostname.is_wildcard() && !metadata.is_empty() {
        return invalid(
            code::METADATA_ON_WILDCARD,
            "custom_metadata cannot be set on a wildcard hostname",
        );
    }
    let length: usize = metadata.iter().map(|(key, value)| key.len() + value.get().len() + 4).sum();
    if length > MAX_METADATA {
        return invalid(code::METADATA, "custom_metadata must not be larger than 4 KB in all");
    }
    // Raw values are not read when they come in; what cannot be read later must not be stored.
    let nested = |value: &RawValue| format!("[[[[[[[[{value}]]]]]]]]");
    let readable = |value| serde_json::from_str::<Value>(&nested(value)).is_ok();
    if !metadata.values().all(|value| readable(value)) {
        return invalid(code::METADATA, "custom_metadata is nested too deeply");
    }
    Ok(())
}

fn merge_ssl(mut ssl: RequestedSsl, body: SslBody) -> RequestedSsl {
    body.method.merge_into(&mut ssl.method);
    body.kind.merge_into(&mut ssl.kind);
    body.bundle_method.merge_into(&mut ssl.bundle_method);
    body.certificate_authority.merge_into(&mut ssl.certificate_authority);
    body.wildcard.merge_into(&mut ssl.wildcard);
    body.cloudflare_branding.merge_into(&mut ssl.cloudflare_branding);
    match body.settings {
        Field::Absent => {}
        Field::Null => ssl.settings = None,
        Field::Set(settings) => {
            let merged = merge_settings(ssl.settings.unwrap_or_default(), settings);
            ssl.settings = (merged != Settings::default()).then_some(merged);
        }
    }
    ssl
}

fn merge_settings(mut settings: Settings, body: SettingsBody) -> Settings {
    body.http2.merge_into(&mut settings.http2);
    body.tls_1_3.merge_into(&mut settings.tls_1_3);
    body.early_hints.merge_into(&mut settings.early_hints);
    body.min_tls_version.merge_into(&mut settings.min_tls_version);
    body.ciphers.merge_into(&mut settings.ciphers);
    settings
}

fn judge_together(ssl: &RequestedSsl) -> Result<(), ApiError> {
    let Some(settings) = &ssl.settings else { return Ok(()) };
    let only_tls_1_3 = settings.min_tls_version.as_deref() == Some("1.3");
    if only_tls_1_3 && settings.ciphers.as_ref().is_some_and(|ciphers| !ciphers.is_empty()) {
        let message = "ciphers cannot be chosen where min_tls_version is 1.3";
        return Err(ApiError::invalid(code::CIPHERS_WITH_TLS_1_3, "ssl.settings.ciphers", message));
    }
    Ok(())
}

const MAX_METADATA: usize = 4096;
