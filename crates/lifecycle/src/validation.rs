//! Which token goes where: the names, URLs and bodies by which a customer proves control.

use edge_state::Hostname;
use serde::{Deserialize, Serialize};

/// The first half of the path of an ACME http-01 challenge (RFC 8555 §8.3).
pub const CHALLENGE_PATH: &str = "/.well-known/acme-challenge/";

/// The first half of the path of the ownership answer.
pub const OWNERSHIP_PATH: &str = "/.well-known/cf-custom-hostname-challenge/";

/// An http-01 challenge: who serves the key authorization at the token's path controls the name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Challenge {
    /// Last segment of the path.
    pub token: String,
    /// The whole body, byte for byte.
    pub key_authorization: String,
}

impl Challenge {
    /// The path of the answer.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{CHALLENGE_PATH}{}", self.token)
    }

    /// `validation_records[].http_url`: always plain HTTP on port 80 (RFC 8555 §8.3).
    #[must_use]
    pub fn url(&self, hostname: &Hostname) -> String {
        format!("http://{hostname}{}", self.path())
    }

    /// Whether this is the answer that proves control. White space at the end is allowed there
    /// (RFC 8555 §8.3), nothing else.
    #[must_use]
    pub fn is_answered_by(&self, status: u16, body: &[u8]) -> bool {
        (200..300).contains(&status) && body.trim_ascii_end() == self.key_authorization.as_bytes()
    }
}

/// `ownership_verification.name`: the TXT record that holds the ownership token.
#[must_use]
pub fn ownership_txt_name(hostname: &Hostname) -> String {
    format!("_cf-custom-hostname.{hostname}")
}

/// The path that answers the ownership token.
#[must_use]
pub fn ownership_path(custom_hostname_id: &str) -> String {
    format!("{OWNERSHIP_PATH}{custom_hostname_id}")
}

/// `ownership_verification_http.http_url`.
#[must_use]
pub fn ownership_url(hostname: &Hostname, custom_hostname_id: &str) -> String {
    format!("http://{hostname}{}", ownership_path(custom_hostname_id))
}

/// Whether this HTTP answer proves ownership.
#[must_use]
pub fn proves_ownership(token: &str, status: u16, body: &[u8]) -> bool {
    (200..300).contains(&status) && body.trim_ascii() == token.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_where_the_contract_says() {
        let hostname = Hostname::parse("app.customer.com").unwrap();
        assert_eq!(ownership_txt_name(&hostname), "_cf-custom-hostname.app.customer.com");
        assert_eq!(
            ownership_url(&hostname, "0d89c70d"),
            "http://app.customer.com/.well-known/cf-custom-hostname-challenge/0d89c70d"
        );
        let challenge = Challenge { token: "tok".into(), key_authorization: "tok.key".into() };
        assert_eq!(
            challenge.url(&hostname),
            "http://app.customer.com/.well-known/acme-challenge/tok"
        );
    }

    #[test]
    fn only_the_exact_answer_proves_control() {
        let challenge = Challenge { token: "tok".into(), key_authorization: "tok.key".into() };
        for (status, body, answered) in [
            (200, "tok.key", true),
            (200, "tok.key\r\n", true),
            (200, " tok.key", false),
            (200, "tok.key2", false),
            (200, "", false),
            (404, "tok.key", false),
            (301, "tok.key", false),
        ] {
            assert_eq!(challenge.is_answered_by(status, body.as_bytes()), answered, "{body:?}");
            let ownership = proves_ownership("tok.key", status, body.as_bytes());
            assert_eq!(ownership, answered || body == " tok.key", "{body:?}");
        }
        assert!(!challenge.is_answered_by(200, &[0xff]));
    }
}
