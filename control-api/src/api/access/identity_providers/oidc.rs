//! Providers of OpenID Connect and GitHub: what the edge is told of them, and to whom their secret
//! goes.

use std::collections::BTreeSet;

use edge_state::access::identity_provider::{GithubConfig, OidcConfig};
use edge_state::seal::Sealed;
use url::{Origin, Url};

use crate::api::ApiError;
use crate::api::access::echo::Sent;
use crate::api::access::presets;

/// What the edge is told of GitHub, or of an enterprise server.
pub(super) fn github(sent: &Sent, client_secret: Sealed) -> Result<GithubConfig, ApiError> {
    let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
    let web = sent.text("config.web_url")?.map(trimmed);
    let api = match (sent.text("config.api_url")?, &web) {
        (Some(api), _) => trimmed(api),
        // An enterprise server has its API below itself.
        (None, Some(web)) => format!("{web}/api/v3"),
        (None, None) => "https://api.github.com".to_owned(),
    };
    Ok(GithubConfig {
        client_id: sent.text("config.client_id")?.unwrap_or_default().to_owned(),
        client_secret,
        web_url: web.unwrap_or_else(|| "https://github.com".to_owned()),
        api_url: api,
    })
}

/// What the edge is told of an OpenID provider; `None`: this `type` is none.
pub(super) fn oidc(
    kind: &str,
    sent: &Sent,
    client_secret: Option<Sealed>,
) -> Result<Option<OidcConfig>, ApiError> {
    let Some(mut config) = presets::find(kind, sent)? else { return Ok(None) };
    let text = |name: &str| -> Result<Option<String>, ApiError> {
        Ok(sent.text(&format!("config.{name}"))?.map(str::to_owned))
    };
    for (place, name) in [
        (&mut config.issuer, "issuer"),
        (&mut config.auth_url, "auth_url"),
        (&mut config.token_url, "token_url"),
        (&mut config.certs_url, "certs_url"),
        (&mut config.userinfo_url, "userinfo_url"),
    ] {
        if let Some(url) = text(name)? {
            *place = Some(url);
        }
    }
    config.discovery = sent.switch("config.discovery")?.unwrap_or(config.discovery);
    config.client_id = text("client_id")?.unwrap_or_default();
    config.client_secret = client_secret;
    let scopes = texts(sent, "config.scopes")?;
    if !scopes.is_empty() {
        config.scopes = scopes.into_iter().filter(|scope| scope != "openid").collect();
    }
    for claim in texts(sent, "config.claims")? {
        if !config.claims.contains(&claim) {
            config.claims.push(claim);
        }
    }
    config.email_claim_name = text("email_claim_name")?.unwrap_or(config.email_claim_name);
    config.groups_claim_name = text("groups_claim_name")?.unwrap_or(config.groups_claim_name);
    Ok(Some(config))
}

/// A list of texts, or none.
pub(super) fn texts(sent: &Sent, path: &str) -> Result<Vec<String>, ApiError> {
    let texts = sent.texts(path)?.unwrap_or_default();
    Ok(texts.into_iter().map(str::to_owned).collect())
}

/// The servers that a provider's client secret is shown to.
pub(super) fn secret_goes_to(kind: &str, sent: &Sent) -> Result<BTreeSet<String>, ApiError> {
    let mut urls = Vec::new();
    if kind == "github" {
        let web = sent.text("config.web_url")?.unwrap_or("https://github.com");
        urls.push(web.to_owned());
    } else if let Some(config) = oidc(kind, sent, None)? {
        // What is not given is found out there.
        let discovered = if config.discovery { config.issuer } else { None };
        urls.extend([discovered, config.token_url].into_iter().flatten());
    }
    let origins = urls.iter().filter_map(|url| Url::parse(url).ok()).map(|url| url.origin());
    Ok(origins.filter(Origin::is_tuple).map(|origin| origin.ascii_serialization()).collect())
}
