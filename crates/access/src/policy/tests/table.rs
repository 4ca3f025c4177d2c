//! Every selector, held, not held and where it can be unevaluable, in include, require and exclude,
//! of policies that admit and of policies that deny.

use std::collections::{BTreeMap, BTreeSet};

use edge_state::access::Rule;

use super::*;
use crate::trace::RuleState;
use RuleState::{Held, NotHeld, Unevaluable};

struct Row {
    rule: Value,
    scene: Scene,
    state: RuleState,
}

fn row(rule: Value, state: RuleState, change: impl FnOnce(&mut Scene)) -> Row {
    Row { rule, scene: Scene::new().with(change), state }
}

fn identity(scene: &mut Scene) -> &mut Identity {
    scene.identity.as_mut().unwrap()
}

fn email(email: &'static str) -> impl FnOnce(&mut Scene) {
    move |scene| identity(scene).email = email.to_owned()
}

fn amr(methods: &'static [&'static str]) -> impl FnOnce(&mut Scene) {
    move |scene| identity(scene).amr = methods.iter().map(ToString::to_string).collect()
}

fn ip(ip: &'static str) -> impl FnOnce(&mut Scene) {
    move |scene| scene.ip = Some(ip.parse().unwrap())
}

/// Something that the provider `okta-1` says.
fn said(field: &'static str, value: Value) -> impl FnOnce(&mut Scene) {
    move |scene| {
        let mut text = serde_json::to_value(&scene.identity).unwrap();
        text[field] = value;
        scene.identity = serde_json::from_value(text).unwrap();
    }
}

fn people() -> Vec<Row> {
    let address = || json!({"email": {"email": "Ada@Example.com"}});
    let domain = || json!({"email_domain": {"domain": "Example.com"}});
    let on_list = || json!({"email_list": {"id": "l1"}});
    let list = |kind: &'static str| {
        move |scene: &mut Scene| scene.list("l1", kind, &["ada@example.com", "bob@example.com"])
    };
    let method = |name: &str| json!({"auth_method": {"auth_method": name}});
    let by = |id: &str| json!({"login_method": {"id": id}});
    let score = |scores: Value| json!({"user_risk_score": {"user_risk_score": scores}});
    let member = |account: Value| json!({"cloudflare_account_member": account});
    vec![
        row(address(), Held, |_| ()),
        row(address(), NotHeld, email("bob@example.com")),
        // The Kelvin sign is no k, and nothing is nobody's address.
        row(
            json!({"email": {"email": "kay@example.com"}}),
            NotHeld,
            email("\u{212a}ay@example.com"),
        ),
        row(json!({"email": {"email": ""}}), NotHeld, email("")),
        row(domain(), Held, |_| ()),
        row(domain(), NotHeld, email("ada@sub.example.com")),
        row(domain(), NotHeld, email("ada@notexample.com")),
        row(domain(), NotHeld, email("ada@example.com@evil.test")),
        row(domain(), Held, email("\"a@evil.test\"@example.com")),
        row(domain(), NotHeld, email("example.com")),
        row(domain(), NotHeld, email("@example.com")),
        row(domain(), NotHeld, email("ada@example.com.")),
        row(json!({"email_domain": {"domain": ""}}), NotHeld, email("ada@")),
        row(on_list(), Held, list("EMAIL")),
        row(on_list(), Held, |scene| {
            email("BOB@example.com")(scene);
            list("EMAIL")(scene);
        }),
        row(on_list(), NotHeld, |scene| {
            email("cy@example.com")(scene);
            list("EMAIL")(scene);
        }),
        row(on_list(), Unevaluable, list("SERIAL")),
        row(on_list(), Unevaluable, |scene| scene.record("list:l1", None)),
        row(by("okta-1"), Held, |_| ()),
        row(by("okta-2"), NotHeld, |_| ()),
        row(method("pwd"), Held, |_| ()),
        row(method("hwk"), NotHeld, |_| ()),
        row(method("hwk"), NotHeld, amr(&["swk", "HWK"])),
        row(method("hwk"), Held, amr(&["hwk"])),
        row(method("swk"), Held, amr(&["pwd", "swk"])),
        row(method("mfa"), Held, amr(&["mfa"])),
        row(method("mfa"), Held, amr(&["pwd", "otp"])),
        row(method("mfa"), Held, amr(&["hwk", "fpt"])),
        row(method("mfa"), NotHeld, amr(&["otp", "sms"])),
        row(method("mfa"), NotHeld, amr(&["pwd", "pin"])),
        row(method("mfa"), NotHeld, amr(&[])),
        row(score(json!(["unscored"])), Held, |_| ()),
        row(score(json!(["low", "medium"])), NotHeld, |_| ()),
        row(score(json!(["low"])), Held, said("risk_score", json!("low"))),
        row(score(json!(["unscored"])), NotHeld, said("risk_score", json!("high"))),
        row(member(json!({})), Held, said("account_member", json!(true))),
        row(member(json!({})), NotHeld, |_| ()),
        row(member(json!({"account_id": "a1"})), Held, said("account_member", json!(true))),
        row(member(json!({"account_id": "a2"})), Unevaluable, said("account_member", json!(true))),
        row(json!({"everyone": {}}), Held, |_| ()),
    ]
}

fn providers() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut both = |selector: &str, value: Value, field: &'static str, says: Value| {
        let rule = |provider: &str| {
            let mut value = value.clone();
            value["identity_provider_id"] = json!(provider);
            json!({ selector: value })
        };
        rows.push(row(rule("okta-1"), Held, said(field, says.clone())));
        rows.push(row(rule("okta-1"), NotHeld, |_| ()));
        rows.push(row(rule("okta-2"), NotHeld, said(field, says)));
    };
    let group =
        |text: &str| json!([{"name": "others"}, serde_json::from_str::<Value>(text).unwrap()]);
    both("azureAD", json!({"id": "AAAA-1"}), "groups", group(r#"{"id":"aaaa-1"}"#));
    both("gsuite", json!({"email": "team@x.test"}), "groups", group(r#"{"email":"Team@x.test"}"#));
    both("okta", json!({"name": "Staff"}), "groups", group(r#"{"name":"Staff"}"#));
    both("github-organization", json!({"name": "Acme"}), "groups", group(r#"{"name":"acme"}"#));
    both(
        "github-organization",
        json!({"name": "Acme", "team": "core"}),
        "groups",
        group(r#"{"name":"acme/Core"}"#),
    );
    both(
        "auth_context",
        json!({"id": "x", "ac_id": "c1"}),
        "claims",
        json!({"acrs": ["c1", "c2"]}),
    );
    both("auth_context", json!({"id": "x", "ac_id": "c1"}), "acr", json!("c1"));
    let attribute = json!({"attribute_name": "dep", "attribute_value": "it"});
    both("saml", attribute.clone(), "claims", json!({"dep": "it"}));
    both("saml", attribute, "claims", json!({"dep": ["hr", "it"]}));
    let claim = |value: &str| json!({"claim_name": "dep", "claim_value": value});
    both("oidc", claim("it"), "claims", json!({"dep": ["it"]}));
    both("oidc", claim("true"), "claims", json!({"dep": true}));
    both("oidc", claim("7"), "claims", json!({"dep": 7}));
    let groups = json!({"claim_name": "groups", "claim_value": "Staff"});
    both("oidc", groups, "groups", group(r#"{"name":"Staff"}"#));
    let mut never = |rule: Value, field: &'static str, says: Value| {
        rows.push(row(rule, NotHeld, said(field, says)));
    };
    let github = |team: Value| {
        let mut rule = json!({"name": "acme", "identity_provider_id": "okta-1"});
        if !team.is_null() {
            rule["team"] = team;
        }
        json!({"github-organization": rule})
    };
    // A team is no organisation, nor an organisation a team, nor another organisation's team ours.
    never(github(json!(null)), "groups", json!([{"name": "acme/core"}]));
    never(github(json!("core")), "groups", json!([{"name": "acme"}, {"name": "other/core"}]));
    let okta = |name: &str| json!({"okta": {"name": name, "identity_provider_id": "okta-1"}});
    never(okta("Staff"), "groups", json!([{"name": "staff"}, {"id": "Staff"}]));
    never(okta(""), "groups", json!([{"name": ""}]));
    let oidc = |value: &str| json!({"oidc": {"claim_name": "dep", "claim_value": value, "identity_provider_id": "okta-1"}});
    never(oidc("it"), "claims", json!({"dep": {"it": "it"}}));
    never(oidc("it"), "claims", json!({"dep": [["it"]]}));
    never(oidc("null"), "claims", json!({"dep": null}));
    never(oidc("it"), "claims", json!({"dep": "it,hr"}));
    rows
}

fn places() -> Vec<Row> {
    let from = |ip: &str| json!({"ip": {"ip": ip}});
    let on_list = || json!({"ip_list": {"id": "l1"}});
    let listed = |address: &'static str| {
        move |scene: &mut Scene| {
            let networks = ["192.0.2.0/28", "192.0.2.99/32", "198.51.100.0/25", "2001:db8:1::/48"];
            scene.list("l1", "IP", &networks);
            ip(address)(scene);
        }
    };
    let geo = |code: &str| json!({"geo": {"country_code": code}});
    let country = |country: Option<&'static str>| {
        move |scene: &mut Scene| scene.country = country.map(ToOwned::to_owned)
    };
    vec![
        row(from("192.0.2.0/24"), Held, |_| ()),
        row(from("192.0.2.7"), Held, |_| ()),
        row(from("192.0.2.200/24"), Held, |_| ()),
        row(from("192.0.2.8/29"), NotHeld, |_| ()),
        row(from("0.0.0.0/0"), Held, |_| ()),
        row(from("::/0"), NotHeld, |_| ()),
        row(from("192.0.2.0/24"), Held, ip("::ffff:192.0.2.9")),
        row(from("::ffff:192.0.2.0/120"), Held, |_| ()),
        row(from("2001:db8::/32"), Held, ip("2001:db8::1")),
        row(from("2001:db8::/32"), NotHeld, ip("2001:db9::1")),
        row(from("192.0.2.0/24"), Unevaluable, |scene| scene.ip = None),
        row(from("home"), Unevaluable, |_| ()),
        row(on_list(), Held, listed("192.0.2.7")),
        row(on_list(), Held, listed("192.0.2.99")),
        row(on_list(), Held, listed("::ffff:198.51.100.127")),
        row(on_list(), Held, listed("2001:db8:1:ffff::1")),
        row(on_list(), NotHeld, listed("192.0.2.16")),
        row(on_list(), NotHeld, listed("198.51.100.128")),
        row(on_list(), NotHeld, listed("2001:db8:2::1")),
        row(on_list(), Unevaluable, |scene| scene.list("l1", "EMAIL", &["192.0.2.7/32"])),
        row(on_list(), Unevaluable, |scene| scene.record("list:l1", None)),
        row(on_list(), Unevaluable, |scene| {
            listed("192.0.2.7")(scene);
            scene.ip = None;
        }),
        row(geo("AT"), Held, |_| ()),
        row(geo("at"), Held, |_| ()),
        row(geo("DE"), NotHeld, |_| ()),
        row(geo("AT"), Unevaluable, country(None)),
        row(geo("AT"), Unevaluable, country(Some("XX"))),
        row(geo("T1"), Held, country(Some("T1"))),
    ]
}

fn credentials() -> Vec<Row> {
    let certificate = |name: Option<&'static str>| {
        move |scene: &mut Scene| {
            let common_name = name.map(ToOwned::to_owned);
            let sha256 = "00".repeat(32);
            scene.certificate = Some(ClientCertificate { common_name, sha256, der: None });
        }
    };
    let named = || json!({"common_name": {"common_name": "robot-1"}});
    let token = |field: &'static str, value: Value| {
        move |scene: &mut Scene| {
            let mut token = json!({
                "client_id": "c.access", "id": "t1", "auth_domain": "team.example.com",
                "name": "robot", "secrets": [],
            });
            token[field] = value;
            scene.service_token = Some(serde_json::from_value(token).unwrap());
        }
    };
    let is = |id: &str| json!({"service_token": {"token_id": id}});
    let any = || json!({"any_valid_service_token": {}});
    let posture = |account: Value| json!({"device_posture": {"integration_uid": "r1", "account_id": account}});
    let checked = |meets: bool| said("device_posture", json!({"r1": meets, "r2": !meets}));
    vec![
        row(json!({"certificate": {}}), Held, certificate(None)),
        row(json!({"certificate": {}}), NotHeld, |_| ()),
        row(named(), Held, certificate(Some("robot-1"))),
        row(named(), NotHeld, certificate(Some("Robot-1"))),
        row(named(), NotHeld, certificate(None)),
        row(named(), NotHeld, |_| ()),
        row(is("t1"), Held, token("id", json!("t1"))),
        row(is("t1"), NotHeld, token("id", json!("t2"))),
        row(is("t1"), NotHeld, |_| ()),
        row(is("t1"), NotHeld, token("enabled", json!(false))),
        row(is("t1"), NotHeld, token("expires_at", json!(NOW))),
        row(is("t1"), Held, token("expires_at", json!(NOW + 1))),
        row(is("t1"), NotHeld, token("auth_domain", json!("other.example.com"))),
        row(any(), Held, token("id", json!("t9"))),
        row(any(), NotHeld, |_| ()),
        row(any(), NotHeld, token("enabled", json!(false))),
        row(posture(json!(null)), Held, checked(true)),
        row(posture(json!("a1")), Held, checked(true)),
        row(posture(json!(null)), NotHeld, checked(false)),
        row(posture(json!(null)), Unevaluable, |_| ()),
        row(posture(json!("a2")), Unevaluable, checked(true)),
        // For machines' policies only: see `machines`.
        row(json!({"linked_app_token": {"app_uid": "app-1"}}), Unevaluable, |scene| {
            scene.linked_app_tokens = vec!["app-1".to_owned()];
        }),
    ]
}

fn groups() -> Vec<Row> {
    let is = || json!({"group": {"id": "g1"}});
    let group = |criteria: Value| move |scene: &mut Scene| scene.group("g1", criteria);
    let ada = || json!({"email": {"email": "ada@example.com"}});
    let bob = || json!({"email": {"email": "bob@example.com"}});
    vec![
        row(is(), Held, group(json!({"include": [bob(), ada()]}))),
        row(is(), NotHeld, group(json!({"include": [bob()]}))),
        row(is(), NotHeld, group(json!({"include": []}))),
        row(is(), NotHeld, group(json!({"include": [ada()], "require": [bob()]}))),
        row(is(), NotHeld, group(json!({"include": [ada()], "exclude": [ada()]}))),
        row(is(), Held, group(json!({"include": [ada()], "require": [ada()], "exclude": [bob()]}))),
        row(is(), Held, |scene| {
            scene.group("g1", json!({"include": [{"group": {"id": "g2"}}]}));
            scene.group("g2", json!({"include": [ada()]}));
        }),
        row(is(), Unevaluable, |scene| scene.record("group:g1", None)),
    ]
}

fn rows() -> Vec<Row> {
    [people(), providers(), places(), credentials(), groups()].into_iter().flatten().collect()
}

/// Something that holds in every scene, also where one thing is not known.
fn base() -> Value {
    json!([{"everyone": {}}])
}

/// Whether somebody comes in by an allow policy, and whether a deny policy keeps them out, with the
/// rule in one place.
fn check(
    row: &Row,
    place: &str,
    include: Value,
    require: Value,
    exclude: Value,
    expected: [bool; 2],
) {
    let admits = policy("allow", include.clone(), require.clone(), exclude.clone());
    let verdict = row.scene.judge(&[admits]);
    let said = format!("{place} {}: {}", row.rule, verdict.reason());
    assert_eq!(verdict.outcome.admits(), expected[0], "allow {said}");
    let criteria = &verdict.trace.policies[0].criteria;
    let traced = match place {
        "include" => &criteria.include[0],
        "require" => &criteria.require[0],
        _ => &criteria.exclude[0],
    };
    if traced.group.is_none() {
        assert_eq!(traced.state, row.state, "{said}");
    }
    assert_eq!(traced.why.is_some(), row.state == Unevaluable, "{said}");
    let denies = [policy("deny", include, require, exclude), allow(everyone())];
    assert_eq!(!row.scene.outcome(&denies).admits(), expected[1], "deny {said}");
}

#[test]
fn every_selector_in_every_place() {
    for row in rows() {
        let rule = || json!([row.rule]);
        let (held, not_held) = (row.state == Held, row.state == NotHeld);
        // What cannot be evaluated keeps people out, everywhere.
        check(&row, "include", rule(), json!([]), json!([]), [held, !not_held]);
        check(&row, "require", base(), rule(), json!([]), [held, !not_held]);
        check(&row, "exclude", base(), json!([]), rule(), [not_held, !held]);
    }
}

/// Where people are not asked who they are.
#[test]
fn machines() {
    let linked = |scene: &mut Scene| scene.linked_app_tokens = vec!["app-1".to_owned()];
    let rule = |id: &str| json!([{"linked_app_token": {"app_uid": id}}]);
    for decision in ["bypass", "non_identity"] {
        let scene = Scene::new().with(linked);
        let admits = |include, require, exclude| {
            scene.outcome(&[policy(decision, include, require, exclude)]).admits()
        };
        let here = || json!([{"ip": {"ip": "192.0.2.7"}}]);
        assert!(admits(rule("app-1"), json!([]), json!([])));
        assert!(!admits(rule("app-2"), json!([]), json!([])));
        assert!(admits(here(), rule("app-1"), json!([])));
        assert!(!admits(here(), rule("app-2"), json!([])));
        assert!(!admits(here(), json!([]), rule("app-1")));
        assert!(admits(here(), json!([]), rule("app-2")));
    }
    // Everything that does not ask who somebody is counts the same there.
    let same = places().into_iter().chain(credentials());
    for row in same.filter(|row| row.rule.get("linked_app_token").is_none()) {
        for decision in ["bypass", "non_identity"] {
            let policy = policy(decision, json!([row.rule]), json!([]), json!([]));
            let admitted = row.scene.outcome(&[policy]).admits();
            assert_eq!(admitted, row.state == Held, "{decision} {}", row.rule);
        }
    }
}

#[test]
fn rules_about_people_admit_nobody_where_people_are_not_asked() {
    for row in people().into_iter().chain(providers()) {
        if row.rule.get("everyone").is_some() {
            continue;
        }
        let here = || json!([{"ip": {"ip": "0.0.0.0/0"}}]);
        for decision in ["bypass", "non_identity"] {
            for policy in [
                policy(decision, json!([row.rule]), json!([]), json!([])),
                policy(decision, here(), json!([row.rule]), json!([])),
                policy(decision, here(), json!([]), json!([row.rule])),
            ] {
                assert!(!row.scene.outcome(&[policy]).admits(), "{decision} {}", row.rule);
            }
        }
    }
}

/// `{}` of a selector, so that a new one does not compile before it has a name here.
fn name(rule: &Rule) -> &'static str {
    match rule {
        Rule::Email { .. } => "email",
        Rule::EmailDomain { .. } => "email_domain",
        Rule::EmailList { .. } => "email_list",
        Rule::Everyone {} => "everyone",
        Rule::Ip { .. } => "ip",
        Rule::IpList { .. } => "ip_list",
        Rule::Geo { .. } => "geo",
        Rule::Group { .. } => "group",
        Rule::LoginMethod { .. } => "login_method",
        Rule::AuthMethod { .. } => "auth_method",
        Rule::AuthContext { .. } => "auth_context",
        Rule::AzureAd { .. } => "azureAD",
        Rule::GithubOrganization { .. } => "github-organization",
        Rule::Gsuite { .. } => "gsuite",
        Rule::Okta { .. } => "okta",
        Rule::Saml { .. } => "saml",
        Rule::Oidc { .. } => "oidc",
        Rule::Certificate {} => "certificate",
        Rule::CommonName { .. } => "common_name",
        Rule::ServiceToken { .. } => "service_token",
        Rule::AnyValidServiceToken {} => "any_valid_service_token",
        Rule::LinkedAppToken { .. } => "linked_app_token",
        Rule::DevicePosture { .. } => "device_posture",
        Rule::ExternalEvaluation { .. } => "external_evaluation",
        Rule::UserRiskScore { .. } => "user_risk_score",
        Rule::CloudflareAccountMember { .. } => "cloudflare_account_member",
    }
}

/// 26 selectors; two have tables of their own, and everyone who signed in is everyone.
#[test]
fn no_selector_is_left_out() {
    let mut states: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows() {
        let rule = serde_json::from_value(row.rule.clone()).unwrap();
        assert!(row.rule.get(name(&rule)).is_some());
        let state = if row.state == Held { "held" } else { "not" };
        states.entry(name(&rule)).or_default().insert(state);
    }
    assert_eq!(states.len(), 25); // All but external_evaluation.
    for (name, states) in states {
        let both = states.len() == 2;
        assert!(both || ["everyone", "linked_app_token"].contains(&name), "{name}");
    }
}
