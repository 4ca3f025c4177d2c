//! `/access/groups`, and the rules in them.

use serde_json::{Value, json};

use crate::lab::{lab, labs};

#[tokio::test]
async fn a_group_is_answered_as_it_was_sent_and_reaches_the_edge() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = own.access("groups");
        let inner = json!({"name": "Inner", "include": [{"everyone": {}}]});
        let inner = lab.operator("POST", &path, inner).await.id();
        let sent = json!({
            "name": "G", "is_default": false,
            "include": [
                {"email": {"email": "Ann@Example.com"}}, {"email_domain": {"domain": "b.com"}},
                {"ip": {"ip": "192.0.2.0/24"}}, {"geo": {"country_code": "DE"}}, {"group": {"id": inner}},
                {"certificate": {}}, {"common_name": {"common_name": "x"}}, {"any_valid_service_token": {}},
                {"auth_method": {"auth_method": "hwk"}},
                {"user_risk_score": {"user_risk_score": ["low", "unscored"]}},
                {"external_evaluation": {"evaluate_url": "https://e.com/e", "keys_url": "https://e.com/k"}},
            ],
            "exclude": [], "require": [{"email": {"email": "z@a.com"}}, {"email": {"email": "a@a.com"}}],
        });
        let made = lab.operator("POST", &path, sent.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.repeats(&sent);
        let one = format!("{path}/{}", made.id());
        assert_eq!(lab.operator("GET", &one, Value::Null).await.result(), made.result());
        let zone = own.zone_access(&format!("groups/{}", made.id()));
        assert_eq!(lab.operator("GET", &zone, Value::Null).await.result(), made.result());
        let record = lab.record(&format!("group:{}", made.id())).await;
        assert_eq!((&record["include"], &record["require"]), (&sent["include"], &sent["require"]));
        // Null members of a rule are forgiven, and so are lists that are null.
        let body =
            json!({"name": "G", "include": [{"everyone": {}, "email": null}], "require": null});
        let replaced = lab.operator("PUT", &one, body).await;
        assert_eq!(replaced.result()["include"], json!([{"everyone": {}}]));
        for unset in ["exclude", "require", "is_default"] {
            assert!(replaced.result().get(unset).is_none(), "{unset}: {}", replaced.text);
        }
        let in_use = format!("{path}/{inner}");
        assert_eq!(lab.operator("DELETE", &in_use, Value::Null).await.status, 202);
        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (202, made.id()));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.status, 404);
        assert_eq!(lab.record(&format!("group:{}", made.id())).await, Value::Null);
    }
}

#[tokio::test]
async fn spoiled_rules_refuse_the_whole() {
    let lab = lab().await;
    let own = lab.tenant("own.com").await;
    let path = own.access("groups");
    let body = json!({"name": "G", "include": [{"everyone": {}}]});
    let made = lab.operator("POST", &path, body).await;
    let one = format!("{path}/{}", made.id());
    let nothing = "00000000-0000-4000-8000-000000000000";
    for (include, pointer) in [
        (json!([{"email_domain": {}}, {"email": {}}]), "/include/0/email_domain"),
        (json!([{"email": {"email": ""}}]), "/include/0/email/email"),
        (json!([{"email": {"email": "no address"}}]), "/include/0/email/email"),
        (json!([{"ip": {"ip": "10.0.0.0/99"}}]), "/include/0/ip/ip"),
        (json!([{"geo": {"country_code": "Germany"}}]), "/include/0/geo/country_code"),
        (json!([{"group": {"id": nothing}}]), "/include/0"),
        (json!([{"service_token": {"token_id": nothing}}]), "/include/0"),
        (json!([{"group": {"id": made.id()}}]), "/include"),
        (
            json!([{"external_evaluation": {"evaluate_url": "https://10.0.0.1/", "keys_url": "https://e.com"}}]),
            "/include/0/external_evaluation/evaluate_url",
        ),
        (json!([{"everyone": {}, "certificate": {}}]), "/include/0"),
        (json!([null]), "/include/0"),
        (json!([]), "/include"),
        (json!({"everyone": {}}), "/include"),
        (Value::Null, "/include"),
    ] {
        let refused = lab.operator("PUT", &one, json!({"name": "G", "include": include})).await;
        assert_eq!(refused.refused(), pointer, "{}", refused.text);
    }
    let read = lab.operator("GET", &one, Value::Null).await;
    assert_eq!(read.result(), made.result());
    // Nor by way of another.
    let outer = json!({"name": "Outer", "include": [{"group": {"id": made.id()}}]});
    let outer = lab.operator("POST", &path, outer).await.id();
    let round = json!({"name": "G", "include": [{"group": {"id": outer}}]});
    assert_eq!(lab.operator("PUT", &one, round).await.refused(), "/include");
    let refused = lab.operator("DELETE", &one, Value::Null).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
}
