//! A real CA for tests: pebble, with pebble-challtestsrv as its DNS, on ports of their own. Both
//! are Debian packages (`make setup-test`); a test without them fails and says so.

#![allow(
    clippy::expect_used,
    dead_code,
    reason = "a test fails by panicking, and takes what it needs"
)]

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path as UrlPath;
use axum::routing::get;
use control_api::dns::{self, Resolver};
use edge_state::Hostname;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

#[path = "ports.rs"]
mod ports;

use ports::port;

/// How pebble behaves.
#[derive(Clone, Copy, Default)]
pub struct Habits {
    /// Of a hundred requests, how many are refused for a bad nonce.
    pub nonces_refused: u8,
    /// Of a hundred orders for a proven name, how many need no new proof.
    pub proofs_reused: u8,
    /// Whether an account needs `EAB_KEY_ID` and `EAB_HMAC_KEY`.
    pub external_accounts: bool,
}

pub const EAB_KEY_ID: &str = "kid-1";
pub const EAB_HMAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// The running CA, its DNS, and the edge whose challenges it looks at.
pub struct Pebble {
    folder: TempDir,
    ports: Ports,
    habits: Habits,
    children: Vec<Child>,
    /// `LINTEL_ACME_AUTHORITIES`' URL.
    pub directory: String,
    /// What pebble's own HTTPS is signed by.
    pub roots: String,
    /// What the edge answers: token to key authorization.
    pub answers: Arc<Mutex<HashMap<String, String>>>,
}

#[derive(Clone, Copy)]
struct Ports {
    acme: u16,
    management: u16,
    tls: u16,
    dns: u16,
    dns_management: u16,
    http: u16,
}

impl Ports {
    fn free(http: u16) -> Self {
        let (acme, management, tls) = (port(), port(), port());
        Self { acme, management, tls, dns: port(), dns_management: port(), http }
    }

    fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.acme)
    }
}

impl Pebble {
    /// Starts all three and waits until the CA answers.
    pub async fn start(habits: Habits) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let roots = certificate(folder.path());
        let answers = Arc::default();
        let ports = Ports::free(edge(&answers).await);
        let directory = ports.directory();
        let children = Vec::new();
        let mut pebble = Self { folder, ports, habits, children, directory, roots, answers };
        // Another test may have been faster with one of the ports.
        for _ in 0..5 {
            if pebble.try_launch().await {
                return pebble;
            }
            pebble.ports = Ports::free(pebble.ports.http);
            pebble.directory = pebble.ports.directory();
        }
        panic!("pebble does not start: try it by hand")
    }

    /// Ends the CA; until [`Self::launch`], it is down.
    pub fn stop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.children.clear();
    }

    /// Starts the CA on the same ports: it has forgotten every account and order.
    pub async fn launch(&mut self) {
        assert!(self.try_launch().await, "pebble does not start again on the same ports");
    }

    async fn try_launch(&mut self) -> bool {
        let Ports { acme, management, tls, dns, dns_management, http } = self.ports;
        let names = spawn(Command::new("pebble-challtestsrv").args([
            "-dns01",
            &format!("127.0.0.1:{dns}"),
            "-management",
            &format!("127.0.0.1:{dns_management}"),
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ]));
        self.children.push(names);
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{acme}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": self.folder.path().join("localhost.pem"),
            "privateKey": self.folder.path().join("localhost.key"),
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self.habits.external_accounts,
            "externalAccountMACKeys": { EAB_KEY_ID: EAB_HMAC_KEY },
            "domainBlocklist": ["blocked.test"],
        }});
        let path = self.folder.path().join("pebble.json");
        std::fs::write(&path, config.to_string()).expect("a file in a temporary folder");
        let pebble = spawn(
            Command::new("pebble")
                .args(["-strict", "-dnsserver", &format!("127.0.0.1:{dns}"), "-config"])
                .arg(path)
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_WFE_NONCEREJECT", self.habits.nonces_refused.to_string())
                .env("PEBBLE_AUTHZREUSE", self.habits.proofs_reused.to_string()),
        );
        self.children.push(pebble);
        let client = self.client();
        let urls = [self.directory.clone(), format!("http://127.0.0.1:{dns_management}")];
        for url in urls {
            let mut alive = true;
            until("CA and DNS answer, or one has ended", async || {
                alive = self.children.iter_mut().all(|child| matches!(child.try_wait(), Ok(None)));
                !alive || client.get(&url).send().await.is_ok()
            })
            .await;
            if !alive {
                self.stop();
                return false;
            }
        }
        // It listens for questions by a thread of its own, beside the one that was asked above.
        let servers = vec![self.dns_address()];
        let resolver = Resolver::new(&dns::Settings { servers, loopback_names: false });
        let resolver = resolver.expect("a resolver");
        let name = Hostname::parse("ready.customer.com").expect("a name");
        until("DNS answers", async || resolver.addresses(&name).await.is_ok()).await;
        true
    }

    /// Tells the DNS: `path` is one of challtestsrv's, `add-a`, `set-servfail`..
    pub async fn dns(&self, path: &str, body: Value) {
        let url = format!("http://127.0.0.1:{}/{path}", self.ports.dns_management);
        let answer = self.client().post(url).body(body.to_string()).send().await;
        assert!(answer.expect("challtestsrv answers").status().is_success(), "{path} {body}");
    }

    /// Where the DNS listens.
    pub fn dns_address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.ports.dns).into()
    }

    fn client(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.roots.as_bytes()).expect("our own root");
        let builder = reqwest::Client::builder().tls_certs_only([root]);
        builder.build().expect("an HTTPS client")
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Asks until the answer is yes; the only place where a test waits.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(90), "gave up waiting until {what}");
        ticks.tick().await;
    }
}

fn spawn(command: &mut Command) -> Child {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let name = command.get_program().to_string_lossy().into_owned();
    child
        .unwrap_or_else(|error| panic!("{name} cannot be started ({error}): run `make setup-test`"))
}

/// A CA of pebble's own HTTPS, and a certificate for localhost.
fn certificate(folder: &Path) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = CertifiedIssuer::self_signed(params, key).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let leaf = params.signed_by(&key, &root).expect("a certificate");
    std::fs::write(folder.join("localhost.pem"), leaf.pem()).expect("a file");
    std::fs::write(folder.join("localhost.key"), key.serialize_pem()).expect("a file");
    root.pem()
}

/// Answers challenges as every point of presence would.
async fn edge(answers: &Arc<Mutex<HashMap<String, String>>>) -> u16 {
    let answers = answers.clone();
    let answer = move |UrlPath(token): UrlPath<String>| async move {
        let known = answers.lock().expect("no panic").get(&token).cloned();
        known.ok_or(http::StatusCode::NOT_FOUND)
    };
    let router = Router::new().route("/.well-known/acme-challenge/{token}", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("a port").port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}
