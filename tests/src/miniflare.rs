//! The built worker under miniflare, as on Cloudflare, with records in Workers KV.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lintel_dev::child::{Program, tail};
use lintel_dev::{Context as _, Failure};

use crate::lintel::{root, worker};
use crate::ports::{Ports, loopback};
use crate::process::Process;
use crate::until::until;

/// The running worker.
#[derive(Debug)]
pub struct Miniflare {
    _process: Process,
    /// Where visitors come, without TLS.
    pub http: SocketAddr,
}

impl Miniflare {
    /// Starts it and waits until it listens.
    pub async fn start(ports: &Ports, logs: &Path) -> Result<Self, Failure> {
        let http = loopback(ports.next()?);
        let program = Program::foreign("miniflare", &node(), logs)
            .argument(root().join("tests/miniflare/serve.mjs").display().to_string())
            .argument(http.port().to_string())
            .variable("LINTEL_WORKER_DIR", &worker().display());
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
        Ok(Self { _process: process, http })
    }

    /// `LINTEL_WORKERS_KV_URL` for the worker's namespace.
    #[must_use]
    pub fn kv_url(&self) -> String {
        let api = "cdn-cgi/local/explorer/api/storage/kv/namespaces/edge";
        format!("http://{}/{api}", self.http)
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
