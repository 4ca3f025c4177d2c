//! Visitors who are slow, idle, or many.

use std::time::Duration;

use bytes::Bytes;
use edge_state::KeyType::P256;
use edge_tls::config::Limits;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::visitor::{read_to_end, request};
use crate::support::{Lintel, until};

const HOST: &str = "shop.customer.com";
const SHORT: Duration = Duration::from_millis(400);

async fn lintel(change: impl FnOnce(&mut Limits)) -> Lintel {
    let lintel = Lintel::start_with(|config| {
        // Long enough that only the limit under test can end a connection.
        config.limits.handshake_timeout = Duration::from_mins(10);
        config.limits.header_timeout = Duration::from_mins(10);
        config.limits.idle_timeout = Duration::from_mins(10);
        change(&mut config.limits);
    })
    .await;
    lintel.host(HOST, &[P256]).await;
    lintel
}

/// Sends one byte at a time, slowly, until the edge hangs up.
async fn trickle(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    bytes: &[u8],
) {
    let mut ticks = tokio::time::interval(SHORT / 8);
    for byte in bytes {
        let mut answer = [0; 1];
        tokio::select! {
            read = stream.read(&mut answer) => {
                assert!(matches!(read, Ok(0) | Err(_)), "no answer to half a request");
                return;
            }
            _ = ticks.tick() => {}
        }
        if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    panic!("still open after {} bytes", bytes.len());
}

/// Whether an answer begins before a limit ends the connection: on a busy machine it may not.
async fn begins(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    path: &str,
) -> bool {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let mut start = [0; 12];
    stream.write_all(head.as_bytes()).await.is_ok()
        && stream.read_exact(&mut start).await.is_ok()
        && &start == b"HTTP/1.1 200"
}

async fn cut(lintel: &Lintel, reason: &str) {
    let url = format!("http://{}/metrics", lintel.edge().addresses().admin);
    let line = format!("lintel_edge_connections_cut_total{{reason=\"{reason}\"}}");
    until(&line, async || reqwest::get(&url).await.unwrap().text().await.unwrap().contains(&line))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_has_its_time() {
    let lintel = lintel(|limits| limits.handshake_timeout = SHORT).await;
    let mut silent = lintel.visitor().tcp().await;
    assert_eq!(read_to_end(&mut silent).await, "");
    // A record header that promises a greeting, and then a byte now and then.
    let mut slow = lintel.visitor().tcp().await;
    let greeting = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[0; 400]].concat();
    trickle(&mut slow, &greeting).await;
    until("others get in", async || lintel.visitor().is_served(HOST).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_its_time_however_it_trickles() {
    let lintel = lintel(|limits| limits.header_timeout = SHORT).await;
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}", "x".repeat(400));
    let mut plain = TcpStream::connect(lintel.edge().addresses().http).await.unwrap();
    trickle(&mut plain, head.as_bytes()).await;
    let mut silent = TcpStream::connect(lintel.edge().addresses().http).await.unwrap();
    assert_eq!(read_to_end(&mut silent).await, "");
    let mut secured = lintel.visitor().handshake(HOST).await.unwrap();
    trickle(&mut secured, head.as_bytes()).await;
    // The second request of a connection, too.
    until("the second head has its time as well", async || {
        let mut kept = lintel.visitor().handshake(HOST).await.unwrap();
        let answered = begins(&mut kept, "/").await;
        let _ = kept.write_all(b"GET").await;
        read_to_end(&mut kept).await;
        answered
    })
    .await;
    let mut http2 = lintel.visitor().alpn(&["h2"]).handshake(HOST).await.unwrap();
    let _ = http2.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    read_to_end(&mut http2).await;
    cut(&lintel, "slow_head").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_ends() {
    let lintel = lintel(|limits| limits.idle_timeout = SHORT).await;
    until("an answer, and then the end", async || {
        let mut kept = lintel.visitor().handshake(HOST).await.unwrap();
        let answered = begins(&mut kept, "/").await;
        read_to_end(&mut kept).await;
        answered
    })
    .await;
    until("the same by HTTP/2", async || {
        let stream = lintel.visitor().alpn(&["h2"]).handshake(HOST).await.unwrap();
        let (io, executor) = (TokioIo::new(stream), TokioExecutor::new());
        let greeted = hyper::client::conn::http2::handshake(executor, io).await;
        let Ok((mut sender, connection)) = greeted else { return false };
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request(HOST, "/")).await;
        let answered = answer.is_ok_and(|answer| answer.status() == 200);
        let ended = tokio::time::timeout(Duration::from_mins(1), connection).await;
        assert!(ended.is_ok(), "the edge says goodbye");
        answered
    })
    .await;
    cut(&lintel, "idle").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_ends_the_request() {
    let lintel = lintel(|limits| limits.idle_timeout = SHORT).await;
    let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n12345");
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer}");
    until("others are served", async || lintel.visitor().is_served(HOST).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_read_ends_the_connection() {
    let lintel = lintel(|limits| limits.idle_timeout = SHORT).await;
    let mut held = None;
    until("an answer begins", async || {
        let mut stream = lintel.visitor().handshake(HOST).await.unwrap();
        let begun = begins(&mut stream, "/large").await;
        held = Some(stream);
        begun
    })
    .await;
    cut(&lintel, "slow_reader").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_gets_its_share_and_all_of_them_theirs() {
    let lintel = lintel(|limits| limits.max_connections_per_client = 3).await;
    let visitor = lintel.visitor();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(visitor.handshake(HOST).await.unwrap());
    }
    assert!(visitor.handshake(HOST).await.is_err(), "one too many");
    held.pop();
    until("the place is free again", async || visitor.handshake(HOST).await.is_ok()).await;

    let all = lintel_with_few().await;
    let _held =
        (TcpStream::connect(all.edge().addresses().http).await.unwrap(), all.visitor().tcp().await);
    until("no place is left, on either port", async || {
        let mut stream = TcpStream::connect(all.edge().addresses().http).await.unwrap();
        let read = tokio::time::timeout(SHORT, stream.read_u8()).await;
        read.is_ok_and(|read| read.is_err())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_has_so_many_requests_under_way() {
    let lintel = lintel(|limits| limits.max_requests_per_client = 3).await;
    let visitor = lintel.visitor();
    let stream = visitor.clone().alpn(&["h2"]).handshake(HOST).await.unwrap();
    let (io, executor) = (TokioIo::new(stream), TokioExecutor::new());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(executor, io).await.unwrap();
    tokio::spawn(connection);
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(sender.send_request(request(HOST, "/large")).await.unwrap());
    }
    assert!(unread.iter().all(|answer| answer.status() == 200));
    let refused = sender.send_request(request(HOST, "/")).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    // On whatever connection.
    assert_eq!(visitor.get(HOST, "/").await.status(), 429);
    unread.pop();
    until("there is room for one more", async || visitor.get(HOST, "/").await.status() == 200)
        .await;
}

async fn lintel_with_few() -> Lintel {
    lintel(|limits| limits.max_connections = 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_handshakes_and_slow_heads_keep_nobody_out() {
    let lintel = lintel(|limits| {
        limits.max_connections = 2000;
        limits.max_connections_per_client = 2000;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..250 {
        held.push(lintel.visitor().tcp().await);
        let mut slow = TcpStream::connect(lintel.edge().addresses().http).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: a").await.unwrap();
        held.push(slow);
    }
    for _ in 0..20 {
        assert_eq!(lintel.visitor().get(HOST, "/").await.status(), 200);
    }
}
