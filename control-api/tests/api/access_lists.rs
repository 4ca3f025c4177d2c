//! `/gateway/lists`, `/access/custom_pages` and `/devices/posture`.

use serde_json::{Value, json};

use crate::lab::{lab, labs};

#[tokio::test]
async fn a_list_is_answered_as_it_was_sent_and_searched_in_one_spelling() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = format!("/accounts/{}/gateway/lists", own.account);
        let sent = json!({"name": "Staff", "type": "EMAIL", "description": "D", "items": [
            {"value": "Zoe@Example.com", "description": "boss"}, {"value": "ann@example.com"}]});
        let made = lab.operator("POST", &path, sent.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.repeats(&sent);
        assert_eq!(made.result()["count"], 2);
        let (one, key) = (format!("{path}/{}", made.id()), format!("list:{}", made.id()));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.result(), made.result());
        let values = json!(["ann@example.com", "zoe@example.com"]);
        assert_eq!(lab.record(&key).await["values"], values);
        let listed = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(listed.result()[0]["count"], 2);
        let edit = json!({"append": [{"value": "new@example.com"}], "remove": ["ann@example.com"]});
        let patched = lab.operator("PATCH", &one, edit).await;
        assert_eq!(patched.result()["count"], 2);
        let items = lab.operator("GET", &format!("{one}/items?per_page=1"), Value::Null).await;
        assert_eq!(items.result(), &json!([{"value": "Zoe@Example.com", "description": "boss"}]));
        // Without items they stay; with items they are replaced.
        let renamed = lab.operator("PUT", &one, json!({"name": "All"})).await;
        assert_eq!(
            (&renamed.result()["count"], &renamed.result()["type"]),
            (&2.into(), &"EMAIL".into())
        );
        assert!(renamed.result().get("description").is_none(), "{}", renamed.text);
        let body = json!({"name": "All", "items": []});
        lab.operator("PUT", &one, body).await.repeats(&json!({"items": [], "count": 0}));
        assert_eq!(lab.record(&key).await["values"], json!([]));
        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (200, made.id()));
        assert_eq!(lab.record(&key).await, Value::Null);
    }
}

#[tokio::test]
async fn items_that_cannot_be_refuse_the_whole() {
    let lab = lab().await;
    let own = lab.tenant("own.com").await;
    let path = format!("/accounts/{}/gateway/lists", own.account);
    let body = json!({"name": "Nets", "type": "IP", "items": [{"value": "192.0.2.9/24"}]});
    let made = lab.operator("POST", &path, body).await;
    let one = format!("{path}/{}", made.id());
    assert_eq!(lab.record(&format!("list:{}", made.id())).await["values"], json!(["192.0.2.0/24"]));
    for (items, pointer) in [
        (json!([{}]), "/items/0"),
        (json!([null]), "/items/0"),
        (json!([{"description": "x"}]), "/items/0/value"),
        (json!([{"value": "192.0.2.0/24"}, {"value": "example.com"}]), "/items/1/value"),
        (json!([{"value": "::1", "also": "x"}]), "/items/0/also"),
        (json!("::1"), "/items"),
    ] {
        let refused = lab.operator("PUT", &one, json!({"name": "Nets", "items": items})).await;
        assert_eq!(refused.refused(), pointer, "{}", refused.text);
    }
    let other = json!({"name": "Nets", "type": "EMAIL"});
    assert_eq!(lab.operator("PUT", &one, other).await.refused(), "/type");
    assert_eq!(lab.operator("GET", &one, Value::Null).await.result(), made.result());
    let group = json!({"name": "G", "include": [{"ip_list": {"id": made.id()}}]});
    lab.operator("POST", &own.access("groups"), group).await;
    assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 409);
}

#[tokio::test]
async fn a_page_of_one_s_own_is_kept_and_shown_by_the_organisation() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("custom_pages");
        let sent = json!({"name": "No", "type": "forbidden", "custom_html": "<h1>No</h1>\r\n"});
        let made = lab.operator("POST", &path, sent.clone()).await;
        let uid = made.repeats(&sent)["uid"].as_str().unwrap().to_owned();
        let one = format!("{path}/{uid}");
        assert_eq!(lab.operator("GET", &one, Value::Null).await.result(), made.result());
        let listed = lab.operator("GET", &path, Value::Null).await;
        assert!(listed.result()[0].get("custom_html").is_none(), "{}", listed.text);
        let organization = json!({"custom_pages": {"forbidden": uid}});
        lab.operator("PATCH", &own.access("organizations"), organization).await;
        assert_eq!(lab.record("org:team.own.com").await["forbidden_html"], "<h1>No</h1>\r\n");
        let mut changed = sent;
        changed["custom_html"] = "<h1>Really</h1>".into();
        lab.operator("PUT", &one, changed.clone()).await.repeats(&changed);
        assert_eq!(lab.record("org:team.own.com").await["forbidden_html"], "<h1>Really</h1>");
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 409);
        let none = json!({"custom_pages": null});
        lab.operator("PATCH", &own.access("organizations"), none).await;
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 202);
        for (name, value, pointer) in
            [("type", "landing", "/type"), ("custom_html", "", "/custom_html")]
        {
            let mut spoiled = changed.clone();
            spoiled[name] = value.into();
            assert_eq!(lab.operator("POST", &path, spoiled).await.refused(), pointer);
        }
    }
}

#[tokio::test]
async fn posture_is_kept_and_its_secrets_are_not_told() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = format!("/accounts/{}/devices/posture", own.account);
        let config =
            json!({"api_url": "https://posture.com/check", "access_client_id": "i.access"});
        let sent = json!({"name": "I", "type": "custom_s2s", "interval": "10m", "config": config});
        let mut body = sent.clone();
        body["config"]["access_client_secret"] = "never-told".into();
        let integration = lab.operator("POST", &format!("{path}/integration"), body).await;
        integration.repeats(&sent);
        let one = format!("{path}/integration/{}", integration.id());
        let patched = lab.operator("PATCH", &one, json!({"interval": "1h"})).await;
        patched.repeats(&json!({"name": "I", "interval": "1h", "config": config}));
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(read.result(), patched.result());
        for answer in [integration, patched, read] {
            assert!(!answer.text.contains("never-told"), "{}", answer.text);
        }
        let id = one.rsplit('/').next().unwrap();
        let sent = json!({"name": "R", "type": "custom_s2s", "schedule": "1h", "expiration": "2h",
            "match": [{"platform": "linux"}], "description": "D",
            "input": {"connection_id": id, "operator": ">=", "score": 50}});
        let rule = lab.operator("POST", &path, sent.clone()).await;
        assert_eq!(rule.status, 201, "{}", rule.text);
        rule.repeats(&sent);
        let rule_path = format!("{path}/{}", rule.id());
        assert_eq!(lab.operator("GET", &rule_path, Value::Null).await.result(), rule.result());
        assert_eq!(lab.operator("GET", &path, Value::Null).await.result()[0], *rule.result());
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 409);
        let mut spoiled = sent.clone();
        spoiled["input"]["connection_id"] = "nothing".into();
        let refused = lab.operator("PUT", &rule_path, spoiled).await;
        assert_eq!(refused.refused(), "/input/connection_id");
        let mut local = json!({"name": "I", "type": "custom_s2s", "interval": "1h"});
        local["config"] = json!({"api_url": "https://127.0.0.1/"});
        let refused = lab.operator("POST", &format!("{path}/integration"), local).await;
        assert_eq!(refused.refused(), "/config/api_url");
        assert_eq!(lab.operator("DELETE", &rule_path, Value::Null).await.status, 200);
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 200);
        assert_eq!(lab.operator("GET", &rule_path, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn a_user_s_risk_is_told_and_forgotten() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let body = json!({"email": "ann@corp.com", "name": "Ann", "risk_score": "high"});
        let user = lab.operator("POST", &own.access("users"), body).await.id();
        let path = format!("/accounts/{}/zt_risk_scoring/{user}", own.account);
        let risk =
            json!({"email": "ann@corp.com", "name": "Ann", "events": [], "risk_level": "high"});
        assert_eq!(lab.operator("GET", &path, Value::Null).await.result(), &risk);
        let reset = lab.operator("POST", &format!("{path}/reset"), Value::Null).await;
        assert_eq!(reset.status, 200, "{}", reset.text);
        let after = lab.operator("GET", &path, Value::Null).await;
        assert!(after.result().get("risk_level").is_none(), "{}", after.text);
    }
}
