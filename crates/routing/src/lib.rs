//! What the edge does with one request: a pure function of the request and of the records that the
//! control plane published.
//!
//! - [`facts`]: the request, its URL parsed once
//! - [`memory`]: records that an isolate keeps for the next request; [`habit`]: and which of them a
//!   hostname needs
//! - [`decision`]: the outcome
//! - [`challenge`], [`ownership`]: answers that prove control of a hostname
//! - [`hostname`]: which record a Host header names
//! - [`redirect`]: plain HTTP to HTTPS
//! - [`upstream`]: which origin, and how it is asked; [`outside`]: others who are asked on the way
//! - [`header`]: which request headers are the edge's to set
//! - [`refusal`], [`page`]: why there is no answer from an origin, and how that is said
//!
//! Access stands between a hostname and its origin (`gate`, decided in [`access`]); a team domain has no
//! origin at all.
//!
//! Two laws. A known challenge token is answered whatever else is switched on, as a certificate
//! depends on it. And what is judged is what is forwarded: no second parser of the URL.

pub mod challenge;
pub mod decision;
pub mod facts;
mod gate;
pub mod habit;
pub mod header;
pub mod hostname;
pub mod memory;
pub mod outside;
pub mod ownership;
pub mod page;
pub mod redirect;
pub mod refusal;
pub mod upstream;

pub use access::Need;
pub use decision::Decision;
pub use edge_state::records::{Entry, Missing, Records};
pub use facts::Facts;
pub use refusal::Refusal;
pub use upstream::Upstream;

use access::{Here, Known};
use edge_state::hostname::Stage;

/// What the edge does with one request. `Err(Need)` names what the answer depends on and the caller
/// has not done yet; it does it and asks again, within [`MAX_READS`] and [`MAX_ROUNDS`]. So the order of
/// look-ups is tested here, and a warm isolate asks once.
pub fn decide(request: &Facts, known: &Known, here: &Here<'_>) -> Result<Decision, Need> {
    let records = &known.records;
    if let Some(challenge) = challenge::find(request, records)? {
        return Ok(Decision::Answer(challenge.key_authorization.clone())); // RFC 8555 §8.3
    }
    let Some(hostname) = hostname::find(request, records)? else {
        return Ok(Decision::Refuse(Refusal::UnknownHostname));
    };
    if let Some(token) = ownership::find(request, hostname) {
        return Ok(Decision::Answer(token.to_owned()));
    }
    if let Stage::Pending { missing } = &hostname.stage {
        return Ok(Decision::Refuse(Refusal::Pending { missing: missing.clone() }));
    }
    if header::has_looped(&request.headers) {
        return Ok(Decision::Refuse(Refusal::Loop));
    }
    gate::foresee(request, hostname, records)?;
    if let Some(decision) = gate::team(request, hostname, known, here)? {
        return Ok(decision);
    }
    let Some(zone) = records.zone(&hostname.zone_id)? else {
        return Ok(Decision::Refuse(Refusal::NoOrigin));
    };
    if let Some(redirect) = redirect::to_https(request, zone) {
        return Ok(Decision::Redirect(redirect));
    }
    let passage = match gate::before_origin(request, zone, known, here)? {
        Ok(passage) => passage,
        Err(decision) => return Ok(decision),
    };
    let upstream = upstream::choose(request, hostname, zone);
    Ok(upstream.map_or(Decision::Refuse(Refusal::NoOrigin), |mut upstream| {
        if let Some(passage) = passage {
            upstream.pass(passage);
        }
        Decision::Proxy(upstream.into())
    }))
}

/// How often [`decide`] may want records for one request: an App Launcher looks at hundreds.
pub const MAX_READS: usize = 1024;

/// How often it may want anything else.
pub const MAX_ROUNDS: usize = 64;
