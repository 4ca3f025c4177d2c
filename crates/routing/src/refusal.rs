//! Why a request gets no answer from an origin: for the visitor, and for who can mend it.

/// The reason, with what is particular to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The request itself is broken.
    Malformed,
    /// Nobody onboarded this hostname.
    UnknownHostname,
    /// It is onboarded and not verified.
    Pending {
        /// What the customer has still to do, one sentence each.
        missing: Vec<String>,
    },
    /// Neither a custom origin nor a fallback origin is set.
    NoOrigin,
    /// The origin did not answer.
    OriginDown(OriginFault),
    /// No application stands before it, and the organisation closes what none stands before.
    Unmatched,
    /// The request has been through this edge before.
    Loop,
    /// The edge cannot read its own records.
    Unavailable,
}

/// What went wrong between the edge and an origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OriginFault {
    /// Its name has no address.
    Dns,
    /// It refused the connection, or broke it off.
    Connect,
    /// Its certificate does not satisfy the zone's `ssl` setting, or the handshake failed.
    Tls,
    /// It took too long.
    Timeout,
    /// Its address is one that the edge does not connect to.
    PrivateAddress,
}

impl Refusal {
    /// From the header by which egress names its own failure. A fault that this version does not
    /// know is a failed connection.
    #[must_use]
    pub fn from_fault(value: &str) -> Self {
        Self::OriginDown(match value {
            "dns" => OriginFault::Dns,
            "tls" => OriginFault::Tls,
            "timeout" => OriginFault::Timeout,
            "private_address" => OriginFault::PrivateAddress,
            "loop" => return Self::Loop,
            "directions" => return Self::Unavailable, // The edge misunderstands itself.
            _ => OriginFault::Connect,
        })
    }

    /// From a status by which Cloudflare says that its own `fetch` had no answer from an origin.
    #[must_use]
    pub fn from_platform_status(status: u16) -> Option<Self> {
        Some(Self::OriginDown(match status {
            521 => OriginFault::Connect,
            522 | 524 => OriginFault::Timeout,
            523 | 530 => OriginFault::Dns,
            525 | 526 => OriginFault::Tls,
            _ => return None,
        }))
    }

    /// For programs: never changes once published.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::UnknownHostname => "unknown_hostname",
            Self::Pending { .. } => "pending_hostname",
            Self::NoOrigin => "no_origin",
            Self::OriginDown(OriginFault::Dns) => "origin_dns",
            Self::OriginDown(OriginFault::Connect) => "origin_connect",
            Self::OriginDown(OriginFault::Tls) => "origin_tls",
            Self::OriginDown(OriginFault::Timeout) => "origin_timeout",
            Self::OriginDown(OriginFault::PrivateAddress) => "origin_private_address",
            Self::Unmatched => "no_application",
            Self::Loop => "loop",
            Self::Unavailable => "edge_unavailable",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unmatched => 403,
            Self::UnknownHostname => 404,
            Self::OriginDown(OriginFault::Timeout) => 504,
            Self::OriginDown(_) => 502,
            Self::Pending { .. } | Self::NoOrigin | Self::Unavailable => 503,
            Self::Loop => 508, // RFC 5842 §7.2, as RFC 8586 §2 suggests
        }
    }

    /// Seconds after which the same request may well succeed.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Pending { .. } | Self::NoOrigin => Some(60),
            Self::Unavailable => Some(5),
            Self::Malformed
            | Self::UnknownHostname
            | Self::OriginDown(_)
            | Self::Unmatched
            | Self::Loop => None,
        }
    }

    /// The heading of the page.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::Malformed => "This request cannot be read",
            Self::UnknownHostname => "No site is set up here",
            Self::Pending { .. } => "This site is almost ready",
            Self::NoOrigin => "This site has no server yet",
            Self::OriginDown(_) => "This site's server does not answer",
            Self::Unmatched => "This page is closed",
            Self::Loop => "This site's address leads back to itself",
            Self::Unavailable => "Please try again in a moment",
        }
    }

    /// One sentence on what is wrong, and one on who can mend it and how.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Malformed => {
                "The request's target is not an absolute path in visible ASCII characters. \
                 A browser does not send this: mend the program that did."
            }
            Self::UnknownHostname => {
                "This hostname points here, but nobody has added it. \
                 If it is yours, add it where you manage your custom domains, or correct its DNS record."
            }
            Self::Pending { missing } if missing.is_empty() => {
                "This hostname has been added and is being verified. \
                 Nothing more has to be done; it starts to work by itself."
            }
            Self::Pending { .. } => {
                "This hostname has been added, and it is not verified yet. \
                 Once the following is done it starts to work by itself."
            }
            Self::NoOrigin => {
                "This hostname is verified, but no server is configured to answer for it. \
                 Its operator sets a fallback origin, or a custom origin for this hostname."
            }
            Self::OriginDown(OriginFault::Dns) => {
                "The name of the server behind this site could not be found. \
                 Its operator checks the origin's hostname and DNS records."
            }
            Self::OriginDown(OriginFault::Connect) => {
                "The server behind this site refused the connection or broke it off. \
                 Its operator checks that the origin runs and lets the edge in."
            }
            Self::OriginDown(OriginFault::Tls) => {
                "No secure connection to the server behind this site came about. \
                 Its operator checks the origin's certificate against the zone's SSL setting."
            }
            Self::OriginDown(OriginFault::Timeout) => {
                "The server behind this site took too long to answer. \
                 Its operator checks the origin's load and its firewall."
            }
            Self::OriginDown(OriginFault::PrivateAddress) => {
                "The server behind this site has an address that is not public. \
                 Its operator gives the origin a public address, or allows private networks at the edge."
            }
            Self::Unmatched => {
                "No application has been set up for this address, and others are closed here. \
                 An administrator adds an application for it, or opens what has none."
            }
            Self::Loop => {
                "The request came back to the edge that had forwarded it. \
                 Its operator sets an origin that does not point here."
            }
            Self::Unavailable => {
                "The edge cannot read its configuration at the moment. \
                 Nothing has to be done; it recovers by itself."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_egress_has_its_own_code() {
        for (fault, code, status) in [
            ("dns", "origin_dns", 502),
            ("connect", "origin_connect", 502),
            ("tls", "origin_tls", 502),
            ("timeout", "origin_timeout", 504),
            ("private_address", "origin_private_address", 502),
            ("loop", "loop", 508),
            ("directions", "edge_unavailable", 503),
            ("a later version's", "origin_connect", 502),
        ] {
            let refusal = Refusal::from_fault(fault);
            assert_eq!((refusal.code(), refusal.status()), (code, status), "{fault}");
        }
    }

    #[test]
    fn what_an_origin_answers_itself_is_passed_on() {
        for status in [200, 301, 404, 500, 502, 503, 504, 520] {
            assert_eq!(Refusal::from_platform_status(status), None, "{status}");
        }
        let refusal = Refusal::from_platform_status(525);
        assert_eq!(refusal, Some(Refusal::OriginDown(OriginFault::Tls)));
    }
}
