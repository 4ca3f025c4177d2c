//! A visitor's request, and where and when it is decided.

use std::net::IpAddr;

use edge_state::Hostname;
use edge_state::seal::KeyRing;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One request, as its facts were established outside.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// Whom it is for.
    pub host: &'a Hostname,
    /// Whose hostname that is: the account of its zone. `None`: the zone's record does not say.
    pub owner: Option<&'a str>,
    /// The port that the visitor's URL names.
    pub port: Option<u16>,
    /// All before the first `?`, byte for byte.
    pub path: &'a str,
    /// All after it; `None`: there is none.
    pub query: Option<&'a str>,
    /// As the visitor sent them.
    pub headers: &'a HeaderMap,
    /// The body of a form that was posted to the team domain; never more than
    /// [`MAX_FORM_BYTES`].
    pub form: Option<&'a str>,
    /// The visitor's address.
    pub ip: Option<IpAddr>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<&'a str>,
    /// A client certificate that verified against the CAs of this hostname.
    pub certificate: Option<&'a ClientCertificate>,
    /// Names this request in logs and on pages.
    pub ray_id: &'a str,
}

/// A client certificate that verified.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClientCertificate {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// Lower-case hexadecimal SHA-256 of the certificate.
    pub sha256: String,
    /// The certificate, base64 of its DER, where origins are to be told.
    pub der: Option<String>,
}

/// Forms and posted callbacks are short; a SAML response is the longest.
pub const MAX_FORM_BYTES: usize = 256 << 10;

/// What a decision may know of its surroundings.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    /// Milliseconds since 1970; the same for one request.
    pub now_millis: i64,
    /// Random; the same for one request. [`Self::dice`] deals from it.
    pub entropy: &'a [u8; 32],
    /// Opens and seals what travels through browsers and records.
    pub keys: &'a KeyRing,
    /// Where visitors reach HTTPS, if not on 443.
    pub https_port: Option<u16>,
}

impl Here<'_> {
    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_millis.div_euclid(1000)
    }

    /// Random bytes for one purpose; asked again for the same purpose, the same ones.
    #[must_use]
    pub fn dice(&self, purpose: &str) -> [u8; 32] {
        Sha256::new_with_prefix(self.entropy).chain_update(purpose).finalize().into()
    }

    /// `https://{host}[:{port}]`: how a visitor reaches a hostname here.
    #[must_use]
    pub fn origin(&self, host: &Hostname) -> String {
        match self.https_port {
            Some(port) if port != 443 => format!("https://{host}:{port}"),
            _ => format!("https://{host}"),
        }
    }
}
