//! workerd, the runtime of the worker, as a supervised child: started, watched, started again.
//!
//! - [`config`]: its configuration and files
//! - [`process`]: the child process

pub mod config;
pub mod process;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::Rng as _;
use secrecy::SecretString;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::Instant;

use self::config::{ConfigError, Run};
use self::process::Nursery;
use crate::metrics;
use crate::shutdown::Lifetime;

const RESTART_FIRST: Duration = Duration::from_millis(50);
const RESTART_LAST: Duration = Duration::from_secs(10);
/// A run that lasted this long was no failure to start.
const STEADY: Duration = Duration::from_secs(10);
const START: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(10);
const CHECK: &[u8] = b"GET / HTTP/1.1\r\nHost: health.invalid\r\nConnection: close\r\n\r\n";
const CHECK_EVERY: Duration = Duration::from_secs(5);
const CHECK_ANSWER: Duration = Duration::from_secs(10);
const CHECKS_FAILED: u32 = 3;
/// `sun_path` of a Unix socket is 108 bytes.
const MAX_SOCKET_PATH: usize = 100;

/// The folder of sockets and files, and what runs in it.
pub struct Workerd {
    /// The program.
    pub program: PathBuf,
    /// The built worker.
    pub worker_dir: PathBuf,
    /// `LINTEL_DATA_DIR`.
    pub data_dir: PathBuf,
    /// The keys of Access, for the worker.
    pub access_keys: SecretString,
    /// The worker's `LINTEL_POP`.
    pub pop: String,
    /// Where redirects to HTTPS lead.
    pub https_port: u16,
}

/// workerd cannot be supervised.
#[derive(Debug, thiserror::Error)]
pub enum WorkerdError {
    /// No worker, or no files.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No program, or no process.
    #[error("cannot start {program}: {error}. Run `npm ci`, or set LINTEL_WORKERD")]
    Start {
        /// What was to be started.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Unix sockets have short names.
    #[error("{0} is too long for a socket. Set LINTEL_DATA_DIR to a shorter path")]
    LongPath(PathBuf),
}

/// Why a run of workerd is over.
enum Ended {
    /// We were asked to stop.
    Stopping,
    /// By itself, or because it did not answer.
    Failed(String),
}

impl Workerd {
    /// Where the KV endpoint listens.
    #[must_use]
    pub fn kv_socket(&self) -> PathBuf {
        self.data_dir.join("kv.sock")
    }

    /// Where the egress proxy listens.
    #[must_use]
    pub fn egress_socket(&self) -> PathBuf {
        self.data_dir.join("egress.sock")
    }

    /// Where the worker's questions to the control plane arrive.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.data_dir.join("control.sock")
    }

    /// Makes the folder, for this user alone.
    pub fn make_folder(&self) -> Result<(), WorkerdError> {
        use std::os::unix::fs::DirBuilderExt as _;
        use std::os::unix::fs::PermissionsExt as _;
        let longest = self.socket(u32::MAX);
        if longest.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(WorkerdError::LongPath(longest));
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&self.data_dir).map_err(ConfigError::Io)?;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.data_dir, private).map_err(ConfigError::Io)?;
        Ok(())
    }

    /// Ends what an earlier process left in the folder, which must be ours alone by now.
    pub fn prepare(&self) -> Result<(), WorkerdError> {
        process::kill_stale(&self.pid_file(), &self.data_dir);
        self.remove_stale_sockets().map_err(ConfigError::Io)?;
        self.run(&self.socket(0)).prepare()?;
        Ok(())
    }

    /// Runs workerd until everything ends, and names its socket while it answers.
    pub async fn supervise(
        self,
        socket: watch::Sender<Option<PathBuf>>,
        lifetime: Lifetime,
    ) -> Result<(), WorkerdError> {
        let failed = |error| WorkerdError::Start { program: self.program.clone(), error };
        let nursery = Nursery::open().map_err(failed)?;
        let mut restart = RESTART_FIRST;
        for generation in 1.. {
            let started = Instant::now();
            let ended = self.run_once(generation, &nursery, &socket, &lifetime).await;
            socket.send_replace(None);
            metrics::workerd_up(false);
            let _ = std::fs::remove_file(self.socket(generation));
            match ended {
                Ended::Stopping => break,
                Ended::Failed(reason) if started.elapsed() >= STEADY => {
                    tracing::error!(reason, "workerd ended");
                    restart = RESTART_FIRST;
                }
                Ended::Failed(reason) => tracing::error!(reason, wait = ?restart, "workerd ended"),
            }
            metrics::workerd_restarted();
            let jitter = rand::rng().random_range(0.8..1.2);
            tokio::select! {
                () = tokio::time::sleep(restart.mul_f64(jitter)) => {}
                () = lifetime.end.cancelled() => break,
            }
            restart = (restart * 2).min(RESTART_LAST);
        }
        let _ = std::fs::remove_file(self.pid_file());
        Ok(())
    }

    async fn run_once(
        &self,
        generation: u32,
        nursery: &Nursery,
        up: &watch::Sender<Option<PathBuf>>,
        lifetime: &Lifetime,
    ) -> Ended {
        let socket = self.socket(generation);
        let mut child = match self.start(generation, &socket, nursery).await {
            Ok(child) => child,
            Err(error) => return Ended::Failed(error.to_string()),
        };
        let ended = tokio::select! {
            status = child.wait() => Ended::Failed(match status {
                Ok(status) => format!("exited: {status}"),
                Err(error) => error.to_string(),
            }),
            reason = watch_over(&socket, up) => Ended::Failed(reason),
            () = lifetime.end.cancelled() => Ended::Stopping,
        };
        // Whatever was under way has been answered or given up: nothing to wait for.
        if let Err(error) = child.kill().await {
            tracing::debug!(%error, "workerd had ended already");
        }
        ended
    }

    async fn start(
        &self,
        generation: u32,
        socket: &Path,
        nursery: &Nursery,
    ) -> Result<Child, WorkerdError> {
        let config = self.run(socket).prepare()?;
        let command = process::command(&self.program, &config, &self.access_keys);
        let failed = |error| WorkerdError::Start { program: self.program.clone(), error };
        let mut child = nursery.start(command).await.map_err(failed)?;
        if let Some(pid) = child.id() {
            std::fs::write(self.pid_file(), pid.to_string()).map_err(ConfigError::Io)?;
            tracing::info!(pid, generation, "workerd started");
        }
        child.stdout.take().map(|output| tokio::spawn(log(output)));
        child.stderr.take().map(|output| tokio::spawn(log(output)));
        Ok(child)
    }

    fn run(&self, socket: &Path) -> Run {
        Run {
            worker_dir: self.worker_dir.clone(),
            folder: self.data_dir.join("workerd"),
            socket: socket.to_owned(),
            kv: self.kv_socket(),
            egress: self.egress_socket(),
            control: self.control_socket(),
            pop: self.pop.clone(),
            https_port: self.https_port,
        }
    }

    /// A new path for each run: nothing left by an earlier one is in its way.
    fn socket(&self, generation: u32) -> PathBuf {
        self.data_dir.join(format!("workerd-{}-{generation}.sock", std::process::id()))
    }

    fn pid_file(&self) -> PathBuf {
        self.data_dir.join("workerd.pid")
    }

    fn remove_stale_sockets(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.data_dir)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("workerd-") && path.extension().is_some_and(|e| e == "sock") {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Says that workerd is up once it answers, and returns when it does not any longer.
async fn watch_over(socket: &Path, up: &watch::Sender<Option<PathBuf>>) -> String {
    let deadline = Instant::now() + START;
    while let Err(error) = check(socket).await {
        if Instant::now() >= deadline {
            return format!("does not answer after {START:?}: {error}");
        }
        tokio::time::sleep(START_POLL).await;
    }
    up.send_replace(Some(socket.to_owned()));
    metrics::workerd_up(true);
    let mut failed = 0;
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        match check(socket).await {
            Ok(()) => failed = 0,
            Err(error) => {
                failed += 1;
                tracing::warn!(%error, failed, "workerd did not answer a check");
                if failed >= CHECKS_FAILED {
                    return format!("did not answer {failed} checks: {error}");
                }
            }
        }
    }
}

/// Any HTTP answer will do: the worker runs.
async fn check(socket: &Path) -> io::Result<()> {
    let asked = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(CHECK).await?;
        let mut start = [0; 5];
        stream.read_exact(&mut start).await?;
        if &start == b"HTTP/" { Ok(()) } else { Err(io::Error::other("no HTTP")) }
    };
    tokio::time::timeout(CHECK_ANSWER, asked).await?
}

/// What workerd and the worker say, in our log.
async fn log(output: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        tracing::warn!(target: "workerd", "{}", String::from_utf8_lossy(&line));
    }
}
