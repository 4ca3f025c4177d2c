//! Who asks to come in, and from where.

use std::net::IpAddr;

use edge_state::access::{Identity, ServiceTokenRecord};

use crate::ClientCertificate;

/// Who asks to come in, as far as that is proven.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// Of a session that lives.
    pub identity: Option<&'a Identity>,
    /// Whose secret was shown.
    pub service_token: Option<&'a ServiceTokenRecord>,
    /// Ids of the applications whose token was shown and is good.
    pub linked_app_tokens: &'a [String],
}

/// Where from, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// The visitor's address.
    pub ip: Option<IpAddr>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<&'a str>,
    /// One that verified.
    pub certificate: Option<&'a ClientCertificate>,
}
