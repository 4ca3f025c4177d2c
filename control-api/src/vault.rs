//! Secrets at rest, and the keys that seal them.
//!
//! The master keys seal what control-api itself keeps: certificates' and accounts' private keys.
//! The edge keys seal what travels to points of presence, which hold the same keys. How secrets
//! move to a new key is in [`rotation`].

pub mod rotation;

use std::collections::BTreeSet;
use std::fmt;

use edge_state::Hostname;
use edge_state::certificate::sealing_context;
use edge_state::seal::{
    ACCESS, InvalidKey, KeyRing, OpenError, RewrapEntropy, SealEntropy, Sealed, SealingKey,
    derive_ring,
};
use zeroize::Zeroizing;

use crate::store::Db;
use crate::store::secrets;
pub use crate::store::secrets::Place;

/// A ring of keys as configured: the first one seals, the others open what they once sealed.
pub struct Keys {
    ring: KeyRing,
    /// Derived: all that a worker holds.
    access: KeyRing,
}

/// Why a text is no ring of keys. Never shows a part of a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidKeys {
    /// Not a single key.
    #[error("no key is given; write one `id:base64` a line, the current one first")]
    None,
    /// One line is wrong.
    #[error("line {line}: {error}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        error: InvalidKey,
    },
    /// Two keys, one name: which of them opens?
    #[error("two keys have the id {0:?}; give each key an id of its own")]
    Duplicate(String),
}

/// Seals and opens.
#[derive(Debug)]
pub struct Vault {
    master: Keys,
    edge: Keys,
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key is missing or wrong, or the record was changed.
    #[error("the secret of {place} does not open: {error}")]
    Open {
        /// Which one.
        place: Place,
        /// Why.
        error: OpenError,
    },
    /// The database was first used with other keys.
    #[error(
        "the configured {ring} key is not the one that this database was set up with ({error}); \
         put the old key into the following lines of its file"
    )]
    WrongKey {
        /// `master` or `edge`.
        ring: &'static str,
        /// Why the canary did not open.
        error: OpenError,
    },
    /// The operating system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Keys {
    /// Reads `id:base64` lines; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// See [`InvalidKeys`].
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let ring = Self::ring(text)?;
        let derived = derive_ring(text, ACCESS);
        let derived = derived.map_err(|error| InvalidKeys::Line { line: 1, error })?;
        Ok(Self { ring, access: Self::ring(&derived)? })
    }

    fn ring(text: &str) -> Result<KeyRing, InvalidKeys> {
        let (mut keys, mut ids) = (Vec::new(), BTreeSet::new());
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = SealingKey::parse(line);
            let key = key.map_err(|error| InvalidKeys::Line { line: index + 1, error })?;
            if !ids.insert(key.id().to_owned()) {
                return Err(InvalidKeys::Duplicate(key.id().to_owned()));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(InvalidKeys::None)?;
        Ok(KeyRing::new(current, keys))
    }

    fn seal(&self, secret: &[u8], context: &str) -> Result<Sealed, Error> {
        seal(&self.ring, secret, context)
    }

    fn rewrap(&self, sealed: &Sealed, context: &str) -> Result<Result<Sealed, OpenError>, Error> {
        rewrap(&self.ring, sealed, context)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.ring.current_id())
    }
}

impl Vault {
    /// A vault with these keys; [`Self::check`] tells whether they are the database's.
    #[must_use]
    pub fn new(master: Keys, edge: Keys) -> Self {
        Self { master, edge }
    }

    /// Whether both rings open what the first start sealed (which this may be). `now` is Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`Error::WrongKey`]: do not start.
    pub async fn check(&self, db: &Db, now: i64) -> Result<(), Error> {
        for (ring, keys) in self.rings() {
            let fresh = keys.seal(ring.as_bytes(), &Place::Canary.to_string())?;
            let mut tx = db.begin().await?;
            let canary = secrets::canary(&mut tx, ring, &fresh, now).await?;
            tx.commit().await?;
            let text = keys.ring.open(&canary, &Place::Canary.to_string());
            let text = text.map_err(|error| Error::WrongKey { ring, error })?;
            if text.as_slice() != ring.as_bytes() {
                return Err(Error::WrongKey { ring, error: OpenError::Broken });
            }
        }
        Ok(())
    }

    /// Seals a secret for its place in the database.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn seal(&self, place: &Place, secret: &[u8]) -> Result<Sealed, Error> {
        self.master.seal(secret, &place.to_string())
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn open(&self, place: &Place, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Error> {
        let secret = self.master.ring.open(sealed, &place.to_string());
        secret.map_err(|error| Error::Open { place: place.clone(), error })
    }

    /// Seals a certificate's private key (PKCS#8 DER) for points of presence.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn seal_for_edge(
        &self,
        hostname: &Hostname,
        serial: &str,
        pkcs8: &[u8],
    ) -> Result<Sealed, Error> {
        self.edge.seal(pkcs8, &sealing_context(hostname, serial))
    }

    /// Seals what the worker opens: clients' secrets at identity providers, signing keys, identities.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn seal_for_access(&self, context: &str, secret: &[u8]) -> Result<Sealed, Error> {
        seal(&self.edge.access, secret, context)
    }

    /// Opens what [`Self::seal_for_access`] sealed, or the worker.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_for_access(
        &self,
        context: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.edge.access.open(sealed, context)
    }

    /// The same secret sealed for the worker: `known`, if it is that under the current key, or else
    /// anew. So a record that is published again does not change for nothing.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn keep_for_access(
        &self,
        context: &str,
        secret: &[u8],
        known: Option<&Sealed>,
    ) -> Result<Sealed, Error> {
        let current = Some(self.edge.access.current_id());
        match known.filter(|known| known.key_id() == current) {
            Some(known) if self.open_for_access(context, known).is_ok_and(|k| *k == secret) => {
                Ok(known.clone())
            }
            _ => self.seal_for_access(context, secret),
        }
    }

    fn rings(&self) -> [(&'static str, &Keys); 2] {
        [("master", &self.master), ("edge", &self.edge)]
    }
}

fn seal(ring: &KeyRing, secret: &[u8], context: &str) -> Result<Sealed, Error> {
    Ok(ring.seal(secret, context, SealEntropy(random()?)))
}

fn rewrap(
    ring: &KeyRing,
    sealed: &Sealed,
    context: &str,
) -> Result<Result<Sealed, OpenError>, Error> {
    Ok(ring.rewrap(sealed, context, RewrapEntropy(random()?)))
}

/// The operating system's randomness, through the library that makes the keys too.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
