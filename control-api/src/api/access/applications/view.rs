//! An application as it is answered: what was set, as it was set, and what the server owns.

use edge_state::Hostname;
use edge_state::Key;
use edge_state::access::SigningKeyRecord;
use serde_json::{Map, Value};

use super::address::Destination;
use super::kind::Kind;
use super::saas::{self, AuthType};
use super::stored::Application;
use crate::api::ApiError;
use crate::api::access::object::{self, Context};
use crate::api::access::policies::attach;
use crate::api::access::{publish, saml_keys};
use crate::store::access::links::{self, AttachedRow};

/// What every application of an account is shown with.
pub struct Team {
    auth_domain: Hostname,
    origin: String,
    certificate: Option<String>,
}

impl Team {
    /// Reads it once for many applications.
    pub async fn of(cx: &mut Context<'_>, auth_domain: Hostname) -> Result<Self, ApiError> {
        let key = Key::SigningKeys(auth_domain.clone());
        let keys: Option<SigningKeyRecord> = publish::known(cx, &key).await?;
        let newest = keys.and_then(|keys| keys.keys.into_iter().next());
        let origin = publish::origin(cx.app, &auth_domain);
        Ok(Self { auth_domain, origin, certificate: newest.map(|key| key.certificate) })
    }
}

/// One application, with its policies.
pub async fn one(
    cx: &mut Context<'_>,
    team: &Team,
    application: &Application,
) -> Result<Map<String, Value>, ApiError> {
    let attached = links::attached(cx.tx, &application.row.id).await?;
    let certificate = match application.auth_type() {
        Some(AuthType::Saml) => {
            let keys = saml_keys::of(cx, &application.row.id).await?;
            keys.into_iter().next().map(|key| key.facts.certificate)
        }
        Some(AuthType::Oidc) => team.certificate.clone(),
        None => None,
    };
    shown(team, application, &attached, certificate.as_deref())
}

fn shown(
    team: &Team,
    application: &Application,
    attached: &[AttachedRow],
    certificate: Option<&str>,
) -> Result<Map<String, Value>, ApiError> {
    let Application { row, sent, body, owned } = application;
    let mut answer = object::shown(row)?;
    for (field, value) in body.kind.defaults() {
        answer.entry(field).or_insert(value);
    }
    answer.insert("aud".to_owned(), owned.aud.clone().into());
    answer.insert("uid".to_owned(), row.id.clone().into());
    answer.insert("name".to_owned(), body.shown_name().into());
    if let Some(domain) = domain(team, application) {
        answer.insert("domain".to_owned(), domain.into());
    }
    if body.kind.guards() {
        mirror(&mut answer, application);
    }
    if let Some(sent) = sent.object("saas_app")? {
        let added = saas::Added {
            origin: &team.origin,
            id: &row.id,
            client_id: owned.client_id.as_deref(),
            public_key: certificate,
        };
        answer.insert("saas_app".to_owned(), saas::shown(sent, &added).into());
    }
    if !attached.is_empty() || attach::is_sent(sent) {
        answer.insert("policies".to_owned(), attach::shown(attached)?.into());
    }
    Ok(answer)
}

/// `domain`: where it stands, or where people go to enter it.
#[must_use]
pub fn domain(team: &Team, application: &Application) -> Option<String> {
    let Application { row, body, .. } = application;
    match body.kind {
        Kind::Saas => {
            let auth_type = application.auth_type().unwrap_or(AuthType::Saml);
            Some(saas::endpoint(team.auth_domain.as_str(), auth_type, &row.id))
        }
        Kind::AppLauncher | Kind::Warp | Kind::Biso | Kind::DashSso => {
            Some(team.auth_domain.to_string())
        }
        Kind::Infrastructure => None,
        Kind::Bookmark | Kind::ProxyEndpoint => body.domain.clone(),
        Kind::SelfHosted | Kind::Ssh | Kind::Vnc | Kind::Rdp | Kind::Mcp | Kind::McpPortal => {
            body.shown_domain()
        }
    }
}

/// `domain`, `self_hosted_domains` and `destinations` say the same: what was not sent follows what
/// was.
fn mirror(answer: &mut Map<String, Value>, application: &Application) {
    let body = &application.body;
    let domain = body.shown_domain();
    let hosted: Vec<String> = match (&body.self_hosted_domains, &body.destinations) {
        (Some(domains), _) => domains.clone(),
        (None, Some(destinations)) => {
            destinations.iter().filter_map(Destination::public_uri).map(str::to_owned).collect()
        }
        (None, None) => domain.into_iter().collect(),
    };
    if let Some(destinations) = answer.get_mut("destinations").and_then(Value::as_array_mut) {
        for destination in destinations.iter_mut().filter_map(Value::as_object_mut) {
            destination.entry("type").or_insert("public".into());
        }
    } else {
        let public = hosted.iter().map(|uri| serde_json::json!({"type": "public", "uri": uri}));
        answer.insert("destinations".to_owned(), public.collect());
    }
    answer.entry("self_hosted_domains").or_insert(hosted.into());
}
