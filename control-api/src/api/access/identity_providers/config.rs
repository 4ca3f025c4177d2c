//! `config` of an identity provider, as a client writes it: every member is known, has its type, and
//! leads nowhere that we must not go.

use edge_state::Hostname;

use super::saml;
use crate::api::ApiError;
use crate::api::access::address;
use crate::api::access::echo::{Sent, invalid};
use crate::api::access::presets;
use crate::config::Config;

/// Judges it by itself.
pub(super) fn judge(config: &Config, sent: &Sent, kind: &str) -> Result<(), ApiError> {
    let operator = config;
    let config = sent.object("config")?.cloned().unwrap_or_default();
    for (name, value) in &config {
        let field = format!("config.{name}");
        let name = name.as_str();
        if TEXTS.contains(&name) {
            sent.short_text(&field, 8192)?;
        } else if URLS.contains(&name) {
            if let Some(url) = sent.text(&field)? {
                address::judge(operator, &field, url)?;
            }
        } else if SWITCHES.contains(&name) {
            sent.switch(&field)?;
        } else if LISTS.contains(&name) {
            sent.texts(&field)?;
        } else if !saml::OBJECTS.contains(&name) {
            return Err(invalid(&field, format!("{field} is not known; it was {value}")));
        }
    }
    for (index, domain) in
        sent.texts("config.email_domains")?.unwrap_or_default().iter().enumerate()
    {
        if !Hostname::parse(&domain.to_ascii_lowercase()).is_ok_and(|name| !name.is_wildcard()) {
            let field = format!("config.email_domains[{index}]");
            return Err(invalid(&field, format!("{field} must be a domain, as example.com")));
        }
    }
    let require = |name: &str| {
        let field = format!("config.{name}");
        match sent.value(&field) {
            Some(_) => Ok(()),
            None => Err(invalid(&field, format!("{field} is required"))),
        }
    };
    match kind {
        "onetimepin" | "cloudflare" => {}
        "saml" => saml::judge(sent)?,
        "oidc" => {
            require("client_id")?;
            if sent.switch("config.discovery")? == Some(true) {
                require("issuer")?;
            } else {
                for name in ["auth_url", "token_url", "certs_url"] {
                    require(name)?;
                }
            }
        }
        kind => {
            require("client_id")?;
            presets::find(kind, sent)?;
        }
    }
    Ok(())
}

const TEXTS: &[&str] = &[
    "client_id",
    "client_secret",
    "issuer_url",
    "email_attribute_name",
    "email_claim_name",
    "groups_claim_name",
    "directory_id",
    "prompt",
    "okta_account",
    "authorization_server_id",
    "apps_domain",
    "onelogin_account",
    "ping_env_id",
    "centrify_account",
    "centrify_app_id",
    "name_id_format",
    "subject_attribute_name",
    "groups_attribute_name",
];
const URLS: &[&str] = &[
    "auth_url",
    "token_url",
    "certs_url",
    "userinfo_url",
    "issuer",
    "sso_target_url",
    "web_url",
    "api_url",
    "idp_metadata_url",
    "single_logout_service_url",
];
const SWITCHES: &[&str] = &[
    "discovery",
    "pkce_enabled",
    "sign_request",
    "force_authn",
    "enable_encryption",
    "support_groups",
    "conditional_access_enabled",
    "use_login_hint",
    "restrict_to_account_members",
    "require_signed_response",
    "allow_unsigned_assertion",
    "allow_unsolicited",
    "allow_sha1",
    "allow_cbc",
];
const LISTS: &[&str] =
    &["scopes", "claims", "attributes", "idp_public_certs", "idp_metadata_certs", "email_domains"];
