//! HTTP/2 from people who do not want an answer. Frames are made by hand (RFC 9113).

use std::time::Duration;

use edge_state::KeyType::P256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::program::Program;
use crate::support::visitor::Visitor;
use crate::support::{Lintel, until};

const HOST: &str = "shop.customer.com";
const PATIENCE: Duration = Duration::from_secs(30);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 0xb;

struct Attacker {
    stream: TlsStream<TcpStream>,
}

async fn lintel() -> Lintel {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    lintel
}

impl Attacker {
    async fn enter(visitor: &Visitor) -> Self {
        let mut stream = visitor.clone().alpn(&["h2"]).handshake(HOST).await.unwrap();
        // Who is late for a short limit finds the connection closed.
        let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let mut attacker = Self { stream };
        attacker.send(&frame(SETTINGS, 0, 0, &[])).await;
        attacker
    }

    /// Whether the edge still takes it.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        tokio::time::timeout(PATIENCE, sent).await.is_ok_and(|sent| sent.is_ok())
    }

    /// Reads until the edge ends the connection; the code of its GOAWAY, if it said one.
    async fn goaway(&mut self) -> Option<u32> {
        let mut code = None;
        let read = async {
            loop {
                let mut head = [0; 9];
                if self.stream.read_exact(&mut head).await.is_err() {
                    return;
                }
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; usize::try_from(length).unwrap()];
                if self.stream.read_exact(&mut payload).await.is_err() {
                    return;
                }
                if head[3] == GOAWAY {
                    code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the edge ends the connection");
        code
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET https://shop.customer.com/{path}`, literals without indexing (RFC 7541 §6.2.2).
fn request_block(path: &str) -> Vec<u8> {
    let literal = |index: u8, value: &str| {
        [&[index, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
    };
    // Indexed: `:method: GET`, `:scheme: https`.
    [vec![0x82, 0x87], literal(4, path), literal(1, HOST)].concat()
}

async fn others_are_served(visitor: &Visitor) {
    assert_eq!(visitor.clone().alpn(&["h2"]).get(HOST, "/").await.status(), 200);
}

/// CVE-2023-44487.
async fn rapid_reset(visitor: &Visitor) {
    let mut attacker = Attacker::enter(visitor).await;
    for batch in 0..200_u32 {
        let frames = (0..100).flat_map(|i| {
            let stream = 2 * (batch * 100 + i) + 1;
            let headers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request_block("/"));
            [headers, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
        });
        if !attacker.send(&frames.collect::<Vec<_>>()).await {
            break;
        }
    }
    let code = attacker.goaway().await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset_ends_the_connection() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    rapid_reset(&visitor).await;
    others_are_served(&visitor).await;
}

/// CVE-2025-8671.
async fn made_you_reset(visitor: &Visitor) {
    let mut attacker = Attacker::enter(visitor).await;
    for stream in (0..2000_u32).map(|i| 2 * i + 1) {
        // A window beyond its limit: a stream error, which we must answer by a reset
        // (RFC 9113 §6.9.1, CVE-2025-8671).
        let headers = frame(HEADERS, END_HEADERS, stream, &request_block("/body"));
        let window = frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        if !attacker.send(&[headers, window].concat()).await {
            break;
        }
    }
    let code = attacker.goaway().await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn being_made_to_reset_ends_the_connection() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    made_you_reset(&visitor).await;
    others_are_served(&visitor).await;
}

/// CVE-2024-27316.
async fn endless_continuation(visitor: &Visitor) {
    let mut attacker = Attacker::enter(visitor).await;
    attacker.send(&frame(HEADERS, 0, 1, &request_block("/"))).await;
    // `x: <4 kB>`, over and over: what a decoder would have to keep.
    let header = [&[0x00, 1, b'x', 0x7f, 0x81, 0x1f][..], &[b'y'; 4096]].concat();
    let mut sent = 0;
    while sent < 64 << 20 && attacker.send(&frame(CONTINUATION, 0, 1, &header)).await {
        sent += header.len();
    }
    assert!(sent < 64 << 20, "the edge took {sent} bytes of one head");
    attacker.goaway().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_continuation_ends_the_connection() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    endless_continuation(&visitor).await;
    others_are_served(&visitor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_block_that_unpacks_to_a_large_head_is_refused() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    let mut attacker = Attacker::enter(&visitor).await;
    // One long field into the table, then thousands of references to it (RFC 7541 §6.1).
    let mut block = request_block("/");
    block.extend([0x40, 1, b'x', 0x7f, 0x81, 0x17]);
    block.extend([b'y'; 3072]);
    block.extend([0xbe; 4000]);
    for stream in [1, 3, 5] {
        attacker.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)).await;
    }
    let mut head = [0; 9];
    let answer = async {
        loop {
            attacker.stream.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            attacker.stream.read_exact(&mut payload).await?;
            // A response (431), a reset, or the end: never a request to the worker.
            if matches!(head[3], HEADERS | RST_STREAM | GOAWAY) {
                return Ok::<_, std::io::Error>((head[3], payload));
            }
        }
    };
    if let Ok(Ok((HEADERS, payload))) = tokio::time::timeout(PATIENCE, answer).await {
        assert!(
            String::from_utf8_lossy(&payload).contains("431") || payload.len() < 64,
            "{payload:?}"
        );
        assert_ne!(payload[0], 0x88, "not 200");
    }
    others_are_served(&visitor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_control_frames_hold_nobody_up() {
    let lintel = lintel().await;
    let visitor = lintel.visitor();
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(2000);
    let settings = frame(SETTINGS, 0, 0, &[]).repeat(2000);
    let empty_data = frame(DATA, 0, 1, &[]).repeat(2000);
    for flood in [pings, settings, empty_data] {
        let mut attacker = Attacker::enter(&visitor).await;
        attacker.send(&frame(HEADERS, END_HEADERS, 1, &request_block("/body"))).await;
        let flooding = tokio::spawn(async move {
            // Without reading a single answer.
            for _ in 0..200 {
                let sent =
                    tokio::time::timeout(Duration::from_secs(1), attacker.stream.write_all(&flood));
                if !sent.await.is_ok_and(|sent| sent.is_ok()) {
                    return;
                }
            }
        });
        for _ in 0..5 {
            others_are_served(&visitor).await;
        }
        flooding.await.unwrap();
    }
    others_are_served(&visitor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_never_opens_ends_the_connection() {
    let lintel =
        Lintel::start_with(|config| config.limits.idle_timeout = Duration::from_millis(400)).await;
    lintel.host(HOST, &[P256]).await;
    let visitor = lintel.visitor();
    let url = format!("http://{}/metrics", lintel.edge().addresses().admin);
    until("it counts as a slow reader", async || {
        let mut attacker = Attacker::enter(&visitor).await;
        // SETTINGS_INITIAL_WINDOW_SIZE = 1.
        attacker.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1])).await;
        for stream in [1, 3, 5, 7] {
            let path = request_block("/large");
            attacker.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &path)).await;
        }
        attacker.goaway().await;
        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        text.contains("lintel_edge_connections_cut_total{reason=\"slow_reader\"}")
    })
    .await;
    let others = visitor.alpn(&["h2"]);
    until("others are served", async || others.is_served(HOST).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_cost_little_memory() {
    let program = Program::start(&[]).await;
    let visitor = &program.visitor;
    rapid_reset(visitor).await;
    let before = program.memory();
    for _ in 0..5 {
        rapid_reset(visitor).await;
        made_you_reset(visitor).await;
        endless_continuation(visitor).await;
    }
    // As many large answers as one connection may ask for, with all the room for them that HTTP/2
    // can name, and none of them read.
    let mut attacker = Attacker::enter(visitor).await;
    let widest = 0x7fff_ffff_u32.to_be_bytes();
    let settings = frame(SETTINGS, 0, 0, &[&[0, 4][..], &widest].concat());
    let window = frame(WINDOW_UPDATE, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes());
    attacker.send(&[settings, window].concat()).await;
    for stream in (0..100_u32).map(|i| 2 * i + 1) {
        let headers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request_block("/large"));
        attacker.send(&headers).await;
    }
    let mut after = 0;
    for _ in 0..50 {
        others_are_served(visitor).await;
        after = after.max(program.memory());
    }
    assert!(after <= before + 50, "{before} MiB before, {after} MiB after");
}
