//! Requests that wait until somebody has signed in: sealed, in cookies of their browser. Each has
//! cookies of its own, so that any tab may be the first; together they are bounded, and the oldest
//! goes first.

use edge_state::access::application::SameSite;
use http::HeaderMap;
use saml::authn_request::{
    AuthnRequest, Comparison, ConsumerService, NameIdPolicy, RequestedAuthnContext,
};
use saml::identity_provider::{Accepted, RequestError};
use saml::name_id::NameId;
use saml::peer::ServiceProviderPeer;
use saml::replay::Once;
use saml::response::Status;
use saml::signature::SignatureError;
use serde::{Deserialize, Serialize};

use crate::cookie::{self, SetCookie};
use crate::handover::{open_value, seal_value};
use crate::redirect::sso_path;
use crate::saml::party::{Party, hex, seconds, since_1970};
use crate::saml::pieces;

/// What is needed of a request to answer it later.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// Its `ID`.
    id: String,
    /// Seconds since 1970, when it came.
    pub(crate) at: i64,
    /// The registered endpoint that it names.
    consumer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay_state: Option<String>,
    /// Whether it was signed.
    #[serde(skip_serializing_if = "is_false")]
    signed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) force: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) passive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<(String, Option<String>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<(u8, Vec<String>)>,
    /// By which it counts once.
    key: String,
    /// Seconds since 1970: until when it would be taken again.
    until: i64,
    /// Somebody was asked to sign in anew; and which session there was before, by [`hex`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<String>,
}

/// A request, and what was kept of it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'k> {
    pub(crate) kept: &'k Kept,
    pub(crate) accepted: &'k Accepted,
}

impl Asked<'_> {
    /// What the application is told in place of a page: `IsPassive` shows the person nothing.
    pub(crate) fn denied(&self) -> Option<Status> {
        let denied = || Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
        self.kept.passive.then(denied)
    }
}

/// `NameIDPolicy`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Policy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    qualifier: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    create: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Somebody may take so long to sign in, in seconds.
pub(crate) const LIFETIME: i64 = 60 * 60;

/// Begins the name of every cookie here.
const PREFIX: &str = "__Secure-CF_Saml_";

/// More of one application do not wait in one browser.
const MAX_KEPT: usize = 32;

/// Names and values together: a quarter of what the edge reads of a request's head (32 KiB), in which
/// attempts at providers (`saml_provider::resting`), a logout under way and sessions stand as well.
const MAX_BYTES: usize = 8 << 10;

const COMPARISONS: [Comparison; 4] =
    [Comparison::Exact, Comparison::Minimum, Comparison::Maximum, Comparison::Better];

impl Kept {
    pub(crate) fn of(accepted: &Accepted, now: i64) -> Self {
        let request = &accepted.request;
        let context = request.requested_authn_context.as_ref().map(|context| {
            let at = COMPARISONS.iter().position(|known| *known == context.comparison);
            (u8::try_from(at.unwrap_or(0)).unwrap_or(0), context.classes.clone())
        });
        Self {
            id: request.id.clone(),
            at: now,
            consumer: accepted.target.location().to_owned(),
            relay_state: accepted.target.relay_state().map(str::to_owned),
            signed: accepted.signed,
            force: request.force_authn,
            passive: request.is_passive,
            binding: request.protocol_binding.clone(),
            policy: request.name_id_policy.as_ref().map(|policy| Policy {
                format: policy.format.clone(),
                qualifier: policy.sp_name_qualifier.clone(),
                create: policy.allow_create,
            }),
            subject: request.subject.as_ref().map(|s| (s.value.clone(), s.format.clone())),
            context,
            key: accepted.once.key.clone(),
            // It may be received a second time as long as it is good, and then waits once more; and
            // whoever kept a copy of the cookie is refused as well.
            until: since_1970(accepted.once.until).max(now).saturating_add(LIFETIME + 1),
            asked: None,
        }
    }

    /// The same, once the person of the session `before` was asked to sign in anew.
    pub(crate) fn sent_to_sign_in(&self, before: String) -> Self {
        Self { asked: Some(before), ..self.clone() }
    }

    /// The request as it was accepted, for a peer as it is by now: what was registered then may not
    /// be any more.
    pub(crate) fn accepted(&self, peer: &ServiceProviderPeer) -> Result<Accepted, RequestError> {
        if peer.require_signed_requests && !self.signed {
            let element = "AuthnRequest".to_owned();
            return Err(RequestError::Signature(SignatureError::Missing { element }));
        }
        let consumer = ConsumerService::Location(self.consumer.clone());
        let target = peer.target(&consumer, Some(&self.id), self.relay_state.as_deref())?;
        let request = AuthnRequest {
            id: self.id.clone(),
            issue_instant: seconds(self.at),
            issuer: peer.entity_id.clone(),
            destination: None,
            assertion_consumer_service: consumer,
            protocol_binding: self.binding.clone(),
            attribute_consuming_service_index: None,
            force_authn: self.force,
            is_passive: self.passive,
            subject: self.subject.as_ref().map(|(value, format)| NameId {
                value: value.clone(),
                format: format.clone(),
                ..NameId::default()
            }),
            name_id_policy: self.policy.as_ref().map(|policy| NameIdPolicy {
                format: policy.format.clone(),
                sp_name_qualifier: policy.qualifier.clone(),
                allow_create: policy.create,
            }),
            requested_authn_context: self.context.as_ref().map(|(comparison, classes)| {
                let comparison = COMPARISONS.get(usize::from(*comparison)).copied();
                let comparison = comparison.unwrap_or_default();
                RequestedAuthnContext { comparison, classes: classes.clone() }
            }),
        };
        let once = Once { key: self.key.clone(), until: seconds(self.until) };
        Ok(Accepted { request, target, signed: self.signed, once })
    }

    /// As it is spent.
    pub(crate) fn spent(&self) -> (String, i64) {
        (format!("saml:{}", self.key), self.until)
    }

    /// How its browser names it: by its age first.
    pub(crate) fn name(&self) -> String {
        format!("{:010x}{}", self.at, &hex(&[&self.key])[..NAME - 10])
    }

    /// Cookies that make the browser keep it, and forget what there is no room for beside it.
    /// `None`: it is too long to be kept at all.
    pub(crate) fn keep(&self, party: &Party) -> Option<Vec<String>> {
        let name = self.name();
        let sealed = seal_value(self, &context(party, &name), party.visit.here);
        let mut bytes = pieces::bytes(&prefixed(&name), &sealed);
        if bytes > MAX_BYTES {
            return None;
        }
        let path = sso_path(&party.application.id);
        let mut cookies = pieces::set(&like(&path), &prefixed(&name), &sealed);
        let mut others = found(party.visit.request.headers);
        others.retain(|other| request_of(&other.0) != name);
        others.sort_by(|one, other| other.0.cmp(&one.0));
        let mut waiting = 1;
        let mut last = String::new();
        let oldest = party.visit.now() - LIFETIME;
        let mut full = false;
        for (cookie, value) in others {
            let request = request_of(&cookie);
            if request != last {
                waiting += 1;
                request.clone_into(&mut last);
            }
            bytes += cookie.len() + value.len() + 4;
            let young = i64::from_str_radix(request.get(..10).unwrap_or_default(), 16)
                .is_ok_and(|at| at > oldest);
            full |= waiting > MAX_KEPT || bytes > MAX_BYTES;
            if full || !young {
                cookies.push(pieces::removal(&like(&path), &cookie));
            }
        }
        Some(cookies)
    }

    /// The request of this name that this browser keeps for this application, while it is young.
    pub(crate) fn find(party: &Party, name: &str) -> Option<Self> {
        if !is_name(name) {
            return None;
        }
        let headers = party.visit.request.headers;
        let sealed = pieces::find(headers, &prefixed(name), MAX_BYTES);
        let kept: Self = open_value(&sealed, &context(party, name), party.visit.here)?;
        let age = party.visit.now() - kept.at;
        (0..=LIFETIME).contains(&age).then_some(kept)
    }

    /// What makes the browser forget it.
    pub(crate) fn forget(party: &Party, name: &str) -> Vec<String> {
        let path = sso_path(&party.application.id);
        let found = found(party.visit.request.headers).into_iter();
        let own = found.filter(|(cookie, _)| request_of(cookie) == name);
        own.map(|(cookie, _)| pieces::removal(&like(&path), &cookie)).collect()
    }
}

/// Characters of a name.
const NAME: usize = 32;

fn is_name(text: &str) -> bool {
    text.len() == NAME && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The name of the request that a cookie is part of.
fn request_of(cookie: &str) -> &str {
    let name = cookie.strip_prefix(PREFIX).unwrap_or_default();
    name.split('_').next().unwrap_or_default()
}

/// All cookies of this kind that have the form of ours.
fn found(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut found = cookie::beginning_with(headers, PREFIX);
    found.retain(|(cookie, _)| is_name(request_of(cookie)));
    found
}

/// Bound to one request of one application.
fn context(party: &Party, name: &str) -> String {
    format!("saml request:{}:{}:{name}", party.visit.home(), party.application.id)
}

fn prefixed(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Not `Lax`: the application may post its next request from its own site, and then, too, all that
/// wait must be seen to be counted. Sealed requests are no credentials.
fn like(path: &str) -> SetCookie<'_> {
    let same_site = SameSite::None;
    SetCookie { name: "", value: "", path, http_only: true, same_site, max_age: Some(LIFETIME) }
}
