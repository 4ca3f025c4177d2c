//! Our side of the code flow towards an upstream provider (OIDC Core §3.1), always with PKCE S256
//! (RFC 7636) and nonce, and with a redirect URI of its own for every provider (RFC 9700 §4.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::identity_provider::{OidcConfig, sealing_context};
use edge_state::access::session::IdentityGroup;
use edge_state::access::{Identity, IdentityProviderRecord};
use edge_state::seal::Sealed;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use url::Url;
use zeroize::Zeroizing;

use super::discovery::{self, Endpoints};
use super::id_token::{self, Expected};
use crate::claims::Claims;
use crate::encoding::component;
use crate::login::attempt::{Answer, Attempt, Browser};
use crate::login::identity::{ProviderError, Said, identity as one_identity};
use crate::need::Fetch;
use crate::visit::Visit;
use crate::{Need, encoding};

/// Longer answers are not read.
const MAX_BYTES: usize = 256 << 10;

/// Parameters that are ours alone.
const RESERVED: [&str; 9] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "scope",
];

/// The kind of provider that asks for the people of one organisation of Google's.
const GOOGLE_WORKSPACE: &str = "google-apps";

/// Where the browser goes to sign in.
pub(crate) fn authorization_url(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &OidcConfig,
    attempt: &Attempt,
    browser: &Browser,
    again: bool,
) -> Result<Result<String, ProviderError>, Need> {
    let endpoints = match discovery::endpoints(record, config, visit.known)? {
        Ok(endpoints) => endpoints,
        Err(error) => return Ok(Err(error)),
    };
    let mut scopes = vec!["openid"];
    scopes.extend(config.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
    let nonce = browser.nonce(attempt);
    let own = [("scope", scopes.join(" ")), ("nonce", nonce)];
    let more = config.parameters.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
    let more = more.map(|(name, value)| (name.as_str(), value.clone()));
    // OIDC Core §3.1.2.1: somebody who chose to be asked is asked, whatever is configured.
    let prompt = again.then(|| ("prompt", "login".to_owned()));
    let more = more.filter(|(name, _)| !(again && *name == "prompt"));
    let parameters = own.into_iter().chain(more).chain(prompt);
    let (endpoint, client_id) = (&endpoints.authorization, &config.client_id);
    Ok(code_request(visit, endpoint, client_id, attempt, browser, parameters))
}

/// An authorization request for a code (RFC 6749 §4.1.1) with PKCE.
pub(crate) fn code_request<'p>(
    visit: &Visit,
    endpoint: &str,
    client_id: &str,
    attempt: &Attempt,
    browser: &Browser,
    parameters: impl Iterator<Item = (&'p str, String)>,
) -> Result<String, ProviderError> {
    let incomplete = ProviderError::Incomplete("authorization endpoint");
    let mut url = Url::parse(endpoint).map_err(|_| incomplete)?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", &redirect_uri(visit, &attempt.provider))
        .append_pair("state", &attempt.seal(visit.home(), visit.here))
        .append_pair("code_challenge", &browser.pkce_challenge(attempt))
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(parameters);
    Ok(url.into())
}

/// Each provider answers at an address of its own.
pub(crate) fn redirect_uri(visit: &Visit, provider: &str) -> String {
    format!("{}/access/callback/{provider}", visit.origin())
}

/// Who it is that the provider's answer is about.
pub(crate) fn identity(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &OidcConfig,
    answer: &Answer,
    attempt: &Attempt,
    browser: &Browser,
) -> Result<Result<Identity, ProviderError>, Need> {
    let endpoints = match discovery::endpoints(record, config, visit.known)? {
        Ok(endpoints) => endpoints,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = check_issuer(&endpoints, answer.issuer) {
        return Ok(Err(error));
    }
    let secret = match config.client_secret.as_ref().map(|s| open_secret(visit, record, s)) {
        Some(Ok(secret)) => Some(secret),
        Some(Err(error)) => return Ok(Err(error)),
        None => None,
    };
    let redirect_uri = redirect_uri(visit, &record.id);
    let verifier = browser.pkce_verifier(attempt);
    let fetch = token_request(
        &endpoints.token,
        (&config.client_id, secret.as_ref().map(|secret| secret.as_str())),
        endpoints.secret_in_body,
        &[
            ("grant_type", "authorization_code"),
            ("code", answer.code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &verifier),
        ],
    );
    let tokens = match visit.known.fetch(fetch)? {
        Ok(fetched) => match Tokens::read(fetched.status, &fetched.body) {
            Ok(tokens) => tokens,
            Err(error) => return Ok(Err(error)),
        },
        Err(why) => return Ok(Err(ProviderError::Unanswered(why.0))),
    };
    let Some(id_token) = &tokens.id_token else { return Ok(Err(ProviderError::NoIdToken)) };
    let nonce = browser.nonce(attempt);
    let expected = Expected {
        client_id: &config.client_id,
        nonce: &nonce,
        code: answer.code,
        access_token: tokens.access_token.as_deref(),
        now: visit.now(),
    };
    let claims = id_token::verify(id_token, &expected, record, &endpoints, visit.known)?;
    let claims = match claims {
        Ok(claims) => claims,
        Err(error) => return Ok(Err(error)),
    };
    // RFC 9207 §2.4, where the issuer is known by its origin alone: both say the same.
    if answer.issuer.is_some() && answer.issuer != claims.issuer.as_deref() {
        return Ok(Err(ProviderError::AnswerIssuer));
    }
    let more = match userinfo(visit, config, &endpoints, &claims, &tokens)? {
        Ok(more) => more,
        Err(error) => return Ok(Err(error)),
    };
    Ok(said(record, config, &claims, &more).and_then(|said| one_identity(visit, record, said)))
}

/// RFC 9207 §2.4: before the code is shown to anybody.
fn check_issuer(endpoints: &Endpoints, said: Option<&str>) -> Result<(), ProviderError> {
    match (&endpoints.issuer, said) {
        (Some(issuer), Some(said)) if issuer != said => Err(ProviderError::AnswerIssuer),
        (None, Some(said)) if !endpoints.is_origin_of(said) => Err(ProviderError::AnswerIssuer),
        (_, None) if endpoints.names_issuer => Err(ProviderError::NoAnswerIssuer),
        _ => Ok(()),
    }
}

/// A client secret, opened for this provider alone.
pub(crate) fn open_secret(
    visit: &Visit,
    record: &IdentityProviderRecord,
    sealed: &Sealed,
) -> Result<Zeroizing<String>, ProviderError> {
    let plain = visit.here.keys.open(sealed, &sealing_context(&record.id));
    let plain = plain.map_err(|_| ProviderError::Secret)?;
    let text = std::str::from_utf8(&plain).map_err(|_| ProviderError::Secret)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// RFC 6749 §2.3.1, §4.1.3.
pub(crate) fn token_request(
    endpoint: &str,
    (client_id, secret): (&str, Option<&str>),
    secret_in_body: bool,
    parameters: &[(&str, &str)],
) -> Fetch {
    let mut parameters = parameters.to_vec();
    let mut headers = vec![
        ("accept".to_owned(), "application/json".to_owned()),
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
    ];
    match secret {
        Some(secret) if !secret_in_body => {
            let pair = format!("{}:{}", component(client_id), component(secret));
            headers.push(("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair))));
        }
        Some(secret) => {
            parameters.extend([("client_id", client_id), ("client_secret", secret)]);
        }
        None => parameters.push(("client_id", client_id)),
    }
    Fetch {
        method: Method::POST,
        url: endpoint.to_owned(),
        headers,
        body: Some(encoding::query(parameters)),
        max_bytes: MAX_BYTES,
        cache: None,
    }
}

/// What the token endpoint answered.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    #[serde(default)]
    pub(crate) id_token: Option<String>,
    #[serde(default)]
    pub(crate) access_token: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

impl Tokens {
    pub(crate) fn read(status: u16, body: &str) -> Result<Self, ProviderError> {
        let tokens = serde_json::from_str::<Self>(body);
        match (status, tokens) {
            // GitHub refuses with 200.
            (_, Ok(Self { error: Some(error), error_description, .. })) => {
                let description = error_description.unwrap_or_default();
                Err(ProviderError::CodeRefused(format!("{error} {description}")))
            }
            (200, Ok(tokens)) => Ok(tokens),
            (200, Err(_)) => Err(ProviderError::Unreadable("token response")),
            (status, _) => Err(ProviderError::Status { what: "the code", status }),
        }
    }

    /// The access token, if it is one that is shown as it is (RFC 6750).
    pub(crate) fn bearer(&self) -> Option<&str> {
        let kind = self.token_type.as_deref().unwrap_or("Bearer");
        let visible = |token: &&str| token.bytes().all(|b| (0x21..0x7F).contains(&b));
        self.access_token.as_deref().filter(|_| kind.eq_ignore_ascii_case("bearer")).filter(visible)
    }
}

/// A GET that shows an access token.
pub(crate) fn bearer_request(url: String, token: &str, accept: &str) -> Fetch {
    Fetch {
        method: Method::GET,
        url,
        headers: vec![
            ("accept".to_owned(), accept.to_owned()),
            ("authorization".to_owned(), format!("Bearer {token}")),
            ("user-agent".to_owned(), "Lintel".to_owned()),
        ],
        body: None,
        max_bytes: MAX_BYTES,
        cache: None,
    }
}

/// The claims that the id token lacks (OIDC Core §5.3). An endpoint that is there has to answer:
/// without groups, a rule that excludes one would let people in.
fn userinfo(
    visit: &Visit,
    config: &OidcConfig,
    endpoints: &Endpoints,
    claims: &Claims,
    tokens: &Tokens,
) -> Result<Result<Map<String, Value>, ProviderError>, Need> {
    let named = [config.email_claim_name.as_str(), config.groups_claim_name.as_str(), "name"];
    let mut wanted = named.into_iter().chain(config.claims.iter().map(String::as_str));
    let complete = wanted.all(|claim| claims.others.contains_key(claim));
    let (Some(url), Some(token), false) = (&endpoints.userinfo, tokens.bearer(), complete) else {
        return Ok(Ok(Map::new()));
    };
    let fetch = bearer_request(url.clone(), token, "application/json");
    let fetched = match visit.known.fetch(fetch)? {
        Ok(fetched) => fetched,
        Err(why) => return Ok(Err(ProviderError::Unanswered(why.0))),
    };
    if fetched.status != 200 {
        let status = fetched.status;
        return Ok(Err(ProviderError::Status { what: "userinfo", status }));
    }
    let parsed = serde_json::from_str::<Map<String, Value>>(&fetched.body);
    let Ok(more) = parsed else { return Ok(Err(ProviderError::Unreadable("userinfo"))) };
    let subject = more.get("sub").and_then(Value::as_str).unwrap_or_default();
    let same = subject.as_bytes().ct_eq(claims.subject.as_deref().unwrap_or_default().as_bytes());
    if subject.is_empty() || !bool::from(same) {
        return Ok(Err(ProviderError::UserinfoSubject)); // OIDC Core §5.3.2
    }
    Ok(Ok(more))
}

fn said(
    record: &IdentityProviderRecord,
    config: &OidcConfig,
    claims: &Claims,
    more: &Map<String, Value>,
) -> Result<Said, ProviderError> {
    let find = |name: &str| claims.others.get(name).or_else(|| more.get(name));
    let text = |name: &str| find(name).and_then(Value::as_str);
    let email = text(&config.email_claim_name).ok_or(ProviderError::NoEmail)?;
    let verified = match find("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(verified)) => verified == "true", // Some providers quote it.
        Some(_) => false,
        None => true, // Nothing is said: the operator trusts the provider, or would not state domains.
    };
    if config.email_claim_name == "email" && !verified {
        return Err(ProviderError::UnverifiedEmail);
    }
    // Whoever reads a company's mail can make themselves an account at Google with their address,
    // and keeps it when they leave: `hd` says whose accounts are the company's.
    if record.kind == GOOGLE_WORKSPACE {
        let domain = claims.text("hd").unwrap_or_default();
        if !record.email_domains.iter().any(|own| own.eq_ignore_ascii_case(domain)) {
            return Err(ProviderError::ForeignAccount);
        }
    }
    let kept = config.claims.iter().filter_map(|name| {
        let value = match name.as_str() {
            "sub" => Value::from(claims.subject.clone()?),
            name => find(name)?.clone(),
        };
        Some((name.clone(), value))
    });
    Ok(Said {
        subject: claims.subject.clone().unwrap_or_default(),
        email: email.to_owned(),
        name: text("name").map(str::to_owned),
        groups: find(&config.groups_claim_name)
            .map(|g| groups(&record.kind, g))
            .unwrap_or_default(),
        claims: kept.collect(),
        // How somebody signed in stands in what is signed, or nowhere.
        amr: claims.others.get("amr").map(texts).unwrap_or_default(),
        acr: claims.text("acr").map(str::to_owned),
        authenticated_at: claims.others.get("auth_time").and_then(Value::as_i64),
    })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Groups, as texts or as objects. A text is what this kind of provider names groups by.
fn groups(kind: &str, value: &Value) -> Vec<IdentityGroup> {
    let of_text = |text: &str| {
        let text = Some(text.to_owned());
        match kind {
            "azureAD" => IdentityGroup { id: text, ..IdentityGroup::default() },
            "google" | "google-apps" => IdentityGroup { email: text, ..IdentityGroup::default() },
            _ => IdentityGroup { name: text, ..IdentityGroup::default() },
        }
    };
    let one = |value: &Value| match value {
        Value::String(text) => Some(of_text(text)),
        Value::Object(_) => serde_json::from_value(value.clone()).ok(),
        _ => None,
    };
    match value {
        Value::Array(many) => many.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}
