//! A program that never outlives us, and the tail of its log.
//!
//! Every child is the leader of its own process group, so that Ctrl-C in a terminal reaches us
//! alone and we stop the children in order. Each holds the other end of a pipe that we never write
//! to: it ends when that pipe does, also if we are killed.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{ChildStdin, Command};
use tokio::sync::watch;

use crate::{Context as _, Failure};

/// How to start a program. The environment is what is named here, and nothing that happens to be
/// set around us but [`INHERITED`].
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    lifeline: Lifeline,
}

/// How a program learns that we are gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lifeline {
    /// It watches its standard input (`LINTEL_LIFELINE=stdin`).
    Own,
    /// A shell beside it watches, and kills it.
    Shell,
}

/// A running program. Dropping it kills its process group at once.
#[derive(Debug)]
pub struct Child {
    name: String,
    log: PathBuf,
    process: Pid,
    lifeline: Option<ChildStdin>,
    exit: watch::Receiver<Option<String>>,
}

impl Program {
    /// One of ours. `name` is for people, and names the log file in `logs`.
    #[must_use]
    pub fn new(name: &str, binary: &Path, logs: &Path) -> Self {
        Self {
            name: name.to_owned(),
            binary: binary.to_owned(),
            arguments: Vec::new(),
            environment: vec![
                ("LINTEL_LIFELINE".into(), "stdin".into()),
                // Its output goes to a file.
                ("NO_COLOR".into(), "1".into()),
            ],
            log: logs.join(format!("{name}.log")),
            lifeline: Lifeline::Own,
        }
    }

    /// Somebody else's program, which knows nothing of our lifeline.
    #[must_use]
    pub fn foreign(name: &str, binary: &Path, logs: &Path) -> Self {
        Self { lifeline: Lifeline::Shell, environment: Vec::new(), ..Self::new(name, binary, logs) }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable; the last of one name counts.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &(impl Display + ?Sized)) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts it. Its output is appended to its log.
    pub fn start(&self) -> Result<Child, Failure> {
        let what = || format!("starting {} ({})", self.name, self.binary.display());
        if let Some(folder) = self.log.parent() {
            std::fs::create_dir_all(folder).context(what())?;
        }
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log);
        let log = log.context(what())?;
        let mut command = match self.lifeline {
            Lifeline::Own => Command::new(&self.binary),
            Lifeline::Shell => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", WATCHING_SHELL, "sh"]).arg(&self.binary);
                shell
            }
        };
        let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = command
            .args(&self.arguments)
            .env_clear()
            .envs(inherited)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().context(what())?)
            .stderr(log)
            .spawn()
            .context(what())?;
        let process = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let process = process.ok_or_else(|| Failure::new(format!("{}: no process", what())))?;
        let lifeline = child.stdin.take();
        let (sender, exit) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await;
            sender.send_replace(Some(status.map_or_else(|e| e.to_string(), describe)));
        });
        Ok(Child { name: self.name.clone(), log: self.log.clone(), process, lifeline, exit })
    }
}

impl Child {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.process.as_raw_nonzero().get()
    }

    /// Waits until it has ended, and tells how. Waiting may be given up and begun again.
    pub async fn exit(&self) -> String {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or_default(),
            Err(_) => "no longer watched".to_owned(),
        }
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.exit.borrow().clone()
    }

    /// Asks it to end, and kills it after `grace`. Tells whether it ended by itself.
    pub async fn stop(mut self, grace: Duration) -> bool {
        let _ = kill_process(self.process, Signal::TERM);
        drop(self.lifeline.take());
        let stopped = tokio::time::timeout(grace, self.exit()).await.is_ok();
        drop(self);
        stopped
    }

    /// `kill -9` of this one process, not of its children.
    pub async fn kill(&self) -> Result<(), Failure> {
        kill_process(self.process, Signal::KILL).context(format!("killing {}", self.name))?;
        self.exit().await;
        Ok(())
    }

    /// Kills its process group, and waits until it has ended and what it listened on is free.
    pub async fn end(self) {
        let _ = kill_process_group(self.process, Signal::KILL);
        self.exit().await;
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Also after the leader's end: its own children may still be there. No such group: fine.
        let _ = kill_process_group(self.process, Signal::KILL);
    }
}

/// The last lines of a log file, indented, under its name.
#[must_use]
pub fn tail(log: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = std::fs::File::open(log) {
        let length = file.metadata().map_or(0, |m| m.len());
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)));
        let _ = file.read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = format!("--- the end of {} ---\n", log.display());
    for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
        shown.push_str("    ");
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    }
}

/// What a program may take over from around us: where tools and the home are, and how much to log.
pub const INHERITED: [&str; 9] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "RUST_BACKTRACE",
    "LINTEL_LOG",
    "LINTEL_WORKERD",
    "LINTEL_WORKER_DIR",
    "LINTEL_DNS_SERVERS",
];

/// Runs its arguments, with standard input as the lifeline; ends with the program's own status, or
/// with the whole process group.
const WATCHING_SHELL: &str = "exec 3<&0; \"$@\" </dev/null 3<&- & program=$!; \
     (cat <&3 >/dev/null; kill -9 0) 2>/dev/null & exec 3<&-; wait $program";

const TAIL_BYTES: u64 = 32 * 1024;
const TAIL_LINES: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::until;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(script: &str, logs: &Path) -> Program {
        Program::new("shell", Path::new("/bin/sh"), logs).argument("-c").argument(script)
    }

    #[tokio::test]
    async fn a_child_is_named_with_its_end_and_the_tail_of_its_log() {
        let logs = tempfile::tempdir().unwrap();
        let child = shell("echo out of tea; exit 3", logs.path()).start().unwrap();
        assert_eq!(child.exit().await, "exit code 3");
        assert!(child.log_tail().contains("    out of tea\n"), "{}", child.log_tail());
    }

    #[tokio::test]
    async fn a_child_that_ignores_the_signal_ends_with_the_lifeline_or_is_killed() {
        let logs = tempfile::tempdir().unwrap();
        let polite = shell("trap '' TERM; cat", logs.path()).start().unwrap();
        assert!(polite.stop(SOON).await);
        let stubborn = shell("trap '' TERM; echo ready; sleep 1000 & wait; wait", logs.path());
        let stubborn = stubborn.start().unwrap();
        let ready = async || {
            stubborn.log_tail().contains("ready").then_some(()).ok_or(Failure::new("nothing"))
        };
        until("the trap is set", SOON, ready).await.unwrap();
        assert!(!stubborn.stop(Duration::from_millis(50)).await);
    }

    #[tokio::test]
    async fn nothing_of_a_group_is_left_when_its_child_is_dropped() {
        let logs = tempfile::tempdir().unwrap();
        let child = shell("sleep 1000 & echo $!; wait", logs.path()).start().unwrap();
        let line = until("the grandchild's id", SOON, async || {
            let text = std::fs::read_to_string(logs.path().join("shell.log"))?;
            text.trim().parse::<i32>().context(format!("{text:?}"))
        });
        let grandchild = line.await.unwrap();
        drop(child);
        until("the grandchild is gone", SOON, async || {
            let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat"));
            match state {
                Ok(text) if !text.contains(") Z ") => Err(Failure::new(text)),
                _ => Ok(()),
            }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_foreign_program_ends_with_its_lifeline_and_keeps_its_exit_code() {
        let logs = tempfile::tempdir().unwrap();
        let foreign = |script: &str| {
            Program::foreign("foreign", Path::new("/bin/sh"), logs.path())
                .argument("-c")
                .argument(script)
                .start()
                .unwrap()
        };
        assert_eq!(foreign("exit 7").exit().await, "exit code 7");
        let mut lasting = foreign("sleep 1000 & sleep 1000; wait");
        drop(lasting.lifeline.take());
        assert_eq!(lasting.exit().await, "signal 9");
    }
}
