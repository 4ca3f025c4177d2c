//! Where a provider's endpoints are: as configured, and as the provider itself says
//! (`OpenID` Connect Discovery 1.0, RFC 8414).

use edge_state::access::IdentityProviderRecord;
use edge_state::access::identity_provider::OidcConfig;
use http::Method;
use serde::Deserialize;
use url::Url;

use crate::login::identity::ProviderError;
use crate::need::{Cache, Fetch};
use crate::{Known, Need};

/// What we know of a provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoints {
    /// Exactly `iss`; `None`: of the origin of the endpoints.
    pub(crate) issuer: Option<String>,
    pub(crate) authorization: String,
    pub(crate) token: String,
    pub(crate) keys: String,
    pub(crate) userinfo: Option<String>,
    pub(crate) secret_in_body: bool,
    /// RFC 9207 §3: answers name their issuer.
    pub(crate) names_issuer: bool,
}

/// The part of the document that we read.
#[derive(Default, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Endpoints {
    /// Whether an issuer is at the same origin (RFC 6454 §4) as one of them.
    pub(crate) fn is_origin_of(&self, issuer: &str) -> bool {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
        let said = origin(issuer).filter(url::Origin::is_tuple);
        said.is_some() && [&self.authorization, &self.token].iter().any(|url| origin(url) == said)
    }
}

/// Longer documents are not read.
const MAX_BYTES: usize = 256 << 10;

/// Documents are fresh for an hour.
pub(crate) const FRESH_SECONDS: u32 = 3_600;

/// Nobody makes us ask more often.
pub(crate) const REFRESH_SECONDS: u32 = 30;

/// The endpoints. What is configured counts more than what the provider says.
pub(crate) fn endpoints(
    record: &IdentityProviderRecord,
    config: &OidcConfig,
    known: &Known,
) -> Result<Result<Endpoints, ProviderError>, Need> {
    let document = match (&config.issuer, config.discovery) {
        (Some(issuer), true) => match document(record, issuer, known)? {
            Ok(document) => Some(document),
            Err(error) => return Ok(Err(error)),
        },
        (None, true) => return Ok(Err(ProviderError::Incomplete("issuer"))),
        (_, false) => None,
    };
    Ok(combine(config, document.unwrap_or_default()))
}

fn combine(config: &OidcConfig, document: Document) -> Result<Endpoints, ProviderError> {
    let url = |configured: &Option<String>, said: Option<String>, what| {
        let url = configured.clone().or(said).ok_or(ProviderError::Incomplete(what))?;
        is_endpoint(&url).then_some(url).ok_or(ProviderError::Incomplete(what))
    };
    let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
    let supports = |name: &str| methods.iter().any(|method| method == name);
    let userinfo = config.userinfo_url.clone().or(document.userinfo_endpoint);
    Ok(Endpoints {
        issuer: config.issuer.clone(),
        authorization: url(
            &config.auth_url,
            document.authorization_endpoint,
            "authorization endpoint",
        )?,
        token: url(&config.token_url, document.token_endpoint, "token endpoint")?,
        keys: url(&config.certs_url, document.jwks_uri, "jwks_uri")?,
        userinfo: userinfo.filter(|url| is_endpoint(url)),
        // OIDC Discovery §3: without a word, client_secret_basic.
        secret_in_body: supports("client_secret_post") && !supports("client_secret_basic"),
        names_issuer: document.authorization_response_iss_parameter_supported,
    })
}

/// A URL that can be fetched; whether its host may be, the shell decides.
fn is_endpoint(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

fn document(
    record: &IdentityProviderRecord,
    issuer: &str,
    known: &Known,
) -> Result<Result<Document, ProviderError>, Need> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let url = format!("{base}/.well-known/openid-configuration");
    let fetch = get(record, "configuration", url, MAX_BYTES);
    let fetched = match known.fetch(fetch)? {
        Ok(fetched) => fetched,
        Err(why) => return Ok(Err(ProviderError::Unanswered(why.0))),
    };
    if fetched.status != 200 {
        let what = "its configuration";
        return Ok(Err(ProviderError::Status { what, status: fetched.status }));
    }
    let Ok(document) = serde_json::from_str::<Document>(&fetched.body) else {
        return Ok(Err(ProviderError::Unreadable("configuration")));
    };
    // OIDC Discovery §4.3: byte for byte, or somebody else may speak for this issuer.
    Ok(if document.issuer == issuer { Ok(document) } else { Err(ProviderError::DiscoveryIssuer) })
}

/// A public document of the provider, kept per revision of its record.
pub(crate) fn get(
    record: &IdentityProviderRecord,
    what: &str,
    url: String,
    max_bytes: usize,
) -> Fetch {
    Fetch {
        method: Method::GET,
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        body: None,
        max_bytes,
        cache: Some(Cache {
            name: format!("idp:{}:{}:{what}:{url}", record.id, record.revision),
            seconds: FRESH_SECONDS,
            refresh_seconds: REFRESH_SECONDS,
            newer_than: None,
        }),
        url,
    }
}
