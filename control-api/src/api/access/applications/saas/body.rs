//! `saas_app`, typed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// SAML or OIDC, as `auth_type` says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SaasApp {
    pub(super) auth_type: Option<String>,
    pub(super) sp_entity_id: Option<String>,
    pub(super) consumer_service_url: Option<String>,
    pub(super) name_id_format: Option<String>,
    pub(super) default_relay_state: Option<String>,
    pub(super) custom_attributes: Option<CustomAttributes>,
    pub(super) name_id_transform_jsonata: Option<String>,
    pub(super) saml_attribute_transform_jsonata: Option<String>,
    pub(super) sp_metadata: Option<String>,
    pub(super) sp_metadata_url: Option<String>,
    pub(super) custom_entity_id: Option<String>,
    pub(super) name_id_source: Option<AttributeSource>,
    pub(super) sp_certificates: Option<Vec<String>>,
    pub(super) single_logout_service_url: Option<String>,
    pub(super) require_signed_requests: Option<bool>,
    pub(super) sign: Option<String>,
    pub(super) encrypt: Option<String>,
    pub(super) allow_sha1: Option<bool>,
    pub(super) redirect_uris: Option<Vec<String>>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) grant_types: Option<Vec<String>>,
    pub(super) custom_claims: Option<Vec<CustomClaim>>,
    pub(super) group_filter_regex: Option<String>,
    pub(super) app_launcher_url: Option<String>,
    pub(super) access_token_lifetime: Option<String>,
    pub(super) refresh_token_options: Option<RefreshTokenOptions>,
    pub(super) allow_pkce_without_client_secret: Option<bool>,
    pub(super) hybrid_and_implicit_options: Option<HybridAndImplicitOptions>,
}

/// A list; older descriptions have a map.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum CustomAttributes {
    List(Vec<CustomAttribute>),
    Map(BTreeMap<String, CustomAttribute>),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomAttribute {
    pub(super) name: Option<String>,
    pub(super) friendly_name: Option<String>,
    pub(super) name_format: Option<String>,
    pub(super) required: Option<bool>,
    pub(super) source: Option<AttributeSource>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeSource {
    pub(super) name: Option<String>,
    pub(super) name_by_idp: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomClaim {
    pub(super) name: Option<String>,
    pub(super) required: Option<bool>,
    pub(super) scope: Option<String>,
    pub(super) source: Option<ClaimSource>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimSource {
    pub(super) name: Option<String>,
    pub(super) name_by_idp: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshTokenOptions {
    pub(super) lifetime: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HybridAndImplicitOptions {
    pub(super) return_access_token_from_authorization_endpoint: Option<bool>,
    pub(super) return_id_token_from_authorization_endpoint: Option<bool>,
}

/// The two ways in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthType {
    /// SAML 2.0.
    Saml,
    /// OpenID Connect.
    Oidc,
}

impl AuthType {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }
}

impl SaasApp {
    /// `saml` unless said.
    #[must_use]
    pub fn auth_type(&self) -> AuthType {
        if self.auth_type.as_deref() == Some("oidc") { AuthType::Oidc } else { AuthType::Saml }
    }

    /// Where a service provider's metadata is fetched.
    #[must_use]
    pub fn metadata_url(&self) -> Option<&str> {
        self.sp_metadata_url.as_deref()
    }

    /// The service provider, where it was typed.
    #[must_use]
    pub fn entity_id(&self) -> Option<&str> {
        self.sp_entity_id.as_deref()
    }

    /// Whether its signatures may rest on SHA-1.
    #[must_use]
    pub fn allows_sha1(&self) -> bool {
        self.allow_sha1 == Some(true)
    }

    /// A service provider's metadata, as it was uploaded.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.sp_metadata.as_deref()
    }
}
