//! `/access/organizations` and `/access/keys`.

use std::time::Duration;

use edge_state::seal::{ACCESS, KeyRing, Sealed, SealingKey, derive_ring};
use serde_json::{Value, json};

use crate::lab::{KEY, Lab, Tenant, lab, labs};

fn full() -> Value {
    json!({
        "name": "Ours", "auth_domain": "team.own.com", "session_duration": "12h",
        "auto_redirect_to_identity": true, "is_ui_read_only": false,
        "allow_authenticate_via_warp": false, "user_seat_expiration_inactive_time": "730h",
        "login_design": {
            "background_color": "#C0FFEE", "text_color": "#123", "logo_path": "https://own.com/l.svg",
            "header_text": "Hello", "footer_text": "Bye",
        },
        "deny_unmatched_requests": true,
        "deny_unmatched_requests_exempted_zone_names": ["other.com"],
        "strict_service_token_auth": true,
        "mfa_config": {"mfa_disabled": true},
        "service_token_inactivity": {"enabled": true, "action": "disable", "inactivity_threshold_days": 30},
    })
}

#[tokio::test]
async fn it_is_there_from_the_start_and_put_gives_it_its_domain() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = own.access("organizations");
        let unborn = lab.operator("GET", &path, Value::Null).await;
        assert_eq!((unborn.status.as_u16(), &unborn.result()["name"]), (200, &"own.com".into()));
        let written = lab.operator("PUT", &path, full()).await;
        written.repeats(&full());
        for path in [&path, &own.zone_access("organizations")] {
            let read = lab.operator("GET", path, Value::Null).await;
            read.repeats(&full());
            assert_eq!(read.result(), written.result(), "{}", lab.name);
        }
        let record = lab.record("org:team.own.com").await;
        assert_eq!(record["session_seconds"], 43_200);
        assert_eq!(record["login_design"]["background_color"], "#C0FFEE");
        assert_eq!(lab.record(&format!("zone:{}", own.zone)).await["deny_unmatched"], true);
        // The team domain is a hostname like any other.
        let hostnames = format!("/zones/{}/custom_hostnames?hostname=team.own.com", own.zone);
        let hostnames = lab.operator("GET", &hostnames, Value::Null).await;
        assert_eq!(hostnames.result()[0]["ssl"]["method"], "http");
        assert_eq!(lab.record("host:team.own.com").await["hostname"], "team.own.com");
    }
}

#[tokio::test]
async fn put_replaces_and_patch_merges_and_neither_loses_the_domain() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = own.access("organizations");
        lab.operator("PUT", &path, full()).await;
        let patched = lab.operator("PATCH", &path, json!({"session_duration": "6h"})).await;
        let mut expected = full();
        expected["session_duration"] = "6h".into();
        patched.repeats(&expected);
        let body = json!({"deny_unmatched_requests": true,
            "deny_unmatched_requests_exempted_zone_names": ["own.com"]});
        lab.operator("PATCH", &path, body).await;
        let zone = lab.record(&format!("zone:{}", own.zone)).await;
        assert!(zone.get("deny_unmatched").is_none(), "{zone}");
        let replaced = lab.operator("PUT", &path, json!({"login_design": null})).await;
        let result = replaced.repeats(&json!({
            "name": "Ours", "auth_domain": "team.own.com", "is_ui_read_only": false,
            "auto_redirect_to_identity": false, "allow_authenticate_via_warp": false,
        }));
        let members: Vec<_> = result.as_object().unwrap().keys().map(String::as_str).collect();
        let rest: Vec<_> = members.into_iter().filter(|name| !name.ends_with("_at")).collect();
        let known = [
            "allow_authenticate_via_warp",
            "auth_domain",
            "auto_redirect_to_identity",
            "is_ui_read_only",
            "name",
        ];
        assert_eq!(rest, known);
        assert_eq!(lab.record("org:team.own.com").await["session_seconds"], 86_400);
    }
}

#[tokio::test]
async fn post_is_for_a_domain_that_is_not_there_yet() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = own.access("organizations");
        let without = lab.operator("POST", &path, json!({"name": "Ours"})).await;
        assert_eq!(without.refused(), "/auth_domain");
        let made = lab.operator("POST", &path, full()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let again = lab.operator("POST", &path, full()).await;
        assert_eq!((again.status.as_u16(), again.header("x-should-retry")), (409, "false"));
    }
}

#[tokio::test]
async fn a_team_domain_is_one_account_s_and_below_what_it_has() {
    for lab in labs().await {
        lab.organization("own.com").await;
        let other = lab.tenant("other.com").await;
        let path = other.access("organizations");
        let put = async |domain: &str| {
            let body = json!({"name": "Other", "auth_domain": domain});
            lab.operator("PUT", &path, body).await
        };
        assert_eq!(put("team.own.com").await.status, 409);
        for wrong in ["*.other.com", "a b", "com", "x.y.cloudflareaccess.com", "team.other.test"] {
            assert_eq!(put(wrong).await.refused(), "/auth_domain", "{wrong}");
        }
        assert_eq!(put("ours.cloudflareaccess.com").await.status, 200);
        let account = lab.operator("POST", "/accounts", json!({"name": "No zone"})).await.id();
        let path = format!("/accounts/{account}/access/organizations");
        let body = json!({"name": "N", "auth_domain": "team.nozone.com"});
        assert_eq!(lab.operator("PUT", &path, body).await.refused(), "/auth_domain");
    }
}

#[tokio::test]
async fn what_is_spoiled_is_refused_and_changes_nothing() {
    let lab = lab().await;
    let own = lab.tenant("own.com").await;
    let path = own.access("organizations");
    let before = lab.operator("PUT", &path, full()).await;
    for (name, value, pointer) in [
        ("session_duration", json!("731h"), "/session_duration"),
        ("session_duration", json!("soon"), "/session_duration"),
        ("session_duration", json!("0s"), "/session_duration"),
        ("login_design", json!({"background_color": "red;}"}), "/login_design/background_color"),
        ("login_design", json!({"logo_path": "javascript:1"}), "/login_design/logo_path"),
        ("login_design", json!("x"), "/login_design"),
        ("custom_pages", json!({"forbidden": "nothing"}), "/custom_pages/forbidden"),
        ("strict_service_token_auth", json!("yes"), "/strict_service_token_auth"),
        (
            "deny_unmatched_requests_exempted_zone_names",
            json!([null]),
            "/deny_unmatched_requests_exempted_zone_names/0",
        ),
        ("session_duraton", json!("1h"), "/session_duraton"),
    ] {
        let mut body = full();
        body[name] = value;
        let refused = lab.operator("PUT", &path, body).await;
        assert_eq!(refused.refused(), pointer, "{}", refused.text);
    }
    let after = lab.operator("GET", &path, Value::Null).await;
    assert_eq!(before.result(), after.result());
}

#[tokio::test]
async fn a_new_domain_takes_every_record_with_it() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let provider = json!({"name": "Mail", "type": "onetimepin", "config": {}});
        let provider = lab.operator("POST", &own.access("identity_providers"), provider).await.id();
        let token = json!({"name": "CI"});
        let token = lab.operator("POST", &own.access("service_tokens"), token).await;
        let token = token.result()["client_id"].as_str().unwrap().to_owned();
        let key = lab.record("keys:team.own.com").await["keys"][0].clone();
        let body = json!({"auth_domain": "door.own.com"});
        let moved = lab.operator("PATCH", &own.access("organizations"), body).await;
        assert_eq!(moved.status, 200, "{}", moved.text);
        for gone in ["org:team.own.com", "keys:team.own.com", "host:team.own.com"] {
            assert_eq!(lab.record(gone).await, Value::Null, "{gone}");
        }
        let organization = lab.record("org:door.own.com").await;
        assert_eq!(organization["identity_providers"][0]["id"], provider.as_str());
        for record in [format!("idp:{provider}"), format!("service_token:{token}")] {
            assert_eq!(lab.record(&record).await["auth_domain"], "door.own.com", "{record}");
        }
        assert_eq!(lab.record("host:door.own.com").await["hostname"], "door.own.com");
        let moved = lab.record("keys:door.own.com").await["keys"][0].clone();
        assert_eq!(moved["kid"], key["kid"]);
        assert_eq!(opened("door.own.com", &moved), opened("team.own.com", &key));
    }
}

/// The private key, by the ring that a worker holds.
fn opened(auth_domain: &str, key: &Value) -> Vec<u8> {
    let derived = derive_ring(KEY, ACCESS).unwrap();
    let ring = KeyRing::new(SealingKey::parse(derived.trim()).unwrap(), []);
    let context = format!("keys:{auth_domain}:{}", key["kid"].as_str().unwrap());
    let sealed: Sealed = serde_json::from_value(key["private_key"].clone()).unwrap();
    ring.open(&sealed, &context).unwrap().to_vec()
}

async fn kids(lab: &Lab) -> Vec<(String, bool, Option<i64>)> {
    let record = lab.record("keys:team.own.com").await;
    let keys = record["keys"].as_array().unwrap().iter();
    let facts = |key: &Value| {
        let kid = key["kid"].as_str().unwrap().to_owned();
        (kid, key.get("private_key").is_some(), key["expires_at"].as_i64())
    };
    keys.map(facts).collect()
}

#[tokio::test]
async fn a_key_is_replaced_on_demand_and_on_schedule_with_seven_days_of_grace() {
    for lab in labs().await {
        let own: Tenant = lab.organization("own.com").await;
        let path = own.access("keys");
        let read = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(read.result()["key_rotation_interval_days"], 42);
        assert_eq!(read.result()["days_until_next_rotation"], 42);
        let first = kids(&lab).await;
        assert_eq!((first.len(), first[0].1, first[0].2), (1, true, None));
        let key = lab.record("keys:team.own.com").await["keys"][0].clone();
        assert!(opened("team.own.com", &key).len() > 1000, "a private key");

        for days in [20, 366] {
            let body = json!({"key_rotation_interval_days": days});
            let refused = lab.operator("PUT", &path, body).await;
            assert_eq!(refused.refused(), "/key_rotation_interval_days");
        }
        let body = json!({"key_rotation_interval_days": 30});
        let written = lab.operator("PUT", &path, body.clone()).await;
        written.repeats(&body);
        assert_eq!(written.result()["days_until_next_rotation"], 30);

        let rotated = lab.operator("POST", &format!("{path}/rotate"), Value::Null).await;
        assert_eq!(rotated.status, 200, "{}", rotated.text);
        let second = kids(&lab).await;
        assert_eq!(second.len(), 2);
        assert_ne!(second[0].0, first[0].0);
        let grace = crate::lab::NOW / 1000 + 7 * 86_400;
        assert_eq!(second[1], (first[0].0.clone(), false, Some(grace)));

        // Nothing is due for a month, and then once.
        lab.clock.advance(Duration::from_hours(24 * 29));
        control_api::api::access::keys::rotate_due(&lab.app).await.unwrap();
        assert_eq!(kids(&lab).await[0].0, second[0].0);
        lab.clock.advance(Duration::from_hours(24));
        for _ in 0..2 {
            control_api::api::access::keys::rotate_due(&lab.app).await.unwrap();
            let third = kids(&lab).await;
            // The first key's grace is over.
            assert_eq!((third.len(), &third[1].0), (2, &second[0].0));
        }
        let read = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(read.result()["days_until_next_rotation"], 30);
    }
}

#[tokio::test]
async fn settings_of_dns_over_https_are_kept() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("organizations/doh");
        assert_eq!(lab.operator("GET", &path, Value::Null).await.result(), &json!({}));
        let body = json!({"doh_jwt_duration": "800h"});
        lab.operator("PUT", &path, body.clone()).await.repeats(&body);
        assert_eq!(lab.operator("GET", &path, Value::Null).await.result(), &body);
        let body = json!({"service_token_id": "nothing"});
        assert_eq!(lab.operator("PUT", &path, body).await.refused(), "/service_token_id");
    }
}
