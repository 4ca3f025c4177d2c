//! The keys of an organisation, as JWKS (RFC 7517) and as certificates.

use edge_state::access::signing_key::SigningKey;
use serde_json::{Value, json};

use crate::visit::Visit;
use crate::{Need, Response};

/// `/access/certs`
pub(crate) fn answer(visit: &Visit) -> Result<Response, Need> {
    let record = visit.known.records.signing_keys(visit.home())?;
    let now = visit.now();
    let counts = |key: &&SigningKey| key.expires_at.is_none_or(|end| now < end);
    let keys: Vec<_> = record.map(|r| r.keys.iter().filter(counts).collect()).unwrap_or_default();
    let jwk = |key: &&SigningKey| json!({ "kid": key.kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": key.n, "e": key.e });
    let certificate = |key: &&SigningKey| json!({ "kid": key.kid, "cert": key.certificate });
    let body = json!({
        "keys": keys.iter().map(jwk).collect::<Vec<Value>>(),
        "public_cert": keys.first().map(certificate),
        "public_certs": keys.iter().map(certificate).collect::<Vec<Value>>(),
    });
    let mut response = Response::json(200, &body).with_header("access-control-allow-origin", "*");
    // Keys are announced before they sign; whoever keeps them for minutes misses none.
    response.headers.retain(|(name, _)| *name != "cache-control");
    Ok(response.with_header("cache-control", "public, max-age=60"))
}
