//! The worker's way to the control plane: what passes, and what survives its absence.

use bytes::Bytes;
use edge_state::KeyType::P256;
use http::{Method, Request, Response};
use http_body_util::Full;
use serde_json::json;

use crate::support::visitor::json;
use crate::support::{ACCESS_KEYS, Lintel, until};

const HOST: &str = "team.customer.com";

async fn lintel() -> Lintel {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    lintel
}

/// What the worker hears when it asks.
async fn ask(lintel: &Lintel, method: Method, path: &str, body: String) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(format!("https://{HOST}/control/{path}"));
    let request = request.body(Full::from(body)).unwrap();
    lintel.visitor().send(HOST, request).await
}

async fn log(lintel: &Lintel, ids: std::ops::Range<u32>) {
    let event = |id: u32| {
        json!({
            "id": id.to_string(), "auth_domain": HOST, "at_millis": 1, "action": "login",
            "allowed": true, "ray_id": "r", "reason": "",
        })
    };
    let events: Vec<_> = ids.map(event).collect();
    let batch = json!({ "events": events }).to_string();
    let answer = ask(lintel, Method::POST, "edge/v1/access/logs", batch).await;
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, b"{}".as_slice()));
}

fn ids(ids: std::ops::Range<u32>) -> Vec<String> {
    ids.map(|id| id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_pass_with_the_edges_token_and_nothing_else_does() {
    let lintel = lintel().await;
    let answer = ask(&lintel, Method::POST, "edge/v1/access/pins/check", "{\"a\":1}".into()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(json(&answer)["asked"], "{\"a\":1}");
    let refused = ask(&lintel, Method::POST, "edge/v1/access/spend", "{}".into()).await;
    assert_eq!(refused.status(), 409, "the control plane's own answer");
    for (method, path) in [
        (Method::GET, "edge/v1/snapshot?limit=1"),
        (Method::GET, "edge/v1/access/pins/check"),
        (Method::POST, "edge/v1/changes"),
        (Method::POST, "edge/v1/access/pins/check?x"),
        (Method::PUT, "edge/v1/points_of_presence/evil"),
    ] {
        assert_eq!(ask(&lintel, method, path, String::new()).await.status(), 404, "{path}");
    }
    assert!(lintel.feed.point_of_presence("evil").is_none());
    let long = "x".repeat((1 << 20) + 1);
    let answer = ask(&lintel, Method::POST, "edge/v1/access/pins/check", long).await;
    assert_eq!(answer.status(), 400);
    let junk = ask(&lintel, Method::POST, "edge/v1/access/logs", "{\"events\":3}".into()).await;
    assert_eq!(junk.status(), 400);
    lintel.feed.down().await;
    let answer = ask(&lintel, Method::POST, "edge/v1/access/pins/check", "{}".into()).await;
    assert_eq!(answer.status(), 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_visitor_does_not_take_the_places_of_all() {
    let lintel = lintel().await;
    let ask = |client: &'static str, question: &'static str| {
        let request = Request::post(format!("https://{HOST}/control/edge/v1/access/{question}"));
        let request = request.header("x-client", client).body(Full::from("{}")).unwrap();
        let visitor = lintel.visitor();
        async move { visitor.send(HOST, request).await.status().as_u16() }
    };
    let greedy: Vec<_> = (0..8).map(|_| tokio::spawn(ask("2001:db8::7", "sign_outs"))).collect();
    until("eight questions are under way", async || lintel.feed.held() == 8).await;
    assert_eq!(ask("2001:db8::8", "pins/check").await, 429, "of the same network");
    assert_eq!(ask("2001:db8:0:1::7", "pins/check").await, 200);
    lintel.feed.release();
    for question in greedy {
        assert_eq!(question.await.unwrap(), 200);
    }
    assert_eq!(ask("2001:db8::8", "pins/check").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_events_survive_the_control_planes_absence_and_a_restart() {
    let mut lintel = lintel().await;
    log(&lintel, 0..2).await;
    until("they are there", async || lintel.feed.logins() == ids(0..2)).await;
    lintel.feed.down().await;
    log(&lintel, 2..4).await;
    lintel.stop().await;
    let lintel = lintel.run().await;
    log(&lintel, 4..600).await;
    assert_eq!(lintel.feed.logins(), ids(0..2));
    lintel.feed.up();
    until("all are there, in order, once", async || lintel.feed.logins() == ids(0..600)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_that_is_refused_does_not_stop_the_others() {
    let lintel = lintel().await;
    lintel.feed.refuse_logins_with("37");
    log(&lintel, 0..100).await;
    let expected: Vec<_> = ids(0..100).into_iter().filter(|id| id != "37").collect();
    until("the others are there", async || lintel.feed.logins() == expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_has_the_key_of_access_and_no_file_has_it() {
    let lintel = lintel().await;
    let answer = lintel.visitor().get(HOST, "/access-key").await;
    assert_eq!(answer.body().as_ref(), ACCESS_KEYS.as_bytes());
    let secret = ACCESS_KEYS.trim().split(':').next_back().unwrap();
    for file in std::fs::read_dir(lintel.config.data_dir.join("workerd")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
}
