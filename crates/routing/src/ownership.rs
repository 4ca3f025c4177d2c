//! The HTTP ownership token of a custom hostname: the edge answers it in place of the customer once
//! the hostname points here, at any stage.

use edge_state::HostRecord;

use crate::Facts;

const PREFIX: &str = "/.well-known/cf-custom-hostname-challenge/";

/// The token, if the request names the custom hostname that it came to.
#[must_use]
pub fn find<'r>(request: &Facts, hostname: &'r HostRecord) -> Option<&'r str> {
    (custom_hostname_id(request)? == hostname.custom_hostname_id)
        .then_some(hostname.ownership_token.as_str())
}

/// The custom hostname whose token a request asks for.
#[must_use]
pub fn custom_hostname_id(request: &Facts) -> Option<&str> {
    let id = request.target.path().strip_prefix(PREFIX)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (request.is_reading() && !id.is_empty() && id.bytes().all(fits)).then_some(id)
}
