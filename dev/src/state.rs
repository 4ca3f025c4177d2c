//! What survives a restart of `make run`: one folder, for its owner's eyes only.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use crate::{Context as _, Failure};

/// The folder, held by one process at a time.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Opens the folder, and makes it and its keys if they are missing.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let what = folder.display();
        DirBuilder::new().recursive(true).mode(0o700).create(folder).context(&what)?;
        let lock = folder.join("lock");
        let lock =
            OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(lock);
        let lock = lock.context(&what)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(format!(
                    "another `make run` holds {what}. Stop that one, or give this one a folder of \
                     its own: LINTEL_DEV_STATE=.lintel-2 (and other ports)"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(error).context(&what),
        }
        let state = Self { folder: folder.to_owned(), _lock: lock };
        for name in [MASTER_KEY, EDGE_KEY] {
            state.make(name, || format!("dev1:{}", BASE64_STANDARD.encode(random())))?;
        }
        for name in [EDGE_TOKEN, BOOTSTRAP_TOKEN, PROVIDER_SECRET] {
            state.make(name, || BASE64_URL_SAFE_NO_PAD.encode(random()))?;
        }
        Ok(state)
    }

    /// A file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is written in a file, if it is there.
    pub fn read(&self, name: &str) -> Result<Option<String>, Failure> {
        match std::fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context(self.path(name).display()),
        }
    }

    /// Writes a file in one step: whoever reads it sees all of it, or none. For its owner's eyes only.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path(name);
        let temporary = self.path(&format!("{name}.new"));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            writeln!(file, "{}", text.trim_end())?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)
        };
        write().context(path.display())
    }

    fn make(&self, name: &str, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.read(name)? {
            Some(_) => Ok(()),
            None => self.write(name, &text()),
        }
    }
}

fn random() -> [u8; 32] {
    rand::random()
}

/// Seals what control-api keeps (`LINTEL_MASTER_KEY_FILE`).
pub const MASTER_KEY: &str = "master.key";
/// Seals what goes to the edge (`LINTEL_EDGE_KEY_FILE`).
pub const EDGE_KEY: &str = "edge.key";
/// Lets edge-tls read the feed (`LINTEL_EDGE_TOKEN_FILE`).
pub const EDGE_TOKEN: &str = "edge.token";
/// Makes the first token (`LINTEL_BOOTSTRAP_TOKEN_FILE`).
pub const BOOTSTRAP_TOKEN: &str = "bootstrap.token";
/// What the demo provider and Lintel know of each other.
pub const PROVIDER_SECRET: &str = "provider.secret";
/// The demo application's private key and certificate.
pub const APPLICATION_PEM: &str = "application.pem";
/// What the demo application knows of Lintel.
pub const APPLICATION_SETTINGS: &str = "application.json";
/// The token that was made with it, through the API.
pub const API_TOKEN: &str = "api.token";
/// The development CA's root.
pub const CA_PEM: &str = "ca.pem";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_for_the_owner_alone_and_survive() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("state");
        let first = State::open(&folder).unwrap();
        let key = first.read(MASTER_KEY).unwrap().unwrap();
        let bytes = BASE64_STANDARD.decode(key.strip_prefix("dev1:").unwrap()).unwrap();
        assert_eq!(bytes.len(), 32);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&first.path(MASTER_KEY))), (0o700, 0o600));
        drop(first);
        assert_eq!(State::open(&folder).unwrap().read(MASTER_KEY).unwrap(), Some(key));
    }

    #[test]
    fn two_at_a_time_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _first = State::open(folder.path()).unwrap();
        let failure = State::open(folder.path()).unwrap_err().to_string();
        assert!(failure.contains("LINTEL_DEV_STATE="), "{failure}");
    }
}
