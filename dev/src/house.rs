//! control-api and edge-tls with workerd below it, started and stopped in order.

use std::path::PathBuf;
use std::time::Duration;

use crate::child::{Child, Program};
use crate::client::Client;
use crate::config::{Config, loopback};
use crate::state::{BOOTSTRAP_TOKEN, CA_PEM, EDGE_KEY, EDGE_TOKEN, MASTER_KEY, State};
use crate::wait::until;
use crate::{Context as _, Failure};

/// The running programs.
#[derive(Debug)]
pub struct House {
    control_api: Child,
    edge_tls: Child,
}

impl House {
    /// Starts both and returns at once; [`House::ready`] waits.
    pub fn start(config: &Config, state: &State) -> Result<Self, Failure> {
        for program in ["control-api", "edge-tls"] {
            let path = config.binaries.join(program);
            if !path.is_file() {
                let path = path.display();
                return Err(Failure::new(format!("{path} is missing. Build it: make build")));
            }
        }
        if !config.worker.join("index_bg.wasm").is_file() {
            let folder = config.worker.display();
            return Err(Failure::new(format!(
                "no built worker in {folder}. Build it: make worker"
            )));
        }
        let control_api = control_api(config, state).start()?;
        let edge_tls = edge_tls(config, state).start()?;
        Ok(Self { control_api, edge_tls })
    }

    /// Waits until both say that they are ready, and keeps the development CA's root at hand.
    pub async fn ready(&self, config: &Config, state: &State) -> Result<(), Failure> {
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        for (name, port) in
            [("control-api", config.ports.api_admin), ("edge-tls", config.ports.edge_admin)]
        {
            let url = format!("http://127.0.0.1:{port}/readyz");
            until(&format!("{name} is ready"), START_LIMIT, async || {
                let response = http.get(&url).send().await?;
                if response.status().is_success() {
                    return Ok(());
                }
                Err(Failure::new(format!("{} {}", response.status(), response.text().await?)))
            })
            .await?;
        }
        let url = format!("http://127.0.0.1:{}/development_authority/root.pem", config.ports.api);
        let root = http.get(&url).send().await.and_then(reqwest::Response::error_for_status);
        let root = root.context("asking for the development CA's root")?.text().await?;
        state.write(CA_PEM, &root)
    }

    /// The client that may make accounts, zones and tokens.
    pub fn bootstrap_client(config: &Config, state: &State) -> Result<Client, Failure> {
        let token = state.read(BOOTSTRAP_TOKEN)?.unwrap_or_default();
        Client::new(&api_url(config), &token)
    }

    /// Waits until a program ends by itself, and tells which one, how, and the end of its log.
    pub async fn death(&self) -> Failure {
        let (child, exit) = tokio::select! {
            exit = self.control_api.exit() => (&self.control_api, exit),
            exit = self.edge_tls.exit() => (&self.edge_tls, exit),
        };
        let (name, tail) = (child.name(), child.log_tail());
        Failure::new(format!("{name} ended by itself ({exit})\n{tail}"))
    }

    /// The ends of both logs.
    #[must_use]
    pub fn log_tails(&self) -> String {
        format!("{}{}", self.control_api.log_tail(), self.edge_tls.log_tail())
    }

    /// Stops both, first the one that visitors see. Tells who had to be killed.
    pub async fn stop(self) -> Vec<&'static str> {
        let mut killed = Vec::new();
        for (name, child) in [("edge-tls", self.edge_tls), ("control-api", self.control_api)] {
            if !child.stop(STOP_GRACE).await {
                killed.push(name);
            }
        }
        killed
    }
}

/// The base URL, as SDKs want it.
#[must_use]
pub fn api_url(config: &Config) -> String {
    format!("http://127.0.0.1:{}/client/v4", config.ports.api)
}

fn control_api(config: &Config, state: &State) -> Program {
    let ports = config.ports;
    common(config, state, "control-api")
        .variable("LINTEL_LISTEN", &loopback(ports.api))
        .variable("LINTEL_ADMIN_LISTEN", &loopback(ports.api_admin))
        .variable("DATABASE_URL", &format!("sqlite:{}", state.path("control.db").display()))
        .variable("LINTEL_MASTER_KEY_FILE", &state.path(MASTER_KEY).display())
        .variable("LINTEL_BOOTSTRAP_TOKEN_FILE", &state.path(BOOTSTRAP_TOKEN).display())
        .variable("LINTEL_ACME_AUTHORITIES", "development")
        .variable("LINTEL_EDGE_ADDRESSES", "127.0.0.1")
        .variable("LINTEL_HTTPS_PORT", &ports.https)
        .variable("LINTEL_VALIDATION_HTTP_PORT", &ports.http)
        .variable("LINTEL_ALLOWED_RESERVED_TLDS", "localhost")
        .variable("LINTEL_RETRY_BASE_MILLIS", &1000)
}

fn edge_tls(config: &Config, state: &State) -> Program {
    let ports = config.ports;
    let edge = common(config, state, "edge-tls")
        .variable("LINTEL_HTTPS_LISTEN", &loopback(ports.https))
        .variable("LINTEL_HTTP_LISTEN", &loopback(ports.http))
        .variable("LINTEL_ADMIN_LISTEN", &loopback(ports.edge_admin))
        .variable("LINTEL_POP_NAME", "dev")
        // A browser's idle connections do not keep Ctrl-C waiting.
        .variable("LINTEL_DRAIN_TIMEOUT_SECS", "2")
        .variable("LINTEL_CONTROL_URL", &format!("http://127.0.0.1:{}", ports.api))
        .variable("LINTEL_DATA_DIR", &state.path("edge").display())
        .variable("LINTEL_WORKER_DIR", &config.worker.display());
    // In a checkout workerd is where npm put it; elsewhere edge-tls looks for it itself.
    let workerd = std::path::absolute("node_modules/workerd/bin/workerd").ok();
    match workerd.filter(|path| path.is_file() && std::env::var_os("LINTEL_WORKERD").is_none()) {
        Some(path) => edge.variable("LINTEL_WORKERD", &path.display()),
        None => edge,
    }
}

fn common(config: &Config, state: &State, program: &str) -> Program {
    let logs: PathBuf = state.path("log");
    Program::new(program, &config.binaries.join(program), &logs)
        .variable("LINTEL_EDGE_KEY_FILE", &state.path(EDGE_KEY).display())
        .variable("LINTEL_EDGE_TOKEN_FILE", &state.path(EDGE_TOKEN).display())
        .variable("LINTEL_LOOPBACK_NAMES", &true)
        .variable("LINTEL_ALLOW_PRIVATE_NETWORKS", &true)
        .variable("LINTEL_LOG_FORMAT", "text")
}

const START_LIMIT: Duration = Duration::from_mins(2);
const STOP_GRACE: Duration = Duration::from_secs(10);
