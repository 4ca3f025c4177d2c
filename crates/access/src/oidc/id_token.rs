//! What an id token must be and say (OIDC Core §3.1.3.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::access::IdentityProviderRecord;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::discovery::{self, Endpoints};
use crate::jwks::{self, Jwk};
use crate::jwt::{self, Claims, Expect, InvalidToken, Issuer, Profile, Unverified};
use crate::login::identity::ProviderError;
use crate::need::Algorithm;
use crate::{Known, Need};

/// By how many seconds a provider's clock may differ from ours.
pub(crate) const SKEW: i64 = 60;

/// What this attempt expects.
pub(crate) struct Expected<'e> {
    pub(crate) client_id: &'e str,
    pub(crate) nonce: &'e str,
    pub(crate) code: &'e str,
    pub(crate) access_token: Option<&'e str>,
    pub(crate) now: i64,
}

/// Verifies a token of this provider.
pub(crate) fn verify(
    text: &str,
    expected: &Expected,
    record: &IdentityProviderRecord,
    endpoints: &Endpoints,
    known: &Known,
) -> Result<Result<Claims, ProviderError>, Need> {
    let unverified = match jwt::parse(text) {
        Ok(unverified) => unverified,
        Err(invalid) => return Ok(Err(invalid.into())),
    };
    let origins = [endpoints.authorization.as_str(), endpoints.token.as_str()];
    let issuer = match &endpoints.issuer {
        Some(issuer) => Issuer::Exactly(issuer),
        None => Issuer::OfOrigin(&origins),
    };
    let expect = Expect {
        profile: Profile::IdToken,
        issuer,
        audience: Some(expected.client_id),
        now: expected.now,
        skew: SKEW,
    };
    let claims = match verified(&unverified, &expect, record, endpoints, known)? {
        Ok(claims) => claims,
        Err(error) => return Ok(Err(error)),
    };
    Ok(bound(&claims, unverified.algorithm(), expected).map(|()| claims))
}

/// Signature and claims. Keys are fetched anew, once, for a key that is unknown or has changed.
fn verified(
    unverified: &Unverified,
    expect: &Expect,
    record: &IdentityProviderRecord,
    endpoints: &Endpoints,
    known: &Known,
) -> Result<Result<Claims, ProviderError>, Need> {
    let mut newer_than = None;
    loop {
        let (keys, at) = match keys(record, endpoints, newer_than, known)? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let claims = jwt::verify(unverified, &keys, &Algorithm::ALL, expect, known)?;
        let may_be_new = matches!(claims, Err(InvalidToken::UnknownKey | InvalidToken::Signature));
        if may_be_new && newer_than.is_none() {
            newer_than = Some(at);
            continue;
        }
        return Ok(claims.map_err(ProviderError::from));
    }
}

fn keys(
    record: &IdentityProviderRecord,
    endpoints: &Endpoints,
    newer_than: Option<i64>,
    known: &Known,
) -> Result<Result<(Vec<Jwk>, i64), ProviderError>, Need> {
    let mut fetch = discovery::get(record, "keys", endpoints.keys.clone(), jwks::MAX_BYTES);
    if let Some(cache) = &mut fetch.cache {
        cache.newer_than = newer_than;
    }
    Ok(match known.fetch(fetch)? {
        Ok(fetched) if fetched.status == 200 => match jwks::parse(&fetched.body) {
            Ok(keys) => Ok((keys, fetched.at)),
            Err(_) => Err(ProviderError::Unreadable("key set")),
        },
        Ok(fetched) => Err(ProviderError::Status { what: "its keys", status: fetched.status }),
        Err(why) => Err(ProviderError::Unanswered(why.0)),
    })
}

/// Whether the token belongs to this attempt and to what came with it.
fn bound(claims: &Claims, algorithm: Algorithm, expected: &Expected) -> Result<(), ProviderError> {
    let nonce = claims.text("nonce").unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err(ProviderError::Nonce);
    }
    let fits = |claim: &str, value: Option<&str>| match (claims.others.get(claim), value) {
        (None, _) => true,
        (Some(hash), Some(value)) => hash.as_str() == Some(&left_half(algorithm, value)),
        (Some(_), None) => false,
    };
    if !fits("at_hash", expected.access_token) {
        return Err(ProviderError::AccessTokenHash);
    }
    if !fits("c_hash", Some(expected.code)) {
        return Err(ProviderError::CodeHash);
    }
    Ok(())
}

/// OIDC Core §3.1.3.6: the left half of the hash that belongs to the algorithm.
pub(crate) fn left_half(algorithm: Algorithm, value: &str) -> String {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => Sha256::digest(value).to_vec(),
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => Sha384::digest(value).to_vec(),
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa => {
            Sha512::digest(value).to_vec()
        }
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_as_in_the_standard() {
        // OIDC Core, appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(left_half(Algorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
