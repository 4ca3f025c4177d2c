//! control-api as a process of its own, as it is deployed, with every log line on.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a test fails by panicking, and takes what it needs"
)]

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

#[path = "ports.rs"]
mod ports;

pub const BOOTSTRAP: &str = "bootstrap-canary-7f3a9c";
pub const EDGE_TOKEN: &str = "edge-canary-51b0e2";
pub const MASTER_KEY: &str = "k1:bWFzdGVyLWtleS1jYW5hcnktMDEyMzQ1Njc4OWFiY2Q=";
pub const EDGE_KEY: &str = "k1:ZWRnZS1rZXktY2FuYXJ5LTAxMjM0NTY3ODlhYmNkZWY=";

/// control-api as a process of its own.
pub struct Server {
    process: Child,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    folder: TempDir,
    pub http: reqwest::Client,
}

impl Server {
    /// With further variables.
    pub async fn start(database_url: &str, more: &[(&str, &str)]) -> Self {
        // Another program may have been faster with one of the ports.
        for _ in 0..5 {
            if let Some(server) = Self::try_start(database_url, more).await {
                return server;
            }
        }
        panic!("control-api finds its ports taken, again and again")
    }

    /// `None`: one of the ports is taken.
    async fn try_start(database_url: &str, more: &[(&str, &str)]) -> Option<Self> {
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
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        // The suites take longer than a connection may rest.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let mut server = Self { process, listen, admin, folder, http };
        server.is_ready().await.then_some(server)
    }

    /// Waits until it is. `false`: it ended, for one of its ports is taken.
    async fn is_ready(&mut self) -> bool {
        let url = format!("http://{}/readyz", self.admin);
        let limit = Instant::now() + Duration::from_secs(90);
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            pause.tick().await;
            let ready = self.http.get(&url).send().await;
            if let Some(status) = self.process.try_wait().unwrap() {
                let log = self.log();
                assert!(log.contains("Address already in use"), "{status}: {log}");
                return false;
            }
            match ready {
                Ok(answer) if answer.status().is_success() => return true,
                _ => assert!(Instant::now() < limit, "control-api is not ready: {}", self.log()),
            }
        }
    }

    /// The base URL of SDKs.
    pub fn api(&self) -> String {
        format!("http://{}/client/v4", self.listen)
    }

    pub async fn get(&self, address: SocketAddr, path: &str) -> String {
        let answer = self.http.get(format!("http://{address}{path}")).send().await;
        answer.unwrap().text().await.unwrap()
    }

    /// The id of what the operator makes.
    pub async fn post(&self, path: &str, body: Value) -> String {
        let request = self.http.post(format!("{}{path}", self.api())).bearer_auth(BOOTSTRAP);
        let answer = request.json(&body).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["result"]["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// What an edge is answered.
    pub async fn edge(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("http://{}/edge/v1/{path}", self.listen));
        let answer = request.bearer_auth(EDGE_TOKEN).json(&body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Cuts the lifeline; the end must be a graceful one. Returns the log.
    pub fn stop(mut self) -> String {
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
    (Ipv4Addr::LOCALHOST, ports::port()).into()
}
