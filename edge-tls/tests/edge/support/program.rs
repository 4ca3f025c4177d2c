//! The program itself, as a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::KeyType::P256;
use edge_state::tls::TlsSettings;
use edge_tls::edge::Addresses;
use tokio::process::{Child, Command};

use super::visitor::Visitor;
use super::{Lintel, feed, host_record, name, until, worker_dir, workerd};

pub const HOST: &str = "shop.customer.com";
const PATIENCE: Duration = Duration::from_mins(1);

pub fn pid(data_dir: &Path) -> Option<u32> {
    std::fs::read_to_string(data_dir.join("workerd.pid")).ok()?.trim().parse().ok()
}

/// A process that its parent has not taken note of yet has ended all the same.
pub fn runs(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// The program with what it cannot do without; `shell` as in [`Program::run_in`].
pub fn command(data_dir: &Path, shell: Option<&str>) -> Command {
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

async fn free_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The program itself, beside what the tests have in this process.
pub struct Program {
    pub child: Child,
    pub lintel: Lintel,
    pub visitor: Visitor,
}

impl Program {
    pub async fn start(variables: &[(&str, &str)]) -> Self {
        Self::run(Self::prepare().await, variables).await
    }

    pub async fn prepare() -> Lintel {
        let lintel = Lintel::prepare(|_| {}).await;
        lintel.feed.put(&host_record(HOST, TlsSettings::default()));
        let keys = &lintel.config.edge_keys;
        lintel.feed.put(&lintel.authority.record(&name(HOST), &[P256], keys));
        lintel
    }

    pub async fn run(lintel: Lintel, variables: &[(&str, &str)]) -> Self {
        Self::run_in(None, lintel, variables).await
    }

    /// `shell`: a line for `sh` that ends in the program, `$0`.
    pub async fn run_in(shell: Option<&str>, lintel: Lintel, variables: &[(&str, &str)]) -> Self {
        lintel.feed.forget_points_of_presence();
        let mut started = None;
        until("the program makes itself known", async || {
            let (_, child) = match &mut started {
                Some(started) => started,
                none => none.insert(Self::spawn(shell, &lintel, variables).await),
            };
            // Another may have taken the port for its admin before it could.
            if child.try_wait().unwrap().is_some() {
                started = None;
            }
            lintel.feed.point_of_presence("program").is_some()
        })
        .await;
        let (admin, child) = started.unwrap();
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

    async fn spawn(
        shell: Option<&str>,
        lintel: &Lintel,
        variables: &[(&str, &str)],
    ) -> (SocketAddr, Child) {
        let admin = free_address().await;
        let child = command(&lintel.config.data_dir, shell)
            .env("LINTEL_ADMIN_LISTEN", admin.to_string())
            .env("LINTEL_CONTROL_URL", lintel.feed.url().as_str())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        (admin, child)
    }

    pub fn workerd(&self) -> u32 {
        pid(&self.lintel.config.data_dir).unwrap()
    }

    /// Resident memory of the program itself, in MiB.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    pub async fn exit(&mut self) -> std::process::ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}
