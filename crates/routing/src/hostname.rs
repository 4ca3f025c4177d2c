//! Which record a request's Host names: its own, else that of the wildcard one label up.

use edge_state::HostRecord;

use crate::{Facts, Missing, Records};

/// The custom hostname, or `None` if nobody onboarded this one.
pub fn find<'r>(request: &Facts, records: &'r Records) -> Result<Option<&'r HostRecord>, Missing> {
    let Some(hostname) = &request.authority.hostname else { return Ok(None) };
    if let Some(exact) = records.host(hostname)? {
        return Ok(Some(exact));
    }
    hostname.wildcard().map_or(Ok(None), |wildcard| records.host(&wildcard))
}
