//! Zones and their settings, and what the edge hears of them.

use control_api::store::changes;
use serde_json::{Value, json};

use crate::lab::{Lab, lab, labs};

#[tokio::test]
async fn a_zone_is_made_found_changed_and_deleted() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let path = format!("/zones/{}", tenant.zone);
        let zone = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(zone.result()["cname_target"], "customers.saas.com", "{}", zone.text);
        assert_eq!(zone.result()["account"]["id"], tenant.account.as_str());
        let found = lab.operator("GET", "/zones?name=saas.com", Value::Null).await;
        assert_eq!(found.result()[0]["id"], tenant.zone.as_str());
        let none = lab.operator("GET", "/zones?name=other.com", Value::Null).await;
        assert_eq!(none.result(), &json!([]));

        let again = json!({"name": "saas.com", "account": {"id": tenant.account}});
        let again = lab.operator("POST", "/zones", again).await;
        assert_eq!(again.outcome(), (409, 1061));
        assert_eq!(again.header("x-should-retry"), "false");

        let body = json!({"cname_target": "edge.saas.com"});
        assert_eq!(
            lab.operator("PATCH", &path, body).await.result()["cname_target"],
            "edge.saas.com"
        );
        let record = edge_record(&lab, &format!("zone:{}", tenant.zone)).await;
        assert_eq!(record["cname_target"], "edge.saas.com", "{}", lab.name);

        assert_eq!(lab.operator("DELETE", &path, Value::Null).await.id(), tenant.zone);
        assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404);
        assert_eq!(edge_record(&lab, &format!("zone:{}", tenant.zone)).await, Value::Null);
    }
}

#[tokio::test]
async fn a_setting_is_kept_and_reaches_the_edge() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let path = format!("/zones/{}/settings", tenant.zone);
        let header = json!({"strict_transport_security": {
            "enabled": true, "max_age": 31_536_000, "include_subdomains": true
        }});
        for (id, value) in [
            ("ssl", json!("strict")),
            ("always_use_https", json!("on")),
            ("min_tls_version", json!("1.3")),
            ("security_header", header),
        ] {
            let one = format!("{path}/{id}");
            let edited = lab.operator("PATCH", &one, json!({"value": value})).await;
            assert_eq!(edited.result()["value"], value, "{}: {}", lab.name, edited.text);
            assert_eq!(lab.operator("GET", &one, Value::Null).await.result()["value"], value);
        }
        assert_eq!(
            lab.operator("GET", &path, Value::Null).await.result().as_array().map(Vec::len),
            Some(4)
        );
        let record = edge_record(&lab, &format!("zone:{}", tenant.zone)).await;
        assert_eq!((&record["ssl"], &record["always_use_https"]), (&json!("strict"), &json!(true)));
        assert_eq!(
            (&record["min_tls_version"], &record["hsts"]["max_age"]),
            (&json!("1.3"), &json!(31_536_000))
        );

        let wrong = lab.operator("PATCH", &format!("{path}/ssl"), json!({"value": "off"})).await;
        assert_eq!(wrong.outcome(), (400, 1400));
        let unknown = lab.operator("GET", &format!("{path}/brotli"), Value::Null).await;
        assert_eq!(unknown.status, 404);
    }
}

#[tokio::test]
async fn the_fallback_origin_is_set_replaced_and_unset() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let path = format!("/zones/{}/custom_hostnames/fallback_origin", tenant.zone);
        assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404);
        for origin in ["origin.saas.com", "http://127.0.0.1:8080"] {
            let set = lab.operator("PUT", &path, json!({"origin": origin})).await;
            assert_eq!(set.result()["origin"], origin, "{}: {}", lab.name, set.text);
            let got = lab.operator("GET", &path, Value::Null).await;
            assert_eq!(got.result(), set.result());
            assert_eq!(got.result()["status"], "active");
        }
        let record = edge_record(&lab, &format!("zone:{}", tenant.zone)).await;
        assert_eq!(record["fallback_origin"], "http://127.0.0.1:8080");
        for body in
            [json!({}), json!({"origin": ""}), json!({"origin": "a.com/x"}), json!({"origin": 5})]
        {
            assert_eq!(lab.operator("PUT", &path, body).await.status, 400);
        }
        assert!(lab.operator("DELETE", &path, Value::Null).await.status.is_success());
        assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404);
        assert_eq!(lab.operator("DELETE", &path, Value::Null).await.status, 404);
        let record = edge_record(&lab, &format!("zone:{}", tenant.zone)).await;
        assert_eq!(record["fallback_origin"], Value::Null);
    }
}

#[tokio::test]
async fn names_that_are_no_domains_are_refused() {
    let lab = lab().await;
    let account = lab.tenant("saas.com").await.account;
    for name in ["", "com", "*.a.com", "a b.com", "127.0.0.1", "a..com"] {
        let body = json!({"name": name, "account": {"id": account}});
        let answer = lab.operator("POST", "/zones", body).await;
        assert_eq!(answer.outcome(), (400, 1400), "{name}: {}", answer.text);
    }
    let nowhere = json!({"name": "b.com", "account": {"id": "0".repeat(32)}});
    assert_eq!(lab.operator("POST", "/zones", nowhere).await.outcome(), (400, 1400));
}

/// The newest state of a record; null: it is gone.
async fn edge_record(lab: &Lab, key: &str) -> Value {
    let mut tx = lab.db.read().await.expect("a transaction");
    let all = changes::page(&mut tx, "", 1000).await.expect("records");
    let value = all.into_iter().find(|change| change.key == key).and_then(|change| change.value);
    value.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"))
}
