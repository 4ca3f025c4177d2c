//! What a token says, and whether that counts here and now (RFC 7519 §4, OIDC Core §3.1.3.7).

use jwt_compact::Claims as Timed;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::invalid::InvalidToken;

/// The claims of a token whose signature is right. Whether they count here, [`Self::check`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`: one or several.
    pub audience: Vec<String>,
    /// `exp`: from this second since 1970 on it does not count.
    pub expires_at: Option<i64>,
    /// `nbf`
    pub not_before: Option<i64>,
    /// `iat`
    pub issued_at: Option<i64>,
    /// All others.
    pub others: Map<String, Value>,
}

/// What claims must say to count.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// What kind of token it has to be.
    pub profile: Profile,
    /// `iss`
    pub issuer: Issuer<'a>,
    /// Must be among `aud`; `None`: the token names nobody.
    pub audience: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
    /// By how many seconds clocks may differ.
    pub skew: i64,
}

/// Whose token it has to be.
#[derive(Clone, Copy, Debug)]
pub enum Issuer<'a> {
    /// Compared exactly, byte for byte.
    Exactly(&'a str),
    /// A URL of the same origin (RFC 6454 §4) as one of these URLs.
    OfOrigin(&'a [&'a str]),
    /// Who signs is known by the key alone.
    ByKey,
}

/// What kind of token it has to be, so that none passes for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// An OpenID provider's id token.
    IdToken,
    /// Our own, with `type` `app`.
    Application,
    /// Our own, with `type` `org`.
    Global,
    /// Something else that was agreed on, by other claims.
    Other,
}

/// As they stand in the token.
#[derive(Deserialize, Serialize)]
pub(crate) struct Registered {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<Audience>,
    #[serde(flatten)]
    pub(crate) others: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Audiences that a token may name.
const MAX_AUDIENCES: usize = 64;

impl Claims {
    /// A claim that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.others.get(name).and_then(Value::as_str)
    }

    /// Whether they count for `expect`.
    ///
    /// # Errors
    /// The first reason against it; [`InvalidToken::Expired`] comes last, so that it says that all
    /// else was right.
    pub fn check(&self, expect: &Expect) -> Result<(), InvalidToken> {
        self.check_issuer(expect.issuer)?;
        if let Some(audience) = expect.audience
            && !self.audience.iter().any(|a| a == audience)
        {
            return Err(InvalidToken::Audience);
        }
        self.check_profile(expect)?;
        self.check_times(expect)
    }

    fn check_issuer(&self, expected: Issuer) -> Result<(), InvalidToken> {
        let right = match (expected, self.issuer.as_deref()) {
            (Issuer::ByKey, _) => true,
            (_, None) => return Err(InvalidToken::Missing("iss")),
            (Issuer::Exactly(expected), Some(issuer)) => issuer == expected,
            (Issuer::OfOrigin(urls), Some(issuer)) => {
                let origin = origin(issuer);
                origin.is_some() && urls.iter().any(|url| self::origin(url) == origin)
            }
        };
        if right { Ok(()) } else { Err(InvalidToken::Issuer) }
    }

    fn check_profile(&self, expect: &Expect) -> Result<(), InvalidToken> {
        let kind = self.text("type");
        match expect.profile {
            Profile::Application if kind != Some("app") => Err(InvalidToken::Kind),
            Profile::Global if kind != Some("org") => Err(InvalidToken::Kind),
            Profile::IdToken => self.check_id_token(expect),
            _ => Ok(()),
        }
    }

    /// OIDC Core §2, §3.1.3.7.
    fn check_id_token(&self, expect: &Expect) -> Result<(), InvalidToken> {
        if self.subject.as_deref().is_none_or(|sub| sub.is_empty() || sub.len() > 255) {
            return Err(InvalidToken::Missing("sub"));
        }
        if self.issued_at.is_none() {
            return Err(InvalidToken::Missing("iat"));
        }
        if self.others.contains_key("events") {
            return Err(InvalidToken::Kind); // A security event, a logout token for example (RFC 8417).
        }
        let party = self.others.get("azp");
        let wanted = party.is_some() || self.audience.len() > 1;
        if wanted && party.and_then(Value::as_str) != expect.audience {
            return Err(InvalidToken::AuthorizedParty);
        }
        Ok(())
    }

    fn check_times(&self, expect: &Expect) -> Result<(), InvalidToken> {
        let expires_at = self.expires_at.ok_or(InvalidToken::Missing("exp"))?;
        let latest = expect.now.saturating_add(expect.skew);
        if self.not_before.is_some_and(|not_before| latest < not_before) {
            return Err(InvalidToken::NotYetValid);
        }
        if self.issued_at.is_some_and(|issued_at| latest < issued_at || issued_at < 0) {
            return Err(InvalidToken::IssuedInFuture);
        }
        if expires_at.saturating_add(expect.skew) <= expect.now {
            return Err(InvalidToken::Expired);
        }
        Ok(())
    }
}

/// Scheme, host and port of an `http` or `https` URL.
fn origin(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let origin = url.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

impl TryFrom<Timed<Registered>> for Claims {
    type Error = InvalidToken;

    fn try_from(timed: Timed<Registered>) -> Result<Self, InvalidToken> {
        let Registered { iss, sub, aud, others } = timed.custom;
        let audience = match aud {
            None => Vec::new(),
            Some(Audience::One(one)) => vec![one],
            Some(Audience::Several(several)) => several,
        };
        if audience.len() > MAX_AUDIENCES {
            return Err(InvalidToken::Malformed);
        }
        Ok(Self {
            issuer: iss,
            subject: sub,
            audience,
            expires_at: timed.expiration.map(|time| time.timestamp()),
            not_before: timed.not_before.map(|time| time.timestamp()),
            issued_at: timed.issued_at.map(|time| time.timestamp()),
            others,
        })
    }
}
