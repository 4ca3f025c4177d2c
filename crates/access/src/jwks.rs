//! Public keys of those who sign tokens (RFC 7517).

use serde::Deserialize;
use serde_json::Value;

use crate::encoding::from_base64url;
use crate::invalid::InvalidToken;
use crate::need::{Algorithm, PublicKey};

/// A key that verifies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Jwk {
    /// `kid`
    pub id: Option<String>,
    /// `alg`: the one algorithm that it is for, if it says so.
    pub algorithm: Option<Algorithm>,
    /// The key.
    pub key: PublicKey,
}

/// A document that is no key set. It is not an empty one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no JSON Web Key Set")]
pub struct InvalidKeySet;

/// Longer documents are not read.
pub const MAX_BYTES: usize = 1 << 20;

/// More keys are not looked at.
const MAX_KEYS: usize = 100;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

/// The keys of a set that can verify signatures here. Others are passed over, as RFC 7517 §5 wants.
///
/// # Errors
/// [`InvalidKeySet`].
pub fn parse(text: &str) -> Result<Vec<Jwk>, InvalidKeySet> {
    if text.len() > MAX_BYTES {
        return Err(InvalidKeySet);
    }
    let set: Set = serde_json::from_str(text).map_err(|_| InvalidKeySet)?;
    Ok(set.keys.into_iter().take(MAX_KEYS).filter_map(read).collect())
}

fn read(value: Value) -> Option<Jwk> {
    let key: Written = serde_json::from_value(value).ok()?;
    let verifies = key.usage.as_deref().is_none_or(|usage| usage == "sig")
        && key.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    let algorithm = match &key.alg {
        Some(name) => Some(Algorithm::from_name(name)?),
        None => None,
    };
    let public = match key.kty.as_str() {
        "RSA" => PublicKey::Rsa { n: key.n?, e: key.e? },
        "EC" => PublicKey::Ec { curve: key.crv?, x: key.x?, y: key.y? },
        "OKP" if key.crv.as_deref() == Some("Ed25519") => PublicKey::Okp { x: key.x? },
        _ => return None, // Symmetric keys too: they are no public ones.
    };
    (verifies && is_sound(&public)).then_some(Jwk { id: key.kid, algorithm, key: public })
}

/// Whether the numbers can be a key of a strength that we take.
fn is_sound(key: &PublicKey) -> bool {
    let long = |text: &str, bytes| from_base64url(text).is_some_and(|number| number.len() == bytes);
    match key {
        PublicKey::Rsa { n, e } => {
            let (Some(n), Some(e)) = (from_base64url(n), from_base64url(e)) else { return false };
            let modulus = n.strip_prefix(&[0]).unwrap_or(&n); // A sign byte that some still write.
            let strong = (256..=1024).contains(&modulus.len()) && modulus[0] >= 0x80;
            let e = e.iter().fold(0_u64, |e, byte| (e << 8 | u64::from(*byte)).min(1 << 40));
            strong && e % 2 == 1 && (3..1 << 32).contains(&e)
        }
        PublicKey::Ec { curve, x, y } => match curve.as_str() {
            "P-256" => long(x, 32) && long(y, 32),
            "P-384" => long(x, 48) && long(y, 48),
            "P-521" => long(x, 66) && long(y, 66),
            _ => false,
        },
        PublicKey::Okp { x } => long(x, 32),
    }
}

/// The key for a token: of the name that the token gives, and of the kind that its algorithm wants.
/// Without a name it is the only one of that kind (OIDC Core §10.1).
///
/// # Errors
/// [`InvalidToken::UnknownKey`], [`InvalidToken::AmbiguousKey`].
pub fn choose<'k>(
    keys: &'k [Jwk],
    algorithm: Algorithm,
    key_id: Option<&str>,
) -> Result<&'k Jwk, InvalidToken> {
    let named = |key: &&Jwk| key_id.is_none() || key.id.as_deref() == key_id;
    let fits =
        |key: &&Jwk| algorithm.fits(&key.key) && key.algorithm.is_none_or(|only| only == algorithm);
    let mut found = keys.iter().filter(named).filter(fits);
    let first = found.next().ok_or(InvalidToken::UnknownKey)?;
    if found.any(|other| other.key != first.key) {
        return Err(InvalidToken::AmbiguousKey);
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
