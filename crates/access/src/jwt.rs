//! Tokens that others, or we ourselves, have signed (RFC 7519): read within bounds, verified by a
//! key that we chose, and measured by what was expected of them.

use jwt_compact::{AlgorithmExt as _, UntrustedToken};
use serde::Deserialize;
use serde_json::Value;

use crate::claims::Registered;
use crate::json::says_everything_once;
use crate::jwks::{self, Jwk};
use crate::jws::ByShell;
use crate::need::Algorithm;
use crate::{Known, Need};

pub use crate::claims::{Claims, Expect, Issuer, Profile};

/// Longer texts are not looked at.
pub const MAX_BYTES: usize = 64 << 10;

/// Longer headers are refused: they hold a name or two.
const MAX_HEADER_BYTES: usize = 4 << 10;

/// Longer names of keys are refused.
const MAX_KID_BYTES: usize = 1 << 10;

/// Why a token does not count. `Display` is for logs; who showed it is told less.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidToken {
    /// More than [`MAX_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not a JWS in compact form with a JSON object for its claims, or a claim of the wrong type.
    #[error("this is no signed token")]
    Malformed,
    /// A name is there twice.
    #[error("the token says something twice")]
    Repeated,
    /// `alg` is none that we take.
    #[error("the token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// `crit` or `b64`: an extension that we would have to understand (RFC 7515 §4.1.11).
    #[error("the token depends on extensions that are not understood")]
    Critical,
    /// `typ`, or a claim, says that it is another kind of token.
    #[error("this is another kind of token")]
    Kind,
    /// Nobody whom we trust has a key of this name.
    #[error("the key that the token names is unknown")]
    UnknownKey,
    /// There are several keys, and the token does not say which (OIDC Core §10.1).
    #[error("the token does not say by which of several keys it is signed")]
    AmbiguousKey,
    /// The signature is not by that key.
    #[error("the signature is wrong")]
    Signature,
    /// A claim that must be there is not.
    #[error("the claim {0} is missing")]
    Missing(&'static str),
    /// `iss` is somebody else.
    #[error("the issuer is another one")]
    Issuer,
    /// `aud` is somebody else.
    #[error("the token is for somebody else")]
    Audience,
    /// `azp` is somebody else, or absent where there are several audiences.
    #[error("the token was issued to somebody else")]
    AuthorizedParty,
    /// `nbf` is yet to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is yet to come, or before 1970.
    #[error("the token was issued at an impossible time")]
    IssuedInFuture,
    /// `exp` is over, and everything else is right.
    #[error("the token has expired")]
    Expired,
}

/// A token that was read and not verified.
#[derive(Clone, Debug)]
pub struct Unverified<'t> {
    token: UntrustedToken<'t, Extensions>,
    algorithm: Algorithm,
}

/// What a header may demand of its reader. What it says of keys (`jku`, `jwk`, `x5u`, `x5c`) is not
/// read: keys are ours to choose.
#[derive(Clone, Debug, Deserialize)]
struct Extensions {
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    b64: Option<Value>,
}

/// Reads a token in compact form (RFC 7515 §3.1).
///
/// # Errors
/// See [`InvalidToken`]; none of them depends on a key.
pub fn parse(text: &str) -> Result<Unverified<'_>, InvalidToken> {
    if text.len() > MAX_BYTES {
        return Err(InvalidToken::TooLong);
    }
    let mut parts = text.split('.');
    let (Some(header), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(InvalidToken::Malformed);
    };
    if header.len() > MAX_HEADER_BYTES {
        return Err(InvalidToken::TooLong);
    }
    for part in [header, claims] {
        let json = decode(part).ok_or(InvalidToken::Malformed)?;
        if !says_everything_once(&json) {
            let valid = serde_json::from_slice::<Value>(&json).is_ok();
            return Err(if valid { InvalidToken::Repeated } else { InvalidToken::Malformed });
        }
    }
    let token = UntrustedToken::<Extensions>::try_from(text);
    let token = token.map_err(|_| InvalidToken::Malformed)?;
    let algorithm = Algorithm::from_name(token.algorithm()).ok_or(InvalidToken::Algorithm)?;
    let header = token.header();
    if header.other_fields.crit.is_some() || header.other_fields.b64.is_some() {
        return Err(InvalidToken::Critical);
    }
    if header.key_id.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(InvalidToken::UnknownKey);
    }
    if header.token_type.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(InvalidToken::Kind); // RFC 8725 §3.11: `at+jwt`, `logout+jwt`, ..
    }
    Ok(Unverified { token, algorithm })
}

/// Verifies the signature by the one of `keys` that the token names, and then what it says.
///
/// # Errors
/// [`Need`]: the signature has not been verified yet.
pub fn verify(
    unverified: &Unverified,
    keys: &[Jwk],
    algorithms: &[Algorithm],
    expect: &Expect,
    known: &Known,
) -> Result<Result<Claims, InvalidToken>, Need> {
    let claims = verify_signature(unverified, keys, algorithms, known)?;
    Ok(claims.and_then(|claims| claims.check(expect).map(|()| claims)))
}

/// Verifies the signature alone.
///
/// # Errors
/// [`Need`]: the signature has not been verified yet.
pub fn verify_signature(
    unverified: &Unverified,
    keys: &[Jwk],
    algorithms: &[Algorithm],
    known: &Known,
) -> Result<Result<Claims, InvalidToken>, Need> {
    if !algorithms.contains(&unverified.algorithm) {
        return Ok(Err(InvalidToken::Algorithm));
    }
    let key = match jwks::choose(keys, unverified.algorithm, unverified.key_id()) {
        Ok(key) => key,
        Err(invalid) => return Ok(Err(invalid)),
    };
    let shell = ByShell::new(unverified.algorithm, known);
    let validated = shell.validator::<Registered>(&key.key).validate(&unverified.token);
    shell.settle()?;
    Ok(match validated {
        Ok(token) => Claims::try_from(token.into_parts().1),
        Err(jwt_compact::ValidationError::MalformedClaims(_)) => Err(InvalidToken::Malformed),
        Err(_) => Err(InvalidToken::Signature),
    })
}

impl Unverified<'_> {
    /// `alg`
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.token.header().key_id.as_deref()
    }

    /// What it says, before anybody verified that: good for choosing whom to ask, and for nothing
    /// else.
    ///
    /// # Errors
    /// [`InvalidToken::Malformed`].
    pub fn unverified_claims(&self) -> Result<Claims, InvalidToken> {
        let claims = self.token.deserialize_claims_unchecked::<Registered>();
        Claims::try_from(claims.map_err(|_| InvalidToken::Malformed)?)
    }
}

/// base64url without padding, in its one spelling (RFC 7515 §2, RFC 4648 §3.5).
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}
