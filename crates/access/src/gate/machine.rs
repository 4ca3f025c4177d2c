//! Machines: service tokens, and tokens of other applications.

use std::fmt::Write as _;

use edge_state::access::policy::Rule;
use edge_state::access::{Policy, ServiceTokenRecord};
use edge_state::key::is_client_id;
use http::header;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::Case;
use crate::admission::{Entrance, admit};
use crate::{Need, cookie, session, token};

/// What a request shows of a machine.
pub(super) enum Machine<'a> {
    /// Nothing.
    Absent,
    /// A service token with the right secret.
    Proven(&'a ServiceTokenRecord),
    /// One that does not count, and why.
    Refused(String),
}

impl<'a> Machine<'a> {
    pub(super) fn was_sent(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    pub(super) fn record(&self) -> Option<&'a ServiceTokenRecord> {
        match self {
            Self::Proven(record) => Some(record),
            _ => None,
        }
    }

    pub(super) fn refused(&self) -> Option<&str> {
        match self {
            Self::Refused(why) => Some(why),
            _ => None,
        }
    }
}

/// Longer values are no service token.
const MAX_HEADER_BYTES: usize = 4096;

/// Applications whose tokens policies may refer to.
const MAX_LINKED: usize = 16;

impl<'a> Case<'a> {
    /// The service token that the request shows.
    pub(super) fn machine(&self) -> Result<Machine<'a>, Need> {
        let Some((client_id, secret)) = self.service_token() else { return Ok(Machine::Absent) };
        if !is_client_id(&client_id) {
            return Ok(Machine::Refused("the client id is not one of a service token".to_owned()));
        }
        let entrance = Entrance { service_token: Some(&client_id), ..self.entrance() };
        let record = match admit(&entrance, self.known)? {
            Ok(admitted) => admitted.service_token,
            Err(refused) => return Ok(Machine::Refused(refused.to_string())),
        };
        Ok(match record {
            Some(record) if is_secret(record, &secret, self.here.now()) => Machine::Proven(record),
            _ => Machine::Refused("the service token's secret is wrong".to_owned()),
        })
    }

    /// Client id and secret, as two headers, or as JSON in the one that the application names.
    fn service_token(&self) -> Option<(String, String)> {
        let text = |name: &str| {
            let mut values = self.request.headers.get_all(name).iter();
            let first = values.next().map(|value| value.to_str().unwrap_or_default().to_owned());
            first.filter(|_| values.next().is_none())
        };
        let (id, secret) = (text("cf-access-client-id"), text("cf-access-client-secret"));
        if id.is_some() || secret.is_some() {
            return Some((id.unwrap_or_default(), secret.unwrap_or_default()));
        }
        let value = text(self.application.service_token_header.as_deref()?)?;
        read_pair(&value)
    }

    /// The header that holds a secret of ours, if the request has it: no origin may learn it.
    pub(super) fn secret_header(&self) -> Option<String> {
        let name = self.application.service_token_header.as_ref()?.to_ascii_lowercase();
        let mut values = self.request.headers.get_all(&name).iter();
        let holds = values.any(|value| value.to_str().is_ok_and(|v| read_pair(v).is_some()));
        holds.then_some(name)
    }

    /// The applications that policies refer to and whose token the request shows, as
    /// `Authorization: Bearer` or `Cf-Access-Token`.
    pub(super) fn linked_applications(&self) -> Result<Vec<String>, Need> {
        let mut linked = Vec::new();
        let wanted = linked_by(&self.application.policies);
        let shown = if wanted.is_empty() { Vec::new() } else { self.bearer_tokens() };
        for (id, text) in wanted.iter().flat_map(|id| shown.iter().map(move |text| (*id, text))) {
            let Some(application) = self.known.records.application(id)? else { continue };
            if application.auth_domain != self.application.auth_domain {
                continue;
            }
            let verified = token::verify_application(text, application, self.known, self.here)?;
            let Ok(verified) = verified else { continue };
            let live = match &verified.nonce {
                Some(nonce) => {
                    let live = session::live(nonce, self.organization, self.known, self.here)?;
                    live.filter(|live| live.identity.user_id == verified.user_id)
                }
                None => None,
            };
            if verified.nonce.is_some() && live.is_none() {
                continue;
            }
            let entrance = Entrance {
                auth_domain: &application.auth_domain,
                application: Some(id),
                provider: live.as_ref().map(|live| live.identity.idp.id.as_str()),
                user: live.as_ref().map(|live| live.identity.user_id.as_str()),
                issued_at: Some(verified.issued_at),
                service_token: verified.common_name.as_deref().filter(|name| is_client_id(name)),
                now: self.here.now(),
            };
            if admit(&entrance, self.known)?.is_ok() {
                linked.push(id.to_owned());
            }
        }
        Ok(linked)
    }

    fn bearer_tokens(&self) -> Vec<String> {
        let headers = self.request.headers;
        let bearer = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let own = headers.get_all("cf-access-token").iter().filter_map(|v| v.to_str().ok());
        bearer.chain(own).take(2).map(str::to_owned).collect()
    }

    /// Tokens of this application: of cloudflared, then of browsers.
    pub(super) fn own_tokens(&self) -> Vec<String> {
        let own = self.request.headers.get("cf-access-token").and_then(|v| v.to_str().ok());
        let cookies = cookie::find(self.request.headers, cookie::AUTHORIZATION);
        own.map(str::to_owned).into_iter().chain(cookies).collect()
    }
}

fn linked_by(policies: &[Policy]) -> Vec<&str> {
    let rules = policies.iter().flat_map(|p| p.include.iter().chain(&p.require).chain(&p.exclude));
    let mut ids = Vec::new();
    for rule in rules {
        if let Rule::LinkedAppToken { app_uid } = rule
            && !ids.contains(&app_uid.as_str())
        {
            ids.push(app_uid.as_str());
        }
    }
    ids.truncate(MAX_LINKED);
    ids
}

/// `{"cf-access-client-id": …, "cf-access-client-secret": …}`
fn read_pair(value: &str) -> Option<(String, String)> {
    if value.len() > MAX_HEADER_BYTES {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(value).ok()?;
    let find = |wanted: &str| {
        let (_, value) = object.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        value.as_str().map(str::to_owned)
    };
    Some((find("cf-access-client-id")?, find("cf-access-client-secret")?))
}

/// All of them are compared, each in constant time: secrets are random and long, so their hash is
/// all that there is to keep.
fn is_secret(record: &ServiceTokenRecord, secret: &str, now: i64) -> bool {
    let digest = Sha256::digest(secret);
    let mut hash = String::new();
    for byte in digest {
        let _ = write!(hash, "{byte:02x}");
    }
    let valid = record.secrets.iter().filter(|one| one.expires_at.is_none_or(|end| now < end));
    let right = valid
        .fold(Choice::from(0), |right, one| right | one.sha256.as_bytes().ct_eq(hash.as_bytes()));
    right.into()
}
