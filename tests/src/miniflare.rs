//! The built worker under miniflare, as on Cloudflare, with records in Workers KV.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use edge_state::seal::{ACCESS, derive_ring};
use lintel_dev::child::{Program, tail};
use lintel_dev::state::{EDGE_KEY, EDGE_TOKEN};
use lintel_dev::{Context as _, Failure};
use serde_json::{Value, json};

use crate::Lintel;
use crate::lintel::{root, worker};
use crate::ports::{Ports, loopback};
use crate::process::Process;
use crate::until::until;

/// The running worker.
#[derive(Debug)]
pub struct Miniflare {
    _process: Process,
    /// Where visitors come, without TLS unless it was started with a certificate.
    pub http: SocketAddr,
    /// Where its KV REST API is, without TLS.
    kv: SocketAddr,
}

impl Miniflare {
    /// Starts it and waits until it listens.
    pub async fn start(ports: &Ports, logs: &Path) -> Result<Self, Failure> {
        let http = loopback(ports.next()?);
        Self::listen(http, http, logs, &json!({})).await
    }

    /// With TLS, by a certificate that nobody knows, and with what the worker needs for Access.
    pub async fn start_for_access(lintel: &Lintel) -> Result<Self, Failure> {
        let (https, kv) = (loopback(lintel.port()?), loopback(lintel.port()?));
        let certificate = rcgen::generate_simple_self_signed(vec!["saas.test".to_owned()])?;
        let edge_key = lintel.state().read(EDGE_KEY)?.unwrap_or_default();
        let access_key = derive_ring(&edge_key, ACCESS).context("the edge key")?;
        let options = json!({
            "https": true,
            "httpsCert": certificate.cert.pem(),
            "httpsKey": certificate.signing_key.serialize_pem(),
            "bindings": {
                "LINTEL_HTTPS_PORT": https.port().to_string(),
                "LINTEL_CONTROL_URL": lintel.api.base().trim_end_matches("/client/v4"),
                "LINTEL_EDGE_TOKEN": lintel.state().read(EDGE_TOKEN)?,
                "LINTEL_ACCESS_KEY": access_key.as_str(),
                "LINTEL_ALLOW_PRIVATE_NETWORKS": "true",
            },
        });
        Self::listen(https, kv, &lintel.log_folder(), &options).await
    }

    async fn listen(
        http: SocketAddr,
        kv: SocketAddr,
        logs: &Path,
        options: &Value,
    ) -> Result<Self, Failure> {
        let kv_port = (kv != http).then(|| kv.port().to_string());
        let program = Program::foreign("miniflare", &node(), logs)
            .argument(root().join("tests/miniflare/serve.mjs").display().to_string())
            .argument(http.port().to_string())
            .argument(kv_port.unwrap_or_default())
            .variable("LINTEL_WORKER_DIR", &worker().display())
            .variable("LINTEL_MINIFLARE", options);
        let process = Process::start(program)?;
        let log = logs.join("miniflare.log");
        let listens = until("miniflare listens", async || {
            if let Some(exit) = process.ended() {
                return Err(Failure::new(format!("it ended: {exit}")));
            }
            let text = std::fs::read_to_string(&log)?;
            if text.contains("listening on ") { Ok(()) } else { Err(Failure::new(text)) }
        });
        listens.await.map_err(|failure| Failure::new(format!("{failure}\n{}", tail(&log))))?;
        Ok(Self { _process: process, http, kv })
    }

    /// `LINTEL_WORKERS_KV_URL` for the worker's namespace.
    #[must_use]
    pub fn kv_url(&self) -> String {
        let api = "cdn-cgi/local/explorer/api/storage/kv/namespaces/edge";
        format!("http://{}/{api}", self.kv)
    }
}

/// Runs a script of this checkout to its end; fails with all that it said.
pub async fn run_script(path: &str, variables: &[(&str, String)]) -> Result<String, Failure> {
    let script = tokio::process::Command::new(node())
        .arg(root().join(path))
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = script.await.context("running node")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(said) } else { Err(Failure::new(said)) }
}

/// Node 22: `LINTEL_NODE`, else where npm put it.
#[must_use]
pub fn node() -> PathBuf {
    let ours = root().join("node_modules/.bin/node");
    std::env::var_os("LINTEL_NODE").map_or(ours, PathBuf::from)
}
