//! Custom hostnames: made, read, listed, deleted.

use serde_json::{Value, json};

use crate::lab::{Lab, Tenant, labs};

pub const HTTP: fn() -> Value = || json!({"method": "http", "type": "dv"});

/// The zone's hostnames.
pub fn path(tenant: &Tenant) -> String {
    format!("/zones/{}/custom_hostnames", tenant.zone)
}

/// A new hostname with a certificate, or none.
pub async fn create(lab: &Lab, tenant: &Tenant, body: Value) -> String {
    lab.operator("POST", &path(tenant), body).await.id()
}

#[tokio::test]
async fn a_hostname_is_made_read_and_deleted() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let body = json!({"hostname": "shop.customer.com", "ssl": HTTP()});
        let made = lab.operator("POST", &path(&tenant), body.clone()).await;
        assert_eq!(made.status, 201, "{}: {}", lab.name, made.text);
        let (id, result) = (made.id(), made.result());
        assert_eq!(
            (&result["hostname"], &result["status"]),
            (&body["hostname"], &json!("pending"))
        );
        assert_eq!(result["created_at"], "2026-09-21T14:13:20Z");
        let txt = &result["ownership_verification"];
        assert_eq!(txt["name"], "_cf-custom-hostname.shop.customer.com");
        let http = &result["ownership_verification_http"];
        let url = format!("http://shop.customer.com/.well-known/cf-custom-hostname-challenge/{id}");
        assert_eq!((&http["http_url"], &http["http_body"]), (&json!(url), &txt["value"]));

        let one = format!("{}/{id}", path(&tenant));
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!((read.status.as_u16(), read.result()), (200, result), "{}", lab.name);

        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((&deleted.body["id"], &deleted.result()["id"]), (&json!(id), &json!(id)));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.outcome(), (404, 1436));
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.outcome(), (404, 1436));
        assert_eq!(lab.operator("PATCH", &one, json!({})).await.outcome(), (404, 1436));
        assert_eq!(lab.operator("POST", &path(&tenant), body).await.status, 201, "{}", lab.name);
    }
}

#[tokio::test]
async fn an_answer_says_what_was_set_and_nothing_else() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let bare =
            lab.operator("POST", &path(&tenant), json!({"hostname": "a.customer.com"})).await;
        let members: Vec<_> =
            bare.result().as_object().unwrap().keys().map(String::as_str).collect();
        let server_owned = [
            "created_at",
            "hostname",
            "id",
            "ownership_verification",
            "ownership_verification_http",
            "status",
        ];
        let unset = |key: &&str| !server_owned.contains(key) && **key != *"verification_errors";
        assert!(!members.iter().any(unset), "{}: {members:?}", lab.name);

        let body = json!({"hostname": "b.customer.com", "ssl": HTTP()});
        let ssl = lab.operator("POST", &path(&tenant), body).await.result()["ssl"].clone();
        for unset in
            ["wildcard", "settings", "custom_certificate", "custom_csr_id", "cloudflare_branding"]
        {
            assert_eq!(ssl.get(unset), None, "{}: {ssl}", lab.name);
        }
        assert_eq!(
            (&ssl["bundle_method"], &ssl["hosts"]),
            (&json!("ubiquitous"), &json!(["b.customer.com"]))
        );
        assert_eq!(ssl["status"], "initializing");

        let metadata = json!({"n": 1.5, "s": "x", "list": [1, null], "deep": {"b": false}});
        let sent = json!({
            "method": "http", "type": "dv", "bundle_method": "force", "wildcard": false,
            "certificate_authority": "google", "cloudflare_branding": false,
            "settings": {"http2": "off", "min_tls_version": "1.2", "tls_1_3": "on", "early_hints": "on",
                "ciphers": ["ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"]},
        });
        let body = json!({
            "hostname": "c.customer.com", "ssl": sent, "custom_metadata": metadata,
            "custom_origin_server": "Origin.saas.com", "custom_origin_sni": ":request_host_header:",
        });
        let made = lab.operator("POST", &path(&tenant), body.clone()).await;
        let read =
            lab.operator("GET", &format!("{}/{}", path(&tenant), made.id()), Value::Null).await;
        for answer in [made.result(), read.result()] {
            for field in ["custom_metadata", "custom_origin_server", "custom_origin_sni"] {
                assert_eq!(answer[field], body[field], "{}", lab.name);
            }
            for (field, value) in sent.as_object().unwrap() {
                assert_eq!(&answer["ssl"][field], value, "{} {field}", lab.name);
            }
        }
    }
}

#[tokio::test]
async fn what_older_sdks_send_and_do_not_mean_is_not_answered() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let body = json!({
            "hostname": "a.customer.com", "custom_origin_server": "", "custom_origin_sni": null,
            "ssl": {"method": "http", "type": "dv", "settings": {}, "certificate_authority": "",
                "custom_certificate": "", "bundle_method": null, "validation_records": null},
            "ownership_verification": {}, "ownership_verification_http": {},
        });
        let made = lab.operator("POST", &path(&tenant), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.result().get("custom_origin_server"), None);
        assert_eq!(made.result()["ssl"].get("settings"), None);
        let edit = json!({"custom_origin_server": "o.saas.com", "ownership_verification": {}, "ownership_verification_http": {}});
        let edited = lab.operator("PATCH", &format!("{}/{}", path(&tenant), made.id()), edit).await;
        assert_eq!(
            (edited.status.as_u16(), &edited.result()["custom_origin_server"]),
            (202, &json!("o.saas.com"))
        );
    }
}

#[tokio::test]
async fn a_name_is_had_once_and_a_conflict_is_not_retried() {
    for lab in labs().await {
        let (tenant, other) = (lab.tenant("saas.com").await, lab.tenant("other.com").await);
        let (lab, body) = (&lab, json!({"hostname": "a.customer.com", "ssl": HTTP()}));
        let (posts, path_of) = (path(&tenant), path(&other));
        let at_once = (0..8).map(|_| lab.operator("POST", &posts, body.clone()));
        let answers = futures_util::future::join_all(at_once).await;
        let mut outcomes: Vec<_> = answers.iter().map(crate::lab::Answer::outcome).collect();
        outcomes.sort_unstable();
        let mut expected = vec![(409, 1406); 8];
        expected[0] = (201, 0);
        assert_eq!(outcomes, expected, "{}", lab.name);
        let elsewhere = lab.operator("POST", &path_of, body.clone()).await;
        assert_eq!(
            (elsewhere.outcome(), elsewhere.header("x-should-retry")),
            ((409, 1406), "false")
        );
        let message = &elsewhere.body["errors"][0]["message"];
        assert_eq!(message, "Duplicate custom hostname found.");
        let listed = lab.operator("GET", &posts, Value::Null).await;
        assert_eq!(listed.body["result_info"]["total_count"], 1);
    }
}

#[tokio::test]
async fn a_refusal_is_repeated_too() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let id = create(&lab, &tenant, json!({"hostname": "a.customer.com"})).await;
        let again = || {
            let body = json!({"hostname": "a.customer.com"});
            let key = [("idempotency-key", "k")];
            let (lab, path) = (&lab, path(&tenant));
            async move { lab.ask_with(crate::lab::BOOTSTRAP, "POST", &path, body, &key).await }
        };
        let first = again().await;
        assert_eq!((first.outcome(), first.header("x-should-retry")), ((409, 1406), "false"));
        lab.operator("DELETE", &format!("{}/{id}", path(&tenant)), Value::Null).await;
        let second = again().await;
        assert_eq!((second.status, &second.text), (first.status, &first.text), "{}", lab.name);
        assert_eq!(second.header("x-should-retry"), "false");
    }
}

#[tokio::test]
async fn hostnames_of_another_zone_are_not_there() {
    for lab in labs().await {
        let (own, other) = (lab.tenant("own.com").await, lab.tenant("other.com").await);
        let id = create(&lab, &other, json!({"hostname": "a.customer.com"})).await;
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = lab.operator(method, &format!("{}/{id}", path(&own)), json!({})).await;
            assert_eq!(answer.outcome(), (404, 1436), "{method}");
        }
        let unknown = format!("{}/00000000-0000-4000-8000-000000000000", path(&own));
        assert_eq!(lab.operator("GET", &unknown, Value::Null).await.outcome(), (404, 1436));
        let malformed = format!("{}/nonsense", path(&own));
        assert_eq!(lab.operator("GET", &malformed, Value::Null).await.outcome(), (400, 1435));
    }
}

#[tokio::test]
async fn quota_and_delegation_are_answered() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        create(&lab, &tenant, json!({"hostname": "a.customer.com"})).await;
        let quota = lab.operator("GET", &format!("{}/quota", path(&tenant)), Value::Null).await;
        assert_eq!(
            (&quota.result()["used"], &quota.result()["exceeded"]),
            (&json!(1), &json!(false))
        );
        let delegation = format!("/zones/{}/dcv_delegation/uuid", tenant.zone);
        let uuid = lab.operator("GET", &delegation, Value::Null).await.result()["uuid"].clone();
        assert_eq!(uuid.as_str().map(str::len), Some(16));
        assert_eq!(lab.operator("GET", &delegation, Value::Null).await.result()["uuid"], uuid);
        let zone = format!("/zones/{}", tenant.zone);
        assert_eq!(lab.operator("DELETE", &zone, Value::Null).await.outcome(), (409, 1061));
    }
}
