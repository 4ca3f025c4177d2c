//! What every path does with requests that are no requests.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::lab::{BOOTSTRAP, lab};

#[tokio::test]
async fn every_refusal_has_the_contract_s_shape_and_a_request_id() {
    let lab = lab().await;
    for (method, path, outcome) in [
        ("GET", "/nothing/here", (404, 7003)),
        ("GET", "/zones/not-an-id", (400, 7003)),
        ("DELETE", "/user", (405, 7001)),
        ("GET", "/accounts/00000000000000000000000000000000", (404, 1003)),
        ("GET", "/accounts?per_page=51", (400, 1400)),
        ("GET", "/accounts?page=0", (400, 1400)),
        ("GET", "/accounts?page=1&page=2", (400, 1400)),
    ] {
        let answer = lab.operator(method, path, Value::Null).await;
        assert_eq!(answer.outcome(), outcome, "{path}: {}", answer.text);
        assert_eq!(
            (&answer.body["success"], &answer.body["result"]),
            (&json!(false), &Value::Null)
        );
        assert!(answer.body["messages"].as_array().is_some_and(Vec::is_empty));
        assert!(answer.header("cf-ray").len() >= 16, "{path}");
    }
    let given = [("cf-ray", "0123456789abcdef-LAB")];
    let answer = lab.ask_with(BOOTSTRAP, "GET", "/user", Value::Null, &given).await;
    assert_eq!(answer.header("cf-ray"), given[0].1);
}

#[tokio::test]
async fn credentials_in_other_forms_are_refused_with_the_way_out() {
    let lab = lab().await;
    let bearer = format!("Bearer {BOOTSTRAP}");
    for (headers, outcome) in [
        (vec![], (400, 9106)),
        (vec![("authorization", "Basic YTpi")], (400, 6003)),
        (vec![("x-auth-key", "0123"), ("x-auth-email", "a@b.com")], (400, 6003)),
        (vec![("authorization", "Bearer unknown-token")], (403, 10000)),
        (vec![("authorization", bearer.as_str()), ("x-auth-key", "0123")], (200, 0)),
    ] {
        let answer = lab.ask_with("", "GET", "/user", Value::Null, &headers).await;
        assert_eq!(answer.outcome(), outcome, "{headers:?}: {}", answer.text);
    }
    let verify = lab.ask("unknown-token", "GET", "/user/tokens/verify", Value::Null).await;
    assert_eq!(verify.outcome(), (401, 1000));
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let lab = lab().await;
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (body, outcome) in [
        ("{\"name\":", (400, 1400)),
        ("[]", (400, 1400)),
        ("null", (400, 1400)),
        ("{\"name\":\"a\"} x", (400, 1400)),
        ("{\"name\":\"a\",\"name\":\"b\"}", (400, 1400)),
        ("\u{0}", (400, 1400)),
        (deep.as_str(), (400, 1400)),
        (huge.as_str(), (413, 1413)),
    ] {
        let request = Request::post("/client/v4/accounts")
            .header("authorization", format!("Bearer {BOOTSTRAP}"))
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let answer = lab.send(request).await;
        assert_eq!(answer.outcome(), outcome, "{:.60}: {}", body, answer.text);
    }
    assert_eq!(lab.operator("GET", "/accounts", Value::Null).await.result(), &json!([]));
}

#[tokio::test]
async fn an_idempotency_key_must_be_a_short_text() {
    let lab = lab().await;
    for key in ["", &"k".repeat(256)] {
        let body = json!({"name": "a"});
        let answer =
            lab.ask_with(BOOTSTRAP, "POST", "/accounts", body, &[("idempotency-key", key)]).await;
        assert_eq!(answer.outcome(), (400, 1400));
    }
}
