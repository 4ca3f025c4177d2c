//! What reaches the worker, and what does not.

use bytes::Bytes;
use edge_state::KeyType::P256;
use edge_state::{ChallengeRecord, Key, Record as _};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::visitor::{json, read_to_end, request};
use crate::support::{Lintel, name};

const HOST: &str = "shop.customer.com";

async fn lintel() -> Lintel {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    lintel
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_than_the_handshakes_is_misdirected() {
    let lintel = lintel().await;
    lintel.host("other.customer.com", &[P256]).await;
    for alpn in ["h2", "http/1.1"] {
        let visitor = lintel.visitor().alpn(&[alpn]);
        let answer = visitor.send(HOST, request("other.customer.com", "/")).await;
        assert_eq!(answer.status(), 421, "{alpn}");
        assert!(answer.headers().contains_key("cf-ray"));
        for same in ["SHOP.customer.com", "shop.customer.com.", "shop.customer.com:8443"] {
            let answer = visitor.send(HOST, request(same, "/")).await;
            assert_eq!(answer.status(), 200, "{alpn} {same}");
        }
    }
    let mut json_please = request("other.customer.com", "/");
    json_please.headers_mut().insert("accept", "application/json".parse().unwrap());
    let answer = lintel.visitor().send(HOST, json_please).await;
    let error = &json(&answer)["error"];
    assert_eq!(error["code"], "misdirected_request");
    assert_eq!(error["hostname"], "other.customer.com");
    assert_eq!(error["request_id"], answer.headers()["cf-ray"].to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_hears_of_the_visitors_country() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/country/german.mmdb");
    let lintel = Lintel::start_with(|config| config.country_database = Some(file.into())).await;
    lintel.host(HOST, &[P256]).await;
    let mut forging = request(HOST, "/");
    forging.headers_mut().insert("cf-blob", "{\"country\":\"FR\"}".parse().unwrap());
    let answer = json(&lintel.visitor().send(HOST, forging).await);
    assert_eq!(answer["cf"]["country"], "DE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_cannot_speak_in_our_name() {
    let lintel = lintel().await;
    let forged = [
        "CF-Blob",
        "cf_blob",
        "CF-Connecting-IP",
        "Cf_Connecting_Ip",
        "CF-Ray",
        "X-Forwarded-For",
        "X_Forwarded_Proto",
        "X-Forwarded-Host",
        "Forwarded",
        "X-Real-IP",
        "x_real-ip",
        "True-Client-IP",
        "X-Lintel-Upstream",
        "x-lintel_anything",
        "Content_Length",
        "Transfer_Encoding",
    ];
    for alpn in ["h2", "http/1.1"] {
        let mut forging = request(HOST, "/");
        for header in forged {
            let header: http::HeaderName = header.parse().unwrap();
            forging.headers_mut().insert(header, "forged".parse().unwrap());
        }
        forging.headers_mut().insert("x-kept", "forged".parse().unwrap());
        let seen = json(&lintel.visitor().alpn(&[alpn]).send(HOST, forging).await);
        let headers = seen["headers"].as_object().unwrap();
        let passed: Vec<_> =
            headers.iter().filter(|(_, v)| *v == "forged").map(|(n, _)| n).collect();
        assert_eq!(passed, ["x-kept"], "{alpn}");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(seen["cf"]["colo"], "test1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_read_in_two_ways_is_refused() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    let ways = [
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4, 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: +4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 0x4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: a.com\n\n",
        "GET / HTTP/1.1\r\nHost: a.com\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.com\r\nX: y\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.com\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.com\r\n\x00X: y\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a.com\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.com\r\nHost: b.com\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.com\r\nHost: a.com\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.com@b.com\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nHost: a.com\r\n\r\n",
        "GET http://b.com/ HTTP/1.1\r\nHost: a.com\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a.com\r\n\r\n",
        "CONNECT a.com:443 HTTP/1.1\r\nHost: a.com\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a.com\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a.com\r\n\r\n",
        "G\x00T / HTTP/1.1\r\nHost: a.com\r\n\r\n",
    ];
    for way in ways {
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n";
        let answer = visitor.raw([way, smuggled].concat().as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"),
            "{way:?}: {answer}"
        );
        let refused_for_its_framing = way.contains("Encoding") || way.contains("Length");
        if refused_for_its_framing {
            assert_eq!(answer.matches("HTTP/1.").count(), 1, "the connection is over: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let lintel = lintel().await;
    let pipeline = "GET /1 HTTP/1.1\r\nHost: a.com\r\n\r\n\
         POST /2 HTTP/1.1\r\nHost: a.com\r\nContent-Length: 5\r\n\r\nhello\
         POST /3 HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n\
         GET /4 HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n";
    let answer = lintel.visitor().raw(pipeline.as_bytes()).await;
    let urls: Vec<_> = answer.split("\"url\":\"").skip(1).map(|rest| &rest[..14]).collect();
    assert_eq!(urls, ["http://a.com/1", "http://a.com/2", "http://a.com/3", "http://a.com/4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_answered_whole() {
    let lintel = lintel().await;
    let asked: Vec<_> = (0..400)
        .map(|_| {
            let visitor = lintel.visitor();
            tokio::spawn(async move { visitor.send_plain(request(HOST, "/")).await.status() })
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_the_worker_does_not_read_cost_no_other_request() {
    let lintel = lintel().await;
    for number in 0..100 {
        let body = Full::from(Bytes::from(vec![b'x'; number * 1000]));
        let unread = Request::post(format!("http://{HOST}/{number}")).body(body).unwrap();
        assert_eq!(lintel.visitor().send_plain(unread).await.status(), 200, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_have_a_limit() {
    let lintel = lintel().await;
    let long = "x".repeat(80 << 10);
    let answer = lintel
        .visitor()
        .raw(format!("GET /{long} HTTP/1.1\r\nHost: a.com\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = lintel
        .visitor()
        .raw(format!("GET / HTTP/1.1\r\nHost: a.com\r\nX: {long}\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = "X: y\r\n".repeat(200);
    let answer = lintel
        .visitor()
        .raw(format!("GET / HTTP/1.1\r\nHost: a.com\r\n{many}\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let fits = "x".repeat(32 << 10);
    let head = format!("GET / HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\nX: {fits}\r\n\r\n");
    let answer = lintel.visitor().raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways() {
    let lintel = lintel().await;
    let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
    let head = format!("POST /body HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    for part in ["first", "second", "third"] {
        stream.write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        while !String::from_utf8_lossy(&seen).contains(part) {
            seen.push(stream.read_u8().await.unwrap()); // before the next part is sent
        }
    }
    let head = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(head.contains("x-plain") && !head.contains("x-lintel"), "{head}");

    for alpn in ["h2", "http/1.1"] {
        let large = Request::post(format!("https://{HOST}/body"))
            .body(Full::from(Bytes::from(vec![b'x'; 8 << 20])))
            .unwrap();
        let answer = lintel.visitor().alpn(&[alpn]).send(HOST, large).await;
        assert_eq!(answer.body().len(), 8 << 20, "{alpn}");
        assert!(answer.body().iter().all(|byte| *byte == b'x'));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_port_and_older_http() {
    let lintel = lintel().await;
    let answer = lintel.visitor().send_plain(request("Any.Example.com", "/")).await;
    let seen = json(&answer);
    assert_eq!(seen["headers"]["x-forwarded-proto"], "http");
    assert_eq!(seen["cf"]["tlsVersion"], Value::Null);
    let old = lintel.visitor().raw(b"GET / HTTP/1.0\r\nHost: a.com\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
    let h2c = lintel.visitor().raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(h2c.starts_with("HTTP/1.1 400") || h2c.is_empty(), "{h2c}");
    let mut head = request(HOST, "/");
    *head.method_mut() = Method::HEAD;
    let answer = lintel.visitor().send_plain(head).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_of_http2_arrive_as_one_field() {
    let lintel = lintel().await;
    let mut crumbs = request(HOST, "/");
    for crumb in ["a=1", "b=2"] {
        crumbs.headers_mut().append("cookie", crumb.parse().unwrap());
    }
    let seen = json(&lintel.visitor().alpn(&["h2"]).send(HOST, crumbs).await);
    assert_eq!(seen["headers"]["cookie"], "a=1; b=2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_reaches_the_worker() {
    let lintel = lintel().await;
    let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
    let head = format!(
        "GET /websocket HTTP/1.1\r\nHost: {HOST}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 101") && answer.contains("cf-ray: "), "{answer}");
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut echo = [0; 9];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo[2..], b"echo hi");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_reads_records_but_no_certificates() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    let challenge = ChallengeRecord {
        token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ".into(),
        key_authorization: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ.thumb".into(),
        hostname: name(HOST),
    };
    let path = format!("/kv/{}", challenge.key());
    assert_eq!(visitor.get(HOST, &path).await.status(), 404);
    lintel.feed.put(&challenge);
    lintel.caught_up().await;
    let read = visitor.get(HOST, &path).await;
    assert_eq!(read.body(), challenge.encode().as_bytes());
    assert_eq!(visitor.get(HOST, &format!("/kv/host:{HOST}")).await.status(), 200);
    let key = Key::Certificate(name(HOST));
    assert!(lintel.edge().replica().get(&key).is_some(), "it is there");
    for spelling in [key.to_string(), key.to_string().replace(':', "%253A")] {
        assert_eq!(visitor.get(HOST, &format!("/kv/{spelling}")).await.status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ambiguous_head_behind_others_is_refused_in_its_turn() {
    let lintel = lintel().await;
    let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
    let get = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let both = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    stream.write_all([get.as_str(), &get, &both, &get].concat().as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(statuses, ["200", "200", "400"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_hides_an_ambiguous_head_behind_it() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    let chunked = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let get = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n");
    let both = format!(
        "POST /behind HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    let asks_for_a_tunnel = [
        format!("{get}Upgrade: x\r\n\r\n"),
        format!("{get}Connection: upgrade\r\nUpgrade: x\r\n\r\n"),
        format!("CONNECT {HOST}:80 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
    ];
    for before in asks_for_a_tunnel {
        let answer = visitor.raw([before.as_str(), &both].concat().as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{before:?}: {answer}");
        let last = answer.rfind("HTTP/1.1 ").unwrap_or_default();
        assert!(answer[last..].starts_with("HTTP/1.1 400"), "{before:?}: {answer}");
    }
    let bodies =
        [format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5000)), "0\r\n\nX: y\r\n\r\n".into()];
    for body in bodies {
        let stream = [chunked.as_str(), &body, &both].concat();
        let answer = visitor.raw(stream.as_bytes()).await;
        assert!(!answer.contains("/behind"), "{body:?}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{body:?}: {answer}");
    }
}
