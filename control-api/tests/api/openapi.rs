//! The description at `/openapi.json` and the router say the same.

use axum::body::Body;
use http::Request;

use crate::lab::lab;

/// Every operation of the description: method and path.
pub fn operations() -> Vec<(String, String)> {
    let description = serde_json::to_value(control_api::router::description()).expect("JSON");
    let paths = description["paths"].as_object().expect("paths");
    let methods = ["get", "post", "put", "patch", "delete"];
    let operations = paths.iter().flat_map(|(path, item)| {
        methods
            .iter()
            .filter(|method| item.get(**method).is_some())
            .map(|method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// A path with ids that have the right form and name nothing.
pub fn concrete(path: &str) -> String {
    let id = "0".repeat(32);
    path.replace("{account_id}", &id)
        .replace("{zone_id}", &id)
        .replace("{token_id}", &id)
        .replace("{setting_id}", "ssl")
        .replace("{name}", "lab")
        .replace("{kid}", &"0".repeat(64))
        .replace("{nonce}", "AAAAAAAAAAAAAAAAAAAAAA")
        .replace("{id}", "00000000-0000-4000-8000-000000000000")
        .replace("{policy_id}", "00000000-0000-4000-8000-000000000000")
        .replace("{custom_hostname_id}", "00000000-0000-4000-8000-000000000000")
}

#[tokio::test]
async fn what_is_described_is_served_and_the_rest_is_not() {
    let lab = lab().await;
    let operations = operations();
    assert!(operations.len() > 30, "{operations:?}");
    for (_, path) in &operations {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let request = Request::builder().method(method).uri(concrete(path)).body(Body::empty());
            let answer = lab.send(request.expect("a request")).await;
            let described = operations.contains(&(method.to_owned(), path.clone()));
            // Without a token, what is served answers 400/9106, and what is not 405.
            let expected = if described { (400, 9106) } else { (405, 7001) };
            assert_eq!(answer.outcome(), expected, "{method} {path}: {}", answer.text);
        }
    }
}

#[test]
fn nothing_is_routed_past_the_description() {
    let source = include_str!("../../src/router.rs");
    let routed: Vec<_> = source.lines().filter(|line| line.contains(".route(")).collect();
    let known = ["\"/openapi.json\"", "\"/\"", "\"/development_authority/root.pem\""];
    assert!(routed.iter().all(|line| known.iter().any(|path| line.contains(path))), "{routed:?}");
}

#[test]
fn every_operation_has_an_id_of_its_own_and_every_response_a_description() {
    let description = serde_json::to_value(control_api::router::description()).expect("JSON");
    let mut ids = std::collections::BTreeSet::new();
    for (method, path) in operations() {
        let operation = &description["paths"][&path][method.to_lowercase()];
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} is the id of two operations");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let words = response["description"].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{method} {path} {status} has no description");
        }
    }
}

#[tokio::test]
async fn the_description_is_served() {
    let lab = lab().await;
    let request = Request::get("/openapi.json").body(Body::empty()).expect("a request");
    let answer = lab.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body["info"]["title"]), (200, &"Lintel".into()));
    for (path, item) in answer.body["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(
                operation["responses"]["4XX"].is_object(),
                "{method} {path} describes no failure"
            );
        }
    }
}
