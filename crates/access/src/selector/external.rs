//! `external_evaluation`: a service of the operator's says yes or no. It is told who somebody is in
//! a token that the organisation signs, and answers in one that it signs itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::access::Identity;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use super::{Held, Unevaluable, View};
use crate::claims::{Claims, Expect, Issuer, Profile, Registered};
use crate::jwks::{self, Jwk};
use crate::jwt::{self, InvalidToken, Unverified};
use crate::need::{Algorithm, Cache, Fetch};
use crate::{Need, token};

/// How long the question may wait for its answer, in seconds.
const LIFETIME: i64 = 60;

/// By how many seconds the service's clock may differ.
const SKEW: i64 = 60;

/// RSA alone, as the contract has it.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];

/// The service's keys are used for so many seconds; for a key that is not among them they are
/// fetched anew, so often at most.
const KEYS_SECONDS: u32 = 300;
const KEYS_REFRESH_SECONDS: u32 = 30;

#[derive(Deserialize)]
struct Answer {
    token: String,
}

/// Whether the service says yes. Everything but a yes or no that it signed for this very question
/// is none.
pub(super) fn ask(
    view: &View<'_>,
    identity: &Identity,
    evaluate_url: &str,
    keys_url: &str,
) -> Result<Held, Need> {
    let failed = |why: String| Ok(Err(Unevaluable::External(why).into()));
    let nonce = URL_SAFE_NO_PAD.encode(view.here.dice(&format!("evaluate:{evaluate_url}")));
    let now = view.here.now();
    let times = now..now.saturating_add(LIFETIME);
    let question = question(view, identity, &nonce);
    let auth_domain = &view.org.auth_domain;
    let question = match token::sign(auth_domain, question, times, view.known, view.here)? {
        Ok(token) => token,
        Err(unanswered) => return failed(unanswered.to_string()),
    };
    let fetch = Fetch {
        method: Method::POST,
        url: evaluate_url.to_owned(),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: Some(json!({"token": question}).to_string()),
        max_bytes: jwt::MAX_BYTES,
        cache: None,
    };
    let answer: Answer = match view.known.fetch(fetch)? {
        Ok(fetched) if fetched.status == 200 => match serde_json::from_str(&fetched.body) {
            Ok(answer) => answer,
            Err(_) => return failed("its answer holds no token".to_owned()),
        },
        Ok(fetched) => return failed(format!("it answered {}", fetched.status)),
        Err(unanswered) => return failed(unanswered.to_string()),
    };
    match verify(view, &answer.token, keys_url)? {
        Ok(claims) => match judge(&claims, &nonce) {
            Some(says) => Ok(Ok(says)),
            None => failed("its answer is to another question, or says nothing".to_owned()),
        },
        Err(why) => failed(why),
    }
}

/// Names as in `get-identity`. The token names no audience and no `type`, so it opens nothing.
fn question(view: &View<'_>, identity: &Identity, nonce: &str) -> Registered {
    let mut told = json!({
        "account_id": view.org.account_id,
        "amr": identity.amr,
        "devicePosture": identity.device_posture,
        "email": identity.email,
        "geo": {"country": view.circumstances.country},
        "groups": identity.groups,
        "iat": identity.authenticated_at,
        "idp": identity.idp,
        "ip": view.circumstances.ip,
        "name": identity.name,
        "user_uuid": identity.user_id,
    });
    if !identity.claims.is_empty() {
        told["custom"] = json!(identity.claims);
    }
    let mut others = Map::new();
    others.insert("identity".to_owned(), told);
    others.insert("nonce".to_owned(), nonce.into());
    let iss = Some(view.here.origin(&view.org.auth_domain));
    Registered { iss, sub: Some(identity.user_id.clone()), aud: None, others }
}

fn verify(view: &View<'_>, token: &str, keys_url: &str) -> Result<Result<Claims, String>, Need> {
    let unverified = match jwt::parse(token) {
        Ok(unverified) => unverified,
        Err(invalid) => return Ok(Err(invalid.to_string())),
    };
    let keys = match keys(view, keys_url, &unverified)? {
        Ok(keys) => keys,
        Err(why) => return Ok(Err(why)),
    };
    let expect = Expect {
        profile: Profile::Other,
        issuer: Issuer::ByKey,
        audience: None,
        now: view.here.now(),
        skew: SKEW,
    };
    let claims = jwt::verify(&unverified, &keys, &ALGORITHMS, &expect, view.known)?;
    Ok(claims.map_err(|invalid| invalid.to_string()))
}

/// The service's keys; anew, if the one that the token names is not among those that are known.
fn keys(
    view: &View<'_>,
    keys_url: &str,
    unverified: &Unverified<'_>,
) -> Result<Result<Vec<Jwk>, String>, Need> {
    let mut newer_than = None;
    loop {
        let fetch = Fetch {
            method: Method::GET,
            url: keys_url.to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: None,
            max_bytes: jwks::MAX_BYTES,
            cache: Some(Cache {
                name: format!("evaluate:{keys_url}"),
                seconds: KEYS_SECONDS,
                refresh_seconds: KEYS_REFRESH_SECONDS,
                newer_than,
            }),
        };
        let fetched = match view.known.fetch(fetch)? {
            Ok(fetched) if fetched.status == 200 => fetched,
            Ok(fetched) => return Ok(Err(format!("its keys: {}", fetched.status))),
            Err(unanswered) => return Ok(Err(format!("its keys: {unanswered}"))),
        };
        let Ok(keys) = jwks::parse(&fetched.body) else {
            return Ok(Err(format!("its keys: {}", jwks::InvalidKeySet)));
        };
        let chosen = jwks::choose(&keys, unverified.algorithm(), unverified.key_id());
        if newer_than.is_none() && chosen == Err(InvalidToken::UnknownKey) {
            newer_than = Some(fetched.at);
            continue;
        }
        return Ok(Ok(keys));
    }
}

fn judge(claims: &Claims, nonce: &str) -> Option<bool> {
    let answered = claims.text("nonce")?;
    let same: bool = answered.as_bytes().ct_eq(nonce.as_bytes()).into();
    let success = claims.others.get("success").and_then(Value::as_bool);
    success.filter(|_| same)
}
