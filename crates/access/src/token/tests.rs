use edge_state::access::session::ProviderReference;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::encoding::from_base64url;
use crate::testing::{NOW, Shell, TEAM, forge, name, public, rsa};

fn application(seconds: u64) -> ApplicationRecord {
    serde_json::from_value(json!({"id": "a", "auth_domain": TEAM, "aud": "aud1", "name": "A",
        "type": "self_hosted", "session_seconds": seconds, "policies": []}))
    .unwrap()
}

fn organization() -> OrganizationRecord {
    serde_json::from_value(json!({"account_id": "a", "auth_domain": TEAM, "name": "T",
        "session_seconds": 3600, "identity_providers": []}))
    .unwrap()
}

fn ada() -> Identity {
    Identity {
        user_id: "u1".into(),
        email: "ada@example.com".into(),
        idp: ProviderReference { id: "i".into(), kind: "oidc".into() },
        amr: vec!["pwd".into(), "otp".into()],
        claims: [("department".to_owned(), json!("R&D"))].into(),
        ..Identity::default()
    }
}

fn person(identity: &Identity) -> Bearer<'_> {
    Bearer::Person { nonce: "n1", session_expires_at: NOW + 1_000, identity }
}

fn issue(shell: &Shell, application: &ApplicationRecord, bearer: Bearer) -> Issued {
    let request = ForApplication {
        application,
        bearer,
        policy_id: Some("p1"),
        seconds: None,
        country: Some("DE"),
    };
    shell.ask(|known, here| issue_application(&request, known, here)).unwrap()
}

fn said(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&from_base64url(payload).unwrap()).unwrap()
}

#[test]
fn a_persons_token_says_what_the_contract_wants() {
    let shell = Shell::default();
    let issued = issue(&shell, &application(900), person(&ada()));
    let expected = json!({"iss": "https://team.example", "aud": ["aud1"], "sub": "u1",
        "type": "app", "email": "ada@example.com", "identity_nonce": "n1", "country": "DE",
        "policy_id": "p1", "amr": ["pwd", "otp"], "custom": {"department": "R&D"},
        "iat": NOW, "nbf": NOW, "exp": NOW + 900});
    assert_eq!(said(&issued.token), expected);
    assert_eq!(issued.expires_at, NOW + 900);
    let header = issued.token.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&from_base64url(header).unwrap()).unwrap();
    assert_eq!(header, json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}));
    let application = application(900);
    let verified =
        shell.ask(|known, here| verify_application(&issued.token, &application, known, here));
    let verified = verified.unwrap();
    assert_eq!((verified.user_id.as_str(), verified.nonce.as_deref()), ("u1", Some("n1")));
}

#[test]
fn a_machines_token_names_it_and_no_person() {
    let shell = Shell { now: NOW + 61, ..Shell::default() };
    let bearer = Bearer::Service { common_name: "x.access" };
    let issued = issue(&shell, &application(900), bearer);
    let minute = (NOW + 61) / 60 * 60;
    let expected = json!({"iss": "https://team.example", "aud": ["aud1"], "sub": "",
        "type": "app", "common_name": "x.access", "country": "DE", "policy_id": "p1",
        "iat": minute, "nbf": minute, "exp": minute + 900});
    assert_eq!(said(&issued.token), expected);
}

#[test]
fn no_token_outlasts_its_session_and_none_ends_at_once() {
    let shell = Shell::default();
    let identity = ada();
    assert_eq!(issue(&shell, &application(86_400), person(&identity)).expires_at, NOW + 1_000);
    assert!(issue(&shell, &application(0), person(&identity)).expires_at > NOW);
    let forever = issue(&shell, &application(u64::MAX), Bearer::Service { common_name: "x" });
    assert!(forever.expires_at <= MAX_TIME);
}

#[test]
fn claims_that_no_cookie_holds_stay_at_get_identity() {
    let mut identity = ada();
    identity.claims.insert("groups".into(), json!(vec!["a long name of a group"; 200]));
    let issued = issue(&Shell::default(), &application(900), person(&identity));
    assert!(said(&issued.token).get("custom").is_none());
    assert!(issued.token.len() < 2_048, "{}", issued.token.len());
}

#[test]
fn a_token_of_one_kind_is_none_of_the_other() {
    let shell = Shell::default();
    let (organization, mut application) = (organization(), application(900));
    application.aud = TEAM.to_owned(); // Even if both were for the same audience.
    let identity = ada();
    let global = shell
        .ask(|known, here| issue_global(&organization, person(&identity), None, known, here))
        .unwrap();
    let own = issue(&shell, &application, person(&identity));
    let app =
        |text: &str| shell.ask(|known, here| verify_application(text, &application, known, here));
    let org = |text: &str| shell.ask(|known, here| verify_global(text, &organization, known, here));
    assert!(app(&own.token).is_ok() && org(&global.token).is_ok());
    assert_eq!(app(&global.token), Err(InvalidToken::Kind));
    assert_eq!(org(&own.token), Err(InvalidToken::Kind));
}

/// The newest key signs; an older one verifies until its time is over; a deleted one never does.
#[test]
fn keys_rotate() {
    let mut shell = Shell::default();
    let application = application(900);
    let token = issue(&shell, &application, person(&ada())).token;
    let verify = |shell: &Shell| {
        shell.ask(|known, here| verify_application(&token, &application, known, here))
    };
    let other = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let ((n, e), (old_n, old_e)) = (public(&other), public(rsa()));
    let rotated = |expires_at: i64| {
        json!({"auth_domain": TEAM, "keys": [
            {"kid": "k2", "n": n, "e": e, "certificate": "", "private_key": "1.test.a.b"},
            {"kid": "k1", "n": old_n, "e": old_e, "certificate": "", "expires_at": expires_at}]})
    };
    shell.put(&format!("keys:{TEAM}"), rotated(NOW + 60));
    assert!(verify(&shell).is_ok());
    let header = issue(&shell, &application, person(&ada())).token;
    let header = jwt::parse(&header).unwrap().key_id().map(str::to_owned);
    assert_eq!(header.as_deref(), Some("k2"));
    shell.put(&format!("keys:{TEAM}"), rotated(NOW));
    assert_eq!(verify(&shell), Err(InvalidToken::UnknownKey));
    // Another key under the old name is another key.
    let renamed = json!({"auth_domain": TEAM, "keys": [
        {"kid": "k1", "n": n, "e": e, "certificate": ""}]});
    shell.put(&format!("keys:{TEAM}"), renamed);
    assert_eq!(verify(&shell), Err(InvalidToken::Signature));
    let request = ForApplication {
        application: &application,
        bearer: Bearer::Service { common_name: "x" },
        policy_id: None,
        seconds: None,
        country: None,
    };
    assert!(shell.ask(|known, here| issue_application(&request, known, here)).is_err());
}

#[test]
fn a_token_counts_until_its_end_and_our_clocks_may_differ_by_seconds() {
    let application = application(900);
    let claims = json!({"iss": "https://team.example", "aud": "aud1", "sub": "u1", "type": "app",
        "identity_nonce": "n", "iat": NOW, "nbf": NOW, "exp": NOW + 900});
    let token = forge(&claims);
    for (now, expected) in [
        (NOW - SKEW - 1, Err(InvalidToken::NotYetValid)),
        (NOW - SKEW, Ok(())),
        (NOW + 900 + SKEW - 1, Ok(())),
        (NOW + 900 + SKEW, Err(InvalidToken::Expired)),
    ] {
        let shell = Shell { now, ..Shell::default() };
        let verified =
            shell.ask(|known, here| verify_application(&token, &application, known, here));
        assert_eq!(verified.map(drop), expected, "{now}");
    }
    assert_eq!(name(TEAM), application.auth_domain);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a token is changed, it is another one or none.
    #[test]
    fn a_changed_token_never_counts(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let application = application(900);
        let shell = Shell::default();
        let token = forge(&json!({"iss": "https://team.example", "aud": "aud1", "sub": "u1",
            "type": "app", "identity_nonce": "n", "iat": NOW, "nbf": NOW, "exp": NOW + 900}));
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != token);
        let verified =
            shell.ask(|known, here| verify_application(&changed, &application, known, here));
        prop_assert!(verified.is_err(), "{changed}");
    }

    #[test]
    fn whatever_is_shown_is_judged_and_nothing_breaks(text in "\\PC{0,300}") {
        let application = application(900);
        let shell = Shell::default();
        let verified =
            shell.ask(|known, here| verify_application(&text, &application, known, here));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn whatever_json_is_in_a_token_it_is_judged(claims in json_value()) {
        let application = application(900);
        let token = forge(&claims);
        let shell = Shell::default();
        let verified =
            shell.ask(|known, here| verify_application(&token, &application, known, here));
        prop_assert!(verified.is_err());
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z./:]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof!["iss|aud|sub|exp|iat|nbf|type|identity_nonce", "[a-z]{1,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..8)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}
