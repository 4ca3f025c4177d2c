//! The tokens of an organisation: `type` `app` for one application, `org` for the team domain.

use std::ops::Range;

use chrono::{DateTime, Utc};
use edge_state::Hostname;
use edge_state::access::{ApplicationRecord, Identity, OrganizationRecord, SigningKeyRecord};
use jwt_compact::{AlgorithmExt as _, Claims as Timed, Header};
use serde_json::{Map, Value};

use crate::claims::{Audience, Registered};
use crate::jwks::Jwk;
use crate::jws::{ByShell, SigningKeyName};
use crate::jwt::{self, Claims, Expect, InvalidToken, Issuer, Profile};
use crate::known::Unanswered;
use crate::need::{Algorithm, PublicKey};
use crate::{Here, Known, Need};

/// RS256 alone: it is what every plug-in at origins expects.
const ALGORITHM: Algorithm = Algorithm::Rs256;

/// Clocks of edges differ by seconds, and a token is shown elsewhere as soon as it is issued.
const SKEW: i64 = 5;

/// A token with less time than this might end before its bearer could show it: what the contract
/// calls a session of no duration.
const MIN_SECONDS: u64 = 5;

/// A machine's token is as old as the minute.
const MIN_SERVICE_SECONDS: u64 = 90;

/// More bytes of `custom` are left out: browsers drop cookies of more than 4,096. `get-identity` has
/// them all.
const MAX_CUSTOM_BYTES: usize = 1536;

/// Whom a token is for.
#[derive(Clone, Copy, Debug)]
pub enum Bearer<'a> {
    /// A person with a session.
    Person {
        /// `identity_nonce`
        nonce: &'a str,
        /// When the session ends: no token outlasts it.
        session_expires_at: i64,
        /// Who.
        identity: &'a Identity,
    },
    /// A machine, by its client id or the common name of its certificate.
    Service {
        /// `common_name`
        common_name: &'a str,
    },
}

/// A token to be issued for an application.
#[derive(Clone, Copy, Debug)]
pub struct ForApplication<'a> {
    /// For which application.
    pub application: &'a ApplicationRecord,
    /// For whom.
    pub bearer: Bearer<'a>,
    /// The policy that let them in.
    pub policy_id: Option<&'a str>,
    /// How long that policy lets them in; `None`: as the application says.
    pub seconds: Option<u64>,
    /// From where.
    pub country: Option<&'a str>,
}

/// A token, issued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issued {
    /// In compact form.
    pub token: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// What a token of ours says, if it counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// `identity_nonce`; a service's token has none.
    pub nonce: Option<String>,
    /// `sub`; a service's is empty.
    pub user_id: String,
    /// `email`
    pub email: Option<String>,
    /// `common_name`, of a service.
    pub common_name: Option<String>,
    /// `policy_id`
    pub policy_id: Option<String>,
    /// `country`
    pub country: Option<String>,
    /// Seconds since 1970.
    pub issued_at: i64,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// A token for an application.
///
/// # Errors
/// [`Need`]: the keys have not been read, or the signature has not been made.
pub fn issue_application(
    request: &ForApplication,
    known: &Known,
    here: &Here,
) -> Result<Result<Issued, Unanswered>, Need> {
    let ForApplication { application, bearer, policy_id, seconds, country } = *request;
    let seconds = seconds.unwrap_or(application.session_seconds);
    let mut others = Map::new();
    let mut say = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            others.insert(name.to_owned(), value.into());
        }
    };
    say("type", Some("app"));
    say("policy_id", policy_id);
    say("country", country);
    if let Bearer::Service { common_name } = bearer {
        say("common_name", Some(common_name));
    }
    issue(&application.auth_domain, &application.aud, bearer, seconds, others, known, here)
}

/// The token of a global session, for the team domain.
///
/// # Errors
/// As [`issue_application`].
pub fn issue_global(
    organization: &OrganizationRecord,
    bearer: Bearer,
    country: Option<&str>,
    known: &Known,
    here: &Here,
) -> Result<Result<Issued, Unanswered>, Need> {
    let auth_domain = &organization.auth_domain;
    let mut others = Map::new();
    others.insert("type".to_owned(), "org".into());
    if let Some(country) = country {
        others.insert("country".to_owned(), country.into());
    }
    let seconds = organization.session_seconds;
    issue(auth_domain, auth_domain.as_str(), bearer, seconds, others, known, here)
}

fn issue(
    auth_domain: &Hostname,
    audience: &str,
    bearer: Bearer,
    seconds: u64,
    mut others: Map<String, Value>,
    known: &Known,
    here: &Here,
) -> Result<Result<Issued, Unanswered>, Need> {
    let (issued_at, least) = match bearer {
        Bearer::Person { .. } => (here.now(), MIN_SECONDS),
        // One signature a minute serves all of a machine's requests.
        Bearer::Service { .. } => (here.now() - here.now().rem_euclid(60), MIN_SERVICE_SECONDS),
    };
    let seconds = i64::try_from(seconds.max(least)).unwrap_or(i64::MAX);
    let mut expires_at = issued_at.saturating_add(seconds).min(MAX_TIME);
    let mut subject = String::new();
    if let Bearer::Person { nonce, session_expires_at, identity } = bearer {
        expires_at = expires_at.min(session_expires_at);
        subject.clone_from(&identity.user_id);
        describe(identity, nonce, &mut others);
    }
    let claims = Registered {
        iss: Some(here.origin(auth_domain)),
        sub: Some(subject),
        aud: Some(Audience::Several(vec![audience.to_owned()])),
        others,
    };
    let token = sign(auth_domain, claims, issued_at..expires_at, known, here)?;
    Ok(token.map(|token| Issued { token, expires_at }))
}

/// Signs claims with the organisation's current key; `times`: when they are issued and when they end.
///
/// # Errors
/// As [`issue_application`].
pub(crate) fn sign(
    auth_domain: &Hostname,
    claims: Registered,
    times: Range<i64>,
    known: &Known,
    here: &Here,
) -> Result<Result<String, Unanswered>, Need> {
    let now = here.now();
    let keys = known.records.signing_keys(auth_domain)?;
    let signs = |keys: &SigningKeyRecord| {
        let mut keys = keys.keys.iter().filter(|key| key.private_key.is_some());
        keys.find(|key| key.expires_at.is_none_or(|end| now < end)).map(|key| key.kid.clone())
    };
    let Some(kid) = keys.and_then(signs) else {
        return Ok(Err(Unanswered(format!("{auth_domain} has no key that signs"))));
    };
    let mut claims = Timed::new(claims);
    claims.expiration = time(times.end);
    claims.issued_at = time(times.start);
    claims.not_before = time(times.start);
    let header = Header::empty().with_key_id(kid.clone()).with_token_type("JWT");
    let shell = ByShell::new(ALGORITHM, known);
    let key = SigningKeyName { auth_domain: auth_domain.clone(), kid };
    let token = shell.token(&header, &claims, &key);
    Ok(match (shell.settle()?, token) {
        (Some(unanswered), _) => Err(unanswered),
        (None, token) => token.map_err(|error| Unanswered(error.to_string())),
    })
}

fn describe(identity: &Identity, nonce: &str, others: &mut Map<String, Value>) {
    others.insert("email".to_owned(), identity.email.clone().into());
    others.insert("identity_nonce".to_owned(), nonce.into());
    if !identity.amr.is_empty() {
        others.insert("amr".to_owned(), identity.amr.clone().into());
    }
    if !identity.claims.is_empty() {
        let custom: Map<_, _> = identity.claims.clone().into_iter().collect();
        let custom = Value::Object(custom);
        if custom.to_string().len() <= MAX_CUSTOM_BYTES {
            others.insert("custom".to_owned(), custom);
        }
    }
}

/// The year 9999: JavaScript's and databases' dates end there too.
const MAX_TIME: i64 = 253_402_300_799;

fn time(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

/// What a token for this application says.
///
/// # Errors
/// [`Need`]: the keys have not been read, or the signature has not been verified.
pub fn verify_application(
    text: &str,
    application: &ApplicationRecord,
    known: &Known,
    here: &Here,
) -> Result<Result<Verified, InvalidToken>, Need> {
    verify(text, &application.auth_domain, &application.aud, Profile::Application, known, here)
}

/// What a token for the team domain says.
///
/// # Errors
/// As [`verify_application`].
pub fn verify_global(
    text: &str,
    organization: &OrganizationRecord,
    known: &Known,
    here: &Here,
) -> Result<Result<Verified, InvalidToken>, Need> {
    let auth_domain = &organization.auth_domain;
    verify(text, auth_domain, auth_domain.as_str(), Profile::Global, known, here)
}

fn verify(
    text: &str,
    auth_domain: &Hostname,
    audience: &str,
    profile: Profile,
    known: &Known,
    here: &Here,
) -> Result<Result<Verified, InvalidToken>, Need> {
    let unverified = match jwt::parse(text) {
        Ok(unverified) => unverified,
        Err(invalid) => return Ok(Err(invalid)),
    };
    let now = here.now();
    let keys = known.records.signing_keys(auth_domain)?.map(|keys| verifying(keys, now));
    let issuer = here.origin(auth_domain);
    let expect = Expect {
        profile,
        issuer: Issuer::Exactly(&issuer),
        audience: Some(audience),
        now,
        skew: SKEW,
    };
    let keys = keys.unwrap_or_default();
    let claims = jwt::verify(&unverified, &keys, &[ALGORITHM], &expect, known)?;
    Ok(claims.and_then(|claims| Verified::read(&claims)))
}

/// The keys of an organisation by which tokens count now.
#[must_use]
pub fn verifying(keys: &SigningKeyRecord, now: i64) -> Vec<Jwk> {
    let valid = keys.keys.iter().filter(|key| key.expires_at.is_none_or(|end| now < end));
    let jwk = valid.map(|key| Jwk {
        id: Some(key.kid.clone()),
        algorithm: Some(ALGORITHM),
        key: PublicKey::Rsa { n: key.n.clone(), e: key.e.clone() },
    });
    jwk.collect()
}

impl Verified {
    fn read(claims: &Claims) -> Result<Self, InvalidToken> {
        let text = |name| claims.text(name).map(str::to_owned);
        let verified = Self {
            nonce: text("identity_nonce"),
            user_id: claims.subject.clone().ok_or(InvalidToken::Missing("sub"))?,
            email: text("email"),
            common_name: text("common_name"),
            policy_id: text("policy_id"),
            country: text("country"),
            issued_at: claims.issued_at.ok_or(InvalidToken::Missing("iat"))?,
            expires_at: claims.expires_at.ok_or(InvalidToken::Missing("exp"))?,
        };
        match (&verified.nonce, &verified.common_name, verified.user_id.as_str()) {
            (Some(_), None, user_id) if !user_id.is_empty() => Ok(verified),
            (None, Some(_), "") => Ok(verified),
            _ => Err(InvalidToken::Kind),
        }
    }
}

#[cfg(test)]
mod tests;
