//! API tokens: made, used, changed, rolled, deleted; and the first answer to a repeated POST.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::lab::{BOOTSTRAP, Lab, lab, labs};

const EDIT: &[&str] = &["Zone Write", "Zone Settings Write", "SSL and Certificates Write"];

#[tokio::test]
async fn a_token_is_made_used_rolled_and_deleted() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let policy = json!({
            "effect": "allow",
            "resources": {tenant.zone_resource(): "*"},
            "permission_groups": [{"id": "c03055bc037c4ea9afb9a9f104b7b721"}],
        });
        let body = json!({"name": "ci", "policies": [policy]});
        let made = lab.operator("POST", "/user/tokens", body.clone()).await;
        let (id, value) = (made.id(), made.result()["value"].as_str().unwrap().to_owned());
        assert_eq!(
            made.result()["policies"][0]["permission_groups"][0]["name"],
            "SSL and Certificates Write"
        );
        let path = format!("/user/tokens/{id}");
        let read = lab.operator("GET", &path, Value::Null).await;
        assert_eq!((&read.result()["name"], &read.result()["value"]), (&json!("ci"), &Value::Null));

        let verified = lab.ask(&value, "GET", "/user/tokens/verify", Value::Null).await;
        assert_eq!(verified.result(), &json!({"id": id, "status": "active"}), "{}", lab.name);
        let rolled = lab.operator("PUT", &format!("{path}/value"), json!({})).await;
        let fresh = rolled.result().as_str().unwrap().to_owned();
        assert_eq!(verify(&lab, &value).await, StatusCode::UNAUTHORIZED);
        assert_eq!(verify(&lab, &fresh).await, StatusCode::OK);

        let mut disabled = body;
        disabled["status"] = json!("disabled");
        lab.operator("PUT", &path, disabled).await;
        let verified = lab.ask(&fresh, "GET", "/user/tokens/verify", Value::Null).await;
        assert_eq!(verified.result()["status"], "disabled");
        let zone = format!("/zones/{}", tenant.zone);
        assert_eq!(lab.ask(&fresh, "GET", &zone, Value::Null).await.outcome(), (403, 10000));

        assert_eq!(lab.operator("DELETE", &path, Value::Null).await.id(), id);
        assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404);
        assert_eq!(verify(&lab, &fresh).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_token_has_its_time() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    let times = json!({"not_before": "2026-09-21T15:00:00Z", "expires_on": "2026-09-21T16:00:00Z"});
    let token = lab.token(&tenant.zone_resource(), EDIT, times.clone()).await;
    let zone = format!("/zones/{}", tenant.zone);
    // The lab's clock begins at 2026-09-21T14:13:20Z.
    for (minutes, outcome, status) in
        [(0, (403, 10000), "active"), (60, (200, 0), "active"), (60, (403, 10000), "expired")]
    {
        lab.clock.advance(Duration::from_secs(minutes * 60));
        assert_eq!(
            lab.ask(&token, "GET", &zone, Value::Null).await.outcome(),
            outcome,
            "{minutes}"
        );
        let verified = lab.ask(&token, "GET", "/user/tokens/verify", Value::Null).await;
        assert_eq!(verified.result()["status"], status);
        assert_eq!(verified.result()["expires_on"], times["expires_on"]);
    }
}

#[tokio::test]
async fn a_token_of_an_account_stays_inside_it() {
    for lab in labs().await {
        let (own, other) = (lab.tenant("a.com").await, lab.tenant("b.com").await);
        let path = format!("/accounts/{}/tokens", own.account);
        let body = |resource: String| {
            json!({"name": "t", "policies": [{"effect": "allow", "resources": {resource: "*"},
                "permission_groups": [{"name": "Account API Tokens Write"}, {"name": "SSL and Certificates Write"}]}]})
        };
        let made = lab.operator("POST", &path, body(own.account_resource())).await;
        let value =
            made.result()["value"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned();
        for foreign in
            [other.account_resource(), other.zone_resource(), "com.cloudflare.api.account.*".into()]
        {
            assert_eq!(lab.operator("POST", &path, body(foreign)).await.outcome(), (400, 1400));
        }
        // It may make further ones, of what it has itself.
        let child = lab.ask(&value, "POST", &path, body(own.zone_resource())).await;
        assert_eq!(child.status, 200, "{}: {}", lab.name, child.text);
        let more = json!({"name": "t", "policies": [{"effect": "allow", "resources": {own.zone_resource(): "*"},
            "permission_groups": [{"name": "Zone Write"}]}]});
        assert_eq!(lab.ask(&value, "POST", &path, more).await.outcome(), (403, 9109));
        let listed = lab.ask(&value, "GET", &path, Value::Null).await;
        assert_eq!(listed.body["result_info"]["total_count"], 2);
        // Neither the user's tokens nor another account's are in reach.
        assert_eq!(lab.ask(&value, "GET", "/user/tokens", Value::Null).await.status, 403);
        let foreign = format!("/accounts/{}/tokens", other.account);
        assert_eq!(lab.ask(&value, "GET", &foreign, Value::Null).await.outcome(), (403, 10000));
        assert_eq!(lab.operator("GET", "/user/tokens", Value::Null).await.result(), &json!([]));
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    let policy = json!({"effect": "allow", "resources": {tenant.zone_resource(): "*"}, "permission_groups": [{"name": "Zone Read"}]});
    let with = |name: &str, value: Value| {
        let mut body = json!({"name": "t", "policies": [policy.clone()]});
        body[name] = value;
        body
    };
    let with_policy = |name: &str, value: Value| {
        let mut policy = policy.clone();
        policy[name] = value;
        with("policies", json!([policy]))
    };
    for body in [
        with("name", json!("")),
        with("policies", json!([])),
        with("policies", json!([null])),
        with("expires_on", json!("soon")),
        with("status", json!("paused")),
        with("condition", json!({"request_ip": {"in": ["192.0.2.0/24"]}})),
        with("power", json!(true)),
        with_policy("effect", json!("maybe")),
        with_policy("resources", json!({})),
        with_policy("resources", json!({"com.cloudflare.api.account.zone.x": "*"})),
        with_policy("permission_groups", json!([])),
        with_policy("permission_groups", json!([{"id": "nothing"}])),
        with_policy("permission_groups", json!([{}])),
    ] {
        let answer = lab.operator("POST", "/user/tokens", body.clone()).await;
        assert_eq!(answer.outcome(), (400, 1400), "{body}: {}", answer.text);
    }
    let legacy = with("condition", json!({"request_ip": {"in": [], "not_in": null}}));
    assert_eq!(lab.operator("POST", "/user/tokens", legacy).await.status, 200);
}

#[tokio::test]
async fn a_repeated_post_gets_the_first_answer_and_the_token_is_nowhere_in_clear() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let policy = json!({"effect": "allow", "resources": {tenant.zone_resource(): "*"}, "permission_groups": [{"name": "Zone Read"}]});
        let body = json!({"name": "once", "policies": [policy]});
        let post = |body: Value| {
            lab.ask_with(BOOTSTRAP, "POST", "/user/tokens", body, &[("idempotency-key", "k-1")])
        };
        let first = post(body.clone()).await;
        let again = post(body.clone()).await;
        assert_eq!((first.status, &first.text), (again.status, &again.text), "{}", lab.name);
        assert_eq!(
            lab.operator("GET", "/user/tokens", Value::Null).await.body["result_info"]["total_count"],
            1
        );
        let mut other = body;
        other["name"] = json!("twice");
        let reused = post(other).await;
        assert_eq!((reused.status.as_u16(), reused.header("x-should-retry")), (422, "false"));

        let value = first.result()["value"].as_str().unwrap();
        let mut tx = lab.db.read().await.unwrap();
        let key =
            control_api::store::idempotency::find(&mut tx, &"0".repeat(32), "k-1").await.unwrap();
        assert!(!format!("{key:?}").contains(value));
    }
}

#[tokio::test]
async fn twenty_equal_posts_at_once_have_one_effect() {
    for lab in labs().await {
        let (lab, body) = (&lab, json!({"name": "once"}));
        let post = || {
            lab.ask_with(
                BOOTSTRAP,
                "POST",
                "/accounts",
                body.clone(),
                &[("idempotency-key", "k-2")],
            )
        };
        let answers = futures_util::future::join_all((0..20).map(|_| post())).await;
        let first = &answers[0];
        assert_eq!(first.status, 200, "{}", first.text);
        assert!(answers.iter().all(|answer| answer.text == first.text), "{}", lab.name);
        let all = lab.operator("GET", "/accounts", Value::Null).await;
        assert_eq!(all.body["result_info"]["total_count"], 1, "{}", lab.name);
    }
}

async fn verify(lab: &Lab, token: &str) -> StatusCode {
    lab.ask(token, "GET", "/user/tokens/verify", Value::Null).await.status
}
