//! Processes that end, in every way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::KeyType::P256;
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::support::program::{HOST, Program, command, pid, runs};
use crate::support::visitor::{Visitor, read_to_end};
use crate::support::{Lintel, until};

const PATIENCE: Duration = Duration::from_mins(1);

async fn kill(signal: &str, pid: u32) {
    let killed = Command::new("kill").args([signal, &pid.to_string()]).status().await.unwrap();
    assert!(killed.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workerd_is_killed_under_load_and_nobody_notices() {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let served: [Arc<AtomicUsize>; 4] = Default::default();
    let load: Vec<_> = served
        .iter()
        .map(|served| {
            let (visitor, stop, served) = (lintel.visitor(), stop.clone(), served.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(visitor.get(HOST, "/").await.status(), 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // Of every visitor: a request may meet the end of one workerd, and of no second one.
    let counts = || served.each_ref().map(|served| served.load(Ordering::Relaxed));
    let goes_on = async |what: &str| {
        let before = counts();
        let all = || counts().iter().zip(before).all(|(now, before)| *now > before + 5);
        until(what, async || all()).await;
    };
    for _ in 0..3 {
        goes_on("there is load").await;
        let first = pid(&lintel.config.data_dir).unwrap();
        kill("-KILL", first).await;
        until("another one runs", async || {
            pid(&lintel.config.data_dir).is_some_and(|pid| pid != first && runs(pid))
        })
        .await;
    }
    goes_on("it goes on").await;
    stop.store(true, Ordering::Relaxed);
    for worker in load {
        worker.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_workerd_there_is_a_clean_answer() {
    let broken = Lintel::prepare(|config| config.workerd = "/bin/false".into()).await;
    let edge = edge_tls::edge::Edge::start(broken.config.clone()).await.unwrap();
    let visitor = Visitor::new(edge.addresses(), &broken.authority);
    let request = http::Request::get(format!("http://{HOST}/"))
        .header("accept", "application/json")
        .body(Full::default())
        .unwrap();
    let answer = visitor.send_plain(request).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    let error = &crate::support::visitor::json(&answer)["error"];
    assert_eq!(error["code"], "edge_starting");
    assert_eq!(error["request_id"], answer.headers()["cf-ray"].to_str().unwrap());
    let ready = reqwest::get(format!("http://{}/readyz", edge.addresses().admin)).await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("workerd"));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_is_killed_and_leaves_nothing_running() {
    let mut program = Program::start(&[]).await;
    let workerd = program.workerd();
    assert!(runs(workerd));
    kill("-KILL", program.child.id().unwrap()).await;
    program.exit().await;
    until("workerd is gone as well", async || !runs(workerd)).await;

    // And nothing is in the way of the next one.
    let program = Program::run(program.lintel, &[]).await;
    assert_ne!(program.workerd(), workerd);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_program_left_is_killed_at_the_start() {
    // Without setpriv the kernel does not end workerd for us.
    let mut program = Program::start(&[("PATH", "/nonexistent")]).await;
    let workerd = program.workerd();
    kill("-KILL", program.child.id().unwrap()).await;
    program.exit().await;
    assert!(runs(workerd), "it was left");
    let program = Program::run(program.lintel, &[]).await;
    until("it is gone", async || !runs(workerd)).await;
    assert!(runs(program.workerd()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end_it_answers_what_is_under_way() {
    let mut program = Program::start(&[]).await;
    let workerd = program.workerd();
    let mut stream = program.visitor.handshake(HOST).await.unwrap();
    let head = format!("POST /body HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n12345");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    kill("-TERM", program.child.id().unwrap()).await;
    until("no one is let in any more", async || {
        tokio::net::TcpStream::connect(program.visitor.addresses.https).await.is_err()
    })
    .await;
    stream.write_all(b"67890").await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("67890"), "the whole body came back");
    assert!(program.exit().await.success());
    assert!(!runs(workerd));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_program_in_the_same_folder_leaves_the_first_alone() {
    let program = Program::start(&[]).await;
    let (workerd, data_dir) = (program.workerd(), program.lintel.config.data_dir.clone());
    let second = command(&data_dir, None).output();
    let second = tokio::time::timeout(PATIENCE, second).await.expect("it ends").unwrap();
    let text = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && text.contains("in use by another edge-tls"), "{text}");
    assert!(runs(workerd));
    assert_eq!(program.visitor.get(HOST, "/").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_descriptors_it_waits_and_recovers() {
    let shell = Some("ulimit -n 120; exec \"$0\"");
    // Whoever is in stays, however long this takes.
    let patient = [("LINTEL_HANDSHAKE_TIMEOUT_SECS", "600")];
    let program = Program::run_in(shell, Program::prepare().await, &patient).await;
    let started = std::time::Instant::now();
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(tokio::net::TcpStream::connect(program.visitor.addresses.https).await.unwrap());
    }
    let errors = async || {
        let url = format!("http://{}/metrics", program.visitor.addresses.admin);
        let Ok(answer) = reqwest::get(&url).await else { return None };
        let text = answer.text().await.ok()?;
        let line =
            text.lines().find(|line| line.starts_with("lintel_edge_accept_errors_total "))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    // With no descriptor left, the admin port cannot be asked either: half of them are given back.
    let refused =
        tokio::time::timeout(Duration::from_secs(2), program.visitor.handshake(HOST)).await;
    assert!(refused.is_err(), "nobody is let in");
    held.clear();
    until("it lets visitors in again", async || {
        let asked = tokio::time::timeout(Duration::from_secs(5), program.visitor.handshake(HOST));
        asked.await.is_ok_and(|asked| asked.is_ok())
    })
    .await;
    until("it counted its errors", async || errors().await.is_some_and(|errors| errors > 0)).await;
    let errors = errors().await.unwrap_or_default();
    assert!(errors < 20 + 10 * started.elapsed().as_secs(), "it does not spin: {errors} errors");
    assert_eq!(program.visitor.get(HOST, "/").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_with_its_lifeline() {
    let mut program = Program::start(&[("LINTEL_LIFELINE", "stdin")]).await;
    let workerd = program.workerd();
    drop(program.child.stdin.take());
    assert!(program.exit().await.success());
    assert!(!runs(workerd));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_start_says_what_to_do() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let key = STANDARD.encode([7; 32]);
    let folder = tempfile::tempdir().unwrap();
    for (variable, value, said) in [
        ("LINTEL_EDGE_TOKEN", "", "LINTEL_EDGE_TOKEN is missing. Set it to"),
        ("LINTEL_HTTPS_LISTEN", taken.as_str(), "cannot listen on LINTEL_HTTPS_LISTEN="),
        ("LINTEL_WORKER_DIR", "/nonexistent", "Build the worker (`make worker`)"),
    ] {
        let _held = tokio::net::TcpListener::bind(&taken).await.ok();
        let output = command(&folder.path().join(variable), None).env(variable, value).output();
        let output = tokio::time::timeout(PATIENCE, output).await.expect("it ends").unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{variable}: {text}");
        assert!(!text.contains(&key), "no secret is said");
    }
}
