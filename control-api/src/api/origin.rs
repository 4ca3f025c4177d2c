//! Origins as clients write them.
//!
//! The contract knows bare hostnames. Lintel takes a scheme, a port and addresses as well, for origins
//! that stand beside an edge of one's own; a bare address is refused all the same, as the contract
//! says, since with a scheme or a port it is plainly meant.

use edge_state::Hostname;
use edge_state::origin::{Origin, OriginHost};

use super::ApiError;
use super::error::code;

/// Reads an origin. Which names are reserved is not asked here: an origin is reached by us alone,
/// and what it may not be (a private address) is the egress's to refuse after DNS.
pub(crate) fn parse(field: &str, text: &str) -> Result<Origin, ApiError> {
    let invalid = |code, message: String| Err(ApiError::invalid(code, field, message));
    if !text.is_ascii() {
        return invalid(
            code::ORIGIN_NOT_ASCII,
            format!("{field} must be ASCII: write the name with A-labels (xn--)"),
        );
    }
    if text.contains('*') {
        return invalid(
            code::ORIGIN_WILDCARD,
            format!("{field} must be one server, not a wildcard"),
        );
    }
    let Ok(origin) = text.parse::<Origin>() else {
        return invalid(code::ORIGIN, format!("{field} must be a hostname, as origin.saas.com"));
    };
    if matches!(origin.host, OriginHost::Address(_))
        && origin.scheme.is_none()
        && origin.port.is_none()
    {
        let message =
            format!("{field} must be a hostname; an address needs a scheme, as http://{text}");
        return invalid(code::ORIGIN, message);
    }
    Ok(origin)
}

/// Reads a server name for the origin's TLS handshake.
pub(crate) fn parse_sni(field: &str, text: &str) -> Result<(), ApiError> {
    let name = Hostname::parse(text).is_ok_and(|name| !name.is_wildcard());
    if name || text == REQUEST_HOST {
        return Ok(());
    }
    let message = format!("{field} must be a hostname or {REQUEST_HOST}");
    Err(ApiError::invalid(code::ORIGIN, field, message))
}

/// The visitor's own hostname.
pub(crate) const REQUEST_HOST: &str = ":request_host_header:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_refused_with_the_code_of_its_mistake() {
        let code = |text| match parse("origin", text) {
            Ok(_) => 0,
            Err(ApiError::Invalid { code, .. }) => code,
            Err(error) => panic!("{error}"),
        };
        for (text, expected) in [
            ("origin.saas.com", 0),
            ("http://127.0.0.1:8080", 0),
            ("[::1]:80", 0),
            ("192.0.2.1", 1415),
            ("http://a.com/path", 1415),
            ("user@a.com", 1415),
            ("", 1415),
            ("ürsprung.de", 1416),
            ("*.saas.com", 1420),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }
}
