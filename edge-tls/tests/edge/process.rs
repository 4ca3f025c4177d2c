//! Processes that end, in every way.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::KeyType::P256;
use edge_state::tls::TlsSettings;
use edge_tls::edge::Addresses;
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::support::visitor::{Visitor, read_to_end};
use crate::support::{Lintel, feed, host_record, name, until, worker_dir, workerd};

const HOST: &str = "shop.customer.com";
const PATIENCE: Duration = Duration::from_mins(1);

fn pid(data_dir: &Path) -> Option<u32> {
    std::fs::read_to_string(data_dir.join("workerd.pid")).ok()?.trim().parse().ok()
}

/// A process that its parent has not taken note of yet has ended all the same.
fn runs(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

async fn kill(signal: &str, pid: u32) {
    let killed = Command::new("kill").args([signal, &pid.to_string()]).status().await.unwrap();
    assert!(killed.success());
}

/// The program with what it cannot do without; `shell` as in [`Program::run_in`].
fn command(data_dir: &Path, shell: Option<&str>) -> Command {
    let program = env!("CARGO_BIN_EXE_edge-tls");
    let mut command = Command::new(if shell.is_some() { "/bin/sh" } else { program });
    if let Some(line) = shell {
        command.args(["-c", line, program]);
    }
    command
        .env("LINTEL_HTTPS_LISTEN", "127.0.0.1:0")
        .env("LINTEL_HTTP_LISTEN", "127.0.0.1:0")
        .env("LINTEL_ADMIN_LISTEN", "127.0.0.1:0")
        .env("LINTEL_POP_NAME", "program")
        .env("LINTEL_EDGE_TOKEN", feed::TOKEN)
        .env("LINTEL_EDGE_KEY", format!("test:{}", STANDARD.encode([7; 32])))
        .env("LINTEL_DATA_DIR", data_dir)
        .env("LINTEL_WORKERD", workerd())
        .env("LINTEL_WORKER_DIR", worker_dir())
        .kill_on_drop(true);
    command
}

async fn free_address() -> std::net::SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The program itself, beside what the tests have in this process.
struct Program {
    child: Child,
    lintel: Lintel,
    visitor: Visitor,
}

impl Program {
    async fn start(variables: &[(&str, &str)]) -> Self {
        Self::run(Self::prepare().await, variables).await
    }

    async fn prepare() -> Lintel {
        let lintel = Lintel::prepare(|_| {}).await;
        lintel.feed.put(&host_record(HOST, TlsSettings::default()));
        let keys = &lintel.config.edge_keys;
        lintel.feed.put(&lintel.authority.record(&name(HOST), &[P256], keys));
        lintel
    }

    async fn run(lintel: Lintel, variables: &[(&str, &str)]) -> Self {
        Self::run_in(None, lintel, variables).await
    }

    /// `shell`: a line for `sh` that ends in the program, `$0`.
    async fn run_in(shell: Option<&str>, lintel: Lintel, variables: &[(&str, &str)]) -> Self {
        let admin = free_address().await;
        lintel.feed.forget_points_of_presence();
        let child = command(&lintel.config.data_dir, shell)
            .env("LINTEL_ADMIN_LISTEN", admin.to_string())
            .env("LINTEL_CONTROL_URL", lintel.feed.url().as_str())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let known = async || lintel.feed.point_of_presence("program").is_some();
        until("the program makes itself known", known).await;
        let known = lintel.feed.point_of_presence("program").unwrap();
        let (https, http) =
            (known.https_address.parse().unwrap(), known.http_address.parse().unwrap());
        let addresses = Addresses { https, http, admin, egress: None };
        let visitor = Visitor::new(addresses, &lintel.authority);
        let program = Self { child, lintel, visitor };
        until("it serves", async || {
            let Ok(stream) = program.visitor.handshake(HOST).await else { return false };
            drop(stream);
            program.visitor.get(HOST, "/").await.status() == 200
        })
        .await;
        program
    }

    fn workerd(&self) -> u32 {
        pid(&self.lintel.config.data_dir).unwrap()
    }

    async fn exit(&mut self) -> std::process::ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workerd_is_killed_under_load_and_nobody_notices() {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (visitor, stop, served) = (lintel.visitor(), stop.clone(), served.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(visitor.get(HOST, "/").await.status(), 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let before = served.load(Ordering::Relaxed);
        until("there is load", async || served.load(Ordering::Relaxed) > before + 20).await;
        let first = pid(&lintel.config.data_dir).unwrap();
        kill("-KILL", first).await;
        until("another one runs", async || {
            pid(&lintel.config.data_dir).is_some_and(|pid| pid != first && runs(pid))
        })
        .await;
    }
    let before = served.load(Ordering::Relaxed);
    until("it goes on", async || served.load(Ordering::Relaxed) > before + 20).await;
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
    let program = Program::run_in(shell, Program::prepare().await, &[]).await;
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
    let started = std::time::Instant::now();
    let refused =
        tokio::time::timeout(Duration::from_secs(2), program.visitor.handshake(HOST)).await;
    assert!(refused.is_err(), "nobody is let in");
    held.clear();
    until("it lets visitors in again", async || {
        let asked = tokio::time::timeout(Duration::from_secs(1), program.visitor.handshake(HOST));
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
