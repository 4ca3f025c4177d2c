//! The CA: pebble, which checks challenges at the edge's own port.

use std::path::Path;

use lintel_dev::child::Program;
use lintel_dev::{Context as _, Failure};
use serde_json::json;

use crate::authority::Authority;
use crate::ports::Ports;
use crate::process::Process;
use crate::until::until;

/// How this CA behaves.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Of a hundred requests, how many are refused for their nonce, though it was good.
    pub nonces_refused: u8,
    /// Of a hundred orders for a name that was proven before, how many need no new proof.
    pub proofs_reused: u8,
    /// Names for which it never issues.
    pub blocked: Vec<String>,
    /// Seconds.
    pub validity: u32,
}

impl Default for Habits {
    /// As real ones: now and then a nonce is refused, and every order is proven.
    fn default() -> Self {
        Self { nonces_refused: 5, proofs_reused: 0, blocked: Vec::new(), validity: 90 * 86_400 }
    }
}

/// The running CA. Its account and its orders are in memory: it is never restarted.
#[derive(Debug)]
pub struct Pebble {
    _process: Process,
    port: u16,
    /// PEM: what a visitor trusts.
    pub root: String,
}

impl Pebble {
    /// Starts it and waits for its root.
    pub async fn start(
        habits: &Habits,
        authority: &Authority,
        (http_port, dns_port): (u16, u16),
        ports: &Ports,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let (port, management) = (ports.next()?, ports.next()?);
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("localhost.pem"),
            "privateKey": folder.join("localhost.key"),
            "httpPort": http_port,
            "tlsPort": ports.next()?,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "domainBlocklist": habits.blocked,
            "certificateValidityPeriod": habits.validity,
        }});
        let path = folder.join("pebble.json");
        std::fs::write(&path, config.to_string())?;
        let program = Program::foreign("pebble", Path::new("pebble"), &folder.join("log"))
            .argument("-strict")
            .argument("-config")
            .argument(path.display().to_string())
            .argument("-dnsserver")
            .argument(format!("127.0.0.1:{dns_port}"))
            .variable("PEBBLE_VA_NOSLEEP", "1")
            .variable("PEBBLE_WFE_NONCEREJECT", &habits.nonces_refused)
            .variable("PEBBLE_AUTHZREUSE", &habits.proofs_reused);
        let process = Process::start(program)?;
        let (client, url) =
            (authority.client()?, format!("https://localhost:{management}/roots/0"));
        let root = until("pebble answers", async || {
            if let Some(exit) = process.ended() {
                return Err(Failure::new(format!("pebble ended: {exit}. Run: make setup-test")));
            }
            let answer = client.get(&url).send().await?.error_for_status()?;
            Ok(answer.text().await?)
        });
        let root = root.await.context("starting pebble")?;
        Ok(Self { _process: process, port, root })
    }

    /// `localhost:port` of its ACME API.
    #[must_use]
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }
}
