//! Where control-api may connect to on a customer's word: not into the operator's own network,
//! unless the operator says so.
//!
//! - this file: which addresses; [`http`]: the client that goes to no others

pub mod http;

use std::net::IpAddr;

use edge_state::address::reach;

/// An address behind which is no public host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} is not a public address")]
pub struct NotPublic(pub IpAddr);

/// Refuses a name if any of its addresses is not allowed: with only the others, whoever owns the
/// name could choose by the order of answers. The caller connects to these very addresses.
///
/// # Errors
/// The first address that is not allowed.
pub fn check_all(addresses: &[IpAddr], allow_private: bool) -> Result<(), NotPublic> {
    let refused = addresses.iter().find(|address| !reach(**address).is_allowed(allow_private));
    refused.map_or(Ok(()), |address| Err(NotPublic(*address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_private_address_spoils_a_name() {
        let addresses = ["8.8.8.8", "10.0.0.1"].map(|text| text.parse().unwrap());
        assert_eq!(check_all(&addresses, false), Err(NotPublic(addresses[1])));
        assert_eq!(check_all(&addresses[..1], false), Ok(()));
        assert_eq!(check_all(&addresses, true), Ok(()));
    }

    #[test]
    fn cloud_metadata_is_out_of_reach_whatever_is_allowed() {
        let metadata = "169.254.169.254".parse().unwrap();
        assert_eq!(check_all(&[metadata], true), Err(NotPublic(metadata)));
    }
}
