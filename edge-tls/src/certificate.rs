//! From a server name to keys: unsealed and parsed when first asked for, a bounded number kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use edge_state::certificate::sealing_context;
use edge_state::seal::{KeyRing, OpenError};
use edge_state::{CertificateRecord, DecodeError, EdgeCertificate, Hostname, Key, Record as _};
use moka::policy::EvictionPolicy;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::metrics;
use crate::replica::Replica;

/// Some 10 kB each.
const KEPT: u64 = 4096;
const KEPT_IDLE: Duration = Duration::from_hours(1);

/// The certificates of this point of presence.
pub struct Certificates {
    replica: Replica,
    keys: Arc<KeyRing>,
    cache: moka::sync::Cache<Hostname, Arc<Loaded>>,
    loads: AtomicU64,
}

/// The certificates of one name, ready to sign with, in order of preference.
#[derive(Debug)]
pub struct Loaded {
    revision: u64,
    keys: Vec<Arc<CertifiedKey>>,
}

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Record(#[from] DecodeError),
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error("the chain is no PEM: {0}")]
    Chain(#[from] pem::Error),
    #[error("{0}")]
    Key(#[from] rustls::Error),
}

impl Certificates {
    /// Certificates of the replica, with the keys that open their seals.
    #[must_use]
    pub fn new(replica: Replica, keys: Arc<KeyRing>) -> Self {
        Self::bounded(replica, keys, KEPT)
    }

    fn bounded(replica: Replica, keys: Arc<KeyRing>, kept: u64) -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(kept)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(KEPT_IDLE)
            .build();
        Self { replica, keys, cache, loads: AtomicU64::new(0) }
    }

    /// What is served for a name, of its own or of the wildcard above it. The replica's newest: a
    /// record that was replaced is read anew, and one that is gone is not served any longer.
    #[must_use]
    pub fn find(&self, name: &Hostname) -> Option<Arc<Loaded>> {
        let (name, revision) = self.replica.certificate(name)?;
        let entry = self.cache.entry_by_ref(&name);
        let loaded = entry
            .or_insert_with_if(|| Arc::new(self.load(&name)), |kept| kept.revision != revision);
        let loaded = loaded.into_value();
        (!loaded.keys.is_empty()).then_some(loaded)
    }

    /// How many records are kept ready, and how many were ever made ready.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        self.cache.run_pending_tasks();
        (self.cache.entry_count(), self.loads.load(Ordering::Relaxed))
    }

    /// An unusable certificate is left out; it is looked at again when its record changes.
    fn load(&self, name: &Hostname) -> Loaded {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let Some(stored) = self.replica.get(&Key::Certificate(name.clone())) else {
            return Loaded { revision: 0, keys: Vec::new() };
        };
        let record = CertificateRecord::decode(&stored.text);
        let mut certificates = match record {
            Ok(record) => record.certificates,
            Err(error) => {
                report(name, "-", Err(&error.into()));
                Vec::new()
            }
        };
        certificates.sort_by_key(|certificate| certificate.key_type);
        let keys = certificates.iter().filter_map(|certificate| {
            let key = self.unseal(name, certificate);
            report(name, &certificate.serial, key.as_ref().map(|_| ()));
            key.ok().map(Arc::new)
        });
        Loaded { revision: stored.revision, keys: keys.collect() }
    }

    fn unseal(&self, name: &Hostname, from: &EdgeCertificate) -> Result<CertifiedKey, Unusable> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(from.chain.as_bytes()).collect::<Result<_, _>>()?;
        let opened = self.keys.open(&from.private_key, &sealing_context(name, &from.serial))?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(opened.as_slice()));
        let key = CertifiedKey::new(chain, any_supported_type(&der)?);
        key.keys_match()?;
        Ok(key)
    }
}

impl Loaded {
    /// The first whose key can sign in a way that the client verifies.
    #[must_use]
    pub fn choose(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.keys.iter().find(|key| key.key.choose_scheme(schemes).is_some()).cloned()
    }
}

impl ResolvesServerCert for Loaded {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        // rustls leaves out schemes that no common cipher suite can use. If none is left there is
        // no such suite: with any key it finds that out, and says so (`handshake_failure`).
        let any = self.keys.first().filter(|_| schemes.is_empty());
        self.choose(schemes).or_else(|| any.cloned())
    }
}

fn report(hostname: &Hostname, serial: &str, result: Result<(), &Unusable>) {
    metrics::certificate_loaded(result.is_ok());
    if let Err(error) = result {
        tracing::error!(%hostname, serial, %error, "a certificate cannot be served");
    }
}
