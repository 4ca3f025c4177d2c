//! A mail server: `aiosmtpd`, which keeps what it gets.

use std::path::PathBuf;

use lintel_dev::Failure;
use lintel_dev::child::Program;
use serde_json::Value;
use tempfile::TempDir;

use crate::lintel::root;
use crate::ports::Ports;
use crate::process::Process;
use crate::until::until;

/// The mails so far.
#[derive(Debug)]
pub struct Mailbox {
    /// SMTP, without TLS.
    pub port: u16,
    _process: Process,
    _ports: Ports,
    folder: TempDir,
}

impl Mailbox {
    /// Starts it and waits until it listens.
    pub async fn start() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("lintel-mail-").tempdir()?;
        let ports = Ports::reserve()?;
        let port = ports.next()?;
        let program = Program::foreign("mail", &python()?, folder.path())
            .argument(root().join("tests/mail/serve.py").display().to_string())
            .argument(port.to_string());
        let mailbox = Self { port, _process: Process::start(program)?, _ports: ports, folder };
        until("the mail server listens", async || {
            if mailbox.lines()?.is_empty() {
                return Err(Failure::new(std::fs::read_to_string(mailbox.log())?));
            }
            Ok(())
        })
        .await?;
        Ok(mailbox)
    }

    /// Where the mails stand, one line of JSON each.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("mail.log")
    }

    /// All mails to an address.
    pub fn to(&self, address: &str) -> Result<Vec<Value>, Failure> {
        let mut lines = self.lines()?;
        lines.retain(|mail| {
            mail["to"].as_array().is_some_and(|to| to.iter().any(|to| to == address))
        });
        Ok(lines)
    }

    fn lines(&self) -> Result<Vec<Value>, Failure> {
        let text = std::fs::read_to_string(self.log())?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// Of the environment that `scripts/venv.sh` makes: `LINTEL_VENV`.
pub(super) fn python() -> Result<PathBuf, Failure> {
    let folder = std::env::var_os("LINTEL_VENV");
    let folder = folder.map(PathBuf::from).filter(|folder| folder.join("bin/python").is_file());
    let folder = folder.ok_or_else(|| {
        Failure::new(
            "LINTEL_VENV is not set: run `make test`, or set it to what scripts/venv.sh prints",
        )
    })?;
    Ok(folder.join("bin/python"))
}
