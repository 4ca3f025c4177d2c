//! What clients write about an application, judged by itself. What depends on other objects is
//! judged in [`super::context`].

use std::collections::BTreeMap;

use edge_state::access::application::SameSite;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::{self, Destination, Door};
use super::check::{color, duration, invalid, one_of, texts, url};
use super::cors::CorsHeaders;
use super::kind::Kind;
use super::saas::SaasApp;
use crate::api::ApiError;

/// An application as clients write it. Which fields mean something depends on `type`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationBody {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// For people; what it is or where it stands unless said.
    pub name: Option<String>,
    /// `host[/path]`; of a bookmark, a URL.
    pub domain: Option<String>,
    /// Ignored if there are `destinations`.
    pub self_hosted_domains: Option<Vec<String>>,
    /// Where it stands.
    pub destinations: Option<Vec<Destination>>,
    /// How long its tokens are good for, as Go writes it.
    pub session_duration: Option<String>,
    /// Ids of providers; none: all.
    pub allowed_idps: Option<Vec<String>>,
    /// A single provider is gone to without asking.
    pub auto_redirect_to_identity: Option<bool>,
    /// Ids of reusable policies, `{id, precedence}`, or whole policies of its own. `null` and a
    /// missing field leave them as they are.
    pub policies: Option<Vec<Value>>,
    /// Whether the App Launcher shows it.
    pub app_launcher_visible: Option<bool>,
    /// An image.
    pub logo_url: Option<String>,
    /// Names of tags that exist.
    pub tags: Option<Vec<String>>,
    /// Ids of custom pages.
    pub custom_pages: Option<Vec<String>>,
    /// One sentence for whom it refuses.
    pub custom_deny_message: Option<String>,
    /// Where they go instead.
    pub custom_deny_url: Option<String>,
    /// Where those go whom a rule refused that has nothing to do with who they are.
    pub custom_non_identity_deny_url: Option<String>,
    /// Answers to other sites' scripts.
    pub cors_headers: Option<CorsHeaders>,
    /// Preflights go to the origin. Not together with `cors_headers`.
    pub options_preflight_bypass: Option<bool>,
    /// Scripts cannot read the cookie.
    pub http_only_cookie_attribute: Option<bool>,
    /// `none`, `lax` or `strict`.
    pub same_site_cookie_attribute: Option<SameSite>,
    /// A token counts only with a second cookie beside it.
    pub enable_binding_cookie: Option<bool>,
    /// The cookie is for the application's path alone.
    pub path_cookie_attribute: Option<bool>,
    /// Kept, and of no effect.
    pub eager_redirect_cookie_setting: Option<bool>,
    /// A machine without a service token gets 401 and not a login page.
    pub service_auth_401_redirect: Option<bool>,
    /// The header in which service tokens come.
    pub read_service_tokens_from_header: Option<String>,
    /// No page in between for command-line tools.
    pub skip_interstitial: Option<bool>,
    /// Kept, and of no effect.
    pub allow_iframe: Option<bool>,
    /// Kept, and of no effect: there is no WARP here.
    pub allow_authenticate_via_warp: Option<bool>,
    /// Kept, and of no effect: there is no browser isolation here.
    pub use_clientless_isolation_app_launcher_url: Option<bool>,
    /// Kept, and of no effect.
    pub oauth_configuration: Option<serde_json::Map<String, Value>>,
    /// Only `mfa_disabled`: factors of its own are asked for by no rule yet.
    pub mfa_config: Option<MfaConfig>,
    /// Kept, and of no effect.
    pub target_criteria: Option<Vec<TargetCriterion>>,
    /// SAML or OIDC.
    pub saas_app: Option<SaasApp>,
    /// An image.
    pub app_launcher_logo_url: Option<String>,
    /// `#rrggbb`
    pub bg_color: Option<String>,
    /// `#rrggbb`
    pub header_bg_color: Option<String>,
    /// Below the App Launcher.
    pub footer_links: Option<Vec<FooterLink>>,
    /// The App Launcher before sign-in.
    pub landing_page_design: Option<LandingPageDesign>,
    /// Visitors of the App Launcher go straight to the providers.
    pub skip_app_launcher_login_page: Option<bool>,
    /// Lintel's own. `false`: nobody gets in, and no token of its counts.
    pub enabled: Option<bool>,
}

/// A link below the App Launcher.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FooterLink {
    /// For people.
    pub name: String,
    /// `http` or `https`.
    pub url: String,
}

/// The App Launcher before sign-in.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LandingPageDesign {
    /// Above.
    pub title: Option<String>,
    /// Below it.
    pub message: Option<String>,
    /// An image.
    pub image_url: Option<String>,
    /// `#rrggbb`
    pub button_color: Option<String>,
    /// `#rrggbb`
    pub button_text_color: Option<String>,
}

/// `mfa_config`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MfaConfig {
    /// Must be empty: they would not be asked for. Rules on `auth_method` weigh providers' factors.
    pub allowed_authenticators: Option<Vec<String>>,
    /// No further factor is asked for.
    pub mfa_disabled: Option<bool>,
    /// How long a factor is good for.
    pub session_duration: Option<String>,
}

/// Servers, by what is known of them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TargetCriterion {
    /// 1 to 65535.
    pub port: f64,
    /// `SSH` or `RDP`
    pub protocol: String,
    /// Attribute to its values.
    pub target_attributes: Option<BTreeMap<String, Vec<String>>>,
    /// Further conditions.
    pub include: Option<Value>,
    /// Further conditions.
    pub exclude: Option<Value>,
    /// Further conditions.
    pub require: Option<Value>,
}

impl ApplicationBody {
    /// Refuses what cannot be; answers what it guards.
    pub fn judge(&self) -> Result<Vec<Door>, ApiError> {
        self.judge_look()?;
        self.judge_gate()?;
        if let Some(saas) = &self.saas_app {
            saas.judge()?;
        } else if self.kind == Kind::Saas {
            return Err(invalid("saas_app", "is missing: write at least its auth_type"));
        }
        if let Some(config) = &self.mfa_config {
            config.judge("mfa_config")?;
        }
        for (index, criterion) in self.target_criteria.iter().flatten().enumerate() {
            criterion.judge(&format!("target_criteria[{index}]"))?;
        }
        if self.kind == Kind::Infrastructure && self.target_criteria.is_none() {
            return Err(invalid("target_criteria", "is missing"));
        }
        self.judge_address()
    }

    fn judge_address(&self) -> Result<Vec<Door>, ApiError> {
        if self.kind == Kind::Bookmark {
            let domain = self.domain.as_deref();
            url("domain", domain.map(bookmark_url).as_deref())?;
            return match domain {
                Some(_) => Ok(Vec::new()),
                None => Err(invalid("domain", "is missing: write the URL that it leads to")),
            };
        }
        if !self.kind.guards() {
            return Ok(Vec::new());
        }
        let (domains, destinations) = (&self.self_hosted_domains, &self.destinations);
        let doors =
            address::doors(self.domain.as_deref(), domains.as_deref(), destinations.as_deref())?;
        let optional = matches!(self.kind, Kind::Mcp | Kind::McpPortal);
        let nowhere = self.destinations.as_ref().is_none_or(Vec::is_empty);
        if doors.is_empty() && nowhere && !optional {
            return Err(invalid("domain", "is missing: write host[/path]"));
        }
        Ok(doors)
    }

    fn judge_look(&self) -> Result<(), ApiError> {
        texts("name", self.name.iter(), 350)?;
        texts("custom_deny_message", self.custom_deny_message.iter(), 1024)?;
        texts("tags", self.tags.iter().flatten(), 100)?;
        texts("allowed_idps", self.allowed_idps.iter().flatten(), 64)?;
        texts("custom_pages", self.custom_pages.iter().flatten(), 64)?;
        for (field, value) in [
            ("logo_url", &self.logo_url),
            ("app_launcher_logo_url", &self.app_launcher_logo_url),
            ("custom_deny_url", &self.custom_deny_url),
            ("custom_non_identity_deny_url", &self.custom_non_identity_deny_url),
        ] {
            url(field, value.as_deref())?;
        }
        color("bg_color", self.bg_color.as_deref())?;
        color("header_bg_color", self.header_bg_color.as_deref())?;
        for (index, link) in self.footer_links.iter().flatten().enumerate() {
            texts(&format!("footer_links[{index}].name"), [&link.name], 350)?;
            url(&format!("footer_links[{index}].url"), Some(&link.url))?;
        }
        let Some(design) = &self.landing_page_design else { return Ok(()) };
        texts("landing_page_design.title", design.title.iter(), 350)?;
        texts("landing_page_design.message", design.message.iter(), 4096)?;
        url("landing_page_design.image_url", design.image_url.as_deref())?;
        color("landing_page_design.button_color", design.button_color.as_deref())?;
        color("landing_page_design.button_text_color", design.button_text_color.as_deref())
    }

    fn judge_gate(&self) -> Result<(), ApiError> {
        duration("session_duration", self.session_duration.as_deref(), MAX_SESSION_SECONDS)?;
        if let Some(cors) = &self.cors_headers {
            cors.judge()?;
            if self.options_preflight_bypass == Some(true) {
                let message = "cannot be together with cors_headers: either preflights go to the \
                               origin, or they are answered here";
                return Err(invalid("options_preflight_bypass", message));
            }
        }
        let Some(header) = &self.read_service_tokens_from_header else { return Ok(()) };
        if http::HeaderName::from_bytes(header.as_bytes()).is_err() || header.len() > 128 {
            return Err(invalid("read_service_tokens_from_header", "must be the name of a header"));
        }
        Ok(())
    }

    /// What it is called.
    #[must_use]
    pub fn shown_name(&self) -> String {
        let domain = || self.shown_domain().filter(|_| self.kind.guards());
        self.name.clone().or_else(domain).unwrap_or_else(|| self.kind.title().to_owned())
    }

    /// `domain`, or the first place where the public finds it.
    #[must_use]
    pub fn shown_domain(&self) -> Option<String> {
        let public = || self.destinations.iter().flatten().find_map(Destination::public_uri);
        let hosted = || self.self_hosted_domains.iter().flatten().next().map(String::as_str);
        self.domain.as_deref().or_else(public).or_else(hosted).map(str::to_owned)
    }
}

impl MfaConfig {
    /// Refuses what would not be enforced.
    pub fn judge(&self, field: &str) -> Result<(), ApiError> {
        duration(
            &format!("{field}.session_duration"),
            self.session_duration.as_deref(),
            MAX_SESSION_SECONDS,
        )?;
        if self.allowed_authenticators.as_ref().is_some_and(|factors| !factors.is_empty()) {
            let message = "would not be enforced here: Lintel has no factors of its own yet. \
                           Require the providers' with an auth_method rule";
            return Err(invalid(&format!("{field}.allowed_authenticators"), message));
        }
        Ok(())
    }
}

impl TargetCriterion {
    fn judge(&self, field: &str) -> Result<(), ApiError> {
        one_of(&format!("{field}.protocol"), &self.protocol, &["SSH", "RDP"])?;
        if self.port.fract() == 0.0 && (1.0..=65535.0).contains(&self.port) {
            return Ok(());
        }
        Err(invalid(&format!("{field}.port"), "must be a port, 1 to 65535"))
    }
}

/// The URL that a bookmark leads to.
#[must_use]
pub fn bookmark_url(domain: &str) -> String {
    if domain.contains("://") { domain.to_owned() } else { format!("https://{domain}") }
}

/// One month.
pub const MAX_SESSION_SECONDS: u64 = 31 * 24 * 3600;
