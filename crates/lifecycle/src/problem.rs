//! What can go wrong on the way, each with its cause and its remedy. `Display` says what was seen,
//! [`Problem::remedy`] what to do about it; [`Problem::message`] is both, as API, pages and logs
//! show them.

use edge_state::Hostname;
use serde::{Deserialize, Serialize};

use crate::{Authority, Timestamp};

/// A cause that stands between a hostname and its certificate, as stored with the state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum Problem {
    /// Neither CNAME nor address.
    #[error("custom hostname does not CNAME to this zone: {hostname} does not resolve")]
    NotResolving {
        /// The custom hostname.
        hostname: Hostname,
        /// What it should be a CNAME to.
        target: Hostname,
    },
    /// It leads elsewhere.
    #[error("custom hostname does not CNAME to this zone: {hostname} points at {seen}")]
    NotPointing {
        /// The custom hostname.
        hostname: Hostname,
        /// What it should be a CNAME to.
        target: Hostname,
        /// The names and addresses found instead.
        seen: String,
    },
    /// Neither of the two ways to prove ownership before traffic is moved.
    #[error("the pre-generated ownership verification token was not found as TXT at {txt_name}")]
    TokenNotFound {
        /// Where the TXT record belongs.
        txt_name: String,
        /// What it must say.
        token: String,
    },
    /// DNS itself failed, so nothing is known.
    #[error("looking up {name} failed: {reason}")]
    LookUpFailed {
        /// The name that was asked for.
        name: String,
        /// As the resolver said.
        reason: String,
    },
    /// Nothing answers where the challenge is looked for.
    #[error("{url} could not be read: {reason}")]
    ChallengeUnreachable {
        /// Where a certificate authority will look.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// Something else answers where the challenge is looked for.
    #[error("{url} answered {status}, not the token")]
    WrongAnswer {
        /// Where a certificate authority will look.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The edge has not caught up, or cannot be asked.
    #[error("point of presence {point_of_presence} does not answer the challenge: {reason}")]
    ChallengeNotAtEdge {
        /// Which one.
        point_of_presence: String,
        /// What it said instead.
        reason: String,
    },
    /// RFC 8659 §3: the CAA records nearest to the name do not list this authority.
    #[error("the CAA records of {hostname} do not allow {authority} to issue: {detail}")]
    CaaForbids {
        /// The custom hostname.
        hostname: Hostname,
        /// Which one refused.
        authority: Authority,
        /// As the authority said.
        detail: String,
        /// What the record must name, where that is known.
        #[serde(default)]
        issuer: Option<String>,
    },
    /// RFC 8555 §6.7: an error document.
    #[error("{authority} refused with {kind}: {detail}")]
    Refused {
        /// Which one refused.
        authority: Authority,
        /// The last part of `urn:ietf:params:acme:error:{kind}`, or the whole of another type.
        kind: String,
        /// As the authority said.
        detail: String,
    },
    /// `rateLimited` (RFC 8555 §6.6).
    #[error("{authority} limits how often it issues: {detail}")]
    RateLimited {
        /// Which one refused.
        authority: Authority,
        /// As the authority said.
        detail: String,
        /// Its `Retry-After`.
        until: Option<Timestamp>,
    },
    /// First certificates of other hostnames wait at this authority's limit, and they come first.
    #[error("{authority} limits how often it issues, and other hostnames have no certificate yet")]
    OthersFirst {
        /// Which one.
        authority: Authority,
    },
    /// No answer, or none that can be understood.
    #[error("{authority} cannot be reached: {reason}")]
    AuthorityDown {
        /// Which one.
        authority: Authority,
        /// What went wrong.
        reason: String,
    },
    /// The authority does not know the order any more.
    #[error("{authority} has lost the order")]
    OrderGone {
        /// Which one.
        authority: Authority,
    },
    /// The authority was taken out of the configuration.
    #[error("the certificate authority {authority} is not configured")]
    NotConfigured {
        /// Which one.
        authority: Authority,
    },
    /// What was issued is not what was asked for.
    #[error("{authority} delivered a certificate that cannot be used: {reason}")]
    BadCertificate {
        /// Which one.
        authority: Authority,
        /// What is wrong with it.
        reason: String,
    },
    /// The stored private key does not open.
    #[error("the private key of the certificate cannot be used: {reason}")]
    KeyUnusable {
        /// As the vault said.
        reason: String,
    },
    /// There is no edge to deploy to.
    #[error("no point of presence is registered, so nothing serves the certificate")]
    NoPointOfPresence,
    /// No handshake was possible.
    #[error("point of presence {point_of_presence} cannot be asked for the certificate: {reason}")]
    PointOfPresenceDown {
        /// Which one.
        point_of_presence: String,
        /// What went wrong.
        reason: String,
    },
    /// The handshake showed another certificate.
    #[error(
        "point of presence {point_of_presence} serves the certificate {served}, not {expected}"
    )]
    OtherSerial {
        /// Which one.
        point_of_presence: String,
        /// Its serial number.
        served: String,
        /// The one that should be seen.
        expected: String,
    },
}

impl Problem {
    /// An error document of a certificate authority (RFC 8555 §6.7), by its type with or without
    /// the `urn:ietf:params:acme:error:` before it.
    #[must_use]
    pub fn refused(authority: &Authority, kind: &str, detail: &str) -> Self {
        let kind = clip(kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind));
        Self::Refused { authority: authority.clone(), kind, detail: clip(detail) }
    }

    /// The same for a hostname: `caa` and `rateLimited` have remedies of their own.
    #[must_use]
    pub fn from_authority(
        authority: &Authority,
        hostname: &Hostname,
        (kind, detail): (&str, &str),
        retry_at: Option<Timestamp>,
    ) -> Self {
        let (hostname, detail_text) = (hostname.clone(), clip(detail));
        match kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind) {
            "caa" => Self::CaaForbids {
                hostname,
                authority: authority.clone(),
                detail: detail_text,
                issuer: None,
            },
            "rateLimited" => Self::RateLimited {
                authority: authority.clone(),
                detail: detail_text,
                until: retry_at,
            },
            "serverInternal" => {
                Self::AuthorityDown { authority: authority.clone(), reason: detail_text }
            }
            kind => Self::refused(authority, kind, detail),
        }
    }

    /// What a person can do about it: one or two sentences.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotResolving { hostname, target } => {
                format!("Add the DNS record `{hostname} CNAME {target}`.")
            }
            Self::NotPointing { hostname, target, .. } => {
                format!("Change the DNS record of {hostname} to `{hostname} CNAME {target}`.")
            }
            Self::TokenNotFound { txt_name, token } => format!(
                "To be verified before traffic is moved, add the DNS record `{txt_name} TXT \"{token}\"`."
            ),
            Self::LookUpFailed { name, .. } => format!(
                "Check that the name servers of {name} answer and that its DNSSEC signatures are valid; the look-up is repeated by itself."
            ),
            Self::ChallengeUnreachable { .. } => "Let the hostname reach us on port 80, without a firewall before it; it is tried again by itself, and at once when the same `ssl` is sent with PATCH.".into(),
            Self::WrongAnswer { .. } => "Point the hostname at its CNAME target, or let its present server answer this URL with the `http_body` of `ssl.validation_records`; then send the same `ssl` with PATCH to have it checked at once.".into(),
            Self::CaaForbids { hostname, issuer: Some(issuer), .. } => {
                format!("Add the DNS record `{hostname} CAA 0 issue \"{issuer}\"`.")
            }
            Self::CaaForbids { hostname, authority, issuer: None, .. } => format!(
                "Add a CAA record for {hostname}, or for the domain above it, that allows {authority} to issue."
            ),
            Self::Refused { kind, authority, .. } => remedy_of_refusal(kind, authority),
            Self::RateLimited { until: Some(until), .. } => {
                format!("Nothing is wrong with the hostname; it is tried again by itself after {until}.")
            }
            Self::RateLimited { until: None, .. } | Self::OthersFirst { .. } => {
                "Nothing is wrong with the hostname; it is tried again by itself.".into()
            }
            Self::AuthorityDown { .. } => "Nothing is wrong with the hostname; it is tried again by itself. If it lasts, let the operator check the way to the certificate authority, or configure a second one.".into(),
            Self::OrderGone { .. } => "A new order is placed by itself.".into(),
            Self::NotConfigured { authority } => format!(
                "Let the operator put {authority} back into LINTEL_ACME_AUTHORITIES, or choose another `certificate_authority`."
            ),
            Self::BadCertificate { .. } => "A new one is ordered by itself; if it lasts, let the operator choose another certificate authority.".into(),
            Self::KeyUnusable { .. } => "Let the operator put the master key back under which it was sealed.".into(),
            Self::NoPointOfPresence => "Start an edge (edge-tls) that reaches the control plane.".into(),
            Self::ChallengeNotAtEdge { point_of_presence, .. }
            | Self::PointOfPresenceDown { point_of_presence, .. }
            | Self::OtherSerial { point_of_presence, .. } => format!(
                "This clears by itself once {point_of_presence} has caught up; if it lasts, let its operator check that it runs and reaches the control plane, or take it out of service."
            ),
        }
    }

    /// Cause and remedy.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{self}. {}", self.remedy())
    }

    /// Whether this authority will not issue, however often it is asked, though another one may.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { kind, .. } => !concerns_control(kind),
            Self::CaaForbids { .. } | Self::RateLimited { .. } | Self::NotConfigured { .. } => true,
            _ => false,
        }
    }

    /// Whether the authority is at fault, and not the hostname.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        matches!(
            self,
            Self::AuthorityDown { .. } | Self::OrderGone { .. } | Self::BadCertificate { .. }
        ) || self.is_refusal()
    }

    /// When the authority said to come back.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { until, .. } => *until,
            _ => None,
        }
    }

    /// Whether nothing is known rather than something wrong: such a check never counts against a
    /// hostname that was verified before.
    #[must_use]
    pub fn is_inconclusive(&self) -> bool {
        matches!(self, Self::LookUpFailed { .. })
    }
}

/// Shortens what others said to what fits an answer.
#[must_use]
pub fn clip(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The error types that say that proof of control failed (RFC 8555 §6.7): no other authority would
/// see another answer.
fn concerns_control(kind: &str) -> bool {
    matches!(kind, "unauthorized" | "connection" | "dns" | "incorrectResponse" | "tls")
}

fn remedy_of_refusal(kind: &str, authority: &Authority) -> String {
    match kind {
        _ if concerns_control(kind) => "Point the hostname at its CNAME target, so that the URL in `ssl.validation_records` answers on port 80 from everywhere; then send the same `ssl` with PATCH.".into(),
        "rejectedIdentifier" | "unsupportedIdentifier" => format!(
            "{authority} does not issue for this name: choose another `certificate_authority`, or another hostname."
        ),
        "accountDoesNotExist" | "externalAccountRequired" | "userActionRequired" => {
            format!("Let the operator put the account at {authority} in order.")
        }
        _ => "It is tried again by itself, and with the next certificate authority if there is one; at once when the same `ssl` is sent with PATCH.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Problem> {
        let hostname = Hostname::parse("shop.customer.com").unwrap();
        let target = Hostname::parse("saas.example.net").unwrap();
        let authority = Authority::new("lets_encrypt");
        let (reason, detail) = (String::from("timed out"), String::from("no"));
        let point_of_presence = String::from("fra1");
        let url = String::from("http://shop.customer.com/.well-known/acme-challenge/t");
        let refused = |kind| Problem::from_authority(&authority, &hostname, (kind, "no"), None);
        vec![
            Problem::NotResolving { hostname: hostname.clone(), target: target.clone() },
            Problem::NotPointing { hostname: hostname.clone(), target, seen: "192.0.2.1".into() },
            Problem::TokenNotFound { txt_name: "_cf.x".into(), token: "t".into() },
            Problem::LookUpFailed { name: "x".into(), reason: reason.clone() },
            Problem::ChallengeUnreachable { url: url.clone(), reason: reason.clone() },
            Problem::WrongAnswer { url, status: 404 },
            Problem::ChallengeNotAtEdge {
                point_of_presence: point_of_presence.clone(),
                reason: reason.clone(),
            },
            Problem::CaaForbids {
                hostname: hostname.clone(),
                authority: authority.clone(),
                detail: "no".into(),
                issuer: Some("letsencrypt.org".into()),
            },
            Problem::OthersFirst { authority: authority.clone() },
            refused("urn:ietf:params:acme:error:caa"),
            refused("urn:ietf:params:acme:error:rateLimited"),
            refused("urn:ietf:params:acme:error:serverInternal"),
            refused("urn:ietf:params:acme:error:unauthorized"),
            refused("urn:ietf:params:acme:error:rejectedIdentifier"),
            refused("urn:ietf:params:acme:error:accountDoesNotExist"),
            refused("badCSR"),
            Problem::RateLimited {
                authority: authority.clone(),
                detail,
                until: Some(Timestamp::EPOCH),
            },
            Problem::OrderGone { authority: authority.clone() },
            Problem::NotConfigured { authority: authority.clone() },
            Problem::BadCertificate { authority, reason: reason.clone() },
            Problem::KeyUnusable { reason: reason.clone() },
            Problem::NoPointOfPresence,
            Problem::PointOfPresenceDown { point_of_presence: point_of_presence.clone(), reason },
            Problem::OtherSerial { point_of_presence, served: "1".into(), expected: "2".into() },
        ]
    }

    #[test]
    fn each_names_a_remedy_and_survives_storage() {
        for problem in all() {
            let remedy = problem.remedy();
            assert!(remedy.len() > 20 && remedy.ends_with('.'), "{remedy}");
            assert!(problem.message().starts_with(&problem.to_string()));
            let stored = serde_json::to_string(&problem).unwrap();
            assert_eq!(serde_json::from_str::<Problem>(&stored).unwrap(), problem);
        }
    }

    #[test]
    fn error_types_find_their_meaning() {
        let kinds: Vec<_> = all()[9..13].to_vec();
        assert!(matches!(kinds[0], Problem::CaaForbids { .. }));
        assert!(matches!(kinds[1], Problem::RateLimited { .. }));
        assert!(matches!(kinds[2], Problem::AuthorityDown { .. }));
        assert!(matches!(&kinds[3], Problem::Refused { kind, .. } if kind == "unauthorized"));
        assert!(!kinds[3].is_refusal(), "another authority would see the same answer");
    }

    #[test]
    fn what_others_say_is_kept_short() {
        let long = "é".repeat(10_000);
        assert_eq!(clip(&long).chars().count(), 301);
        assert_eq!(clip("short"), "short");
    }
}
