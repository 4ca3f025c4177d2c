//! From the worker to an origin and back.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use edge_state::KeyType::P256;
use edge_tls::config::Config;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

use crate::support::authority::Authority;
use crate::support::origin::Origin;
use crate::support::visitor::json as body;
use crate::support::{Lintel, until};

const HOST: &str = "shop.customer.com";

/// Asks the worker to ask the origin.
async fn ask(lintel: &Lintel, directions: &Value) -> Response<Bytes> {
    let request = Request::get(format!("https://{HOST}/origin/seen"))
        .header("x-test", directions.to_string())
        .header("cookie", "a=1")
        .body(Full::default())
        .unwrap();
    lintel.visitor().send(HOST, request).await
}

fn directions(origin: &str, ssl: &str) -> Value {
    json!({ "origin": origin, "ssl": ssl, "hostname": HOST, "target": "/a/../b//%2e?c=%20d" })
}

fn fault(response: &Response<Bytes>) -> (u16, String) {
    let fault = response.headers().get("x-seen-fault");
    let fault = fault.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), fault)
}

async fn lintel(change: impl FnOnce(&mut Config)) -> Lintel {
    let lintel = Lintel::start_with(change).await;
    lintel.host(HOST, &[P256]).await;
    lintel
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_path_and_query_arrive_byte_for_byte() {
    let lintel = lintel(|_| {}).await;
    let origin = Origin::plain().await;
    let answer = ask(&lintel, &directions(&origin.authority(), "flexible")).await;
    assert_eq!(answer.status(), 200);
    let seen = body(&answer);
    assert_eq!(seen["target"], "/a/../b//%2e?c=%20d");
    assert_eq!(seen["headers"]["host"], HOST);
    assert_eq!(seen["headers"]["cookie"], "a=1");
    assert_eq!(seen["headers"]["cf-connecting-ip"], "127.0.0.1");
    assert_eq!(seen["headers"]["cf-ray"], answer.headers()["cf-ray"].to_str().unwrap());
    let names = seen["headers"].as_object().unwrap().keys();
    assert!(!names.into_iter().any(|name| name.starts_with("x-lintel")), "{seen}");
    assert_eq!(answer.headers()["x-origin"], "yes");
    assert!(answer.headers().get("x-lintel-upstream-error").is_none(), "origins cannot say that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_used_again_for_the_same_route_alone() {
    let lintel = lintel(|_| {}).await;
    let (one, two) = (Origin::plain().await, Origin::plain().await);
    for _ in 0..5 {
        for origin in [&one, &two] {
            // A connection is kept a moment after its answer is through: who asks in that moment
            // gets another one.
            until("a connection is used again", async || {
                let before = origin.connections();
                let answer = ask(&lintel, &directions(&origin.authority(), "flexible")).await;
                assert_eq!(answer.status(), 200);
                origin.connections() == before
            })
            .await;
        }
    }
    assert!(one.connections() > 0 && two.connections() > 0, "each route has its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_takes_any_certificate_and_strict_a_valid_one() {
    let trusted = Authority::new();
    let root = trusted.root();
    let lintel = lintel(|config| config.origins.extra_roots = vec![root]).await;
    let valid = Origin::tls(&trusted, "origin.localhost").await;
    let foreign = Origin::tls(&Authority::new(), "origin.localhost").await;
    let status = async |origin: &Origin, ssl: &str, sni: Value| {
        let mut directions = directions(&format!("origin.localhost:{}", origin.port()), ssl);
        directions["sni"] = sni;
        let answer = ask(&lintel, &directions).await;
        if answer.status() == 200 {
            (200, body(&answer)["sni"].as_str().unwrap().into())
        } else {
            fault(&answer)
        }
    };
    let name = |text: &str| json!({ "name": text });
    let own = (200, "origin.localhost".to_owned());
    let refused = (502, "tls".to_owned());
    assert_eq!(status(&valid, "full", Value::Null).await, own);
    assert_eq!(status(&valid, "strict", Value::Null).await, own);
    assert_eq!(status(&foreign, "full", Value::Null).await, own);
    assert_eq!(status(&foreign, "strict", Value::Null).await, refused, "after a full session, too");
    assert_eq!(status(&valid, "strict", json!("request_host")).await, refused, "not its name");
    assert_eq!(status(&valid, "full", json!("request_host")).await, (200, HOST.into()));
    assert_eq!(status(&valid, "full", name("other.com")).await, (200, "other.com".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_reached_unless_the_operator_allows_it() {
    let lintel = lintel(|config| config.origins.allow_private_networks = false).await;
    let origin = Origin::plain().await;
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "origin.localhost", "localhost"] {
        let answer =
            ask(&lintel, &directions(&format!("{host}:{}", origin.port()), "flexible")).await;
        assert_eq!(fault(&answer), (502, "private_address".into()), "{host}");
    }
    for host in ["169.254.169.254", "10.0.0.1", "192.168.0.1", "[fc00::1]", "[fe80::1]", "0.0.0.0"]
    {
        let answer = ask(&lintel, &directions(host, "full")).await;
        assert_eq!(fault(&answer), (502, "private_address".into()), "{host}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_never_leads_back_to_its_own_listeners() {
    let lintel = lintel(|config| {
        config.https_listen = "0.0.0.0:0".parse().unwrap();
        config.egress_listen = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let addresses = lintel.edge().addresses();
    for listener in [addresses.https, addresses.http, addresses.admin, addresses.egress.unwrap()] {
        let origin = format!("127.0.0.1:{}", listener.port());
        let answer = ask(&lintel, &directions(&origin, "flexible")).await;
        assert_eq!(fault(&answer), (502, "loop".into()), "{listener}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_name() {
    let lintel = lintel(|config| {
        config.origins.dns_servers = vec!["127.0.0.1:9".parse().unwrap()];
    })
    .await;
    // A port that nobody listens on, and one that hangs up.
    let closed = ClosedPort::new();
    let rude = misbehaving(drop).await;
    for (origin, ssl, expected) in [
        (closed.authority(), "flexible", (502, "connect")),
        (format!("127.0.0.1:{}", rude.port()), "flexible", (502, "connect")),
        (format!("127.0.0.1:{}", rude.port()), "full", (502, "tls")),
    ] {
        let answer = ask(&lintel, &directions(&origin, ssl)).await;
        assert_eq!(fault(&answer), (expected.0, expected.1.into()), "{origin} {ssl}");
    }
    let answer = ask(&lintel, &directions("does-not-exist.example", "full")).await;
    assert!(["dns", "timeout"].contains(&fault(&answer).1.as_str()), "{answer:?}");
    let answer = ask(&lintel, &json!({ "origin": "a.com/path", "ssl": "full" })).await;
    assert_eq!(fault(&answer), (502, "directions".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_origin_is_not_waited_for() {
    let lintel = lintel(|config| {
        config.origins.response_timeout = Duration::from_millis(300);
        config.origins.connect_timeout = Duration::from_millis(300);
    })
    .await;
    let silent = misbehaving(std::mem::forget).await;
    for ssl in ["flexible", "full"] {
        let answer = ask(&lintel, &directions(&silent.to_string(), ssl)).await;
        assert_eq!(fault(&answer), (504, "timeout".into()), "{ssl}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_may_think_while_the_request_is_still_arriving() {
    // Long beside the pauses between two bytes, and short beside all of them together.
    let limit = Duration::from_secs(5);
    let lintel = lintel(|config| config.origins.response_timeout = limit).await;
    let origin = Origin::plain().await;
    let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
    let directions = directions(&origin.authority(), "flexible");
    let head = format!(
        "POST /origin/ HTTP/1.1\r\nHost: {HOST}\r\nX-Test: {directions}\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut ticks = tokio::time::interval(limit / 8);
    for _ in 0..10 {
        ticks.tick().await;
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
    }
    let answer = crate::support::visitor::read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""body":"xxxxxxxxxx""#), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_passes_through_to_the_origin() {
    let lintel = lintel(|_| {}).await;
    let origin = Origin::plain().await;
    let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
    let directions = directions(&origin.authority(), "flexible");
    let head = format!(
        "GET /origin/ HTTP/1.1\r\nHost: {HOST}\r\nX-Test: {directions}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(
        answer.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{answer}"
    );
    // A masked text frame, which the origin sends back unmasked (RFC 6455 §5).
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, &[0x81, 2, b'h', b'i']);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_for_a_worker_elsewhere() {
    let lintel = lintel(|config| config.egress_listen = Some("127.0.0.1:0".parse().unwrap())).await;
    let origin = Origin::plain().await;
    let egress = lintel.edge().addresses().egress.unwrap();
    let answer = reqwest::Client::new()
        .get(format!("http://{egress}/anything"))
        .header("host", HOST)
        .header("x-lintel-upstream", directions(&origin.authority(), "flexible").to_string())
        .send()
        .await
        .unwrap();
    let seen: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(seen["headers"]["host"], HOST);
    assert_eq!(seen["target"], "/a/../b//%2e?c=%20d");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_closes_kept_connections_costs_no_request() {
    let lintel = lintel(|_| {}).await;
    let origin = Origin::plain().await;
    for round in 1..=3 {
        assert_eq!(ask(&lintel, &directions(&origin.authority(), "flexible")).await.status(), 200);
        origin.close_connections();
        until("the origin closed them", async || origin.open() == 0).await;
        assert_eq!(origin.connections(), round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_told_whatever_is_still_to_be_sent() {
    let lintel = lintel(|_| {}).await;
    let closed = ClosedPort::new();
    let directions = directions(&closed.authority(), "flexible");
    for kilobytes in [0, 1, 50, 100, 500, 1000, 5000] {
        let request = Request::post(format!("https://{HOST}/origin/upload"))
            .header("x-test", directions.to_string())
            .body(Full::from(Bytes::from(vec![b'x'; kilobytes << 10])))
            .unwrap();
        let answer = lintel.visitor().alpn(&["h2"]).send(HOST, request).await;
        assert_eq!(fault(&answer), (502, "connect".into()), "{kilobytes} kB");
    }
}

/// workerd takes a connection that ends under what it still writes for the end of the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_an_answer_early_may_write_on() {
    const REST: usize = 4 << 20;
    let lintel = lintel(|config| config.egress_listen = Some("127.0.0.1:0".parse().unwrap())).await;
    let egress = lintel.edge().addresses().egress.unwrap();
    let closed = ClosedPort::new();
    let directions = directions(&closed.authority(), "flexible");
    let mut worker = tokio::net::TcpStream::connect(egress).await.unwrap();
    for _ in 0..2 {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nx-lintel-upstream: {directions}\r\nContent-Length: {REST}\r\n\r\n"
        );
        worker.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(worker.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 502") && !answer.contains("close"), "{answer}");
        worker.write_all(&vec![b'x'; REST]).await.unwrap();
    }
}

/// A port on which nobody listens, and nobody else does meanwhile.
struct ClosedPort(TcpSocket);

impl ClosedPort {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    fn authority(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }
}

async fn misbehaving(how: fn(tokio::net::TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            how(stream);
        }
    });
    address
}
