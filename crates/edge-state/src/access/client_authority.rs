//! Whose client certificates a hostname accepts: `mtls:{hostname}`. Only points of presence of one's
//! own need it.

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::{Hostname, Key, Record};

/// The CAs of one hostname. Its visitors are asked for a certificate, and may have none.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClientAuthorityRecord {
    /// The hostname.
    pub hostname: Hostname,
    /// In no order.
    pub authorities: Vec<ClientAuthority>,
    /// `client_certificate_forwarding`: the origin is told of the certificate.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forward: bool,
}

/// One uploaded CA.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClientAuthority {
    /// UUID.
    pub id: String,
    /// What administrators read.
    pub name: String,
    /// PEM, one or more.
    pub certificate: String,
}

impl Record for ClientAuthorityRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::ClientAuthorities(self.hostname.clone())
    }
}
