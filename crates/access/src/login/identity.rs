//! Who a provider says somebody is, in the one form that policies know; and what made that fail.

use std::collections::BTreeMap;

use edge_state::access::session::{IdentityGroup, ProviderReference};
use edge_state::access::{Identity, IdentityProviderRecord};
use serde_json::Value;

use crate::invalid::InvalidToken;
use crate::visit::Visit;

/// What a provider did that signs nobody in. `Display` is for the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the provider did not answer: {0}")]
    Unanswered(String),
    #[error("the provider answered {what} with status {status}")]
    Status { what: &'static str, status: u16 },
    #[error("the provider's {0} cannot be read")]
    Unreadable(&'static str),
    #[error("the provider is not configured: {0} is missing")]
    Incomplete(&'static str),
    #[error("the provider's secret cannot be opened")]
    Secret,
    #[error("the provider's configuration names another issuer")]
    DiscoveryIssuer,
    #[error("the answer names another issuer than the provider that was asked (RFC 9207)")]
    AnswerIssuer,
    #[error("the answer names no issuer, though the provider promised to (RFC 9207)")]
    NoAnswerIssuer,
    #[error("the provider refused the code: {0}")]
    CodeRefused(String),
    #[error("the provider gave no id token")]
    NoIdToken,
    #[error("id token: {0}")]
    IdToken(#[from] InvalidToken),
    #[error("id token: the nonce is not that of this attempt")]
    Nonce,
    #[error("id token: at_hash is not that of the access token")]
    AccessTokenHash,
    #[error("id token: c_hash is not that of the code")]
    CodeHash,
    #[error("userinfo is about somebody else")]
    UserinfoSubject,
    #[error("the provider named no e-mail address")]
    NoEmail,
    #[error("the provider says that the e-mail address is not verified")]
    UnverifiedEmail,
    #[error("the e-mail address is none")]
    InvalidEmail,
    #[error("the provider may not speak for {0}")]
    ForeignDomain(String),
    #[error("the account is not one of the domain's own (hd)")]
    ForeignAccount,
    #[error("no request could be made: {0}")]
    NotAsked(saml::service_provider::AskError),
    #[error("the response does not count: {0}")]
    Response(Box<saml::service_provider::ResponseError>),
    #[error(
        "the assertion names nobody, and no attribute is configured as the subject \
         (subject_attribute_name)"
    )]
    NoSubject,
    #[error(
        "the NameID is transient, another one each time: configure which attribute is the subject \
         (subject_attribute_name)"
    )]
    TransientSubject,
    #[error("the attribute {0:?}, which is to be the subject, is missing or empty")]
    NoSubjectAttribute(String),
    #[error("the attribute {0:?}, which is to be the subject, has several values")]
    Subjects(String),
    #[error("the provider names more {0} than can be read")]
    TooMany(&'static str),
}

impl ProviderError {
    /// Whether to try again may help, without anybody's doing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::Status { .. })
    }
}

/// More groups are not kept: a session record would not hold them.
const MAX_GROUPS: usize = 1_000;

/// Longer names of groups are not kept, all together.
const MAX_GROUPS_BYTES: usize = 64 << 10;

/// More methods of authentication are not kept.
const MAX_AMR: usize = 32;

/// Longer claims are not kept, all together.
const MAX_CLAIMS_BYTES: usize = 16 << 10;

/// What a provider said, before it is one identity.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) subject: String,
    pub(crate) email: String,
    pub(crate) name: Option<String>,
    pub(crate) groups: Vec<IdentityGroup>,
    pub(crate) claims: BTreeMap<String, Value>,
    pub(crate) amr: Vec<String>,
    pub(crate) acr: Option<String>,
    pub(crate) authenticated_at: Option<i64>,
}

/// The identity, if the provider may speak for it.
pub(crate) fn identity(
    visit: &Visit,
    record: &IdentityProviderRecord,
    said: Said,
) -> Result<Identity, ProviderError> {
    let email = email(&said.email)?;
    let domain = email.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
    let speaks_for = |stated: &String| stated.eq_ignore_ascii_case(domain);
    if !record.email_domains.is_empty() && !record.email_domains.iter().any(speaks_for) {
        return Err(ProviderError::ForeignDomain(email));
    }
    let named = |group: &IdentityGroup| {
        [&group.id, &group.name, &group.email].into_iter().flatten().map(String::len).sum::<usize>()
    };
    let groups: usize = said.groups.iter().map(named).sum();
    if said.groups.len() > MAX_GROUPS || groups > MAX_GROUPS_BYTES {
        return Err(ProviderError::TooMany("groups"));
    }
    let bytes: usize = said.claims.iter().map(|(k, v)| k.len() + v.to_string().len()).sum();
    if bytes > MAX_CLAIMS_BYTES {
        return Err(ProviderError::TooMany("claims"));
    }
    let now = visit.now();
    Ok(Identity {
        user_id: String::new(),
        email,
        name: said.name.map(|name| name.chars().filter(|c| !c.is_control()).take(200).collect()),
        idp: ProviderReference { id: record.id.clone(), kind: record.kind.clone() },
        subject: said.subject,
        groups: said.groups,
        claims: said.claims,
        amr: said.amr.into_iter().filter(|method| is_short(method)).take(MAX_AMR).collect(),
        acr: said.acr.filter(|acr| is_short(acr)),
        authenticated_at: said.authenticated_at.filter(|at| (0..=now).contains(at)).unwrap_or(now),
        ip: visit.request.ip.map(|ip| ip.to_string()),
        country: visit.request.country.map(str::to_owned),
        ..Identity::default()
    })
}

fn is_short(text: &str) -> bool {
    text.len() <= 256
}

/// One address, lower case. ASCII case alone is folded: more would make two people one.
pub(crate) fn email(text: &str) -> Result<String, ProviderError> {
    let text = text.trim();
    let odd = |c: char| c.is_control() || c.is_whitespace() || "\"(),:;<>[]\\".contains(c);
    let parts = text.split_once('@').filter(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && domain.len() <= 253
    });
    if text.len() > 254 || text.chars().any(odd) || parts.is_none() {
        return Err(ProviderError::InvalidEmail);
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address() {
        assert_eq!(email(" Ada.L+x@Example.COM ").as_deref(), Ok("ada.l+x@example.com"));
        // U+212A, the Kelvin sign, would become `k` with Unicode's folding.
        assert_eq!(email("\u{212A}@example.com").as_deref(), Ok("\u{212A}@example.com"));
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "", "@", "a@", "@b", "a", "a@b@c", "a b@c", "a@b\r\nc", "a@b,c@d", "<a@b>", "a@b;c",
            "\"a\"@b", &long,
        ] {
            assert_eq!(email(text), Err(ProviderError::InvalidEmail), "{text:?}");
        }
    }
}
