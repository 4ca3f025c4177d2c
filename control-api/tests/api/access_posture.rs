//! Device posture by a service of the operator's: asked at sign-in, over real HTTP.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router, routing};
use control_api::store::access::objects::{self, ObjectRow};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::access_world::{CORP, nonce, organization, sign_in};
use crate::lab::{Lab, NOW, Tenant, lab_with};

/// What was asked, with its headers.
type Heard = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// A service that knows a score, and others that do not do as they should.
async fn service() -> (String, Heard) {
    let heard = Heard::default();
    let score = async |State(heard): State<Heard>, headers: HeaderMap, Json(asked): Json<Value>| {
        let device = asked["devices"][0]["device_id"].as_str().unwrap().to_owned();
        heard.lock().unwrap().push((headers, asked));
        Json(json!({"result": {device: {"s2s_id": "x", "score": 80}}}))
    };
    let garbage = async || "not JSON".into_response();
    let large = async || "x".repeat(100_000).into_response();
    let failure = async || -> Response { StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let router = Router::new()
        .route("/score", routing::post(score))
        .route("/redirect", routing::post(async || Redirect::temporary("/score")))
        .route("/garbage", routing::post(garbage))
        .route("/large", routing::post(large))
        .route("/failure", routing::post(failure))
        .with_state(heard.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, heard)
}

/// Makes an integration by the API; its id.
async fn integration(lab: &Lab, own: &Tenant, url: &str) -> String {
    let path = format!("/accounts/{}/devices/posture/integration", own.account);
    let config = json!({"api_url": url, "access_client_id": "id.access",
        "access_client_secret": "canary-secret"});
    let body = json!({"name": "Fleet", "type": "custom_s2s", "interval": "10m", "config": config});
    lab.operator("POST", &path, body).await.id()
}

/// Makes a rule by the API; its id.
async fn rule(lab: &Lab, own: &Tenant, integration: &str, operator: &str, score: u32) -> String {
    let path = format!("/accounts/{}/devices/posture", own.account);
    let input = json!({"connection_id": integration, "operator": operator, "score": score});
    let body = json!({"name": "Score", "type": "custom_s2s", "input": input});
    lab.operator("POST", &path, body).await.id()
}

/// The posture with which somebody signed in.
async fn posture(lab: &Lab, own: &Tenant, mark: &str) -> Value {
    let answer = sign_in(lab, CORP, "s1", "ann@corp.com", &nonce(mark)).await;
    assert_eq!(answer["outcome"], "session", "{answer}");
    let users = format!("/accounts/{}/access/users", own.account);
    let id = lab.operator("GET", &users, Value::Null).await.result()[0]["id"].clone();
    let path = format!("{users}/{}/last_seen_identity", id.as_str().unwrap());
    lab.operator("GET", &path, Value::Null).await.result()["devicePosture"].clone()
}

#[tokio::test]
async fn a_service_is_asked_once_and_its_score_compared() {
    let (base, heard) = service().await;
    let lab = lab_with(&[("LINTEL_ALLOW_PRIVATE_NETWORKS", "on")]).await;
    let own = lab.tenant("own.com").await;
    organization(&lab, &own).await;
    assert_eq!(posture(&lab, &own, "n1").await, json!({}), "nobody is asked without a rule");
    let id = integration(&lab, &own, &format!("{base}/score")).await;
    let met = rule(&lab, &own, &id, ">=", 80).await;
    let missed = rule(&lab, &own, &id, ">", 80).await;
    let path = format!("/accounts/{}/devices/posture", own.account);
    let other = json!({"name": "Disk", "type": "disk_encryption", "input": {"requireAll": true}});
    lab.operator("POST", &path, other).await.id();
    let expected = json!({met.clone(): {"id": met, "success": true},
        missed.clone(): {"id": missed, "success": false}});
    assert_eq!(posture(&lab, &own, "n2").await, expected);
    let heard = heard.lock().unwrap();
    let [(headers, asked)] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(asked["devices"][0]["email"], "ann@corp.com");
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("cf-access-client-id"), "id.access");
    assert_eq!(header("cf-access-client-secret"), "canary-secret");
}

#[tokio::test]
async fn stars_leave_a_secret_and_what_is_no_text_changes_nothing() {
    let (base, heard) = service().await;
    let lab = lab_with(&[("LINTEL_ALLOW_PRIVATE_NETWORKS", "on")]).await;
    let own = lab.tenant("own.com").await;
    organization(&lab, &own).await;
    let id = integration(&lab, &own, &format!("{base}/score")).await;
    rule(&lab, &own, &id, ">=", 80).await;
    let one = format!("/accounts/{}/devices/posture/integration/{id}", own.account);
    let with = |secret: Value| {
        json!({"config": {"api_url": format!("{base}/score"), "access_client_id": "id.access",
            "access_client_secret": secret}})
    };
    let before = lab.operator("GET", &one, Value::Null).await;
    for secret in [json!(5), json!(true), json!([]), json!(["s"]), json!({"s": "s"})] {
        let refused = lab.operator("PATCH", &one, with(secret.clone())).await;
        assert_eq!(refused.refused(), "/config/access_client_secret", "{secret}");
        assert!(refused.text.contains("must be a string"), "{}", refused.text);
        let after = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(after.result(), before.result(), "{secret}");
    }
    for (mark, secret, known) in [("n1", "***", "canary-secret"), ("n2", "*new*", "*new*")] {
        let patched = lab.operator("PATCH", &one, with(secret.into())).await;
        assert_eq!(patched.status, 200, "{}", patched.text);
        posture(&lab, &own, mark).await;
        let heard = heard.lock().unwrap();
        assert_eq!(heard.last().unwrap().0["cf-access-client-secret"], known);
    }
}

#[tokio::test]
async fn who_does_not_answer_says_no() {
    let (base, heard) = service().await;
    let lab = lab_with(&[("LINTEL_ALLOW_PRIVATE_NETWORKS", "on")]).await;
    let own = lab.tenant("own.com").await;
    organization(&lab, &own).await;
    let mut expected = serde_json::Map::new();
    for path in ["/redirect", "/garbage", "/large", "/failure", "/nothing", ":1/"] {
        let url =
            if path == ":1/" { "http://127.0.0.1:1/".to_owned() } else { base.clone() + path };
        let id = integration(&lab, &own, &url).await;
        let rule = rule(&lab, &own, &id, "<", 1000).await;
        expected.insert(rule.clone(), json!({"id": rule, "success": false}));
    }
    assert_eq!(posture(&lab, &own, "n1").await, Value::Object(expected));
    assert!(heard.lock().unwrap().is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn no_service_in_a_private_network_is_asked() {
    // Hears connections, whatever is spoken on them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let lab = lab_with(&[]).await;
    let own = lab.tenant("own.com").await;
    organization(&lab, &own).await;
    // Written when it was allowed.
    let mut tx = lab.db.begin().await.unwrap();
    let mut rules = Vec::new();
    for (number, host) in
        ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "2130706433"].iter().enumerate()
    {
        let (service, rule) = (format!("i{number}"), format!("r{number}"));
        let config = json!({"api_url": format!("https://{host}:{port}/score")});
        for (id, kind, body) in [
            (
                &service,
                "device posture integration",
                json!({"type": "custom_s2s", "config": config}),
            ),
            (
                &rule,
                "device posture rule",
                json!({"type": "custom_s2s",
                "input": {"connection_id": service, "operator": "<", "score": 1000}}),
            ),
        ] {
            let row = ObjectRow {
                id: id.clone(),
                account_id: own.account.clone(),
                kind: kind.to_owned(),
                name: id.clone(),
                body: body.to_string(),
                owned: "{}".to_owned(),
                created_at: NOW,
                updated_at: NOW,
                ..ObjectRow::default()
            };
            assert!(objects::insert(&mut tx, &row).await.unwrap());
        }
        rules.push(rule);
    }
    tx.commit().await.unwrap();
    let posture = posture(&lab, &own, "n1").await;
    for rule in rules {
        assert_eq!(posture[&rule]["success"], false, "{posture}");
    }
    let heard = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(heard, Err(std::io::ErrorKind::WouldBlock), "somebody connected");
}
