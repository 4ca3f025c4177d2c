//! TLS towards visitors: who is asked for decides before any other work is done.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use edge_state::Hostname;
use edge_state::tls::TlsVersion;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    Acceptor, NoServerSessionStorage, ResolvesServerCertUsingSni, WebPkiClientVerifier,
};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CipherSuite, ProtocolVersion, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::Certificates;
use crate::client_certificate::{Authorities, ClientAuthorities, Shown};
use crate::metrics;
use crate::replica::Replica;

/// RFC 6066 §3.
const UNRECOGNIZED_NAME: u8 = 112;
/// RFC 8446 §6.2.
const HANDSHAKE_FAILURE: u8 = 40;

/// TLS towards visitors.
pub struct Tls {
    replica: Replica,
    certificates: Arc<Certificates>,
    authorities: Arc<ClientAuthorities>,
    configs: HashMap<Policy, Arc<ServerConfig>>,
}

/// A connection whose visitor knows whom it speaks to.
pub struct Secured {
    /// Plaintext in and out.
    pub stream: TlsStream<TcpStream>,
    /// What was agreed upon.
    pub agreed: Agreed,
}

/// What a handshake agreed upon.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// The server name, normalised.
    pub name: Hostname,
    /// ALPN chose `h2`.
    pub http2: bool,
    /// As in `request.cf.tlsVersion`: `TLSv1.3`.
    pub version: &'static str,
    /// As in `request.cf.tlsCipher`: `AEAD-AES256-GCM-SHA384`.
    pub cipher: String,
    /// What came of asking for a certificate; `None`: the hostname does not ask.
    pub shown: Option<Shown>,
}

/// No connection.
#[derive(Debug)]
pub enum Refused {
    /// Asked for no name, or one without a certificate; the alert is sent.
    UnrecognizedName,
    /// Broken off, or nothing in common.
    Failed(io::Error),
}

/// What differs between hostnames in how they shake hands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Policy {
    versions: Versions,
    http2: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Versions {
    Both,
    Only12,
    Only13,
}

impl Tls {
    /// Prepares one configuration for each policy there can be.
    pub fn new(
        replica: Replica,
        certificates: Arc<Certificates>,
        authorities: Arc<ClientAuthorities>,
    ) -> Result<Self, rustls::Error> {
        let tickets = Ticketer::new()?;
        let mut configs = HashMap::new();
        for versions in [Versions::Both, Versions::Only12, Versions::Only13] {
            for http2 in [true, false] {
                let policy = Policy { versions, http2 };
                let mut config = policy.config(None)?;
                config.ticketer = tickets.clone();
                configs.insert(policy, Arc::new(config));
            }
        }
        Ok(Self { replica, certificates, authorities, configs })
    }

    /// Reads the greeting, and shakes hands if the name is one of ours. The caller bounds the time.
    pub async fn accept(&self, stream: TcpStream) -> Result<Secured, Refused> {
        let acceptor = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let mut greeted = acceptor.await.map_err(Refused::Failed)?;
        let name = greeted.client_hello().server_name().and_then(|n| Hostname::parse(n).ok());
        let found = name.and_then(|name| Some((self.certificates.find(&name)?, name)));
        let Some((certificates, name)) = found else {
            say(&mut greeted.io, UNRECOGNIZED_NAME).await;
            return Err(Refused::UnrecognizedName);
        };
        if certificates.choose(greeted.client_hello().signature_schemes()).is_none() {
            say(&mut greeted.io, HANDSHAKE_FAILURE).await;
            return Err(Refused::Failed(io::Error::other("no signature scheme in common")));
        }
        let authorities = self.authorities.find(&name);
        let mut config = self
            .config(&name, authorities.as_deref())
            .map_err(|error| Refused::Failed(io::Error::other(error)))?;
        config.cert_resolver = certificates;
        let stream = greeted.into_stream(Arc::new(config)).await.map_err(|error| {
            if is_of_the_certificate(&error) {
                metrics::client_certificate("refused");
            }
            Refused::Failed(error)
        })?;
        let connection = stream.get_ref().1;
        let shown = authorities.map(|asked| asked.shown(connection.peer_certificates()));
        if let Some(shown) = &shown {
            metrics::client_certificate(if shown.has_certificate() { "verified" } else { "none" });
        }
        let agreed = Agreed { shown, ..Agreed::of(connection, name) };
        Ok(Secured { stream, agreed })
    }

    /// Where certificates are asked for, no session is resumed: each handshake verifies anew, by what
    /// counts at that time.
    fn config(
        &self,
        name: &Hostname,
        authorities: Option<&Authorities>,
    ) -> Result<ServerConfig, rustls::Error> {
        let policy = self.policy(name);
        if let Some(verifier) = authorities.and_then(Authorities::verifier) {
            return policy.config(Some(verifier));
        }
        let base = self.configs.get(&policy).unwrap_or_else(|| unreachable!("all are prepared"));
        Ok(ServerConfig::clone(base))
    }

    fn policy(&self, name: &Hostname) -> Policy {
        let host = self.replica.host(name);
        let zone = host.as_ref().and_then(|host| self.replica.zone(&host.zone_id));
        let settings = host.map(|host| host.tls).unwrap_or_default();
        let min = settings.min_tls_version.or(zone.and_then(|zone| zone.min_tls_version));
        let versions = match (min, settings.tls_1_3) {
            (Some(TlsVersion::V1_3), _) => Versions::Only13,
            (_, Some(false)) => Versions::Only12,
            _ => Versions::Both,
        };
        Policy { versions, http2: settings.http2.unwrap_or(true) }
    }
}

fn is_of_the_certificate(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// A fatal alert, in the clear, and the end (RFC 8446 §5.1, §6).
async fn say(stream: &mut TcpStream, alert: u8) {
    // The visitor may have hung up already; there is nothing more to say to it.
    let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
    let _ = stream.shutdown().await;
}

impl Policy {
    fn config(
        self,
        client: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<ServerConfig, rustls::Error> {
        let versions: &[&'static SupportedProtocolVersion] = match self.versions {
            Versions::Both => &[&TLS13, &TLS12],
            Versions::Only12 => &[&TLS12],
            Versions::Only13 => &[&TLS13],
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(client.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        let (h2, http1) = (b"h2".to_vec(), b"http/1.1".to_vec());
        config.alpn_protocols = if self.http2 { vec![h2, http1] } else { vec![http1] };
        // Tickets carry the session, so nothing grows with the number of visitors. rustls resumes
        // only for the server name that the ticket was given for.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        Ok(config)
    }
}

impl Agreed {
    fn of(connection: &ServerConnection, name: Hostname) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        Self {
            name,
            http2: connection.alpn_protocol() == Some(b"h2"),
            version,
            cipher: suite.map(cipher_name).unwrap_or_default(),
            shown: None,
        }
    }
}

/// OpenSSL's name, as Cloudflare reports it.
fn cipher_name(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default();
    let (prefix, rest) = match name.strip_prefix("TLS13_") {
        Some(rest) => ("AEAD-", rest),
        None => ("", name.trim_start_matches("TLS_")),
    };
    let name = rest.replace("_WITH_", "_").replace('_', "-").replace("AES-", "AES");
    let name = if prefix.is_empty() { name.replace("-POLY1305-SHA256", "-POLY1305") } else { name };
    format!("{prefix}{name}")
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;

    use super::*;

    #[test]
    fn the_hybrid_key_exchange_is_preferred() {
        let policy = Policy { versions: Versions::Both, http2: true };
        let config = policy.config(None).unwrap();
        let groups: Vec<_> = config.crypto_provider().kx_groups.iter().map(|g| g.name()).collect();
        assert_eq!(groups.first(), Some(&NamedGroup::X25519MLKEM768));
        assert!(groups.contains(&NamedGroup::X25519), "for clients without it");
        assert_eq!(config.max_early_data_size, 0);
    }

    #[test]
    fn ciphers_are_named_as_everywhere() {
        for (suite, name) in [
            (CipherSuite::TLS13_AES_256_GCM_SHA384, "AEAD-AES256-GCM-SHA384"),
            (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "AEAD-CHACHA20-POLY1305-SHA256"),
            (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
            (
                CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                "ECDHE-ECDSA-CHACHA20-POLY1305",
            ),
        ] {
            assert_eq!(cipher_name(suite), name);
        }
    }
}
