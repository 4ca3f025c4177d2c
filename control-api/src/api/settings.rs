//! A zone's settings as stored: only those that were changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{ApiError, code};

/// The changed settings of a zone, as stored.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Settings(BTreeMap<String, Changed>);

#[derive(Debug, Deserialize, Serialize)]
struct Changed {
    value: Value,
    modified_at: i64,
}

/// Value of `security_header`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityHeader {
    strict_transport_security: StrictTransportSecurity,
}

/// `Strict-Transport-Security` (RFC 6797), for every hostname of the zone.
#[expect(clippy::struct_excessive_bools, reason = "the contract's own shape")]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrictTransportSecurity {
    /// Whether it is sent at all.
    pub enabled: bool,
    /// Seconds.
    pub max_age: u64,
    /// `includeSubDomains`
    pub include_subdomains: bool,
    /// `preload`
    pub preload: bool,
    /// Stored; `X-Content-Type-Options` is the origin's to send.
    pub nosniff: bool,
}

impl Settings {
    /// Reads what is stored; `None`: it cannot be read.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A setting that is a text; its default if it was never changed.
    #[must_use]
    pub fn text(&self, id: &str) -> &str {
        let changed = self.0.get(id).and_then(|changed| changed.value.as_str());
        changed.unwrap_or_else(|| default_text(id))
    }

    /// `security_header`, if it was changed.
    #[must_use]
    pub fn security_header(&self) -> Option<StrictTransportSecurity> {
        let value = self.0.get("security_header")?.value.clone();
        let header: SecurityHeader = serde_json::from_value(value).ok()?;
        Some(header.strict_transport_security)
    }

    /// A setting's value and when it was changed; its default and `None` if it never was.
    #[must_use]
    pub fn value(&self, id: &str) -> (Value, Option<i64>) {
        match self.0.get(id) {
            Some(changed) => (changed.value.clone(), Some(changed.modified_at)),
            None => (default(id), None),
        }
    }

    /// Changes a setting to a value that [`judge`] took.
    pub fn change(&mut self, id: &str, value: Value, now: i64) {
        self.0.insert(id.to_owned(), Changed { value, modified_at: now });
    }
}

/// Takes a value that the setting can have.
pub fn judge(id: &str, value: Value) -> Result<Value, ApiError> {
    let allowed: &[&str] = match id {
        "ssl" => &["flexible", "full", "strict"],
        "min_tls_version" => &["1.0", "1.1", "1.2", "1.3"],
        "security_header" => {
            return match serde_json::from_value::<SecurityHeader>(value.clone()) {
                Ok(_) => Ok(value),
                Err(error) => {
                    let message = format!("value of security_header: {error}");
                    Err(ApiError::invalid(code::JSON, "value.strict_transport_security", message))
                }
            };
        }
        _ => &["on", "off"],
    };
    if value.as_str().is_some_and(|text| allowed.contains(&text)) {
        return Ok(value);
    }
    let message = format!("value of {id} must be one of {}", allowed.join(", "));
    Err(ApiError::invalid(code::JSON, "value", message))
}

fn default(id: &str) -> Value {
    match id {
        "security_header" => json!(SecurityHeader::default()),
        id => json!(default_text(id)),
    }
}

fn default_text(id: &str) -> &'static str {
    match id {
        "ssl" => "full",
        "min_tls_version" => "1.2",
        _ => "off",
    }
}

/// Every setting that there is.
pub const IDS: [&str; 4] = ["always_use_https", "min_tls_version", "security_header", "ssl"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_are_refused() {
        for (id, value, fits) in [
            ("ssl", json!("strict"), true),
            ("ssl", json!("off"), false),
            ("always_use_https", json!("on"), true),
            ("always_use_https", json!(true), false),
            ("min_tls_version", json!(1.2), false),
            (
                "security_header",
                json!({"strict_transport_security": {"enabled": true, "max_age": 86400}}),
                true,
            ),
            (
                "security_header",
                json!({"strict_transport_security": {"enabled": true, "max_age": -1}}),
                false,
            ),
            ("security_header", json!({"strict": {}}), false),
        ] {
            assert_eq!(judge(id, value.clone()).is_ok(), fits, "{id} {value}");
        }
    }
}
