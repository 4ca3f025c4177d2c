//! Where an application stands: `domain`, `self_hosted_domains` and `destinations`, which say the
//! same thrice, and the doors that come of them.

use edge_state::Hostname;
use edge_state::access::gate::Door as EdgeDoor;
use serde::{Deserialize, Serialize};

use crate::api::ApiError;
use crate::api::error::code;

/// One of `destinations`. Which members it has depends on its `type`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a destination")]
pub struct Destination {
    /// `public` unless said.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `host[/path]`, for `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// For `private`: kept, and of no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// As `cidr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// As `cidr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l4_protocol: Option<String>,
    /// As `cidr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_range: Option<String>,
    /// As `cidr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnet_id: Option<String>,
    /// For `via_mcp_server_portal`: kept, and of no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_server_id: Option<String>,
    /// For `worker` and `preview_worker`: kept, and of no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Paths that are open to all. Not here: a second application with a `bypass` policy does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Vec<serde_json::Value>>,
}

/// What an application guards at the edge.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Door {
    /// The hostname, or the wildcard under which patterns for the first label are kept.
    pub gate: String,
    /// Lower case; `*` only in the first label.
    pub host_pattern: String,
    /// Without slashes around it; empty: every path.
    pub path_pattern: String,
}

impl Door {
    /// As the edge has it.
    #[must_use]
    pub fn of(&self, application_id: &str, account_id: &str) -> EdgeDoor {
        EdgeDoor {
            application_id: application_id.to_owned(),
            account_id: Some(account_id.to_owned()),
            host_pattern: self.host_pattern.clone(),
            path_pattern: self.path_pattern.clone(),
        }
    }

    /// `host[/path]`
    #[must_use]
    pub fn uri(&self) -> String {
        match self.path_pattern.as_str() {
            "" => self.host_pattern.clone(),
            path => format!("{}/{path}", self.host_pattern),
        }
    }
}

impl Destination {
    /// A public one.
    #[must_use]
    pub fn public(uri: &str) -> Self {
        Self { kind: Some(PUBLIC.to_owned()), uri: Some(uri.to_owned()), ..Self::default() }
    }

    /// `type`, also if it was left out.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or(PUBLIC)
    }

    /// Where the public finds it.
    #[must_use]
    pub fn public_uri(&self) -> Option<&str> {
        self.uri.as_deref().filter(|_| self.kind() == PUBLIC)
    }

    fn judge(&self, field: &str) -> Result<Option<Door>, ApiError> {
        let wrong = |part: &str, message: String| {
            Err(ApiError::invalid(code::ACCESS, &format!("{field}.{part}"), message))
        };
        if !KINDS.contains(&self.kind()) {
            return wrong("type", format!("{field}.type must be one of {}", KINDS.join(", ")));
        }
        if self.overrides.as_ref().is_some_and(|overrides| !overrides.is_empty()) {
            let message = "overrides would not be followed here: make a second application for the \
                           path, with a policy that decides `bypass`";
            return wrong("overrides", message.to_owned());
        }
        match (self.kind(), &self.uri) {
            (PUBLIC, Some(uri)) => door(&format!("{field}.uri"), uri).map(Some),
            (PUBLIC, None) => wrong("uri", format!("{field}.uri is missing: write host[/path]")),
            (kind, Some(_)) => wrong("uri", format!("{field}.uri means nothing for {kind}")),
            (_, None) => Ok(None),
        }
    }
}

/// Every door of an application, once, in order. What any of the three fields names is guarded:
/// nobody expects a name that he wrote to stand open.
pub fn doors(
    domain: Option<&str>,
    self_hosted_domains: Option<&[String]>,
    destinations: Option<&[Destination]>,
) -> Result<Vec<Door>, ApiError> {
    let mut doors = Vec::new();
    if let Some(domain) = domain {
        doors.push(door("domain", domain)?);
    }
    if let Some(destinations) = destinations {
        bounded("destinations", destinations.len())?;
        for (index, destination) in destinations.iter().enumerate() {
            doors.extend(destination.judge(&format!("destinations[{index}]"))?);
        }
    } else if let Some(domains) = self_hosted_domains {
        bounded("self_hosted_domains", domains.len())?;
        for (index, domain) in domains.iter().enumerate() {
            doors.push(door(&format!("self_hosted_domains[{index}]"), domain)?);
        }
    }
    doors.sort();
    doors.dedup();
    Ok(doors)
}

fn bounded(field: &str, length: usize) -> Result<(), ApiError> {
    if length <= MAX_DESTINATIONS {
        return Ok(());
    }
    let message = format!("{field} may hold {MAX_DESTINATIONS} entries");
    Err(ApiError::invalid(code::ACCESS, field, message))
}

/// Reads `host[/path]`.
fn door(field: &str, uri: &str) -> Result<Door, ApiError> {
    let wrong =
        |message: &str| ApiError::invalid(code::ACCESS, field, format!("{field} {message}"));
    if uri.contains("://") {
        return Err(wrong("must be host[/path] without a scheme"));
    }
    let (host, path) = uri.split_once('/').unwrap_or((uri, ""));
    let host_pattern = host.to_ascii_lowercase();
    let not_a_host = || wrong("must begin with a hostname, as app.saas.com or *.saas.com");
    let gate = if host_pattern.contains('*') {
        let (first, parent) = host_pattern.split_once('.').ok_or_else(not_a_host)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'*';
        if !first.bytes().all(fits) || first.len() > 63 || !parent.contains('.') {
            return Err(wrong("may have * in its first label only, and two labels after it"));
        }
        Hostname::parse(&format!("*.{parent}")).map_err(|_| not_a_host())?
    } else {
        let name = Hostname::parse(&host_pattern).map_err(|_| not_a_host())?;
        if !name.as_str().contains('.') || host_pattern.ends_with('.') {
            return Err(not_a_host());
        }
        name
    };
    let path = path.trim_matches('/');
    let fits = |b: u8| b.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&b);
    let dots = |segment: &str| segment == "." || segment == "..";
    if path.len() > MAX_PATH || !path.bytes().all(fits) {
        return Err(wrong("has a path with a character that no URL path has; write it encoded"));
    }
    // The edge judges the path that it forwards: none of these would ever match.
    if path.contains("//") || path.split('/').any(dots) || !is_encoded(path) {
        return Err(wrong("has a path with an empty or dotted segment or a broken %-encoding"));
    }
    Ok(Door { gate: gate.to_string(), host_pattern, path_pattern: path.to_owned() })
}

/// RFC 3986 §2.1: every `%` begins two hexadecimal digits, and none of them hides a slash or a dot.
fn is_encoded(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let digits = rest.get(..2).unwrap_or_default();
        let hidden = ["2e", "2f", "5c"].iter().any(|hidden| digits.eq_ignore_ascii_case(hidden));
        digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && !hidden
    })
}

const PUBLIC: &str = "public";
const KINDS: &[&str] = &[
    PUBLIC,
    "private",
    "via_mcp_server_portal",
    "worker",
    "preview_worker",
    "all_workers",
    "all_preview_workers",
];
const MAX_DESTINATIONS: usize = 100;
const MAX_PATH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(
        domain: Option<&str>,
        domains: Option<&[&str]>,
        destinations: Option<&[&str]>,
    ) -> Vec<String> {
        let domains: Option<Vec<_>> =
            domains.map(|all| all.iter().map(|text| (*text).to_owned()).collect());
        let destinations: Option<Vec<_>> =
            destinations.map(|all| all.iter().map(|uri| Destination::public(uri)).collect());
        let doors = doors(domain, domains.as_deref(), destinations.as_deref()).unwrap();
        doors.iter().map(Door::uri).collect()
    }

    #[test]
    fn whatever_is_named_is_guarded_and_destinations_go_before_domains() {
        assert_eq!(uris(Some("A.saas.com/"), None, None), ["a.saas.com"]);
        assert_eq!(uris(Some("a.com"), Some(&["a.com", "b.com"]), None), ["a.com", "b.com"]);
        assert_eq!(
            uris(Some("a.com"), Some(&["b.com"]), Some(&["c.com/x/"])),
            ["a.com", "c.com/x"]
        );
        assert_eq!(uris(None, None, Some(&["b.com", "B.com/"])), ["b.com"]);
    }

    #[test]
    fn a_pattern_is_kept_under_its_parent_s_wildcard() {
        let doors = doors(Some("test-*.saas.com/a/*/b"), None, None).unwrap();
        let door = &doors[0];
        assert_eq!(
            (door.gate.as_str(), door.host_pattern.as_str()),
            ("*.saas.com", "test-*.saas.com")
        );
        assert_eq!(door.path_pattern, "a/*/b");
    }

    #[test]
    fn what_is_no_host_and_path_is_refused() {
        for uri in [
            "",
            "https://a.com",
            "a",
            "a.com:8080",
            "*.com",
            "a.*.com",
            "*",
            "*.*.saas.com",
            "a_b.com",
            "192.0.2.1",
            "a.com?x",
            "a.com/x?y",
            "a.com/x#y",
            "a.com/a//b",
            "a.com/../b",
            "a.com/a/.",
            "a.com/%",
            "a.com/%2e%2e/b",
            "a.com/a%2fb",
            "a.com/a\\b",
            "a.com/a b",
            "a.com/\u{e4}",
            "a@b.com",
            "a.com.",
        ] {
            assert!(door("domain", uri).is_err(), "{uri}");
        }
        for uri in ["a.com/%20x", "a.com/*", "*.saas.com", "xn--bcher-kva.de/a;b=c@d"] {
            assert!(door("domain", uri).is_ok(), "{uri}");
        }
    }

    #[test]
    fn a_destination_has_what_its_type_has() {
        let read = |json| serde_json::from_value::<Destination>(json);
        let doors = |json| doors(None, None, Some(&[read(json).unwrap()]));
        assert!(doors(serde_json::json!({"uri": "a.com"})).unwrap().len() == 1);
        let private = serde_json::json!({"type": "private", "cidr": "10.0.0.0/8"});
        assert!(doors(private).unwrap().is_empty());
        assert!(doors(serde_json::json!({"type": "public"})).is_err());
        assert!(doors(serde_json::json!({"type": "secret"})).is_err());
        assert!(doors(serde_json::json!({"type": "private", "uri": "a.com"})).is_err());
        assert!(doors(serde_json::json!({"uri": "a.com", "overrides": []})).is_ok());
        let open = serde_json::json!([{"behavior": "public", "path_pattern": "/health"}]);
        assert!(doors(serde_json::json!({"uri": "a.com", "overrides": open})).is_err());
        assert!(read(serde_json::json!({"uri": "a.com", "other": 1})).is_err());
    }
}
