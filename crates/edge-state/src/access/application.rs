//! One application: `app:{id}`.

use serde::{Deserialize, Serialize};

use super::saml::SamlApplication;
use super::{Policy, enabled, is_enabled, is_false};
use crate::{Hostname, Key, Record};

/// An application at the edge, with all that decides who may open it.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the contract")]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApplicationRecord {
    /// UUID.
    pub id: String,
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// The audience of its tokens: 64 hexadecimal digits, never another.
    pub aud: String,
    /// What people read.
    pub name: String,
    /// `type` of the contract: `self_hosted`, `saas`, `bookmark`, `app_launcher`, ..
    #[serde(rename = "type")]
    pub kind: String,
    /// Off: nobody gets in, and no token of its counts.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// `domain` of the contract: `host[/path]`, a bookmark's URL, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Every public destination, as `host[/path]`: where a sign-in may return to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<String>,
    /// Providers; empty: all of the organisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_idps: Vec<String>,
    /// Absent: as the organisation says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_redirect_to_identity: Option<bool>,
    /// The application's tokens, in seconds.
    pub session_seconds: u64,
    /// By precedence.
    pub policies: Vec<Policy>,
    /// Whether the App Launcher shows it to those who may open it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub app_launcher_visible: bool,
    /// Where the App Launcher leads, if not to `https://{domain}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_url: Option<String>,
    /// An image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// For the App Launcher.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What somebody sees who may not enter.
    #[serde(default, skip_serializing_if = "Denial::is_default")]
    pub denial: Denial,
    /// The application's own cookie.
    #[serde(default)]
    pub cookie: CookieSettings,
    /// `cors_headers`: preflights are answered here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// Preflights go to the origin unjudged.
    #[serde(default, skip_serializing_if = "is_false")]
    pub options_preflight_bypass: bool,
    /// `service_auth_401_redirect`: a request without what a Service Auth policy wants gets 401.
    #[serde(default, skip_serializing_if = "is_false")]
    pub service_auth_401: bool,
    /// `read_service_tokens_from_header`: one header that holds id and secret as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_token_header: Option<String>,
    /// `skip_interstitial`
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip_interstitial: bool,
    /// What the application is told, where it speaks SAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<Box<SamlApplication>>,
    /// `saas_app`, for applications that speak OIDC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saas: Option<serde_json::Value>,
}

/// `custom_deny_*`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Denial {
    /// One sentence on the deny page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where a person goes instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where somebody goes whom a non-identity rule refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_identity_url: Option<String>,
    /// A whole page of the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

impl Denial {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The application's `CF_Authorization` cookie.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CookieSettings {
    /// `http_only_cookie_attribute`
    pub http_only: bool,
    /// `same_site_cookie_attribute`: `none`, `lax` or `strict`; absent: `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<SameSite>,
    /// `enable_binding_cookie`: tokens count only with `CF_Binding` beside them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub binding: bool,
    /// `path_cookie_attribute`: the cookie is for the application's path alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub path: bool,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self { http_only: true, same_site: None, binding: false, path: false }
    }
}

/// RFC 6265bis §4.1.2.7.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SameSite {
    /// Sent with every request.
    None,
    /// Sent with same-site requests and navigations.
    Lax,
    /// Sent with same-site requests.
    Strict,
}

/// `cors_headers`
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the contract")]
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cors {
    /// Any request header.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_all_headers: bool,
    /// Any method.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_all_methods: bool,
    /// Any origin; never together with credentials.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_all_origins: bool,
    /// Cookies may be sent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_credentials: bool,
    /// These request headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<String>,
    /// These methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_methods: Vec<String>,
    /// These origins (RFC 6454 §6.2), exactly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// Seconds for which a browser need not ask again; -1: it always asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
}

impl Record for ApplicationRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Application(self.id.clone())
    }
}
