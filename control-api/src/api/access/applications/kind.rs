//! Types of applications, and which fields mean something for which.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::check::invalid;
use crate::api::ApiError;
use crate::api::access::echo::Fields;

/// `type`
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Before an origin of one's own.
    SelfHosted,
    /// Somebody else's, entered by SAML or OIDC.
    Saas,
    /// A link in the App Launcher.
    Bookmark,
    /// The App Launcher itself.
    AppLauncher,
    /// As `self_hosted`: there is no terminal in the browser.
    Ssh,
    /// As `ssh`.
    Vnc,
    /// As `ssh`.
    Rdp,
    /// As `self_hosted`.
    Mcp,
    /// As `self_hosted`.
    McpPortal,
    /// Kept, and of no effect: servers reached without a browser.
    Infrastructure,
    /// Kept, and of no effect: who may enrol devices.
    Warp,
    /// Kept, and of no effect: who may use browser isolation.
    Biso,
    /// Kept, and of no effect: sign-in to a dashboard.
    DashSso,
    /// Kept, and of no effect: a proxy's endpoint.
    ProxyEndpoint,
}

impl Kind {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SelfHosted => "self_hosted",
            Self::Saas => "saas",
            Self::Bookmark => "bookmark",
            Self::AppLauncher => "app_launcher",
            Self::Ssh => "ssh",
            Self::Vnc => "vnc",
            Self::Rdp => "rdp",
            Self::Mcp => "mcp",
            Self::McpPortal => "mcp_portal",
            Self::Infrastructure => "infrastructure",
            Self::Warp => "warp",
            Self::Biso => "biso",
            Self::DashSso => "dash_sso",
            Self::ProxyEndpoint => "proxy_endpoint",
        }
    }

    /// What it is called if nobody says.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::SelfHosted => "Application",
            Self::Saas => "SaaS application",
            Self::Bookmark => "Bookmark",
            Self::AppLauncher => "App Launcher",
            Self::Ssh => "SSH",
            Self::Vnc => "VNC",
            Self::Rdp => "RDP",
            Self::Mcp => "MCP server",
            Self::McpPortal => "MCP server portal",
            Self::Infrastructure => "Infrastructure",
            Self::Warp => "Device enrolment",
            Self::Biso => "Browser isolation",
            Self::DashSso => "Dashboard SSO",
            Self::ProxyEndpoint => "Proxy endpoint",
        }
    }

    /// Whether it stands before hostnames. What is kept with a hostname guards it, whatever else of
    /// its type there is not here: a name that somebody believes to be protected is.
    #[must_use]
    pub fn guards(self) -> bool {
        self.is(SELF_HOSTED)
    }

    /// Whether an account has one of it at most.
    #[must_use]
    pub fn is_single(self) -> bool {
        matches!(self, Self::AppLauncher | Self::Warp | Self::Biso)
    }

    /// Whether somebody signs in to it.
    #[must_use]
    pub fn has_session(self) -> bool {
        !matches!(self, Self::Bookmark | Self::Infrastructure)
    }

    /// Whether the App Launcher may show it.
    #[must_use]
    pub fn is_launched(self) -> bool {
        self.is(LAUNCHED)
    }

    fn is(self, kinds: &[Self]) -> bool {
        kinds.contains(&self)
    }

    /// The defaults of the contract: answered even if nobody wrote them.
    pub fn defaults(self) -> impl Iterator<Item = (&'static str, Value)> {
        let http_only = self.guards().then_some(("http_only_cookie_attribute", Value::Bool(true)));
        let visible = self.is_launched().then_some(("app_launcher_visible", Value::Bool(true)));
        let session = self.has_session().then(|| ("session_duration", DEFAULT_SESSION.into()));
        let launcher = self.is(&[Self::AppLauncher]);
        let skip = launcher.then_some(("skip_app_launcher_login_page", Value::Bool(false)));
        [http_only, visible, session, skip].into_iter().flatten()
    }

    /// The fields that mean nothing for this type, to be passed over: clients send one form for all
    /// types. One that says something is refused, or somebody would count on it.
    pub fn foreign(self, sent: &Map<String, Value>) -> Result<Vec<&'static str>, ApiError> {
        let mut foreign = Vec::new();
        for (field, _) in OWN.iter().filter(|(_, kinds)| !kinds.contains(&self)) {
            match sent.get(*field) {
                None => {}
                Some(value) if says_nothing(field, value) => foreign.push(*field),
                Some(_) => {
                    let message = format!("means nothing for applications of type {}", self.name());
                    return Err(invalid(field, &message));
                }
            }
        }
        Ok(foreign)
    }
}

/// What tools send for every type alike.
fn says_nothing(field: &str, value: &Value) -> bool {
    let sent_always = [
        "domain",
        "self_hosted_domains",
        "destinations",
        "session_duration",
        "app_launcher_visible",
        "http_only_cookie_attribute",
    ];
    *value == Value::Bool(false)
        || value.as_array().is_some_and(Vec::is_empty)
        || sent_always.contains(&field)
}

use Kind::{
    AppLauncher, Biso, Bookmark, DashSso, Infrastructure, Mcp, McpPortal, ProxyEndpoint, Rdp, Saas,
    SelfHosted, Ssh, Vnc, Warp,
};

const SELF_HOSTED: &[Kind] = &[SelfHosted, Ssh, Vnc, Rdp, Mcp, McpPortal];
const LAUNCHED: &[Kind] = &[SelfHosted, Ssh, Vnc, Rdp, Saas, Bookmark];
const SIGN_IN: &[Kind] = &[
    SelfHosted,
    Ssh,
    Vnc,
    Rdp,
    Mcp,
    McpPortal,
    Saas,
    AppLauncher,
    Warp,
    Biso,
    DashSso,
    ProxyEndpoint,
];
const SHOWN: &[Kind] = &[SelfHosted, Ssh, Vnc, Rdp, Mcp, McpPortal, Saas, Bookmark, DashSso];

/// The fields that mean something for some types alone, and for which.
const OWN: &[(&str, &[Kind])] = &[
    ("domain", &[SelfHosted, Ssh, Vnc, Rdp, McpPortal, Mcp, Bookmark, ProxyEndpoint]),
    ("self_hosted_domains", SELF_HOSTED),
    ("destinations", SELF_HOSTED),
    ("session_duration", SIGN_IN),
    ("allowed_idps", SIGN_IN),
    ("auto_redirect_to_identity", SIGN_IN),
    ("custom_deny_message", SIGN_IN),
    ("custom_deny_url", SIGN_IN),
    ("custom_non_identity_deny_url", SIGN_IN),
    ("custom_pages", SIGN_IN),
    ("app_launcher_visible", LAUNCHED),
    ("logo_url", SHOWN),
    ("tags", SHOWN),
    ("http_only_cookie_attribute", SELF_HOSTED),
    ("same_site_cookie_attribute", SELF_HOSTED),
    ("enable_binding_cookie", SELF_HOSTED),
    ("path_cookie_attribute", SELF_HOSTED),
    ("eager_redirect_cookie_setting", SELF_HOSTED),
    ("cors_headers", SELF_HOSTED),
    ("options_preflight_bypass", SELF_HOSTED),
    ("service_auth_401_redirect", SELF_HOSTED),
    ("read_service_tokens_from_header", SELF_HOSTED),
    ("skip_interstitial", SELF_HOSTED),
    ("allow_iframe", SELF_HOSTED),
    ("allow_authenticate_via_warp", SIGN_IN),
    ("use_clientless_isolation_app_launcher_url", SELF_HOSTED),
    ("oauth_configuration", SELF_HOSTED),
    ("mfa_config", &[SelfHosted, Ssh, Vnc, Rdp, Mcp, McpPortal, Infrastructure]),
    ("target_criteria", &[Rdp, Infrastructure]),
    ("saas_app", &[Saas]),
    ("app_launcher_logo_url", &[AppLauncher]),
    ("bg_color", &[AppLauncher]),
    ("header_bg_color", &[AppLauncher]),
    ("footer_links", &[AppLauncher]),
    ("landing_page_design", &[AppLauncher]),
    ("skip_app_launcher_login_page", &[AppLauncher]),
];

/// The fields of an application.
pub const FIELDS: Fields = Fields {
    required: &["type"],
    optional: &[
        "name",
        "enabled",
        "domain",
        "self_hosted_domains",
        "destinations",
        "session_duration",
        "allowed_idps",
        "auto_redirect_to_identity",
        "custom_deny_message",
        "custom_deny_url",
        "custom_non_identity_deny_url",
        "custom_pages",
        "app_launcher_visible",
        "logo_url",
        "tags",
        "http_only_cookie_attribute",
        "same_site_cookie_attribute",
        "enable_binding_cookie",
        "path_cookie_attribute",
        "eager_redirect_cookie_setting",
        "cors_headers",
        "options_preflight_bypass",
        "service_auth_401_redirect",
        "read_service_tokens_from_header",
        "skip_interstitial",
        "allow_iframe",
        "allow_authenticate_via_warp",
        "use_clientless_isolation_app_launcher_url",
        "oauth_configuration",
        "mfa_config",
        "target_criteria",
        "saas_app",
        "app_launcher_logo_url",
        "bg_color",
        "header_bg_color",
        "footer_links",
        "landing_page_design",
        "skip_app_launcher_login_page",
    ],
    read_only: &["id", "uid", "aud", "created_at", "updated_at", "private_address"],
    // Policies of its own have rules, in which empty objects mean something.
    rules: &["policies"],
    zero_is_unset: &[],
};

/// In the description.
pub const TAG: &str = "access applications";
/// A session's length if nobody says.
pub const DEFAULT_SESSION: &str = "24h";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_type_does_not_know_is_passed_over_only_if_it_says_nothing() {
        let body = json!({"name": "n", "session_duration": "1h", "skip_interstitial": false,
            "allowed_idps": [], "http_only_cookie_attribute": true, "domain": "a.com"});
        let body = body.as_object().unwrap();
        let passed_over =
            ["session_duration", "allowed_idps", "http_only_cookie_attribute", "skip_interstitial"];
        assert_eq!(Bookmark.foreign(body).unwrap(), passed_over);
        assert!(SelfHosted.foreign(body).unwrap().is_empty());
        let cors = json!({"cors_headers": {"max_age": 1}});
        let error = Saas.foreign(cors.as_object().unwrap()).unwrap_err().to_string();
        assert!(error.contains("cors_headers means nothing") && error.contains("saas"), "{error}");
    }

    #[test]
    fn every_field_of_a_type_is_a_field() {
        for (field, _) in OWN {
            assert!(FIELDS.optional.contains(field), "{field}");
        }
    }

    #[test]
    fn each_type_has_the_defaults_of_the_contract() {
        let names = |kind: Kind| kind.defaults().map(|(name, _)| name).collect::<Vec<_>>();
        let self_hosted =
            ["http_only_cookie_attribute", "app_launcher_visible", "session_duration"];
        assert_eq!(names(SelfHosted), self_hosted);
        assert_eq!(names(Mcp), ["http_only_cookie_attribute", "session_duration"]);
        assert_eq!(names(Saas), ["app_launcher_visible", "session_duration"]);
        assert_eq!(names(Bookmark), ["app_launcher_visible"]);
        assert_eq!(names(AppLauncher), ["session_duration", "skip_app_launcher_login_page"]);
        assert!(names(Infrastructure).is_empty());
    }

    #[test]
    fn names_are_those_of_json() {
        for (_, kinds) in OWN {
            for kind in *kinds {
                assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            }
        }
    }
}
