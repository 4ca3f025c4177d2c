//! ACME http-01 (RFC 8555 §8.3). The first law: a known token is answered whatever else is switched
//! on, for a certificate depends on it. An unknown one may be the customer's own and reaches the
//! origin, over plain HTTP too.

use edge_state::ChallengeRecord;
use edge_state::key::is_token;

use crate::{Facts, Missing, Records};

const PREFIX: &str = "/.well-known/acme-challenge/";

/// The challenge that this request asks for, if it is pending for just this hostname.
pub fn find<'r>(
    request: &Facts,
    records: &'r Records,
) -> Result<Option<&'r ChallengeRecord>, Missing> {
    let (Some(token), Some(hostname)) = (token(request), &request.authority.hostname) else {
        return Ok(None);
    };
    // A token of another hostname is unknown here: else one customer could answer for another.
    Ok(records.challenge(token)?.filter(|challenge| challenge.hostname == *hostname))
}

/// The token that a request asks for, by a path that a CA would use: nothing is decoded, no segment
/// follows, and the method only reads.
#[must_use]
pub fn token(request: &Facts) -> Option<&str> {
    let token = request.target.path().strip_prefix(PREFIX)?;
    (request.is_reading() && is_token(token)).then_some(token)
}
