//! Secrets at rest, and the keys that seal them.
//!
//! The master keys seal what control-api itself keeps: certificates' and accounts' private keys.
//! The edge keys seal what travels to points of presence, which hold the same keys.

use std::collections::BTreeSet;
use std::fmt;

use edge_state::Hostname;
use edge_state::certificate::sealing_context;
use edge_state::seal::{
    InvalidKey, KeyRing, OpenError, RewrapEntropy, SealEntropy, Sealed, SealingKey,
};
use zeroize::Zeroizing;

use crate::store::secrets::{self, Held};
use crate::store::{Db, changes};

/// A ring of keys as configured: the first one seals, the others open what they once sealed.
pub struct Keys(KeyRing);

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

/// Where a secret is kept. It is sealed for this place and opens nowhere else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// `certificates.private_key`.
    Certificate {
        /// Whose certificate it is.
        custom_hostname_id: String,
        /// The row.
        id: String,
    },
    /// `acme_accounts.credentials`.
    AcmeAccount {
        /// The row.
        directory: String,
    },
    /// `development_authority.private_key`.
    DevelopmentAuthority,
    /// `idempotency_keys.body`, kept for a day: not worth moving when keys change.
    IdempotentAnswer {
        /// The row's first half: who asked.
        token_id: String,
        /// The row's second half: under which key.
        key: String,
    },
    /// `vault_canaries.sealed`.
    Canary,
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

/// What [`Vault::rewrap_all`] did.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Rewrapped {
    /// Secrets that are now under the current key.
    pub moved: u64,
    /// Secrets that did not open, and stay as they are.
    pub unreadable: Vec<String>,
}

impl Keys {
    /// Reads `id:base64` lines; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// See [`InvalidKeys`].
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
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
        Ok(Self(KeyRing::new(current, keys)))
    }

    fn seal(&self, secret: &[u8], context: &str) -> Result<Sealed, Error> {
        Ok(self.0.seal(secret, context, SealEntropy(random()?)))
    }

    fn rewrap(&self, sealed: &Sealed, context: &str) -> Result<Result<Sealed, OpenError>, Error> {
        Ok(self.0.rewrap(sealed, context, RewrapEntropy(random()?)))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.current_id())
    }
}

impl fmt::Display for Place {
    /// The associated data of the seal: never change what is written here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { custom_hostname_id, id } => {
                write!(f, "certificate:{custom_hostname_id}:{id}")
            }
            Self::AcmeAccount { directory } => write!(f, "acme_account:{directory}"),
            Self::DevelopmentAuthority => f.write_str("development_authority"),
            Self::IdempotentAnswer { token_id, key } => {
                write!(f, "idempotent_answer:{token_id}:{key}")
            }
            Self::Canary => f.write_str("canary"),
        }
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
            let text = keys.0.open(&canary, &Place::Canary.to_string());
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
        let secret = self.master.0.open(sealed, &place.to_string());
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

    /// Moves every secret that is under a previous key to the current one. Each batch is a commit
    /// of its own, so it can be stopped and started again at any time, also beside other instances
    /// that still seal under the previous key: then run it once more when they are gone.
    ///
    /// # Errors
    /// The database failed, or the system gave no randomness.
    pub async fn rewrap_all(&self, db: &Db, now: i64) -> Result<Rewrapped, Error> {
        let mut done = Rewrapped::default();
        for held in Held::ALL {
            let mut after = String::new();
            loop {
                let mut tx = db.begin().await?;
                let current = self.master.0.current_id();
                let batch = held.not_under(&mut tx, current, &after, BATCH).await?;
                let Some(last) = batch.last() else { break };
                after.clone_from(&last.id);
                for secret in &batch {
                    let context = secret.place.to_string();
                    match self.master.rewrap(&secret.sealed, &context)? {
                        Ok(moved) => {
                            done.moved += held.replace(&mut tx, secret, &moved).await?;
                        }
                        Err(error) => done.unreadable.push(format!("{context}: {error}")),
                    }
                }
                tx.commit().await?;
            }
        }
        self.rewrap_canaries(db, &mut done).await?;
        self.rewrap_edge(db, now, &mut done).await?;
        Ok(done)
    }

    async fn rewrap_canaries(&self, db: &Db, done: &mut Rewrapped) -> Result<(), Error> {
        for (ring, keys) in self.rings() {
            let mut tx = db.begin().await?;
            let Some(canary) = secrets::known_canary(&mut tx, ring).await? else { continue };
            if canary.key_id() == Some(keys.0.current_id()) {
                continue;
            }
            match keys.rewrap(&canary, &Place::Canary.to_string())? {
                Ok(moved) => {
                    done.moved += secrets::replace_canary(&mut tx, ring, &canary, &moved).await?;
                }
                Err(error) => done.unreadable.push(format!("{ring} canary: {error}")),
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Certificates at the edge are records: one that is sealed anew is a change like any other.
    async fn rewrap_edge(&self, db: &Db, now: i64, done: &mut Rewrapped) -> Result<(), Error> {
        use edge_state::{CertificateRecord, Key, Record as _};
        let mut after = CERTIFICATES.to_owned();
        loop {
            let mut tx = db.begin().await?;
            let page = changes::page(&mut tx, &after, BATCH).await?;
            let page: Vec<_> =
                page.into_iter().take_while(|row| row.key.starts_with(CERTIFICATES)).collect();
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.key);
            for row in &page {
                let decoded = row.value.as_deref().map(CertificateRecord::decode);
                let Some(Ok(mut record)) = decoded else { continue };
                let hostname = record.hostname.clone();
                for certificate in &mut record.certificates {
                    if certificate.private_key.key_id() == Some(self.edge.0.current_id()) {
                        continue;
                    }
                    let context = sealing_context(&hostname, &certificate.serial);
                    match self.edge.rewrap(&certificate.private_key, &context)? {
                        Ok(moved) => {
                            certificate.private_key = moved;
                            done.moved += 1;
                        }
                        Err(error) => done.unreadable.push(format!("{context}: {error}")),
                    }
                }
                let key = Key::Certificate(hostname);
                changes::put(&mut tx, &key, Some(&record.encode()), now).await?;
            }
            tx.commit().await?;
        }
    }

    fn rings(&self) -> [(&'static str, &Keys); 2] {
        [("master", &self.master), ("edge", &self.edge)]
    }
}

/// The operating system's randomness, through the library that makes the keys too.
fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

const BATCH: i64 = 100;
const CERTIFICATES: &str = "cert:";

#[cfg(test)]
mod tests {
    use edge_state::{CertificateRecord, EdgeCertificate, Key, KeyType, Record as _};

    use super::*;
    use crate::store::on;
    use crate::store::testing::databases;

    fn key(id: &str, byte: char) -> String {
        format!("{id}:{}=", String::from(byte).repeat(43).replace('=', "A"))
    }

    /// Both rings have the same keys: the names of the rings keep them apart.
    fn vault(keys: &[&str]) -> Vault {
        let text = keys.join("\n");
        Vault::new(Keys::parse(&text).unwrap(), Keys::parse(&text).unwrap())
    }

    fn certificate(id: &str) -> Place {
        Place::Certificate { custom_hostname_id: "hostname".into(), id: id.into() }
    }

    #[test]
    fn keys_are_read_one_a_line_and_never_shown() {
        let (a, b) = (key("a", 'A'), key("b", 'E'));
        let keys = Keys::parse(&format!("# rotated in May\n{b}\n\n  {a}\n")).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(b)");
        assert_eq!(Keys::parse("\n# none\n").unwrap_err(), InvalidKeys::None);
        let twice = Keys::parse(&format!("{a}\n{a}")).unwrap_err();
        assert_eq!(twice, InvalidKeys::Duplicate("a".into()));
        let error = Keys::parse(&format!("{a}\nc:AAAA")).unwrap_err();
        assert_eq!(error, InvalidKeys::Line { line: 2, error: InvalidKey::Form });
        assert!(!error.to_string().contains("AAAA"));
    }

    #[test]
    fn two_records_secrets_cannot_be_swapped() {
        let vault = vault(&[&key("a", 'A')]);
        let sealed = vault.seal(&certificate("1"), b"secret").unwrap();
        assert_eq!(vault.open(&certificate("1"), &sealed).unwrap().as_slice(), b"secret");
        for other in [certificate("2"), Place::DevelopmentAuthority] {
            assert!(matches!(vault.open(&other, &sealed), Err(Error::Open { .. })));
        }
    }

    #[test]
    fn an_edge_key_opens_for_its_hostname_and_serial() {
        let vault = vault(&[&key("a", 'A')]);
        let hostname = Hostname::parse("app.customer.com").unwrap();
        let sealed = vault.seal_for_edge(&hostname, "0a", b"pkcs8").unwrap();
        let edge = KeyRing::new(SealingKey::parse(&key("a", 'A')).unwrap(), []);
        let opened = edge.open(&sealed, &sealing_context(&hostname, "0a")).unwrap();
        assert_eq!(opened.as_slice(), b"pkcs8");
        assert!(edge.open(&sealed, &sealing_context(&hostname, "0b")).is_err());
    }

    #[tokio::test]
    async fn a_wrong_key_is_found_at_the_start() {
        let (a, other_a, b) = (key("a", 'A'), key("a", 'E'), key("b", 'I'));
        for test in databases().await {
            vault(&[&a]).check(&test.db, 1).await.unwrap();
            vault(&[&a]).check(&test.db, 2).await.unwrap();
            vault(&[&b, &a]).check(&test.db, 3).await.unwrap();
            for wrong in [&other_a, &b] {
                let error = vault(&[wrong]).check(&test.db, 4).await.unwrap_err();
                assert!(matches!(error, Error::WrongKey { ring: "master", .. }), "{error}");
            }
        }
    }

    async fn insert(db: &Db, id: &str, sealed: &Sealed) {
        let mut tx = db.begin().await.unwrap();
        on!(&mut tx, conn => {
            for text in [
                "INSERT INTO accounts VALUES ('account', 'n', 1) ON CONFLICT DO NOTHING",
                "INSERT INTO zones VALUES ('zone', 'account', 'n', 't', '{}', NULL, NULL, NULL, 1, 1)
                 ON CONFLICT DO NOTHING",
                "INSERT INTO custom_hostnames (id, zone_id, hostname, requested, ownership_token,
                     status, state, wildcard, created_at, updated_at)
                 VALUES ('hostname', 'zone', 'n', '{}', 't', 'pending', '{}', FALSE, 1, 1)
                 ON CONFLICT DO NOTHING",
            ] {
                sqlx::query(text).execute(&mut **conn).await.unwrap();
            }
            sqlx::query(
                "INSERT INTO certificates (id, custom_hostname_id, hostname, key_type, status,
                     state, authority, private_key, created_at, updated_at)
                 VALUES ($1, 'hostname', 'n', 'p256', 's', '{}', 'a', $2, 1, 1)",
            ).bind(id).bind(sealed.as_str()).execute(&mut **conn).await.unwrap();
        });
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn after_rewrapping_nothing_needs_the_old_key() {
        let (a, b) = (key("a", 'A'), key("b", 'E'));
        let hostname = Hostname::parse("app.customer.com").unwrap();
        for test in databases().await {
            let old = vault(&[&a]);
            old.check(&test.db, 1).await.unwrap();
            for n in 0..250 {
                let id = format!("{n:03}");
                insert(&test.db, &id, &old.seal(&certificate(&id), b"secret").unwrap()).await;
            }
            insert(&test.db, "moved", &old.seal(&certificate("elsewhere"), b"x").unwrap()).await;
            let account = Place::AcmeAccount { directory: "d".into() };
            let mut tx = test.db.begin().await.unwrap();
            let sealed = old.seal(&account, b"account").unwrap();
            secrets::add_acme_account(&mut tx, "d", &sealed, 1).await.unwrap();
            let root = DevelopmentRootFixture::make(&old);
            secrets::development_root(&mut tx, &root, 1).await.unwrap();
            let record = CertificateRecord {
                hostname: hostname.clone(),
                certificates: vec![EdgeCertificate {
                    key_type: KeyType::P256,
                    serial: "0a".into(),
                    not_after: 1,
                    chain: String::new(),
                    private_key: old.seal_for_edge(&hostname, "0a", b"edge").unwrap(),
                }],
            };
            let edge_key = Key::Certificate(hostname.clone());
            changes::put(&mut tx, &edge_key, Some(&record.encode()), 1).await.unwrap();
            tx.commit().await.unwrap();

            let both = vault(&[&b, &a]);
            let done = both.rewrap_all(&test.db, 2).await.unwrap();
            assert_eq!((done.moved, done.unreadable.len()), (255, 1), "{}", test.name);
            assert!(done.unreadable[0].starts_with("certificate:hostname:moved"), "{done:?}");
            let again = both.rewrap_all(&test.db, 3).await.unwrap();
            assert_eq!((again.moved, again.unreadable.len()), (0, 1), "{}", test.name);

            let new = vault(&[&b]);
            new.check(&test.db, 4).await.unwrap();
            let mut tx = test.db.read().await.unwrap();
            let left = Held::Certificates.not_under(&mut tx, "none", "", 1000).await.unwrap();
            assert_eq!(left.len(), 251);
            for secret in left.iter().filter(|secret| secret.id != "moved") {
                assert_eq!(new.open(&secret.place, &secret.sealed).unwrap().as_slice(), b"secret");
            }
            let sealed = secrets::acme_account(&mut tx, "d").await.unwrap().unwrap();
            assert_eq!(new.open(&account, &sealed).unwrap().as_slice(), b"account");
            let page = changes::page(&mut tx, "", 10).await.unwrap();
            let record = CertificateRecord::decode(page[0].value.as_deref().unwrap()).unwrap();
            let context = sealing_context(&hostname, "0a");
            let opened = new.edge.0.open(&record.certificates[0].private_key, &context).unwrap();
            assert_eq!(opened.as_slice(), b"edge");
        }
    }

    struct DevelopmentRootFixture;

    impl DevelopmentRootFixture {
        fn make(vault: &Vault) -> secrets::DevelopmentRoot {
            let private_key = vault.seal(&Place::DevelopmentAuthority, b"root").unwrap();
            secrets::DevelopmentRoot { root: "pem".into(), private_key }
        }
    }
}
