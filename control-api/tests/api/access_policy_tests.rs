//! What policies say before anybody is let in by them, and the save that locks out its author.

use control_api::store::users::{self, UserRow};
use edge_state::Key;
use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::{organization, record};
use crate::access_policies::policies;
use crate::lab::{Answer, BOOTSTRAP, Lab, NOW, Tenant, labs};

fn tests(tenant: &Tenant) -> String {
    format!("/accounts/{}/access/policy-tests", tenant.account)
}

fn of_domain(domain: &str) -> Value {
    json!({"name": domain, "decision": "allow", "include": [{"email_domain": {"domain": domain}}]})
}

/// Somebody who signed in once, or never.
pub async fn user(lab: &Lab, tenant: &Tenant, email: &str, identity: Option<Value>) -> String {
    let id = uuid::Uuid::new_v4().to_string();
    let row = UserRow {
        id: id.clone(),
        account_id: tenant.account.clone(),
        email: email.to_owned(),
        name: None,
        enabled: true,
        seat_uid: uuid::Uuid::new_v4().to_string(),
        access_seat: true,
        gateway_seat: false,
        risk_score: None,
        last_login_at: identity.as_ref().map(|_| NOW),
        last_identity: identity.map(|more| {
            let mut identity = json!({"email": email, "idp": {"id": "idp", "type": "oidc"}, "subject": email,
                "authenticated_at": NOW / 1000, "ip": "192.0.2.1", "country": "DE"});
            identity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            identity.to_string()
        }),
        created_at: NOW,
        updated_at: NOW,
    };
    let mut tx = lab.db.begin().await.unwrap();
    users::insert(&mut tx, &row).await.unwrap();
    users::update(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn team(lab: &Lab) -> Tenant {
    let tenant = lab.tenant("saas.com").await;
    organization(lab, &tenant, "team.saas.com").await;
    tenant
}

/// An application for everybody of `saas.com`; its id and path.
async fn wiki(lab: &Lab, tenant: &Tenant) -> (String, String) {
    let policy = lab.operator("POST", &policies(tenant), of_domain("saas.com")).await.id();
    let body = json!({"type": "self_hosted", "domain": "wiki.saas.com", "policies": [policy]});
    let id = create(lab, tenant, body).await.id();
    (id.clone(), format!("{}/{id}", path(tenant)))
}

#[tokio::test]
async fn policies_are_tried_on_everybody() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        user(&lab, &tenant, "ann@saas.com", Some(json!({}))).await;
        user(&lab, &tenant, "bob@else.com", Some(json!({}))).await;
        user(&lab, &tenant, "new@saas.com", None).await;
        let made = lab
            .operator("POST", &tests(&tenant), json!({"policies": [of_domain("saas.com")]}))
            .await;
        assert_eq!(
            (made.status.as_u16(), &made.result()["status"]),
            (200, &json!("success")),
            "{}",
            made.text
        );
        let one = format!("{}/{}", tests(&tenant), made.id());
        let test = lab.operator("GET", &one, Value::Null).await;
        let expected = json!({"id": made.id(), "status": "complete", "total_users": 3, "users_approved": 1,
            "users_blocked": 1, "users_errored": 1, "percent_approved": 33, "percent_blocked": 33,
            "percent_errored": 33, "percent_users_processed": 100});
        assert_eq!(test.result(), &expected, "{}", lab.name);
        let emails = async |query: &str| {
            let answer = lab.operator("GET", &format!("{one}/users{query}"), Value::Null).await;
            let all = answer.result().as_array().unwrap().iter();
            all.map(|user| {
                format!("{} {}", user["email"].as_str().unwrap(), user["status"].as_str().unwrap())
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(emails("?status=success").await, ["ann@saas.com approved"]);
        assert_eq!(emails("?status=fail").await, ["bob@else.com blocked"]);
        assert_eq!(emails("?status=error").await, ["new@saas.com error"]);
        assert_eq!(emails("").await.len(), 3);
        assert!(emails("?page=2").await.is_empty());
        let other = lab.tenant("other.com").await;
        let foreign = format!("{}/{}", tests(&other), made.id());
        assert_eq!(lab.operator("GET", &foreign, Value::Null).await.status, 404);
        let wrong = lab.operator("POST", &tests(&tenant), json!({"policies": ["none"]})).await;
        assert_eq!(wrong.outcome(), (400, 12130));
    }
}

#[tokio::test]
async fn one_person_is_judged_rule_by_rule() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let ann = user(&lab, &tenant, "ann@saas.com", Some(json!({"amr": ["pwd"]}))).await;
        let groups = format!("/accounts/{}/access/groups", tenant.account);
        let group = json!({"name": "Staff", "include": [{"email_domain": {"domain": "saas.com"}}]});
        let group = lab.operator("POST", &groups, group).await.id();
        let policy = json!({"name": "Staff with MFA", "decision": "allow", "include": [{"group": {"id": group}}],
            "require": [{"auth_method": {"auth_method": "mfa"}}]});
        let policy = lab.operator("POST", &policies(&tenant), policy).await.id();
        let app = json!({"type": "self_hosted", "domain": "wiki.saas.com", "policies": [policy]});
        let app = create(&lab, &tenant, app).await.id();
        let evaluate = async |body: Value| {
            let answer = lab.operator("POST", &format!("{}/evaluate", tests(&tenant)), body).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer
        };
        let denied = evaluate(json!({"application_id": app, "user_id": ann})).await;
        let result = denied.result();
        assert_eq!(
            (&result["admitted"], &result["policy"]),
            (&json!(false), &Value::Null),
            "{}",
            lab.name
        );
        assert_eq!(result["hints"], json!(["stronger_sign_in"]));
        let traced = &result["policies"][0];
        assert_eq!(
            (&traced["matched"], &traced["name"]),
            (&json!(false), &json!("Staff with MFA"))
        );
        assert_eq!(traced["include"][0]["state"], "held");
        assert_eq!(traced["include"][0]["group"]["name"], "Staff");
        assert_eq!(traced["require"][0]["state"], "not_held");
        assert!(result["reason"].as_str().unwrap().contains("auth_method"), "{}", denied.text);

        let identity = json!({"email": "Ann@saas.com", "amr": ["mfa"]});
        let allowed = evaluate(json!({"application_id": app, "identity": identity})).await;
        assert_eq!(allowed.result()["admitted"], true, "{}", allowed.text);
        assert_eq!(allowed.result()["policy"]["id"], json!(policy));
        // A draft, with other facts of the request.
        let draft = json!([{"name": "Office", "decision": "bypass", "include": [{"ip": {"ip": "198.51.100.0/24"}}]}]);
        let inside = evaluate(json!({"policies": draft, "ip": "198.51.100.7"})).await;
        assert_eq!(inside.result()["outcome"]["outcome"], "bypass", "{}", inside.text);
        let outside = evaluate(json!({"policies": draft, "user_email": "ann@saas.com"})).await;
        assert_eq!(outside.result()["outcome"]["outcome"], "deny", "{}", outside.text);
        for (body, named) in [
            (json!({}), "/policies"),
            (json!({"application_id": "none"}), "/application_id"),
            (json!({"policies": [], "user_email": "nobody@saas.com"}), "/user_email"),
            (json!({"policies": [], "ip": "here"}), "/ip"),
            (json!({"policies": [], "identity": {"email": 5}}), "/identity/email"),
        ] {
            let answer =
                lab.operator("POST", &format!("{}/evaluate", tests(&tenant)), body.clone()).await;
            assert_eq!(answer.outcome(), (400, 12130), "{body}: {}", answer.text);
            assert_eq!(answer.body["errors"][0]["source"]["pointer"], named, "{body}");
        }
    }
}

#[tokio::test]
async fn a_draft_is_replayed_over_the_login_log() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let (app, _) = wiki(&lab, &tenant).await;
        let event = |index: usize, email: &str, country: &str| {
            json!({"id": format!("00000000-0000-4000-8000-00000000000{index}"), "auth_domain": "team.saas.com",
                "at_millis": NOW - 1000, "action": "login", "allowed": true, "application_id": app,
                "user_email": email, "user_id": email, "country": country, "ip_address": "192.0.2.1",
                "ray_id": "ray", "reason": "r",
                "identity": {"email": email, "idp": {"id": "i", "type": "oidc"}, "subject": email, "authenticated_at": 1}})
        };
        let events = json!({"events": [event(1, "ann@saas.com", "DE"), event(2, "ann@saas.com", "FR"),
            event(3, "bob@saas.com", "FR"), event(4, "bob@saas.com", "FR"), event(5, "eve@else.com", "DE")]});
        let logged = lab.edge("POST", "access/logs", events).await;
        assert_eq!(logged.status, 200, "{}", logged.text);
        let draft = json!([{"name": "From Germany", "decision": "allow", "include": [{"everyone": {}}],
            "require": [{"geo": {"country_code": "DE"}}]}]);
        let replay = format!("{}/replay", tests(&tenant));
        let answer =
            lab.operator("POST", &replay, json!({"application_id": app, "policies": draft})).await;
        let result = answer.result();
        assert_eq!(
            (&result["events"], &result["unchanged"]),
            (&json!(5), &json!(1)),
            "{}: {}",
            lab.name,
            answer.text
        );
        let lines = |what: &str| {
            let all = result[what].as_array().unwrap().iter();
            all.map(|line| {
                (line["user_email"].as_str().unwrap().to_owned(), line["times"].as_u64().unwrap())
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(lines("lost"), [("ann@saas.com".to_owned(), 1), ("bob@saas.com".to_owned(), 2)]);
        assert_eq!(lines("gained"), [("eve@else.com".to_owned(), 1)]);
        let lost = &result["lost"][0];
        assert_eq!(lost["before"]["policy"]["name"], "saas.com");
        let why = lost["after"]["reason"].as_str().unwrap();
        assert!(why.contains("From Germany") && why.contains("geo"), "{why}");
        // Nothing was saved, and what is saved changes nothing.
        let answer = lab.operator("POST", &replay, json!({"application_id": app})).await;
        assert_eq!(answer.result()["unchanged"], 5);
        let later = json!({"application_id": app, "since": "2026-09-21T14:13:20Z"});
        assert_eq!(lab.operator("POST", &replay, later).await.result()["events"], 0);
        let limited = json!({"application_id": app, "limit": 2});
        assert_eq!(lab.operator("POST", &replay, limited).await.result()["events"], 2);
    }
}

#[tokio::test]
async fn a_person_is_checked_against_an_application() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let (app, one) = wiki(&lab, &tenant).await;
        let ann = user(&lab, &tenant, "ann@saas.com", Some(json!({}))).await;
        user(&lab, &tenant, "eve@else.com", Some(json!({}))).await;
        let checked = lab
            .operator("GET", &format!("{one}/user_policy_checks?user_id={ann}"), Value::Null)
            .await;
        let (state, identity) =
            (&checked.result()["app_state"], &checked.result()["user_identity"]);
        assert_eq!(
            (&state["app_uid"], &state["status"]),
            (&json!(app), &json!("Success")),
            "{}",
            checked.text
        );
        assert_eq!(
            (&state["hostname"], &state["policies"][0]["status"]),
            (&json!("wiki.saas.com"), &json!("Success"))
        );
        assert_eq!(
            (&identity["email"], &identity["geo"]["country"]),
            (&json!("ann@saas.com"), &json!("DE"))
        );
        let checked = lab
            .operator("GET", &format!("{one}/user_policy_checks?email=eve@else.com"), Value::Null)
            .await;
        assert_eq!(checked.result()["app_state"]["status"], "Fail", "{}", lab.name);
        // Nobody is said, and the operator never signed in.
        let checked = lab.operator("GET", &format!("{one}/user_policy_checks"), Value::Null).await;
        assert_eq!(
            (&checked.result()["user_identity"], &checked.result()["app_state"]["status"]),
            (&Value::Null, &json!("Fail"))
        );
    }
}

#[tokio::test]
async fn a_save_that_locks_out_its_author_is_refused_unless_forced() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let (app, one) = wiki(&lab, &tenant).await;
        let policy =
            lab.operator("GET", &one, Value::Null).await.result()["policies"][0]["id"].clone();
        let policy_path = format!("{}/{}", policies(&tenant), policy.as_str().unwrap());
        user(&lab, &tenant, "ann@saas.com", Some(json!({}))).await;
        user(&lab, &tenant, "eve@else.com", Some(json!({}))).await;
        let put = async |path: &str, body: Value, author: &str| -> Answer {
            lab.ask_with(BOOTSTRAP, "PUT", path, body, &[("x-lintel-author", author)]).await
        };
        let before = record(&lab, &Key::Application(app.clone())).await;
        let refused = put(&policy_path, of_domain("else.com"), "Ann@saas.com").await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("x-should-retry")),
            (409, "false"),
            "{}",
            refused.text
        );
        let message = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(
            message.contains("lockout")
                && message.contains("ann@saas.com")
                && message.contains("force=true"),
            "{message}"
        );
        let hosted = |more: Value| {
            let mut body = json!({"type": "self_hosted", "domain": "wiki.saas.com"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        for body in [hosted(json!({"policies": []})), hosted(json!({"enabled": false}))] {
            assert_eq!(
                put(&one, body.clone(), "ann@saas.com").await.status,
                409,
                "{}: {body}",
                lab.name
            );
        }
        let below = format!("{one}/policies");
        let deny = json!({"name": "No", "decision": "deny", "precedence": 0, "include": [{"geo": {"country_code": "DE"}}]});
        let mut first = deny.clone();
        first["precedence"] = json!(1);
        // After the policy that lets ann in it changes nothing for her.
        let header = [("x-lintel-author", "ann@saas.com")];
        let last = lab.ask_with(BOOTSTRAP, "POST", &below, deny, &header).await;
        assert_eq!(last.status, 201, "{}", last.text);
        let out = lab
            .ask_with(
                BOOTSTRAP,
                "DELETE",
                &format!("{below}/{}", policy.as_str().unwrap()),
                Value::Null,
                &header,
            )
            .await;
        assert_eq!(out.status, 409, "{}", out.text);
        lab.operator("DELETE", &format!("{below}/{}", last.id()), Value::Null).await.id();
        assert_eq!(record(&lab, &Key::Application(app.clone())).await, before, "{}", lab.name);

        // Who could not come in loses nothing, and nobody known loses nothing either.
        for author in ["eve@else.com", "nobody@saas.com"] {
            let same = put(&policy_path, of_domain("saas.com"), author).await;
            assert_eq!(same.status, 200, "{}", same.text);
            let hers = put(&policy_path, of_domain("third.com"), author).await;
            assert_eq!(hers.status, 200, "{}", hers.text);
            put(&policy_path, of_domain("saas.com"), author).await;
        }
        let forced =
            put(&format!("{policy_path}?force=true"), of_domain("else.com"), "ann@saas.com").await;
        assert_eq!(forced.status, 200, "{}", forced.text);
        // The operator's own token speaks for the operator.
        user(&lab, &tenant, "operator@saas.com", Some(json!({}))).await;
        lab.operator("PUT", &policy_path, of_domain("saas.com")).await.id();
        let refused = lab.operator("PUT", &policy_path, of_domain("else.com")).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
    }
}

#[tokio::test]
async fn revoked_tokens_count_no_more_at_the_edge() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let (app, one) = wiki(&lab, &tenant).await;
        let aud =
            record(&lab, &Key::Application(app)).await.unwrap()["aud"].as_str().unwrap().to_owned();
        let revoked = lab.operator("POST", &format!("{one}/revoke_tokens"), Value::Null).await;
        assert_eq!(
            (revoked.status.as_u16(), revoked.result()),
            (202, &json!({})),
            "{}",
            revoked.text
        );
        let key = Key::Revocations(edge_state::Hostname::parse("team.saas.com").unwrap());
        let record = record(&lab, &key).await.unwrap();
        assert_eq!(record["applications"][&aud]["not_after"], json!(NOW / 1000), "{}", lab.name);
        let none = format!("{}/none/revoke_tokens", path(&tenant));
        assert_eq!(lab.operator("POST", &none, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn there_are_no_ssh_certificates() {
    for lab in labs().await {
        let tenant = team(&lab).await;
        let (_, one) = wiki(&lab, &tenant).await;
        let answer = lab.operator("POST", &format!("{one}/ca"), Value::Null).await;
        assert_eq!(answer.outcome(), (400, 12130), "{}", answer.text);
        for method in ["GET", "DELETE"] {
            assert_eq!(lab.operator(method, &format!("{one}/ca"), Value::Null).await.status, 404);
        }
        let listed = lab.operator("GET", &format!("{}/ca", path(&tenant)), Value::Null).await;
        assert_eq!((listed.status.as_u16(), listed.result()), (200, &json!([])), "{}", lab.name);
    }
}
