//! PATCH: what is sent changes, what is missing stays, `null` unsets.

use control_api::store::certificates;
use serde_json::{Value, json};

use crate::custom_hostnames::{HTTP, create, path};
use crate::lab::{Lab, labs};

/// Patches in turn; each with the fields that the answer must then have (null: absent).
async fn patches(lab: &Lab, created: Value, steps: &[(Value, Value)]) {
    let tenant = lab.tenant("saas.com").await;
    let one = format!("{}/{}", path(&tenant), create(lab, &tenant, created).await);
    for (body, expected) in steps {
        let edited = lab.operator("PATCH", &one, body.clone()).await;
        assert_eq!(edited.status, 202, "{}: {body}: {}", lab.name, edited.text);
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(read.result(), edited.result());
        for (pointer, value) in expected.as_object().unwrap() {
            let actual = read.result().pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(actual, value, "{}: {pointer} after {body}", lab.name);
        }
    }
}

#[tokio::test]
async fn origins_are_set_kept_and_unset() {
    for lab in labs().await {
        let created = json!({"hostname": "a.customer.com", "ssl": HTTP()});
        patches(&lab, created, &[
            (json!({}), json!({"/custom_origin_server": null, "/ssl/method": "http"})),
            (json!({"custom_origin_server": "o.saas.com"}), json!({"/custom_origin_server": "o.saas.com"})),
            (json!({"custom_origin_sni": "sni.saas.com"}), json!({"/custom_origin_server": "o.saas.com", "/custom_origin_sni": "sni.saas.com"})),
            (json!({"custom_metadata": {"a": 1}}), json!({"/custom_origin_sni": "sni.saas.com"})),
            (json!({"custom_origin_sni": null}), json!({"/custom_origin_sni": null, "/custom_origin_server": "o.saas.com"})),
            (json!({"custom_origin_server": null}), json!({"/custom_origin_server": null})),
            (json!({"hostname": "a.customer.com"}), json!({"/hostname": "a.customer.com", "/custom_metadata": {"a": 1}})),
        ])
        .await;
    }
}

#[tokio::test]
async fn metadata_is_merged_or_replaced() {
    for lab in labs().await {
        let created = json!({"hostname": "a.customer.com", "custom_metadata": {"a": "1", "b": {"deep": [1]}}});
        let whole = |metadata: Value| {
            json!({"hostname": "a.customer.com", "custom_metadata": metadata,
                "ssl": {"method": "http", "type": "dv", "bundle_method": "ubiquitous"}})
        };
        patches(
            &lab,
            created,
            &[
                (
                    json!({"custom_metadata": {"c": true}}),
                    json!({"/custom_metadata": {"a": "1", "b": {"deep": [1]}, "c": true}}),
                ),
                (
                    json!({"custom_metadata": {"a": null, "b": 2}}),
                    json!({"/custom_metadata": {"b": 2, "c": true}}),
                ),
                (json!({"custom_metadata": null}), json!({"/custom_metadata": null})),
                (json!({"custom_metadata": {"x": "y"}}), json!({"/custom_metadata": {"x": "y"}})),
                (whole(json!({"z": "1"})), json!({"/custom_metadata": {"z": "1"}})),
                (whole(json!({})), json!({"/custom_metadata": {}})),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn ssl_is_merged_or_replaced() {
    for lab in labs().await {
        let mut ssl = HTTP();
        ssl["settings"] = json!({"http2": "off", "min_tls_version": "1.2"});
        let created = json!({"hostname": "a.customer.com", "ssl": ssl});
        let with = |more: Value| {
            let mut ssl = HTTP();
            ssl.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"ssl": ssl})
        };
        let mut whole = with(json!({"settings": {"min_tls_version": "1.3"}}));
        whole["hostname"] = json!("a.customer.com");
        patches(&lab, created, &[
            // As it is: check now.
            (with(json!({})), json!({"/ssl/settings": {"http2": "off", "min_tls_version": "1.2"}})),
            (with(json!({"settings": {"tls_1_3": "on"}})), json!({"/ssl/settings": {"http2": "off", "min_tls_version": "1.2", "tls_1_3": "on"}})),
            (with(json!({"settings": {"http2": null, "tls_1_3": ""}})), json!({"/ssl/settings": {"min_tls_version": "1.2"}})),
            (with(json!({"settings": {}})), json!({"/ssl/settings": {"min_tls_version": "1.2"}})),
            (with(json!({"settings": null})), json!({"/ssl/settings": null})),
            (with(json!({"bundle_method": "force"})), json!({"/ssl/bundle_method": "force"})),
            (with(json!({"certificate_authority": "google"})), json!({"/ssl/certificate_authority": "google", "/ssl/bundle_method": "force"})),
            (whole, json!({"/ssl/settings": {"min_tls_version": "1.3"}, "/ssl/bundle_method": "ubiquitous", "/ssl/certificate_authority": "development"})),
        ])
        .await;
        let tenant = lab.tenant("late.com").await;
        // On and off and on again.
        let late = create(&lab, &tenant, json!({"hostname": "late.customer.com"})).await;
        let edited =
            lab.operator("PATCH", &format!("{}/{late}", path(&tenant)), with(json!({}))).await;
        assert_eq!(
            edited.result()["ssl"]["status"],
            "initializing",
            "{}: {}",
            lab.name,
            edited.text
        );
        for (body, ssl) in [
            (json!({"ssl": null}), Value::Null),
            (json!({"ssl": null}), Value::Null),
            (with(json!({})), json!("initializing")),
        ] {
            let one = format!("{}/{late}", path(&tenant));
            let edited = lab.operator("PATCH", &one, body).await;
            assert_eq!(edited.result()["ssl"]["status"], ssl, "{}: {}", lab.name, edited.text);
            let mut tx = lab.db.read().await.unwrap();
            let left = certificates::of_hostname(&mut tx, &late).await.unwrap();
            assert_eq!(left.is_empty(), ssl.is_null(), "{}", lab.name);
        }
    }
}

#[tokio::test]
async fn a_patch_that_cannot_be_changes_nothing() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let created =
            json!({"hostname": "a.customer.com", "ssl": HTTP(), "custom_metadata": {"a": 1}});
        let one = format!("{}/{}", path(&tenant), create(&lab, &tenant, created).await);
        let before = lab.operator("GET", &one, Value::Null).await;
        for (body, code) in [
            (json!({"ssl": {}}), 1440),
            (json!({"ssl": {"method": "http"}}), 1440),
            (json!({"ssl": {"type": "dv"}}), 1440),
            (json!({"ssl": {"settings": {"http2": "on"}}}), 1440),
            (json!({"ssl": {"settings": {"ciphers": [null, null]}}}), 1442),
            (json!({"hostname": "b.customer.com"}), 1407),
            (json!({"custom_origin_sni": "sni.saas.com"}), 1415),
            (json!({"custom_metadata": {"a": 2}, "custom_origin_server": "*.saas.com"}), 1420),
            (json!({"nonsense": 1}), 1400),
        ] {
            let answer = lab.operator("PATCH", &one, body.clone()).await;
            assert_eq!(answer.outcome(), (400, code), "{}: {body}: {}", lab.name, answer.text);
            assert!(answer.body["errors"][0]["source"]["pointer"].is_string(), "{}", answer.text);
        }
        assert_eq!(lab.operator("GET", &one, Value::Null).await.text, before.text, "{}", lab.name);
    }
}
