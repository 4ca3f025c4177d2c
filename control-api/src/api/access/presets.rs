//! Identity providers that are OpenID providers under another name: what is fixed about each.

use edge_state::access::identity_provider::OidcConfig;

use super::echo::{Sent, invalid};
use crate::api::ApiError;

/// The provider's own part of an [`OidcConfig`]; `None`: this `type` is no OpenID provider. What the
/// client set in `config` comes on top.
pub(super) fn find(kind: &str, sent: &Sent) -> Result<Option<OidcConfig>, ApiError> {
    let config = match kind {
        "oidc" => empty(),
        "google" => google(),
        "google-apps" => google_apps(sent)?,
        "azureAD" => entra(sent)?,
        "okta" => okta(sent)?,
        "onelogin" => {
            let account = tenant(sent, "onelogin_account", ".onelogin.com")?;
            discovered(format!("{account}/oidc/2"), &["email", "profile", "groups"])
        }
        "pingone" => {
            let environment = segment(sent, "ping_env_id")?;
            let issuer = format!("https://auth.pingone.com/{environment}/as");
            discovered(issuer, &["email", "profile"])
        }
        "centrify" => {
            let account = tenant(sent, "centrify_account", ".my.centrify.com")?;
            let application = segment(sent, "centrify_app_id")?;
            discovered(format!("{account}/{application}/"), &["email", "profile"])
        }
        _ => return Ok(None),
    };
    Ok(Some(config))
}

/// Whether anybody can sign in by a provider.
pub(super) fn is_enabled(sent: &Sent) -> Result<bool, ApiError> {
    let spoken = !UNSPOKEN.contains(&sent.text("type")?.unwrap_or_default());
    Ok(spoken && sent.switch("enabled")?.unwrap_or(true))
}

/// Kept as they were sent, and never offered: these speak no OpenID Connect that we could check.
pub(super) const UNSPOKEN: [&str; 4] = ["facebook", "linkedin", "yandex", "cloudflare"];

fn empty() -> OidcConfig {
    OidcConfig {
        issuer: None,
        discovery: false,
        auth_url: None,
        token_url: None,
        certs_url: None,
        userinfo_url: None,
        client_id: String::new(),
        client_secret: None,
        scopes: texts(&["email", "profile"]),
        claims: Vec::new(),
        email_claim_name: "email".to_owned(),
        groups_claim_name: "groups".to_owned(),
        parameters: Vec::new(),
    }
}

fn discovered(issuer: String, scopes: &[&str]) -> OidcConfig {
    OidcConfig { issuer: Some(issuer), discovery: true, scopes: texts(scopes), ..empty() }
}

fn google() -> OidcConfig {
    OidcConfig {
        issuer: Some("https://accounts.google.com".to_owned()),
        auth_url: Some("https://accounts.google.com/o/oauth2/v2/auth".to_owned()),
        token_url: Some("https://oauth2.googleapis.com/token".to_owned()),
        certs_url: Some("https://www.googleapis.com/oauth2/v3/certs".to_owned()),
        userinfo_url: Some("https://openidconnect.googleapis.com/v1/userinfo".to_owned()),
        ..empty()
    }
}

/// Google Workspace: the same, for the people of one domain.
fn google_apps(sent: &Sent) -> Result<OidcConfig, ApiError> {
    let domain = required(sent, "apps_domain")?;
    let mut parameters = vec![("hd".to_owned(), domain)];
    let prompts = ["none", "consent", "select_account"];
    if let Some(prompt) = sent.one_of("config.prompt", &prompts)? {
        parameters.push(("prompt".to_owned(), prompt.to_owned()));
    }
    Ok(OidcConfig { parameters, ..google() })
}

/// Microsoft Entra ID, v2.0 endpoints of one directory.
fn entra(sent: &Sent) -> Result<OidcConfig, ApiError> {
    let directory = segment(sent, "directory_id")?;
    let base = format!("https://login.microsoftonline.com/{directory}");
    let mut config = OidcConfig {
        issuer: Some(format!("{base}/v2.0")),
        auth_url: Some(format!("{base}/oauth2/v2.0/authorize")),
        token_url: Some(format!("{base}/oauth2/v2.0/token")),
        certs_url: Some(format!("{base}/discovery/v2.0/keys")),
        userinfo_url: Some("https://graph.microsoft.com/oidc/userinfo".to_owned()),
        ..empty()
    };
    if let Some(prompt) = sent.one_of("config.prompt", &["login", "select_account", "none"])? {
        config.parameters.push(("prompt".to_owned(), prompt.to_owned()));
    }
    if sent.switch("config.conditional_access_enabled")? == Some(true) {
        // Which authentication contexts were met.
        config.claims.push("acrs".to_owned());
    }
    Ok(config)
}

fn okta(sent: &Sent) -> Result<OidcConfig, ApiError> {
    let account = tenant(sent, "okta_account", ".okta.com")?;
    // The organisation's own server has its endpoints beside the issuer, a custom one below it.
    let (issuer, base) = if sent.text("config.authorization_server_id")?.is_some() {
        let server = segment(sent, "authorization_server_id")?;
        let issuer = format!("{account}/oauth2/{server}");
        (issuer.clone(), format!("{issuer}/v1"))
    } else {
        (account.clone(), format!("{account}/oauth2/v1"))
    };
    Ok(OidcConfig {
        issuer: Some(issuer),
        auth_url: Some(format!("{base}/authorize")),
        token_url: Some(format!("{base}/token")),
        certs_url: Some(format!("{base}/keys")),
        userinfo_url: Some(format!("{base}/userinfo")),
        scopes: texts(&["email", "profile", "groups"]),
        ..empty()
    })
}

fn required(sent: &Sent, name: &str) -> Result<String, ApiError> {
    let field = format!("config.{name}");
    let text = sent.short_text(&field, 253)?.map(str::to_owned);
    text.ok_or_else(|| invalid(&field, format!("{field} is required")))
}

/// Something that becomes one segment of a path.
fn segment(sent: &Sent, name: &str) -> Result<String, ApiError> {
    let text = required(sent, name)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if text.bytes().all(fits) && !text.bytes().all(|b| b == b'.') {
        return Ok(text);
    }
    let field = format!("config.{name}");
    Err(invalid(&field, format!("{field} must be letters, digits, `-`, `.`, `_` or `~`")))
}

/// A tenant's own host, written as a URL, as a host, or as the part before the provider's domain.
fn tenant(sent: &Sent, name: &str, domain: &str) -> Result<String, ApiError> {
    let text = required(sent, name)?;
    let field = format!("config.{name}");
    let host = text.strip_prefix("https://").unwrap_or(&text).trim_end_matches('/');
    let host = if host.contains('.') { host.to_owned() } else { format!("{host}{domain}") };
    match edge_state::Hostname::parse(&host) {
        Ok(host) if !host.is_wildcard() => Ok(format!("https://{host}")),
        _ => Err(invalid(&field, format!("{field} must be a host, as https://you{domain}"))),
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, config: &str) -> Result<OidcConfig, String> {
        let sent = Sent::read(&format!(r#"{{"config":{config}}}"#)).unwrap();
        find(kind, &sent).map(Option::unwrap).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tenant_becomes_the_provider_s_urls() {
        for (kind, config, issuer) in [
            ("okta", r#"{"okta_account":"https://dev-1.okta.com/"}"#, "https://dev-1.okta.com"),
            (
                "okta",
                r#"{"okta_account":"dev-1","authorization_server_id":"aus1"}"#,
                "https://dev-1.okta.com/oauth2/aus1",
            ),
            (
                "azureAD",
                r#"{"directory_id":"c0ffee"}"#,
                "https://login.microsoftonline.com/c0ffee/v2.0",
            ),
            ("onelogin", r#"{"onelogin_account":"you"}"#, "https://you.onelogin.com/oidc/2"),
            ("pingone", r#"{"ping_env_id":"e-1"}"#, "https://auth.pingone.com/e-1/as"),
            (
                "centrify",
                r#"{"centrify_account":"https://you.my.idaptive.app","centrify_app_id":"a"}"#,
                "https://you.my.idaptive.app/a/",
            ),
            ("google-apps", r#"{"apps_domain":"you.com"}"#, "https://accounts.google.com"),
        ] {
            assert_eq!(of(kind, config).unwrap().issuer.as_deref(), Some(issuer), "{kind}");
        }
        let server = r#"{"okta_account":"dev-1","authorization_server_id":"aus1"}"#;
        let keys = of("okta", server).unwrap().certs_url.unwrap();
        assert_eq!(keys, "https://dev-1.okta.com/oauth2/aus1/v1/keys");
        let apps = of("google-apps", r#"{"apps_domain":"you.com","prompt":"consent"}"#).unwrap();
        assert_eq!(apps.parameters[0], ("hd".to_owned(), "you.com".to_owned()));
    }

    #[test]
    fn nothing_leads_to_another_host_or_path() {
        for (kind, config, field) in [
            ("okta", "{}", "config.okta_account"),
            ("okta", r#"{"okta_account":"evil.com/x"}"#, "config.okta_account"),
            ("okta", r#"{"okta_account":"a@evil.com"}"#, "config.okta_account"),
            ("azureAD", r#"{"directory_id":"../x"}"#, "config.directory_id"),
            ("azureAD", r#"{"directory_id":".."}"#, "config.directory_id"),
            ("azureAD", r#"{"directory_id":"a","prompt":"x"}"#, "config.prompt"),
            ("pingone", r#"{"ping_env_id":"a?b"}"#, "config.ping_env_id"),
        ] {
            let message = of(kind, config).unwrap_err();
            assert!(message.starts_with(field), "{kind} {config}: {message}");
        }
    }
}
