//! Why an origin gave no answer.

use std::net::{IpAddr, SocketAddr};

use http::StatusCode;

/// Why an origin gave no answer. `Display` is for the log; the worker is told [`Self::code`].
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The worker's directions make no sense.
    #[error("directions: {0}")]
    Directions(String),
    /// No address.
    #[error("DNS: {0}")]
    Dns(String),
    /// No connection, or one that ended before the answer began.
    #[error("connection: {0}")]
    Connect(String),
    /// No handshake, or a certificate that does not fit.
    #[error("TLS: {0}")]
    Tls(String),
    /// Too late.
    #[error("no {0} in time")]
    Timeout(&'static str),
    /// Not an address for the public.
    #[error("{0} is not a public address (LINTEL_ALLOW_PRIVATE_NETWORKS)")]
    PrivateAddress(IpAddr),
    /// Secrets would go over a connection that others can read.
    #[error("a request with secrets in it goes over TLS (LINTEL_ALLOW_PRIVATE_NETWORKS)")]
    InTheClear,
    /// Ourselves.
    #[error("{0} is this very edge")]
    Loop(SocketAddr),
}

impl Fault {
    /// What the worker is told.
    #[must_use]
    pub fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Directions(_) => (StatusCode::BAD_GATEWAY, "directions"),
            Self::Dns(_) => (StatusCode::BAD_GATEWAY, "dns"),
            Self::Connect(_) => (StatusCode::BAD_GATEWAY, "connect"),
            Self::Tls(_) => (StatusCode::BAD_GATEWAY, "tls"),
            Self::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Self::PrivateAddress(_) => (StatusCode::BAD_GATEWAY, "private_address"),
            Self::InTheClear => (StatusCode::BAD_GATEWAY, "in_the_clear"),
            Self::Loop(_) => (StatusCode::BAD_GATEWAY, "loop"),
        }
    }
}
