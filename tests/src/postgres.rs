//! A PostgreSQL server of one's own, or a new database on the one that the environment names.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use lintel_dev::child::Program;
use lintel_dev::{Context as _, Failure};
use tempfile::TempDir;

use crate::ports::Ports;
use crate::process::Process;
use crate::until::until;

/// A database. With a server of our own, that server ends with this.
#[derive(Debug)]
pub struct Postgres {
    _server: Option<(Process, TempDir)>,
    /// As `DATABASE_URL` wants it.
    pub url: String,
}

impl Postgres {
    /// Takes `LINTEL_TEST_POSTGRES_URL` if it is set, else starts a server by `scripts/postgres.sh`.
    pub async fn start(ports: &Ports) -> Result<Self, Failure> {
        if let Ok(server) = std::env::var("LINTEL_TEST_POSTGRES_URL") {
            // Ports come round again within one process: databases must not.
            static MADE: AtomicUsize = AtomicUsize::new(0);
            let made = MADE.fetch_add(1, Ordering::Relaxed);
            let name = format!("lintel_{}_{made}", std::process::id());
            run_sql(&server, &format!("CREATE DATABASE {name}")).await?;
            let (base, _) = server.rsplit_once('/').unwrap_or((&server, ""));
            return Ok(Self { _server: None, url: format!("{base}/{name}") });
        }
        let folder = tempfile::Builder::new().prefix("lintel-postgres-").tempdir()?;
        // The server runs as another user where we are root.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres.sh");
        let program = Program::foreign("postgres", &script, folder.path())
            .argument(folder.path().join("cluster").display().to_string())
            .argument(ports.next()?.to_string());
        let process = Process::start(program)?;
        let log: PathBuf = folder.path().join("postgres.log");
        let url = until("PostgreSQL answers", async || {
            let text = std::fs::read_to_string(&log)?;
            let url = text.lines().find(|line| line.starts_with("postgres://"));
            match (url, process.ended()) {
                (Some(url), _) => Ok(url.to_owned()),
                (None, Some(exit)) => Err(Failure::new(format!("it ended: {exit}; {text}"))),
                (None, None) => Err(Failure::new(text)),
            }
        });
        let url = url.await.context("starting PostgreSQL")?;
        Ok(Self { _server: Some((process, folder)), url })
    }
}

async fn run_sql(url: &str, sql: &str) -> Result<(), Failure> {
    let output = tokio::process::Command::new("psql").args([url, "-c", sql]).output().await;
    let output = output.context("running psql")?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("{sql}: {}", String::from_utf8_lossy(&output.stderr))))
}
