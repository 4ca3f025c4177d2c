//! `ssl.settings` as clients write them, judged.

use serde::Deserialize;

use crate::api::error::{ApiError, code};
use crate::api::json::{Field, Others};

/// `ssl.settings`
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub struct SettingsBody {
    #[serde(default)]
    pub(super) http2: Field<String>,
    #[serde(default)]
    pub(super) tls_1_3: Field<String>,
    #[serde(default)]
    pub(super) early_hints: Field<String>,
    #[serde(default)]
    pub(super) min_tls_version: Field<String>,
    #[serde(default)]
    pub(super) ciphers: Field<Vec<String>>,
    #[serde(flatten)]
    others: Others,
}

impl SettingsBody {
    /// Refuses what cannot be.
    pub(super) fn judge(mut self) -> Result<Self, ApiError> {
        if self.others.0.contains("tls_1_2_only") {
            let message = "tls_1_2_only was replaced: use min_tls_version";
            return Err(ApiError::invalid(
                code::TLS_1_2_ONLY,
                "ssl.settings.tls_1_2_only",
                message,
            ));
        }
        known(&self.others, &[], code::SSL, "ssl.settings.")?;
        for field in
            [&mut self.http2, &mut self.tls_1_3, &mut self.early_hints, &mut self.min_tls_version]
        {
            *field = std::mem::take(field).without_empty();
        }
        choice(&self.http2, &SWITCH, code::HTTP2, "ssl.settings.http2")?;
        choice(&self.tls_1_3, &SWITCH, code::TLS_1_3, "ssl.settings.tls_1_3")?;
        choice(&self.early_hints, &SWITCH, code::SSL, "ssl.settings.early_hints")?;
        choice(
            &self.min_tls_version,
            &VERSIONS,
            code::MIN_TLS_VERSION,
            "ssl.settings.min_tls_version",
        )?;
        if let Field::Set(ciphers) = &self.ciphers {
            judge_ciphers(ciphers)?;
        }
        Ok(self)
    }
}

fn judge_ciphers(ciphers: &[String]) -> Result<(), ApiError> {
    for (index, cipher) in ciphers.iter().enumerate() {
        let field = format!("ssl.settings.ciphers[{index}]");
        if !CIPHERS.contains(&cipher.as_str()) {
            let message =
                format!("{field} is no cipher: write BoringSSL's names, as {}", CIPHERS[0]);
            return Err(ApiError::invalid(code::CIPHERS, &field, message));
        }
        if ciphers.iter().take(index).any(|earlier| earlier == cipher) {
            return Err(ApiError::invalid(
                code::CIPHERS,
                &field,
                format!("{field} stands there twice"),
            ));
        }
    }
    Ok(())
}

/// Refuses a value that is not among the known ones.
pub(super) fn choice(
    field: &Field<String>,
    known: &[&str],
    code: u32,
    name: &str,
) -> Result<(), ApiError> {
    match field {
        Field::Set(text) if !known.contains(&text.as_str()) => {
            let message = format!("{name} must be one of {}", known.join(", "));
            Err(ApiError::invalid(code, name, message))
        }
        Field::Set(_) | Field::Null | Field::Absent => Ok(()),
    }
}

/// Refuses fields that nobody knows; those that only answers have say nothing.
pub(super) fn known(
    others: &Others,
    read_only: &[&str],
    code: u32,
    prefix: &str,
) -> Result<(), ApiError> {
    match others.0.iter().find(|key| !read_only.contains(&key.as_str())) {
        Some(key) => {
            let field: String = format!("{prefix}{key}").chars().take(100).collect();
            let message = format!("{field} is no field of a custom hostname");
            Err(ApiError::invalid(code, &field, message))
        }
        None => Ok(()),
    }
}

const SWITCH: [&str; 2] = ["on", "off"];
const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];
const CIPHERS: [&str; 27] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA256",
    "AES256-SHA256",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
    "AEAD-AES128-GCM-SHA256",
    "AEAD-AES256-GCM-SHA384",
    "AEAD-CHACHA20-POLY1305-SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];
