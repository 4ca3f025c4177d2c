//! `always_use_https`: from plain HTTP to the same host, path and query over HTTPS.

use edge_state::ZoneRecord;
use edge_state::origin::Scheme;

use crate::decision::Redirect;
use crate::{Facts, challenge, ownership};

/// The redirect, where the zone wants one. What proves control of a hostname is never redirected:
/// whoever checks may come before there is a certificate, and the customer may answer himself.
#[must_use]
pub fn to_https(request: &Facts, zone: &ZoneRecord) -> Option<Redirect> {
    let proves_control =
        challenge::token(request).or_else(|| ownership::custom_hostname_id(request)).is_some();
    if !zone.always_use_https || proves_control {
        return None;
    }
    https(request)
}

/// To the same place over HTTPS; `None`: it is there already, or for no hostname.
#[must_use]
pub fn https(request: &Facts) -> Option<Redirect> {
    if request.scheme == Scheme::Https {
        return None;
    }
    let hostname = request.authority.hostname.as_ref()?;
    let port = request.https_port.filter(|port| *port != 443);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(Redirect {
        status: if request.is_reading() { 301 } else { 308 },
        location: format!("https://{hostname}{port}{}", request.target.as_str()),
    })
}
