//! A CA for the TLS of the test's own servers; no certificate of a customer comes from here.

use std::path::Path;
use std::sync::Arc;

use lintel_dev::Failure;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A root with one certificate for `localhost`.
#[derive(Debug)]
pub struct Authority {
    /// PEM.
    pub root: String,
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
}

impl Authority {
    /// Makes both.
    pub fn new() -> Result<Self, Failure> {
        let issuer = issuer()?;
        let key = KeyPair::generate()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        Ok(Self { root: issuer.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Writes `root.pem`, `localhost.pem` and `localhost.key`.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::write(folder.join("root.pem"), &self.root)?;
        std::fs::write(folder.join("localhost.pem"), &self.certificate)?;
        std::fs::write(folder.join("localhost.key"), &self.key)?;
        Ok(())
    }

    /// How a server on localhost speaks TLS.
    pub fn server(&self) -> Result<Arc<rustls::ServerConfig>, Failure> {
        let chain = vec![CertificateDer::from_pem_slice(self.certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config))
    }

    /// A client that trusts this root alone.
    pub fn client(&self) -> Result<reqwest::Client, Failure> {
        let root = reqwest::Certificate::from_pem(self.root.as_bytes())?;
        // HTTP/1.1 only: there the proxy can say which Host was asked for.
        Ok(reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([root]).build()?)
    }
}

/// A new root.
pub fn issuer() -> Result<CertifiedIssuer<'static, KeyPair>, Failure> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Another name than its leaves have: a leaf that bears its issuer's name looks self-signed.
    params.distinguished_name.push(DnType::CommonName, "Root of one test");
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}
