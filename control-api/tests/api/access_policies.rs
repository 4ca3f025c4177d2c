//! Policies: reusable ones, those of one application, and how an application holds them.

use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::{object, organization};
use crate::lab::{Answer, Lab, Tenant, labs};

/// The account's reusable policies.
pub fn policies(tenant: &Tenant) -> String {
    format!("/accounts/{}/access/policies", tenant.account)
}

fn everyone(name: &str) -> Value {
    json!({"name": name, "decision": "allow", "include": [{"everyone": {}}]})
}

/// Ids and precedences, as an application answers them.
fn listed(answer: &Answer) -> Vec<(String, i64)> {
    let all = answer.result()["policies"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    let one = |policy: &Value| {
        (policy["id"].as_str().unwrap().to_owned(), policy["precedence"].as_i64().unwrap())
    };
    all.iter().map(one).collect()
}

async fn team(lab: &Lab) -> Tenant {
    let tenant = lab.tenant("saas.com").await;
    organization(lab, &tenant, "team.saas.com").await;
    tenant
}

#[tokio::test]
async fn a_policy_answers_what_was_set_and_how_many_use_it() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let list = object(&lab, &tenant, "list", "Approvers").await;
        let body = json!({
            "name": "Staff", "decision": "allow", "session_duration": "30m",
            "include": [{"email": {"email": "Ann@saas.com"}}, {"everyone": {}}],
            "exclude": [{"ip": {"ip": "192.0.2.0/24"}}], "require": [],
            "purpose_justification_required": true, "purpose_justification_prompt": "Why?",
            "approval_required": true, "isolation_required": false,
            "approval_groups": [{"approvals_needed": 1.0, "email_addresses": ["b@saas.com"]},
                {"approvals_needed": 2, "email_list_uuid": list}],
            "mfa_config": {"mfa_disabled": true},
            "connection_rules": {"rdp": {"allowed_clipboard_local_to_remote_formats": ["text"]}},
        });
        let made = lab.operator("POST", &policies(&tenant), body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let one = format!("{}/{}", policies(&tenant), made.id());
        let read = lab.operator("GET", &one, Value::Null).await;
        let put = lab.operator("PUT", &one, made.result().clone()).await;
        for answer in [&made, &read, &put] {
            for (field, value) in body.as_object().unwrap() {
                assert_eq!(&answer.result()[field], value, "{} {field}: {}", lab.name, answer.text);
            }
            assert_eq!(
                (&answer.result()["reusable"], &answer.result()["app_count"]),
                (&json!(true), &json!(0))
            );
            assert_eq!(answer.result().get("precedence"), None);
        }
        let bare = lab
            .operator(
                "PUT",
                &one,
                json!({"name": "S", "decision": "deny", "precedence": 0, "include": null}),
            )
            .await;
        let members: Vec<_> =
            bare.result().as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            members,
            [
                "app_count",
                "created_at",
                "decision",
                "id",
                "name",
                "reusable",
                "session_duration",
                "updated_at"
            ]
        );
        assert_eq!(bare.result()["session_duration"], "24h");

        let body = json!({"type": "self_hosted", "domain": "a.saas.com", "policies": [made.id()]});
        let app = create(&lab, &tenant, body).await;
        assert_eq!(lab.operator("GET", &one, Value::Null).await.result()["app_count"], 1);
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 409, "{}", lab.name);
        lab.operator("DELETE", &format!("{}/{}", path(&tenant), app.id()), Value::Null).await.id();
        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (202, made.id()));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn what_would_not_be_enforced_is_refused_by_name() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let none = "00000000-0000-4000-8000-000000000000";
        let with = |more: Value| {
            let mut body = everyone("P");
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let ann = json!([{"email": {"email": "ann@saas.com"}}]);
        for (body, named) in [
            (json!({"decision": "allow"}), "name"),
            (json!({"name": "P"}), "decision"),
            (with(json!({"decision": "block"})), "decision"),
            (
                with(json!({"include": [{"email_domain": {}}, {"email": {}}]})),
                "include/0/email_domain",
            ),
            (with(json!({"include": [null]})), "include/0"),
            (with(json!({"include": [{"group": {"id": none}}]})), "include/0"),
            (with(json!({"isolation_required": true})), "isolation_required"),
            (
                with(json!({"mfa_config": {"allowed_authenticators": ["totp"]}})),
                "mfa_config/allowed_authenticators",
            ),
            (with(json!({"approval_required": true})), "approval_groups"),
            (
                with(
                    json!({"approval_groups": [{"approvals_needed": 0, "email_addresses": ["a@b.c"]}]}),
                ),
                "approval_groups/0/approvals_needed",
            ),
            (
                with(
                    json!({"approval_groups": [{"approvals_needed": 2, "email_addresses": ["a@b.c"]}]}),
                ),
                "approval_groups/0/approvals_needed",
            ),
            (
                with(
                    json!({"approval_groups": [{"approvals_needed": 1, "email_list_uuid": none}]}),
                ),
                "approval_groups/0/email_list_uuid",
            ),
            (with(json!({"session_duration": "forever"})), "session_duration"),
            (with(json!({"decision": "bypass", "include": ann})), "include/0"),
            (with(json!({"decision": "bypass", "exclude": ann})), "exclude/0"),
            (with(json!({"decision": "non_identity", "require": ann})), "require/0"),
            (
                with(json!({"decision": "bypass", "purpose_justification_required": true})),
                "decision",
            ),
            (with(json!({"no_such_field": 1})), "no_such_field"),
        ] {
            let answer = lab.operator("POST", &policies(&tenant), body.clone()).await;
            assert_eq!(answer.outcome(), (400, 12130), "{}: {body}: {}", lab.name, answer.text);
            assert_eq!(
                answer.body["errors"][0]["source"]["pointer"],
                json!(format!("/{named}")),
                "{body}"
            );
        }
        let answer = lab.operator("GET", &policies(&tenant), Value::Null).await;
        assert_eq!(answer.result(), &json!([]), "{}", lab.name);
    }
}

#[tokio::test]
async fn an_application_lists_its_policies_by_precedence() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let mut ids = Vec::new();
        for name in ["A", "B", "C"] {
            ids.push(lab.operator("POST", &policies(&tenant), everyone(name)).await.id());
        }
        let app =
            |list: Value| json!({"type": "self_hosted", "domain": "a.saas.com", "policies": list});
        let made = create(&lab, &tenant, app(json!([ids[1], ids[0]]))).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        let (a, b, c) = (ids[0].clone(), ids[1].clone(), ids[2].clone());
        assert_eq!(listed(&made), [(b.clone(), 1), (a.clone(), 2)], "{}", lab.name);
        assert_eq!(made.result()["policies"][0]["name"], "B");
        for (sent, expected) in [
            (
                json!([{"id": a, "precedence": 5}, {"id": b, "precedence": 3}, c]),
                vec![(b.clone(), 3), (c.clone(), 4), (a.clone(), 5)],
            ),
            (
                json!([{"id": a, "precedence": 1}, {"id": b, "precedence": 1}]),
                vec![(a.clone(), 1), (b.clone(), 1)],
            ),
            (json!([{"id": c, "precedence": 0}]), vec![(c.clone(), 1)]),
            (json!([]), vec![]),
        ] {
            let put = lab.operator("PUT", &one, app(sent.clone())).await;
            assert_eq!(listed(&put), expected, "{}: {sent}", lab.name);
            assert_eq!(listed(&lab.operator("GET", &one, Value::Null).await), expected);
        }
        // Neither `null` nor silence changes them.
        lab.operator("PUT", &one, app(json!([b]))).await.id();
        for body in [app(Value::Null), json!({"type": "self_hosted", "domain": "a.saas.com"})] {
            let put = lab.operator("PUT", &one, body).await;
            assert_eq!(listed(&put), [(b.clone(), 1)], "{}", lab.name);
        }
        // What was read may be written back, but does not change a reusable policy by the way.
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(lab.operator("PUT", &one, read.result().clone()).await.result(), read.result());
        let mut changed = read.result().clone();
        changed["policies"][0]["decision"] = json!("deny");
        let refused = lab.operator("PUT", &one, changed).await;
        assert_eq!(refused.outcome(), (400, 12130));
        let twice = lab.operator("PUT", &one, app(json!([a, a]))).await;
        assert_eq!(twice.outcome(), (400, 12130), "{}", twice.text);
    }
}

#[tokio::test]
async fn an_application_has_policies_of_its_own_whose_ids_stay() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let app =
            |list: Value| json!({"type": "self_hosted", "domain": "a.saas.com", "policies": list});
        let made = create(&lab, &tenant, app(json!([everyone("A"), everyone("B")]))).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        let ids: Vec<_> = listed(&made).into_iter().map(|(id, _)| id).collect();
        assert_eq!(made.result()["policies"][0]["reusable"], false);
        let mut stricter = everyone("A");
        stricter["require"] = json!([{"geo": {"country_code": "DE"}}]);
        let put = lab.operator("PUT", &one, app(json!([everyone("C"), stricter]))).await;
        let after = listed(&put);
        assert_eq!((after.len(), &after[1].0), (2, &ids[0]), "{}: {}", lab.name, put.text);
        assert_eq!(put.result()["policies"][1]["require"], stricter["require"]);
        let gone = format!("{one}/policies/{}", ids[1]);
        assert_eq!(lab.operator("GET", &gone, Value::Null).await.status, 404);
        // They are nobody else's.
        let reusable = format!("{}/{}", policies(&tenant), ids[0]);
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(
                lab.operator(method, &reusable, everyone("A")).await.status,
                404,
                "{method}"
            );
        }
        let other = json!({"type": "self_hosted", "domain": "b.saas.com", "policies": [ids[0]]});
        let answer = lab.operator("POST", &path(&tenant), other).await;
        assert_eq!(answer.outcome(), (400, 12130));
        let shared = lab.operator("POST", &policies(&tenant), everyone("S")).await.id();
        let mixed = lab.operator("PUT", &one, app(json!([shared, everyone("A")]))).await;
        assert_eq!(mixed.outcome(), (400, 12130), "{}", mixed.text);
        lab.operator("DELETE", &one, Value::Null).await.id();
        assert_eq!(
            lab.operator("GET", &policies(&tenant), Value::Null)
                .await
                .result()
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn the_older_manner_numbers_policies_below_the_application() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let made =
            create(&lab, &tenant, json!({"type": "self_hosted", "domain": "a.saas.com"})).await;
        for scope in [path(&tenant), format!("/zones/{}/access/apps", tenant.zone)] {
            let app = format!("{}/{}", path(&tenant), made.id());
            let below = format!("{scope}/{}/policies", made.id());
            let legacy = json!({"name": "A", "decision": "allow", "precedence": 0, "include": [{"everyone": {}}],
                "approval_groups": null, "exclude": null, "require": null});
            let first = lab.operator("POST", &below, legacy).await;
            assert_eq!(
                (first.status.as_u16(), &first.result()["precedence"]),
                (201, &json!(1)),
                "{}",
                first.text
            );
            let mut second = everyone("B");
            second["precedence"] = json!(7);
            let second = lab.operator("POST", &below, second).await;
            let names = |answer: &Answer| {
                let all = answer.result().as_array().unwrap().iter();
                all.map(|policy| policy["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(names(&lab.operator("GET", &below, Value::Null).await), ["A", "B"]);
            let one = format!("{below}/{}", first.id());
            let mut last = everyone("A");
            last["precedence"] = json!(9);
            let put = lab.operator("PUT", &one, last).await;
            assert_eq!(
                (put.id(), &put.result()["precedence"]),
                (first.id(), &json!(9)),
                "{}",
                lab.name
            );
            assert_eq!(names(&lab.operator("GET", &below, Value::Null).await), ["B", "A"]);
            assert_eq!(
                listed(&lab.operator("GET", &app, Value::Null).await),
                [(second.id(), 7), (first.id(), 9)]
            );
            // A reusable one is listed, is not changed here, and can be taken out.
            let shared = lab.operator("POST", &policies(&tenant), everyone("S")).await.id();
            let body = json!({"type": "self_hosted", "domain": "a.saas.com",
                "policies": [{"id": first.id(), "precedence": 9}, {"id": second.id(), "precedence": 7}, {"id": shared, "precedence": 10}]});
            lab.operator("PUT", &app, body).await.id();
            assert_eq!(names(&lab.operator("GET", &below, Value::Null).await), ["B", "A", "S"]);
            let there = format!("{below}/{shared}");
            assert_eq!(lab.operator("PUT", &there, everyone("S")).await.status, 409);
            for id in [&shared, &first.id(), &second.id()] {
                let answer = lab.operator("DELETE", &format!("{below}/{id}"), Value::Null).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.id()),
                    (202, id.clone()),
                    "{}",
                    lab.name
                );
            }
            assert_eq!(lab.operator("GET", &below, Value::Null).await.result(), &json!([]));
            let reusable = format!("{}/{shared}", policies(&tenant));
            assert_eq!(lab.operator("GET", &reusable, Value::Null).await.result()["app_count"], 0);
        }
    }
}
