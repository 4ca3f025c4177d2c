//! What a point of presence really serves: a handshake, and the serial of the certificate in it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use edge_state::{Hostname, KeyType};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::chain;

/// Why no serial was seen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing listens there, or it cannot be reached.
    #[error("{address} cannot be reached: {error}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The handshake did not end in time.
    #[error("{0} did not finish the handshake in time")]
    Timeout(String),
    /// `unrecognized_name` (RFC 6066 §3): nothing is served for this name there.
    #[error("{0} serves no certificate for this hostname")]
    UnrecognizedName(String),
    /// The handshake failed otherwise, for example as there is no certificate of this key type.
    #[error("the handshake with {address} failed: {error}")]
    Handshake {
        /// With whom.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The certificate cannot be read.
    #[error("{0} served a certificate that cannot be read")]
    Certificate(String),
}

/// The serial (as [`chain::Facts::serial`] has it) of the certificate that a visitor at `address`
/// (`host:port`) gets for this hostname, if the visitor understands keys of this type alone.
///
/// # Errors
/// See [`Error`].
pub async fn served_serial(
    address: &str,
    hostname: &Hostname,
    key_type: KeyType,
) -> Result<String, Error> {
    served_within(HANDSHAKE_TIMEOUT, address, hostname, key_type).await
}

async fn served_within(
    limit: Duration,
    address: &str,
    hostname: &Hostname,
    key_type: KeyType,
) -> Result<String, Error> {
    let handshake = handshake(address, hostname, key_type);
    tokio::time::timeout(limit, handshake).await.map_err(|_| Error::Timeout(address.to_owned()))?
}

async fn handshake(address: &str, hostname: &Hostname, key_type: KeyType) -> Result<String, Error> {
    let connect = |error| Error::Connect { address: address.to_owned(), error };
    let stream = TcpStream::connect(address).await.map_err(connect)?;
    let schemes = match key_type {
        KeyType::P256 => ECDSA,
        KeyType::Rsa2048 => RSA,
    };
    let name = server_name(hostname)
        .map_err(|error| connect(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let connector = TlsConnector::from(Arc::new(unverified(schemes)));
    let stream = connector.connect(name, stream).await.map_err(|error| refused(address, error))?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let unreadable = || Error::Certificate(address.to_owned());
    chain::serial_of(chain.first().ok_or_else(unreadable)?).map_err(|_| unreadable())
}

/// A wildcard is served for any name below it.
fn server_name(hostname: &Hostname) -> Result<ServerName<'static>, InvalidDnsNameError> {
    ServerName::try_from(hostname.as_str().replacen('*', "lintel-probe", 1))
}

fn refused(address: &str, error: io::Error) -> Error {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let address = address.to_owned();
    match tls {
        Some(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)) => {
            Error::UnrecognizedName(address)
        }
        _ => Error::Handshake { address, error },
    }
}

/// TLS towards whoever answers: for looking at certificates, and for redirects to HTTPS that a CA
/// follows without verification too. `schemes`: the signatures that the client understands.
pub(crate) fn unverified(schemes: &'static [SignatureScheme]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(Unverified { provider: provider.clone(), schemes });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("aws-lc-rs has suites for TLS 1.2 and 1.3"));
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = builder.with_no_client_auth();
    // Each handshake shows the certificate anew.
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// Accepts any chain, from whoever holds the leaf's private key.
struct Unverified {
    provider: Arc<CryptoProvider>,
    schemes: &'static [SignatureScheme],
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unverified")
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.to_vec()
    }
}

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
const ECDSA: &[SignatureScheme] =
    &[SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384];
const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];
/// What browsers understand.
pub(crate) const ANY: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

#[cfg(test)]
mod tests;
