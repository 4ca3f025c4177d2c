//! A connection to an origin: TCP to the first address that answers, then TLS as the zone wants it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use crate::client::Stream;

/// RFC 8305 §5.
const NEXT_ATTEMPT: Duration = Duration::from_millis(250);

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// `full`: TLS, whatever certificate the origin has.
    Encrypted,
    /// `strict`: TLS, and the certificate is valid for the name.
    Verified,
}

/// The TLS settings towards origins. Each keeps its own sessions, so that one that was begun
/// without a look at the certificate is not resumed where there must be one.
pub struct Tls {
    encrypted: TlsConnector,
    verified: TlsConnector,
}

impl Tls {
    /// Trusts the system's roots and the `extra` ones.
    pub fn new(extra: &[CertificateDer<'static>]) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "a root certificate of the system cannot be read");
        }
        roots.add_parsable_certificates(system.certs);
        for root in extra {
            roots.add(root.clone())?;
        }
        let builder = || {
            ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
        };
        let any = Arc::new(AnyCertificate(provider.clone()));
        let encrypted = builder()?.dangerous().with_custom_certificate_verifier(any);
        let verified = builder()?.with_root_certificates(roots);
        Ok(Self {
            encrypted: connector(encrypted.with_no_client_auth()),
            verified: connector(verified.with_no_client_auth()),
        })
    }

    /// Protects a connection. `name` is sent as SNI, unless it is an address, and is what the
    /// certificate must be for.
    pub async fn protect(
        &self,
        stream: TcpStream,
        protection: Protection,
        name: &ServerName<'static>,
    ) -> Result<Box<dyn Stream>, Fault> {
        let connector = match protection {
            Protection::Plain => return Ok(Box::new(stream)),
            Protection::Encrypted => &self.encrypted,
            Protection::Verified => &self.verified,
        };
        let protected = connector.connect(name.clone(), stream).await;
        Ok(Box::new(protected.map_err(|error| Fault::Tls(error.to_string()))?))
    }
}

fn connector(mut config: ClientConfig) -> TlsConnector {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// Connects to the first address that answers; a further one is tried when the last one failed or
/// has been silent for a while.
pub async fn tcp(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut last_error: Option<io::Error> = None;
    loop {
        match waiting.next() {
            Some(address) => attempts.push(TcpStream::connect(*address)),
            None if attempts.is_empty() => {
                let error = last_error.map_or_else(|| "no address".into(), |e| e.to_string());
                return Err(Fault::Connect(error));
            }
            None => {}
        }
        let attempt = async {
            match waiting.len() {
                0 => attempts.next().await,
                _ => tokio::time::timeout(NEXT_ATTEMPT, attempts.next()).await.ok().flatten(),
            }
        };
        match attempt.await {
            Some(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Some(Err(error)) => last_error = Some(error),
            None => {}
        }
    }
}

/// Accepts every certificate, but only from who has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
