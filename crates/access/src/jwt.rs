//! Tokens that others, or we ourselves, have signed (RFC 7519): read within bounds, verified by a
//! key that we chose, and measured by what was expected of them.

use jwt_compact::{AlgorithmExt as _, UntrustedToken};
use serde::Deserialize;
use serde_json::Value;

use crate::claims::Registered;
use crate::encoding::from_base64url;
use crate::json::says_everything_once;
use crate::jwks::{self, Jwk};
use crate::jws::ByShell;
use crate::need::Algorithm;
use crate::{Known, Need};

pub use crate::claims::{Claims, Expect, Issuer, Profile};
pub use crate::invalid::InvalidToken;

/// Longer texts are not looked at.
pub const MAX_BYTES: usize = 64 << 10;

/// Longer headers are refused: they hold a name or two.
const MAX_HEADER_BYTES: usize = 4 << 10;

/// Longer names of keys are refused.
const MAX_KID_BYTES: usize = 1 << 10;

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
        let json = from_base64url(part).ok_or(InvalidToken::Malformed)?;
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
