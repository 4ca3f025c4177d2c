//! How a request changes what is set: PATCH merges, the whole object replaces.

use edge_state::Hostname;
use serde_json::Value;
use serde_json::value::RawValue;

use super::body::{Change, Metadata, SslBody};
use super::requested::{Requested, RequestedSsl, Settings};
use super::settings::SettingsBody;
use crate::api::ApiError;
use crate::api::error::code;
use crate::api::json::Field;

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
            Field::Null => after.ssl = None,
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
    let read = |value| serde_json::from_str::<Value>(&nested(value));
    match metadata.values().find_map(|value| read(value).err()) {
        None => Ok(()),
        Some(error) if error.to_string().starts_with("recursion limit") => {
            invalid(code::METADATA, "custom_metadata is nested too deeply")
        }
        Some(_) => invalid(
            code::METADATA,
            "custom_metadata has a number beyond every range, or half of a surrogate pair",
        ),
    }
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
