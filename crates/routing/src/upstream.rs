//! Which origin a request goes to, and how it is asked.

use access::gate::Passage;
use edge_state::access::call::LoginEvent;
use edge_state::origin::OriginSni;
use edge_state::origin::{Origin, OriginTls, Scheme};
use edge_state::zone::Hsts;
use edge_state::{HostRecord, Hostname, ZoneRecord};
use serde::Serialize;

use crate::Facts;
use crate::header::{self, HeaderEdits};

/// One origin, with all that differs from the request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// For an egress that is ours.
    pub directions: Directions,
    /// The URL towards such an egress: the visitor's own. Its path is for logs only.
    pub url: String,
    /// The visitor's headers become the origin's.
    pub headers: HeaderEdits,
    /// Of the response.
    pub strict_transport_security: Option<String>,
    /// What Access adds to the response. `set-cookie` and `vary` stand beside the origin's own, any
    /// other takes its place.
    pub response_headers: Vec<(String, String)>,
    /// For the login log.
    pub events: Vec<LoginEvent>,
}

/// What the edge's own egress is told, as JSON in a request header.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Directions {
    /// Where to connect.
    pub origin: Origin,
    /// How, if the origin does not name its scheme.
    pub ssl: OriginTls,
    /// The name in the TLS handshake; absent: the origin's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<OriginSni>,
    /// The custom hostname, so that no connection is shared between two.
    pub hostname: Hostname,
    /// Path and query, byte for byte, whatever URL parsers on the way there do to theirs.
    pub target: String,
    /// A request of the edge's own, to somebody outside: secrets travel with it, so it goes over TLS
    /// unless the operator allows loopback counterparts.
    #[serde(skip_serializing_if = "is_false")]
    pub outside: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The header that carries [`Directions`].
pub const DIRECTIONS: &str = "x-lintel-upstream";

/// The header by which egress says that the answer is its own, and why.
pub const FAULT: &str = "x-lintel-upstream-error";

/// The custom origin, else the zone's fallback origin, else none.
#[must_use]
pub fn choose(request: &Facts, hostname: &HostRecord, zone: &ZoneRecord) -> Option<Upstream> {
    let requested = request.authority.hostname.clone()?;
    let (origin, sni) = match &hostname.custom_origin {
        Some(custom) => (custom.server.clone(), custom.sni.clone()),
        None => (zone.fallback_origin.clone()?, None),
    };
    let port = request.authority.port.map(|port| format!(":{port}")).unwrap_or_default();
    let hsts = zone.hsts.filter(|_| request.scheme == Scheme::Https); // RFC 6797 §7.2
    Some(Upstream {
        url: format!("http://{requested}{port}{}", request.target.as_str()),
        directions: Directions {
            origin,
            ssl: zone.ssl,
            sni,
            hostname: requested,
            target: request.target.as_str().to_owned(),
            outside: false,
        },
        headers: header::forward(request),
        strict_transport_security: hsts.map(strict_transport_security),
        response_headers: Vec::new(),
        events: Vec::new(),
    })
}

impl Upstream {
    /// Adds what Access says of the request: its words go over the visitor's.
    pub fn pass(&mut self, passage: Passage) {
        for name in passage.remove {
            if !self.headers.remove.contains(&name) {
                self.headers.remove.push(name);
            }
        }
        self.headers.set.extend(passage.set);
        let headers = passage.response_headers.into_iter();
        self.response_headers.extend(headers.map(|(name, value)| (name.to_owned(), value)));
        self.events.extend(passage.events);
    }
}

impl Directions {
    /// As the value of the header [`DIRECTIONS`]: visible ASCII, as all its parts are.
    #[must_use]
    pub fn to_header(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("no failing types"))
    }

    /// The URL of the origin itself, for a platform whose own `fetch` connects.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = self.origin.scheme.unwrap_or(match self.ssl {
            OriginTls::Flexible => Scheme::Http,
            OriginTls::Full | OriginTls::Strict => Scheme::Https,
        });
        let origin = Origin { scheme: Some(scheme), ..self.origin.clone() };
        format!("{origin}{}", self.target)
    }
}

/// RFC 6797 §6.1.
fn strict_transport_security(hsts: Hsts) -> String {
    let mut value = format!("max-age={}", hsts.max_age);
    if hsts.include_subdomains {
        value.push_str("; includeSubDomains");
    }
    if hsts.preload {
        value.push_str("; preload");
    }
    value
}
