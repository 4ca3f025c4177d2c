//! A namespace in memory that speaks Cloudflare's REST API, and can be made to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use edge_state::{Hostname, Key};
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::*;
use crate::publisher::cloudflare::Settings;
use crate::store::testing::{TestDb, databases};

#[derive(Clone, Default)]
struct Kv(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    values: BTreeMap<String, String>,
    requests: Vec<String>,
    /// Answered in place of what was asked for, in turn.
    failures: Vec<(StatusCode, Value)>,
    without_bulk: bool,
    unsuccessful: Vec<String>,
}

impl Kv {
    async fn serve(&self) -> String {
        let router = Router::new()
            .route("/ns/bulk", put(bulk_put))
            .route("/ns/bulk/delete", post(bulk_delete))
            .route("/ns/keys", get(keys))
            .route("/ns/values/{key}", put(single_put).delete(single_delete))
            .layer(middleware::from_fn_with_state(self.clone(), meddle))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/ns/")
    }

    fn values(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().values.clone().into_iter().collect()
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }
}

async fn meddle(State(kv): State<Kv>, request: Request, next: Next) -> Response {
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer kv-token");
    let line = format!("{} {}", request.method(), request.uri());
    let failure = {
        let mut kv = kv.0.lock().unwrap();
        let missing = kv.without_bulk && line.contains("/bulk");
        kv.requests.push(line);
        if missing {
            Some((StatusCode::NOT_FOUND, json!({})))
        } else if kv.failures.is_empty() {
            None
        } else {
            Some(kv.failures.remove(0))
        }
    };
    match failure {
        Some((status, body)) => (status, [("retry-after", "7")], Json(body)).into_response(),
        None => next.run(request).await,
    }
}

fn success(result: &Value) -> Json<Value> {
    Json(json!({"success": true, "errors": [], "messages": [], "result": result}))
}

async fn bulk_put(State(kv): State<Kv>, Json(pairs): Json<Vec<Value>>) -> Json<Value> {
    let mut kv = kv.0.lock().unwrap();
    for pair in &pairs {
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();
        kv.values.insert(text("key"), text("value"));
    }
    let failed = std::mem::take(&mut kv.unsuccessful);
    success(&json!({"successful_key_count": pairs.len(), "unsuccessful_keys": failed}))
}

async fn bulk_delete(State(kv): State<Kv>, Json(keys): Json<Vec<String>>) -> Json<Value> {
    kv.0.lock().unwrap().values.retain(|key, _| !keys.contains(key));
    success(&Value::Null)
}

async fn keys(State(kv): State<Kv>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    // Pages of one: the cursor is the last name.
    let kv = kv.0.lock().unwrap();
    let after = query.get("cursor").cloned().unwrap_or_default();
    let mut names =
        kv.values.keys().filter(|key| key.starts_with(&query["prefix"]) && **key > after);
    let name = names.next();
    let cursor = name.filter(|_| names.next().is_some()).cloned().unwrap_or_default();
    let page: Vec<Value> = name.map(|name| json!({"name": name})).into_iter().collect();
    let mut body = success(&json!(page));
    body.0["result_info"] = json!({"count": page.len(), "cursor": cursor});
    body
}

async fn single_put(State(kv): State<Kv>, Path(key): Path<String>, value: String) -> Json<Value> {
    kv.0.lock().unwrap().values.insert(key, value);
    success(&json!({}))
}

async fn single_delete(State(kv): State<Kv>, Path(key): Path<String>) -> Response {
    match kv.0.lock().unwrap().values.remove(&key) {
        Some(_) => success(&json!({})).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"success": false}))).into_response(),
    }
}

async fn publisher(test: &TestDb, kv: &Kv) -> Publisher {
    let settings = Settings { base: kv.serve().await, token: Some("kv-token".into()) };
    Publisher::new(Namespace::new(&settings).unwrap(), test.db.clone(), Bell::default())
}

fn host(name: &str) -> Key {
    Key::Host(Hostname::parse(name).unwrap())
}

async fn write(test: &TestDb, key: &Key, value: Option<&str>) {
    let mut tx = test.db.begin().await.unwrap();
    changes::put(&mut tx, key, value, 1).await.unwrap();
    tx.commit().await.unwrap();
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn changes_arrive_in_order_and_private_keys_never() {
    for test in databases().await {
        let kv = Kv::default();
        let publisher = publisher(&test, &kv).await;
        write(&test, &host("*.a.com"), Some("1")).await;
        write(&test, &Key::Certificate(Hostname::parse("a.com").unwrap()), Some("secret")).await;
        write(&test, &host("gone.com"), Some("1")).await;
        write(&test, &host("gone.com"), None).await;
        write(&test, &Key::Challenge("token".into()), Some("2")).await;
        assert_eq!(publisher.turn(1).await.unwrap(), Turn::Passed(3), "{}", test.name);
        assert_eq!(kv.values(), pairs(&[("acme:token", "2"), ("host:*.a.com", "1")]));
        assert_eq!(kv.requests(), ["PUT /ns/bulk", "POST /ns/bulk/delete", "PUT /ns/bulk"]);
        assert_eq!(publisher.turn(2).await.unwrap(), Turn::Idle);
        write(&test, &Key::Challenge("token".into()), None).await;
        assert_eq!(publisher.turn(3).await.unwrap(), Turn::Passed(1));
        assert_eq!(kv.values(), pairs(&[("host:*.a.com", "1")]), "{}", test.name);
    }
}

#[tokio::test]
async fn without_bulk_it_goes_key_by_key() {
    let test = databases().await.remove(0);
    let kv = Kv::default();
    kv.0.lock().unwrap().without_bulk = true;
    let publisher = publisher(&test, &kv).await;
    write(&test, &host("*.a.com"), Some("{\"a\":1}")).await;
    write(&test, &host("never.com"), Some("1")).await;
    write(&test, &host("never.com"), None).await;
    assert_eq!(publisher.turn(1).await.unwrap(), Turn::Passed(2));
    assert_eq!(kv.values(), pairs(&[("host:*.a.com", "{\"a\":1}")]));
    write(&test, &host("b.com"), Some("1")).await;
    kv.requests();
    publisher.turn(2).await.unwrap();
    assert_eq!(kv.requests(), ["PUT /ns/values/host:b.com"], "it is not asked again");
}

#[tokio::test]
async fn a_failure_loses_nothing_and_waits_as_asked() {
    let test = databases().await.remove(0);
    let kv = Kv::default();
    let publisher = publisher(&test, &kv).await;
    write(&test, &host("a.com"), Some("1")).await;
    let limited = json!({"success": false, "errors": [{"code": 10429, "message": "slow down"}]});
    let broken = json!({"success": false, "errors": []});
    kv.0.lock().unwrap().failures = vec![
        (StatusCode::TOO_MANY_REQUESTS, limited),
        (StatusCode::BAD_GATEWAY, json!("<html>")),
        (StatusCode::OK, broken),
    ];
    let error = publisher.turn(1).await.unwrap_err();
    assert!(error.to_string().contains("slow down"), "{error}");
    assert_eq!(pause(&error, 1, 0.0), Duration::from_secs(7));
    for reason in ["server_error", "refused"] {
        assert_eq!(publisher.turn(1).await.unwrap_err().reason(), reason);
    }
    kv.0.lock().unwrap().unsuccessful = vec!["host:a.com".into()];
    assert_eq!(publisher.turn(1).await.unwrap_err().reason(), "unsuccessful");
    assert_eq!(publisher.turn(1).await.unwrap(), Turn::Passed(1));
    assert_eq!(kv.values(), pairs(&[("host:a.com", "1")]));
}

#[test]
fn pauses_grow_and_are_bounded() {
    let error = PublishError::Request(RequestError::Unreachable(String::new()));
    let millis = |failures, dice| pause(&error, failures, dice).as_millis();
    assert_eq!([millis(1, 0.0), millis(1, 1.0), millis(3, 1.0)], [500, 1000, 4000]);
    assert_eq!([millis(7, 1.0), millis(u32::MAX, 1.0)], [60_000, 60_000]);
}

#[tokio::test]
async fn a_restored_database_is_written_anew_and_leftovers_go() {
    for test in databases().await {
        let kv = Kv::default();
        for key in ["host:left.com", "host:over.com", "zone:left", "other:kept"] {
            kv.0.lock().unwrap().values.insert(key.into(), "old".into());
        }
        let publisher = publisher(&test, &kv).await;
        write(&test, &host("a.com"), Some("1")).await;
        write(&test, &host("b.com"), Some("1")).await;
        // As before the backup was restored: further than this database has ever been.
        let mut tx = test.db.begin().await.unwrap();
        let (name, worker) = (publisher.namespace.base(), &publisher.worker);
        changes::lease_publisher(&mut tx, name, worker, (0, 0)).await.unwrap();
        assert!(changes::advance(&mut tx, name, worker, (0, 99), 0).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(publisher.turn(1).await.unwrap(), Turn::Passed(2), "{}", test.name);
        let expected = [("host:a.com", "1"), ("host:b.com", "1"), ("other:kept", "old")];
        assert_eq!(kv.values(), pairs(&expected));
        assert_eq!(publisher.turn(2).await.unwrap(), Turn::Idle, "{}", test.name);
    }
}

#[tokio::test]
async fn one_of_two_instances_publishes() {
    for test in databases().await {
        let kv = Kv::default();
        let one = publisher(&test, &kv).await;
        let settings =
            Settings { base: one.namespace.base().into(), token: Some("kv-token".into()) };
        let two =
            Publisher::new(Namespace::new(&settings).unwrap(), test.db.clone(), Bell::default());
        write(&test, &host("a.com"), Some("1")).await;
        assert_eq!(one.turn(1).await.unwrap(), Turn::Passed(1));
        assert_eq!(two.turn(2).await.unwrap(), Turn::NotMine, "{}", test.name);
        assert_eq!(two.turn(LEASE_MILLIS + 2).await.unwrap(), Turn::Idle, "{}", test.name);
    }
}

#[tokio::test]
async fn it_runs_with_the_bell_until_it_is_stopped() {
    let test = databases().await.remove(0);
    let kv = Kv::default();
    let publisher = publisher(&test, &kv).await;
    let (bell, stop) = (publisher.bell.clone(), CancellationToken::new());
    let running = tokio::spawn(publisher.run(stop.clone()));
    write(&test, &host("a.com"), Some("1")).await;
    bell.ring();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while kv.values().is_empty() {
        ticks.tick().await;
    }
    stop.cancel();
    running.await.unwrap();
}

#[test]
fn a_wrong_url_is_refused_at_the_start() {
    for base in ["", "ftp://a/b", "https://a/b?c=d", "api.cloudflare.com/x"] {
        let settings = Settings { base: base.into(), token: None };
        assert!(Namespace::new(&settings).is_err(), "{base}");
    }
}

#[test]
fn what_the_worker_decides_by_leaves_and_nothing_else() {
    for kind in PUBLIC {
        let keys =
            ["a.com", "token"].into_iter().filter_map(|name| (kind.to_owned() + name).parse().ok());
        let kinds: BTreeSet<_> = keys.map(|key| public_kind(&key)).collect();
        assert_eq!(kinds, BTreeSet::from([Some(kind)]));
    }
    for key in ["cert:a.com", "mtls:a.com", "pool:a.com", "saml_keys", "host:a b"] {
        assert!(!is_public(key), "{key}");
    }
}
