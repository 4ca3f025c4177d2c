//! The login log: written by edges, read by administrators.

use std::time::Duration;

use control_api::people::login_log;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::access_world::{APP, CORP, DOMAIN, PIN, POLICY, organization};
use crate::lab::{Answer, Lab, NOW, Tenant, labs};

fn event(number: i64, more: Value) -> Value {
    let mut event = json!({
        "id": format!("00000000-0000-4000-8000-{number:012}"), "auth_domain": DOMAIN,
        "at_millis": NOW - 100_000 + number * 1000, "action": "login", "allowed": true,
        "application_id": APP, "application_domain": "wiki.own.com",
        "application_type": "self_hosted", "identity_provider_id": CORP, "connection": "oidc",
        "user_email": "Ann@corp.com", "user_id": "u1", "ip_address": "192.0.2.1", "country": "DE",
        "ray_id": format!("ray{number}"), "policy_id": POLICY, "reason": "the policy Staff allows",
    });
    if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
        event.extend(more);
    }
    event
}

async fn write(lab: &Lab, events: Vec<Value>) {
    let answer = lab.edge("POST", "access/logs", json!({"events": events})).await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, json!({})), "{}", answer.text);
}

async fn read(lab: &Lab, own: &Tenant, query: &str) -> Answer {
    let path = format!("/accounts/{}/access/logs/access_requests{query}", own.account);
    lab.operator("GET", &path, Value::Null).await
}

fn rays(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let lines = answer.result().as_array().unwrap().iter();
    lines.map(|line| line["ray_id"].as_str().unwrap()).collect()
}

/// Four lines that differ in everything that can be asked for.
async fn four(lab: &Lab, own: &Tenant) {
    organization(lab, own).await;
    let identity = json!({"email": "ann@corp.com", "idp": {"id": CORP, "type": "oidc"},
        "subject": "s1", "authenticated_at": 0, "groups": [{"name": "staff"}]});
    write(
        lab,
        vec![
            event(1, json!({"identity": identity})),
            event(
                2,
                json!({"allowed": false, "user_email": "bob@else.com", "user_id": "u2",
            "country": "FR", "code": "7Q3KD2MX", "reason": "no policy lets in", "policy_id": null,
            "identity_provider_id": PIN, "connection": "onetimepin"}),
            ),
            event(
                3,
                json!({"action": "service_auth", "user_email": null, "user_id": null,
            "non_identity": "token-1", "connection": null, "identity_provider_id": null,
            "country": null}),
            ),
            event(
                4,
                json!({"application_id": "other", "application_type": "saas",
            "user_email": "annabel@corp.com", "user_id": "u3"}),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn every_filter_of_the_contract_filters() {
    for lab in labs().await {
        let (own, other) = (lab.tenant("own.com").await, lab.tenant("other.com").await);
        four(&lab, &own).await;
        let all = ["ray4", "ray3", "ray2", "ray1"];
        for (query, expected) in [
            ("", &all[..]),
            ("?direction=desc", &all),
            ("?direction=asc", &["ray1", "ray2", "ray3", "ray4"]),
            ("?email=ann", &["ray4", "ray1"]),
            ("?email=@CORP.com", &["ray4", "ray1"]),
            ("?email=ann@corp.com&email_exact=true", &["ray1"]),
            ("?email=ann@corp.com&emailOp=eq", &["ray1"]),
            ("?email=ann&emailOp=eq", &[]),
            ("?email=ann@corp.com&emailOp=contains&email_exact=true", &["ray1"]),
            ("?email=ann&emailOp=contains", &["ray4", "ray1"]),
            ("?email=ann&emailOp=neq", &["ray3", "ray2"]),
            ("?email=ann@corp.com&emailOp=neq&email_exact=true", &["ray4", "ray3", "ray2"]),
            ("?email=%25", &[]),
            ("?email=_nn", &[]),
            ("?allowed=true", &["ray4", "ray3", "ray1"]),
            ("?allowed=true&allowedOp=neq", &["ray2"]),
            ("?app_type=saas", &["ray4"]),
            ("?app_type=saas&app_typeOp=neq", &["ray3", "ray2", "ray1"]),
            ("?app_uid=other&app_uidOp=eq", &["ray4"]),
            ("?app_uid=other&app_uidOp=neq", &["ray3", "ray2", "ray1"]),
            ("?country_code=fr", &["ray2"]),
            ("?country_code=DE&country_codeOp=neq", &["ray3", "ray2"]),
            ("?idp=onetimepin", &["ray2"]),
            (&format!("?idp={PIN}"), &["ray2"]),
            (&format!("?idp={PIN}&idpOp=neq"), &["ray4", "ray3", "ray1"]),
            ("?non_identity=true", &["ray3"]),
            ("?non_identity=true&non_identityOp=neq", &["ray4", "ray2", "ray1"]),
            ("?ray_id=ray2", &["ray2"]),
            ("?ray_id=ray2&ray_idOp=neq", &["ray4", "ray3", "ray1"]),
            ("?user_id=u2&user_idOp=neq", &all),
            ("?code=7q3k-d2mx", &["ray2"]),
            ("?code=00000000", &[]),
            (&format!("?policy_id={POLICY}"), &["ray4", "ray3", "ray1"]),
            ("?limit=2", &["ray4", "ray3"]),
            ("?limit=2&page=2", &["ray2", "ray1"]),
            ("?per_page=3&page=2", &["ray1"]),
            ("?page=9", &[]),
            ("?per_page=1000&limit=1", &["ray4"]),
        ] {
            assert_eq!(rays(&read(&lab, &own, query).await), expected, "{query} on {}", lab.name);
        }
        let at = |number: i64| control_api::clock::rfc3339(NOW - 100_000 + number * 1000);
        let query = format!("?since={}&until={}", at(2), at(3));
        assert_eq!(rays(&read(&lab, &own, &query).await), ["ray3", "ray2"]);
        for query in [
            "?since=today",
            "?direction=up",
            "?emailOp=like&email=a",
            "?allowed=maybe",
            "?limit=0",
            "?per_page=1001",
            "?format=xml",
            "?ray_idOp=contains",
        ] {
            assert_eq!(read(&lab, &own, query).await.outcome(), (400, 1400), "{query}");
        }
        assert_eq!(rays(&read(&lab, &other, "").await), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_line_says_what_is_known_and_what_was_asked_for() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        four(&lab, &own).await;
        let answer = read(&lab, &own, "?code=7Q3KD2MX").await;
        let line = &answer.result()[0];
        let expected = json!({"action": "login", "allowed": false, "app_domain": "wiki.own.com",
            "app_type": "self_hosted", "app_uid": APP, "connection": "onetimepin", "country": "FR",
            "created_at": line["created_at"], "ip_address": "192.0.2.1", "ray_id": "ray2",
            "user_email": "bob@else.com", "user_id": "u2", "code": "7Q3KD2MX",
            "id": "00000000-0000-4000-8000-000000000002", "idp_id": PIN,
            "reason": "no policy lets in"});
        assert_eq!(line, &expected, "{}", lab.name);
        let answer = read(&lab, &own, "?ray_id=ray1&fields=user_email,identity").await;
        let line = &answer.result()[0];
        assert_eq!(line["user_email"], "ann@corp.com");
        assert_eq!(line["identity"]["groups"], json!([{"name": "staff"}]));
        assert_eq!(line.as_object().unwrap().len(), 2);
        let listed = read(&lab, &own, "").await;
        assert!(!listed.text.contains("staff"), "what policies saw is told only if asked for");
        let path = format!("/accounts/{}/access/logs/scim/updates?idp_id=a&idp_id=b", own.account);
        assert_eq!(lab.operator("GET", &path, Value::Null).await.result(), &json!([]));
    }
}

#[tokio::test]
async fn all_of_it_is_exported_a_line_each() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        for batch in 0..3 {
            // Many at one millisecond: the order is by id then.
            let at = NOW - 5000 - batch;
            let events = (0..500).map(|n| event(batch * 500 + n, json!({"at_millis": at})));
            write(&lab, events.collect()).await;
        }
        let path = format!("/accounts/{}/access/logs/access_requests", own.account);
        let accept = [("accept", "application/x-ndjson")];
        let token = crate::lab::BOOTSTRAP;
        for (query, headers, count) in [
            ("?format=ndjson", &[][..], 1500),
            ("", &accept[..], 1500),
            ("?format=ndjson&direction=asc&limit=700", &[], 700),
            ("?format=ndjson&email=nobody", &[], 0),
        ] {
            let path = format!("{path}{query}");
            let answer = lab.ask_with(token, "GET", &path, Value::Null, headers).await;
            assert_eq!(answer.header("content-type"), "application/x-ndjson");
            let lines: Vec<Value> =
                answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let mut ids: Vec<_> = lines.iter().map(|line| line["id"].to_string()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!((lines.len(), ids.len()), (count, count), "{query} on {}", lab.name);
        }
        let json = [("accept", "application/json")];
        let answer = lab.ask_with(token, "GET", &path, Value::Null, &json).await;
        assert_eq!(answer.body["result_info"]["total_count"], 1500);
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_adds_nothing_and_nothing_stops_it() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let batch: Vec<_> = (1..=20).map(|n| event(n, json!({}))).collect();
        join_all((0..5).map(|_| write(&lab, batch.clone()))).await;
        let total = read(&lab, &own, "").await.body["result_info"]["total_count"].clone();
        assert_eq!(total, 20, "{}", lab.name);
        // What visitors send cannot spoil a batch: it would come again for ever.
        write(
            &lab,
            vec![
                event(
                    21,
                    json!({"reason": "a\u{0}b", "user_email": "x\u{0}y@corp.com",
                "justification": "é".repeat(5000), "ray_id": "r".repeat(500)}),
                ),
                event(22, json!({"auth_domain": "team.gone.com"})),
                event(23, json!({"at_millis": i64::MAX})),
                event(24, json!({"at_millis": i64::MIN})),
            ],
        )
        .await;
        let answer = read(&lab, &own, "?email=xy@corp.com&fields=reason").await;
        assert_eq!(answer.result(), &json!([{"reason": "ab"}]));
        let total = read(&lab, &own, "").await.body["result_info"]["total_count"].clone();
        assert_eq!(total, 23);
        let many: Vec<_> = (0..1001).map(|n| event(n, json!({}))).collect();
        let refused = lab.edge("POST", "access/logs", json!({"events": many})).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
}

#[tokio::test]
async fn lines_are_replayed_with_what_policies_saw_and_forgotten_in_time() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        four(&lab, &own).await;
        let mut tx = lab.db.read().await.unwrap();
        let events = login_log::replay(&mut tx, &own.account, Some(APP), NOW - 200_000, 100);
        let events = events.await.unwrap();
        drop(tx);
        assert_eq!(events.len(), 1, "one of them has an identity");
        assert_eq!(events[0].identity.as_ref().unwrap().subject, "s1");
        assert_eq!(events[0].ray_id, "ray1");
        lab.clock.advance(Duration::from_hours(90 * 24 - 1));
        lab.people.tidy().await.unwrap();
        assert_eq!(rays(&read(&lab, &own, "").await).len(), 4);
        lab.clock.advance(Duration::from_hours(1));
        lab.people.tidy().await.unwrap();
        assert_eq!(rays(&read(&lab, &own, "").await).len(), 0);
    }
}

#[tokio::test]
async fn a_user_s_refusals_are_listed() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        four(&lab, &own).await;
        let users = format!("/accounts/{}/access/users", own.account);
        let id = lab.operator("POST", &users, json!({"email": "bob@else.com"})).await.id();
        let failed = lab.operator("GET", &format!("{users}/{id}/failed_logins"), Value::Null).await;
        let lines = failed.result().as_array().unwrap();
        assert_eq!(lines.len(), 1, "{}", failed.text);
        assert_eq!(lines[0]["metadata"]["code"], "7Q3KD2MX");
        let at = NOW / 1000 - 98;
        assert_eq!(lines[0]["expiration"], at + 90 * 24 * 3600);
    }
}
