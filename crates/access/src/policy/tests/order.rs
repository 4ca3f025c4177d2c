//! Which policy decides, and what is decided before anybody signed in.

use super::*;
use crate::draft;
use crate::explain::Hint;
use crate::selector::group::{MAX_DEPTH, MAX_GROUPS};

fn nobody() -> Scene {
    Scene::new().with(|scene| scene.identity = None)
}

fn at(country: &str) -> Value {
    json!([{"geo": {"country_code": country}}])
}

fn ada() -> Value {
    json!([{"email": {"email": "ada@example.com"}}])
}

#[test]
fn the_first_policy_that_matches_decides() {
    let scene = Scene::new();
    let none = Outcome::Deny { policy: None };
    assert_eq!(scene.outcome(&[]), none);
    assert_eq!(scene.outcome(&[allow(json!([]))]), none, "nobody is included");
    let both = [allow(ada()), deny(everyone())];
    assert_eq!(scene.outcome(&both), Outcome::Allow { policy: 0 });
    let both = [deny(everyone()), allow(ada())];
    assert_eq!(scene.outcome(&both), Outcome::Deny { policy: Some(0) });
    let machines_first = [
        deny(everyone()),
        allow(ada()),
        policy("non_identity", at("DE"), json!([]), json!([])),
        policy("bypass", at("AT"), json!([]), json!([])),
        policy("non_identity", at("AT"), json!([]), json!([])),
    ];
    assert_eq!(scene.outcome(&machines_first), Outcome::Bypass { policy: 3 });
    let verdict = scene.judge(&machines_first);
    let looked_at: Vec<usize> = verdict.trace.policies.iter().map(|policy| policy.index).collect();
    assert_eq!(looked_at, [2, 3]);
}

#[test]
fn passers_by_are_no_machines() {
    let service = [policy("non_identity", everyone(), json!([]), json!([]))];
    assert!(!nobody().outcome(&service).admits());
    let bypass = [policy("bypass", everyone(), json!([]), json!([]))];
    assert_eq!(nobody().outcome(&bypass), Outcome::Bypass { policy: 0 });
    let certified = nobody().with(|scene| {
        let sha256 = "00".repeat(32);
        scene.certificate = Some(ClientCertificate { common_name: None, sha256, der: None });
    });
    assert_eq!(certified.outcome(&service), Outcome::Service { policy: 0 });
}

#[test]
fn a_service_token_decides_alone_if_the_organisation_is_strict() {
    let token = json!({
        "client_id": "c.access", "id": "t1", "auth_domain": "team.example.com", "name": "robot",
        "secrets": [],
    });
    let scene = Scene::new().with(|scene| {
        scene.service_token = serde_json::from_value(token).unwrap();
    });
    let policies = [allow(everyone())];
    assert!(scene.outcome(&policies).admits());
    let scene = scene.with(|scene| scene.org.strict_service_token_auth = true);
    assert_eq!(scene.outcome(&policies), Outcome::Deny { policy: None });
    let service =
        policy("non_identity", json!([{"any_valid_service_token": {}}]), json!([]), json!([]));
    assert_eq!(scene.outcome(&[allow(everyone()), service]), Outcome::Service { policy: 1 });
}

#[test]
fn who_could_come_in_is_asked_to_sign_in() {
    for (policies, expected) in [
        (vec![allow(ada())], Outcome::SignIn),
        (vec![allow(everyone())], Outcome::SignIn),
        (vec![allow(at("AT"))], Outcome::SignIn),
        // Signing in changes neither country nor address.
        (vec![allow(at("DE"))], Outcome::Deny { policy: None }),
        (vec![policy("allow", ada(), at("DE"), json!([]))], Outcome::Deny { policy: None }),
        (vec![policy("allow", ada(), json!([]), at("AT"))], Outcome::Deny { policy: None }),
        (vec![policy("allow", ada(), at("AT"), at("DE"))], Outcome::SignIn),
        (vec![deny(everyone()), allow(ada())], Outcome::Deny { policy: Some(0) }),
        (vec![deny(at("AT")), allow(ada())], Outcome::Deny { policy: Some(0) }),
        (vec![deny(at("DE")), allow(ada())], Outcome::SignIn),
        // Who signs in need not be the one who is denied.
        (vec![deny(ada()), allow(everyone())], Outcome::SignIn),
        (vec![policy("deny", everyone(), json!([]), ada()), allow(everyone())], Outcome::SignIn),
        (vec![allow(json!([]))], Outcome::Deny { policy: None }),
        (vec![deny(everyone())], Outcome::Deny { policy: Some(0) }),
        (vec![], Outcome::Deny { policy: None }),
        (vec![allow(json!([{"ip": {"ip": "nowhere"}}]))], Outcome::Deny { policy: None }),
    ] {
        let verdict = nobody().judge(&policies);
        assert_eq!(verdict.outcome, expected, "{policies:?} {}", verdict.reason());
    }
}

#[test]
fn records_are_asked_for_and_only_where_they_matter() {
    let rule = json!([{"group": {"id": "g1"}}]);
    let need = Scene::new().try_judge(&[allow(rule.clone())]).unwrap_err();
    assert_eq!(need, Need::Record(Key::Group("g1".to_owned())));
    // The policy before it decides.
    assert!(Scene::new().try_judge(&[allow(ada()), allow(rule)]).is_ok());
    // Nobody can be on it yet.
    let list = allow(json!([{"email_list": {"id": "l1"}}]));
    assert_eq!(nobody().judge(&[list]).outcome, Outcome::SignIn);
}

#[test]
fn groups_that_contain_themselves_end() {
    let scene = |include: Value| {
        Scene::new().with(|scene| {
            scene.group("g1", json!({"include": [{"group": {"id": "g2"}}, include]}));
            scene.group("g2", json!({"include": [{"group": {"id": "g1"}}]}));
        })
    };
    let group = || json!([{"group": {"id": "g1"}}]);
    let ada = json!({"email": {"email": "ada@example.com"}});
    let bob = json!({"email": {"email": "bob@example.com"}});
    assert!(scene(ada).outcome(&[allow(group())]).admits(), "another rule decides");
    let stranger = scene(bob);
    let verdict = stranger.judge(&[allow(group())]);
    assert!(!verdict.outcome.admits());
    let trace = serde_json::to_string(&verdict.trace).unwrap();
    assert!(trace.contains("the group contains itself"), "{trace}");
    let excluded = policy("allow", everyone(), json!([]), group());
    assert!(!stranger.outcome(&[excluded]).admits());
    assert!(!stranger.outcome(&[deny(group()), allow(everyone())]).admits());
}

#[test]
fn groups_are_followed_so_far_and_no_further() {
    let chain = |length: usize| {
        Scene::new().with(|scene| {
            for n in 1..length {
                let next = format!("g{}", n + 1);
                scene.group(&format!("g{n}"), json!({"include": [{"group": {"id": next}}]}));
            }
            scene.group(&format!("g{length}"), json!({"include": [{"everyone": {}}]}));
        })
    };
    let policies = [allow(json!([{"group": {"id": "g1"}}]))];
    assert!(chain(MAX_DEPTH).outcome(&policies).admits());
    assert!(!chain(MAX_DEPTH + 1).outcome(&policies).admits());

    let many = |count: usize| {
        let mut rules = vec![json!({"group": {"id": "none"}}); count];
        rules.push(json!({"group": {"id": "g1"}}));
        let scene = chain(1).with(|scene| scene.group("none", json!({})));
        scene.outcome(&[allow(Value::Array(rules))]).admits()
    };
    assert!(many(MAX_GROUPS - 1));
    assert!(!many(MAX_GROUPS));
}

#[test]
fn the_log_says_why_in_one_line() {
    let scene = Scene::new();
    let reason = |policies: &[Policy]| scene.judge(policies).reason();
    assert_eq!(reason(&[allow(ada())]), r#"allowed by "Some allow" by email ada@example.com"#);
    assert_eq!(reason(&[deny(at("AT"))]), r#"denied by "Some deny" by geo AT"#);
    assert_eq!(
        reason(&[policy("allow", ada(), at("DE"), json!([{"ip": {"ip": "home"}}]))]),
        r#"no policy admits; "Some allow": requires geo DE, excludes ip home: is not a network"#
    );
    assert_eq!(
        reason(&[allow(json!([{"device_posture": {"integration_uid": "r1"}}]))]),
        "no policy admits; \"Some allow\": no include rule holds \
         (device_posture r1: nothing is known of the device)"
    );
    assert_eq!(reason(&[]), "there is no policy");
    assert_eq!(nobody().judge(&[allow(ada())]).reason(), "a sign-in is needed");
    let long = "x".repeat(10_000);
    assert!(
        reason(&[policy(
            "allow",
            everyone(),
            json!([{"okta":
        {"name": long, "identity_provider_id": "i"}}]),
            json!([])
        )])
        .len()
            < 300
    );
}

#[test]
fn hints_are_for_those_whom_a_policy_is_meant_for() {
    let hints = |include: Value, require: Value| {
        Scene::new().judge(&[policy("allow", include, require, json!([]))]).hints()
    };
    let strong = json!([{"auth_method": {"auth_method": "hwk"}}, {"geo": {"country_code": "DE"}}]);
    assert_eq!(hints(ada(), strong.clone()), [Hint::Place, Hint::StrongerSignIn]);
    let stranger = json!([{"email": {"email": "bob@example.com"}}]);
    assert_eq!(hints(stranger, strong), []);
    assert_eq!(Scene::new().judge(&[deny(at("AT"))]).hints(), []);
}

#[test]
fn long_policies_have_short_traces() {
    let mut rules: Vec<Value> =
        (0..2000).map(|n| json!({"email": {"email": format!("{n}@example.com")}})).collect();
    rules.push(json!({"email": {"email": "ada@example.com"}}));
    let verdict = Scene::new().judge(&[allow(Value::Array(rules))]);
    assert!(verdict.outcome.admits());
    let criteria = &verdict.trace.policies[0].criteria;
    assert_eq!((criteria.include.len(), criteria.omitted), (51, 1950));
    assert!(verdict.reason().contains("ada@example.com"));
}

#[test]
fn drafts() {
    let lockout = |saved: &[Policy], draft: &[Policy]| {
        let scene = Scene::new();
        scene
            .ask(|subject, circumstances, here| {
                draft::lockout(saved, draft, subject, circumstances, &scene.known, here, &scene.org)
            })
            .unwrap()
    };
    let (with, without) = ([allow(ada())], [allow(json!([{"email": {"email": "b@example.com"}}]))]);
    assert_eq!(lockout(&with, &with), None);
    assert_eq!(lockout(&without, &without), None, "nothing is lost");
    assert_eq!(lockout(&without, &with), None);
    assert_eq!(lockout(&with, &without).unwrap().outcome, Outcome::Deny { policy: None });

    let event = |country: &str, identity: Value| {
        serde_json::from_value(json!({
            "id": "e", "auth_domain": "team.example.com", "at_millis": 0, "action": "login",
            "allowed": true, "ray_id": "r", "reason": "", "ip_address": "192.0.2.7",
            "country": country, "identity": identity,
        }))
        .unwrap()
    };
    let replay = |policies: &[Policy], event| {
        let scene = Scene::new();
        scene
            .ask(|_, _, here| draft::replay(policies, &event, &scene.known, here, &scene.org))
            .unwrap()
            .outcome
    };
    let policies = [policy("allow", ada(), at("AT"), json!([{"ip": {"ip": "10.0.0.0/8"}}]))];
    let identity = serde_json::to_value(Scene::new().identity).unwrap();
    assert_eq!(replay(&policies, event("AT", identity.clone())), Outcome::Allow { policy: 0 });
    assert_eq!(replay(&policies, event("DE", identity)), Outcome::Deny { policy: None });
    assert_eq!(replay(&policies, event("AT", json!(null))), Outcome::SignIn);
}
