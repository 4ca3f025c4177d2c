//! The feed over its own router, on both databases.

use axum::body::Body;
use edge_state::Key;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::store::testing::{TestDb, databases};

const TOKEN: &str = "an-edge-token";

fn feed(test: &TestDb) -> Feed {
    Feed::new(test.db.clone(), Bell::default(), &TOKEN.into(), CancellationToken::new())
}

async fn ask(feed: &Feed, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(format!("/edge/v1/{path}"));
    let request = request.header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    let request = request.header(http::header::CONTENT_TYPE, "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let response = router(feed.clone()).oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn get(feed: &Feed, path: &str) -> (StatusCode, Value) {
    ask(feed, "GET", path, None).await
}

async fn put(feed: &Feed, name: &str, value: Option<&str>) {
    let mut tx = feed.db.begin().await.unwrap();
    changes::put(&mut tx, &Key::Zone(name.into()), value, now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn nobody_reads_without_the_token() {
    let test = databases().await.remove(0);
    let feed = feed(&test);
    for value in
        [None, Some("Bearer"), Some("Bearer wrong"), Some("Bearer "), Some("Basic an-edge-token")]
    {
        for path in ["changes", "snapshot", "points_of_presence", "points_of_presence/x"] {
            let mut request = Request::get(format!("/edge/v1/{path}"));
            if let Some(value) = value {
                request = request.header(AUTHORIZATION, value);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = router(feed.clone()).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} {value:?}");
        }
    }
}

#[tokio::test]
async fn changes_come_in_pages_and_then_there_are_none() {
    for test in databases().await {
        let feed = feed(&test);
        for name in ["a", "b", "c"] {
            put(&feed, name, Some("1")).await;
        }
        put(&feed, "a", None).await;
        let (_, first) = get(&feed, "changes?since=0&limit=2").await;
        assert_eq!(
            first,
            json!({"changes": [{"sequence": 2, "key": "zone:b", "value": "1"},
                {"sequence": 3, "key": "zone:c", "value": "1"}], "next": 3})
        );
        let (_, second) = get(&feed, "changes?since=3&limit=0").await;
        assert_eq!(second, json!({"changes": [{"sequence": 4, "key": "zone:a"}], "next": 4}));
        let (_, none) = get(&feed, "changes?since=4").await;
        assert_eq!(none, json!({"changes": [], "next": 4}), "{}", test.name);
        assert_eq!(get(&feed, "changes?since=5").await.0, StatusCode::GONE, "{}", test.name);
        assert_eq!(get(&feed, "changes?since=x").await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_snapshot_has_every_record_once() {
    for test in databases().await {
        let feed = feed(&test);
        for name in ["c", "a", "b", "gone"] {
            put(&feed, name, Some("1")).await;
        }
        put(&feed, "gone", None).await;
        let (_, first) = get(&feed, "snapshot?limit=2").await;
        assert_eq!(first["sequence"], 5);
        assert_eq!(first["next"], "zone:b");
        let (_, second) = get(&feed, "snapshot?limit=2&after=zone:b").await;
        assert_eq!(second["records"], json!([{"sequence": 1, "key": "zone:c", "value": "1"}]));
        assert_eq!(second.get("next"), None, "{}", test.name);
    }
}

#[tokio::test]
async fn a_long_poll_wakes_with_the_bell_and_without() {
    for test in databases().await {
        let feed = feed(&test);
        for (name, rings) in [("a", true), ("b", false)] {
            let (_, now) = get(&feed, "changes").await;
            let path = format!("changes?since={}&wait=30", now["next"]);
            let polling = tokio::spawn({
                let feed = feed.clone();
                async move { get(&feed, &path).await.1 }
            });
            put(&feed, name, Some("1")).await;
            if rings {
                feed.bell.ring();
            }
            let seen = polling.await.unwrap();
            assert_eq!(seen["changes"][0]["key"], format!("zone:{name}"), "{}", test.name);
        }
    }
}

#[tokio::test]
async fn a_long_poll_ends_with_the_process() {
    let test = databases().await.remove(0);
    let feed = feed(&test);
    let polling = tokio::spawn({
        let feed = feed.clone();
        async move { get(&feed, "changes?since=0&wait=30").await }
    });
    feed.stop.cancel();
    assert_eq!(polling.await.unwrap().1, json!({"changes": [], "next": 0}));
}

#[tokio::test]
async fn points_of_presence_register_are_seen_and_removed() {
    for test in databases().await {
        let feed = feed(&test);
        let point = json!({"https_address": "127.0.0.1:8443", "http_address": "[::1]:8080"});
        let path = "points_of_presence/fra-1";
        let (status, _) = ask(&feed, "PUT", path, Some(point.clone())).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        put(&feed, "a", Some("1")).await;
        get(&feed, "changes?since=1&pop=fra-1").await;
        get(&feed, "changes?since=1&pop=unknown").await;
        let (_, points) = get(&feed, "points_of_presence").await;
        assert_eq!(points.as_array().unwrap().len(), 1, "{}", test.name);
        assert_eq!(points[0]["sequence"], 1);
        assert_eq!(points[0]["https_address"], "127.0.0.1:8443");
        assert_eq!(get(&feed, path).await.1, points[0]);
        tidy_once(&test.db, now(), true).await.unwrap();
        assert_eq!(ask(&feed, "DELETE", path, None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(ask(&feed, "DELETE", path, None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(get(&feed, path).await.0, StatusCode::NOT_FOUND);
        for (name, body) in [
            ("fra%2F1", point.clone()),
            ("fra%201", point),
            ("fra", json!({"https_address": "127.0.0.1", "http_address": "127.0.0.1:80"})),
            ("fra", json!({"https_address": "127.0.0.1:0", "http_address": "127.0.0.1:80"})),
            ("fra", json!({})),
        ] {
            let path = format!("points_of_presence/{name}");
            assert_eq!(ask(&feed, "PUT", &path, Some(body)).await.0, StatusCode::BAD_REQUEST);
        }
        assert_eq!(get(&feed, "points_of_presence").await.1, json!([]), "{}", test.name);
    }
}
