//! `scim_config` of an identity provider. Provisioning itself is not spoken yet; what is set is kept
//! and answered in full, and the secret is told once.

use serde_json::{Map, Value, json};

use super::echo::{Sent, invalid};
use super::object::Context;
use super::secret::Secret;
use crate::api::ApiError;

/// Judges `scim_config`, fills in what the contract always answers, and makes the secret when it is
/// first enabled: what is answered once.
pub(super) fn judge(
    _: &Context<'_>,
    sent: &mut Sent,
    owned: &mut Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut once = Map::new();
    for read_only in ["scim_base_url", "secret"] {
        sent.take(&format!("scim_config.{read_only}"));
    }
    let Some(config) = sent.object("scim_config")?.cloned() else {
        sent.take("scim_config");
        return Ok(once);
    };
    if config.is_empty() {
        sent.take("scim_config");
        return Ok(once);
    }
    for name in config.keys() {
        if !MEMBERS.contains(&name.as_str()) {
            let field = format!("scim_config.{name}");
            return Err(invalid(&field, format!("{field} is not known")));
        }
    }
    let switch = |name: &str| -> Result<bool, ApiError> {
        Ok(sent.switch(&format!("scim_config.{name}"))?.unwrap_or(false))
    };
    let enabled = switch("enabled")?;
    let users = switch("user_deprovision")?;
    let seats = switch("seat_deprovision")?;
    if seats && !users {
        let field = "scim_config.seat_deprovision";
        return Err(invalid(field, format!("{field} needs user_deprovision")));
    }
    let behaviors = ["automatic", "reauth", "no_action"];
    let behavior = sent.one_of("scim_config.identity_update_behavior", &behaviors)?;
    let mut full = config;
    full.insert("identity_update_behavior".to_owned(), behavior.unwrap_or("no_action").into());
    for (name, value) in
        [("enabled", enabled), ("user_deprovision", users), ("seat_deprovision", seats)]
    {
        full.insert(name.to_owned(), value.into());
    }
    if enabled && !owned.contains_key(SECRET_HASH) {
        let secret = Secret::scim()?;
        owned.insert(SECRET_HASH.to_owned(), secret.hash().into());
        once.insert("scim_config".to_owned(), json!({"secret": secret.text()}));
    }
    sent.set("scim_config", full);
    Ok(once)
}

const SECRET_HASH: &str = "scim_secret_sha256";
const MEMBERS: [&str; 4] =
    ["enabled", "user_deprovision", "seat_deprovision", "identity_update_behavior"];
