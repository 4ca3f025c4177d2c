//! control-api, edge-tls and workerd with the built worker, between a CA, a DNS and an origin.

mod start;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lintel_dev::Failure;
use lintel_dev::child::tail;
use lintel_dev::client::{Client, CustomHostname};
use lintel_dev::state::{EDGE_TOKEN, State};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::start::{Builder, edge_program};
use crate::acme_proxy::AcmeProxy;
use crate::dns::Dns;
use crate::origin::Origin;
use crate::pebble::Pebble;
use crate::ports::Ports;
use crate::postgres::Postgres;
use crate::process::Process;
use crate::until::until;
use crate::visitor::Visitor;

/// What is running; dropping it stops all of it.
pub struct Lintel {
    /// The public API, with a token for this account and zone alone.
    pub api: Client,
    /// The zone of the SaaS company.
    pub zone: String,
    /// Its account.
    pub account: String,
    /// What customers point their CNAME at.
    pub target: String,
    /// The control plane.
    pub control_api: Process,
    /// The points of presence.
    pub edges: Vec<Edge>,
    /// Between control-api and the CA.
    pub acme: AcmeProxy,
    /// The CA.
    pub pebble: Pebble,
    /// The DNS of this world.
    pub dns: Dns,
    /// The SaaS company's own server.
    pub origin: Origin,
    /// Of the control plane: metrics and health.
    pub admin: SocketAddr,
    _postgres: Option<Postgres>,
    http: reqwest::Client,
    state: State,
    folder: TempDir,
    ports: Ports,
}

/// One point of presence.
#[derive(Debug)]
pub struct Edge {
    /// edge-tls, with workerd below it.
    pub process: Process,
    /// As it is registered.
    pub name: String,
    /// Where visitors come.
    pub https: SocketAddr,
    /// Where visitors and CAs come.
    pub http: SocketAddr,
    /// Metrics and health.
    pub admin: SocketAddr,
}

impl Lintel {
    /// As usual: SQLite, one point of presence.
    pub async fn start() -> Result<Self, Failure> {
        Self::builder().start().await
    }

    /// Differs from the usual.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Waits until control-api and every point of presence say that they are ready.
    pub async fn ready(&self) -> Result<(), Failure> {
        self.control_api_ready().await?;
        for edge in &self.edges {
            let url = format!("http://{}/readyz", edge.admin);
            self.answers(&format!("{} is ready", edge.name), &url, &edge.process).await?;
        }
        Ok(())
    }

    /// Waits until control-api says that it is ready.
    pub async fn control_api_ready(&self) -> Result<(), Failure> {
        let url = format!("http://{}/readyz", self.admin);
        self.answers("control-api is ready", &url, &self.control_api).await
    }

    async fn answers(&self, what: &str, url: &str, process: &Process) -> Result<(), Failure> {
        self.until(what, async || {
            if let Some(exit) = process.ended() {
                return Err(Failure::new(format!("it ended: {exit}")));
            }
            let response = self.http.get(url).send().await?;
            if response.status().is_success() {
                return Ok(());
            }
            Err(Failure::new(format!("{} {}", response.status(), response.text().await?)))
        })
        .await
    }

    /// `POST custom_hostnames`, with a CNAME to us already there. `more` is merged into the body.
    pub async fn create(&self, hostname: &str, more: Value) -> Result<CustomHostname, Failure> {
        self.dns.cname(hostname, &self.target).await?;
        self.api.create_hostname(&self.zone, hostname, more).await
    }

    /// A hostname that is live.
    pub async fn onboard(&self, hostname: &str) -> Result<CustomHostname, Failure> {
        let created = self.create(hostname, json!({})).await?;
        self.active(&created.id).await
    }

    /// Waits until a hostname and its first certificate are active, and every edge has heard of it:
    /// that the hostname was verified may be the last thing that happens, and is news to the edge.
    pub async fn active(&self, id: &str) -> Result<CustomHostname, Failure> {
        let active = self.shows(id, "active", CustomHostname::is_active).await?;
        for edge in 0..self.edges.len() {
            // Says that the hostname is served, and reaches neither a gate nor an origin.
            let visitor = self.visitor_at(edge)?.header("cdn-loop", "lintel");
            let url = format!("http://{}/", active.hostname.replacen('*', "any", 1));
            self.until("the edge serves it", async || visitor.get(&url).await?.expect(508)).await?;
        }
        Ok(active)
    }

    /// Waits until both certificates are there.
    pub async fn both_certificates(&self, id: &str) -> Result<CustomHostname, Failure> {
        let both = |hostname: &CustomHostname| {
            hostname.is_active()
                && hostname.ssl.as_ref().is_some_and(|ssl| ssl.certificates.len() == 2)
        };
        self.shows(id, "active with two certificates", both).await
    }

    /// Waits until GET shows this.
    pub async fn shows(
        &self,
        id: &str,
        what: &str,
        is: impl Fn(&CustomHostname) -> bool,
    ) -> Result<CustomHostname, Failure> {
        self.until(what, async || {
            let hostname = self.api.hostname(&self.zone, id).await?;
            if is(&hostname) { Ok(hostname) } else { Err(Failure::new(format!("{hostname:?}"))) }
        })
        .await
    }

    /// Who comes to the first point of presence.
    pub fn visitor(&self) -> Result<Visitor, Failure> {
        self.visitor_at(0)
    }

    /// Who comes to one of the points of presence.
    pub fn visitor_at(&self, edge: usize) -> Result<Visitor, Failure> {
        Visitor::new(self.edges[edge].https, self.edges[edge].http, &self.pebble.root)
    }

    /// The CA's root, as a file.
    #[must_use]
    pub fn root_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What `/metrics` says.
    pub async fn metrics(&self, admin: SocketAddr) -> Result<String, Failure> {
        let url = format!("http://{admin}/metrics");
        Ok(self.http.get(url).send().await?.error_for_status()?.text().await?)
    }

    /// `PUT` or `DELETE /edge/v1/points_of_presence/{name}`, as an operator.
    pub async fn point_of_presence(
        &self,
        method: reqwest::Method,
        name: &str,
        body: Option<Value>,
    ) -> Result<u16, Failure> {
        let base = self.api.base().trim_end_matches("/client/v4");
        let url = format!("{base}/edge/v1/points_of_presence/{name}");
        let token = self.state.read(EDGE_TOKEN)?.unwrap_or_default();
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(request.send().await?.status().as_u16())
    }

    /// A port that nobody uses.
    pub fn port(&self) -> Result<u16, Failure> {
        self.ports.next()
    }

    /// Waits for a condition, and shows the tail of every log if it does not come.
    pub async fn until<T>(
        &self,
        what: &str,
        ask: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        until(what, ask).await.map_err(|failure| {
            Failure::new(format!("{failure}\n{}", self.log_tails().unwrap_or_default()))
        })
    }

    /// The end of every log.
    pub fn log_tails(&self) -> Result<String, Failure> {
        Ok(self.logs()?.iter().map(|log| tail(log)).collect())
    }

    /// Where every program of this house writes its log.
    #[must_use]
    pub fn log_folder(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Every log file.
    pub fn logs(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut logs = Vec::new();
        for entry in std::fs::read_dir(self.log_folder())? {
            logs.push(entry?.path());
        }
        logs.sort();
        Ok(logs)
    }

    /// The folder with the keys, the tokens and the SQLite database.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl Drop for Lintel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tails().unwrap_or_default());
        }
    }
}

/// A program of ours: in `LINTEL_BIN_DIR`, else where cargo builds it.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("LINTEL_BIN_DIR") {
        return PathBuf::from(folder).join(name);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    target.join("debug").join(name)
}

/// The built worker: `LINTEL_WORKER_DIR`, else where `make worker` puts it.
#[must_use]
pub fn worker() -> PathBuf {
    let default = root().join("edge-worker/build");
    std::env::var_os("LINTEL_WORKER_DIR").map_or(default, PathBuf::from)
}

/// The checkout.
#[must_use]
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.map_or_else(PathBuf::new, Path::to_owned)
}
