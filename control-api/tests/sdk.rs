//! The official SDKs against the program as it is deployed, on every database. Only their base URL
//! differs from what they are made for. The program runs with every log line on, and none of them
//! may hold a secret.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/databases.rs"]
mod databases;

const BOOTSTRAP: &str = "bootstrap-canary-7f3a9c";
const EDGE_TOKEN: &str = "edge-canary-51b0e2";
const MASTER_KEY: &str = "k1:bWFzdGVyLWtleS1jYW5hcnktMDEyMzQ1Njc4OWFiY2Q=";
const EDGE_KEY: &str = "k1:ZWRnZS1rZXktY2FuYXJ5LTAxMjM0NTY3ODlhYmNkZWY=";

#[tokio::test]
async fn the_official_sdks_work_with_only_their_base_url_changed() {
    for fresh in databases::fresh().await {
        let server = Server::start(&fresh.url).await;
        let tenant = server.tenant().await;
        assert_eq!(server.status_of_large_header().await, 431);
        for (language, program, suite) in suites() {
            let run = Command::new(&program)
                .arg(&suite)
                .env("LINTEL_API", server.api())
                .env("LINTEL_TOKEN", BOOTSTRAP)
                .env("LINTEL_ACCOUNT_ID", &tenant.0)
                .env("LINTEL_ZONE_ID", &tenant.1)
                .output();
            let run = run.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
            let said = String::from_utf8_lossy(&run.stdout);
            let complained = String::from_utf8_lossy(&run.stderr);
            println!("{language} on {}:\n{said}{complained}", fresh.name);
            assert!(run.status.success(), "{language} on {}", fresh.name);
        }
        let metrics = server.get(server.admin, "/metrics").await;
        let logs = server.stop();
        assert!(logs.contains("/client/v4/zones"), "the log says nothing");
        for (place, text) in [("log", logs), ("metrics", metrics)] {
            assert_no_secrets(place, &text);
        }
    }
}

/// Not one of ours, and no value of a token that a suite made.
fn assert_no_secrets(place: &str, text: &str) {
    let keys = [MASTER_KEY, EDGE_KEY].map(|key| key.trim_start_matches("k1:"));
    for secret in [BOOTSTRAP, EDGE_TOKEN, keys[0], keys[1]] {
        assert!(!text.contains(secret), "{place} holds {secret}");
    }
    for (at, _) in text.match_indices("lintel_") {
        let rest = text[at + 7..].bytes();
        let length = rest.take_while(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)).count();
        assert!(length < 43, "{place} holds a token: {}", &text[at..at + 20]);
    }
}

fn suites() -> Vec<(&'static str, PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let node = std::env::var_os("LINTEL_NODE").map(PathBuf::from);
    let venv = std::env::var_os("LINTEL_VENV").map(PathBuf::from);
    let python = venv.map(|venv| venv.join("bin/python"));
    let mut suites = Vec::new();
    for (language, program, variable, suite) in [
        ("TypeScript", node, "LINTEL_NODE", "tests/sdk/typescript/suite.mjs"),
        ("Python", python, "LINTEL_VENV", "tests/sdk/python/suite.py"),
    ] {
        match program {
            Some(program) => suites.push((language, program, root.join(suite))),
            None if std::env::var_os("CI").is_some() => panic!("{variable} is not set"),
            None => eprintln!("{variable} is not set (`make test` does): {language} is left out"),
        }
    }
    suites
}

/// control-api as a process of its own.
struct Server {
    process: Child,
    listen: SocketAddr,
    admin: SocketAddr,
    folder: TempDir,
    http: reqwest::Client,
}

impl Server {
    async fn start(database_url: &str) -> Self {
        let (listen, admin) = (free_address(), free_address());
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_control-api"))
            .env_clear()
            .env("LINTEL_LISTEN", listen.to_string())
            .env("LINTEL_ADMIN_LISTEN", admin.to_string())
            .env("DATABASE_URL", database_url)
            .env("LINTEL_MASTER_KEY", MASTER_KEY)
            .env("LINTEL_EDGE_KEY", EDGE_KEY)
            .env("LINTEL_EDGE_TOKEN", EDGE_TOKEN)
            .env("LINTEL_BOOTSTRAP_TOKEN", BOOTSTRAP)
            .env("LINTEL_ACME_AUTHORITIES", "development")
            // Nobody answers there: no look-up leaves this machine.
            .env("LINTEL_DNS_SERVERS", "127.0.0.1:9")
            .env("LINTEL_LOG", "trace")
            .env("LINTEL_LIFELINE", "stdin")
            .stdin(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        // The suites take longer than a connection may rest.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let server = Self { process, listen, admin, folder, http };
        server.until_ready().await;
        server
    }

    async fn until_ready(&self) {
        let url = format!("http://{}/readyz", self.admin);
        let limit = Instant::now() + Duration::from_mins(1);
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            pause.tick().await;
            match self.http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return,
                _ => assert!(Instant::now() < limit, "control-api is not ready: {}", self.log()),
            }
        }
    }

    fn api(&self) -> String {
        format!("http://{}/client/v4", self.listen)
    }

    async fn get(&self, address: SocketAddr, path: &str) -> String {
        let answer = self.http.get(format!("http://{address}{path}")).send().await;
        answer.unwrap().text().await.unwrap()
    }

    /// What a header of 100 kB is answered with.
    async fn status_of_large_header(&self) -> u16 {
        let request = self.http.get(format!("{}/user", self.api()));
        let answer = request.header("x-large", "a".repeat(100_000)).send().await;
        answer.unwrap().status().as_u16()
    }

    async fn post(&self, path: &str, body: Value) -> String {
        let request = self.http.post(format!("{}{path}", self.api())).bearer_auth(BOOTSTRAP);
        let answer = request.json(&body).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["result"]["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// An account and its zone.
    async fn tenant(&self) -> (String, String) {
        let account = self.post("/accounts", json!({"name": "SDK"})).await;
        let zone = json!({"name": "sdk.saas.com", "account": {"id": account}});
        let zone = self.post("/zones", zone).await;
        (account, zone)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Cuts the lifeline; the end must be a graceful one. Returns the log.
    fn stop(mut self) -> String {
        drop(self.process.stdin.take());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }
}

impl Drop for Server {
    /// For a test that failed; one that did not has waited already.
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
