//! `external_evaluation`, with a service that answers well, badly or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::known::{Fetched, Reply};
use crate::need::{Fetch, PublicKey};
use crate::trace::RuleState;

const EVALUATE: &str = "https://judge.example.com/evaluate";
const KEYS: &str = "https://judge.example.com/keys";

/// What the service does. Signatures are taken for right if they are by the key `n` of this service
/// and of the bytes `signature`.
struct Service {
    status: u16,
    header: Value,
    /// Changes the claims of a yes to the question.
    claims: fn(&mut Value),
    signature: u8,
    keys: [Value; 2],
    body: Option<&'static str>,
}

fn jwk(kid: &str) -> Value {
    json!({"kty": "RSA", "kid": kid, "alg": "RS256", "e": "AQAB",
        "n": URL_SAFE_NO_PAD.encode([0xd1; 256])})
}

fn good() -> Service {
    let keys = json!({"keys": [jwk("k1")]});
    Service {
        status: 200,
        header: json!({"alg": "RS256", "kid": "k1"}),
        claims: |_| (),
        signature: 1,
        keys: [keys.clone(), keys],
        body: None,
    }
}

fn rule() -> Value {
    json!([{"external_evaluation": {"evaluate_url": EVALUATE, "keys_url": KEYS}}])
}

impl Service {
    fn answer(&self, fetch: &Fetch) -> Reply {
        let refreshed = fetch.cache.as_ref().is_some_and(|cache| cache.newer_than.is_some());
        let (status, body) = match fetch.url.as_str() {
            KEYS => (200, self.keys[usize::from(refreshed)].to_string()),
            EVALUATE => (self.status, self.evaluate(fetch.body.as_deref().unwrap())),
            url => panic!("{url} was asked"),
        };
        Reply::Fetched(Fetched { status, content_type: String::new(), body, at: NOW })
    }

    fn evaluate(&self, body: &str) -> String {
        let body: Value = serde_json::from_str(body).unwrap();
        let token = body["token"].as_str().unwrap();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let asked: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(asked["identity"]["email"], "ada@example.com");
        assert_eq!(asked["iss"], "https://team.example.com");
        assert!(asked.get("aud").is_none() && asked.get("type").is_none(), "{asked}");
        let mut claims =
            json!({"success": true, "iat": NOW, "exp": NOW + 60, "nonce": asked["nonce"]});
        (self.claims)(&mut claims);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signature = URL_SAFE_NO_PAD.encode([self.signature; 256]);
        let token = format!("{}.{}.{signature}", part(&self.header), part(&claims));
        self.body.map_or_else(|| json!({ "token": token }).to_string(), ToOwned::to_owned)
    }
}

/// Carries out what is needed; says how often the service was asked.
fn drive(service: &Service, policies: &[Policy]) -> (Verdict, usize) {
    let mut scene = Scene::new();
    let key = json!({"kid": "ours", "n": "", "e": "AQAB", "certificate": "", "private_key": "a.b"});
    scene.record(
        "keys:team.example.com",
        Some(json!({
            "auth_domain": "team.example.com", "keys": [key],
        })),
    );
    let mut asked = 0;
    for _ in 0..10 {
        let need = match scene.try_judge(policies) {
            Ok(verdict) => return (verdict, asked),
            Err(need) => need,
        };
        let reply = match &need {
            Need::Fetch(fetch) => {
                asked += usize::from(fetch.url == EVALUATE);
                service.answer(fetch)
            }
            Need::Sign(sign) => {
                assert_eq!(sign.kid, "ours");
                Reply::Signed(vec![9; 256])
            }
            Need::Verify(verify) => {
                assert!(matches!(verify.key, PublicKey::Rsa { .. }));
                Reply::Verified(verify.signature == [1; 256])
            }
            need => panic!("{need:?}"),
        };
        scene.known.insert(need, reply);
    }
    panic!("it never ends");
}

#[test]
fn the_service_decides_in_every_place() {
    let no = || Service { claims: |claims| claims["success"] = json!(false), ..good() };
    for (service, says) in [(good(), true), (no(), false)] {
        for (policy, admits) in [
            (policy("allow", rule(), json!([]), json!([])), says),
            (policy("allow", everyone(), rule(), json!([])), says),
            (policy("allow", everyone(), json!([]), rule()), !says),
        ] {
            let (verdict, asked) = drive(&service, &[policy]);
            assert_eq!((verdict.outcome.admits(), asked), (admits, 1), "{}", verdict.reason());
        }
        for (policy, denies) in [
            (policy("deny", rule(), json!([]), json!([])), says),
            (policy("deny", everyone(), rule(), json!([])), says),
            (policy("deny", everyone(), json!([]), rule()), !says),
        ] {
            let (verdict, _) = drive(&service, &[policy, allow(everyone())]);
            assert_eq!(verdict.outcome.admits(), !denies, "{}", verdict.reason());
        }
    }
}

#[test]
fn a_key_that_is_new_is_found() {
    let old = json!({"keys": [jwk("k0")]});
    let [new, _] = good().keys;
    let rotated = Service { keys: [old.clone(), new], ..good() };
    assert!(drive(&rotated, &[allow(rule())]).0.outcome.admits());
    let unknown = Service { keys: [old.clone(), old], ..good() };
    assert!(!drive(&unknown, &[allow(rule())]).0.outcome.admits());
}

/// Neither yes nor no keeps people out, also where a yes would.
#[test]
fn whatever_is_no_answer_keeps_people_out() {
    let bad = [
        Service { status: 500, ..good() },
        Service { status: 302, ..good() },
        Service { body: Some("{}"), ..good() },
        Service { body: Some(r#"{"token":"yes"}"#), ..good() },
        Service { body: Some(r#"{"success":true}"#), ..good() },
        Service { signature: 2, ..good() },
        Service { header: json!({"alg": "none"}), ..good() },
        Service { header: json!({"alg": "HS256", "kid": "k1"}), ..good() },
        Service { header: json!({"alg": "ES256", "kid": "k1"}), ..good() },
        Service { header: json!({"alg": "PS256", "kid": "k1"}), ..good() },
        Service { header: json!({"alg": "RS256", "kid": "k2"}), ..good() },
        Service { claims: |claims| claims["nonce"] = json!("another"), ..good() },
        Service { claims: |claims| claims["nonce"] = json!(null), ..good() },
        Service { claims: |claims| claims["success"] = json!("true"), ..good() },
        Service { claims: |claims| claims["success"] = json!(1), ..good() },
        Service { claims: |claims| claims["exp"] = json!(NOW - 61), ..good() },
        Service { claims: |claims| claims["exp"] = json!(null), ..good() },
        Service { claims: |claims| claims["iat"] = json!(NOW + 61), ..good() },
        Service { keys: [json!({"keys": []}), json!({"keys": []})], ..good() },
        Service { keys: [json!("no"), json!("no")], ..good() },
    ];
    for (n, service) in bad.iter().enumerate() {
        for policy in [
            policy("allow", rule(), json!([]), json!([])),
            policy("allow", everyone(), rule(), json!([])),
            policy("allow", everyone(), json!([]), rule()),
        ] {
            let (verdict, _) = drive(service, &[policy]);
            assert!(!verdict.outcome.admits(), "{n}");
            let reason = verdict.reason();
            assert!(reason.contains("the service that evaluates: "), "{n}: {reason}");
        }
        for policy in [deny(rule()), policy("deny", everyone(), json!([]), rule())] {
            let (verdict, _) = drive(service, &[policy, allow(everyone())]);
            assert!(!verdict.outcome.admits(), "{n}: {}", verdict.reason());
        }
    }
}

#[test]
fn a_service_is_asked_only_if_it_matters() {
    let ada = || json!({"email": {"email": "ada@example.com"}});
    let bob = || json!({"email": {"email": "bob@example.com"}});
    let with = |other: Value| {
        let mut rules = rule();
        rules.as_array_mut().unwrap().push(other);
        rules
    };
    for (policy, admits) in [
        (policy("allow", with(ada()), json!([]), json!([])), true),
        (policy("allow", rule(), json!([bob()]), json!([])), false),
        (policy("allow", rule(), json!([]), json!([ada()])), false),
        (policy("allow", json!([ada()]), json!([]), with(ada())), false),
    ] {
        let (verdict, asked) = drive(&good(), &[policy]);
        assert_eq!((verdict.outcome.admits(), asked), (admits, 0));
        let traced = serde_json::to_string(&verdict.trace).unwrap();
        assert!(traced.contains(r#""state":"not_asked""#), "{traced}");
    }
    // Nobody has signed in, so there is nobody to ask about.
    let scene = Scene::new().with(|scene| scene.identity = None);
    let verdict = scene.judge(&[allow(rule())]);
    assert_eq!(verdict.outcome, Outcome::SignIn);
    assert_eq!(verdict.trace.policies[0].criteria.include[0].state, RuleState::NeedsIdentity);
    assert!(scene.judge(&[deny(rule()), allow(everyone())]).outcome == Outcome::SignIn);
    // Nor does it judge machines.
    let bypass = policy("bypass", rule(), json!([]), json!([]));
    assert!(!Scene::new().outcome(&[bypass]).admits());
}

#[test]
fn somebody_who_is_in_is_not_asked_about_again() {
    let scene = Scene::new();
    let again = |policies: &[Policy], admitted_by: Option<&str>| {
        scene
            .ask(|subject, circumstances, here| {
                let (known, org) = (&scene.known, &scene.org);
                evaluate_again(policies, subject, circumstances, known, here, org, admitted_by)
            })
            .unwrap()
            .outcome
    };
    let out = Outcome::Deny { policy: None };
    let policies = [deny(rule()), policy("allow", everyone(), rule(), json!([]))];
    assert_eq!(again(&policies, Some("p-allow")), Outcome::Allow { policy: 1 });
    // Let in by something else that is gone: the service has to be asked now.
    assert_eq!(again(&policies, Some("p-other")), Outcome::SignIn);
    assert_eq!(again(&policies, None), Outcome::SignIn);
    let [external, all] = [allow(rule()), deny(everyone())];
    assert_eq!(again(&[external.clone(), all.clone()], None), Outcome::SignIn);
    assert_eq!(again(&[all, external], None), Outcome::Deny { policy: Some(0) });
    // A service does not change where somebody is.
    let abroad = json!([{"geo": {"country_code": "DE"}}]);
    for admitted_by in [Some("p-allow"), None] {
        assert_eq!(again(&[policy("allow", rule(), abroad.clone(), json!([]))], admitted_by), out);
    }
    let draft = scene.ask(|subject, circumstances, here| {
        crate::draft::check(&policies, subject, circumstances, &scene.known, here, &scene.org)
    });
    assert_eq!(draft.unwrap().outcome, Outcome::Deny { policy: Some(0) });
}
