//! The keys under which records are stored, spelled in this one place.

use std::fmt;
use std::str::FromStr;

use crate::Hostname;

/// Names one record. `Display` is the key as stored in KV and in the feed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// [`crate::HostRecord`] of an exact hostname, or of a wildcard (`*.example.com`).
    Host(Hostname),
    /// [`crate::ZoneRecord`], by zone id.
    Zone(String),
    /// [`crate::CertificateRecord`] of a hostname. Only points of presence of one's own get it.
    Certificate(Hostname),
    /// [`crate::ChallengeRecord`], by the challenge's token (RFC 8555 §8.3).
    Challenge(String),
    /// [`crate::access::OrganizationRecord`], by its team domain.
    Organization(Hostname),
    /// [`crate::access::GateRecord`] of a hostname or wildcard.
    Gate(Hostname),
    /// [`crate::access::ApplicationRecord`], by id.
    Application(String),
    /// [`crate::access::GroupRecord`], by id.
    Group(String),
    /// [`crate::access::ListRecord`], by id.
    List(String),
    /// [`crate::access::IdentityProviderRecord`], by id.
    IdentityProvider(String),
    /// [`crate::access::SigningKeyRecord`], by team domain.
    SigningKeys(Hostname),
    /// [`crate::access::SamlKeyRecord`], by the id of the application or identity provider.
    SamlKeys(String),
    /// [`crate::access::RevocationRecord`], by team domain.
    Revocations(Hostname),
    /// [`crate::access::SessionRecord`], by `identity_nonce`.
    Session(String),
    /// [`crate::access::ServiceTokenRecord`], by client id.
    ServiceToken(String),
    /// [`crate::access::ClientAuthorityRecord`] of a hostname. Only points of presence of one's own
    /// get it.
    ClientAuthorities(Hostname),
}

/// A key of a kind that this version does not know.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown record key {0:?}")]
pub struct UnknownKey(pub String);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(hostname) => write!(f, "host:{hostname}"),
            Self::Zone(id) => write!(f, "zone:{id}"),
            Self::Certificate(hostname) => write!(f, "cert:{hostname}"),
            Self::Challenge(token) => write!(f, "acme:{token}"),
            Self::Organization(hostname) => write!(f, "org:{hostname}"),
            Self::Gate(hostname) => write!(f, "gate:{hostname}"),
            Self::Application(id) => write!(f, "app:{id}"),
            Self::Group(id) => write!(f, "group:{id}"),
            Self::List(id) => write!(f, "list:{id}"),
            Self::IdentityProvider(id) => write!(f, "idp:{id}"),
            Self::SigningKeys(hostname) => write!(f, "keys:{hostname}"),
            Self::SamlKeys(id) => write!(f, "saml_keys:{id}"),
            Self::Revocations(hostname) => write!(f, "revoked:{hostname}"),
            Self::Session(nonce) => write!(f, "session:{nonce}"),
            Self::ServiceToken(id) => write!(f, "service_token:{id}"),
            Self::ClientAuthorities(hostname) => write!(f, "mtls:{hostname}"),
        }
    }
}

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let unknown = || UnknownKey(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
        let hostname = || Hostname::parse(name).map_err(|_| unknown());
        match kind {
            "host" => Ok(Self::Host(hostname()?)),
            "zone" if !name.is_empty() => Ok(Self::Zone(name.to_owned())),
            "cert" => Ok(Self::Certificate(hostname()?)),
            "acme" if is_token(name) => Ok(Self::Challenge(name.to_owned())),
            "org" => Ok(Self::Organization(hostname()?)),
            "gate" => Ok(Self::Gate(hostname()?)),
            "app" if is_token(name) => Ok(Self::Application(name.to_owned())),
            "group" if is_token(name) => Ok(Self::Group(name.to_owned())),
            "list" if is_token(name) => Ok(Self::List(name.to_owned())),
            "idp" if is_token(name) => Ok(Self::IdentityProvider(name.to_owned())),
            "keys" => Ok(Self::SigningKeys(hostname()?)),
            "saml_keys" if is_token(name) => Ok(Self::SamlKeys(name.to_owned())),
            "revoked" => Ok(Self::Revocations(hostname()?)),
            "session" if is_token(name) => Ok(Self::Session(name.to_owned())),
            "service_token" if is_client_id(name) => Ok(Self::ServiceToken(name.to_owned())),
            "mtls" => Ok(Self::ClientAuthorities(hostname()?)),
            _ => Err(unknown()),
        }
    }
}

/// Whether the text can be a service token's client id; anything else costs no look-up.
#[must_use]
pub fn is_client_id(text: &str) -> bool {
    text.len() <= 256 && text.split('.').all(is_token)
}

/// What is behind the id in a client id that is given.
const GIVEN: &str = ".access";

/// The client id that is given to a service token, `id` being 32 hexadecimal digits.
#[must_use]
pub fn given_client_id(id: &str) -> String {
    format!("{id}{GIVEN}")
}

/// Whether the text has the form of [`given_client_id`]. Nothing else may go by such a name.
#[must_use]
pub fn is_given_client_id(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.strip_suffix(GIVEN).is_some_and(|id| id.len() == 32 && id.bytes().all(digit))
}

/// Whether the text can be a challenge token at all: base64url without padding (RFC 8555 §8.3); ids
/// and nonces have the same alphabet. Anything else in a request names no record and costs no
/// look-up.
#[must_use]
pub fn is_token(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        let hostname = Hostname::parse("app.customer.com").unwrap();
        for key in [
            Key::Host(hostname.clone()),
            Key::Host(Hostname::parse("*.customer.com").unwrap()),
            Key::Zone("023e105f4ecef8ad9ca31a8372d0c353".into()),
            Key::Certificate(hostname),
            Key::Challenge("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA".into()),
            Key::Organization(Hostname::parse("team.example.com").unwrap()),
            Key::Gate(Hostname::parse("*.example.com").unwrap()),
            Key::Application("f174e90a-fafe-4643-bbbc-4a0ed4fc8415".into()),
            Key::Group("f174e90a-fafe-4643-bbbc-4a0ed4fc8415".into()),
            Key::List("f174e90a-fafe-4643-bbbc-4a0ed4fc8415".into()),
            Key::IdentityProvider("f174e90a-fafe-4643-bbbc-4a0ed4fc8415".into()),
            Key::SigningKeys(Hostname::parse("team.example.com").unwrap()),
            Key::Revocations(Hostname::parse("team.example.com").unwrap()),
            Key::Session("evaGxfADs6pSRb2LAv9IZf".into()),
            Key::ServiceToken("88bf3b6d86161464f6509f7219099e57.access".into()),
            Key::ClientAuthorities(Hostname::parse("app.example.com").unwrap()),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn client_ids_that_are_given_have_one_form() {
        let given = "88bf3b6d86161464f6509f7219099e57.access";
        assert!(is_given_client_id(given) && is_client_id(given));
        assert_eq!(given_client_id("88bf3b6d86161464f6509f7219099e57"), given);
        for other in ["x.access", ".access", "88bf3b6d86161464f6509f7219099e57", "", "robot"] {
            assert!(!is_given_client_id(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "host:", "host:a b", "zone:", "acme:a/b", "acme:", "cert", "pool:x"] {
            assert_eq!(text.parse::<Key>(), Err(UnknownKey(text.into())), "{text}");
        }
    }
}
