//! The team domain: `org:{auth_domain}`.

use serde::{Deserialize, Serialize};

use super::{enabled, is_enabled, is_false};
use crate::{Hostname, Key, Record};

/// One organisation at the edge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OrganizationRecord {
    /// Whose it is: 32 hexadecimal digits.
    pub account_id: String,
    /// The team domain, where people sign in.
    pub auth_domain: Hostname,
    /// What people read.
    pub name: String,
    /// Off: nobody signs in and no token counts.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// The global session, in seconds.
    pub session_seconds: u64,
    /// A single provider is gone to without asking, unless the application says otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auto_redirect_to_identity: bool,
    /// `strict_service_token_auth`: a service token that is sent decides alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict_service_token_auth: bool,
    /// How our own pages look.
    #[serde(default)]
    pub login_design: LoginDesign,
    /// All providers, in the order in which they are offered; each has an
    /// [`super::IdentityProviderRecord`] of its own.
    pub identity_providers: Vec<ProviderSummary>,
    /// The App Launcher's own application, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// Names of headers that origins get from SAML attributes, of whichever provider: no visitor may
    /// send them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin_headers: Vec<String>,
    /// The applications that the App Launcher may show, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// `custom_pages.identity_denied` and `.forbidden`: HTML of the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_denied_html: Option<String>,
    /// As above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden_html: Option<String>,
}

/// What a login page must know of a provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProviderSummary {
    /// UUID.
    pub id: String,
    /// What people read.
    pub name: String,
    /// `type` of the contract.
    pub kind: String,
    /// Off: it is not offered, and nothing that it says counts.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
}

/// `login_design`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LoginDesign {
    /// CSS colour, `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_color: Option<String>,
    /// CSS colour, `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_color: Option<String>,
    /// URL of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_path: Option<String>,
    /// Above the providers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_text: Option<String>,
    /// Below them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer_text: Option<String>,
}

/// The application of type `app_launcher`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Launcher {
    /// Its [`super::ApplicationRecord`]: who may see the App Launcher at all.
    pub application_id: String,
    /// `app_launcher_logo_url`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// `bg_color`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_color: Option<String>,
    /// `header_bg_color`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_background_color: Option<String>,
    /// `footer_links`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub footer_links: Vec<FooterLink>,
    /// `landing_page_design.title`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `landing_page_design.message`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `skip_app_launcher_login_page`: visitors go straight to the providers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip_login_page: bool,
}

/// A link below the App Launcher.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FooterLink {
    /// What people read.
    pub name: String,
    /// `http` or `https`.
    pub url: String,
}

impl Record for OrganizationRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Organization(self.auth_domain.clone())
    }
}
