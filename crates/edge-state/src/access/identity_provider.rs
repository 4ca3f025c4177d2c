//! Who says who somebody is: `idp:{id}`.

use serde::{Deserialize, Serialize};

use super::saml::SamlConfig;
use super::{enabled, is_enabled, is_false};
use crate::seal::Sealed;
use crate::{Hostname, Key, Record};

/// One identity provider at the edge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IdentityProviderRecord {
    /// UUID.
    pub id: String,
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// What people read.
    pub name: String,
    /// `type` of the contract, for logs and `get-identity`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Off: nothing that it says counts.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// Grows with every change: what was cached of the provider before is forgotten.
    pub revision: i64,
    /// The domains for whose addresses this provider speaks. None: its people are known by its own
    /// subjects alone, and no address links them with another provider's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email_domains: Vec<String>,
    /// How it is spoken with.
    pub protocol: Protocol,
}

/// How a provider is spoken with. Every `type` of the contract is one of these, with presets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// A code by mail.
    OneTimePin {},
    /// OpenID Connect.
    Oidc(Box<OidcConfig>),
    /// GitHub's OAuth2 and REST API.
    Github(GithubConfig),
    /// SAML 2.0.
    Saml(Box<SamlConfig>),
}

/// An OpenID provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OidcConfig {
    /// `iss` of its tokens, exactly. Absent: `iss` must be a URL of the same origin as `auth_url`
    /// or `token_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whether URLs that are not given come from `{issuer}/.well-known/openid-configuration`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub discovery: bool,
    /// Authorization endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_url: Option<String>,
    /// Token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// JWKS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certs_url: Option<String>,
    /// Userinfo endpoint, asked for claims that the id token lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_url: Option<String>,
    /// Ours at the provider.
    pub client_id: String,
    /// Sealed with [`sealing_context`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Sealed>,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Claims that become part of the identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// Which claim is the address.
    pub email_claim_name: String,
    /// Which claim lists the groups.
    pub groups_claim_name: String,
    /// More parameters of the authorization request: `prompt`, `hd`, ..
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<(String, String)>,
}

/// GitHub.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GithubConfig {
    /// Ours at GitHub.
    pub client_id: String,
    /// Sealed with [`sealing_context`].
    pub client_secret: Sealed,
    /// `https://github.com`, or an enterprise server.
    pub web_url: String,
    /// `https://api.github.com`, or an enterprise server's.
    pub api_url: String,
}

/// Binds a provider's client secret to its place.
#[must_use]
pub fn sealing_context(id: &str) -> String {
    format!("idp:{id}")
}

impl Record for IdentityProviderRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::IdentityProvider(self.id.clone())
    }
}
