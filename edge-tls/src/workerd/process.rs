//! workerd as a child that cannot outlive us, even if we are killed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::Child;
use tokio::sync::oneshot;

use super::config::ACCESS_KEY;

/// Starts children from one thread that lives as long as this value: the kernel's parent-death
/// signal is for the death of the thread that started the child, not of the process.
pub struct Nursery {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: Command,
    child: oneshot::Sender<io::Result<Child>>,
}

impl Nursery {
    /// Must be called within a runtime.
    pub fn open() -> io::Result<Self> {
        let (orders, received) = mpsc::channel::<Order>();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("workerd-parent".to_owned()).spawn(move || {
            let _runtime = runtime.enter();
            for Order { command, child } in received {
                let started = tokio::process::Command::from(command).kill_on_drop(true).spawn();
                // Who ordered may have gone; the child is then killed by being dropped.
                let _ = child.send(started);
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts a child.
    pub async fn start(&self, command: Command) -> io::Result<Child> {
        let (child, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts children has ended");
        self.orders.send(Order { command, child }).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}

/// `workerd serve` for a configuration, under `setpriv` where there is one, so that the kernel
/// kills it when we die. Of our secrets it gets the one that the worker needs.
#[must_use]
pub fn command(program: &Path, config: &Path, access_keys: &SecretString) -> Command {
    let program = native(program);
    let mut command = match find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.env_remove("LINTEL_EDGE_KEY").env_remove("LINTEL_EDGE_TOKEN");
    command.env(ACCESS_KEY, access_keys.expose_secret());
    command.arg("serve").arg(config).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// npm's `workerd` is a script that starts the program, and would stand between it and us.
fn native(program: &Path) -> PathBuf {
    let is_script = std::fs::read(program).is_ok_and(|bytes| bytes.starts_with(b"#!"));
    let platform = match std::env::consts::ARCH {
        "aarch64" => "workerd-linux-arm64",
        _ => "workerd-linux-64",
    };
    let beside = program.canonicalize().ok().and_then(|path| {
        let modules = path.ancestors().nth(3)?;
        Some(modules.join("@cloudflare").join(platform).join("bin/workerd"))
    });
    match beside {
        Some(beside) if is_script && beside.is_file() => beside,
        _ => program.to_owned(),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Kills the workerd that an earlier process of ours left, if the file names one: the process must
/// run with a configuration in our folder.
pub fn kill_stale(pid_file: &Path, folder: &Path) {
    let Ok(text) = std::fs::read_to_string(pid_file) else { return };
    let Ok(pid) = text.trim().parse::<i32>() else { return };
    let is_ours = std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        let folder = folder.to_string_lossy();
        let mut arguments = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        arguments.any(|argument| argument.starts_with(folder.as_ref()))
    });
    if is_ours {
        tracing::warn!(pid, "killing the workerd that an earlier edge-tls left");
        let killed = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        if let Some(Err(error)) = killed {
            tracing::error!(%error, pid, "cannot kill it");
        }
    }
    let _ = std::fs::remove_file(pid_file);
}
